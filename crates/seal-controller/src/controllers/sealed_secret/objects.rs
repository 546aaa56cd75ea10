//! What is known of the SealedSecrets and of the Secrets of their names. Nothing is kept of any other Secret.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use seal_api::condition::Report;
use seal_api::malformed::MalformedObject;
use seal_api::sealed_secret::{SealedSecret, SealedSecretStatus};
use seal_api::sealing::Fingerprint;
use seal_api::unseal::inputs_digest;
use tokio::time::Instant;

/// Namespace and name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the watch said last of the Secret of an object's name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Seen {
    /// Nothing, or nothing is watched.
    #[default]
    Unknown,
    /// There is none.
    Absent,
    /// There is one, with this resourceVersion.
    At(String),
}

impl Seen {
    /// Whether the Secret was seen in a later state than this. Versions that are no numbers are never later.
    pub(crate) fn is_newer_than(&self, version: &str) -> bool {
        let Self::At(seen) = self else { return false };
        matches!((seen.parse::<u64>(), version.parse::<u64>()), (Ok(seen), Ok(version)) if seen > version)
    }
}

/// A SealedSecret, and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// As the API server gave it, without what nobody reads.
    pub(crate) object: Arc<SealedSecret>,
    /// Why it cannot be read; its spec is empty then.
    pub(crate) malformed: Option<MalformedObject>,
    /// See [`inputs_digest`].
    pub(crate) inputs: String,
    pub(crate) seen: Seen,
    /// The resourceVersion at which the Secret was found or made as it should be.
    pub(crate) verified: Option<String>,
    /// What came out when the values were last tried in vain, and with which keys. It would come out again.
    pub(crate) failed: Option<(u64, Report)>,
    /// The sealing key that fitted last.
    pub(crate) hint: Option<Fingerprint>,
    /// The last event, and when.
    pub(crate) event: Option<(Report, Instant)>,
}

impl Known {
    /// Whether the Secret is known to be what it should be.
    pub(crate) fn is_verified(&self) -> bool {
        matches!((&self.verified, &self.seen), (Some(version), Seen::At(seen)) if version == seen)
    }
}

/// What a change of an object means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing that the Secret depends on.
    None,
    /// A new object, or another spec, scope or identity.
    Inputs,
}

/// All SealedSecrets that are watched.
#[derive(Debug, Default)]
pub(crate) struct Objects(Mutex<HashMap<Key, Known>>);

impl Objects {
    /// Takes over an object from the watch.
    pub(crate) fn put(
        &self,
        key: Key,
        object: SealedSecret,
        malformed: Option<MalformedObject>,
    ) -> Change {
        let inputs = inputs_digest(&object);
        let mut all = self.lock();
        let Some(known) = all.get_mut(&key) else {
            let known = Known {
                object: Arc::new(object),
                malformed,
                inputs,
                seen: Seen::Unknown,
                verified: None,
                failed: None,
                hint: None,
                event: None,
            };
            all.insert(key, known);
            return Change::Inputs;
        };
        if is_older(&object, &known.object) {
            return Change::None;
        }
        let (old, new) = (&known.object.metadata, &object.metadata);
        let same = known.inputs == inputs
            && known.malformed == malformed
            && old.uid == new.uid
            && old.generation == new.generation
            && old.deletion_timestamp.is_some() == new.deletion_timestamp.is_some();
        known.object = Arc::new(object);
        if same {
            return Change::None;
        }
        known.malformed = malformed;
        known.inputs = inputs;
        known.verified = None;
        known.failed = None;
        Change::Inputs
    }

    /// The object is gone.
    pub(crate) fn remove(&self, key: &Key) -> Option<Known> {
        self.lock().remove(key)
    }

    /// The objects of a namespace, or all, that are not in `listed`: they went while nobody watched.
    pub(crate) fn missing(&self, namespace: Option<&str>, listed: &HashSet<Key>) -> Vec<Key> {
        self.lock()
            .keys()
            .filter(|key| namespace.is_none_or(|namespace| key.namespace == namespace))
            .filter(|key| !listed.contains(*key))
            .cloned()
            .collect()
    }

    /// A copy of what is known.
    pub(crate) fn get(&self, key: &Key) -> Option<Known> {
        self.lock().get(key).cloned()
    }

