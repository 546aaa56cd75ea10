//! `seal exec-env`

use std::ffi::OsStr;

use super::exec::{decrypted, split, user, watch};
use super::{Context, Outcome};
use crate::args::ExecEnvArgs;
use crate::child::{Surroundings, Variables};
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::ui::Report;

mod variables;

use variables::Naming;

pub(super) fn run(arguments: &ExecEnvArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    let (paths, program) = split(&arguments.files, &arguments.command)?;
    let user = user(&arguments.run)?;
    if arguments.background {
        context.ui.warn("`--background` leaves the command running on its own, and its exit code is lost; sops says that it will go");
    }
    let naming = Naming {
        separator: arguments.flatten.as_deref(),
        prefix: arguments.prefix.as_deref().unwrap_or_default(),
        as_data: arguments.run.as_data,
        loader: arguments.allow_loader_variables,
    };
    let mut variables = Variables::new();
    for plain in decrypted(&paths, &arguments.run, &arguments.key_access, context)? {
        let choice = arguments.document.as_ref();
        variables.extend(variables::of(&plain, choice, &naming)?);
    }
    if let Some(user) = &user {
        user.take_over()?;
    }
    let surroundings = Surroundings {
        pristine: arguments.pristine,
        variables: variables
            .iter()
            .map(|(name, value)| (OsStr::new(name.as_str()), value.as_slice()))
            .collect(),
        user: user.as_ref(),
    };
    let code = if arguments.same_process {
        match program.replace_us(surroundings)? {}
    } else if arguments.background {
        program.start(surroundings)?;
        ExitCode::Done
    } else {
        let signals = watch()?;
        let running = program.spawn(surroundings, &signals)?;
        drop(variables);
        running.wait(&signals)?
    };
    Ok(Outcome { report: Report::silent(), code })
}
