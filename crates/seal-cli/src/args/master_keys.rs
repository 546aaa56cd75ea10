//! Options that name master keys, and options on how they are reached.

use clap::Args;
use seal_keys::remote::RemoteUri;
use seal_keys::{DecryptionOrder, OrderError};

/// For whom to encrypt.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(next_help_heading = "For whom (instead of the master keys in .sops.yaml)")]
pub(crate) struct MasterKeyArgs {
    /// Recipients of age (these options can be repeated, or hold several separated by commas)
    /// [env: SOPS_AGE_RECIPIENTS]
    #[arg(short, long, value_name = "RECIPIENT", value_delimiter = ',')]
    pub(crate) age: Vec<String>,
    /// Fingerprints of OpenPGP keys [env: SOPS_PGP_FP]
    #[arg(short, long, value_name = "FINGERPRINT", value_delimiter = ',')]
    pub(crate) pgp: Vec<String>,
    /// ARNs of AWS KMS keys; `KEY+ROLE` assumes a role first [env: SOPS_KMS_ARN]
    #[arg(short, long, value_name = "ARN", value_delimiter = ',')]
    pub(crate) kms: Vec<String>,
    /// Profile of the AWS configuration for --kms
    #[arg(long, value_name = "PROFILE")]
    pub(crate) aws_profile: Option<String>,
    /// Encryption context for --kms, as in `app:shop,stage:prod`
    #[arg(long, value_name = "NAME:VALUE", value_delimiter = ',')]
    pub(crate) encryption_context: Vec<String>,
    /// Resource names of GCP KMS keys [env: SOPS_GCP_KMS_IDS]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) gcp_kms: Vec<String>,
    /// URLs of keys in Azure Key Vault [env: SOPS_AZURE_KEYVAULT_URLS]
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    pub(crate) azure_kv: Vec<String>,
    /// URLs of keys in the transit engine of Vault or OpenBao [env: SOPS_VAULT_URIS]
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    pub(crate) hc_vault_transit: Vec<String>,
    /// HuaweiCloud KMS keys, REGION:ID [env: SOPS_HUAWEICLOUD_KMS_IDS]
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    pub(crate) hckms: Vec<String>,
    /// How many key groups are needed to decrypt, instead of what .sops.yaml says
    #[arg(long, value_name = "NUMBER")]
    pub(crate) shamir_secret_sharing_threshold: Option<u32>,
}

/// How master keys are reached.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(next_help_heading = "How master keys are reached")]
pub(crate) struct KeyAccessArgs {
    /// Kinds of keys to try first, as in `age,pgp,kms` [default: age,pgp] [env: SOPS_DECRYPTION_ORDER]
    #[arg(long, value_name = "KINDS", value_parser = order)]
    pub(crate) decryption_order: Option<DecryptionOrder>,
    /// Key service to ask after this machine's own keys: unix:///PATH or tcp://HOST:PORT (can be repeated)
    /// [env: SOPS_KEYSERVICE]
    #[arg(long, value_name = "URI", value_delimiter = ',')]
    pub(crate) keyservice: Vec<RemoteUri>,
    /// Whether to use this machine's own keys; `false` leaves all to --keyservice [default: true]
    /// [env: SOPS_ENABLE_LOCAL_KEYSERVICE]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) enable_local_keyservice: Option<bool>,
}

fn order(text: &str) -> Result<DecryptionOrder, OrderError> {
    text.parse()
}
