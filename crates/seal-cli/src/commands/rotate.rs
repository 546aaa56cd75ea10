//! `seal rotate`

use std::io::IsTerminal;
use std::path::Path;

use seal_core::file::{Encrypted, Fresh, envelopes};
use seal_core::format::Format;

use super::files::{self, STDIN, each};
use super::revision::{NewKeysFor, Revision, decrypt_options, not_encrypted, stamp_of};
use super::{Context, Outcome};
use crate::args::RotateArgs;
use crate::destination::{self, Destination, Several};
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::inputs::{self, Files, Inputs};
use crate::ui::{Counts, Report};
use crate::write::{self, NewFile, Writer};

pub(super) fn run(arguments: &RotateArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    let inputs = inputs::expand(&arguments.files.paths, std::io::stdin().is_terminal())?;
    let destination = destination::choose(&arguments.files, &inputs, Several::InPlaceOnly)?;
    let options = decrypt_options(&arguments.revision, arguments.ignore_mac);
    let revision = Revision::new(context, options, &arguments.revision.key_access)?;
    let rotation = Rotation { arguments, revision };
    let outcome = match inputs {
        Inputs::Stdin => rotation.stdin(&destination, context),
        Inputs::Files(files) => Ok(rotation.files(&files, &destination, context)),
    };
    rotation.revision.warn_at_end(context);
    outcome
}

struct Rotation<'a> {
    arguments: &'a RotateArgs,
    revision: Revision<'a>,
}

impl Rotation<'_> {
    fn stdin(
        &self,
        destination: &Destination,
        context: &Context<'_>,
    ) -> Result<Outcome, CommandError> {
        let source = write::read_stdin()?;
        if source.expose().trim_ascii().is_empty() {
            return Err(files::empty_stdin());
        }
        let told = self.arguments.files.file_type;
        let format = files::format_of_stdin(told, None, source.expose())?;
        let (done, counts) = self.rotated(Path::new(STDIN), format, source.expose())?;
        write_out(destination, done.bytes.as_deref().unwrap_or(source.expose()), context)?;
        Ok(Outcome { report: report(&counts), code: ExitCode::Done })
    }

    fn files(&self, files: &Files, destination: &Destination, context: &Context<'_>) -> Outcome {
        let writer = Writer::default();
        let (results, code) = each(files, context, "rotating", |index| {
            let input = &files.list[index];
            let path = &input.path;
            let format = files::format(self.arguments.files.file_type, Some(path))?;
            let original = write::read(path)?;
            let source = original.bytes.expose();
            if !input.explicit && !is_encrypted(format, source) {
                return Ok(Counts { skipped: 1, ..Counts::default() });
            }
            if source.trim_ascii().is_empty() {
                return Err(files::empty_file(path, destination));
            }
            let (done, counts) = self.rotated(path, format, source)?;
            let bytes = done.bytes.as_deref().unwrap_or(source);
            match destination {
                Destination::InPlace => {
                    writer.replace(path, bytes, stamp_of(path, &original)?)?;
                }
                other => write_out(other, bytes, context)?,
            }
            Ok(counts)
        });
        writer.finish();
        Outcome { report: report(&files::total(files, results)), code }
    }

    fn rotated(
        &self,
        path: &Path,
        format: Format,
        source: &[u8],
    ) -> Result<(Encrypted, Counts), CommandError> {
        let keys_for = match &self.arguments.recipients {
            Some(change) => NewKeysFor::File(change),
            None => NewKeysFor::RuleAnd {
                accepted: self.arguments.accept_recipients,
                doing: "rotating",
            },
        };
        let decrypted = self.revision.decryption.decrypt(path, format, source)?;
        if decrypted.bytes.is_none() {
            return Err(not_encrypted(path));
        }
        let done = self.revision.renew(path, (format, source), Fresh::All, keys_for)?;
        let counts = Counts {
            files: 1,
            documents: decrypted.objects.len(),
            secrets: done.report.values,
            unbound: decrypted.objects.iter().filter(|object| !object.bound).count(),
            ..Counts::default()
        };
        Ok((done, counts))
    }
}

/// Whether a file that nobody named has an envelope; one that cannot be read is left to those who know what it is.
pub(super) fn is_encrypted(format: Format, source: &[u8]) -> bool {
    envelopes(format, source).is_ok_and(|envelopes| !envelopes.is_empty())
}

/// Writes a result that does not replace its source.
pub(super) fn write_out(
    destination: &Destination,
    bytes: &[u8],
    context: &Context<'_>,
) -> Result<(), CommandError> {
    match destination {
        Destination::File(path) => {
            let writer = Writer::default();
            writer.put(path, bytes, NewFile::Shared)?;
            writer.finish();
            Ok(())
        }
        Destination::Stdout | Destination::InPlace => context.ui.write_stdout(bytes),
    }
}

fn report(counts: &Counts) -> Report {
    Report::of_files("rotate", "rotated", counts)
}
