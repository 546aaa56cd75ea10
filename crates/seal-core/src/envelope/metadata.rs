//! The metadata of an envelope: wrapped keys, selection rule, date, MAC.

use std::collections::BTreeSet;

use super::block::Block;
use super::{Field, MasterKey, Rule, RuleKind, WrappedKey};
use crate::document::{Document, NodeId};

/// The version of SOPS whose behaviour we write; it stands in every envelope.
pub const SOPS_VERSION: &str = "3.13.2";

/// The content of a `sops` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// How many groups' shares make the data key; `None` where there is one group.
    pub shamir_threshold: Option<u32>,
    /// The wrapped data key: one group, or one share of the data key per group.
    pub key_groups: Vec<KeyGroup>,
    /// When the values were last changed: RFC 3339 in whole seconds.
    pub last_modified: String,
    /// The MAC as an ENC text; empty where the envelope has none.
    pub mac: String,
    /// Which leaves are encrypted. An envelope without a rule means [`Rule::implied`].
    pub rule: Option<Rule>,
    /// The MAC covers encrypted leaves only.
    pub mac_only_encrypted: bool,
    /// The version of SOPS that wrote the envelope or whose behaviour its writer follows.
    pub version: String,
}

/// Keys that each can unwrap the same thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyGroup {
    /// In the order in which they are tried.
    pub keys: Vec<WrappedKey>,
}

/// Why a `sops` block is no envelope. Places are made of known field names only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// A field has another shape.
    #[error("{place} is not {expected}")]
    Kind {
        /// The field.
        place: String,
        /// What it has to be.
        expected: &'static str,
    },
    /// A field stands there twice, perhaps in different case.
    #[error("{place} is there twice")]
    Doubled {
        /// The field.
        place: String,
    },
    /// A date is missing or cannot be read.
    #[error("{place} is not an RFC 3339 date")]
    Date {
        /// The field.
        place: String,
    },
    /// The version is missing or cannot be read.
    #[error("sops.version is not a semantic version")]
    Version,
    /// No master key at all.
    #[error("the envelope names no master key")]
    NoKeys,
    /// More than one selection setting.
    #[error("sops.{first} and sops.{second} exclude each other")]
    Rules {
        /// One of them.
        first: RuleKind,
        /// Another one.
        second: RuleKind,
    },
}

impl Metadata {
    /// For whom the data key, or a share of it, is wrapped.
    pub fn master_keys(&self) -> BTreeSet<MasterKey> {
        let keys = self.key_groups.iter().flat_map(|group| &group.keys);
        keys.map(|wrapped| wrapped.key.clone()).collect()
    }

    /// Reads the block that is the value of a document's `sops` key, in any layout that a version of SOPS wrote. Like
    /// SOPS it does not mind the case of known keys and ignores unknown ones.
    ///
    /// # Errors
    ///
    /// Where SOPS refuses to load the file; and where a field is there twice, of which SOPS takes one at random.
    pub fn read(document: &Document<'_>, sops: NodeId) -> Result<Self, MetadataError> {
        let metadata = Self::read_of_any_version(document, sops)?;
        match is_semantic_version(&metadata.version) {
            true => Ok(metadata),
            false => Err(MetadataError::Version),
        }
    }

    /// The same, with whatever text as version: SOPS loads such a file and refuses it only when it decrypts.
    pub(crate) fn read_of_any_version(
        document: &Document<'_>,
        sops: NodeId,
    ) -> Result<Self, MetadataError> {
        let block = Block::new(document, sops, "sops".to_owned())?;
        Ok(Self {
            shamir_threshold: Some(block.number("shamir_threshold")?).filter(|number| *number != 0),
            key_groups: key_groups(&block)?,
            last_modified: block.date("lastmodified")?,
            mac: block.text("mac")?,
            rule: rule(&block)?,
            mac_only_encrypted: block.flag("mac_only_encrypted")?,
            version: block.text("version")?,
        })
    }

