use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use seal_core::envelope::WrappedKey;

use super::*;
use crate::identities::{SourceOutcome, SourceReport};
use crate::service::{WrapError, Wrapped};

/// Opens the text `open`, after a moment; counts what it is asked.
#[derive(Default)]
struct Counting {
    calls: AtomicUsize,
    asked: Mutex<Vec<String>>,
}

impl KeyService for Counting {
    fn wrap(&self, key: &MasterKey, _: &SecretBytes) -> Result<Wrapped, WrapError> {
        Err(WrapError::Failed { key: key.to_string() })
    }

    fn unwrap(&self, key: &MasterKey, enc: &str) -> Result<SecretBytes, UnwrapError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.asked.lock().unwrap().push(name(key));
        std::thread::sleep(Duration::from_millis(20));
        match enc {
            "open" => Ok(SecretBytes::new(vec![7; 32])),
            _ => Err(UnwrapError::NoIdentity { key: name(key) }),
        }
    }

    fn sources(&self) -> Vec<SourceReport> {
        let recipients = vec!["age1mine".to_owned()];
        let outcome = SourceOutcome::Read { recipients, plugins: Vec::new(), ignored: Vec::new() };
        vec![SourceReport { source: "SOPS_AGE_KEY".to_owned(), outcome }]
    }
}

fn name(key: &MasterKey) -> String {
    match key {
        MasterKey::Age { recipient: name }
        | MasterKey::Pgp { fingerprint: name }
        | MasterKey::GcpKms { resource_id: name } => name.clone(),
        other => other.to_string(),
    }
}

fn age(recipient: &str, enc: &str) -> WrappedKey {
    let key = MasterKey::Age { recipient: recipient.to_owned() };
    WrappedKey { key, created_at: None, enc: enc.to_owned() }
}

fn gcp(resource_id: &str, enc: &str) -> WrappedKey {
    let key = MasterKey::GcpKms { resource_id: resource_id.to_owned() };
    WrappedKey { key, created_at: None, enc: enc.to_owned() }
}

fn pgp(fingerprint: &str, enc: &str) -> WrappedKey {
    let key = MasterKey::Pgp { fingerprint: fingerprint.to_owned() };
    WrappedKey { key, created_at: None, enc: enc.to_owned() }
}

fn group(keys: Vec<WrappedKey>) -> KeyGroup {
    KeyGroup { keys }
}

#[test]
fn tries_keys_in_the_order_of_sops_until_one_opens() {
    let unwrapper = Unwrapper::new(Counting::default(), DecryptionOrder::default());
    let keys = vec![
        gcp("g2", "no"),
        gcp("g1", "no"),
        pgp("p", "no"),
        age("a1", "no"),
        age("a2", "no"),
        gcp("g3", "open"),
        gcp("g4", "open"),
    ];
    unwrapper.data_key(&[group(keys)], None).unwrap();
    assert_eq!(*unwrapper.service().asked.lock().unwrap(), ["a1", "a2", "p", "g2", "g1", "g3"]);
}

#[test]
fn the_same_text_is_unwrapped_once_by_all_threads() {
    let unwrapper = Unwrapper::new(Counting::default(), DecryptionOrder::default());
    let groups = [group(vec![age("a", "no"), age("b", "open")])];
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| unwrapper.data_key(&groups, None).unwrap());
        }
    });
    assert_eq!(unwrapper.service().calls.load(Ordering::SeqCst), 2);
    // The same text under another name is another question.
    unwrapper.data_key(&[group(vec![age("c", "open")])], None).unwrap();
    assert_eq!(unwrapper.service().calls.load(Ordering::SeqCst), 3);
}

#[test]
fn a_failure_lists_every_key_and_every_source_and_what_to_do() {
    let unwrapper = Unwrapper::new(Counting::default(), DecryptionOrder::default());
    let groups = [group(vec![age("age1a", "no"), age("age1b", "no")])];
    let error = unwrapper.data_key(&groups, None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no identity opens the data key\n  \
         keys of the envelope:\n    \
         age1a: no identity fits\n    \
         age1b: no identity fits\n  \
         identities tried:\n    \
         SOPS_AGE_KEY: 1 identity: age1mine"
    );
    assert_eq!(
        error.hints(),
        [
            "point SOPS_AGE_KEY_FILE at a file with the identity of one of these keys, or ask somebody \
         who can decrypt the file to add your recipient age1mine"
        ]
    );
}

#[test]
fn the_hint_names_the_variable_of_the_kind_of_key() {
    let hints = |keys: &[&str]| {
        let unwrapper = Unwrapper::new(Counting::default(), DecryptionOrder::default());
        let keys = keys.iter().map(|key| age(key, "no")).collect();
        unwrapper.data_key(&[group(keys)], None).unwrap_err().hints()
    };
    let add = ", or ask somebody who can decrypt the file to add your recipient age1mine";
    let of_ssh = "point SOPS_AGE_SSH_PRIVATE_KEY_FILE at the private key of";
    let ssh = "ssh-ed25519 AAAA a@b";
    assert_eq!(hints(&[ssh]), [format!("{of_ssh} {ssh}{add}")]);
    assert_eq!(hints(&[ssh, "ssh-rsa AAAA"]), [format!("{of_ssh} one of these keys of ssh{add}")]);
    let of_age = "point SOPS_AGE_KEY_FILE at a file with the identity of one of these keys";
    assert_eq!(hints(&[ssh, "age1a"]), [of_age.to_owned(), format!("{of_ssh} {ssh}{add}")]);
}

#[test]
fn an_envelope_without_keys_is_refused() {
    let unwrapper = Unwrapper::new(Counting::default(), DecryptionOrder::default());
    assert_eq!(unwrapper.data_key(&[], None).unwrap_err(), NoDataKey::NoKeys);
    assert_eq!(unwrapper.data_key(&[KeyGroup::default()], None).unwrap_err(), NoDataKey::NoKeys);
}
