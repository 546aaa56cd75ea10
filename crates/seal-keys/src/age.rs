//! age: one ASCII-armoured age file per recipient, with the raw data key, as SOPS writes it.
//!
//! A wrapped key is tried in three rounds, each through all sources of identities in their order: with what lies open,
//! then with what asks for a passphrase, then with plugins. So nobody is asked where an open identity fits, and no
//! program is started that is not needed.

mod passphrase;
mod plugin;
mod post_quantum;
mod recipient;
mod ssh;
mod x_wing;

use std::io::Read;
use std::sync::Arc;

use age::armor::ArmoredReader;
use age::{DecryptError, Decryptor, EncryptError};
use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;
use zeroize::Zeroizing;

pub(crate) use self::passphrase::{LockedIdentities, NotOpened};
pub(crate) use self::post_quantum::Identity as PostQuantumIdentity;
pub(crate) use self::recipient::{NoRecipient, Recipient, is_ssh, printable, without_comment};
pub(crate) use self::ssh::SshKey;
use crate::failure::{Failure, FailureKind};
use crate::identities::{Identities, SourceReport, Warning};
use crate::service::{KeyAccess, UnwrapError, WrapError, Wrapped};
use crate::session::Session;

/// Wraps to recipients; unwraps with the identities that the environment leads to.
#[derive(Debug)]
pub(crate) struct Age {
    session: Arc<Session>,
    identities: Identities,
}

impl Age {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self { identities: Identities::new(Arc::clone(&session)), session }
    }

    pub(crate) fn access<'k>(&'k self, recipient: &'k str) -> Access<'k> {
        Access { provider: self, recipient }
    }

    pub(crate) fn sources(&self) -> Vec<SourceReport> {
        self.identities.reports()
    }

    pub(crate) fn warnings(&self) -> Vec<Warning> {
        self.identities.warnings()
    }
}

/// One recipient.
pub(crate) struct Access<'k> {
    provider: &'k Age,
    recipient: &'k str,
}

impl KeyAccess for Access<'_> {
    fn check(&self) -> Result<(), WrapError> {
        self.parsed().map(|_| ())
    }

    /// The armoured age file, its final newline included, as SOPS writes it.
    fn wrap(&self, secret: &SecretBytes) -> Result<Wrapped, WrapError> {
        let failed = |_| WrapError::Failed { key: printable(self.recipient) };
        let enc = match self.parsed()? {
            Recipient::X25519(recipient) => armored(&recipient, secret).map_err(failed)?,
            Recipient::PostQuantum(recipient) => armored(&*recipient, secret).map_err(failed)?,
            Recipient::Tag(recipient) => armored(&*recipient, secret).map_err(failed)?,
            Recipient::TagPostQuantum(recipient) => armored(&*recipient, secret).map_err(failed)?,
            Recipient::Ssh(recipient) => armored(&*recipient, secret).map_err(failed)?,
            Recipient::Plugin(recipient) => self.wrap_by_plugin(&recipient, secret)?,
        };
        Ok(Wrapped { key: self.key(), enc })
    }

    fn unwrap(&self, enc: &str) -> Result<SecretBytes, UnwrapError> {
        if let Some(outcome) = self.unwrap_with_open_identities(enc) {
            return outcome;
        }
        let mut closed = None;
        if let Some(outcome) = self.unwrap_with_passphrases(enc, &mut closed) {
            return outcome;
        }
        self.unwrap_by_plugins(enc).unwrap_or_else(|| match closed {
            Some(failure) => Err(failure),
            None => Err(UnwrapError::NoIdentity { key: printable(self.recipient) }),
        })
    }
}

