//! What becomes a sealing key, in which order, and who needs it.

use k8s_openapi::ByteString;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use seal_api::sealing::{CertificateError, KeyError};

use super::testing::{active, at, certificate, key, pair, secret};
use super::*;
use crate::settings::KeyOrder;

fn read(mut secret: k8s_openapi::api::core::v1::Secret) -> Result<RegisteredKey, Unusable> {
    key_secret::read(&mut secret, KeyOrder::CertNotBefore)
}

#[test]
fn a_secret_of_sealed_secrets_is_a_sealing_key() {
    let read = read(secret("sealed-secrets-key7x9k2", 0, Some("active"))).unwrap();
    assert_eq!(
        (read.secret_name.as_str(), read.state.as_str()),
        ("sealed-secrets-key7x9k2", "active")
    );
    assert_eq!(read.secret_uid, "uid of sealed-secrets-key7x9k2");
    assert_eq!(read.fingerprint(), pair(0).fingerprint());
    assert_eq!((read.order, read.created), (at(0), at(50)));
}

#[test]
fn the_order_may_be_that_of_the_secrets() {
    let read =
        key_secret::read(&mut secret("k", 0, Some("active")), KeyOrder::SecretCreationTimestamp);
    assert_eq!(read.unwrap().order, at(50));
}

#[test]
fn the_private_key_is_wiped_from_the_secret_that_was_read() {
    let mut secret = secret("k", 0, Some("active"));
    key_secret::read(&mut secret, KeyOrder::CertNotBefore).unwrap();
    assert!(secret.data.unwrap()["tls.key"].0.is_empty());
}

#[test]
fn the_first_secret_of_sealed_secrets_needs_no_label() {
    assert_eq!(read(secret("sealed-secrets-key", 0, None)).unwrap().state, "active");
}

#[test]
fn refuses_what_a_custom_resource_owns() {
    let mut owned = secret("k", 0, Some("active"));
    owned.metadata.owner_references = Some(vec![OwnerReference {
        api_version: "bitnami.com/v1alpha1".to_owned(),
        kind: "SealedSecret".to_owned(),
        name: "planted".to_owned(),
        ..OwnerReference::default()
    }]);
    let problem = read(owned).unwrap_err();
    assert!(matches!(problem, Unusable::Owned { .. }));
    assert!(problem.to_string().contains("SealedSecret/planted"), "{problem}");
}

#[test]
fn refuses_other_types_and_missing_parts() {
    let mut opaque = secret("k", 0, Some("active"));
    opaque.type_ = Some("Opaque".to_owned());
    assert_eq!(read(opaque).unwrap_err(), Unusable::Type { found: "Opaque".to_owned() });
    for part in ["tls.key", "tls.crt"] {
        let mut without = secret("k", 0, Some("active"));
        without.data.as_mut().unwrap().remove(part);
        assert_eq!(read(without).unwrap_err(), Unusable::Missing(part));
        let mut empty = secret("k", 0, Some("active"));
        empty.data.as_mut().unwrap().insert(part.to_owned(), ByteString(Vec::new()));
        assert_eq!(read(empty).unwrap_err(), Unusable::Missing(part));
    }
    let mut nothing = secret("k", 0, Some("active"));
    nothing.data = None;
    assert_eq!(read(nothing).unwrap_err(), Unusable::Missing("tls.key"));
}

#[test]
fn refuses_halves_that_cannot_be_read_or_do_not_match() {
    let with = |part: &str, text: &str| {
        let mut secret = secret("k", 0, Some("active"));
        secret.data.as_mut().unwrap().insert(part.to_owned(), ByteString(text.into()));
        read(secret).unwrap_err()
    };
    assert_eq!(with("tls.key", "no PEM"), Unusable::PrivateKey(KeyError::NoPem));
    assert_eq!(with("tls.crt", "no PEM"), Unusable::Certificate(CertificateError::NoPem));
    assert_eq!(with("tls.crt", certificate(1, at(0)).to_pem()), Unusable::Mismatch);
}

