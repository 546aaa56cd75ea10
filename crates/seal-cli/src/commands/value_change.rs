//! Changes one value of an encrypted file: decrypts, changes the plaintext, encrypts what changed, writes.

use std::path::Path;

use seal_core::change::ChangeError;
use seal_core::cipher::is_enc_text;
use seal_core::document::{Content, LookupError, NodeId, Path as LeafPath, Scalar, Stream, Value};
use seal_core::file::DecryptOptions;
use seal_core::format::Format;
use seal_core::secret::SecretBytes;

use super::documents::{self, Found};
use super::files::{self, STDIN};
use super::revision::{Revision, not_encrypted};
use super::{Context, Outcome, sealing};
use crate::args::{KeyAccessArgs, ValueChangeArgs};
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::inputs::{self, is_stdin};
use crate::reason::Reason;
use crate::ui::{Report, escape};
use crate::write::{self, NewFile, Original, Writer};

/// A decrypted file.
pub(super) struct Plain<'p> {
    pub(super) format: Format,
    pub(super) text: &'p [u8],
    pub(super) stream: &'p Stream<'p>,
}

/// A plaintext in which one value changed.
pub(super) struct Changed {
    /// Index of its document.
    pub(super) document: usize,
    /// From the root of the document.
    pub(super) path: LeafPath,
    pub(super) text: SecretBytes,
}

/// Refuses what is no file before anybody is asked for anything.
pub(super) fn check_file(arguments: &ValueChangeArgs) -> Result<(), CommandError> {
    if is_stdin(&arguments.file) {
        return Ok(());
    }
    inputs::check_file(&arguments.file)?;
    if arguments.file.is_dir() {
        let error = CommandError::failed("is a directory").in_file(&arguments.file);
        return Err(error.because(Reason::CannotRead).hint("name a file"));
    }
    Ok(())
}

