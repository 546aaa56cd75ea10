//! Master keys: what wraps the data key of an envelope.

use std::collections::BTreeMap;

/// A master key, named the way SOPS names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MasterKey {
    /// An age recipient.
    Age {
        /// `age1…`
        recipient: String,
    },
    /// An OpenPGP key.
    Pgp {
        /// Hexadecimal, without blanks.
        fingerprint: String,
    },
    /// A key of AWS KMS.
    AwsKms {
        /// The ARN of the key.
        arn: String,
        /// The ARN of a role to assume.
        role: Option<String>,
        /// The encryption context.
        context: BTreeMap<String, String>,
        /// The profile of the AWS configuration.
        aws_profile: Option<String>,
    },
    /// A key of Google Cloud KMS.
    GcpKms {
        /// `projects/…/cryptoKeys/…`
        resource_id: String,
    },
    /// A key of Azure Key Vault.
    AzureKeyVault {
        /// `https://…`
        vault_url: String,
        /// Name of the key.
        name: String,
        /// Version of the key; may be empty.
        version: String,
    },
    /// A transit key of HashiCorp Vault or OpenBao.
    VaultTransit {
        /// Scheme and host.
        address: String,
        /// Path of the transit engine.
        engine_path: String,
        /// Name of the key.
        key_name: String,
    },
    /// A key of HuaweiCloud KMS.
    HuaweiKms {
        /// `region:uuid`
        key_id: String,
    },
}

impl std::fmt::Display for MasterKey {
    /// Names the key for messages.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Age { recipient } => write!(f, "age {recipient}"),
            Self::Pgp { fingerprint } => write!(f, "PGP {fingerprint}"),
            Self::AwsKms { arn, .. } => write!(f, "AWS KMS {arn}"),
            Self::GcpKms { resource_id } => write!(f, "GCP KMS {resource_id}"),
            Self::AzureKeyVault { vault_url, name, version } => {
                write!(f, "Azure Key Vault {vault_url}/keys/{name}/{version}")
            }
            Self::VaultTransit { address, engine_path, key_name } => {
                write!(f, "Vault {address}/v1/{engine_path}/keys/{key_name}")
            }
            Self::HuaweiKms { key_id } => write!(f, "Huawei KMS {key_id}"),
        }
    }
}

/// Master keys of which any one suffices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyGroup {
    /// In the order of the file.
    pub keys: Vec<WrappedKey>,
}

/// A data key wrapped by one master key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// What wrapped it.
    pub key: MasterKey,
    /// When, for the kinds that record it.
    pub created_at: Option<String>,
    /// The wrapped key, in the text form of the kind.
    pub enc: String,
}
