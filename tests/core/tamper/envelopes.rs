//! The `mac`, its binding and the block itself.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use seal_core::cipher::Cipher;
use seal_core::envelope::mac::{open_mac, seal_mac};
use seal_core::file::{Class, DecryptOptions, Fault};
use seal_core::secret::DataKey;
use sha2::Sha256;

use super::altering::{ALL, File, Kind};
use super::support;

const A: &str = "Secret prod/a";

#[test]
fn rejects_a_missing_mac() {
    for kind in [Kind::Bound, Kind::Unbound] {
        kind.file().remove(0, "sops/mac").is_refused(A);
        kind.file().set(0, "sops/mac", "\"\"").is_refused(A);
    }
    // Without its own `mac` a document is none of a stream that shares one.
    for kind in [Kind::BoundStream, Kind::SopsStream] {
        kind.file().remove(0, "sops/mac").is_refused(A);
    }
}

#[test]
fn ignoring_the_mac_gives_the_values_back_and_says_what_does_not_hold() {
    let ignoring = DecryptOptions { ignore_mac: true, ..DecryptOptions::default() };
    for kind in ALL {
        let intact = kind.file().decrypted_with(&ignoring).unwrap();
        assert!(intact.objects.iter().all(|object| object.unverified.is_none()));
        for file in [kind.file().remove(0, "sops/mac"), kind.file().set(0, "sops/mac", "ENC[]")] {
            let found = file.decrypted_with(&ignoring).unwrap();
            let problem = found.objects[0].unverified.as_ref().unwrap();
            assert!(problem.contains("mac"), "{problem}");
            assert_eq!(
                found.bytes.unwrap().expose().len(),
                intact.bytes.as_ref().unwrap().expose().len()
            );
        }
    }
    for kind in [Kind::Bound, Kind::Unbound] {
        let file = kind.file().remove(0, "stringData/user");
        file.is_refused(A);
        let found = file.decrypted_with(&ignoring).unwrap();
        assert!(found.objects[0].unverified.is_some() && !found.objects[0].bound);
    }
}

#[test]
fn ignoring_the_mac_opens_no_value_that_was_altered() {
    let ignoring = DecryptOptions { ignore_mac: true, ..DecryptOptions::default() };
    for kind in ALL {
        let file = kind.file();
        let (user, password) =
            (file.value(0, "stringData/user"), file.value(0, "stringData/password"));
        for other in [password, "clear".to_owned(), user.replace("data:", "data:AAAA")] {
            let error = file.set(0, "stringData/user", &other).decrypted_with(&ignoring);
            let error = error.unwrap_err();
            assert_eq!((error.class, error.fault), (Class::Refused, Some(Fault::Value)));
        }
    }
}

#[test]
fn rejects_a_doubled_mac() {
    for kind in ALL {
        let file = kind.file();
        let mac = file.value(0, "sops/mac");
        // The very same key twice is no YAML.
        let doubled = file.insert(0, "sops/mac", &format!("mac: {mac}"));
        assert_eq!(doubled.decrypted().unwrap_err().class, Class::Syntax);
        // SOPS does not mind the case of keys.
        file.insert(0, "sops/mac", &format!("MAC: {mac}")).is_refused(A);
    }
}

#[test]
fn rejects_the_mac_of_another_document() {
    let file = Kind::BoundStream.file();
    let other = file.value(1, "sops/mac");
    file.set(0, "sops/mac", &other).is_refused(A);
}

#[test]
fn rejects_the_block_of_another_document() {
    let file = Kind::BoundStream.file();
    let other = file.value(1, "sops");
    file.set(0, "sops", &other).is_refused(A);
}

#[test]
fn rejects_an_altered_mac() {
    for kind in ALL {
        let file = kind.file();
        let mac = file.value(0, "sops/mac");
        for part in ["data:", "iv:", "tag:"] {
            let at = mac.find(part).unwrap() + part.len();
            let other = if mac[at..].starts_with('A') { "B" } else { "A" };
            let mut altered = mac.clone();
            altered.replace_range(at..=at, other);
            file.set(0, "sops/mac", &altered).is_refused(A);
        }
    }
}

#[test]
fn a_binding_that_was_replaced_by_a_random_nonce_leaves_an_unbound_file() {
    let file = File { text: super::altering::unbound(&Kind::Bound.file().text) };
    let decrypted = file.decrypted().unwrap();
    assert!(!decrypted.objects[0].bound);
    let strict = DecryptOptions { require_bound: true, ..DecryptOptions::default() };
    let error = file.decrypted_with(&strict).unwrap_err();
    assert_eq!(error.class, Class::Refused);
    assert!(Kind::Bound.file().decrypted_with(&strict).is_ok());
    // Without the binding the order counts.
    let (user, password) = (file.value(0, "stringData/user"), file.value(0, "stringData/password"));
    let moved = file.remove(0, "stringData/user");
    let moved = moved.insert(0, "stringData/password", &format!("user: {user}"));
    let error = moved.is_refused(A);
    assert!(error.hint.as_ref().unwrap().contains("decrypt it before that tool runs"));
    let bound = Kind::Bound.file().remove(0, "stringData/user");
    let user = Kind::Bound.file().value(0, "stringData/user");
    assert!(password.starts_with("ENC[") && user.starts_with('\''));
    drop(bound);
}

