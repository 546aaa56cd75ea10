//! `seal groups`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::keys::NamedKeysArgs;
use super::updatekeys::Manners;
use super::{FileType, KeyAccessArgs, examples};

/// Add a key group to a file, or delete one
///
/// Of several key groups, a number (the threshold) is needed to decrypt: one key of each. The data key stays, and is
/// shared among the groups anew.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = examples::GROUPS, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct GroupsArgs {
    #[command(subcommand)]
    pub(crate) action: GroupsAction,
}

impl GroupsArgs {
    /// The file, whatever is done with it.
    pub(crate) fn file(&self) -> &GroupsFileArgs {
        match &self.action {
            GroupsAction::Add(arguments) => &arguments.file,
            GroupsAction::Delete(arguments) => &arguments.file,
        }
    }
}

/// What to do with the groups of a file.
#[derive(Clone, Debug, PartialEq, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one in a run, and it is boxed")]
pub(crate) enum GroupsAction {
    Add(GroupsAddArgs),
    Delete(GroupsDeleteArgs),
}

/// Add a key group with these keys
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = examples::GROUPS_ADD)]
pub(crate) struct GroupsAddArgs {
    #[command(flatten)]
    pub(crate) file: GroupsFileArgs,
    #[command(flatten)]
    pub(crate) keys: NamedKeysArgs,
    #[command(flatten)]
    pub(crate) key_access: KeyAccessArgs,
}

/// Delete a key group
///
/// Whoever was in it may have kept a share of the data key: `seal rotate` gives the file a new one.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = examples::GROUPS_DELETE)]
pub(crate) struct GroupsDeleteArgs {
    /// Which group, counted from 0, as `sops` counts them
    #[arg(value_name = "INDEX")]
    pub(crate) index: usize,
    #[command(flatten)]
    pub(crate) file: GroupsFileArgs,
    #[command(flatten)]
    pub(crate) key_access: KeyAccessArgs,
}

/// The file, and where its new version goes.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(crate) struct GroupsFileArgs {
    /// The encrypted file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// Replace the file [default: write to stdout]
    #[arg(short, long)]
    pub(crate) in_place: bool,
    /// How many key groups are needed to decrypt [default: as before, or all where that was all]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) shamir_secret_sharing_threshold: Option<u32>,
    /// Go on with recipients that the rule of the file does not name
    #[arg(long)]
    pub(crate) accept_recipients: bool,
    /// Format of the file [default: by its name]
    #[arg(long = "input-type", visible_alias = "type", value_name = "TYPE")]
    pub(crate) file_type: Option<FileType>,
    /// Namespace of documents that are bound to one but do not name it
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// Whose manners are asked for; not typed.
    #[arg(skip)]
    pub(crate) manners: Manners,
}
