//! What the fuzz targets of seal-api do with their bytes. Shared by the targets and by the test that replays their corpora.
//! Apart from `entries.rs`, so that the tests of seal-core need no Kubernetes.

use std::collections::BTreeMap;

use seal_api::sealing::{SealedValue, SealingCertificate, SealingKey};
use seal_api::template::{MAX_OUTPUT, render_at};
use seal_core::secret::SecretBytes;

/// What a target does with its bytes.
pub(crate) type Entry = fn(&[u8]);

/// Name of each target, which is also the directory of its corpus.
pub(crate) const ENTRIES: &[(&str, Entry)] =
    &[("sealed_value", sealed_value), ("template", template)];

/// Reads a sealed value, a certificate and a private key; what is accepted is written as it can be read again.
pub(crate) fn sealed_value(source: &[u8]) {
    if let Ok(value) = SealedValue::from_bytes(source) {
        assert_eq!(SealedValue::from_base64(&value.to_base64()).as_ref(), Ok(&value));
    }
    let Ok(text) = std::str::from_utf8(source) else { return };
    if let Ok(value) = SealedValue::from_base64(text) {
        assert_eq!(SealedValue::from_base64(&value.to_base64()).as_ref(), Ok(&value));
    }
    if let Ok(certificate) = SealingCertificate::from_pem(source) {
        let again = SealingCertificate::from_pem(certificate.to_pem().as_bytes());
        assert_eq!(again.expect("what was read before").to_pem(), certificate.to_pem());
    }
    if let Ok(key) = SealingKey::from_pem(source) {
        let pem = key.to_pem().expect("a key of RSA");
        let again = SealingKey::from_pem(pem.expose()).expect("what was read before");
        assert_eq!(again.fingerprint(), key.fingerprint());
    }
}

/// Renders a template twice: it ends, within its limits; what draws nothing gives the same again; no error holds a value.
pub(crate) fn template(source: &[u8]) {
    const VALUE: &str = "a-value-that-nobody-may-see";
    let Ok(text) = std::str::from_utf8(source) else { return };
    let fields = BTreeMap::from([
        ("a".to_owned(), SecretBytes::new(VALUE.into())),
        ("b".to_owned(), SecretBytes::new(vec![0xff, b'{', 0])),
    ]);
    let now = jiff::Timestamp::UNIX_EPOCH;
    match render_at("key", text, &fields, now) {
        Ok(rendered) => {
            assert!(rendered.text.expose().len() <= MAX_OUTPUT, "more is printed than may be");
            if !rendered.changing {
                let again = render_at("key", text, &fields, now).expect("it was rendered before");
                assert!(again.text.expose() == rendered.text.expose(), "another text");
            }
        }
        Err(error) => {
            let told = format!("{error} {error:?}");
            assert!(text.contains(VALUE) || !told.contains(VALUE), "an error holds a value");
            assert!(error.class() != "engine", "the engine itself failed");
        }
    }
}
