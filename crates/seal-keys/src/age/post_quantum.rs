//! Post-quantum recipients (`age1pq1…`) and identities (`AGE-SECRET-KEY-PQ-1…`) of age 1.3, which the crate `age` lacks.
//!
//! Source: the specification of age (C2SP), "hybrid" recipients: the file key is sealed by HPKE in its base mode, with
//! X-Wing, HKDF-SHA256 and ChaCha20-Poly1305. The stanza is `mlkem768x25519 ENCAPSULATED`.

use std::collections::HashSet;

use age::secrecy::ExposeSecret;
use age::{DecryptError, EncryptError};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use age_core::primitives::{bech32_decode, bech32_encode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bech32::Hrp;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::rand_core::OsRng;
use hpke::{Deserializable, OpModeR, OpModeS, Serializable};
use zeroize::{Zeroize, Zeroizing};

use super::x_wing::{self, XWing};

const RECIPIENT: &str = "age1pq";
const IDENTITY: &str = "AGE-SECRET-KEY-PQ-";
const STANZA: &str = "mlkem768x25519";
const INFO: &[u8] = b"age-encryption.org/mlkem768x25519";
/// age refuses to mix recipients of different labels in one file: the weakest would open it.
const LABEL: &str = "postquantum";
const AEAD_TAG: usize = 16;

/// The public half.
#[derive(Clone, PartialEq)]
pub(crate) struct Recipient(x_wing::PublicKey);

/// The private half.
#[derive(Clone)]
pub(crate) struct Identity(x_wing::PrivateKey);

impl Recipient {
    /// Reads `age1pq1…`; `None` for anything else, or where the checksum is wrong.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = decode(text, RECIPIENT)?;
        x_wing::PublicKey::from_bytes(&bytes).ok().map(Self)
    }
}

impl std::fmt::Display for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&bech32_encode(Hrp::parse_unchecked(RECIPIENT), &self.0.to_bytes()))
    }
}

impl Identity {
    /// Reads `AGE-SECRET-KEY-PQ-1…`, which holds the seed of both private keys.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = decode(text, IDENTITY)?;
        x_wing::PrivateKey::from_bytes(&bytes).ok().map(Self)
    }

    pub(crate) fn to_public(&self) -> Recipient {
        Recipient(self.0.public())
    }
}

fn decode(text: &str, prefix: &str) -> Option<Zeroizing<Vec<u8>>> {
    // Upper and lower case are one to Bech32; age writes, and takes, secrets in upper case only.
    if !text.starts_with(prefix) {
        return None;
    }
    bech32_decode(
        text,
        |_| (),
        |found| (found.as_str() == prefix).then_some(()).ok_or(()),
        |_, bytes| {
            // Reserved in full, because growing would leave copies.
            let mut decoded = Zeroizing::new(Vec::with_capacity(text.len()));
            decoded.extend(bytes);
            Ok(decoded)
        },
    )
    .ok()
}

impl age::Recipient for Recipient {
    fn wrap_file_key(
        &self,
        file_key: &FileKey,
    ) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let (sent, body) = hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, XWing, _>(
            &OpModeS::Base,
            &self.0,
            INFO,
            file_key.expose_secret(),
            &[],
            &mut OsRng,
        )
        .map_err(|error| EncryptError::Io(std::io::Error::other(error.to_string())))?;
        let args = vec![STANDARD_NO_PAD.encode(sent.to_bytes())];
        let stanza = Stanza { tag: STANZA.to_owned(), args, body };
        Ok((vec![stanza], HashSet::from([LABEL.to_owned()])))
    }
}

impl age::Identity for Identity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag != STANZA {
            return None;
        }
        let [sent] = stanza.args.as_slice() else { return Some(Err(DecryptError::InvalidHeader)) };
        let sent = STANDARD_NO_PAD.decode(sent).ok();
        let sent = sent.and_then(|bytes| x_wing::Encapsulated::from_bytes(&bytes).ok());
        let Some(sent) = sent.filter(|_| stanza.body.len() == FILE_KEY_BYTES + AEAD_TAG) else {
            return Some(Err(DecryptError::InvalidHeader));
        };
        // Somebody else's stanza looks the same until it does not open.
        let mut opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeR::Base,
            &self.0,
            &sent,
            INFO,
            &stanza.body,
            &[],
        )
        .ok()?;
        let file_key = FileKey::try_init_with_mut(|file_key| {
            let fits = opened.len() == file_key.len();
            if fits {
                file_key.copy_from_slice(&opened);
            }
            opened.zeroize();
            fits.then_some(()).ok_or(DecryptError::DecryptionFailed)
        });
        Some(file_key)
    }
}

