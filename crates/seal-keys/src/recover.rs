//! Gets the data key of an envelope back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use seal_core::envelope::{KeyGroup, MasterKey};
use seal_core::secret::DataKey;

use crate::identities::{SourceOutcome, SourceReport};
use crate::providers::rank;
use crate::service::{KeyService, UnwrapError};

/// Unwraps data keys, each wrapped text once per run; shared by all threads.
#[derive(Debug)]
pub struct Unwrapper<S> {
    service: S,
    known: Mutex<HashMap<Question, Arc<OnceLock<Outcome>>>>,
}

/// A master key and the text that it wrapped.
type Question = (MasterKey, String);
type Outcome = Result<DataKey, UnwrapError>;

impl<S: KeyService> Unwrapper<S> {
    /// Starts with nothing known.
    pub fn new(service: S) -> Self {
        Self { service, known: Mutex::default() }
    }

    /// The service, for wrapping and for its warnings.
    pub fn service(&self) -> &S {
        &self.service
    }

    /// Tries the keys of an envelope in SOPS's order: age, PGP, then the rest as the file has it.
    ///
    /// `threshold` is that of the envelope; it matters only where there are several groups.
    ///
    /// # Errors
    ///
    /// No key opened. The error says what became of each one, and where identities were looked for.
    pub fn data_key(
        &self,
        groups: &[KeyGroup],
        threshold: Option<u32>,
    ) -> Result<DataKey, NoDataKey> {
        let group = match groups {
            [] => return Err(NoDataKey::NoKeys),
            [group] if group.keys.is_empty() => return Err(NoDataKey::NoKeys),
            [group] => group,
            several => {
                let needed = threshold.map_or(several.len(), |threshold| threshold as usize);
                return Err(NoDataKey::KeyGroups { groups: several.len(), needed });
            }
        };
        let mut keys: Vec<_> = group.keys.iter().collect();
        keys.sort_by_key(|wrapped| rank(&wrapped.key));
        let mut failures = Vec::with_capacity(keys.len());
        for wrapped in keys {
            match self.unwrap_once(&wrapped.key, &wrapped.enc) {
                Ok(data_key) => return Ok(data_key),
                Err(failure) => failures.push(failure),
            }
        }
        let sources = self.service.sources();
        Err(NoDataKey::NoneFits(Box::new(Attempts { failures, sources })))
    }

    /// A second thread with the same text waits for the first one's result. The service runs outside of the lock, so
    /// different texts do not wait for each other.
    fn unwrap_once(&self, key: &MasterKey, enc: &str) -> Outcome {
        let cell = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.entry((key.clone(), enc.to_owned())).or_default().clone()
        };
        cell.get_or_init(|| self.service.unwrap(key, enc)).clone()
    }
}

/// No data key could be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDataKey {
    /// The envelope names nobody who could open it.
    #[error("the envelope names no master key")]
    NoKeys,
    /// Shamir's secret sharing.
    #[error(
        "the data key is shared among {groups} key groups, {needed} of which are needed; that is not supported yet by this version"
    )]
    KeyGroups {
        /// How many groups there are.
        groups: usize,
        /// How many must be opened.
        needed: usize,
    },
    /// Every key failed.
    #[error("no identity opens the data key\n{0}")]
    NoneFits(Box<Attempts>),
}

impl NoDataKey {
    /// What the user can do next.
    pub fn hint(&self) -> String {
        match self {
            Self::NoKeys => "restore the `sops` block from a version that has its keys".to_owned(),
            Self::KeyGroups { .. } => "decrypt the file with sops".to_owned(),
            Self::NoneFits(attempts) => attempts.hint(),
        }
    }
}

/// What was tried, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// One for each master key of the envelope.
    pub failures: Vec<UnwrapError>,
    /// The places where identities were looked for.
    pub sources: Vec<SourceReport>,
}

impl std::fmt::Display for Attempts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("  keys of the envelope:")?;
        self.failures.iter().try_for_each(|failure| write!(f, "\n    {failure}"))?;
        if !self.sources.is_empty() {
            f.write_str("\n  identities tried:")?;
            self.sources.iter().try_for_each(|source| write!(f, "\n    {source}"))?;
        }
        Ok(())
    }
}

impl Attempts {
    fn hint(&self) -> String {
        let damaged = |failure: &UnwrapError| {
            matches!(failure, UnwrapError::Damaged { .. } | UnwrapError::NotForThisKey { .. })
        };
        if self.failures.iter().any(damaged) {
            return "restore the `sops` block from an older version of the file".to_owned();
        }
        let own = self.sources.iter().find_map(|source| match &source.outcome {
            SourceOutcome::Read { recipients, .. } => recipients.first(),
            _ => None,
        });
        let mut hint =
            "point SOPS_AGE_KEY_FILE at a file with the identity of one of these keys".to_owned();
        if let Some(own) = own {
            hint.push_str(", or ask somebody who can decrypt the file to add your recipient ");
            hint.push_str(own);
        }
        hint
    }
}

#[cfg(test)]
mod tests;
