//! The public half of a sealing key, as X.509.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, PublicEncryptingKey};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use jiff::Timestamp;
use rand::TryRng as _;
use rand::rngs::SysRng;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyUsagePurpose,
    PKCS_RSA_SHA256, PublicKeyData, SerialNumber, SignatureAlgorithm, SigningKey,
};
use thiserror::Error;
use x509_parser::pem::Pem;

use super::private_key::fingerprint_of;
use super::{Fingerprint, SealingKey};

/// 9999-12-31T23:59:59Z, in seconds since 1970.
const LAST_SECOND: u64 = 253_402_300_799;

/// The certificate that values are sealed with.
#[derive(Clone)]
pub struct SealingCertificate {
    public: PublicEncryptingKey,
    fingerprint: Fingerprint,
    not_before: Timestamp,
    not_after: Timestamp,
    pem: String,
}

impl SealingCertificate {
    /// Reads the first block `CERTIFICATE` of a PEM text, as kubeseal does; its key must be RSA. The time is not looked at.
    pub fn from_pem(pem: &[u8]) -> Result<Self, CertificateError> {
        let block = Pem::iter_from_buffer(pem)
            .filter_map(Result::ok)
            .find(|block| block.label == "CERTIFICATE")
            .ok_or(CertificateError::NoPem)?;
        let certificate = block.parse_x509().map_err(|_| CertificateError::NotX509)?;
        let public = PublicEncryptingKey::from_der(certificate.public_key().raw)
            .map_err(|_| CertificateError::NotRsa)?;
        // X.509 says "for ever" with the last second of the year 9999, which is behind the last that jiff knows.
        let time = |time: x509_parser::time::ASN1Time| {
            let seconds = time.timestamp();
            let end = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
            Timestamp::from_second(seconds).unwrap_or(end)
        };
        Ok(Self {
            fingerprint: fingerprint_of(&public).ok_or(CertificateError::NotRsa)?,
            public,
            not_before: time(certificate.validity().not_before),
            not_after: time(certificate.validity().not_after),
            pem: encode(&block.contents),
        })
    }

    /// Makes the certificate of a new key as sealed-secrets makes it: signed by itself, valid from `now` for `valid_for`.
    /// An empty `common_name` gives an empty subject.
    pub fn self_signed(
        key: &SealingKey,
        common_name: &str,
        now: Timestamp,
        valid_for: Duration,
    ) -> Result<Self, CertificateError> {
        let mut serial = [0; 16];
        SysRng.try_fill_bytes(&mut serial).map_err(|_| CertificateError::Generation)?;
        let since_1970 =
            u64::try_from(now.as_second()).map_err(|_| CertificateError::Generation)?;
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.distinguished_name = DistinguishedName::new();
        if !common_name.is_empty() {
            params.distinguished_name.push(DnType::CommonName, common_name);
        }
        // X.509 ends with the year 9999; whoever asks for more gets that.
        let valid_for = valid_for.as_secs().min(LAST_SECOND.saturating_sub(since_1970));
        params.not_before = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(since_1970);
        params.not_after = params.not_before + Duration::from_secs(valid_for);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::EncipherOnly];
        let signer = Signer::of(key).ok_or(CertificateError::Generation)?;
        let certificate = params.self_signed(&signer).map_err(|_| CertificateError::Generation)?;
        Self::from_pem(certificate.pem().as_bytes())
    }

    /// Whether this is the certificate of that private key.
    pub fn belongs_to(&self, key: &SealingKey) -> bool {
        self.fingerprint == *key.fingerprint()
            && fingerprint_of(key.public_key()).as_ref() == Some(&self.fingerprint)
    }

    /// What names the key pair.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// From when on it counts; a certificate from the future must not seal.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Until when kubeseal seals with it. Private keys open for ever.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The certificate alone in PEM, whatever stood around it.
    pub fn to_pem(&self) -> &str {
        &self.pem
    }

    pub(super) fn public_key(&self) -> &PublicEncryptingKey {
        &self.public
    }
}

impl fmt::Debug for SealingCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingCertificate({}, until {})", self.fingerprint, self.not_after)
    }
}

/// Why there is no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// No PEM block `CERTIFICATE`; a public key alone is none either.
    #[error("there is no certificate in PEM form")]
    NoPem,
    /// A block that holds something else.
    #[error("the certificate cannot be read as X.509")]
    NotX509,
    /// A key that the format has no use for.
    #[error("the certificate's key is no RSA key of 2048 to 8192 bits")]
    NotRsa,
    /// No randomness, or a time before 1970.
    #[error("no certificate could be made")]
    Generation,
}

/// Signs with the sealing key. rcgen's own key pair would keep a copy of the private key that nobody wipes.
struct Signer {
    pair: KeyPair,
    public: Vec<u8>,
}

impl Signer {
    fn of(key: &SealingKey) -> Option<Self> {
        let pair = KeyPair::from_pkcs8(key.pkcs8()).ok()?;
        let public = pair.public_key().as_ref().to_vec();
        Some(Self { pair, public })
    }
}

impl PublicKeyData for Signer {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

impl SigningKey for Signer {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| rcgen::Error::RemoteKeyError)?;
        Ok(signature)
    }
}

fn encode(der: &[u8]) -> String {
    use base64::Engine as _;
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = body
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap_or_default())
        .collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
