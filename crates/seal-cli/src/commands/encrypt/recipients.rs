//! Whom the files are encrypted for that were encrypted before, compared with whom the rules name today.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use seal_core::envelope::{GroupedKeys, MasterKey};

/// Files whose envelopes are for others than a new one would be.
///
/// Somebody added to a rule cannot decrypt those files, and somebody taken out still can: neither shows in a run that
/// leaves the files as they are.
#[derive(Debug, Default)]
pub(super) struct RecipientsOfFiles(Mutex<Differences>);

#[derive(Debug, Default)]
struct Differences {
    files: usize,
    missing: BTreeSet<MasterKey>,
    superfluous: BTreeSet<MasterKey>,
}

impl RecipientsOfFiles {
    /// Notes the envelopes of one file. Where there are no recipients of today, nothing can be compared.
    pub(super) fn note(
        &self,
        envelopes: &BTreeSet<BTreeSet<MasterKey>>,
        today: impl FnOnce() -> Option<GroupedKeys>,
    ) {
        if envelopes.is_empty() {
            return;
        }
        let Some(today) = today() else { return };
        let today = today.all();
        let mut differences = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut differs = false;
        for keys in envelopes {
            let missing =
                today.iter().filter(|key| !keys.iter().any(|other| key.stands_for(other)));
            let superfluous =
                keys.iter().filter(|other| !today.iter().any(|key| key.stands_for(other)));
            let (missing, superfluous): (Vec<_>, Vec<_>) =
                (missing.collect(), superfluous.collect());
            differs |= !missing.is_empty() || !superfluous.is_empty();
            differences.missing.extend(missing.into_iter().cloned());
            differences.superfluous.extend(superfluous.into_iter().cloned());
        }
        differences.files += usize::from(differs);
    }

    /// What to say at the end; `named_by` as in `.sops.yaml names`.
    pub(super) fn warning(&self, named_by: &str) -> Option<String> {
        let differences = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let files = match differences.files {
            0 => return None,
            1 => "1 file is".to_owned(),
            files => format!("{files} files are"),
        };
        let parts = [("not for", &differences.missing), ("also for", &differences.superfluous)];
        let parts = parts.iter().filter(|(_, keys)| !keys.is_empty());
        let parts: Vec<_> = parts.map(|(what, keys)| format!("{what}: {}", list(keys))).collect();
        Some(format!(
            "{files} encrypted for other recipients than {named_by} ({}); decrypt and encrypt {} again to change that",
            parts.join("; "),
            if differences.files == 1 { "it" } else { "them" },
        ))
    }
}

/// Whether a group has a post-quantum recipient of age together with one of another kind: whoever breaks that one has
/// the data key, so the first protects nothing. `age` itself refuses to mix them.
pub(super) fn mixes_post_quantum(keys: &GroupedKeys) -> bool {
    let of_age = |key: &MasterKey| match key {
        MasterKey::Age { recipient } => {
            Some(["age1pq1", "age1tagpq1"].iter().any(|start| recipient.starts_with(start)))
        }
        _ => None,
    };
    let mixed = |group: &Vec<MasterKey>| {
        let has = |kind: bool| group.iter().filter_map(of_age).any(|is_such| is_such == kind);
        has(true) && has(false)
    };
    keys.groups.iter().any(mixed)
}

fn list(keys: &BTreeSet<MasterKey>) -> String {
    keys.iter().map(MasterKey::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use seal_core::envelope::{GroupedKeys, MasterKey};

    use super::mixes_post_quantum;

    #[test]
    fn post_quantum_recipients_are_mixed_within_a_group_only() {
        let age = |recipient: &&str| MasterKey::Age { recipient: (*recipient).to_owned() };
        let mixes = |groups: &[&[&str]]| {
            let groups = groups.iter().map(|group| group.iter().map(age).collect()).collect();
            mixes_post_quantum(&GroupedKeys { groups, threshold: None })
        };
        for mixed in ["age1que6ws5", "ssh-ed25519 AAAA", "age1yubikey1q"] {
            assert!(mixes(&[&["age1a"], &["age1pq1a", mixed]]), "{mixed}");
            assert!(!mixes(&[&["age1pq1a"], &[mixed]]), "{mixed}");
        }
        assert!(!mixes(&[&["age1pq1a", "age1tagpq1b"], &["age1a", "ssh-rsa AAAA"]]));
    }
}
