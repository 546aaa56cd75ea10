//! Which objects need which sealing key, so that a key can be retired when nothing needs it any more.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use seal_api::sealing::Fingerprint;

use super::{KeySet, RegisteredKey};

/// What is known of one key, for metrics and logs. No secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyUsage {
    /// What names the key pair.
    pub(crate) fingerprint: Fingerprint,
    /// The Secret that it lies in.
    pub(crate) secret_name: String,
    /// The value of the key label: `active`, or what retired it.
    pub(crate) state: String,
    /// Whether it is the one that `/v1/cert.pem` gives out.
    pub(crate) seals: bool,
    /// From when on its certificate counts.
    pub(crate) not_before: Timestamp,
    /// Until when kubeseal seals with it.
    pub(crate) not_after: Timestamp,
    /// How many SealedSecrets it has opened values of, since this replica leads; each counts once.
    pub(crate) objects: usize,
}

/// Objects by name, with the keys that their values were last opened with.
#[derive(Debug, Default)]
pub(super) struct Usage {
    /// Each fingerprint stands once; objects refer to it by position. Keys are few, objects many.
    keys: Vec<Fingerprint>,
    objects: HashMap<Box<str>, Vec<u32>>,
}

impl Usage {
    /// These keys, and no others, opened the values of `object`.
    pub(super) fn replace<'a>(
        &mut self,
        object: &str,
        keys: impl IntoIterator<Item = &'a Fingerprint>,
    ) {
        let mut positions: Vec<u32> =
            keys.into_iter().filter_map(|key| self.position(key)).collect();
        positions.sort_unstable();
        positions.dedup();
        if positions.is_empty() {
            self.objects.remove(object);
        } else {
            self.objects.insert(object.into(), positions);
        }
    }

    /// The object is gone.
    pub(super) fn forget(&mut self, object: &str) {
        self.objects.remove(object);
    }

    /// The objects that need `key`, in order.
    pub(super) fn objects(&self, key: &Fingerprint) -> Vec<&str> {
        let Some(position) = self.keys.iter().position(|known| known == key) else {
            return Vec::new();
        };
        let needing = self
            .objects
            .iter()
            .filter(|(_, keys)| keys.iter().any(|key| *key as usize == position));
        let mut names: Vec<&str> = needing.map(|(name, _)| &**name).collect();
        names.sort_unstable();
        names
    }

    /// All keys, active ones first, with the number of objects that need each.
    pub(super) fn of(&self, keys: &KeySet, now: Timestamp) -> Vec<KeyUsage> {
        let mut counts: BTreeMap<&Fingerprint, usize> = BTreeMap::new();
        for position in self.objects.values().flatten() {
            if let Some(key) = self.keys.get(*position as usize) {
                *counts.entry(key).or_default() += 1;
            }
        }
        let seals = keys.sealing(now).map(|key| key.secret_name.as_str());
        let entry = |key: &RegisteredKey| KeyUsage {
            fingerprint: key.fingerprint().clone(),
            secret_name: key.secret_name.clone(),
            state: key.state.clone(),
            seals: seals == Some(key.secret_name.as_str()),
            not_before: key.certificate.not_before(),
            not_after: key.certificate.not_after(),
            objects: counts.get(key.fingerprint()).copied().unwrap_or(0),
        };
        keys.active.iter().chain(&keys.retired).map(entry).collect()
    }

    fn position(&mut self, key: &Fingerprint) -> Option<u32> {
        let position = self.keys.iter().position(|known| known == key).unwrap_or_else(|| {
            self.keys.push(key.clone());
            self.keys.len() - 1
        });
        u32::try_from(position).ok()
    }
}
