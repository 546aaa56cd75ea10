//! All keys that may open a value. The format names none, so each is tried.

use std::sync::Arc;

use seal_core::secret::SecretBytes;

use super::{Fingerprint, Label, SealedValue, SealingKey};

/// Sealing keys in the order in which they are tried: the newest first.
#[derive(Debug, Clone, Default)]
pub struct KeyRing(Vec<Arc<SealingKey>>);

/// What came out of a value, and which key did it.
#[derive(Debug)]
pub struct Opened {
    /// The plaintext.
    pub plaintext: SecretBytes,
    /// The key that fitted.
    pub by: Fingerprint,
}

impl KeyRing {
    /// In the order in which they are to be tried; a key that stands there twice is tried once.
    pub fn new(keys: impl IntoIterator<Item = Arc<SealingKey>>) -> Self {
        let mut ring: Vec<Arc<SealingKey>> = Vec::new();
        for key in keys {
            if ring.iter().all(|other| other.fingerprint() != key.fingerprint()) {
                ring.push(key);
            }
        }
        Self(ring)
    }

    /// The keys in order.
    pub fn keys(&self) -> &[Arc<SealingKey>] {
        &self.0
    }

    /// Opens a value under `label`. `first` is tried before the others: values of one object are mostly sealed with one key,
    /// and each try costs an RSA operation.
    pub fn open(
        &self,
        value: &SealedValue,
        label: &Label,
        first: Option<&Fingerprint>,
    ) -> Option<Opened> {
        let (likely, others): (Vec<_>, Vec<_>) =
            self.0.iter().partition(|key| Some(key.fingerprint()) == first);
        likely.into_iter().chain(others).find_map(|key| {
            let plaintext = key.open(value, label)?;
            Some(Opened { plaintext, by: key.fingerprint().clone() })
        })
    }
}
