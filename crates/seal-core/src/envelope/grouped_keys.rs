//! For whom something is to be encrypted: master keys in groups.

use std::collections::BTreeSet;

use super::shamir::ShamirError;
use super::{KeyGroup, MasterKey, Metadata};

/// The master keys that a creation rule or the command line names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct GroupedKeys {
    /// Each group's keys. With one group, each of its keys opens the data key; with several, a share of it.
    pub groups: Vec<Vec<MasterKey>>,
    /// How many groups are needed; without it all of them.
    pub threshold: Option<u32>,
}

impl GroupedKeys {
    /// Keys that each open the whole.
    pub fn one_group(keys: Vec<MasterKey>) -> Self {
        Self { groups: vec![keys], threshold: None }
    }

    /// The keys that an envelope is for, with its threshold.
    pub fn of(metadata: &Metadata) -> Self {
        let keys =
            |group: &KeyGroup| group.keys.iter().map(|wrapped| wrapped.key.clone()).collect();
        Self {
            groups: metadata.key_groups.iter().map(keys).collect(),
            threshold: metadata.shamir_threshold,
        }
    }

    /// The threshold that stands in an envelope. With one group it means nothing, but SOPS keeps what the rule says.
    pub fn threshold_of_envelope(&self) -> Option<u32> {
        match self.groups.len() {
            1 => self.threshold,
            _ => u32::try_from(self.needed()).ok(),
        }
    }

    /// All keys, whatever their group.
    pub fn all(&self) -> BTreeSet<MasterKey> {
        self.groups.iter().flatten().cloned().collect()
    }

    /// How many groups have to be opened.
    pub fn needed(&self) -> usize {
        needed(self.groups.len(), self.threshold)
    }

    /// Whether so many groups can have that threshold.
    ///
    /// # Errors
    ///
    /// With several groups, it must be from 2 to their number.
    pub fn check_threshold(&self) -> Result<(), ShamirError> {
        let (shares, threshold) = (self.groups.len(), self.needed());
        match shares > 1 && !(2..=shares).contains(&threshold) {
            true => Err(ShamirError::Threshold { shares, threshold }),
            false => Ok(()),
        }
    }

    /// Whether an envelope is for just these keys, in the same groups, with the same threshold.
    pub fn are_those_of(&self, metadata: &Metadata) -> bool {
        let same_group = |wanted: &Vec<MasterKey>, group: &KeyGroup| {
            let there = || group.keys.iter().map(|wrapped| &wrapped.key);
            wanted.iter().all(|key| there().any(|other| key.stands_for(other)))
                && there().all(|other| wanted.iter().any(|key| key.stands_for(other)))
        };
        self.groups.len() == metadata.key_groups.len()
            && self.needed() == needed(metadata.key_groups.len(), metadata.shamir_threshold)
            && self.groups.iter().zip(&metadata.key_groups).all(|(a, b)| same_group(a, b))
    }
}

/// How many of so many groups have to be opened; without a threshold SOPS asks for all.
pub fn needed(groups: usize, threshold: Option<u32>) -> usize {
    match threshold.filter(|threshold| *threshold != 0) {
        _ if groups < 2 => groups,
        Some(threshold) => threshold as usize,
        None => groups,
    }
}
