//! What commands over files share: several at a time, and errors of the core as users see them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use seal_core::file::{Class, Fault, FileError};
use seal_core::format::Format;
use seal_core::kubernetes;
use seal_keys::{KeyService, NoDataKey};
use serde::de::IgnoredAny;

use super::Context;
use crate::args::FileType;
use crate::config::Configs;
use crate::destination::Destination;
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::inputs::{self, Files};
use crate::key_access::KeyAccess;
use crate::reason::Reason;
use crate::ui::{Counts, escape};
use crate::write::{FILES_AT_ONCE, NewFile, Original, Stamp, Writer};

/// Stands for standard input in messages, and where a path is needed to look up rules.
pub(super) const STDIN: &str = "-";

/// Runs `work` on each file, several at a time; a file that fails does not stop the others. Failures are reported at
/// the end, in the order of the files. Those that name no file, as a broken configuration, are reported once.
pub(super) fn each<T: Send>(
    files: &Files,
    context: &Context<'_>,
    doing: &'static str,
    work: impl Fn(usize) -> Result<T, CommandError> + Sync,
) -> (Vec<Option<T>>, ExitCode) {
    let progress = context.ui.progress(files.list.len(), doing);
    let one = |index: usize| {
        let result = work(index);
        progress.advance();
        result
    };
    let indices = 0..files.list.len();
    let pool = (indices.len() > 1)
        .then(|| rayon::ThreadPoolBuilder::new().num_threads(FILES_AT_ONCE).build().ok())
        .flatten();
    let results: Vec<Result<T, CommandError>> = match pool {
        Some(pool) => pool.install(|| indices.into_par_iter().map(one).collect()),
        None => indices.map(one).collect(),
    };
    drop(progress);
    let mut code = ExitCode::Done;
    let mut said: Vec<CommandError> = Vec::new();
    let mut failed: Vec<CommandError> = Vec::new();
    let mut report = |error: CommandError| {
        code = code.worst(error.kind);
        if error.place.is_some() {
            failed.push(error);
        } else if !said.contains(&error) {
            context.ui.error(&error);
            said.push(error);
        }
    };
    files.failures.iter().for_each(|failure| report(CommandError::from(failure)));
    // A colleague who is taken out of a directory must not stay in a file of it that nobody speaks of.
    for path in files.skipped.iter().filter(|path| inputs::looks_encrypted(path)) {
        context.ui.warn(&format!(
            "{}: passed over: it looks encrypted, but its name tells no format; name the file, with `--input-type`",
            path.display()
        ));
    }
    let results = results.into_iter().map(|result| result.map_err(&mut report).ok()).collect();
    report_by_cause(&failed, context);
    (results, code)
}

/// Reports failures of files. Long causes and hints that are the same for many, as those of a missing key, are said
/// once, with the first.
fn report_by_cause(failed: &[CommandError], context: &Context<'_>) {
    const NAMED: usize = 10;
    let why = |error: &CommandError| (error.causes.clone(), error.hints.clone());
    let mut reported = HashSet::new();
    for error in failed {
        if !reported.insert(why(error)) {
            continue;
        }
        context.ui.error(error);
        if why(error) == (Vec::new(), Vec::new()) {
            // Nothing would be said twice.
            reported.remove(&why(error));
            continue;
        }
        let of_same_cause = failed.iter().filter(|other| why(other) == why(error)).skip(1);
        let same: Vec<_> = of_same_cause.cloned().collect();
        let named = if error.causes.is_empty() { same.len() } else { same.len().min(NAMED) };
        same[..named].iter().for_each(|error| context.ui.error_of_same_cause(error));
        if named < same.len() {
            context.ui.errors_in_short(&same[named..]);
        }
    }
}

/// The format of standard input: as told, or by the name it goes by; without either, JSON where it is an object of
/// JSON. That would be YAML too, but its envelope would make it neither.
pub(super) fn format_of_stdin(
    told: Option<FileType>,
    named: Option<&Path>,
    text: &[u8],
) -> Result<Format, CommandError> {
    let is_object = || {
        text.trim_ascii_start().starts_with(b"{")
            && serde_json::from_slice::<IgnoredAny>(text).is_ok()
    };
    match (told, named) {
        (None, None) if is_object() => Ok(Format::Json),
        _ => format(told, named),
    }
}

/// The error for a pipe that brings nothing.
pub(super) fn empty_stdin() -> CommandError {
    empty(Path::new(STDIN)).hint("the command before the pipe may have failed")
}

/// The error for a file that was named and is empty. `destination` is where the result would go.
pub(super) fn empty_file(path: &Path, destination: &Destination) -> CommandError {
    match destination {
        Destination::InPlace | Destination::File(_) => empty(path),
        // `seal encrypt f >f`: the shell empties the file before anything runs.
        Destination::Stdout => empty(path).hint(
            "if the output went to the same file, the shell has emptied it: get it back from git, and use `-i`",
        ),
    }
}

fn empty(path: &Path) -> CommandError {
    CommandError::failed("there is nothing in it").in_file(path).because(Reason::NoDocument)
}