    /// Whether there is such an object.
    pub(crate) fn is_known(&self, key: &Key) -> bool {
        self.lock().contains_key(key)
    }

    /// Up to `most` names of other objects in a namespace.
    pub(crate) fn names_beside(&self, namespace: &str, name: &str, most: usize) -> Vec<String> {
        let all = self.lock();
        let mut names: Vec<&String> = all
            .keys()
            .filter(|key| key.namespace == namespace && key.name != name)
            .map(|key| &key.name)
            .collect();
        names.sort_unstable();
        names.into_iter().take(most).cloned().collect()
    }

    /// Changes what is known, if it is still the same object with the same inputs as `base`.
    pub(crate) fn update(&self, key: &Key, base: &Known, change: impl FnOnce(&mut Known)) {
        let mut all = self.lock();
        if let Some(known) = all.get_mut(key)
            && known.object.metadata.uid == base.object.metadata.uid
            && known.inputs == base.inputs
        {
            change(known);
        }
    }

    /// Notes a status that was just written, so that it is not taken for missing before the watch brings it.
    pub(crate) fn status_written(
        &self,
        key: &Key,
        base: &Known,
        status: SealedSecretStatus,
        resource_version: Option<String>,
    ) {
        self.update(key, base, |known| {
            let object = Arc::make_mut(&mut known.object);
            object.status = Some(status);
            if resource_version.is_some() {
                object.metadata.resource_version = resource_version;
            }
        });
    }

    /// The Secret of that name was seen; says whether its SealedSecret has to look.
    pub(crate) fn secret_seen(&self, key: &Key, seen: Seen, heal_drift: bool) -> bool {
        let mut all = self.lock();
        let Some(known) = all.get_mut(key) else { return false };
        let exists = matches!(seen, Seen::At(_));
        known.seen = seen;
        if exists && !heal_drift && known.verified.is_some() {
            known.verified = match &known.seen {
                Seen::At(version) => Some(version.clone()),
                _ => None,
            };
        }
        !known.is_verified()
    }

    /// After a list of Secrets: those of the namespace, or all, whose Secret was not in it.
    pub(crate) fn secrets_missing(
        &self,
        namespace: Option<&str>,
        listed: &HashSet<Key>,
    ) -> Vec<Key> {
        let mut all = self.lock();
        let mut missing = Vec::new();
        for (key, known) in all.iter_mut() {
            let watched = namespace.is_none_or(|namespace| key.namespace == namespace);
            if watched && !listed.contains(key) {
                known.seen = Seen::Absent;
                if known.verified.is_some() {
                    missing.push(key.clone());
                }
            }
        }
        missing
    }

