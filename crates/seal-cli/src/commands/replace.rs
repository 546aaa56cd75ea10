//! `seal replace`

use super::revision::{Changes, Revision, decrypt_options, replace};
use super::{Context, Outcome, files};
use crate::args::ReplaceArgs;
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::inputs::{self, is_stdin};
use crate::write::{self, Writer};

pub(super) fn run(arguments: &ReplaceArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    let path = &arguments.encrypted;
    if is_stdin(path) {
        return Err(CommandError::usage("standard input cannot be replaced")
            .hint("name the encrypted file first, then the plaintext or `-`"));
    }
    inputs::check_file(path)?;
    let options = decrypt_options(&arguments.revision, false);
    let revision = Revision::new(context, options, &arguments.revision.key_access)?;
    // Before standard input is waited for.
    let open = revision.open(path, arguments.file_type)?;
    files::stamp_of(path, &open.original)?;
    let (name, plain) = if is_stdin(&arguments.plain) {
        ("-".as_ref(), write::read_stdin()?)
    } else {
        inputs::check_file(&arguments.plain)?;
        (arguments.plain.as_path(), write::read(&arguments.plain)?.bytes)
    };
    if plain.expose().trim_ascii().is_empty() {
        return Err(match is_stdin(name) {
            true => files::empty_stdin(),
            false => CommandError::failed("there is nothing in it").in_file(name),
        });
    }
    let before = (open.format, open.original.bytes.expose());
    revision.warn_of_strangers(path, before, context);
    let done = revision.revise(path, before, plain.expose());
    // What is wrong is wrong in the plaintext: the encrypted file was verified before.
    let done = done.map_err(|error| match error.place.is_some() {
        true => error.in_file(name),
        false => error,
    });
    revision.warn_at_end(context);
    let done = done?;
    let writer = Writer::default();
    replace(path, &open.original, &done, &writer)?;
    writer.finish();
    let report = Changes::of(&done, &open.objects).report("replaced");
    Ok(Outcome { report, code: ExitCode::Done })
}
