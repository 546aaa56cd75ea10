//! One source of identities, read.

use zeroize::Zeroizing;

use super::report::{SourceOutcome, SourceReport, Warning};
use crate::age::{LockedIdentities, NotOpened, SshKey, is_ssh, without_comment};
use crate::identity_text::{self, Identity, IdentityText};
use crate::prompt::Prompts;

/// One source, read. Debug shows the report only.
pub(crate) struct Loaded {
    source: String,
    held: Held,
    warnings: Vec<Warning>,
    /// Somebody asked for it: what does not work there is worth a warning.
    configured: bool,
    /// Nothing that anybody asked for: worth a line only where something is for a key of ssh.
    of_ssh_only: bool,
}

enum Held {
    /// Why there is nothing.
    Nothing(SourceOutcome),
    Identities(IdentityText),
    Locked(LockedIdentities),
    Ssh(Box<SshKey>),
}

impl Loaded {
    pub(super) fn nothing(source: &str, outcome: SourceOutcome) -> Self {
        Self::holding(source, Held::Nothing(outcome))
    }

    pub(super) fn failed(source: &str, reason: impl Into<String>) -> Self {
        Self::nothing(source, SourceOutcome::Failed(reason.into()))
    }

    fn holding(source: &str, held: Held) -> Self {
        let source = source.to_owned();
        Self { source, held, warnings: Vec::new(), configured: false, of_ssh_only: false }
    }

    /// Identities of age, or an age file that may hold some.
    pub(super) fn of_text(source: &str, text: Result<Zeroizing<Vec<u8>>, String>) -> Self {
        let held = text.and_then(|text| match identity_text::is_encrypted(&text) {
            true => LockedIdentities::new(text, source).map(Held::Locked),
            false => {
                identity_text::parse(&text).map(Held::Identities).map_err(|error| error.to_string())
            }
        });
        held.map_or_else(|reason| Self::failed(source, reason), |held| Self::holding(source, held))
    }

    /// A private key of ssh.
    pub(super) fn of_ssh(source: &str, text: Result<Zeroizing<Vec<u8>>, String>) -> Self {
        match text.and_then(|text| SshKey::parse(&text, source)) {
            Ok(key) => Self::holding(source, Held::Ssh(Box::new(key))),
            Err(reason) => Self::failed(source, reason),
        }
    }

    pub(super) fn configured(mut self) -> Self {
        self.configured = true;
        self
    }

    pub(super) fn of_ssh_only(mut self, of_ssh_only: bool) -> Self {
        self.of_ssh_only = of_ssh_only;
        self
    }

    pub(super) fn warned(mut self, warning: Option<Warning>) -> Self {
        self.warnings.extend(warning);
        self
    }

    pub(super) fn without_warnings(mut self) -> Self {
        self.warnings.clear();
        self
    }

    pub(super) fn is_missing(&self) -> bool {
        matches!(self.held, Held::Nothing(SourceOutcome::NotFound))
    }

    /// The variable or the file.
    pub(crate) fn name(&self) -> &str {
        &self.source
    }

    /// Identities that open without asking anybody.
    pub(crate) fn open(&self) -> impl Iterator<Item = &dyn age::Identity> {
        let ssh = match &self.held {
            Held::Ssh(key) => key.open().map(|key| key as &dyn age::Identity),
            _ => None,
        };
        self.identities().iter().filter_map(Identity::native).chain(ssh)
    }

    /// True if the private half of a recipient is among [`Loaded::open`].
    pub(crate) fn holds_open(&self, recipient: &str) -> bool {
        match &self.held {
            Held::Ssh(key) => {
                is_ssh(recipient)
                    && key.open().is_some()
                    && without_comment(key.recipient()).eq(without_comment(recipient))
            }
            _ => self.identities().iter().any(|own| own.recipient().as_deref() == Some(recipient)),
        }
    }

    /// The key of ssh, if that is what it holds and it still asks for a passphrase.
    pub(crate) fn ssh(&self) -> Option<&SshKey> {
        match &self.held {
            Held::Ssh(key) if key.open().is_none() => Some(key),
            _ => None,
        }
    }

    /// Asks for the passphrase of identities that were encrypted as a whole. True if there are such, open now.
    pub(crate) fn unlock(&self, prompts: &Prompts) -> bool {
        let Held::Locked(locked) = &self.held else { return false };
        locked.unlock(prompts);
        locked.opened().is_some_and(|opened| opened.is_ok())
    }

    /// Why [`Loaded::unlock`] opened nothing, where that was for want of the passphrase.
    pub(crate) fn closed(&self) -> Option<NotOpened> {
        match &self.held {
            Held::Locked(locked) => locked.closed(),
            _ => None,
        }
    }

    /// Identities that a plugin opens with.
    pub(crate) fn of_plugins(&self) -> impl Iterator<Item = &age::plugin::Identity> {
        self.identities().iter().filter_map(Identity::of_plugin)
    }

    fn identities(&self) -> &[Identity] {
        match &self.held {
            Held::Identities(found) => &found.identities,
            Held::Locked(locked) => locked
                .opened()
                .and_then(Result::ok)
                .map_or(&[], |found| found.identities.as_slice()),
            Held::Nothing(_) | Held::Ssh(_) => &[],
        }
    }

    /// `None` where it is not worth a line. `for_ssh`: something is for a key of ssh.
    pub(super) fn report(&self, for_ssh: bool) -> Option<SourceReport> {
        (for_ssh || !self.of_ssh_only)
            .then(|| SourceReport { source: self.source.clone(), outcome: self.outcome() })
    }

    fn outcome(&self) -> SourceOutcome {
        let read = |found: &IdentityText| {
            let identities = found.identities.iter();
            SourceOutcome::Read {
                recipients: identities.clone().filter_map(Identity::recipient).collect(),
                plugins: identities
                    .filter_map(Identity::of_plugin)
                    .map(|identity| identity.plugin().to_owned())
                    .collect(),
                ignored: found.ignored.clone(),
            }
        };
        match &self.held {
            Held::Nothing(outcome) => outcome.clone(),
            Held::Identities(found) => read(found),
            Held::Locked(locked) => match locked.opened() {
                None => SourceOutcome::Locked,
                Some(Ok(found)) => read(found),
                Some(Err(reason)) => SourceOutcome::Failed(reason),
            },
            Held::Ssh(key) => SourceOutcome::Read {
                recipients: vec![key.recipient().to_owned()],
                plugins: Vec::new(),
                ignored: Vec::new(),
            },
        }
    }

    pub(crate) fn warnings(&self) -> impl Iterator<Item = Warning> {
        let outcome = self.configured.then(|| self.outcome()).filter(SourceOutcome::is_broken);
        let broken = outcome
            .map(|outcome| Warning::Source(SourceReport { source: self.source.clone(), outcome }));
        broken.into_iter().chain(self.warnings.iter().cloned())
    }
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded")
            .field("source", &self.source)
            .field("outcome", &self.outcome())
            .finish_non_exhaustive()
    }
}
