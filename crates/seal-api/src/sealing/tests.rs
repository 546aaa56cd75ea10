//! The format against other implementations, changed values, and certificates as openssl sees them.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use rcgen::CertificateParams;

use super::*;

/// Made by kubeseal 0.36.6 and its controller.
const SEALING_KEY: &str = include_str!("../../../../tests/fixtures/kubeseal/sealing-key.yaml");
const SEALING_CERTIFICATE: &[u8] =
    include_bytes!("../../../../tests/fixtures/kubeseal/sealing-cert.pem");
/// Made by an independent implementation of the format.
const VECTORS: &str = include_str!("../../../../tests/fixtures/kubeseal/vectors.json");

pub(super) fn recorded_key() -> SealingKey {
    let secret: serde_json::Value = serde_yaml::from_str(SEALING_KEY).unwrap();
    let pem = STANDARD.decode(secret["data"]["tls.key"].as_str().unwrap()).unwrap();
    SealingKey::from_pem(&pem).unwrap()
}

fn certificate_of(key: &SealingKey) -> SealingCertificate {
    let now = jiff::Timestamp::from_second(1_795_000_000).unwrap();
    SealingCertificate::self_signed(key, "", now, Duration::from_secs(3600)).unwrap()
}

/// One per process, since an RSA key takes long without optimisation.
pub(super) fn small_key() -> Arc<SealingKey> {
    static KEY: std::sync::LazyLock<Arc<SealingKey>> =
        std::sync::LazyLock::new(|| Arc::new(SealingKey::generate(KeySize::Rsa2048).unwrap()));
    KEY.clone()
}

pub(super) fn seal(plaintext: &[u8], label: &Label, key: &SealingKey) -> SealedValue {
    SealedValue::seal(plaintext, label, &certificate_of(key)).unwrap()
}

fn opened(key: &SealingKey, value: &SealedValue, label: &Label) -> Option<Vec<u8>> {
    key.open(value, label).map(|plaintext| plaintext.expose().to_vec())
}

#[derive(serde::Deserialize)]
struct Vectors {
    keys: Vec<KeyVectors>,
}

#[derive(serde::Deserialize)]
struct KeyVectors {
    bits: usize,
    cert_pem: String,
    fingerprint: String,
    pkcs1_der_base64: String,
    vectors: Vec<Vector>,
}

#[derive(serde::Deserialize)]
struct Vector {
    scope: String,
    namespace: String,
    name: String,
    label_hex: String,
    plaintext_b64: String,
    sealed_b64: String,
}

fn pem(kind: &str, base64: &str) -> String {
    format!("-----BEGIN {kind}-----\n{base64}\n-----END {kind}-----\n")
}

#[test]
fn opens_every_vector_of_another_implementation_and_seals_what_its_keys_open() {
    let vectors: Vectors = serde_json::from_str(VECTORS).unwrap();
    let mut count = 0;
    for recorded in vectors.keys {
        let key =
            SealingKey::from_pem(pem("RSA PRIVATE KEY", &recorded.pkcs1_der_base64).as_bytes())
                .unwrap();
        let certificate = SealingCertificate::from_pem(recorded.cert_pem.as_bytes()).unwrap();
        assert_eq!(key.fingerprint().as_str(), recorded.fingerprint);
        assert!(certificate.belongs_to(&key));
        assert_eq!(key.modulus_bytes() * 8, recorded.bits);
        for vector in recorded.vectors {
            let label =
                vector.scope.parse::<Scope>().unwrap().label(&vector.namespace, &vector.name);
            let hex: String = label.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, vector.label_hex);
            let plaintext = STANDARD.decode(vector.plaintext_b64).unwrap();
            let value = SealedValue::from_base64(&vector.sealed_b64).unwrap();
            assert_eq!(value.to_base64(), vector.sealed_b64);
            assert_eq!(opened(&key, &value, &label).unwrap(), plaintext);
            let ours = SealedValue::seal(&plaintext, &label, &certificate).unwrap();
            assert_eq!(ours.to_base64().len(), vector.sealed_b64.len());
            assert_eq!(opened(&key, &ours, &label).unwrap(), plaintext);
            count += 1;
        }
    }
    assert_eq!(count, 18);
}

