//! SOPS's MAC: a hash over the values in file order, encrypted like a value.
//!
//! It covers neither keys nor structure nor metadata; the [`binding`](super::binding) does.

use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::cipher::{Cipher, CipherError, EncText, EncTextError, ValueType};
use crate::document::Timestamp;

/// Hashes the values of all documents of an envelope, one after the other.
#[derive(Clone)]
pub struct MacHasher(Sha512);

impl MacHasher {
    /// Starts a hash. With `mac_only_encrypted` the caller feeds the encrypted leaves only.
    pub fn new(mac_only_encrypted: bool) -> Self {
        let mut hash = Sha512::new();
        if mac_only_encrypted {
            // SOPS's way to keep the two kinds of MAC apart.
            hash.update(Sha256::digest(b"sops"));
        }
        Self(hash)
    }

    /// Adds a leaf in its canonical form ([`Value::canonical`](crate::document::Value::canonical)). Comments are left out.
    pub fn update(&mut self, value: &[u8]) {
        self.0.update(value);
    }

    /// Returns 128 upper-case hexadecimal digits. They are as secret as the values: a guess can be tried on them.
    pub fn finish(self) -> Zeroizing<String> {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        let hash = Zeroizing::new(<[u8; 64]>::from(self.0.finalize()));
        let mut hex = Zeroizing::new(String::with_capacity(HEX_LENGTH));
        for byte in hash.iter() {
            hex.push(char::from(DIGITS[usize::from(byte >> 4)]));
            hex.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        hex
    }
}

impl std::fmt::Debug for MacHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MacHasher(<redacted>)")
    }
}

/// Why there is no MAC to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MacError {
    /// The envelope has none.
    #[error("the envelope has no mac")]
    Missing,
    /// The date that authenticates it cannot be read.
    #[error("lastmodified is no RFC 3339 date")]
    LastModified,
    /// It is no encrypted value.
    #[error("mac is not an encrypted value")]
    Text(#[source] EncTextError),
    /// It does not open.
    #[error("mac does not open")]
    Closed(#[source] CipherError),
    /// It opens, but holds no SHA-512 hash.
    #[error("mac does not hold a hash")]
    Content,
}

/// The date of an envelope as it authenticates the MAC: RFC 3339 in whole seconds, offset kept. `None` if it is no date.
pub fn aad_of_last_modified(last_modified: &str) -> Option<String> {
    Some(Timestamp::parse_rfc3339(last_modified)?.whole_seconds().to_rfc3339())
}

/// Encrypts a MAC for the `mac` of an envelope with that `lastmodified`.
///
/// # Errors
///
/// [`MacError::LastModified`].
pub fn seal_mac(
    cipher: &Cipher,
    iv: &[u8; 32],
    last_modified: &str,
    hex: &str,
) -> Result<String, MacError> {
    let aad = aad_of_last_modified(last_modified).ok_or(MacError::LastModified)?;
    Ok(cipher.encrypt(iv, aad.as_bytes(), ValueType::Str, hex.as_bytes()))
}

/// Opens the `mac` of an envelope with that `lastmodified`.
///
/// # Errors
///
/// Unless it is an encrypted value of type `str`, with nothing but a line break behind it, that holds a hash.
pub fn open_mac(cipher: &Cipher, mac: &str, last_modified: &str) -> Result<OpenedMac, MacError> {
    if mac.is_empty() {
        return Err(MacError::Missing);
    }
    let aad = aad_of_last_modified(last_modified).ok_or(MacError::LastModified)?;
    let text = EncText::parse(mac).map_err(MacError::Text)?;
    if !matches!(text.tail(), "" | "\n" | "\r\n") {
        return Err(MacError::Text(EncTextError::Shape));
    }
    let hex = cipher.decrypt(&text, aad.as_bytes()).map_err(MacError::Closed)?;
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
    let is_hash = hex.len() == HEX_LENGTH && hex.iter().all(is_digit);
    match std::str::from_utf8(&hex) {
        Ok(hex) if is_hash && text.value_type() == ValueType::Str => {
            Ok(OpenedMac { iv: text.iv().to_vec(), hex: Zeroizing::new(hex.to_owned()) })
        }
        _ => Err(MacError::Content),
    }
}

/// The MAC that an envelope carries, authentic as such.
#[derive(Clone)]
pub struct OpenedMac {
    iv: Vec<u8>,
    hex: Zeroizing<String>,
}

impl OpenedMac {
    /// Its nonce, which may be a [`binding`](super::binding).
    pub fn iv(&self) -> &[u8] {
        &self.iv
    }

    /// The hash, 128 upper-case hexadecimal digits.
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// Compares with the hash of the values as they are, in constant time.
    pub fn matches(&self, computed: &str) -> bool {
        self.hex.as_bytes().ct_eq(computed.as_bytes()).into()
    }
}

impl std::fmt::Debug for OpenedMac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenedMac(<redacted>)")
    }
}

