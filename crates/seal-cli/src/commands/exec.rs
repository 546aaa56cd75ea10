//! What `exec-env` and `exec-file` share: what to run, and what to decrypt for it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use seal_core::file::DecryptOptions;
use seal_core::format::Format;
use seal_core::secret::SecretBytes;

use super::Context;
use super::conversion::Conversion;
use super::decrypt::Decryption;
use super::files::{self, STDIN};
use crate::args::{FileType, KeyAccessArgs, ProgramArgs};
use crate::child::{Program, Signals, User};
use crate::error::CommandError;
use crate::inputs::{self, is_stdin};
use crate::write;

/// One decrypted file.
#[derive(Debug)]
pub(super) struct Plain {
    /// As named.
    pub(super) path: PathBuf,
    pub(super) format: Format,
    pub(super) text: SecretBytes,
}

/// Tells files from the command: what stands behind `--` is the command; without it, the last of two words is a text for
/// a shell, as SOPS takes it.
pub(super) fn split(
    files: &[OsString],
    command: &[OsString],
) -> Result<(Vec<PathBuf>, Program), CommandError> {
    let paths = |files: &[OsString]| files.iter().map(PathBuf::from).collect();
    match (files, command) {
        (_, [_, ..]) => Ok((paths(files), Program::Words(command.to_vec()))),
        ([file, text], []) => Ok((vec![file.into()], Program::Shell(text.clone()))),
        ([_] | [], []) => Err(CommandError::usage("there is no command to run")
            .hint("put it behind `--`, as in `seal exec-env FILE -- COMMAND ARGUMENT`")),
        (_, []) => Err(CommandError::usage("it is not clear where the command begins").hint(
            "put `--` in front of it, as in `seal exec-env FILE -- COMMAND ARGUMENT`, or quotes around it for a shell, as in `seal exec-env FILE 'COMMAND ARGUMENT'`",
        )),
    }
}

/// Decrypts the files, all of them or none.
pub(super) fn decrypted(
    paths: &[PathBuf],
    arguments: &ProgramArgs,
    key_access: &KeyAccessArgs,
    context: &Context<'_>,
) -> Result<Vec<Plain>, CommandError> {
    let namespace = arguments.namespace.as_deref();
    let as_data = arguments.as_data;
    let options = DecryptOptions { namespace, as_data, ..DecryptOptions::default() };
    let decryption = Decryption::new(context, options, key_access)?;
    let conversion = Conversion::of(&arguments.conversion);
    let one = |path: &PathBuf| one(&decryption, path, arguments.file_type, &conversion);
    let all = paths.iter().map(one).collect();
    files::warn_at_end(context, &decryption.configs, &decryption.key_access);
    all
}

/// The user to become, looked up before anything is decrypted.
pub(super) fn user(arguments: &ProgramArgs) -> Result<Option<User>, CommandError> {
    arguments.user.as_deref().map(User::named).transpose()
}

/// Watches signals for a command to be.
pub(super) fn watch() -> Result<Signals, CommandError> {
    Signals::watch()
        .map_err(|error| CommandError::failed("signals cannot be watched").caused_by(&error))
}

fn one(
    decryption: &Decryption<'_>,
    path: &Path,
    told: Option<FileType>,
    conversion: &Conversion,
) -> Result<Plain, CommandError> {
    let (name, format, source) = if is_stdin(path) {
        let source = write::read_stdin()?;
        if source.expose().trim_ascii().is_empty() {
            return Err(files::empty_stdin());
        }
        (Path::new(STDIN), files::format_of_stdin(told, None, source.expose())?, source)
    } else {
        inputs::check_file(path)?;
        (path, files::format(told, Some(path))?, write::read(path)?.bytes)
    };
    let decrypted = decryption.decrypt_to(conversion, name, format, source.expose())?;
    let text = decrypted.bytes.unwrap_or(source);
    Ok(Plain { path: name.to_owned(), format: conversion.output(format), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(Into::into).collect()
    }

    #[test]
    fn the_command_stands_behind_dashes_or_is_the_second_of_two_words() {
        let (paths, program) = split(&words("a b"), &words("make deploy")).unwrap();
        assert_eq!(paths, [PathBuf::from("a"), "b".into()]);
        assert_eq!(program, Program::Words(words("make deploy")));
        let (paths, program) = split(&["a".into(), "echo $b".into()], &[]).unwrap();
        assert_eq!((paths, program), (vec!["a".into()], Program::Shell("echo $b".into())));
        for files in ["a", "a b c"] {
            assert!(split(&words(files), &[]).is_err(), "{files}");
        }
        let several_words = split(&words("a make deploy"), &[]).unwrap_err();
        assert_eq!(several_words.message, "it is not clear where the command begins");
    }
}
