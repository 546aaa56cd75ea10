//! Passphrases, and identity files that age encrypted with one. It is asked for once in a run, and only where the
//! identities that lie open do not fit.

use std::io::Read;
use std::sync::OnceLock;

use age::armor::ArmoredReader;
use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, scrypt};
use zeroize::Zeroizing;

use crate::identity_text::{self, IdentityText};
use crate::prompt::Prompts;

/// The most work that a passphrase may cost: what the program `age` accepts, some seconds and 4 GiB.
const LARGEST_WORK_FACTOR: u8 = 22;
const LARGEST: u64 = 1024 * 1024;

/// A person mistypes; more often than this, it is another passphrase.
const TRIES: usize = 3;

/// Why what a passphrase protects stays closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotOpened {
    Nobody,
    WrongPassphrase,
}

impl NotOpened {
    /// What to do about it.
    pub(crate) fn hint(self, source: &str) -> String {
        match self {
            Self::Nobody => format!("{source} is closed by a passphrase: run it at a terminal"),
            Self::WrongPassphrase => {
                format!("the passphrase of {source} was wrong; run it again")
            }
        }
    }
}

impl std::fmt::Display for NotOpened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nobody => "nobody could be asked for the passphrase",
            Self::WrongPassphrase => "the passphrase is wrong",
        })
    }
}

/// Asks for a passphrase until `open` takes it, a few times at most.
pub(super) fn ask<T>(
    prompts: &Prompts,
    question: &str,
    mut open: impl FnMut(&str) -> Option<T>,
) -> Result<T, NotOpened> {
    let turn = prompts.turn();
    let (mut question, mut reason) = (question.to_owned(), NotOpened::Nobody);
    for attempt in 0..TRIES {
        let Some(passphrase) = turn.prompt.passphrase(&question) else { break };
        if let Some(opened) = open(&passphrase) {
            return Ok(opened);
        }
        reason = NotOpened::WrongPassphrase;
        if attempt == 0 {
            question.insert_str(0, "that was wrong; ");
        }
    }
    Err(reason)
}

/// A whole source of identities, encrypted.
pub(crate) struct LockedIdentities {
    file: Zeroizing<Vec<u8>>,
    /// Where it comes from, for the question.
    source: String,
    opened: OnceLock<Result<IdentityText, NotRead>>,
}

/// Why nothing is known of what is inside.
enum NotRead {
    Closed(NotOpened),
    /// No passphrase helps.
    Useless(String),
}

impl LockedIdentities {
    /// Takes an age file; the error says why no passphrase opens it.
    pub(crate) fn new(file: Zeroizing<Vec<u8>>, source: &str) -> Result<Self, String> {
        let decryptor = Decryptor::new_buffered(ArmoredReader::new(file.as_slice()));
        match decryptor {
            Ok(decryptor) if decryptor.is_scrypt() => {}
            Ok(_) => return Err("it is encrypted by age, but not with a passphrase".to_owned()),
            Err(_) => return Err("it is encrypted by age, and damaged".to_owned()),
        }
        Ok(Self { file, source: source.to_owned(), opened: OnceLock::new() })
    }

    /// What it holds, if it was opened, or why it could not be; `None` while nobody was asked.
    pub(crate) fn opened(&self) -> Option<Result<&IdentityText, String>> {
        let opened = self.opened.get()?.as_ref();
        Some(opened.map_err(|reason| match reason {
            NotRead::Closed(reason) => reason.to_string(),
            NotRead::Useless(reason) => reason.clone(),
        }))
    }

    /// Why it is still closed, if it was asked for.
    pub(crate) fn closed(&self) -> Option<NotOpened> {
        match self.opened.get()? {
            Err(NotRead::Closed(reason)) => Some(*reason),
            _ => None,
        }
    }

    /// Asks for the passphrase, unless that was done before.
    pub(crate) fn unlock(&self, prompts: &Prompts) {
        self.opened.get_or_init(|| {
            let question = format!("passphrase of the age identities in {}", self.source);
            let text = ask(prompts, &question, |passphrase| {
                match decrypt(&self.file, passphrase) {
                    Err(DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed) => None,
                    other => Some(other),
                }
            });
            let text = text.map_err(NotRead::Closed)?.map_err(|error| match error {
                DecryptError::ExcessiveWork { required, .. } => NotRead::Useless(format!(
                    "its passphrase costs too much work (2^{required}, at most 2^{LARGEST_WORK_FACTOR} is accepted)"
                )),
                _ => NotRead::Useless("it is encrypted by age, and damaged".to_owned()),
            })?;
            identity_text::parse(&text).map_err(|error| NotRead::Useless(error.to_string()))
        });
    }
}

fn decrypt(file: &[u8], passphrase: &str) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    let decryptor = Decryptor::new_buffered(ArmoredReader::new(file))?;
    let mut identity = scrypt::Identity::new(SecretString::from(passphrase));
    identity.set_max_work_factor(LARGEST_WORK_FACTOR);
    let plaintext = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity))?;
    // What is encrypted is longer than what is inside, so this never grows, which would leave copies.
    let mut text = Zeroizing::new(Vec::with_capacity(file.len()));
    plaintext.take(LARGEST).read_to_end(&mut text)?;
    Ok(text)
}
