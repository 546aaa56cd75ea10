//! What commands over files share: several at a time, and errors of the core as users see them.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rayon::prelude::*;
use seal_core::file::{Class, FileError};
use seal_core::format::Format;
use seal_keys::{NoDataKey, Providers, Unwrapper};

use super::Context;
use crate::args::FileType;
use crate::config::{ConfigError, Configs};
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::inputs::Files;
use crate::ui::Counts;
use crate::write::FILES_AT_ONCE;

/// Stands for standard input in messages, and where a path is needed to look up rules.
pub(super) const STDIN: &str = "-";

/// Runs `work` on each file, several at a time; a file that fails is reported and does not stop the others.
pub(super) fn each<T: Send>(
    files: &Files,
    context: &Context<'_>,
    doing: &'static str,
    work: impl Fn(usize) -> Result<T, CommandError> + Sync,
) -> (Vec<Option<T>>, ExitCode) {
    let worst = Mutex::new(ExitCode::Done);
    let worsen = |code: ExitCode| {
        let mut worst = worst.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *worst = worst.worst(code);
    };
    for failure in &files.failures {
        let error = CommandError::from(failure);
        context.ui.error(&error);
        worsen(error.kind);
    }
    let progress = context.ui.progress(files.list.len(), doing);
    let one = |index: usize| {
        let result = work(index);
        progress.advance();
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                context.ui.error(&error);
                worsen(error.kind);
                None
            }
        }
    };
    let indices = 0..files.list.len();
    let pool = (indices.len() > 1)
        .then(|| rayon::ThreadPoolBuilder::new().num_threads(FILES_AT_ONCE).build().ok())
        .flatten();
    let results = match pool {
        Some(pool) => pool.install(|| indices.into_par_iter().map(one).collect()),
        None => indices.map(one).collect(),
    };
    drop(progress);
    (results, worst.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// The format of a file: as told, else by its name; standard input is YAML unless told otherwise.
pub(super) fn format(told: Option<FileType>, path: Option<&Path>) -> Result<Format, CommandError> {
    match (told, path) {
        (Some(FileType::Yaml), _) | (None, None) => Ok(Format::Yaml),
        (Some(FileType::Json), _) => Ok(Format::Json),
        (None, Some(path)) => Format::of_path(path).ok_or_else(|| {
            CommandError::usage("the name does not tell the format of this file")
                .in_file(path)
                .hint("say which it is with `--type yaml` or `--type json`")
        }),
    }
}

/// An error of the core, for the user.
pub(super) fn file_error(path: &Path, error: &FileError) -> CommandError {
    let message = error.to_string();
    let mut out = match error.class {
        Class::Input => CommandError::failed(message),
        Class::Settings => CommandError::usage(message),
        Class::Refused => CommandError::refused(message),
        Class::NoKey => CommandError::no_key(message),
    };
    out = match error.position {
        Some(position) => out.at(path, position),
        None => out.in_file(path),
    };
    if let Some(source) = &error.source {
        out = out.caused_by(source.as_ref());
        if let Some(no_key) = source.downcast_ref::<NoDataKey>() {
            out = out.hint(no_key.hint());
        }
    }
    match &error.hint {
        Some(hint) => out.hint(hint.clone()),
        None => out,
    }
}

impl From<&ConfigError> for CommandError {
    fn from(error: &ConfigError) -> Self {
        let out = CommandError::usage(error.to_string());
        match error.hint() {
            Some(hint) => out.hint(hint),
            None => out,
        }
    }
}

/// Says what was ignored on the way: in configurations, and among the identities.
pub(super) fn warn_at_end(
    context: &Context<'_>,
    configs: &Configs,
    unwrapper: &Unwrapper<Providers>,
) {
    for warning in configs.warnings() {
        context.ui.warn(&warning.to_string());
    }
    for warning in unwrapper.service().warnings() {
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
        Counts { skipped: files.skipped, failed: files.failures.len(), ..Counts::default() };
    for result in results {
        counts += result.unwrap_or(Counts { failed: 1, ..Counts::default() });
    }
    counts
}
