//! Recipients of age in all their kinds: the one place that tells them apart.
//!
//! | text | kind |
//! |---|---|
//! | `age1…` | X25519 |
//! | `age1pq1…` | post-quantum |
//! | `age1tag1…`, `age1tagpq1…` | for hardware keys; age wraps to them itself |
//! | `age1NAME1…` | of the program `age-plugin-NAME` |
//! | `ssh-ed25519 …`, `ssh-rsa …` | a public key of ssh, a comment may follow |

use age::ssh::ParseRecipientKeyError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use seal_core::envelope::MasterKey;

use super::post_quantum;
use crate::service::WrapError;

/// A recipient that can be wrapped to.
pub(crate) enum Recipient {
    X25519(age::x25519::Recipient),
    PostQuantum(Box<post_quantum::Recipient>),
    Tag(Box<age::tag::Recipient>),
    TagPostQuantum(Box<age::tagpq::Recipient>),
    Plugin(age::plugin::Recipient),
    Ssh(Box<age::ssh::Recipient>),
}

/// Why a text is no recipient that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRecipient {
    /// The private half.
    Identity,
    /// It begins like one.
    Mistyped,
    /// A key that age does not wrap to.
    Unsupported(&'static str),
    /// Anything else.
    Unknown,
}

impl Recipient {
    pub(crate) fn parse(text: &str) -> Result<Self, NoRecipient> {
        if let Ok(recipient) = text.parse() {
            return Ok(Self::X25519(recipient));
        }
        if text.to_ascii_uppercase().starts_with("AGE-") {
            return Err(NoRecipient::Identity);
        }
        if is_ssh(text) {
            return ssh(text);
        }
        let Some(rest) = text.strip_prefix("age1") else { return Err(NoRecipient::Unknown) };
        // `1` is no digit of Bech32, so the last one ends the name of the kind.
        let parsed = match rest.rsplit_once('1') {
            None => None,
            Some(("pq", _)) => {
                post_quantum::Recipient::parse(text).map(Box::new).map(Self::PostQuantum)
            }
            Some(("tag", _)) => text.parse().ok().map(Box::new).map(Self::Tag),
            Some(("tagpq", _)) => text.parse().ok().map(Box::new).map(Self::TagPostQuantum),
            Some(_) => text.parse().ok().map(Self::Plugin),
        };
        parsed.ok_or(NoRecipient::Mistyped)
    }
}

/// Whether a recipient is a key of ssh, in whatever state.
pub(crate) fn is_ssh(text: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"].iter().any(|kind| text.starts_with(kind))
}

/// The kind and the key, without the comment.
pub(crate) fn without_comment(ssh: &str) -> impl Iterator<Item = &str> {
    ssh.split_whitespace().take(2)
}

fn ssh(text: &str) -> Result<Recipient, NoRecipient> {
    // A list of recipients is separated by commas, and what follows a line break would be lost.
    if text.chars().any(|c| c.is_control() || c == ',') {
        return Err(NoRecipient::Unsupported(
            "a key of ssh in one line, without commas, is needed",
        ));
    }
    let known = text.starts_with("ssh-ed25519 ") || text.starts_with("ssh-rsa ");
    if known && !has_sound_fields(text) {
        return Err(NoRecipient::Mistyped);
    }
    match text.parse() {
        Ok(recipient) => Ok(Recipient::Ssh(Box::new(recipient))),
        Err(ParseRecipientKeyError::RsaModulusTooLarge) => {
            Err(NoRecipient::Unsupported("RSA keys of more than 4096 bits are not supported"))
        }
        Err(ParseRecipientKeyError::RsaModulusTooSmall) => {
            Err(NoRecipient::Unsupported("RSA keys of less than 2048 bits are not safe"))
        }
        Err(_) if known => Err(NoRecipient::Mistyped),
        Err(_) => Err(NoRecipient::Unsupported(
            "of the keys of ssh, age knows ssh-ed25519 and ssh-rsa only",
        )),
    }
}

