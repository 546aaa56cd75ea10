//! What names a sealing key.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest as _, Sha256};

/// The SHA-256 fingerprint of an RSA public key as OpenSSH prints it (`SHA256:…`), by which sealed-secrets names its keys.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Of the public key with these big-endian numbers; leading zero bytes do not count.
    pub(crate) fn of_rsa(modulus: &[u8], exponent: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(string(b"ssh-rsa"));
        hash.update(string(&positive(exponent)));
        hash.update(string(&positive(modulus)));
        Self(format!("SHA256:{}", STANDARD_NO_PAD.encode(hash.finalize())))
    }

    /// `SHA256:` and 43 characters of base64.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A `string` of RFC 4251: its length in four bytes, then the bytes.
fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], bytes].concat()
}

/// An `mpint` of RFC 4251 without its length: no needless zero bytes in front, but one where the number would look negative.
fn positive(number: &[u8]) -> Vec<u8> {
    let digits = &number[number.iter().take_while(|byte| **byte == 0).count()..];
    match digits.first() {
        Some(first) if *first >= 0x80 => [&[0], digits].concat(),
        _ => digits.to_vec(),
    }
}
