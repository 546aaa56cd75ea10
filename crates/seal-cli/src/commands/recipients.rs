//! Whom files are encrypted for, compared with whom their rules name.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use seal_core::envelope::grouped_keys::needed;
use seal_core::envelope::{GroupedKeys, MasterKey, Metadata};

use crate::config::Configs;
use crate::error::CommandError;

pub(super) mod shown;

/// The keys that the rule of a file names, with the rule's threshold; `None` where there is no configuration, or one
/// without rules.
///
/// # Errors
/// The configuration cannot be used, or no rule of it matches.
pub(super) fn of_rule(configs: &Configs, path: &Path) -> Result<Option<GroupedKeys>, CommandError> {
    of_rule_with(configs, path, None)
}

/// The same with a threshold that the user typed, in place of the rule's.
pub(super) fn of_rule_with(
    configs: &Configs,
    path: &Path,
    threshold: Option<u32>,
) -> Result<Option<GroupedKeys>, CommandError> {
    let Some(config) = configs.for_file(path)? else { return Ok(None) };
    let Some(rule) = config.rule_for(path)? else { return Ok(None) };
    Ok(Some(rule.keys(threshold)?))
}

/// How an envelope differs from one that would be made today.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Drift {
    /// Group by group; as many as the envelope or the rule has, whichever are more.
    pub(super) groups: Vec<GroupDrift>,
    /// How many groups open the envelope, and how many should; `None` where that is the same.
    pub(super) threshold: Option<(usize, usize)>,
}

/// The keys of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct GroupDrift {
    /// In both.
    pub(super) kept: Vec<MasterKey>,
    /// Named by the rule only.
    pub(super) missing: Vec<MasterKey>,
    /// In the envelope only.
    pub(super) superfluous: Vec<MasterKey>,
}

impl Drift {
    /// Compares an envelope with the keys that it should be for.
    pub(super) fn of(metadata: &Metadata, wanted: &GroupedKeys) -> Self {
        let there = metadata.key_groups.iter();
        let there: Vec<Vec<&MasterKey>> =
            there.map(|group| group.keys.iter().map(|wrapped| &wrapped.key).collect()).collect();
        let groups = (0..there.len().max(wanted.groups.len())).map(|index| {
            let there = there.get(index).map(Vec::as_slice).unwrap_or_default();
            let wanted = wanted.groups.get(index).map(Vec::as_slice).unwrap_or_default();
            GroupDrift::of(there, wanted)
        });
        let of_envelope = needed(there.len(), metadata.shamir_threshold);
        Self {
            groups: groups.collect(),
            threshold: (of_envelope != wanted.needed()).then(|| (of_envelope, wanted.needed())),
        }
    }

    /// Whether the envelope is as the rule says.
    pub(super) fn is_none(&self) -> bool {
        self.threshold.is_none() && self.groups.iter().all(GroupDrift::is_none)
    }

    /// Keys that some group lacks.
    pub(super) fn missing(&self) -> impl Iterator<Item = &MasterKey> {
        self.groups.iter().flat_map(|group| &group.missing)
    }

    /// Keys that some group has and should not have.
    pub(super) fn superfluous(&self) -> impl Iterator<Item = &MasterKey> {
        self.groups.iter().flat_map(|group| &group.superfluous)
    }
}

impl GroupDrift {
    fn of(there: &[&MasterKey], wanted: &[MasterKey]) -> Self {
        let mut drift = Self::default();
        for key in there {
            let list = match wanted.iter().any(|wanted| wanted.stands_for(key)) {
                true => &mut drift.kept,
                false => &mut drift.superfluous,
            };
            list.push((*key).clone());
        }
        let missing = wanted.iter().filter(|key| !there.iter().any(|other| key.stands_for(other)));
        drift.missing = missing.cloned().collect();
        drift
    }

    /// Whether the group is as the rule says.
    pub(super) fn is_none(&self) -> bool {
        self.missing.is_empty() && self.superfluous.is_empty()
    }
}

/// Keys that let somebody in whom the rule of the file does not name; all of them where there is no rule. Whoever may
/// commit can put himself among the recipients of a file, and waits for it to be encrypted anew.
pub(super) fn strangers<'k>(
    keys: impl IntoIterator<Item = &'k MasterKey>,
    rule: Option<&GroupedKeys>,
) -> BTreeSet<MasterKey> {
    let named: Vec<&MasterKey> =
        rule.iter().flat_map(|rule| rule.groups.iter().flatten()).collect();
    let is_stranger = |key: &&MasterKey| !named.iter().any(|named| named.admits_as(key));
    keys.into_iter().filter(is_stranger).cloned().collect()
}

