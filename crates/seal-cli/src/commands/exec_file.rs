//! `seal exec-file`

use std::io;
use std::path::{Component, Path};

use super::exec::{decrypted, split, user, watch};
use super::{Context, Outcome};
use crate::args::ExecFileArgs;
use crate::child::Surroundings;
use crate::error::CommandError;
use crate::private_directory::PrivateDirectory;
use crate::ui::Report;

mod fifo;

use fifo::Fifo;

pub(super) fn run(
    arguments: &ExecFileArgs,
    context: &Context<'_>,
) -> Result<Outcome, CommandError> {
    let (paths, program) = split(&arguments.files, &arguments.command)?;
    if paths.len() > 1 {
        return Err(CommandError::usage("several files are named, and `{}` stands for one"));
    }
    check_name(&arguments.filename)?;
    if !program.names_a_file() {
        context
            .ui
            .warn("nothing in the command stands for the file, so it will not find it; write `{}`");
    }
    let user = user(&arguments.run)?;
    let mut run = arguments.run.clone();
    run.conversion.output_type = arguments.output_type.or(run.conversion.output_type);
    let texts = decrypted(&paths, &run, &arguments.key_access, context)?;
    let Some(text) = texts.into_iter().next().map(|plain| plain.text) else {
        return Err(CommandError::usage("no file is named"));
    };
    if let Some(user) = &user {
        user.take_over()?;
    }
    // Before there is anything to clean up: from here on a signal does not end us, but the command.
    let signals = watch()?;
    let failed = |error: io::Error| {
        CommandError::failed("the file for the command cannot be made").caused_by(&error)
    };
    let directory = PrivateDirectory::new(context.environment).map_err(failed)?;
    let (path, fifo) = if arguments.no_fifo {
        if let Some(warning) = directory.warning("while the command runs") {
            context.ui.warn(&warning);
        }
        (directory.write(&arguments.filename, &text).map_err(failed)?, None)
    } else {
        let path = directory.place(&arguments.filename).map_err(failed)?;
        let fifo = Fifo::serve(&path, &directory.path().join(".next"), text).map_err(failed)?;
        (path, Some(fifo))
    };
    let surroundings = Surroundings { user: user.as_ref(), ..Surroundings::default() };
    let running = program.with_file(path.as_os_str()).spawn(surroundings, &signals);
    let code = running.and_then(|running| running.wait(&signals));
    if let Some(fifo) = fifo {
        fifo.close();
    }
    Ok(Outcome { report: Report::silent(), code: code? })
}

/// Nothing but the directory made for it may be written to.
fn check_name(name: &Path) -> Result<(), CommandError> {
    let is_local = name.components().all(|part| matches!(part, Component::Normal(_)));
    match is_local && name.file_name().is_some() && name != Path::new(".next") {
        true => Ok(()),
        false => Err(CommandError::usage("the name is no relative path without `..`")
            .in_file(name)
            .hint(
                "`--filename` names a file inside a private directory, as in `--filename tls.key`",
            )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_the_private_directory() {
        for name in ["tmp-file", "a/b.yaml", "a..b"] {
            assert!(check_name(Path::new(name)).is_ok(), "{name}");
        }
        for name in ["", "/etc/x", "../x", "a/../b", "."] {
            assert!(check_name(Path::new(name)).is_err(), "{name}");
        }
    }
}
