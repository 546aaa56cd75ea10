//! Key groups: who gets a share, who is asked, and what is said when it is not enough.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use seal_core::envelope::shamir::ShamirError;
use seal_core::envelope::{GroupedKeys, KeyGroup, MasterKey};
use seal_core::secret::{DataKey, SecretBytes};
use seal_keys::{
    DecryptionOrder, KeyService, NoDataKey, UnwrapError, Unwrapper, WrapError, Wrapped, wrap_for,
};

use crate::contract::age::age_holder;

const NOW: &str = "2026-11-20T00:00:00Z";

fn random(bytes: &mut [u8]) -> bool {
    bytes.iter_mut().enumerate().for_each(|(i, byte)| *byte = i as u8 ^ 0x5a);
    true
}

fn data_key() -> DataKey {
    DataKey::new(std::array::from_fn(|i| i as u8))
}

/// Keeps what it wraps; opens all keys but some, taking its time; counts who is at work at the same time.
#[derive(Default)]
struct Safe {
    kept: Mutex<BTreeMap<String, Vec<u8>>>,
    closed: Vec<&'static str>,
    asked: Mutex<Vec<String>>,
    at_work: AtomicUsize,
    most_at_work: AtomicUsize,
}

fn pgp(name: &str) -> MasterKey {
    MasterKey::Pgp { fingerprint: name.to_owned() }
}

impl KeyService for Safe {
    fn wrap(&self, key: &MasterKey, secret: &SecretBytes) -> Result<Wrapped, WrapError> {
        let enc = key.to_string();
        self.kept.lock().unwrap().insert(enc.clone(), secret.expose().to_vec());
        Ok(Wrapped { key: key.clone(), enc })
    }

    fn unwrap(&self, key: &MasterKey, enc: &str) -> Result<SecretBytes, UnwrapError> {
        let name = key.to_string().trim_start_matches("PGP ").to_owned();
        self.asked.lock().unwrap().push(name.clone());
        let at_work = self.at_work.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_work.fetch_max(at_work, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(30));
        self.at_work.fetch_sub(1, Ordering::SeqCst);
        match self.closed.contains(&name.as_str()) {
            true => Err(UnwrapError::NoIdentity { key: name }),
            false => Ok(SecretBytes::new(self.kept.lock().unwrap()[enc].clone())),
        }
    }
}

fn groups(names: &[&[&str]], threshold: u32) -> GroupedKeys {
    GroupedKeys {
        groups: names.iter().map(|group| group.iter().map(|name| pgp(name)).collect()).collect(),
        threshold: Some(threshold),
    }
}