    /// The block as SOPS from 3.13 on writes it: alphabetical at every level, empty settings left out, a single group's
    /// lists directly in it.
    pub fn fields(&self) -> Field {
        let text = |text: &str| Field::Text(text.to_owned());
        let mut fields = vec![
            ("lastmodified".to_owned(), text(&self.last_modified)),
            ("mac".to_owned(), text(&self.mac)),
            ("version".to_owned(), text(&self.version)),
        ];
        if let Some(threshold) = self.shamir_threshold.filter(|threshold| *threshold != 0) {
            fields.push(("shamir_threshold".to_owned(), Field::Int(threshold.into())));
        }
        if let Some(rule) = &self.rule {
            fields.push((rule.kind.name().to_owned(), text(&rule.text)));
        }
        if self.mac_only_encrypted {
            fields.push(("mac_only_encrypted".to_owned(), Field::Bool(true)));
        }
        match self.key_groups.as_slice() {
            [] => {}
            [group] => fields.extend(group.lists(&[])),
            groups => {
                // Here SOPS writes these two lists even when they are empty.
                let group = |group: &KeyGroup| Field::sorted_map(group.lists(&["age", "hc_vault"]));
                let groups = groups.iter().map(group).collect();
                fields.push(("key_groups".to_owned(), Field::List(groups)));
            }
        }
        Field::sorted_map(fields)
    }
}

impl KeyGroup {
    fn read(block: &Block<'_, '_>) -> Result<Self, MetadataError> {
        let mut keys = Vec::new();
        for list in MasterKey::KINDS {
            for entry in block.list(list)? {
                keys.push(WrappedKey::read(list, &entry)?);
            }
        }
        Ok(Self { keys })
    }

    /// Its lists, the empty ones left out unless named in `always`.
    fn lists(&self, always: &[&str]) -> Vec<(String, Field)> {
        let list = |name: &str| -> Vec<Field> {
            let keys = self.keys.iter().filter(|wrapped| wrapped.key.kind() == name);
            keys.map(WrappedKey::field).collect()
        };
        MasterKey::KINDS
            .into_iter()
            .map(|name| (name, list(name)))
            .filter(|(name, entries)| !entries.is_empty() || always.contains(name))
            .map(|(name, entries)| (name.to_owned(), Field::List(entries)))
            .collect()
    }
}

/// Lists directly in the block win over `key_groups`.
fn key_groups(block: &Block<'_, '_>) -> Result<Vec<KeyGroup>, MetadataError> {
    let group = KeyGroup::read(block)?;
    let groups = if group.keys.is_empty() {
        let groups = block.list("key_groups")?;
        groups.iter().map(KeyGroup::read).collect::<Result<_, _>>()?
    } else {
        vec![group]
    };
    if groups.iter().all(|group| group.keys.is_empty()) {
        return Err(MetadataError::NoKeys);
    }
    Ok(groups)
}

fn rule(block: &Block<'_, '_>) -> Result<Option<Rule>, MetadataError> {
    let mut found: Option<Rule> = None;
    for kind in RuleKind::ALL {
        let Some(text) = block.optional_text(kind.name())? else {
            continue;
        };
        if let Some(first) = found {
            return Err(MetadataError::Rules { first: first.kind, second: kind });
        }
        found = Some(Rule { kind, text });
    }
    Ok(found)
}

/// Whether a version is newer than another one; by its three numbers only.
pub(crate) fn is_newer(version: &str, than: &str) -> bool {
    let numbers = |text: &str| -> Vec<u64> {
        let core = text.split(['-', '+']).next().unwrap_or_default();
        core.split('.').map(|part| part.parse().unwrap_or(0)).collect()
    };
    numbers(version) > numbers(than)
}

/// Semantic Versioning 2.0, as strictly as SOPS's parser.
fn is_semantic_version(text: &str) -> bool {
    let is_number = |part: &str| {
        part.parse::<u64>().is_ok()
            && !part.starts_with('+')
            && (part == "0" || !part.starts_with('0'))
    };
    let is_word = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (text, build) =
        text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
    let (core, pre) = text.split_once('-').map_or((text, None), |(core, pre)| (core, Some(pre)));
    core.split('.').count() == 3
        && core.split('.').all(is_number)
        && pre.is_none_or(|pre| {
            pre.split('.').all(|part| is_word(part) && (!is_digits(part) || is_number(part)))
        })
        && build.is_none_or(|build| build.split('.').all(is_word))
}

#[cfg(test)]
mod tests;
