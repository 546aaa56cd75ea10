//! The private half of a sealing key.

use std::fmt;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{
    KeyPair, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey,
    PublicEncryptingKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seal_core::secret::{DataKey, SecretBytes};
use thiserror::Error;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;
use zeroize::Zeroizing;

use super::{Fingerprint, Label, SealedValue};

/// How many bits the modulus of a new sealing key has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeySize {
    /// 2048 bits.
    Rsa2048,
    /// 3072 bits.
    Rsa3072,
    /// 4096 bits, what sealed-secrets makes unless told otherwise.
    #[default]
    Rsa4096,
    /// 8192 bits.
    Rsa8192,
}

impl KeySize {
    /// The size with this many bits, if it is offered.
    pub fn of_bits(bits: u32) -> Option<Self> {
        match bits {
            2048 => Some(Self::Rsa2048),
            3072 => Some(Self::Rsa3072),
            4096 => Some(Self::Rsa4096),
            8192 => Some(Self::Rsa8192),
            _ => None,
        }
    }
}

/// Opens what was sealed with the certificate of the same key pair. The RSA key lives in aws-lc, which wipes it.
pub struct SealingKey {
    oaep: OaepPrivateDecryptingKey,
    public: PublicEncryptingKey,
    pkcs8: Zeroizing<Vec<u8>>,
    fingerprint: Fingerprint,
}

impl SealingKey {
    /// Reads the first private key of a PEM text: PKCS#1 (`RSA PRIVATE KEY`) or PKCS#8 (`PRIVATE KEY`), RSA of 2048 to 8192 bits.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let text = std::str::from_utf8(pem).map_err(|_| KeyError::NoPem)?;
        let (kind, der) = first_private_key(text)?;
        match kind {
            "RSA PRIVATE KEY" => {
                let pair = KeyPair::from_der(&der).map_err(|_| KeyError::NotRsa)?;
                let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::NotRsa)?;
                Self::from_pkcs8(pkcs8.as_ref())
            }
            _ => Self::from_pkcs8(&der),
        }
    }

    /// Makes a new one; takes seconds for the larger sizes.
    pub fn generate(size: KeySize) -> Result<Self, KeyError> {
        let size = match size {
            KeySize::Rsa2048 => aws_lc_rs::rsa::KeySize::Rsa2048,
            KeySize::Rsa3072 => aws_lc_rs::rsa::KeySize::Rsa3072,
            KeySize::Rsa4096 => aws_lc_rs::rsa::KeySize::Rsa4096,
            KeySize::Rsa8192 => aws_lc_rs::rsa::KeySize::Rsa8192,
        };
        let key = PrivateDecryptingKey::generate(size).map_err(|_| KeyError::Generation)?;
        let pkcs8: Pkcs8V1Der<'_> = key.as_der().map_err(|_| KeyError::Generation)?;
        Self::from_pkcs8(pkcs8.as_ref())
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let key = PrivateDecryptingKey::from_pkcs8(der).map_err(|_| KeyError::NotRsa)?;
        let public = key.public_key();
        let fingerprint = fingerprint_of(&public).ok_or(KeyError::NotRsa)?;
        let oaep = OaepPrivateDecryptingKey::new(key).map_err(|_| KeyError::NotRsa)?;
        Ok(Self { oaep, public, pkcs8: Zeroizing::new(der.to_vec()), fingerprint })
    }

    /// What names this key pair.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The size of its modulus in bytes.
    pub fn modulus_bytes(&self) -> usize {
        self.oaep.key_size_bytes()
    }

    /// The key as sealed-secrets keeps it in `tls.key`: PKCS#1 in PEM.
    pub fn to_pem(&self) -> Result<SecretBytes, KeyError> {
        let pkcs1 = pkcs1_of(&self.pkcs8).ok_or(KeyError::Generation)?;
        let body = Zeroizing::new(STANDARD.encode(pkcs1));
        let mut pem = Zeroizing::new(String::with_capacity(body.len() + body.len() / 64 + 80));
        pem.push_str("-----BEGIN RSA PRIVATE KEY-----\n");
        for line in body.as_bytes().chunks(64) {
            // Base64 is ASCII, so each chunk is text.
            pem.push_str(std::str::from_utf8(line).unwrap_or_default());
            pem.push('\n');
        }
        pem.push_str("-----END RSA PRIVATE KEY-----\n");
        Ok(SecretBytes::new(pem.as_bytes().to_vec()))
    }

    /// Opens a value sealed under `label`; `None` says only that this key and label do not fit, or that the value was changed:
    /// the format cannot tell these apart. One RSA operation, about 2 ms with 4096 bits, unless the sizes differ.
    pub fn open(&self, value: &SealedValue, label: &Label) -> Option<SecretBytes> {
        match self.attempt(value, label) {
            Attempt::Opened(plaintext) => Some(plaintext),
            Attempt::Changed | Attempt::DoesNotFit => None,
        }
    }

    /// Like [`open`](Self::open), and says which of the two halves did not open.
    pub(super) fn attempt(&self, value: &SealedValue, label: &Label) -> Attempt {
        if value.modulus_bytes() != self.modulus_bytes() {
            return Attempt::DoesNotFit;
        }
        let mut buffer = Zeroizing::new(vec![0; self.oaep.min_output_size()]);
        let key = self.oaep.decrypt(
            &OAEP_SHA256_MGF1SHA256,
            value.wrapped_key(),
            &mut buffer,
            Some(label.as_bytes()),
        );
        match key {
            Ok(key) => match DataKey::from_slice(key).and_then(|key| value.decrypt(&key)) {
                Some(plaintext) => Attempt::Opened(plaintext),
                None => Attempt::Changed,
            },
            Err(_) => Attempt::DoesNotFit,
        }
    }

    pub(super) fn public_key(&self) -> &PublicEncryptingKey {
        &self.public
    }

    pub(super) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({}, <redacted>)", self.fingerprint)
    }
}

