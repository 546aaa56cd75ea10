//! Makes age identities and finds the recipients that belong to them.

use age::secrecy::ExposeSecret;
use age::x25519::{Identity, Recipient};
use zeroize::Zeroizing;

/// A fresh age identity with its recipient.
pub struct Generated {
    /// `AGE-SECRET-KEY-1…`, the private half.
    pub identity: Zeroizing<String>,
    /// `age1…`, the public half.
    pub recipient: String,
}

/// What is no X25519 recipient or identity. Holds no text of the source: that may be a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyTextError {
    /// Not `age1…`, or mistyped: the checksum is part of the text.
    #[error("not an age recipient; those start with `age1` and hold a checksum")]
    Recipient,
    /// A recipient of a kind that cannot be used.
    #[error(
        "this kind of recipient is not supported yet; only X25519 (`age1` and 58 characters) is"
    )]
    UnsupportedRecipient,
    /// A private key where a public one belongs.
    #[error("this is a private key (an identity), not a recipient")]
    IdentityAsRecipient,
    /// A line that is no identity.
    #[error("line {line} is not an X25519 identity (`AGE-SECRET-KEY-1…`)")]
    Identity {
        /// Counted from 1.
        line: usize,
    },
    /// The file is encrypted with a passphrase.
    #[error("the identities are protected by a passphrase, which is not supported yet")]
    Passphrase,
    /// Only comments and empty lines.
    #[error("holds no identity")]
    Empty,
}

/// Draws a new X25519 identity from the operating system.
pub fn generate() -> Generated {
    let identity = Identity::generate();
    Generated {
        identity: Zeroizing::new(identity.to_string().expose_secret().to_owned()),
        recipient: identity.to_public().to_string(),
    }
}

/// Returns the recipients of all identities in a key file (or in `SOPS_AGE_KEY`), each once, in their order.
///
/// Lines that are empty or start with `#` are comments, as for age. Any other line must be an X25519 identity.
pub fn recipients_of(identity_file: &str) -> Result<Vec<String>, KeyTextError> {
    if identity_file.starts_with("age-encryption.org/v1")
        || identity_file.starts_with("-----BEGIN AGE ENCRYPTED FILE-----")
    {
        return Err(KeyTextError::Passphrase);
    }
    let mut recipients = Vec::new();
    for (index, line) in identity_file.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        // SOPS takes several identities on one line.
        for word in line.split_whitespace() {
            let identity: Identity =
                word.parse().map_err(|_| KeyTextError::Identity { line: index + 1 })?;
            let recipient = identity.to_public().to_string();
            if !recipients.contains(&recipient) {
                recipients.push(recipient);
            }
        }
    }
    if recipients.is_empty() { Err(KeyTextError::Empty) } else { Ok(recipients) }
}

/// Checks that a recipient can be encrypted to, and returns it in its canonical spelling.
pub fn check_recipient(text: &str) -> Result<String, KeyTextError> {
    if let Ok(recipient) = text.parse::<Recipient>() {
        return Ok(recipient.to_string());
    }
    if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
        return Err(KeyTextError::IdentityAsRecipient);
    }
    // Another word between `age1` and a second `1` names a kind: `age1pq1…`, `age1yubikey1…`.
    let names_a_kind = text.strip_prefix("age1").is_some_and(|rest| rest.contains('1'));
    if names_a_kind || text.starts_with("ssh-") {
        return Err(KeyTextError::UnsupportedRecipient);
    }
    Err(KeyTextError::Recipient)
}

impl std::fmt::Debug for Generated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Generated(<redacted>, {})", self.recipient)
    }
}

#[cfg(test)]
mod tests {
    use super::{KeyTextError, check_recipient, generate, recipients_of};

    #[test]
    fn a_generated_identity_has_its_recipient_and_both_are_fresh() {
        let (one, two) = (generate(), generate());
        assert_eq!(recipients_of(&one.identity), Ok(vec![one.recipient.clone()]));
        assert_eq!(check_recipient(&one.recipient), Ok(one.recipient.clone()));
        assert_ne!(one.recipient, two.recipient);
        assert!(one.identity.starts_with("AGE-SECRET-KEY-1"));
    }

    #[test]
    fn debug_shows_only_the_public_half() {
        let generated = generate();
        assert!(!format!("{generated:?}").contains("SECRET"));
    }

    #[test]
    fn a_key_file_may_hold_comments_and_several_identities_each_counts_once() {
        let (one, two) = (generate(), generate());
        let (a, b) = (one.identity.as_str(), two.identity.as_str());
        let file = format!("# created: today\r\n# public key: x\r\n{a}\r\n\n{b} {a}\n");
        assert_eq!(recipients_of(&file), Ok(vec![one.recipient, two.recipient]));
    }

    #[test]
    fn what_is_no_identity_is_named_by_its_line_only() {
        let key = generate();
        let damaged = key.identity.replace("KEY-1", "KEY-1Q");
        let file = format!("# comment\n{}\n{damaged}\n", key.identity.as_str());
        let error = recipients_of(&file).unwrap_err();
        assert_eq!(error, KeyTextError::Identity { line: 3 });
        assert!(!error.to_string().contains(&damaged[20..]));
        assert_eq!(recipients_of("# nothing\n\n"), Err(KeyTextError::Empty));
        assert_eq!(recipients_of("age-encryption.org/v1\n…"), Err(KeyTextError::Passphrase));
    }

    #[test]
    fn a_mistyped_recipient_is_refused() {
        let good = generate().recipient;
        let last = if good.ends_with('q') { "p" } else { "q" };
        let mistyped = format!("{}{last}", &good[..good.len() - 1]);
        assert_eq!(check_recipient(&mistyped), Err(KeyTextError::Recipient));
        assert_eq!(check_recipient(""), Err(KeyTextError::Recipient));
        assert_eq!(check_recipient("alice"), Err(KeyTextError::Recipient));
    }

    #[test]
    fn other_kinds_of_recipients_and_private_keys_are_told_apart() {
        let private = generate().identity;
        assert_eq!(check_recipient(&private), Err(KeyTextError::IdentityAsRecipient));
        for kind in ["age1pq1qqqq", "age1yubikey1qqqq", "ssh-ed25519 AAAA"] {
            assert_eq!(check_recipient(kind), Err(KeyTextError::UnsupportedRecipient));
        }
    }
}
