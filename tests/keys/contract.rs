//! What every provider of master keys must do. A new one adds its own pair of services to `suites` and passes as it is.

use age::secrecy::ExposeSecret;
use seal_core::envelope::{KeyGroup, MasterKey};
use seal_core::secret::DataKey;
use seal_keys::{
    Environment, KeyService, NoDataKey, Providers, UnwrapError, Unwrapper, WrapError, wrap_for,
};

/// A key, somebody who can unwrap what it wraps, and somebody who cannot.
struct Suite {
    key: MasterKey,
    holder: Providers,
    stranger: Providers,
}

fn suites() -> Vec<Suite> {
    let (recipient, holder) = age_holder();
    let (_, stranger) = age_holder();
    vec![Suite { key: MasterKey::Age { recipient }, holder, stranger }]
}

fn age_holder() -> (String, Providers) {
    let identity = age::x25519::Identity::generate();
    let secret = identity.to_string().expose_secret().to_owned();
    let environment = Environment::of([("SOPS_AGE_KEY", secret)]);
    (identity.to_public().to_string(), Providers::new(environment))
}

#[test]
fn what_is_wrapped_unwraps_to_the_same() {
    for Suite { key, holder, stranger } in suites() {
        let data_key = DataKey::new(std::array::from_fn(|i| i as u8));
        // Wrapping needs no private half.
        let enc = stranger.wrap(&key, &data_key).unwrap();
        assert_eq!(holder.unwrap(&key, &enc).unwrap().expose(), data_key.expose(), "{key}");
    }
}

#[test]
fn the_same_key_is_never_wrapped_to_the_same_text() {
    for Suite { key, holder, .. } in suites() {
        let data_key = DataKey::new([7; 32]);
        assert_ne!(holder.wrap(&key, &data_key).unwrap(), holder.wrap(&key, &data_key).unwrap());
    }
}

#[test]
fn a_stranger_unwraps_nothing() {
    for Suite { key, holder, stranger } in suites() {
        let enc = holder.wrap(&key, &DataKey::new([7; 32])).unwrap();
        let error = stranger.unwrap(&key, &enc).unwrap_err();
        assert!(matches!(error, UnwrapError::NoIdentity { .. }), "{error}");
    }
}

#[test]
fn an_altered_text_never_unwraps() {
    for Suite { key, holder, .. } in suites() {
        let data_key = DataKey::new([7; 32]);
        let enc = holder.wrap(&key, &data_key).unwrap();
        let body = enc.find('\n').unwrap() + 1..enc.rfind("\n-----END").unwrap();
        for at in body.step_by(3) {
            let mut altered = enc.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert!(holder.unwrap(&key, &altered).is_err(), "altered at {at}");
        }
        for text in ["", "x", "-----BEGIN AGE ENCRYPTED FILE-----\n", &enc[..enc.len() / 2]] {
            let error = holder.unwrap(&key, text).unwrap_err();
            assert!(matches!(error, UnwrapError::Damaged { .. }), "{error}");
        }
    }
}

#[test]
fn the_text_may_have_lost_its_final_newline_or_use_other_line_ends() {
    for Suite { key, holder, .. } in suites() {
        let enc = holder.wrap(&key, &DataKey::new([7; 32])).unwrap();
        for text in [enc.trim_end().to_owned(), enc.replace('\n', "\r\n"), format!("{enc}\n")] {
            assert_eq!(holder.unwrap(&key, &text).unwrap().expose(), &[7; 32]);
        }
    }
}

#[test]
fn only_32_bytes_are_a_data_key() {
    let (recipient, holder) = age_holder();
    let key = MasterKey::Age { recipient: recipient.clone() };
    for length in [0, 31, 33, 64] {
        let enc = age::encrypt_and_armor(
            &recipient.parse::<age::x25519::Recipient>().unwrap(),
            &vec![7; length],
        );
        let error = holder.unwrap(&key, &enc.unwrap()).unwrap_err();
        assert_eq!(error, UnwrapError::Length { key: recipient.clone(), found: length });
    }
}

#[test]
fn a_text_that_its_own_identity_does_not_open_is_told_from_a_missing_identity() {
    let (recipient, holder) = age_holder();
    let (other, _) = age_holder();
    let enc = holder.wrap(&MasterKey::Age { recipient: other }, &DataKey::new([7; 32])).unwrap();
    let error = holder.unwrap(&MasterKey::Age { recipient: recipient.clone() }, &enc).unwrap_err();
    assert_eq!(error, UnwrapError::NotForThisKey { key: recipient });
}

#[test]
fn wraps_once_for_each_different_key_in_order() {
    let (a, holder_a) = age_holder();
    let (b, holder_b) = age_holder();
    let keys = [&a, &b, &a].map(|recipient| MasterKey::Age { recipient: recipient.clone() });
    let wrapped = wrap_for(&holder_a, &keys, &DataKey::new([7; 32])).unwrap();
    assert_eq!(wrapped.iter().map(|w| w.key.clone()).collect::<Vec<_>>(), keys[..2]);
    let groups = [KeyGroup { keys: wrapped }];
    for holder in [holder_a, holder_b] {
        let data_key = Unwrapper::new(holder).data_key(&groups, None).unwrap();
        assert_eq!(data_key.expose(), &[7; 32]);
    }
}

#[test]
fn one_key_that_cannot_wrap_fails_the_whole() {
    let (recipient, holder) = age_holder();
    let kms = MasterKey::GcpKms { resource_id: "projects/p/cryptoKeys/k".to_owned() };
    let keys = [MasterKey::Age { recipient }, kms];
    let error = wrap_for(&holder, &keys, &DataKey::new([7; 32])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "GCP KMS projects/p/cryptoKeys/k: keys of this kind are not supported yet by this version"
    );
    assert_eq!(wrap_for(&holder, &[], &DataKey::new([7; 32])).unwrap_err(), WrapError::NoKeys);
}

#[test]
fn other_kinds_of_keys_are_named_as_not_supported_yet() {
    let (_, holder) = age_holder();
    let key = MasterKey::Pgp { fingerprint: "A12E".to_owned() };
    let error = holder.unwrap(&key, "x").unwrap_err();
    assert_eq!(
        error.to_string(),
        "PGP A12E: keys of this kind are not supported yet by this version"
    );
    assert_eq!(seal_keys::check(&key), holder.wrap(&key, &DataKey::new([7; 32])).map(|_| ()));
}

#[test]
fn the_error_names_recipients_and_what_was_tried_but_no_secret() {
    let (own, stranger) = age_holder();
    let (recipient, holder) = age_holder();
    let keys = [MasterKey::Age { recipient: recipient.clone() }];
    let wrapped = wrap_for(&holder, &keys, &DataKey::new([7; 32])).unwrap();
    let error = Unwrapper::new(stranger).data_key(&[KeyGroup { keys: wrapped }], None).unwrap_err();
    assert!(matches!(error, NoDataKey::NoneFits(_)));
    let text = format!("{error}\n{}\n{error:?}", error.hint());
    for part in [
        format!("{recipient}: no identity fits"),
        format!("SOPS_AGE_KEY: 1 identity: {own}"),
        "SOPS_AGE_KEY_FILE: not set".to_owned(),
        format!("add your recipient {own}"),
    ] {
        assert!(text.contains(&part), "{part}\n{text}");
    }
    assert!(!text.contains("AGE-SECRET-KEY"));
}