fn shared(
    names: &[&[&str]],
    threshold: u32,
    closed: &[&'static str],
) -> (Unwrapper<Safe>, Vec<KeyGroup>) {
    let safe = Safe { closed: closed.to_vec(), ..Safe::default() };
    let groups = wrap_for(&safe, &groups(names, threshold), &data_key(), NOW, &random).unwrap();
    (Unwrapper::new(safe, DecryptionOrder::default()), groups)
}

#[test]
fn wraps_once_for_each_different_key_in_order() {
    let (a, holder_a) = age_holder();
    let (b, holder_b) = age_holder();
    let keys = [&a, &b, &a].map(|recipient| MasterKey::Age { recipient: recipient.clone() });
    let grouped = GroupedKeys::one_group(keys.to_vec());
    let wrapped = wrap_for(&holder_a, &grouped, &data_key(), NOW, &random).unwrap();
    assert_eq!(wrapped[0].keys.iter().map(|w| w.key.clone()).collect::<Vec<_>>(), keys[..2]);
    assert_eq!(wrapped[0].keys[0].created_at, None);
    for holder in [holder_a, holder_b] {
        let unwrapper = Unwrapper::new(holder, DecryptionOrder::default());
        let opened = unwrapper.data_key(&wrapped, None).unwrap();
        assert_eq!(opened.expose(), data_key().expose());
    }
}

#[test]
fn one_key_that_cannot_wrap_fails_the_whole() {
    let (recipient, holder) = age_holder();
    let keys = vec![MasterKey::Age { recipient }, MasterKey::Age { recipient: "age1x".to_owned() }];
    let grouped = GroupedKeys::one_group(keys);
    let error = wrap_for(&holder, &grouped, &data_key(), NOW, &random).unwrap_err();
    assert_eq!(error, WrapError::InvalidRecipient { recipient: "age1x".to_owned() });
}

#[test]
fn groups_that_nobody_could_open_are_refused() {
    let refused = |keys: &GroupedKeys| {
        wrap_for(&Safe::default(), keys, &data_key(), NOW, &random).unwrap_err()
    };
    assert_eq!(refused(&GroupedKeys::default()), WrapError::NoKeys);
    assert_eq!(refused(&GroupedKeys::one_group(Vec::new())), WrapError::NoKeys);
    assert_eq!(refused(&groups(&[&["a"], &[]], 2)), WrapError::EmptyGroup);
    for threshold in [1, 3] {
        let error = ShamirError::Threshold { shares: 2, threshold: threshold as usize };
        assert_eq!(refused(&groups(&[&["a"], &["b"]], threshold)), WrapError::Shares(error));
    }
    let no_random = wrap_for(
        &Safe::default(),
        &groups(&[&["a"], &["b"]], 2),
        &data_key(),
        NOW,
        &|_: &mut [u8]| false,
    );
    assert_eq!(no_random.unwrap_err(), WrapError::Random);
}

#[test]
fn each_group_gets_a_share_and_dated_keys_a_date() {
    let (unwrapper, groups) = shared(&[&["a", "b"], &["c"]], 2, &[]);
    let kept = unwrapper.service().kept.lock().unwrap().clone();
    assert_eq!(kept["PGP a"], kept["PGP b"]);
    assert_eq!((kept["PGP a"].len(), kept["PGP a"][32]), (33, 1));
    assert_eq!((kept["PGP c"].len(), kept["PGP c"][32]), (33, 2));
    assert_eq!(groups[0].keys[0].created_at.as_deref(), Some(NOW));
}

#[test]
fn as_many_groups_are_asked_at_once_as_are_needed_and_no_more() {
    let (unwrapper, groups) = shared(&[&["a"], &["b"], &["c"], &["d"]], 2, &[]);
    let opened = unwrapper.data_key(&groups, Some(2)).unwrap();
    assert_eq!(opened.expose(), data_key().expose());
    let mut asked = unwrapper.service().asked.lock().unwrap().clone();
    asked.sort();
    assert_eq!(asked, ["a", "b"]);
    assert_eq!(unwrapper.service().most_at_work.load(Ordering::SeqCst), 2);
}

#[test]
fn another_group_takes_the_place_of_one_that_does_not_open() {
    let (unwrapper, groups) = shared(&[&["a1", "a2"], &["b"], &["c"]], 2, &["a1", "b"]);
    let opened = unwrapper.data_key(&groups, Some(2)).unwrap();
    assert_eq!(opened.expose(), data_key().expose());
    assert_eq!(unwrapper.service().asked.lock().unwrap().len(), 4);
}

#[test]
fn the_report_has_every_group_and_every_key() {
    let (unwrapper, groups) = shared(&[&["a1", "a2"], &["b"], &["c"]], 2, &["a1", "a2", "c"]);
    let error = unwrapper.data_key(&groups, Some(2)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "1 of 3 key groups could be opened, 2 are needed\n  \
         key group 1: not opened\n    \
         a1: no identity fits\n    \
         a2: no identity fits\n  \
         key group 2: opened by PGP b\n  \
         key group 3: not opened\n    \
         c: no identity fits"
    );
    assert_eq!(error.hints().len(), 1);
}

#[test]
fn a_threshold_that_makes_no_sense_is_refused_before_anybody_is_asked() {
    let (unwrapper, groups) = shared(&[&["a"], &["b"]], 2, &[]);
    for threshold in [1, 3] {
        let error = unwrapper.data_key(&groups, Some(threshold)).unwrap_err();
        assert_eq!(error, NoDataKey::Threshold { groups: 2, threshold: threshold as usize });
    }
    assert!(unwrapper.service().asked.lock().unwrap().is_empty());
    // None, and 0 as SOPS writes it for none, are all.
    for threshold in [None, Some(0)] {
        assert!(unwrapper.data_key(&groups, threshold).is_ok());
    }
}

#[test]
fn a_file_decides_neither_how_many_threads_there_are_nor_what_is_sent() {
    let names: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    let names: Vec<&[&str]> = Vec::from_iter(names.iter().map(|name| {
        let name: &'static str = name.clone().leak();
        &*Vec::from([name]).leak()
    }));
    let (unwrapper, mut groups) = shared(&names, 30, &[]);
    let opened = unwrapper.data_key(&groups, Some(30)).unwrap();
    assert_eq!(opened.expose(), data_key().expose());
    assert!(unwrapper.service().most_at_work.load(Ordering::SeqCst) <= 8);
    // More groups than there can be shares.
    let many: Vec<KeyGroup> = groups.iter().cycle().take(256).cloned().collect();
    let error = unwrapper.data_key(&many, Some(2)).unwrap_err();
    assert_eq!(error, NoDataKey::Threshold { groups: 256, threshold: 2 });
    // A text that is no wrapped key, for its length alone.
    let asked = unwrapper.service().asked.lock().unwrap().len();
    groups.truncate(1);
    groups[0].keys[0].enc = "A".repeat(64 * 1024 + 1);
    let error = unwrapper.data_key(&groups, None).unwrap_err().to_string();
    assert!(error.contains("the wrapped data key is damaged"), "{error}");
    assert_eq!(unwrapper.service().asked.lock().unwrap().len(), asked);
}

#[test]
fn a_whole_data_key_is_no_share() {
    let (unwrapper, mut groups) = shared(&[&["a"], &["b"]], 2, &[]);
    groups.truncate(1);
    let error = unwrapper.data_key(&groups, None).unwrap_err().to_string();
    assert!(error.contains("has 33 bytes instead of the 32 of a data key"), "{error}");
}
