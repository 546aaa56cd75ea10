//! Master keys: what wraps the data key of an envelope, and how an envelope names it.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use super::Field;
use super::block::Block;
use super::metadata::MetadataError;

/// Names a master key; finding and using it is the caller's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MasterKey {
    /// age, with SSH, plugin and post-quantum recipients too.
    Age {
        /// `age1…`, `ssh-…`
        recipient: String,
    },
    /// OpenPGP.
    Pgp {
        /// Of the key, or of a subkey with `!` behind it.
        fingerprint: String,
    },
    /// AWS KMS.
    AwsKms {
        /// Of the key.
        arn: String,
        /// ARN of a role to assume first.
        role: Option<String>,
        /// Encryption context.
        context: BTreeMap<String, String>,
        /// Profile of the AWS configuration.
        aws_profile: Option<String>,
    },
    /// GCP KMS.
    GcpKms {
        /// `projects/…/locations/…/keyRings/…/cryptoKeys/…`
        resource_id: String,
    },
    /// Azure Key Vault.
    AzureKeyVault {
        /// `https://….vault.azure.net`
        vault_url: String,
        /// Name of the key.
        name: String,
        /// Version of the key.
        version: String,
    },
    /// The transit engine of Vault or OpenBao.
    VaultTransit {
        /// `https://…`
        address: String,
        /// Where the engine is mounted.
        engine_path: String,
        /// Name of the key.
        key_name: String,
    },
    /// Huawei Cloud KMS.
    HuaweiKms {
        /// `region:uuid`
        key_id: String,
    },
}

/// The data key (or a group's share of it), wrapped by one master key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// What wrapped it.
    pub key: MasterKey,
    /// When, as RFC 3339; age entries have no date.
    pub created_at: Option<String>,
    /// The wrapped key as the master key's service gave it: armoured, base64 or a text of its own.
    pub enc: String,
}

impl fmt::Display for MasterKey {
    /// Names the key for messages, without control characters and never very long: the names come from files.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // They say themselves what they are.
            Self::Age { recipient } => Printable(recipient, 120).fmt(f),
            Self::Pgp { fingerprint } => write!(f, "PGP {}", Printable(fingerprint, 300)),
            Self::AwsKms { arn, .. } => write!(f, "AWS KMS {}", Printable(arn, 300)),
            Self::GcpKms { resource_id } => write!(f, "GCP KMS {}", Printable(resource_id, 300)),
            Self::AzureKeyVault { vault_url, name, version } => {
                let (vault_url, name) = (Printable(vault_url, 300), Printable(name, 300));
                write!(f, "Azure Key Vault {vault_url}/keys/{name}")?;
                match version.as_str() {
                    "" => Ok(()),
                    version => write!(f, "/{}", Printable(version, 300)),
                }
            }
            Self::VaultTransit { address, engine_path, key_name } => write!(
                f,
                "Vault {}/v1/{}/keys/{}",
                Printable(address, 300),
                Printable(engine_path, 300),
                Printable(key_name, 300)
            ),
            Self::HuaweiKms { key_id } => write!(f, "Huawei KMS {}", Printable(key_id, 300)),
        }
    }
}