    /// Those whose values were tried in vain with other keys than these.
    pub(crate) fn failed_with_other_keys(&self, keys_version: u64) -> Vec<Key> {
        self.lock()
            .iter()
            .filter(|(_, known)| {
                known.failed.as_ref().is_some_and(|(tried, _)| *tried != keys_version)
            })
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Those whose values were opened with a key that does not count any more. They have to be looked at again.
    pub(crate) fn left_behind(&self, is_active: impl Fn(&Fingerprint) -> bool) -> Vec<Key> {
        let mut all = self.lock();
        let mut left = Vec::new();
        for (key, known) in all.iter_mut() {
            if known.failed.is_none() && known.hint.as_ref().is_some_and(|hint| !is_active(hint)) {
                known.verified = None;
                left.push(key.clone());
            }
        }
        left
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether `object` is an earlier state of `known`. Versions that are no numbers are taken as they come.
fn is_older(object: &SealedSecret, known: &SealedSecret) -> bool {
    let version =
        |object: &SealedSecret| object.metadata.resource_version.as_ref()?.parse::<u64>().ok();
    object.metadata.uid == known.metadata.uid
        && matches!((version(object), version(known)), (Some(new), Some(old)) if new < old)
}

#[cfg(test)]
mod tests {
    use seal_api::sealing::CLUSTER_WIDE;

    use super::*;

    fn key() -> Key {
        Key { namespace: "shop".to_owned(), name: "db".to_owned() }
    }

    fn object(generation: i64, version: &str) -> SealedSecret {
        let mut object = SealedSecret::new("db", Default::default());
        object.metadata.namespace = Some("shop".to_owned());
        object.metadata.uid = Some("1".to_owned());
        object.metadata.generation = Some(generation);
        object.metadata.resource_version = Some(version.to_owned());
        object
    }

    #[test]
    fn a_new_object_a_new_generation_and_another_scope_are_changes_and_a_status_is_none() {
        let objects = Objects::default();
        assert_eq!(objects.put(key(), object(1, "10"), None), Change::Inputs);
        let mut with_status = object(1, "11");
        with_status.status = Some(SealedSecretStatus::default());
        assert_eq!(objects.put(key(), with_status, None), Change::None);
        assert!(objects.get(&key()).unwrap().object.status.is_some());
        assert_eq!(objects.put(key(), object(2, "12"), None), Change::Inputs);
        let mut wide = object(2, "13");
        wide.metadata.annotations = Some([(CLUSTER_WIDE.to_owned(), "true".to_owned())].into());
        assert_eq!(objects.put(key(), wide, None), Change::Inputs);
        let mut another = object(2, "14");
        another.metadata.uid = Some("2".to_owned());
        assert_eq!(objects.put(key(), another, None), Change::Inputs);
    }

    #[test]
    fn an_older_state_does_not_replace_a_status_that_was_just_written() {
        let objects = Objects::default();
        objects.put(key(), object(1, "10"), None);
        let base = objects.get(&key()).unwrap();
        let status = SealedSecretStatus { observed_generation: Some(1), conditions: None };
        objects.status_written(&key(), &base, status.clone(), Some("12".to_owned()));
        objects.put(key(), object(1, "11"), None);
        assert_eq!(objects.get(&key()).unwrap().object.status, Some(status));
    }

    #[test]
    fn what_was_seen_while_an_earlier_state_was_looked_at_is_newer() {
        assert!(Seen::At("100".to_owned()).is_newer_than("99"));
        assert!(!Seen::At("99".to_owned()).is_newer_than("99"));
        assert!(!Seen::At("9".to_owned()).is_newer_than("10"));
        assert!(!Seen::Absent.is_newer_than("1") && !Seen::Unknown.is_newer_than("1"));
        assert!(!Seen::At("b".to_owned()).is_newer_than("a"));
    }

    #[test]
    fn our_own_write_needs_no_second_look_and_a_foreign_one_does() {
        let objects = Objects::default();
        objects.put(key(), object(1, "10"), None);
        let base = objects.get(&key()).unwrap();
        objects.update(&key(), &base, |known| known.verified = Some("20".to_owned()));
        assert!(!objects.secret_seen(&key(), Seen::At("20".to_owned()), true));
        assert!(objects.secret_seen(&key(), Seen::At("21".to_owned()), true));
        assert!(objects.secret_seen(&key(), Seen::Absent, true));
    }

    #[test]
    fn without_healing_only_a_deleted_secret_needs_a_look() {
        let objects = Objects::default();
        objects.put(key(), object(1, "10"), None);
        assert!(objects.secret_seen(&key(), Seen::At("19".to_owned()), false), "not ours yet");
        let base = objects.get(&key()).unwrap();
        objects.update(&key(), &base, |known| known.verified = Some("20".to_owned()));
        assert!(!objects.secret_seen(&key(), Seen::At("21".to_owned()), false));
        assert!(objects.secret_seen(&key(), Seen::Absent, false));
    }

    #[test]
    fn secrets_of_no_sealed_secret_leave_nothing_behind() {
        let objects = Objects::default();
        assert!(!objects.secret_seen(&key(), Seen::At("20".to_owned()), true));
        assert!(objects.get(&key()).is_none());
    }

    #[test]
    fn what_was_missed_while_nobody_watched_comes_with_the_next_list() {
        let objects = Objects::default();
        objects.put(key(), object(1, "10"), None);
        let base = objects.get(&key()).unwrap();
        let none = HashSet::new();
        assert!(objects.secrets_missing(None, &none).is_empty(), "it was never made");
        objects.update(&key(), &base, |known| known.verified = Some("20".to_owned()));
        assert!(objects.secrets_missing(Some("other"), &none).is_empty());
        assert_eq!(objects.secrets_missing(Some("shop"), &none), [key()]);
        assert_eq!(objects.missing(None, &none), [key()]);
        assert!(objects.missing(None, &HashSet::from([key()])).is_empty());
    }
}
