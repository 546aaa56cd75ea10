//! Options of `encrypt`.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum, ValueHint};

use super::{ConversionArgs, FileArgs, KeyAccessArgs, MasterKeyArgs, SealingArgs, examples};
use crate::scope::Scope;

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
    /// What a document is bound to: its name and namespace, only its namespace, or neither [default: name]. With
    /// --cluster also called strict, namespace-wide and cluster-wide [default: as the Secret's annotations say]
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
    #[command(flatten)]
    pub(crate) sealing: SealingArgs,
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

impl FromStr for Previous {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "none" { Self::Nothing } else { Self::File(text.into()) })
    }
}