#[cfg(test)]
mod tests {
    use age::Identity as _;
    use age::Recipient as _;

    use super::*;

    fn identity(seed: u8) -> Identity {
        Identity(x_wing::PrivateKey::new([seed; 32]))
    }

    fn text(identity: &Identity) -> String {
        bech32_encode(Hrp::parse_unchecked(IDENTITY), &identity.0.to_bytes()).to_uppercase()
    }

    fn file_key() -> FileKey {
        FileKey::new(Box::new([7; FILE_KEY_BYTES]))
    }

    fn wrapped(recipient: &Recipient) -> Stanza {
        recipient.wrap_file_key(&file_key()).unwrap().0.remove(0)
    }

    #[test]
    fn texts_round_trip_and_tell_a_wrong_letter() {
        let identity = identity(1);
        let read = Identity::parse(&text(&identity)).unwrap();
        let recipient = read.to_public().to_string();
        assert!(recipient.starts_with("age1pq1") && recipient.len() > 1900);
        assert!(Recipient::parse(&recipient).unwrap() == identity.to_public());
        for wrong in [
            recipient.replace("age1pq1", "age1pr1"),
            recipient[..recipient.len() - 1].to_owned(),
            recipient.to_uppercase(),
            "age1pq1".to_owned(),
            bech32_encode(Hrp::parse_unchecked(RECIPIENT), &[0xFF; 1216]),
        ] {
            assert!(Recipient::parse(&wrong).is_none(), "{wrong}");
        }
        let secret = text(&identity);
        for wrong in [secret.to_lowercase(), secret.replace("PQ-1", "PQ-1Q"), String::new()] {
            assert!(Identity::parse(&wrong).is_none());
        }
    }

    #[test]
    fn what_is_wrapped_unwraps_for_its_identity_only() {
        let stanza = wrapped(&identity(1).to_public());
        let opened = identity(1).unwrap_stanza(&stanza).unwrap().unwrap();
        assert_eq!(opened.expose_secret(), file_key().expose_secret());
        assert!(identity(2).unwrap_stanza(&stanza).is_none());
    }

    #[test]
    fn an_altered_stanza_does_not_open() {
        let stanza = || wrapped(&identity(1).to_public());
        let open = |stanza: &Stanza| identity(1).unwrap_stanza(stanza);
        let mut body = stanza();
        body.body[3] ^= 1;
        assert!(open(&body).is_none());
        for at in [0, 700, 1459] {
            let mut sent = stanza();
            let other = if &sent.args[0][at..=at] == "A" { "B" } else { "A" };
            sent.args[0].replace_range(at..=at, other);
            assert!(open(&sent).is_none(), "{at}");
        }
        let mut malformed = [stanza(), stanza(), stanza(), stanza()];
        malformed[0].args[0].push('A');
        malformed[1].args.push("x".to_owned());
        malformed[2].args.clear();
        malformed[3].body.push(0);
        for stanza in &malformed {
            assert!(matches!(open(stanza), Some(Err(DecryptError::InvalidHeader))));
        }
        let mut foreign = stanza();
        foreign.tag = "X25519".to_owned();
        assert!(open(&foreign).is_none());
    }

    #[test]
    fn recipients_carry_the_label_that_keeps_weaker_ones_out() {
        let (_, labels) = identity(1).to_public().wrap_file_key(&file_key()).unwrap();
        assert_eq!(labels, HashSet::from(["postquantum".to_owned()]));
        let weak = age::x25519::Identity::generate().to_public();
        let strong = identity(1).to_public();
        let both: [&dyn age::Recipient; 2] = [&weak, &strong];
        assert!(matches!(
            age::Encryptor::with_recipients(both.into_iter()),
            Err(EncryptError::IncompatibleRecipients { .. })
        ));
    }
}