impl Access<'_> {
    fn parsed(&self) -> Result<Recipient, WrapError> {
        Recipient::parse(self.recipient).map_err(|error| error.error(self.recipient))
    }

    fn key(&self) -> MasterKey {
        MasterKey::Age { recipient: self.recipient.to_owned() }
    }

    fn wrap_by_plugin(
        &self,
        recipient: &age::plugin::Recipient,
        secret: &SecretBytes,
    ) -> Result<String, WrapError> {
        let Age { session, identities } = self.provider;
        let name = recipient.plugin();
        let is_own = || {
            let mut sources = identities.for_recipient(self.recipient);
            sources.any(|source| source.of_plugins().any(|identity| identity.plugin() == name))
        };
        if !session.trust.allows_age_plugin(name) && !is_own() {
            return Err(plugin::not_allowed(&self.key(), name).into());
        }
        Ok(plugin::wrap(recipient, secret, &self.key(), &session.prompts)?)
    }

    /// Tries the identities of one source after the other, so that a later one (a command that asks for a PIN, say) is
    /// left alone where an earlier one fits. Each round returns `None` where the next one may know better.
    fn unwrap_with_open_identities(&self, enc: &str) -> Option<Result<SecretBytes, UnwrapError>> {
        let mut own_identity = false;
        for source in self.provider.identities.for_recipient(self.recipient) {
            match open(enc, source.open()) {
                Ok(secret) => return Some(Ok(secret)),
                Err(DecryptError::NoMatchingKeys) => {
                    own_identity |= source.holds_open(self.recipient);
                }
                Err(_) => return Some(Err(self.damaged())),
            }
        }
        own_identity.then(|| Err(UnwrapError::NotForThisKey { key: printable(self.recipient) }))
    }

    /// `closed` tells of a key that it was wrapped for and that nobody opened, or else of identities that may fit.
    fn unwrap_with_passphrases(
        &self,
        enc: &str,
        closed: &mut Option<UnwrapError>,
    ) -> Option<Result<SecretBytes, UnwrapError>> {
        let Age { session, identities } = self.provider;
        let mut own_identity = false;
        for source in identities.for_recipient(self.recipient) {
            let outcome = if let Some(key) = source.ssh() {
                let asking = key.asking(&session.prompts);
                let outcome = open(enc, std::iter::once(&asking as &dyn age::Identity));
                if let Some(reason) = asking.failed() {
                    let operation = format!("open {}", source.name());
                    let kind = FailureKind::NoCredentials;
                    let failure = Failure::new(kind, &self.key(), operation, reason.to_string());
                    *closed = Some(failure.hint(reason.hint(source.name())).into());
                    continue;
                }
                outcome
            } else if source.unlock(&session.prompts) {
                open(enc, source.open())
            } else {
                // Identity files hold no keys of ssh.
                if let Some(reason) = source.closed().filter(|_| !is_ssh(self.recipient)) {
                    closed.get_or_insert_with(|| UnwrapError::NotKnown {
                        key: printable(self.recipient),
                        closed: source.name().to_owned(),
                        hint: reason.hint(source.name()),
                    });
                }
                continue;
            };
            match outcome {
                Ok(secret) => return Some(Ok(secret)),
                Err(DecryptError::NoMatchingKeys) => {
                    own_identity |= source.holds_open(self.recipient);
                }
                Err(_) => return Some(Err(self.damaged())),
            }
        }
        own_identity.then(|| Err(UnwrapError::NotForThisKey { key: printable(self.recipient) }))
    }

    /// A recipient that names a plugin is for that one. Any other may be a plugin's all the same: some hold keys of ssh,
    /// or X25519 keys.
    fn unwrap_by_plugins(&self, enc: &str) -> Option<Result<SecretBytes, UnwrapError>> {
        let Age { session, identities } = self.provider;
        let named = match Recipient::parse(self.recipient) {
            Ok(Recipient::Plugin(recipient)) => Some(recipient.plugin().to_owned()),
            _ => None,
        };
        let mut of_plugins: Vec<age::plugin::Identity> = Vec::new();
        for source in identities.for_recipient(self.recipient) {
            of_plugins.extend(source.of_plugins().cloned());
        }
        let mut names: Vec<String> = Vec::new();
        for identity in &of_plugins {
            let name = identity.plugin();
            let fits = named.as_deref().is_none_or(|named| named == name);
            if fits && !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        let mut failed = None;
        for name in names {
            match plugin::unwrap(&name, &of_plugins, enc, &self.key(), &session.prompts) {
                Some(Ok(secret)) => return Some(Ok(secret)),
                Some(Err(failure)) => failed = failed.or(Some(failure)),
                None => {}
            }
        }
        failed.map(|failure| Err(failure.into()))
    }

    fn damaged(&self) -> UnwrapError {
        UnwrapError::Damaged { key: printable(self.recipient) }
    }
}

fn armored(recipient: &impl age::Recipient, secret: &SecretBytes) -> Result<String, EncryptError> {
    let armored = age::encrypt_and_armor(recipient, secret.expose())?;
    // The library writes the platform's line ends; SOPS writes the same text everywhere.
    Ok(if cfg!(windows) { armored.replace("\r\n", "\n") } else { armored })
}

fn open<'i>(
    enc: &str,
    identities: impl Iterator<Item = &'i dyn age::Identity>,
) -> Result<SecretBytes, DecryptError> {
    // SOPS's files differ in the final newline, depending on the style of the block scalar.
    let decryptor = Decryptor::new_buffered(ArmoredReader::new(enc.trim().as_bytes()))?;
    // No longer than needed to tell a data key from anything else, and never reallocated: that would leave copies.
    let mut plaintext = Zeroizing::new(Vec::with_capacity(2 * LONGEST));
    decryptor.decrypt(identities)?.take(LONGEST as u64).read_to_end(&mut plaintext)?;
    Ok(SecretBytes::new(std::mem::take(&mut *plaintext)))
}

const LONGEST: usize = 64;

#[cfg(test)]
mod tests;