/// Changes a file by `change`, which gives `None` where nothing is to be done. A value of a SealedSecret changes as
/// `sealed` says.
///
/// # Errors
/// The file cannot be read, verified, encrypted or written, holds nothing encrypted, or `change` fails. Nothing is
/// written then.
pub(super) fn run(
    arguments: &ValueChangeArgs,
    key_access: &KeyAccessArgs,
    context: &Context<'_>,
    verb: &str,
    sealed: &sealing::Change<'_>,
    change: impl FnOnce(&Plain<'_>) -> Result<Option<Changed>, CommandError>,
) -> Result<Outcome, CommandError> {
    let stdin = is_stdin(&arguments.file);
    let name = if stdin { Path::new(STDIN) } else { &arguments.file };
    let original = match stdin {
        true => Original { bytes: write::read_stdin()?, stamp: None },
        false => write::read(name)?,
    };
    let source = original.bytes.expose();
    let format = match stdin {
        true => files::format_of_stdin(arguments.file_type, None, source)?,
        false => files::format(arguments.file_type, Some(name))?,
    };
    if !arguments.as_sops
        && let Some(changed) = sealing::change(arguments, name, format, source, sealed)?
    {
        let bytes = changed.as_ref().map(SecretBytes::expose);
        write_out(arguments, context, name, &original, bytes)?;
        return Ok(outcome(verb, bytes.is_some()));
    }
    let options = DecryptOptions {
        namespace: arguments.namespace.as_deref(),
        ignore_mac: arguments.ignore_mac,
        as_data: arguments.as_sops,
        ..DecryptOptions::default()
    };
    let revision = Revision::new(context, options, key_access)?;
    let encrypted = encrypted(&revision, name, format, source, change);
    revision.warn_at_end(context);
    let (encrypted, clear) = encrypted?;
    if encrypted.is_some() {
        revision.warn_of_strangers(name, (format, source), context);
    }
    if let Some(path) = clear.filter(|_| !arguments.as_sops) {
        context.ui.warn(&format!(
            "{}: {path} stands in clear: the rule of its envelope does not mean it",
            name.display()
        ));
    }
    let is_changed = encrypted.is_some();
    write_out(arguments, context, name, &original, encrypted.as_deref())?;
    Ok(outcome(verb, is_changed))
}

fn outcome(verb: &str, is_changed: bool) -> Outcome {
    let line = match is_changed {
        true => format!("{verb} 1 value"),
        false => format!("nothing to {verb}"),
    };
    let mut report = Report { line: Some(line), ..Report::silent() };
    report.details.insert("changed".to_owned(), usize::from(is_changed).into());
    Outcome { report, code: ExitCode::Done }
}

/// The error of a change, for the user.
pub(super) fn change_error(error: ChangeError, path: &LeafPath) -> CommandError {
    let message = escape(&error.to_string()).into_owned();
    match error {
        ChangeError::Lookup(LookupError::NoIndex { length, .. }) => {
            documents::no_value(message, path).hint(format!("index {length}, or `-`, appends"))
        }
        ChangeError::Lookup(_) => documents::no_value(message, path),
        ChangeError::NoDocument { .. } => CommandError::failed(message).because(Reason::NotFound),
        ChangeError::Steps { .. } | ChangeError::Envelope => {
            CommandError::usage(message).because(Reason::BadPath)
        }
        ChangeError::Aliased { .. } => CommandError::failed(message).because(Reason::BadValue).hint(
            "`seal edit` shows all places that share it: whether they change together is for you to say",
        ),
        ChangeError::Syntax(_) | ChangeError::NotWritable { .. } => {
            CommandError::failed(message).because(Reason::BadValue)
        }
    }
}

/// A path from the root of the document, for one that is seen from an object in it.
pub(super) fn from_root(stream: &Stream<'_>, (document, top): Found, path: &LeafPath) -> LeafPath {
    let above = stream.documents.get(document).map(|document| document.path(top));
    let mut steps = above.unwrap_or_default().0;
    steps.extend(path.0.iter().cloned());
    LeafPath(steps)
}

/// The new bytes of the file, if they differ, and the path of the value if it is not encrypted in them.
fn encrypted(
    revision: &Revision<'_>,
    name: &Path,
    format: Format,
    source: &[u8],
    change: impl FnOnce(&Plain<'_>) -> Result<Option<Changed>, CommandError>,
) -> Result<(Option<Vec<u8>>, Option<LeafPath>), CommandError> {
    let decrypted = revision.decryption.decrypt(name, format, source)?;
    if decrypted.objects.is_empty() {
        return Err(not_encrypted(name));
    }
    let text = decrypted.bytes.as_ref().map_or(source, SecretBytes::expose);
    let stream = format
        .parse(text)
        .map_err(|error| CommandError::failed(error.problem).at(name, error.position))?;
    let plain = Plain { format, text, stream: &stream };
    let Some(changed) = change(&plain).map_err(|error| error.in_file(name))? else {
        return Ok((None, None));
    };
    let revised = revision.revise(name, (format, source), changed.text.expose())?;
    let clear = revised
        .bytes
        .as_ref()
        .filter(|bytes| is_in_clear(format, bytes, &changed))
        .map(|_| changed.path);
    Ok((revised.bytes, clear))
}

/// Whether the value stands in the result as it is, all of it.
fn is_in_clear(format: Format, bytes: &[u8], changed: &Changed) -> bool {
    let Ok(stream) = format.parse(bytes) else { return false };
    let Some(document) = stream.documents.get(changed.document) else { return false };
    let Ok(node) = document.lookup(&changed.path) else { return false };
    let leaves = (node.0..document.node(node).end.0).map(|id| &document.node(NodeId(id)).content);
    let mut values = leaves
        .filter_map(|content| match content {
            Content::Scalar(Scalar { value, .. }) if !value.is_empty() => Some(value),
            _ => None,
        })
        .peekable();
    let is_clear = |value: &Value<'_>| !matches!(value, Value::String(text) if is_enc_text(text));
    values.peek().is_some() && values.all(is_clear)
}

fn write_out(
    arguments: &ValueChangeArgs,
    context: &Context<'_>,
    name: &Path,
    original: &Original,
    encrypted: Option<&[u8]>,
) -> Result<(), CommandError> {
    let bytes = encrypted.unwrap_or(original.bytes.expose());
    if arguments.goes_to_stdout() {
        return context.ui.write_stdout(bytes);
    }
    let writer = Writer::default();
    match (&arguments.output, encrypted) {
        (Some(output), _) => writer.put(output, bytes, NewFile::Shared)?,
        (None, None) => {}
        (None, Some(bytes)) => {
            let stamp = files::stamp_of(name, original)?;
            writer.replace(name, bytes, stamp)?;
        }
    }
    writer.finish();
    Ok(())
}
