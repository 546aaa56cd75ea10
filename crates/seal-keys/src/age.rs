//! age, the embedded default: X25519 recipients, one ASCII-armoured age file per recipient with the raw data key.

use std::io::Read;
use std::sync::Arc;

use age::armor::ArmoredReader;
use age::{DecryptError, Decryptor, x25519};
use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;
use zeroize::Zeroizing;

use crate::identities::{Identities, SourceReport, Warning};
use crate::service::{KeyAccess, UnwrapError, WrapError, Wrapped};
use crate::session::Session;

/// Wraps to recipients; unwraps with the identities that the environment leads to.
#[derive(Debug)]
pub(crate) struct Age {
    identities: Identities,
}

impl Age {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self { identities: Identities::new(session.environment.clone()) }
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
        parse_recipient(self.recipient).map(|_| ())
    }

    /// The armoured age file, its final newline included, as SOPS writes it.
    fn wrap(&self, secret: &SecretBytes) -> Result<Wrapped, WrapError> {
        let recipient = self.recipient;
        let failed = |_| WrapError::Failed { key: recipient.to_owned() };
        let armored = age::encrypt_and_armor(&parse_recipient(recipient)?, secret.expose())
            .map_err(failed)?;
        // The library writes the platform's line ends; SOPS writes the same text everywhere.
        let enc = if cfg!(windows) { armored.replace("\r\n", "\n") } else { armored };
        Ok(Wrapped { key: MasterKey::Age { recipient: recipient.to_owned() }, enc })
    }

    /// Tries the identities of one source after the other, so that a later one (a command that asks for a PIN, say) is
    /// left alone where an earlier one fits.
    fn unwrap(&self, enc: &str) -> Result<SecretBytes, UnwrapError> {
        let recipient = self.recipient;
        let key = || printable(recipient);
        let mut own_identity = false;
        for loaded in self.provider.identities.for_recipient(recipient) {
            match open(enc, loaded.identities()) {
                Ok(secret) => return Ok(secret),
                Err(DecryptError::NoMatchingKeys) => own_identity |= loaded.holds(recipient),
                Err(_) => return Err(UnwrapError::Damaged { key: key() }),
            }
        }
        Err(match parse_recipient(recipient) {
            _ if own_identity => UnwrapError::NotForThisKey { key: key() },
            Err(WrapError::NotSupported { kind, key }) => UnwrapError::NotSupported { kind, key },
            _ => UnwrapError::NoIdentity { key: key() },
        })
    }
}

/// Reads an X25519 recipient.
pub(crate) fn parse_recipient(text: &str) -> Result<x25519::Recipient, WrapError> {
    let not_supported = |kind| Err(WrapError::NotSupported { kind, key: printable(text) });
    if let Ok(recipient) = text.parse() {
        return Ok(recipient);
    }
    if text.to_ascii_uppercase().starts_with("AGE-") {
        return Err(WrapError::IdentityAsRecipient);
    }
    if text.starts_with("ssh-") {
        return not_supported("ssh recipients of age");
    }
    match text.strip_prefix("age1") {
        Some(rest) if rest.starts_with("pq1") => not_supported("post-quantum recipients of age"),
        // `1` is no digit of Bech32: a second one ends the name of a plugin.
        Some(rest) if rest.contains('1') => not_supported("plugin recipients of age"),
        Some(_) => Err(WrapError::InvalidRecipient { recipient: printable(text) }),
        None => Err(WrapError::NoRecipient { length: text.chars().count() }),
    }
}

/// A recipient for a message. Post-quantum ones have 2,000 characters; their two ends tell them apart. In an envelope
/// anything may stand, line breaks included, that would forge lines of the message.
fn printable(recipient: &str) -> String {
    let text: String = recipient.escape_debug().collect();
    match text.char_indices().nth_back(7) {
        Some((end, _)) if text.chars().count() > 100 => {
            let start: String = text.chars().take(20).collect();
            format!("{start}…{}", &text[end..])
        }
        _ => text,
    }
}

fn open(enc: &str, identities: &[x25519::Identity]) -> Result<SecretBytes, DecryptError> {
    // SOPS's files differ in the final newline, depending on the style of the block scalar.
    let decryptor = Decryptor::new_buffered(ArmoredReader::new(enc.trim().as_bytes()))?;
    let identities = identities.iter().map(|identity| identity as &dyn age::Identity);
    // No longer than needed to tell a data key from anything else, and never reallocated: that would leave copies.
    let mut plaintext = Zeroizing::new(Vec::with_capacity(2 * LONGEST));
    decryptor.decrypt(identities)?.take(LONGEST as u64).read_to_end(&mut plaintext)?;
    Ok(SecretBytes::new(std::mem::take(&mut *plaintext)))
}

const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use crate::session::Settings;

    /// The recipient of `tests/fixtures/sops/keys/age-a.b64`.
    const RECIPIENT: &str = "age13r7pmm33m5fk6cdkqmthyxcsdp8kqz0te59v85c2e8vzr4kgw4vsgm2cd7";

    #[test]
    fn wraps_in_the_form_that_sops_writes() {
        let age = Age::new(Session::new(Settings::of(Environment::of::<String, String>([]))));
        let enc = age.access(RECIPIENT).wrap(&SecretBytes::new(vec![7; 32])).unwrap().enc;
        let lines: Vec<&str> = enc.split('\n').collect();
        assert_eq!(lines.first(), Some(&"-----BEGIN AGE ENCRYPTED FILE-----"));
        assert_eq!(lines[lines.len() - 2..], ["-----END AGE ENCRYPTED FILE-----", ""]);
        let body = &lines[1..lines.len() - 2];
        assert!(body[..body.len() - 1].iter().all(|line| line.len() == 64));
        assert!(body.last().unwrap().len() <= 64);
    }

    #[test]
    fn names_the_kind_of_a_recipient_that_it_does_not_know_yet() {
        for (recipient, kind) in [
            ("age1pq16n5tu6t5gnvp932", "post-quantum recipients of age"),
            (
                "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t",
                "plugin recipients of age",
            ),
            ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI me@host", "ssh recipients of age"),
        ] {
            let expected = WrapError::NotSupported { kind, key: recipient.to_owned() };
            assert_eq!(parse_recipient(recipient).err(), Some(expected));
        }
    }

    #[test]
    fn names_a_mistyped_recipient() {
        let mistyped = RECIPIENT.replace("13r7", "13r8");
        let error = parse_recipient(&mistyped).err().unwrap();
        assert_eq!(error, WrapError::InvalidRecipient { recipient: mistyped });
    }

    #[test]
    fn recipients_are_shown_on_one_short_line() {
        assert_eq!(printable(RECIPIENT), RECIPIENT);
        assert_eq!(printable("age1\n\u{1b}[2J"), "age1\\n\\u{1b}[2J");
        let long = format!("age1pq1{}end", "é".repeat(2000));
        assert_eq!(printable(&long), "age1pq1ééééééééééééé…éééééend");
    }

    #[test]
    fn never_repeats_what_may_be_a_secret() {
        for text in ["AGE-SECRET-KEY-1HUNTER2", "age-secret-key-1hunter2", "hunter2"] {
            let error = parse_recipient(text).err().unwrap();
            assert!(!format!("{error} {error:?}").to_lowercase().contains("hunter2"));
        }
    }
}
