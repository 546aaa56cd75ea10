//! INI as go-ini prints it for SOPS: one `key = value` per line with the signs aligned, a blank line between sections.

use zeroize::Zeroizing;

use super::error::EmitError;
use super::json;
use super::text::{Text, plain_form};
use super::tree::{Comment, Entry, Node, Tree, comments_behind};
use crate::document::{Path, PathElement};
use crate::format::ini::written_value;

const FORMAT: &str = "ini";

/// The section whose header is left out at the start of a file.
pub(super) const DEFAULT: &str = "DEFAULT";

/// Prints the sections of all documents.
///
/// Two levels are needed, sections and keys. Of several comments on one thing SOPS keeps the last (of a section the
/// first); `as_sops` does so, too, else all are kept.
pub(super) fn print(tree: &Tree, as_sops: bool, out: &mut Text) -> Result<(), EmitError> {
    print_sections(tree.documents.iter().flatten(), tree.comments_follow, as_sops, out)
}

fn print_sections<'t>(
    entries: impl Iterator<Item = &'t Entry>,
    comments_follow: bool,
    as_sops: bool,
    out: &mut Text,
) -> Result<(), EmitError> {
    let mut heads = Vec::new();
    let mut is_first = true;
    let mut is_empty = true;
    for entry in entries {
        match entry {
            Entry::Comment(comment) if !as_sops => heads.push(comment),
            Entry::Comment(_) => {}
            Entry::Pair { key, value } => {
                let Node::Mapping(entries) = value else {
                    let path = Path(vec![PathElement::Key(key.clone())]);
                    return Err(EmitError::NoSection { path });
                };
                let entries = match comments_follow || as_sops {
                    true => entries.iter().collect(),
                    false => comments_behind(entries),
                };
                let section = Section::of(key, &entries, std::mem::take(&mut heads), as_sops)?;
                let is_default = std::mem::take(&mut is_first) && key.eq_ignore_ascii_case(DEFAULT);
                if is_default && section.is_empty() {
                    continue;
                }
                if !std::mem::take(&mut is_empty) {
                    out.push("\n");
                }
                section.print(is_default, as_sops, out);
            }
        }
    }
    for comment in heads {
        comment_line(&comment.text, true, out);
    }
    Ok(())
}

/// Prints a single value: a mapping of sections as a file, a scalar as SOPS does, which takes JSON for it.
pub(super) fn print_node(node: &Node, as_sops: bool, out: &mut Text) -> Result<(), EmitError> {
    match node {
        Node::Scalar(_) => json::print_node(node, "\t", as_sops, out),
        Node::Mapping(entries) => {
            let sections = entries.iter();
            print_sections(sections, false, as_sops, out)
        }
        Node::Sequence(_) => {
            Err(EmitError::Nested { path: Path::default(), format: FORMAT, what: "a list" })
        }
    }
}

struct Section<'t> {
    name: &'t str,
    comments: Vec<&'t Comment>,
    keys: Vec<Key<'t>>,
}

struct Key<'t> {
    name: &'t str,
    value: Zeroizing<Vec<u8>>,
    comments: Vec<&'t Comment>,
}

