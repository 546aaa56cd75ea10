//! One sealed value: `u16_be(len(C)) ‖ C ‖ G`, in base64. C is a 256-bit key for one value under RSA-OAEP (SHA-256 for hash and
//! mask, the scope's label), G is AES-256-GCM with a nonce of zeros, which is safe because no key is used twice.

use std::fmt;

use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Nonce};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use rand::TryRng as _;
use rand::rngs::SysRng;
use seal_core::secret::{DataKey, SecretBytes};
use thiserror::Error;

use super::{Label, SealingCertificate};

/// The tag of AES-GCM, which is all that is left of an empty plaintext.
const TAG_BYTES: usize = 16;
/// The smallest RSA modulus that anybody seals with, and the largest that sealed-secrets makes.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 128..=2048;

/// As Go's `StdEncoding` reads it: padding is a must, and left-over bits of the last character need not be zero.
const STANDARD: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// A value as it stands in `spec.encryptedData`. No secret: it needs a sealing key to open.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedValue {
    wrapped_key: Vec<u8>,
    ciphertext: Vec<u8>,
}

impl SealedValue {
    /// Reads base64 text (standard alphabet, padded, as sealed-secrets reads it: line breaks are passed over).
    pub fn from_base64(text: &str) -> Result<Self, MalformedValue> {
        let breaks = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let bytes = if text.as_bytes().iter().any(breaks) {
            STANDARD.decode(text.bytes().filter(|byte| !breaks(byte)).collect::<Vec<u8>>())
        } else {
            STANDARD.decode(text)
        };
        Self::from_bytes(&bytes.map_err(|_| MalformedValue::Base64)?)
    }

    /// Reads the framed bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MalformedValue> {
        let (length, rest) = bytes.split_first_chunk::<2>().ok_or(MalformedValue::TooShort)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (wrapped_key, ciphertext) =
            rest.split_at_checked(length).ok_or(MalformedValue::TooShort)?;
        if !MODULUS_BYTES.contains(&length) {
            return Err(MalformedValue::Modulus { bytes: length });
        }
        if ciphertext.len() < TAG_BYTES {
            return Err(MalformedValue::TooShort);
        }
        Ok(Self { wrapped_key: wrapped_key.to_vec(), ciphertext: ciphertext.to_vec() })
    }

    /// Seals a plaintext of any length under `label`, with a key drawn for it.
    ///
    /// # Errors
    /// When the operating system gives no randomness, or the key of the certificate does not work.
    pub fn seal(
        plaintext: &[u8],
        label: &Label,
        certificate: &SealingCertificate,
    ) -> Result<Self, SealError> {
        let mut key = zeroize::Zeroizing::new([0; 32]);
        SysRng.try_fill_bytes(&mut key[..]).map_err(|_| SealError::Randomness)?;
        let public = OaepPublicEncryptingKey::new(certificate.public_key().clone())
            .map_err(|_| SealError::PublicKey)?;
        let mut wrapped_key = vec![0; public.ciphertext_size()];
        let length = public
            .encrypt(&OAEP_SHA256_MGF1SHA256, &key[..], &mut wrapped_key, Some(label.as_bytes()))
            .map_err(|_| SealError::PublicKey)?
            .len();
        wrapped_key.truncate(length);
        let ciphertext = Aes256Gcm::new((&*key).into())
            .encrypt(&Nonce::from([0; 12]), plaintext)
            .map_err(|_| SealError::TooLong)?;
        Ok(Self { wrapped_key, ciphertext })
    }

    /// As it stands in `spec.encryptedData`.
    pub fn to_base64(&self) -> String {
        let length = u16::try_from(self.wrapped_key.len()).unwrap_or(u16::MAX);
        STANDARD.encode([&length.to_be_bytes()[..], &self.wrapped_key, &self.ciphertext].concat())
    }

    /// The size of the modulus that it was sealed with, in bytes. A key of another size need not be tried.
    pub fn modulus_bytes(&self) -> usize {
        self.wrapped_key.len()
    }

    pub(super) fn wrapped_key(&self) -> &[u8] {
        &self.wrapped_key
    }

    /// Opens the second half with the key that was in the first; `None` if it was changed.
    pub(super) fn decrypt(&self, key: &DataKey) -> Option<SecretBytes> {
        Aes256Gcm::new(key.expose().into())
            .decrypt(&Nonce::from([0; 12]), self.ciphertext.as_slice())
            .ok()
            .map(SecretBytes::new)
    }
}

impl fmt::Debug for SealedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedValue(RSA-{})", self.wrapped_key.len() * 8)
    }
}

/// What is no sealed value. Says nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Error)]
pub enum MalformedValue {
    /// Not base64, or a cut-off one.
    #[error("it is not base64")]
    Base64,
    /// Shorter than its own length says, or than any sealed value is.
    #[error("it is cut off")]
    TooShort,
    /// No RSA key has this size: not made by kubeseal or seal.
    #[error(
        "it is not in the format of sealed-secrets (its first two bytes say an RSA modulus of {bytes} bytes)"
    )]
    Modulus {
        /// The length that it begins with.
        bytes: usize,
    },
}

/// Why a value could not be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealError {
    /// The operating system gave none.
    #[error("the operating system gives no random bytes")]
    Randomness,
    /// RSA refused the certificate's key.
    #[error("the certificate's key does not encrypt")]
    PublicKey,
    /// More than AES-GCM takes, which is 64 GiB.
    #[error("the value is too long")]
    TooLong,
}