impl MasterKey {
    /// The kinds of keys, as the lists of a key group are called, in the order in which SOPS reads, and so tries, their
    /// keys.
    pub const KINDS: [&'static str; 7] =
        ["kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp", "age"];

    /// Which of [`MasterKey::KINDS`] it is, and so the list that its entry stands in.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Age { .. } => "age",
            Self::Pgp { .. } => "pgp",
            Self::AwsKms { .. } => "kms",
            Self::GcpKms { .. } => "gcp_kms",
            Self::AzureKeyVault { .. } => "azure_kv",
            Self::VaultTransit { .. } => "hc_vault",
            Self::HuaweiKms { .. } => "hckms",
        }
    }

    /// The whole name in one line, as SOPS shows it: with role, context and profile where it has them.
    pub fn text(&self) -> String {
        match self {
            Self::Age { recipient } => recipient.clone(),
            Self::Pgp { fingerprint } => fingerprint.clone(),
            Self::AwsKms { arn, role, context, aws_profile } => {
                let role = role.iter().map(|role| format!("+{role}"));
                let mut text: String = std::iter::once(arn.clone()).chain(role).collect();
                let context: Vec<_> =
                    context.iter().map(|(name, value)| format!("{name}:{value}")).collect();
                let profile = aws_profile.as_deref().unwrap_or_default();
                if !context.is_empty() || !profile.is_empty() {
                    let _ = write!(text, "|{}", context.join(","));
                }
                if !profile.is_empty() {
                    let _ = write!(text, "|{profile}");
                }
                text
            }
            Self::GcpKms { resource_id } => resource_id.clone(),
            Self::AzureKeyVault { vault_url, name, version } => {
                format!("{vault_url}/keys/{name}/{version}")
            }
            Self::VaultTransit { address, engine_path, key_name } => {
                format!("{address}/v1/{engine_path}/keys/{key_name}")
            }
            Self::HuaweiKms { key_id } => key_id.clone(),
        }
    }

    /// Whether its entry says when it was made; those of age do not.
    pub fn is_dated(&self) -> bool {
        !matches!(self, Self::Age { .. })
    }

    fn read(list: &str, entry: &Block<'_, '_>) -> Result<Self, MetadataError> {
        Ok(match list {
            "kms" => Self::AwsKms {
                arn: entry.text("arn")?,
                role: entry.optional_text("role")?,
                context: entry.texts("context")?.into_iter().collect(),
                aws_profile: entry.optional_text("aws_profile")?,
            },
            "gcp_kms" => Self::GcpKms { resource_id: entry.text("resource_id")? },
            "hckms" => Self::HuaweiKms { key_id: entry.text("key_id")? },
            "azure_kv" => Self::AzureKeyVault {
                vault_url: entry.text("vault_url")?,
                name: entry.text("name")?,
                version: entry.text("version")?,
            },
            "hc_vault" => Self::VaultTransit {
                address: entry.text("vault_address")?,
                engine_path: entry.text("engine_path")?,
                key_name: entry.text("key_name")?,
            },
            "pgp" => Self::Pgp { fingerprint: entry.text("fp")? },
            _ => Self::Age { recipient: entry.text("recipient")? },
        })
    }

    /// The fields of its entry that name it.
    fn fields(&self) -> Vec<(String, Field)> {
        let text = |name: &str, text: &str| (name.to_owned(), Field::Text(text.to_owned()));
        match self {
            Self::Age { recipient } => vec![text("recipient", recipient)],
            Self::Pgp { fingerprint } => vec![text("fp", fingerprint)],
            Self::AwsKms { arn, role, context, aws_profile } => {
                let mut fields = vec![
                    text("arn", arn),
                    text("aws_profile", aws_profile.as_deref().unwrap_or("")),
                ];
                fields.extend(role.as_deref().map(|role| text("role", role)));
                if !context.is_empty() {
                    let context = context.iter().map(|(key, value)| text(key, value)).collect();
                    fields.push(("context".to_owned(), Field::Map(context)));
                }
                fields
            }
            Self::GcpKms { resource_id } => vec![text("resource_id", resource_id)],
            Self::AzureKeyVault { vault_url, name, version } => {
                vec![text("vault_url", vault_url), text("name", name), text("version", version)]
            }
            Self::VaultTransit { address, engine_path, key_name } => vec![
                text("vault_address", address),
                text("engine_path", engine_path),
                text("key_name", key_name),
            ],
            Self::HuaweiKms { key_id } => vec![text("key_id", key_id)],
        }
    }
}

