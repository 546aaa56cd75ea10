//! The providers of this machine and the key services that the user named, as one.

use std::fmt::Display;
use std::sync::Arc;

use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;

use super::client::{NO_IDENTITY, Remote};
use super::uri::RemoteUri;
use crate::failure::{Failure, FailureKind};
use crate::identities::{SourceReport, Warning};
use crate::providers::Providers;
use crate::service::{KeyService, UnwrapError, WrapError, Wrapped};
use crate::session::{Session, Settings};
use crate::unavailable::ServiceError;

/// Asks this machine's providers first and then each remote service in turn, as SOPS does, until one can.
#[derive(Debug)]
pub struct KeyServices {
    local: Option<Providers>,
    remotes: Vec<Remote>,
}

impl KeyServices {
    /// Prepares the services; nothing is connected yet. `local` says whether this machine's providers are among them.
    pub fn new(settings: Settings, local: bool, remotes: Vec<RemoteUri>) -> Self {
        let session = Session::new(settings);
        let remote = |uri| Remote::new(uri, Arc::clone(&session));
        Self {
            local: local.then(|| Providers::of(&session)),
            remotes: remotes.into_iter().map(remote).collect(),
        }
    }

    /// The first success, or what all of them say.
    fn first<T, E: ServiceError + Display>(
        &self,
        key: &MasterKey,
        operation: &str,
        here: impl FnOnce(&Providers) -> Result<T, E>,
        there: impl Fn(&Remote) -> Result<T, Failure>,
    ) -> Result<T, E> {
        let mut errors = Vec::new();
        if let Some(local) = &self.local {
            match here(local) {
                Ok(done) => return Ok(done),
                Err(error) => errors.push(("here".to_owned(), error)),
            }
        }
        for remote in &self.remotes {
            match there(remote) {
                Ok(done) => return Ok(done),
                Err(failure) => errors.push((remote.uri().to_string(), failure.into())),
            }
        }
        Err(combined(key, operation, errors))
    }
}

impl KeyService for KeyServices {
    fn wrap(&self, key: &MasterKey, secret: &SecretBytes) -> Result<Wrapped, WrapError> {
        let (here, there) = (|p: &Providers| p.wrap(key, secret), |r: &Remote| r.wrap(key, secret));
        self.first(key, "encrypt", here, there)
    }

    fn unwrap(&self, key: &MasterKey, enc: &str) -> Result<SecretBytes, UnwrapError> {
        let (here, there) = (|p: &Providers| p.unwrap(key, enc), |r: &Remote| r.unwrap(key, enc));
        self.first(key, "decrypt", here, there)
    }

    fn sources(&self) -> Vec<SourceReport> {
        self.local.as_ref().map(Providers::sources).unwrap_or_default()
    }

    fn warnings(&self) -> Vec<Warning> {
        self.local.as_ref().map(Providers::warnings).unwrap_or_default()
    }
}

/// One error stays as it is. Of several, all reasons are told, each with its place; the kind is that of the last service that knows more than
/// that nobody is logged in, because it came nearest.
fn combined<E: ServiceError + Display>(
    key: &MasterKey,
    operation: &str,
    mut errors: Vec<(String, E)>,
) -> E {
    if errors.len() == 1 {
        return errors.swap_remove(0).1;
    }
    let failures: Vec<_> = errors.iter().filter_map(|(_, e)| e.service_failure()).collect();
    let nearest = failures.iter().rev().find(|f| f.kind != FailureKind::NoCredentials);
    let nearest = nearest.or(failures.last());
    let kind = nearest.map_or(FailureKind::Refused, |failure| failure.kind);
    let name = format!("{key}: ");
    let reasons = errors.iter().map(|(place, error)| match error.service_failure() {
        Some(failure) if failure.operation.is_empty() || failure.operation.ends_with(place) => {
            format!("{place}: {}", failure.reason)
        }
        Some(failure) => format!("{place}: {}: {}", failure.operation, failure.reason),
        None => {
            let words = error.to_string();
            format!("{place}: {}", words.strip_prefix(&name).unwrap_or(&words))
        }
    });
    let reason = reasons.collect::<Vec<_>>().join("; ");
    let reason = match reason.is_empty() {
        true => "no key service is named, and the local one is off".to_owned(),
        false => reason,
    };
    let mut failure = Failure::new(kind, key, operation, reason);
    failure.hint = nearest.and_then(|nearest| nearest.next_step());
    if failure.hint.as_deref() == Some(NO_IDENTITY) {
        let step = "the key service has no identity for it either: point SOPS_AGE_KEY_FILE at one, here or where it runs";
        failure.hint = Some(step.to_owned());
    }
    if errors.is_empty() {
        failure.hint = Some("name a key service with `--keyservice`".to_owned());
    }
    failure.into()
}
