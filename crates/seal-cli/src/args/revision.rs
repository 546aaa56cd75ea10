//! Options of `edit`, `replace`, `rotate` and `bind`: what changes encrypted files.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{
    EncryptArgs, FileArgs, FileType, KeyAccessArgs, RotateSealedArgs, SealedValueArgs, examples,
};
use crate::scope::Scope;
use seal_core::envelope::MasterKey;

/// Edit encrypted files in an editor
///
/// The editor (SOPS_EDITOR, EDITOR, else vim, nano or vi) gets the decrypted file in a private directory, in memory where
/// the system has such a place. Values that stay keep their ciphertext, and a file that stays is not written. A file that
/// does not exist yet is begun with an example, and encrypted as `seal encrypt` would.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(after_help = examples::EDIT)]
pub(crate) struct EditArgs {
    /// Files to edit, one after the other
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
    /// Format of the files [default: by their names]
    #[arg(long = "input-type", visible_alias = "type", value_name = "TYPE")]
    pub(crate) file_type: Option<FileType>,
    /// Show the `sops` blocks as well, to change the recipients in them
    #[arg(short = 's', long)]
    pub(crate) show_master_keys: bool,
    /// Edit although MAC or binding fail, to repair a damaged file: look at every value, they may have been moved or
    /// exchanged by anybody
    #[arg(long)]
    pub(crate) ignore_mac: bool,
    #[command(flatten)]
    pub(crate) revision: RevisionArgs,
    #[command(flatten)]
    pub(crate) sealing: SealedValueArgs,
    /// Fail where nothing is changed: only those that answer as SOPS do.
    #[arg(skip)]
    pub(crate) refuse_unchanged: bool,
    /// How a file is encrypted that does not exist yet; without it as the rule in .sops.yaml says.
    #[arg(skip)]
    pub(crate) new_file: Option<Box<EncryptArgs>>,
}

/// Put a changed plaintext in the place of an encrypted file
///
/// Encrypts the plaintext with the data key and for the recipients of the encrypted file, which is verified first. Values
/// that stay keep their ciphertext, and a file in which nothing changed is not written.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = examples::REPLACE)]
pub(crate) struct ReplaceArgs {
    /// The encrypted file, which is replaced
    #[arg(value_name = "ENCRYPTED", value_hint = ValueHint::FilePath)]
    pub(crate) encrypted: PathBuf,
    /// The plaintext, or `-` for standard input
    #[arg(value_name = "PLAIN", default_value = "-", value_hint = ValueHint::FilePath)]
    pub(crate) plain: PathBuf,
    /// Format of both [default: by the name of the encrypted file]
    #[arg(long = "input-type", visible_alias = "type", value_name = "TYPE")]
    pub(crate) file_type: Option<FileType>,
    #[command(flatten)]
    pub(crate) revision: RevisionArgs,
}

/// Encrypt files again under new data keys
///
/// The new data key is wrapped for the recipients that the file's rule in .sops.yaml names. Whoever had the old one reads
/// nothing of what is written from now on; what is in git's history stays readable for them, so change the secrets too.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = examples::ROTATE)]
pub(crate) struct RotateArgs {
    #[command(flatten)]
    pub(crate) files: FileArgs,
    /// Keep recipients that the file has and its rule does not name, instead of refusing them
    #[arg(long)]
    pub(crate) accept_recipients: bool,
    #[command(flatten)]
    pub(crate) revision: RevisionArgs,
    #[command(flatten)]
    pub(crate) sealing: RotateSealedArgs,
    /// Change the recipients of the file instead of going by its rule: only those that answer as SOPS do.
    #[arg(skip)]
    pub(crate) recipients: Option<RecipientsChange>,
    /// Decrypt although the MAC fails: only those that answer as SOPS do.
    #[arg(skip)]
    pub(crate) ignore_mac: bool,
}

/// Tie envelopes that SOPS wrote to their documents
///
/// Each document is verified as far as SOPS allows and encrypted again under a new data key, bound to what it is: kind,
/// type, name and namespace, and all its secret keys. What is bound is shown; look at it, because SOPS's own MAC may not
/// have covered it. Documents that shared an envelope get one each.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = examples::BIND)]
pub(crate) struct BindArgs {
    #[command(flatten)]
    pub(crate) files: FileArgs,
    /// Show what would be bound and write nothing; exit code 5 where there is something
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// What documents are bound to: name and namespace, only the namespace, or neither [default: name]
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Option<Scope>,
    /// Keep recipients that the file has and its rule does not name, instead of refusing them
    #[arg(long)]
    pub(crate) accept_recipients: bool,
    #[command(flatten)]
    pub(crate) revision: RevisionArgs,
}

/// What all that change encrypted files have.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(crate) struct RevisionArgs {
    /// Namespace of documents that are bound to one but do not name it
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// Take manifests for mere data, as SOPS does: only those that answer as it say so.
    #[arg(skip)]
    pub(crate) as_data: bool,
    #[command(flatten)]
    pub(crate) key_access: KeyAccessArgs,
}

/// Recipients that a file gets or loses.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RecipientsChange {
    /// For its first group.
    pub(crate) add: Vec<MasterKey>,
    /// From every group.
    pub(crate) remove: Vec<MasterKey>,
}
