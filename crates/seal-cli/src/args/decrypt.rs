//! Options of `decrypt` and `get`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{
    ConversionArgs, DocumentChoice, FileArgs, FileType, KeyAccessArgs, SealingKeyArgs, examples,
};

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
    #[command(flatten)]
    pub(crate) sealing_keys: SealingKeyArgs,
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
    #[command(flatten)]
    pub(crate) sealing_keys: SealingKeyArgs,
}