/// The format of a file: as told, else by its name, or as binary if it is encrypted so; YAML where there is no name to go by, as for standard input and
/// the pipes of a shell (`<(…)`).
pub(super) fn format(told: Option<FileType>, path: Option<&Path>) -> Result<Format, CommandError> {
    match (told, path) {
        (Some(told), _) => Ok(told.into()),
        (None, None) => Ok(Format::Yaml),
        (None, Some(path)) => match Format::of_path(path) {
            Some(format) => Ok(format),
            None if is_stream(path) => Ok(Format::Yaml),
            None if inputs::is_encrypted_binary(path) => Ok(Format::Binary),
            None if hints_at_a_format(path) => Err(unknown_format(path)),
            None => Ok(Format::Binary),
        },
    }
}

/// Refuses a manifest that would be taken for a binary file, for nothing but its name.
pub(super) fn check_binary(
    told: Option<FileType>,
    path: &Path,
    text: &[u8],
) -> Result<(), CommandError> {
    let is_manifest = || {
        let text = std::str::from_utf8(text).ok().filter(|text| text.contains("apiVersion"));
        let stream = text.and_then(|text| Format::Yaml.parse(text.as_bytes()).ok());
        stream.is_some_and(|stream| {
            stream.documents.iter().any(|document| !kubernetes::named(document).is_empty())
        })
    };
    match told.is_none() && is_manifest() {
        true => Err(unknown_format(path)),
        false => Ok(()),
    }
}

fn unknown_format(path: &Path) -> CommandError {
    CommandError::usage("the name does not tell the format of this file")
        .in_file(path)
        .hint("say which it is with `--input-type yaml`, `json`, `dotenv`, `ini` or `binary`")
}

/// A name like `.env.prod` or `values.yaml.bak`: SOPS would take the file for a binary one without a word.
fn hints_at_a_format(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    name.starts_with(".env")
        || name
            .split('.')
            .skip(1)
            .any(|part| matches!(part, "yaml" | "yml" | "json" | "env" | "ini"))
}

fn is_stream(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// An error of the core, for the user.
pub(crate) fn file_error(path: &Path, error: &FileError) -> CommandError {
    // Names and keys come from the file; the problem may have several lines, and those are ours.
    let mut message = String::new();
    let leaf = error.path.as_ref().map(ToString::to_string);
    for part in [&error.object, &leaf].into_iter().flatten() {
        message.push_str(&escape(part));
        message.push_str(": ");
    }
    message.push_str(&error.problem);
    let mut out = match error.class {
        Class::Input | Class::Syntax => CommandError::failed(message),
        Class::Settings | Class::NothingSelected => CommandError::usage(message),
        Class::Refused => CommandError::refused(message),
        Class::NoKey => CommandError::no_key(message),
    };
    if let Some(reason) = reason(error) {
        out = out.because(reason);
    }
    out = match error.position {
        Some(position) => out.at(path, position),
        None => out.in_file(path),
    };
    if let Some(source) = &error.source {
        out = out.caused_by(source.as_ref());
        if let Some(no_key) = source.downcast_ref::<NoDataKey>() {
            out = no_key.hints().into_iter().fold(out, CommandError::hint);
        }
    }
    match &error.hint {
        Some(hint) => out.hint(hint.clone()),
        None => out,
    }
}

fn reason(error: &FileError) -> Option<Reason> {
    match (error.fault, error.class) {
        (Some(Fault::Value), _) => Some(Reason::Value),
        (Some(Fault::NoDocument), _) => Some(Reason::NoDocument),
        (Some(Fault::AlreadyEncrypted), _) => Some(Reason::AlreadyEncrypted),
        (Some(Fault::NotEncrypted), _) => Some(Reason::NotEncrypted),
        (Some(Fault::Mac), _) | (None, Class::Refused) => Some(Reason::MacMismatch),
        (None, Class::NoKey) => Some(Reason::NoDataKey),
        (Some(Fault::NoMapping), _) | (None, Class::Syntax) => Some(Reason::Syntax),
        (None, Class::Input | Class::Settings | Class::NothingSelected) => None,
    }
}

/// What it takes to replace a file that was read.
///
/// # Errors
/// It is a pipe or a device.
pub(super) fn stamp_of<'o>(path: &Path, original: &'o Original) -> Result<&'o Stamp, CommandError> {
    original.stamp.as_ref().ok_or_else(|| {
        CommandError::failed("only a regular file can be replaced in place").in_file(path)
    })
}

/// Writes a result that does not replace its source.
pub(super) fn write_out(
    destination: &Destination,
    bytes: &[u8],
    new: NewFile,
    context: &Context<'_>,
) -> Result<(), CommandError> {
    match destination {
        Destination::File(path) => {
            let writer = Writer::default();
            writer.put(path, bytes, new)?;
            writer.finish();
            Ok(())
        }
        Destination::Stdout | Destination::InPlace => context.ui.write_stdout(bytes),
    }
}

/// Says what was ignored on the way: in configurations, and among the identities.
pub(super) fn warn_at_end(context: &Context<'_>, configs: &Configs, key_access: &KeyAccess) {
    for warning in configs.warnings() {
        context.ui.warn(&warning.to_string());
    }
    for warning in key_access.service().warnings() {
        context.ui.warn(&warning.to_string());
    }
}

/// The directory from which relative paths count.
pub(super) fn working_directory() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."))
}

/// Sums up the files that did not fail.
pub(super) fn total(files: &Files, results: impl IntoIterator<Item = Option<Counts>>) -> Counts {
    let mut counts =
        Counts { skipped: files.skipped.len(), failed: files.failures.len(), ..Counts::default() };
    for result in results {
        counts += result.unwrap_or(Counts { failed: 1, ..Counts::default() });
    }
    counts
}