#[test]
fn opens_what_kubeseal_sealed_in_each_scope() {
    let files = [
        (include_str!("../../../../tests/fixtures/kubeseal/sealed-strict.yaml"), Scope::Strict),
        (include_str!("../../../../tests/fixtures/kubeseal/sealed-strict.json"), Scope::Strict),
        (
            include_str!("../../../../tests/fixtures/kubeseal/sealed-namespace-wide.yaml"),
            Scope::NamespaceWide,
        ),
        (
            include_str!("../../../../tests/fixtures/kubeseal/sealed-cluster-wide.yaml"),
            Scope::ClusterWide,
        ),
    ];
    let key = recorded_key();
    for (file, scope) in files {
        let object: crate::sealed_secret::SealedSecret = serde_yaml::from_str(file).unwrap();
        assert_eq!(object.scope(), scope);
        let value = |name: &str| {
            SealedValue::from_base64(&object.spec.encrypted_data.values[name]).unwrap()
        };
        assert_eq!(opened(&key, &value("password"), &object.label()).unwrap(), b"hunter2");
        assert_eq!(opened(&key, &value("username"), &object.label()).unwrap(), b"app");
        assert_eq!(opened(&key, &value("dsn"), &object.label()).unwrap(), b"host=db\nport=5432\n");
        assert_eq!(opened(&key, &value("token"), &object.label()).unwrap(), b"hello");
    }
}

#[test]
fn opens_raw_values_of_kubeseal() {
    let key = recorded_key();
    let strict = include_str!("../../../../tests/fixtures/kubeseal/raw-strict.txt");
    let wide = include_str!("../../../../tests/fixtures/kubeseal/raw-cluster-wide.txt");
    for (text, label) in
        [(strict, Scope::Strict.label("shop", "db")), (wide, Scope::ClusterWide.label("", ""))]
    {
        assert_eq!(
            opened(&key, &SealedValue::from_base64(text).unwrap(), &label).unwrap(),
            b"raw value"
        );
    }
}

#[test]
fn what_is_sealed_with_the_recorded_certificate_opens_with_the_recorded_key() {
    let certificate = SealingCertificate::from_pem(SEALING_CERTIFICATE).unwrap();
    let key = recorded_key();
    assert!(certificate.belongs_to(&key));
    for scope in Scope::ALL {
        let label = scope.label("shop", "db");
        let value = SealedValue::seal(b"hunter2", &label, &certificate).unwrap();
        assert_eq!(opened(&key, &value, &label).unwrap(), b"hunter2");
    }
}

#[test]
fn a_label_that_differs_opens_nothing() {
    let key = small_key();
    let value = seal(b"hunter2", &Scope::Strict.label("shop", "db"), &key);
    for (namespace, name) in
        [("shop", "db2"), ("shop2", "db"), ("", "shop/db"), ("Shop", "db"), ("shop", "db/")]
    {
        assert!(
            key.open(&value, &Scope::Strict.label(namespace, name)).is_none(),
            "{namespace}/{name}"
        );
    }
    assert!(key.open(&value, &Scope::NamespaceWide.label("shop", "db")).is_none());
    assert!(key.open(&value, &Scope::ClusterWide.label("shop", "db")).is_none());
}

#[test]
fn no_bit_can_be_changed() {
    let key = small_key();
    let label = Scope::Strict.label("shop", "db");
    let bytes = STANDARD.decode(seal(b"hunter2", &label, &key).to_base64()).unwrap();
    // Every seventh bit: all parts are met, and each try costs an RSA operation without optimisation.
    for bit in (0..bytes.len() * 8).step_by(7) {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(value) = SealedValue::from_bytes(&changed) {
            assert!(key.open(&value, &label).is_none(), "bit {bit}");
        }
    }
}

