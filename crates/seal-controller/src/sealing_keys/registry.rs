//! Where everybody finds the sealing keys of the moment.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use jiff::Timestamp;
use seal_api::sealing::Fingerprint;
use tokio::sync::watch;

use super::usage::{KeyUsage, Usage};
use super::{KeySet, RegisteredKey, UnusableKey};

/// The sealing keys as they are now, kept up to date by the watch. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    current: Arc<RwLock<Arc<KeySet>>>,
    changed: watch::Sender<u64>,
    usage: Arc<Mutex<Usage>>,
}

impl Default for Registry {
    fn default() -> Self {
        Self { current: Arc::default(), changed: watch::Sender::new(0), usage: Arc::default() }
    }
}

impl Registry {
    /// Without keys, until [`super::run`] has listed them.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The keys of this moment.
    pub(crate) fn snapshot(&self) -> Arc<KeySet> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Wakes whoever must look again: its number grows whenever a key comes, goes or changes.
    /// Zero until the keys have been listed for the first time.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Says which keys opened all values of `object`; what was said of it before is forgotten.
    pub(crate) fn record_uses<'a>(
        &self,
        object: &str,
        keys: impl IntoIterator<Item = &'a Fingerprint>,
    ) {
        self.uses().replace(object, keys);
    }

    /// The SealedSecret is gone, and needs no key.
    pub(crate) fn forget(&self, object: &str) {
        self.uses().forget(object);
    }

    /// Every key with the number of objects that it opened, the active ones first. A key that counts none here, after the
    /// replica that leads has looked at every object, can be retired.
    pub(crate) fn usage(&self, now: Timestamp) -> Vec<KeyUsage> {
        let keys = self.snapshot();
        self.uses().of(&keys, now)
    }

    /// Takes over what the watch saw. `keys` in any order.
    pub(crate) fn publish(&self, keys: Vec<RegisteredKey>, unusable: Vec<UnusableKey>) {
        let next = sorted(keys, unusable);
        let before = std::mem::replace(
            &mut *self.current.write().unwrap_or_else(PoisonError::into_inner),
            Arc::new(next),
        );
        let now = self.snapshot();
        if *self.changed.borrow() == 0 || !same(&before, &now) {
            self.report(&before, &now);
            self.changed.send_modify(|number| *number += 1);
        }
    }

    /// Says what changed, and which objects a key is taken away from.
    fn report(&self, before: &KeySet, now: &KeySet) {
        for key in &now.active {
            if !before.active.iter().any(|old| {
                old.secret_uid == key.secret_uid && old.fingerprint() == key.fingerprint()
            }) {
                tracing::info!(secret = %key.secret_name, fingerprint = %key.fingerprint(), "sealing key registered");
            }
        }
        for key in &before.active {
            let Some(state) = now.no_longer_active(key.fingerprint()) else { continue };
            let usage = self.uses();
            let objects = usage.objects(key.fingerprint());
            let (secret, fingerprint, count) = (&key.secret_name, key.fingerprint(), objects.len());
            if objects.is_empty() {
                tracing::info!(%secret, %fingerprint, "sealing key {state}; this replica knows of no SealedSecret that needs it");
            } else {
                let names = some_of(&objects);
                tracing::warn!(%secret, %fingerprint, count, "sealing key {state}, but SealedSecrets need it: {names}; seal them again");
            }
        }
        for key in &now.unusable {
            if !before.unusable.contains(key) {
                tracing::error!(secret = %key.secret_name, "Secret has the label of sealing keys but is none: {}", key.problem);
            }
        }
    }

    fn uses(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeySet {
    /// What became of a key that was active; `None` if it still is.
    fn no_longer_active(&self, fingerprint: &Fingerprint) -> Option<String> {
        if self.active.iter().any(|key| key.fingerprint() == fingerprint) {
            return None;
        }
        let retired = self.retired.iter().find(|key| key.fingerprint() == fingerprint);
        Some(retired.map_or("gone".to_owned(), |key| {
            format!("no longer active (label value {:?})", key.state)
        }))
    }
}

/// Newest first. Where times are equal, all replicas agree all the same.
fn sorted(keys: Vec<RegisteredKey>, mut unusable: Vec<UnusableKey>) -> KeySet {
    let (mut active, mut retired): (Vec<_>, Vec<_>) =
        keys.into_iter().partition(|key| key.state == super::ACTIVE);
    for keys in [&mut active, &mut retired] {
        keys.sort_by(|a, b| {
            let rank = |key: &RegisteredKey| (key.order, key.certificate.not_before(), key.created);
            rank(b).cmp(&rank(a)).then_with(|| b.secret_name.cmp(&a.secret_name))
        });
    }
    unusable.sort_by(|a, b| a.secret_name.cmp(&b.secret_name));
    KeySet { active, retired, unusable }
}

/// Whether nobody needs to look again.
fn same(a: &KeySet, b: &KeySet) -> bool {
    let equal = |a: &[RegisteredKey], b: &[RegisteredKey]| {
        a.len() == b.len()
            && a.iter().zip(b).all(|(a, b)| {
                (&a.secret_uid, &a.state, a.order) == (&b.secret_uid, &b.state, b.order)
                    && a.certificate.to_pem() == b.certificate.to_pem()
            })
    };
    equal(&a.active, &b.active) && equal(&a.retired, &b.retired) && a.unusable == b.unusable
}

/// The first twenty names.
fn some_of(objects: &[&str]) -> String {
    const SHOWN: usize = 20;
    let shown = objects.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match objects.len().checked_sub(SHOWN) {
        Some(more @ 1..) => format!("{shown} and {more} more"),
        _ => shown,
    }
}
