//! `seal verify`

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{FileType, KeyAccessArgs, ReportArgs, SealingKeyArgs, examples};
use crate::cluster::ClusterArgs;

/// Verify encrypted files, and print nothing of them
///
/// Decrypts each file in memory as `decrypt` does: MACs and bindings have to hold. Files without anything encrypted
/// pass.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = examples::VERIFY)]
pub(crate) struct VerifyArgs {
    /// Files, directories and patterns (`**/*.yaml`); `-` is standard input
    /// [default: the working directory]
    #[arg(value_name = "PATHS", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
    /// Refuse files that hold nothing encrypted, and Secrets in clear
    #[arg(long)]
    pub(crate) require_encrypted: bool,
    /// Refuse envelopes that are not bound to their document, as those written by SOPS
    #[arg(long)]
    pub(crate) require_bound: bool,
    /// Namespace of documents that are bound to one but do not name it
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// Format of the input [default: by the file's name; by its text for standard input, YAML for pipes]
    #[arg(long = "input-type", visible_alias = "type", value_name = "TYPE")]
    pub(crate) file_type: Option<FileType>,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) key_access: KeyAccessArgs,
    #[command(flatten)]
    pub(crate) sealing_keys: SealingKeyArgs,
    /// Ask the controller of a cluster whether it can open the SealedSecrets
    #[arg(long, conflicts_with = "sealing_key", help_heading = "SealedSecrets")]
    pub(crate) cluster: bool,
    #[command(flatten)]
    pub(crate) access: ClusterArgs,
}
