//! Identity files that age encrypted with a passphrase. The passphrase is asked for once, and only where the identities
//! that lie open do not fit.

use std::io::Read;
use std::sync::OnceLock;

use age::armor::ArmoredReader;
use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, scrypt};
use zeroize::Zeroizing;

use super::ssh::NotOpened;
use crate::identity_text::{self, IdentityText};
use crate::prompt::Prompts;

/// The most work that a passphrase may cost: what the program `age` accepts, some seconds and 4 GiB.
const LARGEST_WORK_FACTOR: u8 = 22;
const LARGEST: u64 = 1024 * 1024;

/// A whole source of identities, encrypted.
pub(crate) struct LockedIdentities {
    file: Zeroizing<Vec<u8>>,
    /// Where it comes from, for the question.
    source: String,
    opened: OnceLock<Result<IdentityText, String>>,
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
    pub(crate) fn opened(&self) -> Option<Result<&IdentityText, &str>> {
        self.opened.get().map(|opened| opened.as_ref().map_err(String::as_str))
    }

    /// Asks for the passphrase, unless that was done before.
    pub(crate) fn unlock(&self, prompts: &Prompts) {
        self.opened.get_or_init(|| {
            let turn = prompts.turn();
            let question = format!("passphrase of the age identities in {}", self.source);
            let passphrase = turn.prompt.passphrase(&question);
            let passphrase = passphrase.ok_or_else(|| NotOpened::Nobody.to_string())?;
            let text = decrypt(&self.file, &passphrase).map_err(|error| match error {
                DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => {
                    NotOpened::WrongPassphrase.to_string()
                }
                DecryptError::ExcessiveWork { required, .. } => format!(
                    "its passphrase costs too much work (2^{required}, at most 2^{LARGEST_WORK_FACTOR} is accepted)"
                ),
                _ => "it is encrypted by age, and damaged".to_owned(),
            })?;
            identity_text::parse(&text).map_err(|error| error.to_string())
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