impl WrappedKey {
    /// Reads an entry of one of [`MasterKey::KINDS`].
    pub(super) fn read(list: &str, entry: &Block<'_, '_>) -> Result<Self, MetadataError> {
        let created_at = if list == "age" { None } else { Some(entry.date("created_at")?) };
        Ok(Self { key: MasterKey::read(list, entry)?, created_at, enc: entry.text("enc")? })
    }

    /// Its entry in the list.
    pub(super) fn field(&self) -> Field {
        let mut fields = self.key.fields();
        fields.push(("enc".to_owned(), Field::Text(self.enc.clone())));
        if let Some(date) = &self.created_at {
            fields.push(("created_at".to_owned(), Field::Text(date.clone())));
        }
        Field::sorted_map(fields)
    }
}

/// A text without control characters, which would reach a terminal or forge lines of a message. Post-quantum recipients
/// have 2,000 characters; the two ends tell them apart. Longer ones than so many characters are cut.
struct Printable<'a>(&'a str, usize);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (length, longest) = (self.0.chars().count(), self.1);
        for (index, character) in self.0.chars().enumerate() {
            match index {
                20 if length > longest => f.write_str("…")?,
                index if length > longest && (20..length - 8).contains(&index) => {}
                _ if character.is_control() => f.write_str("\u{fffd}")?,
                _ => f.write_char(character)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_key() {
        let kms = MasterKey::AwsKms {
            arn: "arn:aws:kms:eu-west-1:1:key/k".to_owned(),
            role: None,
            context: BTreeMap::new(),
            aws_profile: None,
        };
        let vault = MasterKey::VaultTransit {
            address: "https://vault:8200".to_owned(),
            engine_path: "a/transit".to_owned(),
            key_name: "k".to_owned(),
        };
        let azure = |version: &str| MasterKey::AzureKeyVault {
            vault_url: "https://v".to_owned(),
            name: "n".to_owned(),
            version: version.to_owned(),
        };
        assert_eq!(kms.to_string(), "AWS KMS arn:aws:kms:eu-west-1:1:key/k");
        assert_eq!(vault.to_string(), "Vault https://vault:8200/v1/a/transit/keys/k");
        assert_eq!(azure("1").to_string(), "Azure Key Vault https://v/keys/n/1");
        assert_eq!(azure("").to_string(), "Azure Key Vault https://v/keys/n");
    }

    #[test]
    fn the_whole_name_is_that_of_sops() {
        let mut context = BTreeMap::from([("b".to_owned(), "2".to_owned())]);
        context.insert("a".to_owned(), "1".to_owned());
        let kms = |role: Option<&str>,
                   context: &BTreeMap<String, String>,
                   profile: Option<&str>| {
            let (role, aws_profile) = (role.map(str::to_owned), profile.map(str::to_owned));
            MasterKey::AwsKms { arn: "arn".to_owned(), role, context: context.clone(), aws_profile }
                .text()
        };
        assert_eq!(kms(None, &BTreeMap::new(), None), "arn");
        assert_eq!(kms(Some("role"), &context, None), "arn+role|a:1,b:2");
        assert_eq!(kms(Some("role"), &BTreeMap::new(), Some("ci")), "arn+role||ci");
        let azure = |version: &str| {
            let (vault_url, name) = ("https://v".to_owned(), "n".to_owned());
            MasterKey::AzureKeyVault { vault_url, name, version: version.to_owned() }.text()
        };
        assert_eq!(azure("0a"), "https://v/keys/n/0a");
    }

    #[test]
    fn messages_carry_no_control_characters() {
        let key = MasterKey::Age { recipient: "age1\u{1b}[2Jx\n".to_owned() };
        assert_eq!(key.to_string(), "age1\u{fffd}[2Jx\u{fffd}");
    }

    #[test]
    fn very_long_names_are_cut_in_the_middle() {
        let key = MasterKey::Age { recipient: format!("age1pq1{}end", "é".repeat(2000)) };
        assert_eq!(key.to_string(), "age1pq1ééééééééééééé…éééééend");
    }
}
