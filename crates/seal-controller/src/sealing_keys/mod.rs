//! The sealing keys of this cluster: Secrets with the label of sealed-secrets, as they are now.
//!
//! [`run`] watches them on every replica; the replica that leads also makes new ones ([`renewal`], [`generation`]).

mod generation;
mod key_secret;
mod registry;
mod renewal;
mod usage;
mod watch;

use std::sync::Arc;

use jiff::Timestamp;
use seal_api::sealing::{Fingerprint, KeyRing, SealingCertificate, SealingKey};

use crate::context::Context;

pub(crate) use key_secret::Unusable;
pub(crate) use registry::Registry;

/// The label of sealing keys; `active` is in use, any other value (`compromised`, say) is not.
pub(crate) const KEY_LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";
/// The value of the key label that keys in use have.
pub(crate) const ACTIVE: &str = "active";

/// A sealing key and where it lies.
#[derive(Debug, Clone)]
pub(crate) struct RegisteredKey {
    /// The name of its Secret.
    pub(crate) secret_name: String,
    /// The uid of its Secret.
    pub(crate) secret_uid: String,
    /// The value of the key label; `active` opens and may seal.
    pub(crate) state: String,
    /// The private half.
    pub(crate) key: Arc<SealingKey>,
    /// The public half.
    pub(crate) certificate: SealingCertificate,
    /// What it is sorted by: the certificate's start or the Secret's creation.
    pub(crate) order: Timestamp,
    /// When its Secret was made.
    pub(crate) created: Timestamp,
}

impl RegisteredKey {
    /// What names the key pair.
    pub(crate) fn fingerprint(&self) -> &Fingerprint {
        self.key.fingerprint()
    }
}

/// A Secret that has the key label and is no sealing key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnusableKey {
    /// The name of the Secret.
    pub(crate) secret_name: String,
    /// Its uid.
    pub(crate) secret_uid: String,
    /// Why it is none.
    pub(crate) problem: Unusable,
}

/// All sealing keys at one moment.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    /// In use, the newest first.
    pub(crate) active: Vec<RegisteredKey>,
    /// With another label value: they open nothing, and only help to explain why something does not open.
    pub(crate) retired: Vec<RegisteredKey>,
    /// With the label, but no sealing keys.
    pub(crate) unusable: Vec<UnusableKey>,
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

    /// The uids of all Secrets that were looked at.
    fn uids(&self) -> impl Iterator<Item = &str> {
        let registered = self.active.iter().chain(&self.retired).map(|key| key.secret_uid.as_str());
        registered.chain(self.unusable.iter().map(|key| key.secret_uid.as_str()))
    }
}

/// Keeps the registry of `context` up to date and, while this replica leads, makes the keys that are due. Ends with
/// `shutdown`.
pub(crate) async fn run(context: Context, mut shutdown: tokio::sync::watch::Receiver<bool>) {
    tokio::select! {
        _ = shutdown.wait_for(|stop| *stop) => {}
        () = watch::run(&context) => {}
        () = renewal::run(&context) => {}
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
