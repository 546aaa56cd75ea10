//! Options of `publish`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{FileType, KeyAccessArgs, examples};

/// Upload encrypted files to where the destination rules of .sops.yaml say
///
/// Buckets of S3 and Google Cloud Storage get the file as it is, or encrypted anew for the keys of `recreation_rule`. The
/// key-value engine of Vault gets the values in clear, unless it has them already. The first rule counts whose
/// `path_regex` matches the path as it is typed.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(after_help = examples::PUBLISH)]
pub(crate) struct PublishArgs {
    /// Encrypted file, or a directory with --recursive
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) path: PathBuf,
    /// All files below a directory; their names there begin below it
    #[arg(long)]
    pub(crate) recursive: bool,
    /// Ask nothing
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Say what would be uploaded where, and check all that can be checked without doing it
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Leave the extension out of the name there, whatever the rule says
    #[arg(long)]
    pub(crate) omit_extensions: bool,
    /// Format of the files [default: by their names]
    #[arg(long = "input-type", visible_alias = "type", value_name = "TYPE")]
    pub(crate) file_type: Option<FileType>,
    /// Namespace of documents that are bound to one but do not name it
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// Encrypt anew as SOPS does, manifests as mere data: only those that answer as it say so.
    #[arg(skip)]
    pub(crate) as_data: bool,
    #[command(flatten)]
    pub(crate) key_access: KeyAccessArgs,
}
