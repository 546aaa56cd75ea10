//! The messages of SOPS's gRPC service `KeyService` (proto3, no package). The numbers are the wire format.

use std::collections::HashMap;
use std::fmt;

use prost::{Message, Oneof};
use seal_core::envelope::MasterKey;
use zeroize::Zeroize;

/// Full names of the methods.
pub(super) const ENCRYPT: &str = "/KeyService/Encrypt";
pub(super) const DECRYPT: &str = "/KeyService/Decrypt";

/// No request or answer is longer: an armoured data key, with an encryption context.
pub(super) const LONGEST: usize = 1024 * 1024;

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct EncryptRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) key: Option<Key>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) plaintext: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct EncryptResponse {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) ciphertext: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct DecryptRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) key: Option<Key>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) ciphertext: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct DecryptResponse {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) plaintext: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Key {
    #[prost(oneof = "KeyType", tags = "1, 2, 3, 4, 5, 6, 7")]
    key_type: Option<KeyType>,
}

#[derive(Clone, PartialEq, Oneof)]
enum KeyType {
    #[prost(message, tag = "1")]
    Kms(Kms),
    #[prost(message, tag = "2")]
    Pgp(Pgp),
    #[prost(message, tag = "3")]
    GcpKms(GcpKms),
    #[prost(message, tag = "4")]
    AzureKeyVault(AzureKeyVault),
    #[prost(message, tag = "5")]
    Vault(Vault),
    #[prost(message, tag = "6")]
    Age(Age),
    #[prost(message, tag = "7")]
    HuaweiKms(HuaweiKms),
}

#[derive(Clone, PartialEq, Message)]
struct Kms {
    #[prost(string, tag = "1")]
    arn: String,
    #[prost(string, tag = "2")]
    role: String,
    #[prost(map = "string, string", tag = "3")]
    context: HashMap<String, String>,
    #[prost(string, tag = "4")]
    aws_profile: String,
}

#[derive(Clone, PartialEq, Message)]
struct Pgp {
    #[prost(string, tag = "1")]
    fingerprint: String,
}

#[derive(Clone, PartialEq, Message)]
struct GcpKms {
    #[prost(string, tag = "1")]
    resource_id: String,
}

#[derive(Clone, PartialEq, Message)]
struct AzureKeyVault {
    #[prost(string, tag = "1")]
    vault_url: String,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "3")]
    version: String,
}

#[derive(Clone, PartialEq, Message)]
struct Vault {
    #[prost(string, tag = "1")]
    vault_address: String,
    #[prost(string, tag = "2")]
    engine_path: String,
    #[prost(string, tag = "3")]
    key_name: String,
}

#[derive(Clone, PartialEq, Message)]
struct Age {
    #[prost(string, tag = "1")]
    recipient: String,
}

#[derive(Clone, PartialEq, Message)]
struct HuaweiKms {
    #[prost(string, tag = "1")]
    key_id: String,
}

impl From<&MasterKey> for Key {
    fn from(key: &MasterKey) -> Self {
        let key_type = match key.clone() {
            MasterKey::Age { recipient } => KeyType::Age(Age { recipient }),
            MasterKey::Pgp { fingerprint } => KeyType::Pgp(Pgp { fingerprint }),
            MasterKey::AwsKms { arn, role, context, aws_profile } => KeyType::Kms(Kms {
                arn,
                role: role.unwrap_or_default(),
                context: context.into_iter().collect(),
                aws_profile: aws_profile.unwrap_or_default(),
            }),
            MasterKey::GcpKms { resource_id } => KeyType::GcpKms(GcpKms { resource_id }),
            MasterKey::AzureKeyVault { vault_url, name, version } => {
                KeyType::AzureKeyVault(AzureKeyVault { vault_url, name, version })
            }
            MasterKey::VaultTransit { address, engine_path, key_name } => {
                KeyType::Vault(Vault { vault_address: address, engine_path, key_name })
            }
            MasterKey::HuaweiKms { key_id } => KeyType::HuaweiKms(HuaweiKms { key_id }),
        };
        Self { key_type: Some(key_type) }
    }
}

