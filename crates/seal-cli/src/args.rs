//! The command line: what can be typed, and its help.
//!
//! Doc comments here are the help texts.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

mod check;
mod conversion;
mod decrypt;
mod encrypt;
mod examples;
mod exec;
mod files;
mod groups;
mod keys;
mod kubeseal;
mod master_keys;
mod publish;
mod revision;
mod sealing;
mod shell;
mod sops;
mod status;
mod updatekeys;
mod values;
mod verify;

pub(crate) use check::{CheckArgs, ReportArgs, ReportFormat};
pub(crate) use conversion::ConversionArgs;
pub(crate) use decrypt::{DecryptArgs, GetArgs};
pub(crate) use encrypt::{EncryptArgs, Layout, Previous, SelectionArgs};
pub(crate) use exec::{ExecEnvArgs, ExecFileArgs, ProgramArgs};
pub(crate) use files::{DocumentChoice, FileArgs, FileType};
pub(crate) use groups::{
    GroupsAction, GroupsAddArgs, GroupsArgs, GroupsDeleteArgs, GroupsFileArgs,
};
pub(crate) use keys::{
    KeysAction, KeysAddArgs, KeysArgs, KeysListArgs, KeysRemoveArgs, NamedKeysArgs,
};
pub(crate) use kubeseal::KubesealArgs;
pub(crate) use master_keys::{KeyAccessArgs, MasterKeyArgs};
pub(crate) use publish::PublishArgs;
pub(crate) use revision::{
    BindArgs, EditArgs, RecipientsChange, ReplaceArgs, RevisionArgs, RotateArgs,
};
pub(crate) use sealing::{
    CertArgs, CertificateArgs, RotateSealedArgs, SealedValueArgs, SealingArgs, SealingKeyArgs,
};
pub(crate) use shell::{CompletionArgs, ManArgs, Shell};
pub(crate) use sops::SopsArgs;
pub(crate) use status::StatusArgs;
pub(crate) use updatekeys::{Manners, UpdatekeysArgs};
pub(crate) use values::{GivenValue, SetArgs, UnsetArgs, ValueChangeArgs};
pub(crate) use verify::VerifyArgs;

/// Encrypt the secrets of Kubernetes manifests, and decrypt them for a deploy
///
/// Only secret values change; every other byte of a file stays as it is. Each encrypted document is a SOPS file.
#[derive(Clone, Debug, PartialEq, Parser)]
#[command(name = "seal", version, after_help = examples::SEAL, disable_help_subcommand = true)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What applies to every command.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Say nothing but errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Print a summary for machines: one JSON object, on stdout unless a document goes there, then on stderr
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colour; `auto` means on a terminal and without NO_COLOR
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    /// Rules to use instead of the .sops.yaml found from the file's directory upward [env: SOPS_CONFIG]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
}

/// The verbs.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub(crate) enum Command {
    Init(InitArgs),
    Encrypt(Box<EncryptArgs>),
    Decrypt(DecryptArgs),
    Get(GetArgs),
    Edit(Box<EditArgs>),
    Replace(ReplaceArgs),
    Rotate(RotateArgs),
    Bind(BindArgs),
    Check(CheckArgs),
    Verify(VerifyArgs),
    Status(StatusArgs),
    Set(Box<SetArgs>),
    Unset(Box<UnsetArgs>),
    Updatekeys(UpdatekeysArgs),
    Keys(Box<KeysArgs>),
    Groups(Box<GroupsArgs>),
    ExecEnv(Box<ExecEnvArgs>),
    ExecFile(Box<ExecFileArgs>),
    Publish(Box<PublishArgs>),
    Cert(Box<CertArgs>),
    Keyservice(KeyserviceArgs),
    Sops(SopsArgs),
    Kubeseal(KubesealArgs),
    Completion(CompletionArgs),
    #[command(hide = true)]
    Man(ManArgs),
}

/// Make an age identity and a .sops.yaml
///
/// The identity (private key) goes where sops and seal look for it: the file that SOPS_AGE_KEY_FILE names, by default
/// sops/age/keys.txt in the user's configuration directory. One that is there already, or in SOPS_AGE_KEY, is used
/// again. The .sops.yaml names the recipients (public keys) and what is secret; commit it.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = examples::INIT)]
pub(crate) struct InitArgs {
    /// Directory that gets the .sops.yaml, usually the root of the repository
    #[arg(value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
    pub(crate) directory: PathBuf,
    /// Public key of somebody else who may decrypt: a colleague, CI (can be repeated, or separated by commas)
    #[arg(
        short,
        long = "age",
        visible_alias = "recipient",
        value_name = "RECIPIENT",
        value_delimiter = ','
    )]
    pub(crate) age: Vec<String>,
    /// Use no identity of your own; only the recipients given by --age can decrypt
    #[arg(long, requires = "age")]
    pub(crate) no_identity: bool,
}