/// Refuses strangers, see [`strangers`]; `doing` as in `rotating`.
///
/// # Errors
/// There is one, and the user did not accept it (`--accept-recipients`).
pub(super) fn check_strangers(
    path: &Path,
    strangers: &BTreeSet<MasterKey>,
    doing: &str,
    accepted: bool,
) -> Result<(), CommandError> {
    if strangers.is_empty() || accepted {
        return Ok(());
    }
    let who = if strangers.len() == 1 { "a recipient" } else { "recipients" };
    Err(CommandError::refused(format!(
        "{doing} it would let in {who} that its rule does not name: {}",
        list(strangers)
    ))
    .in_file(path)
    .hint("add them to the rule in .sops.yaml if they belong there; `seal updatekeys` takes them out if they do not")
    .hint("`--accept-recipients` goes on with them"))
}

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
        let today: Vec<_> = today.all().into_iter().collect();
        let mut differences = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut differs = false;
        for keys in envelopes {
            let drift = GroupDrift::of(&keys.iter().collect::<Vec<_>>(), &today);
            differs |= !drift.is_none();
            differences.missing.extend(drift.missing);
            differences.superfluous.extend(drift.superfluous);
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
        let parts: Vec<_> = parts.map(|(what, keys)| format!("{what}: {}", list(*keys))).collect();
        let way_out = match named_by.starts_with(".sops.yaml") {
            true => "`seal updatekeys` changes that",
            false => "`seal keys add` and `seal keys remove` change that",
        };
        Some(format!(
            "{files} encrypted for other recipients than {named_by} ({}); {way_out}",
            parts.join("; "),
        ))
    }
}

/// Several keys, for a sentence.
pub(super) fn list<'k>(keys: impl IntoIterator<Item = &'k MasterKey>) -> String {
    keys.into_iter().map(MasterKey::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use seal_core::envelope::{KeyGroup, WrappedKey};

    use super::*;

    fn age(name: &str) -> MasterKey {
        MasterKey::Age { recipient: format!("age1{name}") }
    }

    fn keys(groups: &[&[&str]], threshold: Option<u32>) -> GroupedKeys {
        let group = |group: &&[&str]| group.iter().map(|name| age(name)).collect();
        GroupedKeys { groups: groups.iter().map(group).collect(), threshold }
    }

    fn envelope(groups: &[&[&str]], threshold: Option<u32>) -> Metadata {
        let wrapped = |key: MasterKey| WrappedKey { key, created_at: None, enc: String::new() };
        let group =
            |group: Vec<MasterKey>| KeyGroup { keys: group.into_iter().map(wrapped).collect() };
        Metadata {
            shamir_threshold: threshold,
            key_groups: keys(groups, None).groups.into_iter().map(group).collect(),
            last_modified: String::new(),
            mac: String::new(),
            rule: None,
            mac_only_encrypted: false,
            version: String::new(),
        }
    }

    #[test]
    fn an_envelope_as_the_rule_says_has_no_drift_whatever_the_order() {
        let drift = Drift::of(&envelope(&[&["b", "a"]], None), &keys(&[&["a", "b"]], Some(2)));
        assert!(drift.is_none());
        let two = envelope(&[&["a"], &["b"]], None);
        assert!(Drift::of(&two, &keys(&[&["a"], &["b"]], Some(2))).is_none());
        assert!(!Drift::of(&two, &keys(&[&["b"], &["a"]], Some(2))).is_none());
    }

    #[test]
    fn drift_is_told_group_by_group() {
        let wanted = keys(&[&["a", "c"], &["b"], &["d"]], Some(2));
        let drift = Drift::of(&envelope(&[&["a", "x"], &["b"]], None), &wanted);
        assert_eq!(drift.groups[0].kept, [age("a")]);
        assert_eq!(drift.groups[0].missing, [age("c")]);
        assert_eq!(drift.groups[0].superfluous, [age("x")]);
        assert!(drift.groups[1].is_none());
        assert_eq!(drift.missing().collect::<Vec<_>>(), [&age("c"), &age("d")]);
        assert_eq!(drift.superfluous().collect::<Vec<_>>(), [&age("x")]);
        assert_eq!(drift.threshold, None);
    }

    #[test]
    fn another_threshold_is_drift_only_among_several_groups() {
        let three = envelope(&[&["a"], &["b"], &["c"]], Some(3));
        let wanted = keys(&[&["a"], &["b"], &["c"]], Some(2));
        assert_eq!(Drift::of(&three, &wanted).threshold, Some((3, 2)));
        assert!(Drift::of(&envelope(&[&["a"]], Some(2)), &keys(&[&["a"]], None)).is_none());
    }

    #[test]
    fn without_a_rule_all_recipients_are_strangers() {
        let rule = keys(&[&["a"], &["b"]], None);
        let all = [age("a"), age("b"), age("c")];
        assert_eq!(strangers(&all, Some(&rule)), BTreeSet::from([age("c")]));
        assert_eq!(strangers(&all, None).len(), 3);
        let path = Path::new("f.yaml");
        assert!(check_strangers(path, &strangers(&all, Some(&rule)), "rotating", true).is_ok());
        let error = check_strangers(path, &strangers(&all, Some(&rule)), "rotating", false);
        let error = error.unwrap_err();
        assert!(error.message.contains("a recipient that its rule does not name: age1c"));
    }
}