/// What came of a try.
pub(super) enum Attempt {
    /// Key and label fit, and the value is what was sealed.
    Opened(SecretBytes),
    /// Key and label fit; the rest of the value is not what was sealed with them.
    Changed,
    /// Another key, another label, or the first half of the value was changed.
    DoesNotFit,
}

/// Why there is no sealing key. Says nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// No PEM block with a private key.
    #[error("there is no private key in PEM form (`RSA PRIVATE KEY` or `PRIVATE KEY`)")]
    NoPem,
    /// A passphrase would be needed, which the format of sealed-secrets has no place for.
    #[error("the private key is encrypted with a passphrase")]
    Encrypted,
    /// Another algorithm, a broken key, or a size outside 2048 to 8192 bits.
    #[error("the private key is no RSA key of 2048 to 8192 bits")]
    NotRsa,
    /// aws-lc made no key.
    #[error("no RSA key could be made")]
    Generation,
}

/// The fingerprint of an RSA public key.
pub(super) fn fingerprint_of(public: &PublicEncryptingKey) -> Option<Fingerprint> {
    let spki: PublicKeyX509Der<'_> = public.as_der().ok()?;
    let (_, spki) = SubjectPublicKeyInfo::from_der(spki.as_ref()).ok()?;
    match spki.parsed().ok()? {
        PublicKey::RSA(rsa) => Some(Fingerprint::of_rsa(rsa.modulus, rsa.exponent)),
        _ => None,
    }
}

/// The kind and bytes of the first private key among the PEM blocks.
fn first_private_key(text: &str) -> Result<(&str, Zeroizing<Vec<u8>>), KeyError> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let (kind, after) = after.split_once("-----").ok_or(KeyError::NoPem)?;
        let (body, after) = after.split_once("-----END ").ok_or(KeyError::NoPem)?;
        rest = after;
        match kind {
            "ENCRYPTED PRIVATE KEY" => return Err(KeyError::Encrypted),
            "RSA PRIVATE KEY" | "PRIVATE KEY" if body.contains("ENCRYPTED") => {
                return Err(KeyError::Encrypted);
            }
            "RSA PRIVATE KEY" | "PRIVATE KEY" => {
                // As long as it can get from the start: what grows leaves copies behind.
                let mut packed = Zeroizing::new(Vec::with_capacity(body.len()));
                packed.extend(body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
                let mut der = Zeroizing::new(vec![0; packed.len()]);
                let length =
                    STANDARD.decode_slice(&*packed, &mut der).map_err(|_| KeyError::NoPem)?;
                der.truncate(length);
                return Ok((kind, der));
            }
            _ => {}
        }
    }
    Err(KeyError::NoPem)
}

/// The PKCS#1 key inside a PKCS#8 one of an RSA key (RFC 5958): behind the version and the algorithm stands an octet string.
/// With 2048 bits and more, both lengths take the form `82 hi lo`.
pub(crate) fn pkcs1_of(pkcs8: &[u8]) -> Option<&[u8]> {
    const ALGORITHM: &[u8] = &[
        0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
        0x01, 0x05, 0x00,
    ];
    let body = pkcs8.strip_prefix(&[0x30, 0x82])?.get(2..)?;
    let octets = body.strip_prefix(ALGORITHM)?.strip_prefix(&[0x04, 0x82])?;
    let (length, pkcs1) = octets.split_first_chunk::<2>()?;
    pkcs1.get(..usize::from(u16::from_be_bytes(*length)))
}
