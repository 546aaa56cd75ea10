//! Gets the data key of an envelope back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::thread;

use seal_core::envelope::grouped_keys::needed;
use seal_core::envelope::{KeyGroup, MasterKey, WrappedKey, shamir};
use seal_core::secret::{DataKey, SecretBytes};

use crate::attempts::{Attempts, GroupAttempt, NoDataKey};
use crate::order::DecryptionOrder;
use crate::service::{KeyService, UnwrapError};

/// Unwraps data keys, each wrapped text once per run; shared by all threads.
#[derive(Debug)]
pub struct Unwrapper<S> {
    service: S,
    order: DecryptionOrder,
    /// What addresses and credentials a run uses does not change in it, so they are no part of the question.
    known: Mutex<HashMap<Question, Arc<OnceLock<Outcome>>>>,
}

/// A master key (with its role, context, address) and the text that it wrapped.
type Question = (MasterKey, String);
type Outcome = Result<SecretBytes, UnwrapError>;

const DATA_KEY: usize = 32;
const SHARE: usize = DATA_KEY + 1;
const MOST_GROUPS: usize = u8::MAX as usize;
/// A file decides how many groups it needs, but not how many threads and connections that takes at the same time.
const AT_ONCE: usize = 8;
/// Of a wrapped data key; the longest real ones (post-quantum, OpenPGP) have a few thousand bytes.
const LONGEST_ENC: usize = 64 * 1024;

impl<S: KeyService> Unwrapper<S> {
    /// Starts with nothing known.
    pub fn new(service: S, order: DecryptionOrder) -> Self {
        Self { service, order, known: Mutex::default() }
    }

    /// The service, for wrapping and for its warnings.
    pub fn service(&self) -> &S {
        &self.service
    }

    /// Tries the keys of each group in the order of the run, until one opens.
    ///
    /// `threshold` is that of the envelope; it matters only where there are several groups. Of those, as many are asked
    /// at the same time as are still needed, and none once there are enough.
    ///
    /// # Errors
    ///
    /// Too few groups opened. The error says what became of each key, and where identities were looked for.
    pub fn data_key(
        &self,
        groups: &[KeyGroup],
        threshold: Option<u32>,
    ) -> Result<DataKey, NoDataKey> {
        let needed = needed(groups.len(), threshold);
        match groups {
            [] => return Err(NoDataKey::NoKeys),
            [group] if group.keys.is_empty() => return Err(NoDataKey::NoKeys),
            [_] => {}
            // Two points are the least that make a line, and there are 255 of them, whatever somebody wrote into the file.
            _ if needed < 2 || needed > groups.len() || groups.len() > MOST_GROUPS => {
                return Err(NoDataKey::Threshold { groups: groups.len(), threshold: needed });
            }
            _ => {}
        }
        let expected = if groups.len() == 1 { DATA_KEY } else { SHARE };
        let outcomes = match groups {
            [group] => vec![Some(self.open(group, expected))],
            groups => self.open_several(groups, needed, expected),
        };
        let opened: Vec<_> =
            outcomes.iter().flatten().filter_map(|outcome| outcome.as_ref().ok()).collect();
        if opened.len() < needed {
            return Err(self.report(groups, needed, outcomes));
        }
        let data_key = match opened.as_slice() {
            [(_, data_key)] => data_key.clone(),
            shares => {
                let shares: Vec<_> = shares.iter().map(|(_, share)| share.clone()).collect();
                shamir::combine(&shares).map_err(NoDataKey::Shares)?
            }
        };
        DataKey::from_slice(data_key.expose()).ok_or(NoDataKey::Shares(shamir::ShamirError::Shares))
    }

    /// Asks groups in their order, as many at the same time as are still needed. A group that was not asked has no
    /// outcome.
    fn open_several<'g>(
        &self,
        groups: &'g [KeyGroup],
        needed: usize,
        expected: usize,
    ) -> Vec<Option<GroupOutcome<'g>>> {
        let mut outcomes: Vec<Option<GroupOutcome<'g>>> = groups.iter().map(|_| None).collect();
        thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            let mut waiting = groups.iter().enumerate();
            let (mut asked, mut opened) = (0, 0);
            loop {
                while opened + asked < needed
                    && asked < AT_ONCE
                    && let Some((index, group)) = waiting.next()
                {
                    let to = sender.clone();
                    let ask = move || {
                        let _ = to.send((index, self.open(group, expected)));
                    };
                    asked += 1;
                    if thread::Builder::new().spawn_scoped(scope, ask).is_err() {
                        // No thread to be had: the group is asked here.
                        let _ = sender.send((index, self.open(group, expected)));
                    }
                }
                if asked == 0 {
                    break;
                }
                let Ok((index, outcome)) = receiver.recv() else { break };
                asked -= 1;
                opened += usize::from(outcome.is_ok());
                outcomes[index] = Some(outcome);
            }
        });
        outcomes
    }

    /// Tries the keys of a group one after the other.
    fn open<'g>(&self, group: &'g KeyGroup, expected: usize) -> GroupOutcome<'g> {
        let mut keys: Vec<_> = group.keys.iter().collect();
        keys.sort_by_key(|wrapped| self.order.rank(&wrapped.key));
        let mut failures = Vec::with_capacity(keys.len());
        for wrapped in keys {
            match self.unwrap_once(&wrapped.key, &wrapped.enc) {
                Ok(secret) if secret.expose().len() == expected => return Ok((wrapped, secret)),
                Ok(secret) => failures.push(UnwrapError::Length {
                    key: wrapped.key.to_string(),
                    found: secret.expose().len(),
                    expected,
                }),
                Err(failure) => failures.push(failure),
            }
        }
        Err(failures)
    }

    fn report(
        &self,
        groups: &[KeyGroup],
        needed: usize,
        outcomes: Vec<Option<GroupOutcome<'_>>>,
    ) -> NoDataKey {
        let attempt = |outcome| match outcome {
            None => GroupAttempt::NotAsked,
            Some(Ok((wrapped, _))) => {
                let wrapped: &WrappedKey = wrapped;
                GroupAttempt::Opened { by: wrapped.key.to_string() }
            }
            Some(Err(failures)) => GroupAttempt::Failed(failures),
        };
        let attempts = Attempts {
            groups: outcomes.into_iter().map(attempt).collect(),
            needed,
            sources: self.service.sources(),
        };
        debug_assert_eq!(attempts.groups.len(), groups.len());
        NoDataKey::NoneFits(Box::new(attempts))
    }

    /// A second thread with the same text waits for the first one's result. The service runs outside of the lock, so
    /// different texts do not wait for each other.
    fn unwrap_once(&self, key: &MasterKey, enc: &str) -> Outcome {
        // Nobody is asked: a server that hangs up on a huge request would look as if it were not there.
        if enc.len() > LONGEST_ENC {
            return Err(UnwrapError::Damaged { key: key.to_string() });
        }
        let cell = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.entry((key.clone(), enc.to_owned())).or_default().clone()
        };
        cell.get_or_init(|| self.service.unwrap(key, enc)).clone()
    }
}

/// The key that opened a group and what it opened, or why each key did not.
type GroupOutcome<'g> = Result<(&'g WrappedKey, SecretBytes), Vec<UnwrapError>>;

#[cfg(test)]
mod tests;