impl Key {
    /// The key that it names; `None` for one of a kind that is not known here.
    pub(super) fn master_key(self) -> Option<MasterKey> {
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        Some(match self.key_type? {
            KeyType::Age(Age { recipient }) => MasterKey::Age { recipient },
            KeyType::Pgp(Pgp { fingerprint }) => MasterKey::Pgp { fingerprint },
            KeyType::Kms(Kms { arn, role, context, aws_profile }) => MasterKey::AwsKms {
                arn,
                role: given(role),
                context: context.into_iter().collect(),
                aws_profile: given(aws_profile),
            },
            KeyType::GcpKms(GcpKms { resource_id }) => MasterKey::GcpKms { resource_id },
            KeyType::AzureKeyVault(AzureKeyVault { vault_url, name, version }) => {
                MasterKey::AzureKeyVault { vault_url, name, version }
            }
            KeyType::Vault(Vault { vault_address, engine_path, key_name }) => {
                MasterKey::VaultTransit { address: vault_address, engine_path, key_name }
            }
            KeyType::HuaweiKms(HuaweiKms { key_id }) => MasterKey::HuaweiKms { key_id },
        })
    }
}

// What is in the buffers of the connection is out of reach; what is here is wiped.
impl Drop for EncryptRequest {
    fn drop(&mut self) {
        self.plaintext.zeroize();
    }
}

impl Drop for DecryptResponse {
    fn drop(&mut self) {
        self.plaintext.zeroize();
    }
}

impl fmt::Debug for EncryptRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptRequest").field("key", &self.key).finish_non_exhaustive()
    }
}

impl fmt::Debug for DecryptResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DecryptResponse(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Vec<MasterKey> {
        let text = str::to_owned;
        vec![
            MasterKey::AwsKms {
                arn: text("arn:k"),
                role: Some(text("arn:r")),
                context: [(text("a"), text("b"))].into(),
                aws_profile: None,
            },
            MasterKey::Pgp { fingerprint: text("AB") },
            MasterKey::GcpKms { resource_id: text("projects/p") },
            MasterKey::AzureKeyVault {
                vault_url: text("https://v"),
                name: text("n"),
                version: text("1"),
            },
            MasterKey::VaultTransit {
                address: text("https://v"),
                engine_path: text("e"),
                key_name: text("k"),
            },
            MasterKey::Age { recipient: text("age1") },
            MasterKey::HuaweiKms { key_id: text("r:k") },
        ]
    }

    #[test]
    fn every_kind_of_key_has_its_number_on_the_wire() {
        for (index, key) in keys().iter().enumerate() {
            let bytes = Key::from(key).encode_to_vec();
            // A field's number, with the wire type of a message.
            assert_eq!(usize::from(bytes[0]), (index + 1) << 3 | 2, "{key}");
            assert_eq!(Key::decode(&*bytes).unwrap().master_key().as_ref(), Some(key));
        }
    }

    #[test]
    fn a_request_is_what_protoc_makes_of_it() {
        let key = Key::from(&MasterKey::Age { recipient: "x".to_owned() });
        let request = EncryptRequest { key: Some(key), plaintext: vec![7, 8] };
        assert_eq!(request.encode_to_vec(), b"\x0a\x05\x32\x03\x0a\x01x\x12\x02\x07\x08");
        let vault = &keys()[4];
        let bytes = Key::from(vault).encode_to_vec();
        assert_eq!(bytes, b"\x2a\x11\x0a\x09https://v\x12\x01e\x1a\x01k");
    }

    #[test]
    fn debug_shows_no_data_key() {
        let request = EncryptRequest { key: None, plaintext: vec![201; 32] };
        let response = DecryptResponse { plaintext: vec![201; 32] };
        assert!(!format!("{request:?} {response:?}").contains("201"));
    }
}
