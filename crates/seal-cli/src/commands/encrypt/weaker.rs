//! What a user may take for more protection than it is. Said once for a run.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use seal_core::envelope::{GroupedKeys, MasterKey, Rule};

use crate::config::TypedKeys;

/// What was noticed, each once.
#[derive(Debug, Default)]
pub(in crate::commands) struct Weaker(Mutex<BTreeSet<String>>);

impl Weaker {
    /// Looks at the master keys of a file, and at how many groups its rule has.
    pub(in crate::commands) fn note(
        &self,
        typed: &TypedKeys,
        groups: usize,
        master_keys: &GroupedKeys,
    ) {
        let mut noticed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if mixes_post_quantum(master_keys) {
            noticed.insert(
                "a post-quantum recipient (`age1pq1…`) stands beside age recipients that are none, and so protects nothing: all recipients of a key group should be such"
                    .to_owned(),
            );
        }
        if typed.keys.is_some() && groups > 1 {
            noticed.insert(format!(
                "{} keys in place of the {groups} key groups of the rule: each of them opens the file by itself",
                typed.named_by()
            ));
        } else if master_keys.groups.len() == 1 && master_keys.threshold.is_some_and(|of| of > 1) {
            noticed.insert(
                "a threshold is set, but there are no key groups: each of the keys opens the file by itself"
                    .to_owned(),
            );
        }
    }

    /// Notes a rule that cannot be applied: a binary file has one value, and that is encrypted.
    pub(in crate::commands) fn note_rule_of_binary(&self, rule: &Rule) {
        let mut noticed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (kind, text) = (rule.kind.name(), &rule.text);
        noticed.insert(format!(
            "`{kind}: {text}` has no meaning in a binary file, all of which is encrypted"
        ));
    }

    /// What to warn of.
    pub(in crate::commands) fn warnings(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Whether a group has a post-quantum recipient of age together with one of another kind: whoever breaks that one has
/// the data key, so the first protects nothing. `age` itself refuses to mix them.
fn mixes_post_quantum(keys: &GroupedKeys) -> bool {
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
