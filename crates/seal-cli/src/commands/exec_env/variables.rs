//! The variables that a decrypted file means.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use seal_core::document::{Content, Document, NodeId, Path as LeafPath, Scalar, Stream, Value};
use seal_core::emit::plain_form;
use seal_core::kubernetes;
use zeroize::Zeroizing;

use super::super::documents::chosen;
use super::super::exec::Plain;
use crate::args::DocumentChoice;
use crate::child::Variables;
use crate::error::CommandError;
use crate::ui::escape;

/// How values get their names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Naming<'a> {
    /// What stands between the keys of a nested value; without it there are none.
    pub(super) separator: Option<&'a str>,
    /// What stands before each name.
    pub(super) prefix: &'a str,
    /// Manifests are mere data, as they are for SOPS.
    pub(super) as_data: bool,
    /// Whether names may decide what the command loads.
    pub(super) loader: bool,
}

/// Names by which the environment decides what code runs, before a program does anything of its own: which program a name
/// means, what the loader and shells bring in, what interpreters run first.
const LOADER: [&str; 22] = [
    "LD_*",
    "DYLD_*",
    "GCONV_PATH",
    "GLIBC_TUNABLES",
    "PATH",
    "BASH_FUNC_*",
    "BASH_ENV",
    "SHELLOPTS",
    "ZDOTDIR",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "_JAVA_OPTIONS",
    "NODE_OPTIONS",
    "NODE_PATH",
    "PERL5DB",
    "PERL5LIB",
    "PERL5OPT",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "RUBYLIB",
    "RUBYOPT",
];

/// Collections inside collections, and variables of a file, at most: aliases could make them endless.
const DEEPEST: usize = 100;
const MOST: usize = 100_000;

/// Reads the variables of a file: the values at the top of each document, or those of its Secrets.
///
/// # Errors
///
/// A value that cannot be one (nested, without a rule for its name; NUL bytes), a name that cannot be one, two values
/// for one name, and a file that means none at all where it is a manifest. Paths are named, values never.
pub(super) fn of(
    plain: &Plain,
    choice: Option<&DocumentChoice>,
    naming: &Naming<'_>,
) -> Result<Variables, CommandError> {
    let source = plain.text.expose();
    let parsed = plain.format.parse(source);
    let stream = parsed
        .map_err(|error| CommandError::failed(error.problem).at(&plain.path, error.position))?;
    let mut reading = Reading { stream: &stream, naming, found: Variables::new() };
    reading.all(choice).map_err(|error| error.in_file(&plain.path))?;
    Ok(reading.found)
}

struct Reading<'a> {
    stream: &'a Stream<'a>,
    naming: &'a Naming<'a>,
    found: Variables,
}