#[test]
fn order_is_free_where_the_envelope_is_bound() {
    let file = Kind::Bound.file();
    let user = file.value(0, "stringData/user");
    let moved = file.remove(0, "stringData/user");
    let moved = moved.insert(0, "stringData/password", &format!("user: {user}"));
    let objects = moved.decrypted().unwrap().objects;
    assert!(objects[0].bound && objects[0].reordered);
}

/// A `mac` whose nonce is marked as a binding, with these two bytes of version and flags.
fn with_flags(file: &File, flags: [u8; 2]) -> File {
    let key = DataKey::new(support::KEY);
    let cipher = Cipher::new(&key);
    let opened = open_mac(&cipher, &file.value(0, "sops/mac"), support::DATE).unwrap();
    let mut nonce: [u8; 32] = opened.iv().try_into().unwrap();
    nonce[8..10].copy_from_slice(&flags);
    let mut marker_key = [0; 32];
    Hkdf::<Sha256>::new(None, &support::KEY)
        .expand(b"seal.dev/v1/marker", &mut marker_key)
        .unwrap();
    let mut hmac = Hmac::<Sha256>::new_from_slice(&marker_key).unwrap();
    hmac.update(&nonce[8..]);
    nonce[..8].copy_from_slice(&hmac.finalize().into_bytes()[..8]);
    let mac = seal_mac(&cipher, &nonce, support::DATE, opened.hex()).unwrap();
    file.set(0, "sops/mac", &mac)
}

#[test]
fn rejects_a_binding_of_a_version_to_come() {
    let error = with_flags(&Kind::Bound.file(), [2, 7]).is_refused(A);
    assert!(error.problem.contains("version 2"), "{error}");
    let error = with_flags(&Kind::Bound.file(), [1, 0x87]).is_refused(A);
    assert!(error.problem.contains("flags 0x87"), "{error}");
}

#[test]
fn rejects_a_binding_with_fewer_flags() {
    for flags in [0, 1, 3, 5] {
        with_flags(&Kind::Bound.file(), [1, flags]).is_refused(A);
    }
}

#[test]
fn rejects_a_secret_whose_block_was_taken_away() {
    for kind in ALL {
        let file = kind.file();
        let start = file.text.find("\nsops:").unwrap() + 1;
        let end = file.text.find("\n---").map_or(file.text.len(), |at| at + 1);
        let mut text = file.text.clone();
        text.replace_range(start..end, "");
        File { text }.is_refused_at(A, r#"["stringData"]["password"]"#);
        file.rename(0, "sops", "soaps").is_refused_at(A, r#"["stringData"]["password"]"#);
    }
}

#[test]
fn rejects_a_block_that_cannot_be_read() {
    for kind in ALL {
        for path in ["sops/version", "sops/lastmodified"] {
            assert!(kind.file().remove(0, path).decrypted().is_err());
        }
        assert!(kind.file().set(0, "sops", "text").decrypted().is_err());
        assert!(kind.file().set(0, "sops", "{}").decrypted().is_err());
    }
}

#[test]
fn a_key_that_cannot_be_had_is_another_error_than_a_refusal() {
    let file = Kind::Bound.file();
    let error = seal_core::file::decrypt(
        seal_core::format::Format::Yaml,
        file.text.as_bytes(),
        &DecryptOptions::default(),
        &|_| Err("no identity fits".into()),
    )
    .unwrap_err();
    assert_eq!(error.class, Class::NoKey);
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "no identity fits");
}

#[test]
fn nothing_encrypted_is_refused_on_demand() {
    let clear = File { text: super::altering::secret("a") };
    let strict = DecryptOptions { require_encrypted: true, ..DecryptOptions::default() };
    assert!(clear.decrypted().unwrap().bytes.is_none());
    let error = clear.decrypted_with(&strict).unwrap_err();
    assert_eq!(error.path.as_ref().unwrap().to_string(), r#"["stringData"]["password"]"#);
    let other = File { text: "a: b\n".to_owned() };
    assert!(other.decrypted_with(&strict).is_err());
    // A clear Secret beside an encrypted one.
    let beside = File { text: format!("{}---\n{}", Kind::Bound.file().text, clear.text) };
    beside.is_accepted();
    assert_eq!(beside.decrypted_with(&strict).unwrap_err().class, Class::Refused);
    let hidden =
        clear.text.replace("kind: Secret", "kind: *k").replace("name: a", "name: &k Secret");
    let hidden = hidden
        .replace("apiVersion: v1\nkind: *k\n", "")
        .replace("type:", "kind: *k\napiVersion: v1\ntype:");
    let beside = File { text: format!("{}---\n{hidden}", Kind::Bound.file().text) };
    assert_eq!(beside.decrypted_with(&strict).unwrap_err().class, Class::Refused);
}
