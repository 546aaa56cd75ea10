//! Reads age identities from the text of a key file or a variable.

use age::{plugin, x25519};

use crate::age::PostQuantumIdentity;

/// The private half of a recipient, or how a plugin finds it.
pub(crate) enum Identity {
    X25519(x25519::Identity),
    PostQuantum(PostQuantumIdentity),
    Plugin(plugin::Identity),
}

/// What a text held.
#[derive(Default)]
pub(crate) struct IdentityText {
    /// Identities that can be used.
    pub(crate) identities: Vec<Identity>,
    /// Everything else but comments and empty lines.
    pub(crate) ignored: Vec<Ignored>,
}

/// A word that is no identity, without the word itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Its line, from 1.
    pub line: usize,
    /// Why.
    pub reason: IgnoredReason,
}

/// Why a word of an identity file is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IgnoredReason {
    /// The public half.
    Recipient,
    /// It begins like an identity and does not decode.
    Malformed,
    /// Anything else.
    Unknown,
}

impl std::fmt::Display for Ignored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let reason = match self.reason {
            IgnoredReason::Recipient => "a recipient (public), not an identity",
            IgnoredReason::Malformed => "a malformed identity (mistyped or cut off?)",
            IgnoredReason::Unknown => "not an age identity",
        };
        write!(f, "line {}: {reason}", self.line)
    }
}

/// The whole text is something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotIdentities {
    /// An identity file that age encrypted.
    #[error("it is encrypted by age")]
    Encrypted,
    /// A private key of ssh.
    #[error("it is a private key in PEM form; SOPS_AGE_SSH_PRIVATE_KEY_FILE names keys of ssh")]
    Pem,
    /// Binary data.
    #[error("it is not text (UTF-8)")]
    NotText,
}

impl Identity {
    fn parse(word: &str) -> Option<Self> {
        if let Ok(identity) = word.parse() {
            return Some(Self::X25519(identity));
        }
        match word.starts_with("AGE-PLUGIN-") {
            true => word.parse().ok().map(Self::Plugin),
            false => PostQuantumIdentity::parse(word).map(Self::PostQuantum),
        }
    }

    /// The public half; only a plugin knows its own.
    pub(crate) fn recipient(&self) -> Option<String> {
        match self {
            Self::X25519(identity) => Some(identity.to_public().to_string()),
            Self::PostQuantum(identity) => Some(identity.to_public().to_string()),
            Self::Plugin(_) => None,
        }
    }

    /// As what opens by itself, without a plugin.
    pub(crate) fn native(&self) -> Option<&dyn age::Identity> {
        match self {
            Self::X25519(identity) => Some(identity),
            Self::PostQuantum(identity) => Some(identity),
            Self::Plugin(_) => None,
        }
    }

    pub(crate) fn of_plugin(&self) -> Option<&plugin::Identity> {
        match self {
            Self::Plugin(identity) => Some(identity),
            Self::X25519(_) | Self::PostQuantum(_) => None,
        }
    }
}

/// Whether it is an age file, armoured or not: then identities may be inside.
pub(crate) fn is_encrypted(bytes: &[u8]) -> bool {
    let bytes = trimmed(bytes);
    bytes.starts_with(b"age-encryption.org/")
        || bytes.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----")
}

/// Windows' editors put a byte order mark in front.
fn trimmed(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start()
}

/// Reads identities, one or several per line; lines that begin with `#` are comments.
pub(crate) fn parse(bytes: &[u8]) -> Result<IdentityText, NotIdentities> {
    if is_encrypted(bytes) {
        return Err(NotIdentities::Encrypted);
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if trimmed(bytes).starts_with(b"-----BEGIN ") {
        return Err(NotIdentities::Pem);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| NotIdentities::NotText)?;

    let mut found = IdentityText::default();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with('#') {
            continue;
        }
        for word in line.split_whitespace() {
            match Identity::parse(word) {
                Some(identity) => found.identities.push(identity),
                None => {
                    found.ignored.push(Ignored { line: index + 1, reason: classify(word) });
                }
            }
        }
    }
    Ok(found)
}

fn classify(word: &str) -> IgnoredReason {
    if word.starts_with("AGE-SECRET-KEY-") || word.starts_with("AGE-PLUGIN-") {
        IgnoredReason::Malformed
    } else if word.starts_with("age1") {
        IgnoredReason::Recipient
    } else {
        IgnoredReason::Unknown
    }
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret;
    use proptest::prelude::*;

    use super::*;

    fn new_identity() -> String {
        x25519::Identity::generate().to_string().expose_secret().to_owned()
    }

    #[test]
    fn reads_several_identities_between_comments() {
        let (a, b, c) = (new_identity(), new_identity(), new_identity());
        let text = format!("\u{feff}# created: now\r\n{a}\r\n\r\n  # second\n {b} {c}");
        let found = parse(text.as_bytes()).unwrap();
        assert_eq!(found.identities.len(), 3);
        assert_eq!(found.ignored, []);
    }

    #[test]
    fn knows_identities_of_plugins() {
        let of_plugin = plugin::Identity::default_for_plugin("yubikey").unwrap().to_string();
        let found = parse(format!("{of_plugin}\n{}", new_identity()).as_bytes()).unwrap();
        let plugins: Vec<_> = found.identities.iter().filter_map(Identity::of_plugin).collect();
        assert_eq!(plugins.len(), 1);
        assert_eq!(plugins[0].plugin(), "yubikey");
        assert_eq!(found.identities.iter().filter_map(Identity::native).count(), 1);
        assert_eq!(found.identities.iter().filter_map(Identity::recipient).count(), 1);
        assert_eq!(found.ignored, []);
    }

    #[test]
    fn names_the_line_and_reason_of_what_it_cannot_use() {
        let cut = &new_identity()[..60];
        let text = format!(
            "# c\nAGE-SECRET-KEY-PQ-1XX\nAGE-PLUGIN-YUBIKEY-1XX\n{cut}\nage1xx\nhunter2\n{}\n",
            new_identity()
        );
        let found = parse(text.as_bytes()).unwrap();
        assert_eq!(found.identities.len(), 1);
        let reasons: Vec<_> = found.ignored.iter().map(|i| (i.line, i.reason)).collect();
        assert_eq!(
            reasons,
            [
                (2, IgnoredReason::Malformed),
                (3, IgnoredReason::Malformed),
                (4, IgnoredReason::Malformed),
                (5, IgnoredReason::Recipient),
                (6, IgnoredReason::Unknown),
            ]
        );
        for ignored in found.ignored {
            let message = ignored.to_string();
            assert!(!message.contains("hunter2") && !message.contains(cut));
        }
    }

    #[test]
    fn refuses_texts_of_another_kind() {
        let kind = |text: &[u8]| parse(text).map(|_| ()).unwrap_err();
        assert_eq!(kind(b"age-encryption.org/v1\n-> scrypt"), NotIdentities::Encrypted);
        assert_eq!(kind(b"\n-----BEGIN AGE ENCRYPTED FILE-----\n"), NotIdentities::Encrypted);
        assert_eq!(kind(b"-----BEGIN OPENSSH PRIVATE KEY-----\n"), NotIdentities::Pem);
        assert_eq!(kind(b"\xff\xfe"), NotIdentities::NotText);
    }

    proptest! {
        #[test]
        fn takes_any_bytes_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }
    }
}
