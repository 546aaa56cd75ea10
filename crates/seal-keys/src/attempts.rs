//! What was tried to get a data key, and what became of it: the report when it could not be had.

use std::fmt;

use seal_core::envelope::shamir::ShamirError;

use crate::age::is_ssh;
use crate::identities::{SourceOutcome, SourceReport};
use crate::service::UnwrapError;

/// No data key could be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDataKey {
    /// The envelope names nobody who could open it.
    #[error("the envelope names no master key")]
    NoKeys,
    /// The threshold of the envelope makes no sense.
    #[error("the envelope asks for {threshold} of its {groups} key groups")]
    Threshold {
        /// How many groups there are.
        groups: usize,
        /// How many are asked for.
        threshold: usize,
    },
    /// The groups opened, but not to shares of one secret.
    #[error("{0}")]
    Shares(ShamirError),
    /// Too few keys opened.
    #[error("{headline}\n{0}", headline = .0.headline())]
    NoneFits(Box<Attempts>),
}

impl NoDataKey {
    /// What the user can do next.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::NoKeys => {
                vec!["restore the `sops` block from a version that has its keys".to_owned()]
            }
            Self::Threshold { .. } | Self::Shares(_) => {
                vec!["restore the `sops` block from an older version of the file".to_owned()]
            }
            Self::NoneFits(attempts) => attempts.hints(),
        }
    }
}

/// What was tried, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// One for each group of the envelope.
    pub groups: Vec<GroupAttempt>,
    /// How many groups have to be opened.
    pub needed: usize,
    /// The places where identities were looked for.
    pub sources: Vec<SourceReport>,
}

/// What became of one key group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupAttempt {
    /// Not needed any more.
    NotAsked,
    /// One of its keys opened it.
    Opened {
        /// The key.
        by: String,
    },
    /// None of its keys did: one reason for each.
    Failed(Vec<UnwrapError>),
}

impl Attempts {
    fn failures(&self) -> impl Iterator<Item = &UnwrapError> {
        self.groups.iter().flat_map(|group| match group {
            GroupAttempt::Failed(failures) => failures.as_slice(),
            GroupAttempt::NotAsked | GroupAttempt::Opened { .. } => &[],
        })
    }

    fn headline(&self) -> String {
        if self.groups.len() > 1 {
            let opened = self.groups.iter().filter(|g| matches!(g, GroupAttempt::Opened { .. }));
            let opened = opened.count();
            return format!(
                "{opened} of {} key groups could be opened, {} are needed",
                self.groups.len(),
                self.needed
            );
        }
        match self.failures().any(|failure| matches!(failure, UnwrapError::Service(_))) {
            true => "no master key opens the data key".to_owned(),
            false => "no identity opens the data key".to_owned(),
        }
    }

    /// Each once: what the failures say, else how to get an identity that fits.
    fn hints(&self) -> Vec<String> {
        let mut hints: Vec<String> = Vec::new();
        for step in self.failures().filter_map(UnwrapError::next_step) {
            if !hints.contains(&step) {
                hints.push(step);
            }
        }
        let no_identity = |failure: &UnwrapError| matches!(failure, UnwrapError::NoIdentity { .. });
        let looked_for_identities = self.failures().any(no_identity) || !self.sources.is_empty();
        if (hints.is_empty() && looked_for_identities)
            || (self.groups.len() > 1 && self.failures().any(no_identity))
        {
            hints.extend(self.hints_on_identities());
        }
        hints
    }

    fn hints_on_identities(&self) -> Vec<String> {
        let (of_ssh, others): (Vec<&str>, Vec<&str>) = self
            .failures()
            .filter_map(|failure| match failure {
                UnwrapError::NoIdentity { key } => Some(key.as_str()),
                _ => None,
            })
            .partition(|key| is_ssh(key));
        let mut hints = Vec::new();
        if !others.is_empty() || of_ssh.is_empty() {
            hints.push(
                "point SOPS_AGE_KEY_FILE at a file with the identity of one of these keys"
                    .to_owned(),
            );
        }
        if let Some(first) = of_ssh.first() {
            let whose = match of_ssh.iter().all(|key| key == first) {
                true => first,
                false => "one of these keys of ssh",
            };
            hints
                .push(format!("point SOPS_AGE_SSH_PRIVATE_KEY_FILE at the private key of {whose}"));
        }
        let own = self.sources.iter().find_map(|source| match &source.outcome {
            SourceOutcome::Read { recipients, .. } => recipients.first(),
            _ => None,
        });
        if let (Some(own), Some(hint)) = (own, hints.last_mut()) {
            hint.push_str(", or ask somebody who can decrypt the file to add your recipient ");
            hint.push_str(own);
        }
        hints
    }
}

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.groups.as_slice() {
            [GroupAttempt::Failed(failures)] => {
                f.write_str("  keys of the envelope:")?;
                failures.iter().try_for_each(|failure| write!(f, "\n    {failure}"))?;
            }
            groups => {
                for (index, group) in groups.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "\n" };
                    write!(f, "{separator}  key group {}: ", index + 1)?;
                    match group {
                        GroupAttempt::NotAsked => f.write_str("not asked")?,
                        GroupAttempt::Opened { by } => write!(f, "opened by {by}")?,
                        GroupAttempt::Failed(failures) => {
                            f.write_str("not opened")?;
                            failures.iter().try_for_each(|one| write!(f, "\n    {one}"))?;
                        }
                    }
                }
            }
        }
        if !self.sources.is_empty() {
            f.write_str("\n  identities tried:")?;
            self.sources.iter().try_for_each(|source| write!(f, "\n    {source}"))?;
        }
        Ok(())
    }
}
