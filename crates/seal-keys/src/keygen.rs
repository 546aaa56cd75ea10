//! Makes age identities and finds the recipients that belong to them.

use age::secrecy::ExposeSecret;
use age::x25519::Identity;
use zeroize::Zeroizing;

use crate::age::{NoRecipient, Recipient};
use crate::identity_text::{self, NotIdentities};

/// A fresh age identity with its recipient.
pub struct Generated {
    /// `AGE-SECRET-KEY-1…`, the private half.
    pub identity: Zeroizing<String>,
    /// `age1…`, the public half.
    pub recipient: String,
}

/// What is no recipient or identity. Holds no text of the source: that may be a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyTextError {
    /// Not `age1…`, or mistyped: the checksum is part of the text.
    #[error("not an age recipient; those start with `age1` and hold a checksum")]
    Recipient,
    /// A public key of ssh that does not decode.
    #[error("not a public key of ssh (cut off?)")]
    SshRecipient,
    /// A key of a kind that age does not encrypt to.
    #[error("{0}")]
    UnsupportedRecipient(&'static str),
    /// A private key where a public one belongs.
    #[error("this is a private key (an identity), not a recipient")]
    IdentityAsRecipient,
    /// A line that is no identity.
    #[error("line {line} is not an age identity (`AGE-SECRET-KEY-…`)")]
    Identity {
        /// Counted from 1.
        line: usize,
    },
    /// The file is encrypted with a passphrase.
    #[error("the identities are protected by a passphrase, so their recipients cannot be read")]
    Passphrase,
    /// A private key of ssh, or no text at all.
    #[error("the file holds something else than age identities")]
    SomethingElse,
    /// Only identities of plugins.
    #[error("all identities belong to plugins, and only those know the recipients")]
    Plugins,
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
/// Lines that are empty or start with `#` are comments, as for age. Any other line must hold identities; those of
/// plugins are passed over where there are others.
///
/// # Errors
///
/// A line that is no identity, or nothing that has a recipient.
pub fn recipients_of(identity_file: &str) -> Result<Vec<String>, KeyTextError> {
    let found = identity_text::parse(identity_file.as_bytes()).map_err(|error| match error {
        NotIdentities::Encrypted => KeyTextError::Passphrase,
        NotIdentities::Pem | NotIdentities::NotText => KeyTextError::SomethingElse,
    })?;
    if let Some(ignored) = found.ignored.first() {
        return Err(KeyTextError::Identity { line: ignored.line });
    }
    let mut recipients = Vec::new();
    for recipient in found.identities.iter().filter_map(|identity| identity.recipient()) {
        if !recipients.contains(&recipient) {
            recipients.push(recipient);
        }
    }
    match (recipients.is_empty(), found.identities.is_empty()) {
        (true, true) => Err(KeyTextError::Empty),
        (true, false) => Err(KeyTextError::Plugins),
        (false, _) => Ok(recipients),
    }
}

/// Checks that a recipient can be encrypted to, and returns it as an envelope names it.
///
/// # Errors
///
/// See [`KeyTextError`].
pub fn check_recipient(text: &str) -> Result<String, KeyTextError> {
    match Recipient::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(NoRecipient::Identity) => Err(KeyTextError::IdentityAsRecipient),
        Err(NoRecipient::Unsupported(reason)) => Err(KeyTextError::UnsupportedRecipient(reason)),
        Err(NoRecipient::Mistyped) if text.starts_with("ssh-") => Err(KeyTextError::SshRecipient),
        Err(NoRecipient::Mistyped | NoRecipient::Unknown) => Err(KeyTextError::Recipient),
    }
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
        for mistyped in ["age1pq1qqqq", "age1yubikey1qqqq"] {
            assert_eq!(check_recipient(mistyped), Err(KeyTextError::Recipient));
        }
        assert_eq!(check_recipient("ssh-ed25519 AAAA"), Err(KeyTextError::SshRecipient));
        let ecdsa = check_recipient("ecdsa-sha2-nistp256 AAAA");
        assert!(matches!(ecdsa, Err(KeyTextError::UnsupportedRecipient(_))));
        for good in [
            "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN me@host",
        ] {
            assert_eq!(check_recipient(good).as_deref(), Ok(good));
        }
    }

    #[test]
    fn identities_of_plugins_have_no_recipient_that_could_be_told() {
        let plugin = age::plugin::Identity::default_for_plugin("yubikey").unwrap().to_string();
        assert_eq!(recipients_of(&plugin), Err(KeyTextError::Plugins));
        let own = generate();
        let both = format!("{plugin}\n{}\n", own.identity.as_str());
        assert_eq!(recipients_of(&both), Ok(vec![own.recipient]));
    }
}
