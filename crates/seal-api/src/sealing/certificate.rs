//! The public half of a sealing key, as X.509.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::rsa::PublicEncryptingKey;
use jiff::Timestamp;
use rand::TryRng as _;
use rand::rngs::SysRng;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyUsagePurpose,
    SerialNumber,
};
use thiserror::Error;
use x509_parser::pem::Pem;

use super::private_key::fingerprint_of;
use super::{Fingerprint, SealingKey};

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
        let time = |time: x509_parser::time::ASN1Time| {
            Timestamp::from_second(time.timestamp()).map_err(|_| CertificateError::NotX509)
        };
        Ok(Self {
            fingerprint: fingerprint_of(&public).ok_or(CertificateError::NotRsa)?,
            public,
            not_before: time(certificate.validity().not_before)?,
            not_after: time(certificate.validity().not_after)?,
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
        params.not_before = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(since_1970);
        params.not_after = params.not_before + valid_for;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::EncipherOnly];
        let pkcs8 = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(
            &key.pkcs8().into(),
            &rcgen::PKCS_RSA_SHA256,
        )
        .map_err(|_| CertificateError::Generation)?;
        let certificate = params.self_signed(&pkcs8).map_err(|_| CertificateError::Generation)?;
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