#[test]
fn a_certificate_from_the_future_opens_but_never_seals() {
    let keys = active([key("future", 0, 100), key("now", 1, 0)]);
    assert_eq!(keys.sealing(at(50)).unwrap().secret_name, "now");
    assert_eq!(keys.sealing(at(100)).unwrap().secret_name, "future");
    assert_eq!(keys.ring().keys().len(), 2);
    assert!(active([key("future", 0, 100)]).sealing(at(50)).is_none());
}

#[test]
fn keys_stand_newest_first_and_by_label() {
    let registry = Registry::new();
    let changes = registry.changes();
    assert_eq!(*changes.borrow(), 0);
    let retired = RegisteredKey { state: "compromised".to_owned(), ..key("c", 2, 30) };
    registry.publish(vec![key("a", 0, 10), retired, key("b", 1, 20)], Vec::new());
    let keys = registry.snapshot();
    let names =
        |keys: &[RegisteredKey]| keys.iter().map(|key| key.secret_name.clone()).collect::<Vec<_>>();
    assert_eq!(
        (names(&keys.active), names(&keys.retired)),
        (vec!["b".to_owned(), "a".to_owned()], vec!["c".to_owned()])
    );
    assert_eq!(*changes.borrow(), 1);
}

#[test]
fn keys_of_the_same_second_have_the_same_order_everywhere() {
    let (one, other) = (key("a", 0, 10), key("b", 1, 10));
    let orders = [vec![one.clone(), other.clone()], vec![other, one]].map(|keys| {
        let registry = Registry::new();
        registry.publish(keys, Vec::new());
        registry.snapshot().active.iter().map(|key| key.secret_name.clone()).collect::<Vec<_>>()
    });
    assert_eq!(orders[0], orders[1]);
}

#[test]
fn nobody_is_woken_when_nothing_has_changed() {
    let registry = Registry::new();
    let changes = registry.changes();
    registry.publish(Vec::new(), Vec::new());
    assert_eq!(*changes.borrow(), 1, "the first list counts even if it is empty");
    let keys = || vec![key("a", 0, 10)];
    registry.publish(keys(), Vec::new());
    let first = registry.snapshot().active[0].certificate.to_pem().to_owned();
    assert_eq!(*changes.borrow(), 2);
    // The same certificate: another one of the same pair would be another serial number.
    let again = registry.snapshot().active.clone();
    registry.publish(again, Vec::new());
    assert_eq!(*changes.borrow(), 2);
    assert_eq!(registry.snapshot().active[0].certificate.to_pem(), first);
    let relabelled = registry.snapshot().active.clone().into_iter();
    let relabelled =
        relabelled.map(|key| RegisteredKey { state: "compromised".to_owned(), ..key }).collect();
    registry.publish(relabelled, Vec::new());
    assert_eq!(*changes.borrow(), 3);
    assert!(registry.snapshot().ring().keys().is_empty());
}

#[test]
fn counts_each_object_once_for_each_key_that_it_needs() {
    let registry = Registry::new();
    registry.publish(vec![key("a", 0, 10), key("b", 1, 20)], Vec::new());
    let [old, new] = [0, 1].map(|number| pair(number).fingerprint().clone());
    registry.record_uses("shop/db", [&old, &new, &old]);
    registry.record_uses("shop/web", [&new]);
    let counts = || {
        let usage = registry.usage(at(100));
        usage
            .iter()
            .map(|key| (key.secret_name.clone(), key.objects, key.seals))
            .collect::<Vec<_>>()
    };
    assert_eq!(counts(), [("b".to_owned(), 2, true), ("a".to_owned(), 1, false)]);
    // Sealed again: the old key is not needed any more.
    registry.record_uses("shop/db", [&new]);
    assert_eq!(counts(), [("b".to_owned(), 2, true), ("a".to_owned(), 0, false)]);
    registry.forget("shop/db");
    registry.record_uses("shop/web", []);
    assert_eq!(counts(), [("b".to_owned(), 0, true), ("a".to_owned(), 0, false)]);
}
