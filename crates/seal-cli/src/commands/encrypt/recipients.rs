//! Whom the files are encrypted for that were encrypted before, compared with whom the rules name today.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use seal_core::envelope::MasterKey;

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
        today: impl FnOnce() -> Option<Vec<MasterKey>>,
    ) {
        if envelopes.is_empty() {
            return;
        }
        let Some(today) = today() else { return };
        let today = BTreeSet::from_iter(today);
        let mut differences = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        differences.files += usize::from(envelopes.iter().any(|keys| *keys != today));
        for keys in envelopes {
            differences.missing.extend(today.difference(keys).cloned());
            differences.superfluous.extend(keys.difference(&today).cloned());
        }
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

fn list(keys: &BTreeSet<MasterKey>) -> String {
    let name = |key: &MasterKey| match key {
        MasterKey::Age { recipient } => recipient.clone(),
        other => other.to_string(),
    };
    keys.iter().map(name).collect::<Vec<_>>().join(", ")
}
