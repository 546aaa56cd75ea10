//! Keys whose service could not be had in this run: they are not asked again and again.
//!
//! A run over a thousand files under one key would otherwise wait a thousand times for a server that is not there.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use seal_core::envelope::MasterKey;

use crate::failure::{Failure, FailureKind};
use crate::service::{UnwrapError, WrapError};

/// What is known about them.
#[derive(Debug, Default)]
pub(crate) struct Unavailable(Mutex<HashMap<MasterKey, (u32, Failure)>>);

/// An error that may be the failure of a service.
pub(crate) trait ServiceError: From<Failure> {
    fn service_failure(&self) -> Option<&Failure>;
}

impl Unavailable {
    /// Does what is asked with a key, unless its service was missed often enough.
    pub(crate) fn unless<T, E: ServiceError>(
        &self,
        key: &MasterKey,
        ask: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        if let Some(failure) = self.given_up(key) {
            return Err(failure.into());
        }
        let outcome = ask();
        if outcome.is_ok() {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.remove(key);
        }
        if let Err(error) = &outcome
            && let Some(failure) = error.service_failure()
            && patience(failure.kind).is_some()
        {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = known.entry(key.clone()).or_insert_with(|| (0, failure.clone()));
            *entry = (entry.0 + 1, failure.clone());
        }
        outcome
    }

    fn given_up(&self, key: &MasterKey) -> Option<Failure> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (missed, failure) = known.get(key)?;
        (*missed >= patience(failure.kind)?).then(|| Failure {
            reason: format!("{} (not asked again in this run)", failure.reason),
            ..failure.clone()
        })
    }
}

/// How often a failure is met before the key is given up; `None` where the next request may well succeed, or fails at
/// once.
fn patience(kind: FailureKind) -> Option<u32> {
    match kind {
        // Looking for credentials can take seconds, and the next look finds no others.
        FailureKind::NoCredentials => Some(1),
        // One lost connection is chance.
        FailureKind::TimedOut | FailureKind::Unreachable => Some(2),
        _ => None,
    }
}

impl ServiceError for Failure {
    fn service_failure(&self) -> Option<&Failure> {
        Some(self)
    }
}

impl ServiceError for WrapError {
    fn service_failure(&self) -> Option<&Failure> {
        match self {
            Self::Service(failure) => Some(failure),
            _ => None,
        }
    }
}

impl ServiceError for UnwrapError {
    fn service_failure(&self) -> Option<&Failure> {
        match self {
            Self::Service(failure) => Some(failure),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn key(name: &str) -> MasterKey {
        MasterKey::GcpKms { resource_id: name.to_owned() }
    }

    /// How often a key is asked in ten requests that all fail so.
    fn asked(kind: FailureKind) -> u32 {
        let (unavailable, asked) = (Unavailable::default(), Cell::new(0));
        for _ in 0..10 {
            let error = unavailable.unless(&key("k"), || -> Result<(), WrapError> {
                asked.set(asked.get() + 1);
                Err(Failure::new(kind, &key("k"), "encrypt", "no").into())
            });
            assert_eq!(error.unwrap_err().service_failure().map(|f| f.kind), Some(kind));
        }
        asked.get()
    }

    #[test]
    fn a_service_that_is_not_there_is_not_asked_for_every_file() {
        assert_eq!(asked(FailureKind::TimedOut), 2);
        assert_eq!(asked(FailureKind::Unreachable), 2);
        assert_eq!(asked(FailureKind::NoCredentials), 1);
        assert_eq!(asked(FailureKind::Denied), 10);
        assert_eq!(asked(FailureKind::ServerError), 10);
    }

    #[test]
    fn an_answer_in_between_makes_up_for_a_failure() {
        let unavailable = Unavailable::default();
        for _ in 0..5 {
            let fail = || -> Result<(), WrapError> {
                Err(Failure::new(FailureKind::Unreachable, &key("k"), "encrypt", "no").into())
            };
            unavailable.unless(&key("k"), fail).unwrap_err();
            assert_eq!(unavailable.unless(&key("k"), || Ok::<_, WrapError>(7)), Ok(7));
        }
    }

    #[test]
    fn other_keys_are_asked_still() {
        let unavailable = Unavailable::default();
        let fail = || -> Result<(), UnwrapError> {
            Err(Failure::new(FailureKind::NoCredentials, &key("a"), "decrypt", "no").into())
        };
        unavailable.unless(&key("a"), fail).unwrap_err();
        assert_eq!(unavailable.unless(&key("b"), || Ok::<_, UnwrapError>(7)), Ok(7));
        let again = unavailable.unless(&key("a"), || Ok::<_, UnwrapError>(7)).unwrap_err();
        assert_eq!(again.to_string(), "GCP KMS a: decrypt: no (not asked again in this run)");
    }
}