#[test]
fn halves_of_two_values_do_not_make_a_third() {
    let key = small_key();
    let label = Scope::Strict.label("shop", "db");
    let [a, b] = [b"hunter2", b"hunter3"]
        .map(|text| STANDARD.decode(seal(text, &label, &key).to_base64()).unwrap());
    let cut = 2 + key.modulus_bytes();
    let mixed = SealedValue::from_bytes(&[&a[..cut], &b[cut..]].concat()).unwrap();
    assert!(key.open(&mixed, &label).is_none());
}

#[test]
fn the_same_plaintext_never_gives_the_same_value() {
    let key = small_key();
    let label = Scope::ClusterWide.label("", "");
    assert_ne!(seal(b"x", &label, &key).to_base64(), seal(b"x", &label, &key).to_base64());
}

#[test]
fn refuses_what_is_cut_off_or_of_another_format() {
    let value = STANDARD
        .decode(seal(b"", &Scope::ClusterWide.label("", ""), &small_key()).to_base64())
        .unwrap();
    for length in [0, 1, 2, 3, 257, 258, value.len() - 1] {
        assert_eq!(
            SealedValue::from_bytes(&value[..length]),
            Err(MalformedValue::TooShort),
            "{length}"
        );
    }
    assert_eq!(
        SealedValue::from_bytes(&[0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        Err(MalformedValue::Modulus { bytes: 16 })
    );
    assert_eq!(SealedValue::from_bytes(&[0; 40]), Err(MalformedValue::Modulus { bytes: 0 }));
}

#[test]
fn base64_is_read_as_go_reads_it() {
    let text = seal(b"abc", &Scope::ClusterWide.label("", ""), &small_key()).to_base64();
    let value = SealedValue::from_base64(&text).unwrap();
    // 2 + 256 + 3 + 16 bytes are one byte more than 92 groups: two characters and two paddings end the text.
    let (body, padding) = text.split_at(text.len() - 3);
    assert!(padding.ends_with("=="), "{padding}");
    let broken = format!("{}\r\n{}\n", &text[..76], &text[76..]);
    assert_eq!(SealedValue::from_base64(&broken), Ok(value.clone()));
    assert_eq!(
        SealedValue::from_base64(&format!("{body}{}\n=\r=", &padding[..1])),
        Ok(value.clone())
    );
    // The last character before the padding has four bits too many; Go does not look at them.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let last = alphabet.find(&padding[..1]).unwrap();
    let other = &alphabet[last + 1..last + 2];
    assert_eq!(SealedValue::from_base64(&format!("{body}{other}==")), Ok(value));
    for wrong in [
        body.to_owned() + &padding[..1],
        text.replace('=', ""),
        format!("{text}="),
        format!(" {text}"),
        format!("{text}A"),
    ] {
        assert_eq!(SealedValue::from_base64(&wrong), Err(MalformedValue::Base64));
    }
    let url_safe = "_".to_owned() + &text[1..];
    assert_eq!(SealedValue::from_base64(&url_safe), Err(MalformedValue::Base64));
}

#[test]
fn private_keys_are_read_in_both_forms_and_written_as_pkcs1() {
    let key = small_key();
    let pkcs1 = key.to_pem().unwrap();
    let text = std::str::from_utf8(pkcs1.expose()).unwrap();
    assert!(text.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"), "no PKCS#1");
    assert!(text.lines().all(|line| line.len() <= 64), "a line is too long for PEM");
    assert_eq!(SealingKey::from_pem(text.as_bytes()).unwrap().fingerprint(), key.fingerprint());
    let pkcs8 = pem("PRIVATE KEY", &STANDARD.encode(key.pkcs8()));
    assert_eq!(SealingKey::from_pem(pkcs8.as_bytes()).unwrap().fingerprint(), key.fingerprint());
    let behind = format!("{}{text}", pem("CERTIFICATE", "AAAA")).replace('\n', "\r\n");
    assert_eq!(SealingKey::from_pem(behind.as_bytes()).unwrap().fingerprint(), key.fingerprint());
}

#[test]
fn refuses_private_keys_that_cannot_serve() {
    let small = small_key().to_pem().unwrap();
    let small = std::str::from_utf8(small.expose()).unwrap();
    let cut = format!("{}-----END RSA PRIVATE KEY-----\n", &small[..small.len() / 2]);
    for (text, error) in [
        ("", KeyError::NoPem),
        ("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n", KeyError::NoPem),
        (&pem("EC PRIVATE KEY", "AAAA"), KeyError::NoPem),
        (&pem("ENCRYPTED PRIVATE KEY", "AAAA"), KeyError::Encrypted),
        (&pem("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\n\nAAAA"), KeyError::Encrypted),
        (&pem("PRIVATE KEY", "AAAA"), KeyError::NotRsa),
        (&pem("RSA PRIVATE KEY", "AAAA"), KeyError::NotRsa),
        (&cut, KeyError::NotRsa),
    ] {
        let found = SealingKey::from_pem(text.as_bytes()).map(|_| ()).unwrap_err();
        // A cut-off text may already fail as base64.
        assert!(
            found == error || (text == cut && found == KeyError::NoPem),
            "{found:?} instead of {error:?}"
        );
    }
}

#[test]
fn a_key_never_prints_itself() {
    let printed = format!("{:?} {:?}", small_key(), KeyRing::new([small_key()]));
    assert!(printed.contains("<redacted>"));
    assert!(!printed.contains(&STANDARD.encode(&small_key().pkcs8()[40..60])));
}

#[test]
fn the_certificate_is_that_of_sealed_secrets() {
    let key = small_key();
    let now = jiff::Timestamp::from_second(1_795_000_000).unwrap();
    let certificate = SealingCertificate::self_signed(
        &key,
        "sealed secrets",
        now,
        Duration::from_secs(315_360_000),
    )
    .unwrap();
    assert!(certificate.belongs_to(&key));
    assert_eq!(certificate.not_before(), now);
    assert_eq!(certificate.not_after().as_second(), 1_795_000_000 + 315_360_000);
    let text = openssl(&["x509", "-noout", "-text", "-nameopt", "RFC2253"], certificate.to_pem());
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    for expected in [
        "Version: 3 (0x2)",
        "Signature Algorithm: sha256WithRSAEncryption",
        "Issuer: CN=sealed secrets",
        "Subject: CN=sealed secrets",
        "Public Key Algorithm: rsaEncryption",
        "Exponent: 65537 (0x10001)",
        "X509v3 Basic Constraints: critical",
        "CA:TRUE",
        "X509v3 Key Usage: critical",
        "Encipher Only",
    ] {
        assert!(lines.contains(&expected), "{expected} is missing in\n{text}");
    }
    assert!(!text.contains("Alternative Name") && !text.contains("Extended Key Usage"), "{text}");
    let (_, block) = x509_parser::pem::parse_x509_pem(certificate.to_pem().as_bytes()).unwrap();
    let parsed = block.parse_x509().unwrap();
    let signer = aws_lc_rs::signature::UnparsedPublicKey::new(
        &aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256,
        &*parsed.public_key().subject_public_key.data,
    );
    signer.verify(parsed.tbs_certificate.as_ref(), &parsed.signature_value.data).unwrap();
}

#[test]
fn a_certificate_without_a_name_has_an_empty_subject() {
    let text =
        openssl(&["x509", "-noout", "-subject", "-issuer"], certificate_of(&small_key()).to_pem());
    assert_eq!(text.replace(' ', ""), "subject=\nissuer=\n");
}

#[test]
fn a_certificate_may_last_beyond_every_calendar() {
    let now = jiff::Timestamp::from_second(1_795_000_000).unwrap();
    let certificate =
        SealingCertificate::self_signed(&small_key(), "", now, Duration::MAX).unwrap();
    let text = openssl(&["x509", "-noout", "-enddate"], certificate.to_pem());
    assert_eq!(text, "notAfter=Dec 31 23:59:59 9999 GMT\n");
    // That is how X.509 says "for ever"; jiff's time ends two days earlier.
    assert_eq!(certificate.not_after(), jiff::Timestamp::MAX);
}

#[test]
fn refuses_what_is_no_rsa_certificate() {
    let of = |text: &str| SealingCertificate::from_pem(text.as_bytes()).map(|_| ()).unwrap_err();
    assert_eq!(of(""), CertificateError::NoPem);
    assert_eq!(of(&pem("PUBLIC KEY", "AAAA")), CertificateError::NoPem);
    assert_eq!(of(&pem("CERTIFICATE", "AAAA")), CertificateError::NotX509);
    let elliptic = rcgen::KeyPair::generate().unwrap();
    let elliptic = CertificateParams::default().self_signed(&elliptic).unwrap().pem();
    assert_eq!(of(&elliptic), CertificateError::NotRsa);
}

#[test]
fn only_the_first_certificate_counts() {
    let (recorded, ours) =
        (std::str::from_utf8(SEALING_CERTIFICATE).unwrap(), certificate_of(&small_key()));
    let certificate =
        SealingCertificate::from_pem(format!("words\n{}{recorded}", ours.to_pem()).as_bytes())
            .unwrap();
    assert_eq!(certificate.fingerprint(), small_key().fingerprint());
    assert_eq!(certificate.to_pem(), ours.to_pem());
}

#[test]
fn the_ring_tries_the_likely_key_first_and_each_key_once() {
    let (one, two) = (small_key(), Arc::new(SealingKey::generate(KeySize::Rsa2048).unwrap()));
    let ring = KeyRing::new([one.clone(), two.clone(), one.clone()]);
    assert_eq!(ring.keys().len(), 2);
    let label = Scope::ClusterWide.label("", "");
    let value = seal(b"x", &label, &two);
    for likely in [None, Some(one.fingerprint()), Some(two.fingerprint())] {
        assert_eq!(&ring.open(&value, &label, likely).unwrap().by, two.fingerprint());
    }
    assert!(KeyRing::new([one]).open(&value, &label, Some(two.fingerprint())).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_plaintext_and_label_comes_back(plaintext in proptest::collection::vec(any::<u8>(), 0..2000),
        namespace in "[a-z0-9-]{1,63}",
        name in "[a-z0-9.-]{1,253}",
        scope in 0..3_usize) {
        let key = small_key();
        let label = Scope::ALL[scope].label(&namespace, &name);
        let value = seal(&plaintext, &label, &key);
        let read = SealedValue::from_base64(&value.to_base64()).unwrap();
        prop_assert_eq!(&read, &value);
        prop_assert_eq!(opened(&key, &read, &label), Some(plaintext));
    }

    #[test]
    fn bytes_are_refused_or_written_as_they_were_read(bytes in proptest::collection::vec(any::<u8>(), 0..600), length in 0..600_u16) {
        let bytes = [&length.to_be_bytes()[..], &bytes].concat();
        if let Ok(value) = SealedValue::from_bytes(&bytes) {
            prop_assert_eq!(STANDARD.decode(value.to_base64()).unwrap(), bytes);
        }
    }
}

/// What openssl prints for the text on its standard input.
fn openssl(arguments: &[&str], input: &str) -> String {
    use std::io::Write as _;
    let mut child = std::process::Command::new("openssl")
        .args(arguments)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::inherit())
        .spawn()
        .expect("openssl is among the packages that the tests need");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}
