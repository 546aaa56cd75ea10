//! `ENC[…]` values: AES-256-GCM under the data key, with the path of the value as additional data.

use std::fmt;

use aes_gcm::aead::array::Array;
use aes_gcm::aead::consts::U32;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::aes::Aes256;
use zeroize::Zeroizing;

use crate::document::PathElement;
use crate::secret::DataKey;

pub mod decode;
pub mod enc_text;
mod odd_nonce;

pub use decode::{DecodeError, decode};
pub use enc_text::{EncText, EncTextError, is_enc_text};

/// The type that an ENC text carries for its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// `str`
    Str,
    /// `int`
    Int,
    /// `float`
    Float,
    /// `bool`
    Bool,
    /// `time`
    Time,
    /// `bytes`, only ever read
    Bytes,
    /// `comment`
    Comment,
}

impl ValueType {
    /// Its name in an ENC text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Str => "str",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Time => "time",
            Self::Bytes => "bytes",
            Self::Comment => "comment",
        }
    }

    /// The type of that name.
    #[allow(clippy::should_implement_trait, reason = "an unknown name is no error by itself")]
    pub fn from_str(name: &str) -> Option<Self> {
        [Self::Str, Self::Int, Self::Float, Self::Bool, Self::Time, Self::Bytes, Self::Comment]
            .into_iter()
            .find(|value_type| value_type.as_str() == name)
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a value stays closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CipherError {
    /// Another data key, another path, or altered bytes: GCM cannot tell which.
    #[error("the value does not belong to this data key and this path, or has been altered")]
    Authentication,
}

/// A data key made ready for many values; may be shared by threads.
pub struct Cipher {
    aes: Aes256,
    gcm: Gcm,
}

/// SOPS writes nonces of 32 bytes.
type Gcm = aes_gcm::AesGcm<Aes256, U32>;

impl Cipher {
    /// Expands the key, once for all values.
    pub fn new(data_key: &DataKey) -> Self {
        let aes = Aes256::new(&Array::from(*data_key.expose()));
        Self { gcm: Gcm::from(aes.clone()), aes }
    }

    /// Returns the ENC text of a value.
    ///
    /// The `iv` must not have been used under this data key for another pair of plaintext and additional data. An empty
    /// plaintext has no ENC text that SOPS can read: callers leave empty values in clear.
    pub fn encrypt(
        &self,
        iv: &[u8; 32],
        aad: &[u8],
        value_type: ValueType,
        plaintext: &[u8],
    ) -> String {
        debug_assert!(!plaintext.is_empty(), "empty values are not encrypted");
        let mut buffer = plaintext.to_vec();
        let tag = self
            .gcm
            .encrypt_inout_detached(&Array::from(*iv), aad, buffer.as_mut_slice().into())
            .expect("values are far below GCM's limit of 64 GiB");
        enc_text::write(&buffer, iv, &tag.into(), value_type)
    }

    /// Returns the plaintext.
    ///
    /// # Errors
    ///
    /// [`CipherError::Authentication`] unless this very text was made with this data key and this additional data.
    pub fn decrypt(
        &self,
        text: &EncText<'_>,
        aad: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CipherError> {
        let mut buffer = Zeroizing::new(text.ciphertext().to_vec());
        let authentic = match <[u8; 32]>::try_from(text.iv()) {
            Ok(iv) => self
                .gcm
                .decrypt_inout_detached(
                    &Array::from(iv),
                    aad,
                    buffer.as_mut_slice().into(),
                    &Array::from(*text.tag()),
                )
                .is_ok(),
            Err(_) => odd_nonce::decrypt(&self.aes, text.iv(), aad, &mut buffer, text.tag()),
        };
        if authentic { Ok(buffer) } else { Err(CipherError::Authentication) }
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher(<redacted>)")
    }
}

/// Returns the additional data of a value: the keys of its path, each followed by `:`. Indices do not count; without any
/// key it is `:`. A comment takes the path of its container.
///
/// Keys go in as they are, so `a:` below `b` and `b` below `a` can have the same additional data; the binding
/// (`envelope::binding`) has no such gap.
pub fn aad_of_path(path: &[PathElement]) -> String {
    let mut aad = String::new();
    for element in path {
        if let PathElement::Key(key) = element {
            aad.push_str(key);
            aad.push(':');
        }
    }
    if aad.is_empty() {
        aad.push(':');
    }
    aad
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    use super::*;

    fn cipher() -> Cipher {
        Cipher::new(&DataKey::new([7; 32]))
    }

    fn path(elements: &[&str]) -> Vec<PathElement> {
        let element = |text: &&str| match text.parse() {
            Ok(index) => PathElement::Index(index),
            Err(_) => PathElement::Key((*text).into()),
        };
        elements.iter().map(element).collect()
    }

    #[test]
    fn additional_data_leaves_indices_out() {
        assert_eq!(aad_of_path(&path(&["list", "0", "key"])), "list:key:");
        assert_eq!(aad_of_path(&path(&["list", "0", "1"])), "list:");
        assert_eq!(aad_of_path(&path(&["foo "])), "foo :");
        assert_eq!(aad_of_path(&path(&["a:b", "c"])), "a:b:c:");
    }

    #[test]
    fn additional_data_of_the_root_is_a_colon() {
        assert_eq!(aad_of_path(&[]), ":");
        assert_eq!(aad_of_path(&path(&["3"])), ":");
        assert_eq!(aad_of_path(&path(&[""])), ":");
    }

    #[test]
    fn every_type_is_found_by_its_name() {
        for name in ["str", "int", "float", "bool", "time", "bytes", "comment"] {
            assert_eq!(ValueType::from_str(name).map(ValueType::as_str), Some(name));
        }
        assert_eq!(ValueType::from_str("STR"), None);
    }

    #[test]
    fn rejects_a_value_moved_to_another_key() {
        let text = cipher().encrypt(&[1; 32], b"a:", ValueType::Str, b"x");
        let text = EncText::parse(&text).unwrap();
        assert!(cipher().decrypt(&text, b"a:").is_ok());
        assert_eq!(cipher().decrypt(&text, b"b:").unwrap_err(), CipherError::Authentication);
    }

    #[test]
    fn rejects_another_data_key() {
        let text = cipher().encrypt(&[1; 32], b"a:", ValueType::Str, b"x");
        let other = Cipher::new(&DataKey::new([8; 32]));
        assert!(other.decrypt(&EncText::parse(&text).unwrap(), b"a:").is_err());
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", cipher()), "Cipher(<redacted>)");
    }

    #[test]
    fn is_shared_by_threads() {
        fn shared<T: Sync + Send>() {}
        shared::<Cipher>();
    }

    proptest! {
        #[test]
        fn decrypting_gives_the_plaintext_back(
            plaintext in prop::collection::vec(any::<u8>(), 1..200),
            aad in ".{0,20}",
            iv in any::<[u8; 32]>(),
        ) {
            let text = cipher().encrypt(&iv, aad.as_bytes(), ValueType::Int, &plaintext);
            let text = EncText::parse(&text).unwrap();
            prop_assert_eq!(text.iv(), &iv);
            prop_assert_eq!(text.value_type(), ValueType::Int);
            prop_assert_eq!(&*cipher().decrypt(&text, aad.as_bytes()).unwrap(), &plaintext);
        }

        #[test]
        fn rejects_any_flipped_bit(part in 0..3usize, bit in 0..128usize) {
            let text = cipher().encrypt(&[5; 32], b":", ValueType::Str, b"sixteen bytes of");
            let text = EncText::parse(&text).unwrap();
            let mut parts =
                [text.ciphertext().to_vec(), text.iv().to_vec(), text.tag().to_vec()];
            parts[part][bit / 8] ^= 1 << (bit % 8);
            let [data, iv, tag] = parts;
            let altered = enc_text::write(&data, &iv, &tag.try_into().unwrap(), ValueType::Str);
            let altered = EncText::parse(&altered).unwrap();
            prop_assert_eq!(cipher().decrypt(&altered, b":").unwrap_err(), CipherError::Authentication);
        }
    }
}
