use std::time::Duration;

use super::*;

#[test]
fn what_is_sealed_opens_with_its_key_and_label_only() {
    let key = SealingKey::generate(KeySize::Rsa2048).unwrap();
    let now = jiff::Timestamp::from_second(1_795_000_000).unwrap();
    let certificate =
        SealingCertificate::self_signed(&key, "", now, Duration::from_secs(3600)).unwrap();
    assert!(certificate.belongs_to(&key));
    assert_eq!(certificate.not_before(), now);
    let label = Scope::Strict.label("shop", "db");
    let sealed = SealedValue::seal(b"hunter2", &label, &certificate).unwrap();
    let again = SealedValue::from_base64(&sealed.to_base64()).unwrap();
    assert_eq!(key.open(&again, &label).unwrap().expose(), b"hunter2");
    assert!(key.open(&again, &Scope::NamespaceWide.label("shop", "db")).is_none());
    let read = SealingKey::from_pem(key.to_pem().unwrap().expose()).unwrap();
    assert_eq!(read.open(&again, &label).unwrap().expose(), b"hunter2");
    assert_eq!(read.fingerprint(), key.fingerprint());
}
