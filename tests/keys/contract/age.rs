//! age in its kinds: X25519, post-quantum, keys of ssh.

use age::secrecy::ExposeSecret;
use seal_core::envelope::{KeyGroup, MasterKey, WrappedKey};
use seal_core::secret::SecretBytes;
use seal_keys::{
    DecryptionOrder, Environment, KeyService, NoDataKey, Providers, Settings, UnwrapError,
    Unwrapper,
};

use super::suite::{Provider, Scene, Situation};
use crate::age_keys::{self, SshKey};

pub(crate) struct X25519 {
    recipient: String,
    identity: String,
}

impl Provider for X25519 {
    fn start() -> Option<Self> {
        let identity = age::x25519::Identity::generate();
        let recipient = identity.to_public().to_string();
        Some(Self { recipient, identity: identity.to_string().expose_secret().to_owned() })
    }

    fn key(&self) -> MasterKey {
        MasterKey::Age { recipient: self.recipient.clone() }
    }

    fn holder(&self) -> Providers {
        let environment = Environment::of([("SOPS_AGE_KEY", self.identity.clone())]);
        Providers::new(Settings::of(environment))
    }

    fn arrange(&self, situation: Situation, enc: &str) -> Option<Scene> {
        opened_by_a_stranger(situation, self.key(), enc, vec![self.identity.clone()])
    }
}

/// Nobody's server is asked, so that little can go wrong.
fn opened_by_a_stranger(
    situation: Situation,
    key: MasterKey,
    enc: &str,
    secrets: Vec<String>,
) -> Option<Scene> {
    (situation == Situation::WrongKey).then(|| Scene {
        key,
        service: age_holder().1,
        enc: enc.to_owned(),
        secrets,
        says: Vec::new(),
        requests: None,
        wrapping_fails: false,
    })
}

pub(crate) struct PostQuantum {
    recipient: String,
    identity: String,
}

impl Provider for PostQuantum {
    fn start() -> Option<Self> {
        let identity = age_keys::key_file("age-pq");
        let recipient = seal_keys::keygen::recipients_of(&identity).unwrap().remove(0);
        Some(Self { recipient, identity })
    }

    fn key(&self) -> MasterKey {
        key(&self.recipient)
    }

    fn holder(&self) -> Providers {
        let environment = Environment::of([("SOPS_AGE_KEY", self.identity.clone())]);
        Providers::new(Settings::of(environment))
    }

    fn arrange(&self, situation: Situation, enc: &str) -> Option<Scene> {
        let secret = self.identity.split_whitespace().last().unwrap().to_owned();
        opened_by_a_stranger(situation, self.key(), enc, vec![secret])
    }
}

/// A key of ssh of a kind, as `ssh-keygen -t` names it.
pub(crate) struct Ssh<const KIND: usize>(SshKey);

pub(crate) type SshEd25519 = Ssh<0>;
pub(crate) type SshRsa = Ssh<1>;

impl<const KIND: usize> Provider for Ssh<KIND> {
    fn start() -> Option<Self> {
        let kind = ["ed25519", "rsa"][KIND];
        SshKey::new(kind, "", &format!("keys: contract of ssh-{kind}")).map(Self)
    }

    fn key(&self) -> MasterKey {
        key(&self.0.recipient)
    }

    fn holder(&self) -> Providers {
        let environment = Environment::of([("SOPS_AGE_SSH_PRIVATE_KEY_FILE", self.0.path())]);
        Providers::new(Settings::of(environment))
    }

    fn arrange(&self, situation: Situation, enc: &str) -> Option<Scene> {
        let private = std::fs::read_to_string(self.0.path()).unwrap();
        let secret = private.lines().nth(3).unwrap().to_owned();
        opened_by_a_stranger(situation, self.key(), enc, vec![secret])
    }
}

pub(crate) fn age_holder() -> (String, Providers) {
    let holder = X25519::start().unwrap();
    (holder.recipient.clone(), holder.holder())
}

fn key(recipient: &str) -> MasterKey {
    MasterKey::Age { recipient: recipient.to_owned() }
}

fn secret() -> SecretBytes {
    SecretBytes::new(vec![7; 32])
}

#[test]
fn wrapping_needs_no_private_half() {
    let (recipient, holder) = age_holder();
    let enc = age_holder().1.wrap(&key(&recipient), &secret()).unwrap().enc;
    assert_eq!(holder.unwrap(&key(&recipient), &enc).unwrap().expose(), secret().expose());
}

#[test]
fn a_stranger_unwraps_nothing() {
    let (recipient, holder) = age_holder();
    let enc = holder.wrap(&key(&recipient), &secret()).unwrap().enc;
    let error = age_holder().1.unwrap(&key(&recipient), &enc).unwrap_err();
    assert!(matches!(error, UnwrapError::NoIdentity { .. }), "{error}");
}

#[test]
fn a_text_altered_anywhere_never_unwraps() {
    let (recipient, holder) = age_holder();
    let key = key(&recipient);
    let enc = holder.wrap(&key, &secret()).unwrap().enc;
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

#[test]
fn the_text_may_have_lost_its_final_newline_or_use_other_line_ends() {
    let (recipient, holder) = age_holder();
    let key = key(&recipient);
    let enc = holder.wrap(&key, &secret()).unwrap().enc;
    for text in [enc.trim_end().to_owned(), enc.replace('\n', "\r\n"), format!("{enc}\n")] {
        assert_eq!(holder.unwrap(&key, &text).unwrap().expose(), &[7; 32]);
    }
}

#[test]
fn only_32_bytes_are_a_data_key() {
    for length in [0, 31, 33, 64] {
        let (recipient, holder) = age_holder();
        let enc = age::encrypt_and_armor(
            &recipient.parse::<age::x25519::Recipient>().unwrap(),
            &vec![7; length],
        );
        let wrapped = WrappedKey { key: key(&recipient), created_at: None, enc: enc.unwrap() };
        let unwrapper = Unwrapper::new(holder, DecryptionOrder::default());
        let error = unwrapper.data_key(&[KeyGroup { keys: vec![wrapped] }], None).unwrap_err();
        let expected = format!(
            "{recipient}: what it opens has {length} bytes instead of the 32 of a data key"
        );
        assert!(error.to_string().contains(&expected), "{error}");
    }
}

#[test]
fn a_text_that_its_own_identity_does_not_open_is_told_from_a_missing_identity() {
    let (recipient, holder) = age_holder();
    let (other, _) = age_holder();
    let enc = holder.wrap(&key(&other), &secret()).unwrap().enc;
    let error = holder.unwrap(&key(&recipient), &enc).unwrap_err();
    assert_eq!(error, UnwrapError::NotForThisKey { key: recipient });
}

#[test]
fn the_error_names_recipients_and_what_was_tried_but_no_secret() {
    let (own, stranger) = age_holder();
    let (recipient, holder) = age_holder();
    let enc = holder.wrap(&key(&recipient), &secret()).unwrap().enc;
    let wrapped = WrappedKey { key: key(&recipient), created_at: None, enc };
    let unwrapper = Unwrapper::new(stranger, DecryptionOrder::default());
    let error = unwrapper.data_key(&[KeyGroup { keys: vec![wrapped] }], None).unwrap_err();
    assert!(matches!(error, NoDataKey::NoneFits(_)));
    let text = format!("{error}\n{}\n{error:?}", error.hints().join("\n"));
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