const HEX_LENGTH: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::DataKey;

    const DATE: &str = "2019-12-10T22:45:55Z";

    fn cipher() -> Cipher {
        Cipher::new(&DataKey::new([3; 32]))
    }

    fn hash(values: &[&str]) -> Zeroizing<String> {
        let mut hasher = MacHasher::new(false);
        values.iter().for_each(|value| hasher.update(value.as_bytes()));
        hasher.finish()
    }

    fn sealed(value_type: ValueType, plaintext: &str) -> String {
        cipher().encrypt(&[1; 32], DATE.as_bytes(), value_type, plaintext.as_bytes())
    }

    #[test]
    fn hash_is_upper_case_sha512_of_the_values_in_order() {
        // `printf abc | sha512sum`
        let abc = "DDAF35A193617ABACC417349AE20413112E6FA4E89A97EA20A9EEEE64B55D39A\
                   2192992A274FC1A836BA3C23A3FEEBBD454D4423643CE80E2A9AC94FA54CA49F";
        assert_eq!(*hash(&["ab", "", "c"]), abc);
        assert_ne!(*hash(&["b", "a", "c"]), abc);
    }

    #[test]
    fn hash_of_encrypted_leaves_only_starts_differently() {
        let mut only_encrypted = MacHasher::new(true);
        only_encrypted.update(b"abc");
        assert_ne!(*only_encrypted.finish(), *hash(&["abc"]));
    }

    #[test]
    fn what_is_sealed_opens_and_matches() {
        let hex = hash(&["a"]);
        let mac = seal_mac(&cipher(), &[9; 32], DATE, &hex).unwrap();
        let opened = open_mac(&cipher(), &(mac + "\n"), DATE).unwrap();
        assert_eq!(opened.iv(), [9; 32]);
        assert_eq!(opened.hex(), *hex);
        assert!(opened.matches(&hex));
        assert!(!opened.matches(&hash(&["b"])));
        assert!(!opened.matches(""));
    }

    #[test]
    fn the_spelling_of_the_date_does_not_matter_but_the_date_does() {
        let mac = seal_mac(&cipher(), &[9; 32], "2019-12-10T22:45:55.5+00:00", &hash(&[])).unwrap();
        assert!(open_mac(&cipher(), &mac, DATE).is_ok());
        let error = open_mac(&cipher(), &mac, "2019-12-10T22:45:56Z").unwrap_err();
        assert_eq!(error, MacError::Closed(CipherError::Authentication));
        assert_eq!(open_mac(&cipher(), &mac, "yesterday").unwrap_err(), MacError::LastModified);
        let unsealed = seal_mac(&cipher(), &[9; 32], "", &hash(&[]));
        assert_eq!(unsealed.unwrap_err(), MacError::LastModified);
    }

    #[test]
    fn the_offset_of_the_date_is_kept() {
        let date = aad_of_last_modified("2019-12-10T22:45:55.7+02:00");
        assert_eq!(date.as_deref(), Some("2019-12-10T22:45:55+02:00"));
    }

    #[test]
    fn rejects_a_missing_mac() {
        assert_eq!(open_mac(&cipher(), "", DATE).unwrap_err(), MacError::Missing);
    }

    #[test]
    fn rejects_a_mac_in_clear() {
        let error = open_mac(&cipher(), &hash(&["a"]), DATE).unwrap_err();
        assert_eq!(error, MacError::Text(EncTextError::Shape));
    }

    #[test]
    fn rejects_text_behind_the_mac() {
        let mac = sealed(ValueType::Str, &hash(&["a"])) + " x";
        assert!(matches!(open_mac(&cipher(), &mac, DATE), Err(MacError::Text(_))));
    }

    #[test]
    fn rejects_anything_but_a_hash_of_type_str() {
        let hex = hash(&["a"]);
        let cases = [
            sealed(ValueType::Comment, &hex),
            sealed(ValueType::Bytes, &hex),
            sealed(ValueType::Str, &hex.to_lowercase()),
            sealed(ValueType::Str, &hex[1..]),
            sealed(ValueType::Str, "x"),
        ];
        for mac in cases {
            assert_eq!(open_mac(&cipher(), &mac, DATE).unwrap_err(), MacError::Content);
        }
    }

    #[test]
    fn debug_shows_no_hash() {
        let mac = sealed(ValueType::Str, &hash(&["a"]));
        let opened = open_mac(&cipher(), &mac, DATE).unwrap();
        assert_eq!(format!("{opened:?}"), "OpenedMac(<redacted>)");
        assert_eq!(format!("{:?}", MacHasher::new(false)), "MacHasher(<redacted>)");
    }
}
