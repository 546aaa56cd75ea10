//! `seal completion`

use clap::CommandFactory;
use clap_complete::generate;
use clap_complete::shells::{Bash, Fish, Zsh};

use super::{Context, Outcome};
use crate::args::{CommandLine, CompletionArgs, Shell};
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::ui::Report;

pub(super) fn run(
    arguments: &CompletionArgs,
    context: &Context<'_>,
) -> Result<Outcome, CommandError> {
    let script = script(arguments.shell, &mut CommandLine::command(), "seal");
    context.ui.write_stdout(&script)?;
    Ok(Outcome { report: Report::silent(), code: ExitCode::Done })
}

/// The script of a shell for a command line that is called by that name.
pub(crate) fn script(shell: Shell, command: &mut clap::Command, name: &str) -> Vec<u8> {
    let mut script = Vec::new();
    match shell {
        Shell::Bash => generate(Bash, command, name, &mut script),
        Shell::Zsh => generate(Zsh, command, name, &mut script),
        Shell::Fish => generate(Fish, command, name, &mut script),
    }
    script
}
