//! The verbs, one file each.

use std::path::Path;

use seal_keys::Environment;

use crate::args::Command;
use crate::clock;
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::hardening;
use crate::ui::{Report, Ui};

mod bind;
mod cert;
mod check;
mod completion;
mod conversion;
mod decrypt;
mod documents;
mod edit;
mod encrypt;
mod exec;
mod exec_env;
mod exec_file;
mod files;
mod get;
mod groups;
mod init;
mod keys;
mod keyservice;
mod man;
mod publish;
mod recipients;
mod renewal;
mod replace;
mod report;
mod revision;
mod rewrapping;
mod rotate;
mod sealing;
mod set;
mod status;
mod unset;
mod updatekeys;
mod value_change;
mod verify;

pub(crate) use files::file_error;

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
    if !matches!(command, Command::ExecEnv(_) | Command::ExecFile(_)) {
        hardening::for_good();
    }
    match command {
        Command::Init(arguments) => init::run(arguments, context, clock::now()),
        Command::Encrypt(arguments) => encrypt::run(arguments, context),
        Command::Decrypt(arguments) => decrypt::run(arguments, context),
        Command::Get(arguments) => get::run(arguments, context),
        Command::Edit(arguments) => edit::run(arguments, context),
        Command::Replace(arguments) => replace::run(arguments, context),
        Command::Rotate(arguments) => rotate::run(arguments, context),
        Command::Bind(arguments) => bind::run(arguments, context),
        Command::Check(arguments) => check::run(arguments, context),
        Command::Verify(arguments) => verify::run(arguments, context),
        Command::Status(arguments) => status::run(arguments, context),
        Command::Set(arguments) => set::run(arguments, context),
        Command::Unset(arguments) => unset::run(arguments, context),
        Command::Updatekeys(arguments) => updatekeys::run(arguments, context),
        Command::Keys(arguments) => keys::run(arguments, context),
        Command::Groups(arguments) => groups::run(arguments, context),
        Command::ExecEnv(arguments) => exec_env::run(arguments, context),
        Command::ExecFile(arguments) => exec_file::run(arguments, context),
        Command::Keyservice(arguments) => keyservice::run(arguments, context),
        // Where nothing stands in front of it, this is never reached: the command line is then not that of `seal`.
        Command::Sops(_) => Err(CommandError::usage("options of seal have no meaning for `sops`")
            .hint("write `seal sops` first, and behind it what sops knows")),
        Command::Kubeseal(_) => {
            Err(CommandError::usage("options of seal have no meaning for `kubeseal`")
                .hint("write `seal kubeseal` first, and behind it what kubeseal knows"))
        }
        Command::Completion(arguments) => completion::run(arguments, context),
        Command::Publish(arguments) => publish::run(arguments, context),
        Command::Cert(arguments) => cert::run(arguments, context),
        Command::Man(arguments) => man::run(arguments),
    }
}
