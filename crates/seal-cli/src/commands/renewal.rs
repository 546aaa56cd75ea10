//! What `rotate` and `bind` share: the envelopes of many files, under new data keys.

use std::io::IsTerminal;
use std::path::Path;

use seal_core::file::{DecryptedObject, Encrypted, Fresh, envelopes};
use seal_core::format::Format;

use super::Context;
use super::files::{self, STDIN, each};
use super::revision::{NewKeysFor, Revision, not_encrypted};
use crate::args::FileArgs;
use crate::destination::{self, Destination, Several};
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::inputs::{self, Files, Inputs};
use crate::write::{self, NewFile, Writer};

/// What is the same for all files of a run.
pub(super) struct Renewal<'a> {
    pub(super) files: &'a FileArgs,
    pub(super) revision: Revision<'a>,
    /// Which envelopes get a new data key.
    pub(super) fresh: Fresh,
    /// Whom it is for.
    pub(super) keys_for: NewKeysFor<'a>,
    /// For the progress, as in `rotating`.
    pub(super) doing: &'static str,
    /// Write nothing.
    pub(super) dry_run: bool,
}

/// What became of a file.
pub(super) struct Renewed {
    pub(super) encrypted: Encrypted,
    /// What it held before.
    pub(super) before: Vec<DecryptedObject>,
}

/// What became of all of them.
pub(super) struct Results<T> {
    /// The files, in order.
    pub(super) files: Files,
    /// One for each. `None` for one that failed, `Some(None)` for one that nobody named and that is not encrypted.
    pub(super) list: Vec<Option<Option<T>>>,
    pub(super) code: ExitCode,
}

impl Renewal<'_> {
    /// Renews the files of the arguments and writes them; `note` takes from each what is to be said of it.
    ///
    /// # Errors
    /// The arguments fit nothing, or standard input fails. A file that fails is reported, and stops no other.
    pub(super) fn run<T: Send>(
        &self,
        context: &Context<'_>,
        note: impl Fn(Renewed) -> T + Sync,
    ) -> Result<Results<T>, CommandError> {
        let inputs = inputs::expand(&self.files.paths, std::io::stdin().is_terminal())?;
        let destination = match self.dry_run {
            true => Destination::Stdout,
            false => destination::choose(self.files, &inputs, Several::InPlaceOnly)?,
        };
        let results = match inputs {
            Inputs::Stdin => self.stdin(&destination, context).map(|renewed| Results {
                files: Files::default(),
                list: vec![Some(Some(note(renewed)))],
                code: ExitCode::Done,
            }),
            Inputs::Files(files) => {
                let writer = Writer::default();
                let (list, code) = each(&files, context, self.doing, |index| {
                    let renewed = self.file(&files, index, &destination, &writer, context)?;
                    Ok(renewed.map(&note))
                });
                writer.finish();
                Ok(Results { files, list, code })
            }
        };
        self.revision.warn_at_end(context);
        results
    }

    fn stdin(
        &self,
        destination: &Destination,
        context: &Context<'_>,
    ) -> Result<Renewed, CommandError> {
        let source = write::read_stdin()?;
        if source.expose().trim_ascii().is_empty() {
            return Err(files::empty_stdin());
        }
        let format = files::format_of_stdin(self.files.file_type, None, source.expose())?;
        let renewed = self.renewed(Path::new(STDIN), format, source.expose())?;
        if !self.dry_run {
            let bytes = renewed.encrypted.bytes.as_deref().unwrap_or(source.expose());
            files::write_out(destination, bytes, NewFile::Shared, context)?;
        }
        Ok(renewed)
    }

    fn file(
        &self,
        files: &Files,
        index: usize,
        destination: &Destination,
        writer: &Writer,
        context: &Context<'_>,
    ) -> Result<Option<Renewed>, CommandError> {
        let input = &files.list[index];
        let path = &input.path;
        let format = files::format(self.files.file_type, Some(path))?;
        let original = write::read(path)?;
        let source = original.bytes.expose();
        if !input.explicit && !is_encrypted(format, source) {
            return Ok(None);
        }
        if source.trim_ascii().is_empty() {
            return Err(files::empty_file(path, destination));
        }
        let renewed = self.renewed(path, format, source)?;
        match (destination, &renewed.encrypted.bytes) {
            _ if self.dry_run => {}
            (Destination::InPlace, Some(bytes)) => {
                writer.replace(path, bytes, files::stamp_of(path, &original)?)?;
            }
            (Destination::InPlace, None) => {}
            (other, bytes) => {
                let bytes = bytes.as_deref().unwrap_or(source);
                files::write_out(other, bytes, NewFile::Shared, context)?;
            }
        }
        Ok(Some(renewed))
    }

    fn renewed(&self, path: &Path, format: Format, source: &[u8]) -> Result<Renewed, CommandError> {
        let before = self.revision.decryption.decrypt(path, format, source)?;
        if before.bytes.is_none() {
            return Err(not_encrypted(path));
        }
        let encrypted = self.revision.renew(path, (format, source), self.fresh, self.keys_for)?;
        Ok(Renewed { encrypted, before: before.objects })
    }
}

/// Whether a file that nobody named has an envelope; one that cannot be read is left to those who know what it is.
fn is_encrypted(format: Format, source: &[u8]) -> bool {
    envelopes(format, source).is_ok_and(|envelopes| !envelopes.is_empty())
}
