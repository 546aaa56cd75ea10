//! The command line: what can be typed, and its help.
//!
//! Doc comments here are the help texts.

use std::convert::Infallible;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::scope::Scope;

mod check;
mod conversion;
mod examples;
mod exec;
mod groups;
mod keys;
mod master_keys;
mod publish;
mod revision;
mod shell;
mod sops;
mod status;
mod updatekeys;
mod values;
mod verify;

pub(crate) use check::{CheckArgs, ReportArgs, ReportFormat};
pub(crate) use conversion::ConversionArgs;
pub(crate) use exec::{ExecEnvArgs, ExecFileArgs, ProgramArgs};
pub(crate) use groups::{
    GroupsAction, GroupsAddArgs, GroupsArgs, GroupsDeleteArgs, GroupsFileArgs,
};
pub(crate) use keys::{
    KeysAction, KeysAddArgs, KeysArgs, KeysListArgs, KeysRemoveArgs, NamedKeysArgs,
};
pub(crate) use master_keys::{KeyAccessArgs, MasterKeyArgs};
pub(crate) use publish::PublishArgs;
pub(crate) use revision::{
    BindArgs, EditArgs, RecipientsChange, ReplaceArgs, RevisionArgs, RotateArgs,
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
    Keyservice(KeyserviceArgs),
    Sops(SopsArgs),
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

/// Encrypt the secret values of files
///
/// In Kubernetes manifests these are the values below `data` and `stringData` of each Secret, unless a rule in
/// .sops.yaml or an option says otherwise. Documents without secrets stay untouched.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(after_help = examples::ENCRYPT)]
pub(crate) struct EncryptArgs {
    #[command(flatten)]
    pub(crate) files: FileArgs,
    #[command(flatten)]
    pub(crate) conversion: ConversionArgs,
    /// Let SOPS's MAC cover only encrypted values; the default for manifests
    #[arg(long)]
    pub(crate) mac_only_encrypted: bool,
    /// One envelope for each document, or a single one for the whole stream as SOPS writes it
    #[arg(long, value_name = "LAYOUT", default_value = "documents")]
    pub(crate) layout: Layout,
    /// What a document is bound to: its name and namespace, only its namespace, or neither [default: name]
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Option<Scope>,
    /// Name that the rules of .sops.yaml and the format go by, for standard input or instead of the file's own
    #[arg(long, value_name = "PATH")]
    pub(crate) filename_override: Option<PathBuf>,
    /// Write out aliases and merge keys that reach into a secret value, instead of refusing them
    #[arg(long)]
    pub(crate) expand_aliases: bool,
    /// Remove annotations that repeat the secret in clear, instead of refusing them
    #[arg(long)]
    pub(crate) strip: bool,
    /// Keep the ciphertext of documents whose values are unchanged since this version, or `none` to encrypt all afresh
    /// [default: the output file, or for --in-place the file in git's HEAD]. A FILE is for a single input
    #[arg(long, value_name = "FILE|none", value_hint = ValueHint::FilePath)]
    pub(crate) previous: Option<Previous>,
    /// One data key for all files of this run that are for the same master keys: a key service is asked once, not once
    /// per file. Whoever gets the data key of one of these files can then read all of them
    #[arg(long)]
    pub(crate) shared_data_key: bool,
    /// Take manifests for mere data, as SOPS does: only those that answer as it say so.
    #[arg(skip)]
    pub(crate) as_data: bool,
    // Last: what follows would come under their headings.
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) master_keys: MasterKeyArgs,
    #[command(flatten)]
    pub(crate) key_access: KeyAccessArgs,
}

/// Decrypt files
///
/// Every document is verified before the first byte is written, so what arrives on stdout is complete and genuine.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = examples::DECRYPT)]
pub(crate) struct DecryptArgs {
    #[command(flatten)]
    pub(crate) files: FileArgs,
    #[command(flatten)]
    pub(crate) conversion: ConversionArgs,
    /// Refuse input that holds nothing encrypted, instead of passing it through
    #[arg(long)]
    pub(crate) require_encrypted: bool,
    /// Refuse envelopes that are not bound to their document, as those written by SOPS
    #[arg(long)]
    pub(crate) require_bound: bool,
    /// Namespace of documents that are bound to one but do not name it
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// Decrypt although MAC or binding fail, to save what is left of a damaged file: values may then have been moved,
    /// exchanged or removed by anybody
    #[arg(long, conflicts_with = "require_bound")]
    pub(crate) ignore_mac: bool,
    /// Take manifests for mere data, as SOPS does: only those that answer as it say so.
    #[arg(skip)]
    pub(crate) as_data: bool,
    #[command(flatten)]
    pub(crate) key_access: KeyAccessArgs,
}

