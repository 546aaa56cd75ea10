//! The verbs, one file each.

use std::path::Path;

use seal_keys::Environment;

use crate::args::Command;
use crate::clock;
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::ui::{Report, Ui};

mod decrypt;
mod encrypt;
mod files;
mod get;
mod init;
mod keyservice;
#[allow(dead_code, reason = "the verbs that compare are on their way")]
mod recipients;

/// What every command gets beside its own arguments.
pub(crate) struct Context<'c> {
    /// To talk to the user.
    pub(crate) ui: &'c Ui,
    /// `--config`, or `SOPS_CONFIG`.
    pub(crate) config: Option<&'c Path>,
    /// The variables of the environment.
    pub(crate) environment: &'c Environment,
}

/// How a command ended that could do its work, if only in part: failures of single files are reported already.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What to say at the end.
    pub(crate) report: Report,
    /// The worst of what happened.
    pub(crate) code: ExitCode,
}

/// Runs a command. An error means that the command as a whole could not be done.
pub(crate) fn run(command: &Command, context: &Context<'_>) -> Result<Outcome, CommandError> {
    match command {
        Command::Init(arguments) => init::run(arguments, context, clock::now()),
        Command::Encrypt(arguments) => encrypt::run(arguments, context),
        Command::Decrypt(arguments) => decrypt::run(arguments, context),
        Command::Get(arguments) => get::run(arguments, context),
        Command::Keyservice(arguments) => keyservice::run(arguments, context),
    }
}
