//! `seal updatekeys`

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{FileType, KeyAccessArgs, examples};

/// Give encrypted files the recipients that .sops.yaml names today
///
/// The values and their data key stay as they are; the data key is wrapped for who is new, and the entries of who is
/// not named any more go. Whoever was taken out may have kept the data key: `seal rotate` gives the files a new one.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(after_help = examples::UPDATEKEYS)]
pub(crate) struct UpdatekeysArgs {
    /// Files, directories and patterns (`**/*.yaml`); files that are not encrypted are passed over unless they are named
    #[arg(value_name = "PATHS", required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
    /// Do not ask
    #[arg(short, long, conflicts_with = "dry_run")]
    pub(crate) yes: bool,
    /// Only show what would change; the exit code is 5 where a file differs from its rule
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Format of the files [default: by their names]
    #[arg(long = "input-type", visible_alias = "type", value_name = "TYPE")]
    pub(crate) file_type: Option<FileType>,
    /// Namespace of documents that are bound to one but do not name it
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// How many key groups are needed to decrypt, instead of what .sops.yaml says
    #[arg(long, value_name = "NUMBER")]
    pub(crate) shamir_secret_sharing_threshold: Option<u32>,
    #[command(flatten)]
    pub(crate) key_access: KeyAccessArgs,
    /// Whose manners are asked for; not typed.
    #[arg(skip)]
    pub(crate) manners: Manners,
}

/// How a command about recipients goes about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Manners {
    /// Files are verified first, and the rule's threshold counts.
    #[default]
    Seal,
    /// As `sops` does: nothing is verified, a file keeps its threshold as far as it has so many groups, and questions are
    /// asked and answered on stdout and stdin, for one file after the other.
    Sops,
}
