//! A Secret becomes a sealing key, or the reason why it is none.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use seal_api::sealing::{CertificateError, KeyError, SealingCertificate, SealingKey};
use std::sync::Arc;
use thiserror::Error;
use zeroize::Zeroize as _;

use super::{ACTIVE, KEY_LABEL, RegisteredKey};
use crate::settings::KeyOrder;

/// The type of Secrets that hold sealing keys.
pub(super) const KEY_TYPE: &str = "kubernetes.io/tls";
/// Where the private half lies in the Secret.
pub(super) const PRIVATE_KEY: &str = "tls.key";
/// Where the certificate lies.
pub(super) const CERTIFICATE: &str = "tls.crt";

/// Why a Secret with the key label is no sealing key. Says nothing of its content.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Unusable {
    /// Something made it that people may write to without being allowed to write Secrets.
    #[error(
        "it is owned by {kind}/{name}, and what a custom resource makes is never a sealing key; remove its ownerReferences \
         (an ExternalSecret leaves them out with creationPolicy: Orphan)"
    )]
    Owned {
        /// The kind of the first owner.
        kind: String,
        /// Its name.
        name: String,
    },
    /// Another type than sealed-secrets gives its keys.
    #[error("its type is {found:?}, not kubernetes.io/tls; make it anew with this type")]
    Type {
        /// The type.
        found: String,
    },
    /// Nothing under this name.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// The private half cannot be used.
    #[error("tls.key: {0}")]
    PrivateKey(KeyError),
    /// The certificate cannot be used.
    #[error("tls.crt: {0}")]
    Certificate(CertificateError),
    /// Halves of two pairs.
    #[error(
        "tls.crt is not the certificate of tls.key; what is sealed with it could not be opened"
    )]
    Mismatch,
}

/// The value of the key label, if the Secret has it.
pub(super) fn state(secret: &Secret) -> Option<&str> {
    secret.metadata.labels.as_ref()?.get(KEY_LABEL).map(String::as_str)
}

/// Reads a Secret that has the key label, or the name that sealing keys had before there was a label. The private key in
/// `secret` is wiped.
pub(super) fn read(secret: &mut Secret, order: KeyOrder) -> Result<RegisteredKey, Unusable> {
    let outcome = read_keeping(secret, order);
    for value in secret.data.iter_mut().flat_map(|data| data.values_mut()) {
        value.0.zeroize();
    }
    outcome
}

fn read_keeping(secret: &Secret, order: KeyOrder) -> Result<RegisteredKey, Unusable> {
    if let Some(owner) = secret.metadata.owner_references.iter().flatten().next() {
        return Err(Unusable::Owned { kind: owner.kind.clone(), name: owner.name.clone() });
    }
    match secret.type_.as_deref() {
        Some(KEY_TYPE) => {}
        other => return Err(Unusable::Type { found: other.unwrap_or("Opaque").to_owned() }),
    }
    let part = |name| {
        let data = secret.data.as_ref().and_then(|data| data.get(name));
        data.map(|value| value.0.as_slice())
            .filter(|value| !value.is_empty())
            .ok_or(Unusable::Missing(name))
    };
    let key = SealingKey::from_pem(part(PRIVATE_KEY)?).map_err(Unusable::PrivateKey)?;
    let certificate =
        SealingCertificate::from_pem(part(CERTIFICATE)?).map_err(Unusable::Certificate)?;
    if !certificate.belongs_to(&key) {
        return Err(Unusable::Mismatch);
    }
    let created =
        secret.metadata.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0);
    Ok(RegisteredKey {
        secret_name: secret.metadata.name.clone().unwrap_or_default(),
        secret_uid: secret.metadata.uid.clone().unwrap_or_default(),
        state: state(secret).unwrap_or(ACTIVE).to_owned(),
        key: Arc::new(key),
        order: match order {
            KeyOrder::CertNotBefore => certificate.not_before(),
            KeyOrder::SecretCreationTimestamp => created,
        },
        certificate,
        created,
    })
}
