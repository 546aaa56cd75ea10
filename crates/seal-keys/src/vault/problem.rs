//! A failure before it is known which key and which operation it is about. Kept where it would only be repeated.

use crate::failure::{Failure, FailureKind, Subject, blotted_out};

/// See [`Failure`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) kind: FailureKind,
    pub(super) reason: String,
    hint: Option<String>,
}

impl Problem {
    pub(super) fn new(kind: FailureKind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into(), hint: None }
    }

    /// What is wrong with the user's settings.
    pub(super) fn setting(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(FailureKind::Local, reason).hint(hint)
    }

    /// What a failed login said, to be said again.
    pub(super) fn of_login(failure: &Failure) -> Self {
        let reason = format!("{}: {}", failure.operation, failure.reason);
        Self { kind: failure.kind, reason, hint: failure.hint.clone() }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Blots out what a server repeated of a request.
    pub(super) fn without(mut self, secrets: &[&str]) -> Self {
        self.reason = blotted_out(self.reason, secrets);
        self
    }

    pub(super) fn of(self, key: &Subject, operation: &str) -> Failure {
        let failure = Failure::new(self.kind, key, operation, &self.reason);
        match self.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