/// Whether the fields of a key of ssh (RFC 4253, 6.6) end where the text ends, and none is zero: `age` 0.12 panics at a
/// number that is, and recipients come from files.
fn has_sound_fields(text: &str) -> bool {
    let key = without_comment(text).nth(1).and_then(|key| STANDARD.decode(key).ok());
    let Some(key) = key else { return false };
    let mut rest = key.as_slice();
    while let Some((length, after)) = rest.split_first_chunk() {
        let length = usize::try_from(u32::from_be_bytes(*length));
        let Some((field, after)) = length.ok().and_then(|length| after.split_at_checked(length))
        else {
            return false;
        };
        if field.iter().all(|&byte| byte == 0) {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}

impl NoRecipient {
    /// For messages. A text that looks like nothing known is not repeated: it may be a secret.
    pub(crate) fn error(self, text: &str) -> WrapError {
        match self {
            Self::Identity => WrapError::IdentityAsRecipient,
            Self::Mistyped => WrapError::InvalidRecipient { recipient: printable(text) },
            Self::Unsupported(reason) => {
                WrapError::UnusableRecipient { recipient: printable(text), reason }
            }
            Self::Unknown => WrapError::NoRecipient { length: text.chars().count() },
        }
    }
}

/// A recipient as messages show it.
pub(crate) fn printable(recipient: &str) -> String {
    MasterKey::Age { recipient: recipient.to_owned() }.to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The recipient of `tests/fixtures/sops/keys/age-a.b64`.
    const RECIPIENT: &str = "age13r7pmm33m5fk6cdkqmthyxcsdp8kqz0te59v85c2e8vzr4kgw4vsgm2cd7";
    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN";

    fn error(text: &str) -> NoRecipient {
        Recipient::parse(text).err().unwrap()
    }

    #[test]
    fn kinds_are_told_apart() {
        let yubikey = "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t";
        assert!(matches!(Recipient::parse(RECIPIENT), Ok(Recipient::X25519(_))));
        let plugin = Recipient::parse(yubikey);
        assert!(matches!(&plugin, Ok(Recipient::Plugin(plugin)) if plugin.plugin() == "yubikey"));
        for text in [ED25519.to_owned(), format!("{ED25519} me@host")] {
            assert!(matches!(Recipient::parse(&text), Ok(Recipient::Ssh(_))));
        }
    }

    #[test]
    fn what_is_none_says_why() {
        for text in [
            RECIPIENT.replace("13r7", "13r8"),
            "age1pq16n5tu6t5gnvp932".to_owned(),
            "age1yubikey1qwt50d05nh5vutpd".to_owned(),
            "age1../../bin/sh1qqqq".to_owned(),
            "age1x y1qqqq".to_owned(),
            "ssh-ed25519 AAAA".to_owned(),
            "ssh-rsa AAAA me@host".to_owned(),
        ] {
            assert_eq!(error(&text), NoRecipient::Mistyped, "{text}");
        }
        for text in [
            "ecdsa-sha2-nistp256 AAAAE2VjZHNh",
            "sk-ssh-ed25519@openssh.com AAAA",
            "ssh-dss AAAA",
            &format!("{ED25519} a\nb"),
            &format!("{ED25519} a,b"),
        ] {
            assert!(matches!(error(text), NoRecipient::Unsupported(_)), "{text}");
        }
        for text in ["", "alice", "age", "AAAA ssh-ed25519"] {
            assert_eq!(error(text), NoRecipient::Unknown, "{text}");
        }
    }

    fn ssh_rsa(e: &[u8], n: &[u8]) -> String {
        let fields = [b"ssh-rsa".as_slice(), e, n];
        let key: Vec<u8> = fields
            .iter()
            .flat_map(|field| [&u32::try_from(field.len()).unwrap().to_be_bytes(), *field].concat())
            .collect();
        format!("ssh-rsa {}", STANDARD.encode(key))
    }

    #[test]
    fn no_number_of_a_hostile_key_of_ssh_gets_through() {
        for (e, n) in [
            (&[0][..], &[1][..]),
            (&[1, 0, 1], &[0]),
            (&[1, 0, 1], &[0, 0, 0]),
            (&[], &[1]),
            (&[1], &[]),
            (&[0x80], &[0x80]),
        ] {
            assert!(Recipient::parse(&ssh_rsa(e, n)).is_err(), "{e:?} {n:?}");
        }
        let short = ssh_rsa(&[1, 0, 1], &[0x7F; 128]);
        assert!(matches!(error(&short), NoRecipient::Unsupported(_)));
        let even = ssh_rsa(&[1, 0, 1], &[0x7E; 256]);
        assert_eq!(error(&even), NoRecipient::Mistyped);
        let long = ssh_rsa(&[1, 0, 1], &[0x7F; 1025]);
        assert!(matches!(error(&long), NoRecipient::Unsupported(_)));
    }

    proptest! {
        #[test]
        fn takes_any_text_without_panic(text in ".{0,80}", key in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Recipient::parse(&text);
            for start in ["age1", "age1pq1", "age1x1", "ssh-ed25519 ", "ssh-rsa "] {
                let _ = Recipient::parse(&format!("{start}{text}"));
                let _ = Recipient::parse(&format!("{start}{}", STANDARD.encode(&key)));
            }
            let _ = Recipient::parse(&ssh_rsa(&key[..key.len() / 2], &key[key.len() / 2..]));
        }
    }

    #[test]
    fn recipients_are_shown_on_one_short_line() {
        assert_eq!(printable(RECIPIENT), RECIPIENT);
        assert_eq!(printable("age1\n\u{1b}[2J"), "age1\u{fffd}\u{fffd}[2J");
        let long = format!("age1pq1{}end", "é".repeat(2000));
        assert_eq!(printable(&long), "age1pq1ééééééééééééé…éééééend");
        assert_eq!(printable(ED25519), ED25519);
    }

    #[test]
    fn never_repeats_what_may_be_a_secret() {
        for text in ["AGE-SECRET-KEY-1HUNTER2", "age-secret-key-1hunter2", "hunter2"] {
            let error = error(text).error(text);
            assert!(!format!("{error} {error:?}").to_lowercase().contains("hunter2"));
        }
    }
}