impl<'t> Section<'t> {
    fn of(
        name: &'t str,
        entries: &[&'t Entry],
        mut comments: Vec<&'t Comment>,
        as_sops: bool,
    ) -> Result<Self, EmitError> {
        let path = |key: Option<&str>| {
            let keys = [Some(name), key].into_iter().flatten();
            Path(keys.map(|key| PathElement::Key(key.into())).collect())
        };
        if name.is_empty() {
            let what = "a section without a name";
            return Err(EmitError::NoForm { path: path(None), format: FORMAT, what });
        }
        let mut keys: Vec<Key<'t>> = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let (name, value) = match entry {
                // go-ini writes no comment without text.
                Entry::Comment(comment) if as_sops && comment.text.trim().is_empty() => continue,
                Entry::Comment(comment) => {
                    match keys.last_mut() {
                        Some(key) if as_sops => key.comments = vec![comment],
                        Some(key) => key.comments.push(comment),
                        None if as_sops && index > 0 => {}
                        None => comments.push(comment),
                    }
                    continue;
                }
                Entry::Pair { key, value } => (key, value),
            };
            let no_form = |what| EmitError::NoForm { path: path(Some(name)), format: FORMAT, what };
            let scalar = match value {
                Node::Scalar(scalar) => scalar.value(),
                Node::Mapping(_) | Node::Sequence(_) => {
                    let what =
                        if matches!(value, Node::Mapping(_)) { "a mapping" } else { "a list" };
                    let path = path(Some(name));
                    return Err(EmitError::Nested { path, format: FORMAT, what });
                }
            };
            if name.is_empty() {
                return Err(no_form("a key without a name"));
            }
            let value = match plain_form(scalar, as_sops) {
                Some(value) => value,
                None if as_sops => Zeroizing::new(b"<nil>".to_vec()),
                None => return Err(no_form("null")),
            };
            // go-ini has each key once: the last value, at the first place.
            match keys.iter_mut().find(|key| as_sops && *key.name == **name) {
                Some(key) => key.value = value,
                None => keys.push(Key { name, value, comments: Vec::new() }),
            }
        }
        Ok(Self { name, comments, keys })
    }

    fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.comments.is_empty()
    }

    fn print(&self, is_default: bool, as_sops: bool, out: &mut Text) {
        for comment in &self.comments {
            comment_line(&comment.text, !as_sops, out);
        }
        if !is_default {
            out.push("[");
            out.push(self.name);
            out.push("]\n");
        }
        let width = self.keys.iter().map(|key| quoted_length(key.name)).max().unwrap_or(0);
        for key in &self.keys {
            for comment in &key.comments {
                comment_line(&comment.text, true, out);
            }
            push_key(key.name, out);
            out.blanks(width - quoted_length(key.name));
            out.push(" = ");
            push_value(&key.value, as_sops, out);
            out.push("\n");
        }
    }
}

/// go-ini makes a line of each line, which may bring a marker of its own.
fn comment_line(text: &str, trim: bool, out: &mut Text) {
    for line in if trim { text.trim() } else { text }.split('\n') {
        match line.as_bytes().first() {
            Some(b'#' | b';') => {
                out.push(&line[..1]);
                out.push(" ");
                out.push(line[1..].trim());
            }
            _ => {
                out.push("; ");
                out.push(line);
            }
        }
        out.push("\n");
    }
}

#[derive(Clone, Copy)]
enum KeyQuotes {
    None,
    Backticks,
    Triple,
}

fn key_quotes(key: &str) -> KeyQuotes {
    if key.contains(['"', '=', ':']) {
        KeyQuotes::Backticks
    } else if key.contains('`') {
        KeyQuotes::Triple
    } else {
        KeyQuotes::None
    }
}

/// In bytes, as go-ini counts.
fn quoted_length(key: &str) -> usize {
    key.len()
        + match key_quotes(key) {
            KeyQuotes::None => 0,
            KeyQuotes::Backticks => 2,
            KeyQuotes::Triple => 6,
        }
}

fn push_key(key: &str, out: &mut Text) {
    let quotes = match key_quotes(key) {
        KeyQuotes::None => "",
        KeyQuotes::Backticks => "`",
        KeyQuotes::Triple => "\"\"\"",
    };
    out.push(quotes);
    out.push(key);
    out.push(quotes);
}

/// go-ini does not read back all that it writes; a text that needs more quotes than it gives has them unless `as_sops`.
fn push_value(value: &[u8], as_sops: bool, out: &mut Text) {
    let text = std::str::from_utf8(value).ok().filter(|_| !as_sops);
    if let Some(written) = text.and_then(written_value) {
        return out.push(&written);
    }
    let has = |bytes: &[u8]| value.iter().any(|byte| bytes.contains(byte));
    let quotes = if has(b"\n`") {
        "\"\"\""
    } else if has(b"#;") {
        "`"
    } else if has_outer_blanks(value) {
        "\""
    } else {
        ""
    };
    out.push(quotes);
    out.push_bytes(value);
    out.push(quotes);
}

/// Blanks of Unicode count, as for Go.
fn has_outer_blanks(value: &[u8]) -> bool {
    let text = String::from_utf8_lossy(value);
    let text = Zeroizing::new(text.into_owned());
    text.trim().len() != text.len()
}
