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

    /// Whether an envelope for `self` is one for `other`: the same key, reached in the same way. Spellings do not matter
    /// (blanks and case of a fingerprint, slashes at the end of an address, the comment behind an SSH key), nor does a
    /// version of Azure's that `self` does not name: that is the newest one, which the envelope then names.
    pub fn stands_for(&self, other: &Self) -> bool {
        if self == other {
            return true;
        }
        match (self.normal(), other.normal()) {
            (
                Self::AzureKeyVault { vault_url: a, name: of_a, version },
                Self::AzureKeyVault { vault_url: b, name: of_b, .. },
            ) if version.is_empty() => (a, of_a) == (b, of_b),
            (a, b) => a == b,
        }
    }

    /// Whether `self` lets the same people in as `other`, by whatever role or profile they come.
    pub fn admits_as(&self, other: &Self) -> bool {
        let bare = |key: &Self| match key.clone() {
            Self::AwsKms { arn, context, .. } => {
                Self::AwsKms { arn, role: None, context, aws_profile: None }
            }
            key => key,
        };
        bare(self).stands_for(&bare(other))
    }

    /// The one spelling among several that mean the same key.
    fn normal(&self) -> Self {
        let address = |text: &str| {
            let (scheme, rest) = text.trim().split_once("://").unwrap_or(("", text.trim()));
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let (scheme, host) = (scheme.to_ascii_lowercase(), host.to_ascii_lowercase());
            format!("{scheme}://{host}/{}", path.trim_end_matches('/'))
        };
        let solid = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        match self.clone() {
            Self::Age { recipient } => {
                let mut words = recipient.split_ascii_whitespace();
                let recipient = match (words.next(), words.next()) {
                    (Some(kind), Some(key)) => format!("{kind} {key}"),
                    // Bech32 is all of one case.
                    _ => recipient.trim().to_ascii_lowercase(),
                };
                Self::Age { recipient }
            }
            Self::Pgp { fingerprint } => {
                let fingerprint = solid(&fingerprint).to_ascii_uppercase();
                let bare = fingerprint.strip_prefix("0X").unwrap_or(&fingerprint);
                Self::Pgp { fingerprint: bare.to_owned() }
            }
            Self::AwsKms { arn, role, context, aws_profile } => {
                Self::AwsKms { arn: solid(&arn), role, context, aws_profile }
            }
            Self::GcpKms { resource_id } => Self::GcpKms { resource_id: solid(&resource_id) },
            Self::AzureKeyVault { vault_url, name, version } => {
                Self::AzureKeyVault { vault_url: address(&vault_url), name, version }
            }
            Self::VaultTransit { address: server, engine_path, key_name } => Self::VaultTransit {
                address: address(&server),
                engine_path: engine_path.trim_matches('/').to_owned(),
                key_name,
            },
            Self::HuaweiKms { key_id } => Self::HuaweiKms { key_id },
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
    fn a_key_is_the_same_however_it_is_spelled() {
        let age = |text: &str| MasterKey::Age { recipient: text.to_owned() };
        let pgp = |text: &str| MasterKey::Pgp { fingerprint: text.to_owned() };
        let vault = |address: &str, engine: &str| MasterKey::VaultTransit {
            address: address.to_owned(),
            engine_path: engine.to_owned(),
            key_name: "k".to_owned(),
        };
        let azure = |url: &str, version: &str| MasterKey::AzureKeyVault {
            vault_url: url.to_owned(),
            name: "n".to_owned(),
            version: version.to_owned(),
        };
        for (a, b) in [
            (age("age1abc"), age("AGE1ABC")),
            (age("ssh-ed25519 AAAA me@home"), age("ssh-ed25519  AAAA")),
            (pgp("1022 470d E3F0"), pgp("0x1022470DE3F0")),
            (vault("https://V:8200/", "transit/"), vault("https://v:8200", "transit")),
            (azure("https://v.vault.azure.net/", ""), azure("https://V.vault.azure.net", "0a")),
        ] {
            assert!(a.stands_for(&b), "{a} {b}");
        }
        for (a, b) in [
            (age("ssh-ed25519 AAAA"), age("ssh-ed25519 AAAa")),
            (pgp("1022470DE3F0"), pgp("70DE3F0")),
            (pgp("1022470DE3F0!"), pgp("1022470DE3F0")),
            (vault("https://v:8200", "transit"), vault("http://v:8200", "transit")),
            (vault("https://v", "transit"), vault("https://v", "Transit")),
            (azure("https://v", "0a"), azure("https://v", "")),
        ] {
            assert!(!a.stands_for(&b), "{a} {b}");
        }
    }

    #[test]
    fn a_role_or_a_profile_lets_nobody_else_in_and_a_context_may() {
        let kms =
            |role: Option<&str>, context: Option<&str>, profile: Option<&str>| MasterKey::AwsKms {
                arn: "arn:aws:kms:eu-west-1:1:key/k".to_owned(),
                role: role.map(str::to_owned),
                context: context.map(|of| ("app".to_owned(), of.to_owned())).into_iter().collect(),
                aws_profile: profile.map(str::to_owned),
            };
        let plain = kms(None, None, None);
        for other in [kms(Some("r"), None, None), kms(None, None, Some("ci"))] {
            assert!(!plain.stands_for(&other) && plain.admits_as(&other));
        }
        assert!(!plain.admits_as(&kms(None, Some("shop"), None)));
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
