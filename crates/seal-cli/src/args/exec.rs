//! Options of `exec-env` and `exec-file`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{ConversionArgs, DocumentChoice, FileType, KeyAccessArgs, examples};

/// Run a command with decrypted values as environment variables
///
/// Each value at the top of a file becomes a variable; of Kubernetes Secrets those of `stringData` and, decoded, of
/// `data`. A file of several documents gives those of all. The exit code is that of the command; nothing is decrypted to
/// a file.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(after_help = examples::EXEC_ENV, override_usage = "seal exec-env [OPTIONS] FILE… -- COMMAND [ARGUMENT]…\n       seal exec-env [OPTIONS] FILE 'COMMAND OF A SHELL'")]
pub(crate) struct ExecEnvArgs {
    /// Encrypted files; a variable of a later one wins. Without `--`: one FILE, and a text for a shell
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<OsString>,
    /// Program and its arguments, without a shell
    #[arg(last = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    pub(crate) command: Vec<OsString>,
    /// Document of a stream: KIND/NAME, KIND/NAMESPACE/NAME, or its number counted from 0 [default: all]
    #[arg(long, value_name = "DOCUMENT")]
    pub(crate) document: Option<DocumentChoice>,
    /// Give nested values names too: the keys on the way, with SEPARATOR between them [default: refuse them]
    #[arg(long, value_name = "SEPARATOR", num_args = 0..=1, require_equals = true, default_missing_value = "_")]
    pub(crate) flatten: Option<String>,
    /// What to put before each name
    #[arg(long, value_name = "TEXT")]
    pub(crate) prefix: Option<String>,
    /// Give the command these variables and none of the environment
    #[arg(long)]
    pub(crate) pristine: bool,
    /// Allow names by which whoever writes a file decides what the command loads, as LD_PRELOAD
    #[arg(long)]
    pub(crate) allow_loader_variables: bool,
    /// Become the command instead of waiting for it
    #[arg(long, conflicts_with = "background")]
    pub(crate) same_process: bool,
    /// Do not wait for the command
    #[arg(long, hide = true)]
    pub(crate) background: bool,
    #[command(flatten)]
    pub(crate) run: ProgramArgs,
    #[command(flatten)]
    pub(crate) key_access: KeyAccessArgs,
}

/// Run a command with the decrypted file in place of `{}`
///
/// `{}` becomes the path of a pipe in a private directory, which can be read as often as it is opened; the plaintext is
/// on no disk. Programs that need a regular file (that seek in it, or open it twice at once) get one with `--no-fifo`,
/// in memory where the system has such a place, removed when the command ends. The exit code is that of the command.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(after_help = examples::EXEC_FILE, override_usage = "seal exec-file [OPTIONS] FILE -- COMMAND [ARGUMENT]…\n       seal exec-file [OPTIONS] FILE 'COMMAND OF A SHELL'")]
pub(crate) struct ExecFileArgs {
    /// Encrypted file; without `--`, a text for a shell follows
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<OsString>,
    /// Program and its arguments, without a shell
    #[arg(last = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    pub(crate) command: Vec<OsString>,
    /// A regular file instead of a pipe
    #[arg(long)]
    pub(crate) no_fifo: bool,
    /// Name of the file that the command sees, where its name matters: a relative path without `..`
    #[arg(long, value_name = "NAME", default_value = "tmp-file")]
    pub(crate) filename: PathBuf,
    /// Format that the command sees [default: that of the file, in which every other byte stays as it is]
    #[arg(long, value_name = "TYPE")]
    pub(crate) output_type: Option<FileType>,
    #[command(flatten)]
    pub(crate) run: ProgramArgs,
    #[command(flatten)]
    pub(crate) key_access: KeyAccessArgs,
}

/// What both have.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(crate) struct ProgramArgs {
    /// User that the command runs as, with that user's groups and home (for root only)
    #[arg(long, value_name = "USER", value_hint = ValueHint::Username)]
    pub(crate) user: Option<String>,
    /// Format of the files [default: by their names; by the text of standard input]
    #[arg(long = "input-type", visible_alias = "type", value_name = "TYPE")]
    pub(crate) file_type: Option<FileType>,
    /// Namespace of documents that are bound to one but do not name it
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// Take manifests for mere data, as SOPS does: only those that answer as it say so.
    #[arg(skip)]
    pub(crate) as_data: bool,
    /// How the file of `exec-file` is printed; the same.
    #[arg(skip)]
    pub(crate) conversion: ConversionArgs,
}