/// Use this machine's keys for others
///
/// Wraps and unwraps data keys for `seal` and `sops` that are started with `--keyservice`, over a unix socket that only
/// you can use. Runs until it is stopped.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = examples::KEYSERVICE)]
pub(crate) struct KeyserviceArgs {
    /// Socket to listen on, in a directory that only you can use [default: $XDG_RUNTIME_DIR/seal/keyservice.sock]
    #[arg(long, value_name = "PATH", conflicts_with = "tcp", value_hint = ValueHint::FilePath)]
    pub(crate) socket: Option<PathBuf>,
    /// Listen on TCP instead, where every user of this machine can use your keys
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) tcp: Option<String>,
    /// Let other machines in as well; what they send and get is not encrypted
    #[arg(long, requires = "tcp")]
    pub(crate) insecure_allow_remote: bool,
    /// Ask at the terminal before each use of a key
    #[arg(long)]
    pub(crate) prompt: bool,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

impl CommandLine {
    /// Fills in what was not typed from the variables that stand for options of every command; an empty one counts as
    /// unset.
    pub(crate) fn complete(mut self, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        if self.global.config.is_none() {
            self.global.config = set("SOPS_CONFIG").map(PathBuf::from);
        }
        self
    }

    /// Whether stdout carries documents, so that nothing else may be printed there.
    pub(crate) fn stdout_carries_documents(&self) -> bool {
        match &self.command {
            Command::Check(arguments) => arguments.report.takes_stdout(),
            Command::Verify(arguments) => arguments.report.takes_stdout(),
            Command::Init(_)
            | Command::Updatekeys(_)
            | Command::Keys(_)
            | Command::Keyservice(_)
            | Command::Sops(_)
            | Command::Kubeseal(_)
            | Command::Publish(_)
            | Command::Man(_)
            | Command::Status(_) => false,
            Command::Cert(arguments) => !arguments.check,
            Command::Groups(arguments) => !arguments.file().in_place,
            Command::Encrypt(arguments) => arguments.files.go_to_stdout(),
            Command::Decrypt(arguments) => arguments.files.go_to_stdout(),
            Command::Set(arguments) => arguments.change.goes_to_stdout(),
            Command::Unset(arguments) => arguments.change.goes_to_stdout(),
            Command::Rotate(arguments) => {
                !arguments.sealing.dry_run && arguments.files.go_to_stdout()
            }
            Command::Bind(arguments) => !arguments.dry_run && arguments.files.go_to_stdout(),
            Command::Edit(_) | Command::Replace(_) => false,
            Command::Get(_)
            | Command::ExecEnv(_)
            | Command::ExecFile(_)
            | Command::Completion(_) => true,
        }
    }
}

impl Command {
    /// The verb as typed.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Init(_) => "init",
            Self::Encrypt(_) => "encrypt",
            Self::Decrypt(_) => "decrypt",
            Self::Get(_) => "get",
            Self::Edit(_) => "edit",
            Self::Replace(_) => "replace",
            Self::Rotate(_) => "rotate",
            Self::Bind(_) => "bind",
            Self::Check(_) => "check",
            Self::Verify(_) => "verify",
            Self::Status(_) => "status",
            Self::Set(_) => "set",
            Self::Unset(_) => "unset",
            Self::Updatekeys(_) => "updatekeys",
            Self::Keys(arguments) => match arguments.action {
                KeysAction::List(_) => "keys list",
                KeysAction::Add(_) => "keys add",
                KeysAction::Remove(_) => "keys remove",
            },
            Self::Groups(arguments) => match arguments.action {
                GroupsAction::Add(_) => "groups add",
                GroupsAction::Delete(_) => "groups delete",
            },
            Self::ExecEnv(_) => "exec-env",
            Self::ExecFile(_) => "exec-file",
            Self::Publish(_) => "publish",
            Self::Cert(_) => "cert",
            Self::Keyservice(_) => "keyservice",
            Self::Sops(_) => "sops",
            Self::Kubeseal(_) => "kubeseal",
            Self::Completion(_) => "completion",
            Self::Man(_) => "man",
        }
    }
}

#[cfg(test)]
mod tests;