impl Reading<'_> {
    fn all(&mut self, choice: Option<&DocumentChoice>) -> Result<(), CommandError> {
        let stream = self.stream;
        let (mut objects, mut secrets) = (0, 0);
        let chosen = chosen(stream, choice);
        if chosen.is_empty() {
            return Err(CommandError::failed("the file has no such document"));
        }
        for (index, top) in chosen {
            let document = &stream.documents[index];
            let named = match self.naming.as_data {
                true => Vec::new(),
                false => kubernetes::named(document),
            };
            if named.is_empty() {
                self.entries(document, top, "", 0, Encoding::Text)?;
            }
            // A choice by name is one object of a list.
            let below = document.node(top).end;
            for object in named {
                objects += 1;
                if object.is_secret && (top..below).contains(&object.mapping) {
                    secrets += 1;
                    self.secret(document, object.mapping)?;
                }
            }
        }
        if objects > 0 && secrets == 0 {
            return Err(CommandError::failed("there is no Secret among its objects")
                .hint("of manifests only the values of Secrets become variables"));
        }
        Ok(())
    }

    /// The region of a Secret. `stringData` wins, as it does in the cluster.
    fn secret(&mut self, document: &Document<'_>, secret: NodeId) -> Result<(), CommandError> {
        let mut both = Variables::new();
        for (key, encoding) in [("data", Encoding::Base64), ("stringData", Encoding::Text)] {
            let Some(region) = document.entry(secret, key) else { continue };
            let others = std::mem::take(&mut self.found);
            let done = self.entries(document, region, "", 0, encoding);
            both.extend(std::mem::replace(&mut self.found, others));
            done?;
        }
        for (name, value) in both {
            self.put(name, value, &document.path(secret))?;
        }
        Ok(())
    }

    /// The entries of a mapping, or the items of a list.
    fn entries(
        &mut self,
        document: &Document<'_>,
        container: NodeId,
        above: &str,
        depth: usize,
        encoding: Encoding,
    ) -> Result<(), CommandError> {
        if depth > DEEPEST {
            return Err(at(document, container, "it is nested too deeply"));
        }
        for child in document.children(container) {
            let node = document.node(child);
            let key = match (&node.key, &node.content) {
                (_, Content::Comment(_)) => continue,
                (Some(key), _) => key.text.to_string(),
                (None, _) => node.position.to_string(),
            };
            let name = match (above, self.naming.separator) {
                ("", _) | (_, None) => key,
                (above, Some(separator)) => format!("{above}{separator}{key}"),
            };
            self.value(document, child, name, depth, encoding)?;
        }
        Ok(())
    }

    fn value(
        &mut self,
        document: &Document<'_>,
        node: NodeId,
        name: String,
        depth: usize,
        encoding: Encoding,
    ) -> Result<(), CommandError> {
        let stream = self.stream;
        let value = match &document.node(node).content {
            Content::Scalar(Scalar { value, .. }) => bytes(value),
            Content::Alias { document: other, node: target, of_key } => {
                let other = &stream.documents[*other];
                match &other.node(*target).key {
                    Some(key) if *of_key => Zeroizing::new(key.text.as_bytes().to_vec()),
                    _ if depth > DEEPEST => {
                        return Err(at(document, node, "it is nested too deeply"));
                    }
                    _ => return self.value(other, *target, name, depth + 1, encoding),
                }
            }
            Content::Comment(_) => return Ok(()),
            Content::Mapping { .. } | Content::Sequence { .. } => {
                return match self.naming.separator {
                    Some(_) => self.entries(document, node, &name, depth + 1, encoding),
                    None => Err(at(document, node, "holds several values, and a variable is one")
                        .hint("`--flatten` gives them names: the keys on the way to them")),
                };
            }
        };
        let value = match encoding {
            Encoding::Text => value,
            Encoding::Base64 => {
                decoded(&value).ok_or_else(|| at(document, node, "is not valid Base64"))?
            }
        };
        if value.contains(&0) {
            return Err(at(document, node, "holds a NUL byte, which no variable can")
                .hint("`seal exec-file` hands over a file instead"));
        }
        let path = document.path(node);
        let name = format!("{}{name}", self.naming.prefix);
        self.check_name(&name, &path)?;
        self.put(name, value, &path)
    }

    fn put(
        &mut self,
        name: String,
        value: Zeroizing<Vec<u8>>,
        path: &LeafPath,
    ) -> Result<(), CommandError> {
        if self.found.len() >= MOST {
            return Err(CommandError::failed("it has too many values for variables"));
        }
        match self.found.get(&name) {
            // To SOPS the last one counts, as in a shell that reads a dotenv file.
            Some(other) if *other != value && !self.naming.as_data => Err(CommandError::failed(
                format!("{path}: another value of this file has the name {}", escape(&name)),
            )
            .hint("choose one document with `--document`")),
            _ => {
                self.found.insert(name, value);
                Ok(())
            }
        }
    }

    fn check_name(&self, name: &str, path: &LeafPath) -> Result<(), CommandError> {
        let problem = if name.is_empty() {
            "an empty key cannot be a variable"
        } else if name.contains('=') {
            "a key with `=` cannot be a variable"
        } else if name.contains('\0') {
            "a key with a NUL byte cannot be a variable"
        } else if !self.naming.loader && is_for_the_loader(name) {
            return Err(CommandError::refused(format!(
                "{path}: the variable {} decides what code the command loads",
                escape(name)
            ))
            .hint("if you trust whoever can write this file, allow it with `--allow-loader-variables`"));
        } else {
            return Ok(());
        };
        Err(CommandError::failed(format!("{path}: {problem}")))
    }
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Text,
    /// Below `data` of a Secret.
    Base64,
}

/// As SOPS prints it, but for null, which is nothing instead of `<nil>`.
fn bytes(value: &Value<'_>) -> Zeroizing<Vec<u8>> {
    plain_form(value, false).unwrap_or_default()
}

/// As the cluster reads it: line breaks do not count.
fn decoded(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text: Zeroizing<Vec<u8>> =
        Zeroizing::new(text.iter().copied().filter(|byte| !b"\r\n".contains(byte)).collect());
    STANDARD.decode(&*text).ok().map(Zeroizing::new)
}

fn is_for_the_loader(name: &str) -> bool {
    LOADER.iter().any(|known| match known.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == *known,
    })
}

fn at(document: &Document<'_>, node: NodeId, problem: &str) -> CommandError {
    CommandError::failed(format!("{}: {problem}", document.path(node)))
}
