//! The file as serde sees it: types, and which keys nobody reads.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_yaml::Value;

use super::unknown::unknown_key;
use super::{ConfigError, ConfigWarning, JsonIndent};
use crate::scope::Scope;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawConfig {
    pub(super) creation_rules: Option<Vec<RawRule>>,
    pub(super) destination_rules: Option<Vec<RawDestination>>,
    pub(super) stores: Option<RawStores>,
    pub(super) seal: Option<RawSeal>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawRule {
    pub(super) path_regex: Option<String>,
    pub(super) age: Words,
    pub(super) pgp: Words,
    pub(super) kms: Words,
    pub(super) aws_profile: Option<String>,
    pub(super) gcp_kms: Words,
    pub(super) hckms: Words,
    pub(super) azure_keyvault: Words,
    pub(super) hc_vault_transit_uri: Words,
    pub(super) key_groups: Option<Vec<RawGroup>>,
    pub(super) shamir_threshold: Option<u32>,
    pub(super) unencrypted_suffix: Option<String>,
    pub(super) encrypted_suffix: Option<String>,
    pub(super) unencrypted_regex: Option<String>,
    pub(super) encrypted_regex: Option<String>,
    pub(super) unencrypted_comment_regex: Option<String>,
    pub(super) encrypted_comment_regex: Option<String>,
    pub(super) mac_only_encrypted: Option<bool>,
    pub(super) seal: Option<RawSeal>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawDestination {
    pub(super) path_regex: Option<String>,
    pub(super) s3_bucket: Option<String>,
    pub(super) s3_prefix: Option<String>,
    pub(super) gcs_bucket: Option<String>,
    pub(super) gcs_prefix: Option<String>,
    pub(super) vault_path: Option<String>,
    pub(super) vault_address: Option<String>,
    pub(super) vault_kv_mount_name: Option<String>,
    pub(super) vault_kv_version: Option<u8>,
    pub(super) omit_extensions: Option<bool>,
    pub(super) recreation_rule: Option<RawRule>,
    /// The old name of `recreation_rule`, which SOPS passes over in silence.
    pub(super) reencryption_rule: Option<RawRule>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawGroup {
    pub(super) merge: Option<Vec<RawGroup>>,
    pub(super) age: Option<Vec<String>>,
    pub(super) pgp: Option<Vec<String>>,
    pub(super) kms: Option<Vec<RawKms>>,
    pub(super) gcp_kms: Option<Vec<RawGcpKms>>,
    pub(super) hckms: Option<Vec<RawHuaweiKms>>,
    pub(super) azure_keyvault: Option<Vec<RawAzureKeyVault>>,
    pub(super) hc_vault: Option<Vec<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(expecting = "a mapping such as {arn: 'arn:aws:kms:…'}")]
pub(super) struct RawKms {
    pub(super) arn: String,
    pub(super) role: Option<String>,
    pub(super) context: Option<BTreeMap<String, Option<String>>>,
    pub(super) aws_profile: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(expecting = "a mapping such as {resource_id: projects/…}")]
pub(super) struct RawGcpKms {
    pub(super) resource_id: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(expecting = "a mapping such as {key_id: 'REGION:ID'}")]
pub(super) struct RawHuaweiKms {
    pub(super) key_id: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(expecting = "a mapping such as {vaultUrl: 'https://…', key: NAME}")]
pub(super) struct RawAzureKeyVault {
    #[serde(rename = "vaultUrl")]
    pub(super) vault_url: String,
    pub(super) key: String,
    pub(super) version: Option<String>,
}

/// Ours alone, so a key that it does not know is an error: `require_bond` must not leave a door open.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawSeal {
    pub(super) scope: Option<Scope>,
    pub(super) require_bound: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[allow(dead_code, reason = "stores without settings are known, so that they are not reported")]
pub(super) struct RawStores {
    yaml: Option<RawStore>,
    json: Option<RawStore>,
    json_binary: Option<RawStore>,
    dotenv: Option<Value>,
    ini: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawStore {
    indent: Option<i64>,
}

impl RawStores {
    /// SOPS takes 0 for its default, and go-yaml turns what it cannot do (1, 10 and more) into 2.
    pub(super) fn yaml_indent(&self, file: &Path) -> Result<Option<usize>, ConfigError> {
        match self.yaml.as_ref().and_then(|store| store.indent) {
            None | Some(0) => Ok(None),
            Some(indent @ 2..10) => Ok(Some(indent as usize)),
            Some(indent) if indent > 0 => Ok(Some(2)),
            Some(indent) => {
                Err(ConfigError::Indent { file: file.to_owned(), store: "yaml", indent })
            }
        }
    }

    /// -1 stands for a tab.
    pub(super) fn json_indent(&self, file: &Path) -> Result<Option<JsonIndent>, ConfigError> {
        match self.json.as_ref().and_then(|store| store.indent) {
            None => Ok(None),
            Some(-1) => Ok(Some(JsonIndent::Tab)),
            Some(indent @ 0..=64) => Ok(Some(JsonIndent::Spaces(indent as usize))),
            Some(indent) => {
                Err(ConfigError::Indent { file: file.to_owned(), store: "json", indent })
            }
        }
    }
}

/// Texts that are written as one, with commas, or as a list of such.
#[derive(Clone, Debug, Default)]
pub(super) struct Words(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordsVisitor)
    }
}

struct WordsVisitor;

impl<'de> Visitor<'de> for WordsVisitor {
    type Value = Words;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text with commas, or a list of texts")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Words, E> {
        Ok(Words::default())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Words, E> {
        Ok(Words(super::keys::words(text).map(str::to_owned).collect()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Words, A::Error> {
        let mut words = Vec::new();
        while let Some(text) = list.next_element::<String>()? {
            words.extend(super::keys::words(&text).map(str::to_owned));
        }
        Ok(Words(words))
    }
}

/// Reads the text, and names the keys that nothing reads.
pub(super) fn read(
    file: &Path,
    text: &str,
) -> Result<(RawConfig, Vec<ConfigWarning>), ConfigError> {
    let mut warnings = Vec::new();
    let unread = |path: serde_ignored::Path<'_>| warnings.extend(unknown_key(file, &path));
    // Merge keys are only known to the untyped tree, which has forgotten lines: errors are better without.
    let read: Result<Option<RawConfig>, serde_yaml::Error> = if text.contains("<<") {
        serde_yaml::from_str(text).and_then(|mut tree: Value| {
            tree.apply_merge()?;
            serde_ignored::deserialize(tree, unread)
        })
    } else {
        serde_ignored::deserialize(serde_yaml::Deserializer::from_str(text), unread)
    };
    match read {
        Ok(config) => Ok((config.unwrap_or_default(), warnings)),
        Err(error) => Err(ConfigError::syntax(file, &error)),
    }
}
