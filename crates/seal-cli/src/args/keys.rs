//! `seal keys`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::{FileType, KeyAccessArgs, MasterKeyArgs, examples};

/// Show who can read what; let somebody in or take somebody out
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = examples::KEYS, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    pub(crate) action: KeysAction,
}

/// What to do with the recipients of files.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub(crate) enum KeysAction {
    List(KeysListArgs),
    Add(KeysAddArgs),
    Remove(KeysRemoveArgs),
}

/// Show who can read what
///
/// For each recipient the files it can decrypt, and where that differs from what .sops.yaml says. Needs no key.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = examples::KEYS_LIST)]
pub(crate) struct KeysListArgs {
    /// Files, directories and patterns (`**/*.yaml`)
    #[arg(value_name = "PATHS", default_value = ".", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
    /// For each file its recipients, instead of for each recipient its files
    #[arg(long)]
    pub(crate) by_file: bool,
    /// Format of the files [default: by their names]
    #[arg(long = "input-type", visible_alias = "type", value_name = "TYPE")]
    pub(crate) file_type: Option<FileType>,
}

/// Let somebody read files
///
/// Wraps the data key of each file for the recipients as well. To keep it so, name them in .sops.yaml first, and run
/// `seal updatekeys`: that is all it takes. Here a recipient that the rule of a file does not name is refused unless
/// --accept-recipients is given.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = examples::KEYS_ADD)]
pub(crate) struct KeysAddArgs {
    #[command(flatten)]
    pub(crate) files: ChangedFilesArgs,
    /// Key group that they join, counted from 1
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    pub(crate) group: usize,
    #[command(flatten)]
    pub(crate) keys: NamedKeysArgs,
    #[command(flatten)]
    pub(crate) key_access: KeyAccessArgs,
}

/// Take somebody out of files
///
/// The files get a new data key and all their values are encrypted afresh, so that the old data key opens nothing that is
/// written from now on. What somebody could read, somebody may have kept: change the secrets themselves, too. Take
/// the recipients out of .sops.yaml first, or the next file is for them again.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = examples::KEYS_REMOVE)]
pub(crate) struct KeysRemoveArgs {
    #[command(flatten)]
    pub(crate) files: ChangedFilesArgs,
    #[command(flatten)]
    pub(crate) keys: NamedKeysArgs,
    #[command(flatten)]
    pub(crate) key_access: KeyAccessArgs,
}

/// Files whose recipients change.
#[derive(Clone, Debug, PartialEq, Args)]
pub(crate) struct ChangedFilesArgs {
    /// Files, directories and patterns (`**/*.yaml`); files that are not encrypted are passed over unless they are named
    #[arg(value_name = "PATHS", required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
    /// Only show what would change
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Go on with recipients that the rule of a file does not name
    #[arg(long)]
    pub(crate) accept_recipients: bool,
    /// Format of the files [default: by their names]
    #[arg(long = "input-type", visible_alias = "type", value_name = "TYPE")]
    pub(crate) file_type: Option<FileType>,
    /// Namespace of documents that are bound to one but do not name it
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
}

/// Who; without variables of the environment, which name the recipients of new files.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(next_help_heading = "Who (can be repeated, or hold several separated by commas)")]
pub(crate) struct NamedKeysArgs {
    /// Recipients of age
    #[arg(short, long, value_name = "RECIPIENT", value_delimiter = ',')]
    pub(crate) age: Vec<String>,
    /// Fingerprints of OpenPGP keys
    #[arg(short, long, value_name = "FINGERPRINT", value_delimiter = ',')]
    pub(crate) pgp: Vec<String>,
    /// ARNs of AWS KMS keys; `KEY+ROLE` assumes a role first
    #[arg(short, long, value_name = "ARN", value_delimiter = ',')]
    pub(crate) kms: Vec<String>,
    /// Profile of the AWS configuration for --kms
    #[arg(long, value_name = "PROFILE")]
    pub(crate) aws_profile: Option<String>,
    /// Encryption context for --kms, as in `app:shop,stage:prod`
    #[arg(long, value_name = "NAME:VALUE", value_delimiter = ',')]
    pub(crate) encryption_context: Vec<String>,
    /// Resource names of GCP KMS keys
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) gcp_kms: Vec<String>,
    /// URLs of keys in Azure Key Vault
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    pub(crate) azure_kv: Vec<String>,
    /// URLs of keys in the transit engine of Vault or OpenBao
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    pub(crate) hc_vault_transit: Vec<String>,
    /// HuaweiCloud KMS keys, REGION:ID
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    pub(crate) hckms: Vec<String>,
}

impl NamedKeysArgs {
    /// The same, as the options of `encrypt` name them.
    pub(crate) fn as_master_keys(&self) -> MasterKeyArgs {
        let named = self.clone();
        MasterKeyArgs {
            age: named.age,
            pgp: named.pgp,
            kms: named.kms,
            aws_profile: named.aws_profile,
            encryption_context: named.encryption_context,
            gcp_kms: named.gcp_kms,
            azure_kv: named.azure_kv,
            hc_vault_transit: named.hc_vault_transit,
            hckms: named.hckms,
            shamir_secret_sharing_threshold: None,
        }
    }
}
