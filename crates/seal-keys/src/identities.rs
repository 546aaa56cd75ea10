//! Where age identities come from.
//!
//! The same places as SOPS's, in a fixed order (SOPS's own is random):
//!
//! 1. `SOPS_AGE_KEY`: the identities themselves, separated by line breaks or blanks;
//! 2. `SOPS_AGE_KEY_FILE`: a file with identities;
//! 3. `SOPS_AGE_KEY_CMD`: a command, run without a shell, that prints identities; it finds the recipient in question in
//!    `SOPS_AGE_RECIPIENT`, and is run once for each;
//! 4. `<configuration directory>/sops/age/keys.txt`;
//! 5. `SOPS_AGE_SSH_PRIVATE_KEY_FILE`: a private key of ssh;
//! 6. `SOPS_AGE_SSH_PRIVATE_KEY_CMD`: a command that prints one;
//! 7. `~/.ssh/id_ed25519` and `~/.ssh/id_rsa`, for recipients of ssh only.
//!
//! Any of the first four may be encrypted by age with a passphrase. A source is read when the ones before it did not
//! fit, once per run. One that cannot be read does not stop the others.

mod loaded;
mod report;
mod source;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) use self::loaded::Loaded;
pub use self::report::{SourceOutcome, SourceReport, Warning};
use self::source::Source;
use crate::age::is_ssh;
use crate::session::Session;

/// All sources, each read at most once.
#[derive(Debug)]
pub(crate) struct Identities {
    session: Arc<Session>,
    /// By source and, for commands, by recipient. Locked while a source is read, so that nothing is asked twice.
    loaded: Mutex<BTreeMap<(Source, String), Arc<Loaded>>>,
}

impl Identities {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self { session, loaded: Mutex::default() }
    }

    /// The sources in their order; each is read when the iterator comes to it.
    pub(crate) fn for_recipient<'a>(
        &'a self,
        recipient: &'a str,
    ) -> impl Iterator<Item = Arc<Loaded>> + 'a {
        let of_ssh = is_ssh(recipient);
        let sources = Source::ORDER.into_iter();
        sources.filter(move |source| of_ssh || !source.is_default_of_ssh()).map(move |source| {
            let asked_for = if source.is_command() { recipient } else { "" };
            let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = loaded.entry((source, asked_for.to_owned()));
            entry.or_insert_with(|| Arc::new(source.load(&self.session, recipient))).clone()
        })
    }

    /// What was found in the sources that were read so far.
    pub(crate) fn reports(&self) -> Vec<SourceReport> {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        // Those are read for recipients of ssh only.
        let for_ssh = loaded.keys().any(|(source, _)| source.is_default_of_ssh());
        let mut reports: Vec<SourceReport> =
            loaded.values().filter_map(|loaded| loaded.report(for_ssh)).collect();
        // A command is asked for each recipient, and mostly has one answer.
        reports.dedup();
        reports
    }

    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let mut warnings: Vec<Warning> =
            loaded.values().flat_map(|loaded| loaded.warnings()).collect();
        warnings.dedup();
        warnings
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
