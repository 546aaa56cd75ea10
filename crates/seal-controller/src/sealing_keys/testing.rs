//! Sealing keys for tests. RSA keys are drawn once per process: they take long.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use seal_api::sealing::{KeySize, SealingCertificate, SealingKey};

use super::{ACTIVE, KEY_LABEL, KeySet, RegisteredKey};

static PAIRS: LazyLock<[Arc<SealingKey>; 3]> =
    LazyLock::new(|| [(); 3].map(|()| Arc::new(SealingKey::generate(KeySize::Rsa2048).unwrap())));

/// One of three key pairs.
pub(super) fn pair(number: usize) -> Arc<SealingKey> {
    PAIRS[number].clone()
}

/// Seconds after the beginning of these tests.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

pub(super) fn certificate(number: usize, not_before: Timestamp) -> SealingCertificate {
    SealingCertificate::self_signed(&pair(number), "", not_before, Duration::from_secs(1_000_000))
        .unwrap()
}

/// An active key whose certificate starts then.
pub(super) fn key(name: &str, number: usize, not_before: i64) -> RegisteredKey {
    RegisteredKey {
        secret_name: name.to_owned(),
        secret_uid: format!("uid of {name}"),
        state: ACTIVE.to_owned(),
        key: pair(number),
        certificate: certificate(number, at(not_before)),
        order: at(not_before),
        created: at(not_before),
    }
}

/// Active keys, the newest first.
pub(super) fn active(keys: impl IntoIterator<Item = RegisteredKey>) -> KeySet {
    KeySet { active: keys.into_iter().collect(), ..KeySet::default() }
}

/// The Secret of a key pair, as sealed-secrets makes it.
pub(super) fn secret(name: &str, number: usize, state: Option<&str>) -> Secret {
    let labels = state.map(|state| BTreeMap::from([(KEY_LABEL.to_owned(), state.to_owned())]));
    let private = pair(number).to_pem().unwrap();
    let data = BTreeMap::from([
        ("tls.key".to_owned(), ByteString(private.expose().to_vec())),
        ("tls.crt".to_owned(), ByteString(certificate(number, at(0)).to_pem().into())),
    ]);
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            uid: Some(format!("uid of {name}")),
            resource_version: Some("1".to_owned()),
            creation_timestamp: Some(Time(at(50))),
            labels,
            ..ObjectMeta::default()
        },
        type_: Some("kubernetes.io/tls".to_owned()),
        data: Some(data),
        ..Secret::default()
    }
}
