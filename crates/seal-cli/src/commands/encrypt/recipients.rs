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

fn list(keys: &BTreeSet<MasterKey>) -> String {
    keys.iter().map(MasterKey::to_string).collect::<Vec<_>>().join(", ")
}
