//! Private keys of ssh as identities. One that is encrypted asks for its passphrase when something is wrapped for it,
//! which its tag in the age file tells, and asks once.

use std::cell::RefCell;
use std::sync::OnceLock;

use age::DecryptError;
use age::secrecy::SecretString;
use age::ssh::{Identity, Recipient, UnsupportedKey};
use age_core::format::{FileKey, Stanza};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest, Sha256};

use super::passphrase::{NotOpened, ask};
use crate::prompt::Prompts;

/// The private half of a key of ssh.
pub(crate) struct SshKey {
    key: Identity,
    /// Where it comes from, for the question.
    source: String,
    recipient: String,
    kind: &'static str,
    tag: String,
    opened: OnceLock<Result<Identity, NotOpened>>,
}

impl SshKey {
    /// Reads a private key in the form of OpenSSH, or an RSA key in the old PEM form.
    pub(crate) fn parse(text: &[u8], source: &str) -> Result<Self, String> {
        let key = Identity::from_buffer(text, None)
            .map_err(|_| "it is no private key of ssh that age knows".to_owned())?;
        if let Identity::Unsupported(unsupported) = &key {
            return Err(reason(unsupported));
        }
        let recipient = Recipient::try_from(key.clone());
        let (kind, public) = match &recipient {
            Ok(Recipient::SshEd25519(public, _)) => ("ssh-ed25519", public),
            Ok(Recipient::SshRsa(public, _)) => ("ssh-rsa", public),
            Err(_) => {
                return Err("its public half is no ed25519 key, and no RSA key of up to 4096 bits"
                    .to_owned());
            }
        };
        let tag = STANDARD_NO_PAD.encode(&Sha256::digest(public)[..4]);
        let recipient = recipient.as_ref().map(ToString::to_string).unwrap_or_default();
        let (source, opened) = (source.to_owned(), OnceLock::new());
        Ok(Self { key, source, recipient, kind, tag, opened })
    }

    /// The public half, without a comment.
    pub(crate) fn recipient(&self) -> &str {
        &self.recipient
    }

    /// As an identity, where that takes no passphrase, or the passphrase was given.
    pub(crate) fn open(&self) -> Option<&Identity> {
        match &self.key {
            Identity::Encrypted(_) => self.opened.get()?.as_ref().ok(),
            key => Some(key),
        }
    }

    /// An identity that asks for the passphrase as soon as something is for it.
    pub(crate) fn asking<'k>(&'k self, prompts: &'k Prompts) -> Asking<'k> {
        Asking { key: self, prompts, failed: RefCell::default() }
    }

    fn unlock(&self, prompts: &Prompts) -> Result<&Identity, NotOpened> {
        let Identity::Encrypted(encrypted) = &self.key else { return Ok(&self.key) };
        let opened = self.opened.get_or_init(|| {
            let question = format!("passphrase of the ssh key {}", self.source);
            ask(prompts, &question, |passphrase| {
                encrypted.decrypt(SecretString::from(passphrase)).ok().map(Identity::from)
            })
        });
        opened.as_ref().map_err(|&reason| reason)
    }
}

/// See [`SshKey::asking`].
pub(crate) struct Asking<'k> {
    key: &'k SshKey,
    prompts: &'k Prompts,
    failed: RefCell<Option<NotOpened>>,
}

impl Asking<'_> {
    /// Why the key that something is for stayed encrypted.
    pub(crate) fn failed(&self) -> Option<NotOpened> {
        *self.failed.borrow()
    }
}

impl age::Identity for Asking<'_> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag != self.key.kind || stanza.args.first() != Some(&self.key.tag) {
            return None;
        }
        match self.key.unlock(self.prompts) {
            Ok(key) => key.unwrap_stanza(stanza),
            Err(reason) => {
                *self.failed.borrow_mut() = Some(reason);
                Some(Err(DecryptError::KeyDecryptionFailed))
            }
        }
    }
}

fn reason(unsupported: &UnsupportedKey) -> String {
    match unsupported {
        UnsupportedKey::EncryptedPem => {
            "it is encrypted in the old PEM form; `ssh-keygen -p` rewrites it in the new one"
                .to_owned()
        }
        UnsupportedKey::EncryptedSsh(cipher) => {
            format!("it is encrypted by {}, which is not supported", cipher.escape_debug())
        }
        UnsupportedKey::Hardware(kind) => {
            format!(
                "the private half of {} keys is in a device that age cannot use",
                kind.escape_debug()
            )
        }
        UnsupportedKey::Type(kind) => {
            format!("age cannot use {} keys, only ed25519 and RSA", kind.escape_debug())
        }
    }
}