/// Print one decrypted value
///
/// A text is printed as it is, without a line break; anything else as YAML or JSON, like the file.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = examples::GET)]
pub(crate) struct GetArgs {
    /// Encrypted file, or `-` for standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// Where the value stands: `["a"]["b"][0]`, or `a/b/0` with `~1` for `/` and `~0` for `~` in keys
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
    /// Document of a stream: KIND/NAME, KIND/NAMESPACE/NAME, or its number counted from 0
    #[arg(long, value_name = "DOCUMENT")]
    pub(crate) document: Option<DocumentChoice>,
    /// Print what the value stands for in Base64, as values below `data` of a Secret do
    #[arg(long, conflicts_with = "output_type")]
    pub(crate) decode: bool,
    /// Format of the file [default: by its name; by its text for standard input, YAML for pipes]
    #[arg(long = "input-type", visible_alias = "type", value_name = "TYPE")]
    pub(crate) file_type: Option<FileType>,
    #[command(flatten)]
    pub(crate) conversion: ConversionArgs,
    /// Namespace of a document that is bound to one but does not name it
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// A file that gets the value: only those that answer as SOPS say so.
    #[arg(skip)]
    pub(crate) output: Option<PathBuf>,
    /// As that of `decrypt`: only those that answer as SOPS say so.
    #[arg(skip)]
    pub(crate) ignore_mac: bool,
    /// As that of `decrypt`.
    #[arg(skip)]
    pub(crate) as_data: bool,
    #[command(flatten)]
    pub(crate) key_access: KeyAccessArgs,
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

/// What encrypt and decrypt read and write.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(crate) struct FileArgs {
    /// Files, directories (all YAML, JSON, dotenv and INI below) and patterns (`**/*.yaml`); none or `-` is standard input
    #[arg(value_name = "PATHS", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
    /// Replace the files
    #[arg(short, long, conflicts_with = "output")]
    pub(crate) in_place: bool,
    /// Write to this file [default: stdout]; one that is the input is replaced
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Format of the input [default: by the file's name; by its text for standard input, YAML for pipes]
    #[arg(long = "input-type", visible_alias = "type", value_name = "TYPE")]
    pub(crate) file_type: Option<FileType>,
}

/// Which values are secret; at most one of them.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[group(multiple = false)]
#[command(next_help_heading = "What is secret (at most one)")]
pub(crate) struct SelectionArgs {
    /// Values below keys that match
    #[arg(long, value_name = "REGEX")]
    pub(crate) encrypted_regex: Option<String>,
    /// All values but those below keys that match
    #[arg(long, value_name = "REGEX")]
    pub(crate) unencrypted_regex: Option<String>,
    /// Values below keys that end so
    #[arg(long, value_name = "SUFFIX")]
    pub(crate) encrypted_suffix: Option<String>,
    /// All values but those below keys that end so
    #[arg(long, value_name = "SUFFIX")]
    pub(crate) unencrypted_suffix: Option<String>,
    /// Values behind a comment that matches
    #[arg(long, value_name = "REGEX")]
    pub(crate) encrypted_comment_regex: Option<String>,
    /// All values but those behind a comment that matches
    #[arg(long, value_name = "REGEX")]
    pub(crate) unencrypted_comment_regex: Option<String>,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// A format of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileType {
    Yaml,
    Json,
    Dotenv,
    Ini,
    Binary,
}

/// How envelopes lie in a stream of several documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Layout {
    /// One for each document
    #[default]
    Documents,
    /// One for all, as SOPS writes it
    Sops,
}

/// The version whose ciphertext is kept where values are unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Previous {
    /// None; a file of that name is `./none`.
    Nothing,
    /// This file.
    File(PathBuf),
}

/// One document of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DocumentChoice {
    /// Counted from 0.
    Index(usize),
    /// By kind and name, and by namespace where that is said.
    Named { kind: String, namespace: Option<String>, name: String },
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
            | Command::Publish(_)
            | Command::Man(_)
            | Command::Status(_) => false,
            Command::Groups(arguments) => !arguments.file().in_place,
            Command::Encrypt(arguments) => arguments.files.go_to_stdout(),
            Command::Decrypt(arguments) => arguments.files.go_to_stdout(),
            Command::Set(arguments) => arguments.change.goes_to_stdout(),
            Command::Unset(arguments) => arguments.change.goes_to_stdout(),
            Command::Rotate(arguments) => arguments.files.go_to_stdout(),
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
            Self::Keyservice(_) => "keyservice",
            Self::Sops(_) => "sops",
            Self::Completion(_) => "completion",
            Self::Man(_) => "man",
        }
    }
}

impl From<FileType> for seal_core::format::Format {
    fn from(told: FileType) -> Self {
        match told {
            FileType::Yaml => Self::Yaml,
            FileType::Json => Self::Json,
            FileType::Dotenv => Self::Dotenv,
            FileType::Ini => Self::Ini,
            FileType::Binary => Self::Binary,
        }
    }
}

impl FileArgs {
    /// Whether the result goes to stdout.
    fn go_to_stdout(&self) -> bool {
        !self.in_place && self.output_file().is_none()
    }

    /// The output, if it is a file; `-` and `/dev/stdout` are none.
    pub(crate) fn output_file(&self) -> Option<&Path> {
        let is_stdout = |path: &Path| path == Path::new("-") || path == Path::new("/dev/stdout");
        self.output.as_deref().filter(|path| !is_stdout(path))
    }
}

impl FromStr for Previous {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "none" { Self::Nothing } else { Self::File(text.into()) })
    }
}

/// Text that is neither a number nor `KIND/NAME` nor `KIND/NAMESPACE/NAME`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected KIND/NAME, as in Secret/database, KIND/NAMESPACE/NAME or a number")]
pub(crate) struct NoDocumentChoice;

impl FromStr for DocumentChoice {
    type Err = NoDocumentChoice;

    fn from_str(text: &str) -> Result<Self, NoDocumentChoice> {
        if let Ok(index) = text.parse() {
            return Ok(Self::Index(index));
        }
        let parts: Vec<&str> = text.split('/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(NoDocumentChoice);
        }
        let (kind, namespace, name) = match parts[..] {
            [kind, name] => (kind, None, name),
            [kind, namespace, name] => (kind, Some(namespace.to_owned()), name),
            _ => return Err(NoDocumentChoice),
        };
        Ok(Self::Named { kind: kind.to_owned(), namespace, name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests;
