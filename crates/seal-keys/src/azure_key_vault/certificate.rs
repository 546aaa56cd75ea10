//! Logging in to Azure with a certificate: an assertion that its key signs.
//!
//! `azure_identity` can do it with OpenSSL only. The form is that of Microsoft's "certificate credentials": a JWT with
//! `PS256`, the certificate's SHA-256 as `x5t#S256`.

use std::fmt;
use std::fs;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PSS_SHA256, RsaKeyPair};
use azure_core::error::{Error, ErrorKind};
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use zeroize::Zeroizing;

/// How long an assertion can be used; each login makes a new one.
const LIFETIME: Duration = Duration::from_secs(600);

/// A certificate with its key.
pub(super) struct Certificate {
    key: RsaKeyPair,
    header: String,
    audience: String,
    client_id: String,
}

impl Certificate {
    /// From a file in PEM that holds both. `with_chain` sends the certificates along, which Azure wants of applications
    /// that trust an issuer instead of a certificate.
    ///
    /// # Errors
    ///
    /// What is wrong with the file, without a word of what is in it.
    pub(super) fn read(
        path: &Path,
        with_chain: bool,
        audience: String,
        client_id: String,
    ) -> Result<Self, String> {
        let text =
            fs::read_to_string(path).map(Zeroizing::new).map_err(|error| match error.kind() {
                std::io::ErrorKind::InvalidData => "not PEM; PKCS #12 is not supported".to_owned(),
                std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
                kind => kind.to_string(),
            })?;
        let certificates: Vec<_> = blocks(&text, "CERTIFICATE").collect();
        let first = certificates.first().ok_or("it holds no certificate in PEM")?;
        let key =
            match (blocks(&text, "PRIVATE KEY").next(), blocks(&text, "RSA PRIVATE KEY").next()) {
                (Some(key), _) => RsaKeyPair::from_pkcs8(&key),
                (None, Some(key)) => RsaKeyPair::from_der(&key),
                (None, None) => {
                    return Err("it holds no private key in PEM without a password".to_owned());
                }
            };
        let key = key.map_err(|_| "its private key is not one of RSA")?;
        let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, first));
        let mut header = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint });
        if with_chain {
            let chain =
                certificates.iter().map(|certificate| STANDARD.encode(certificate.as_slice()));
            header["x5c"] = chain.collect();
        }
        Ok(Self { key, header: part(&header), audience, client_id })
    }

    fn assertion(&self) -> Option<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let claims = part(&json!({
            "aud": self.audience,
            "iss": self.client_id,
            "sub": self.client_id,
            "jti": format!("{:032x}", rand::random::<u128>()),
            "nbf": now.as_secs(),
            "exp": (now + LIFETIME).as_secs(),
        }));
        let text = format!("{}.{claims}", self.header);
        let mut signature = vec![0; self.key.public_modulus_len()];
        let random = SystemRandom::new();
        self.key.sign(&RSA_PSS_SHA256, &random, text.as_bytes(), &mut signature).ok()?;
        Some(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

type Secret<'a> = Pin<Box<dyn Future<Output = azure_core::Result<String>> + Send + 'a>>;

impl ClientAssertion for Certificate {
    fn secret<'s, 'o, 'a>(&'s self, _: Option<ClientMethodOptions<'o>>) -> Secret<'a>
    where
        's: 'a,
        'o: 'a,
        Self: 'a,
    {
        let failed =
            || Error::with_message(ErrorKind::Credential, "the certificate's key cannot sign");
        let assertion = self.assertion().ok_or_else(failed);
        Box::pin(async { assertion })
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate(<redacted>)")
    }
}

fn part(json: &serde_json::Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

/// The blocks with this label, in order; one that is no Base64 counts as none.
fn blocks<'t>(text: &'t str, label: &str) -> impl Iterator<Item = Zeroizing<Vec<u8>>> + 't {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, from) = rest.split_once(&begin)?;
        let (body, after) = from.split_once(&end)?;
        rest = after;
        let body: Zeroizing<String> =
            Zeroizing::new(body.chars().filter(|c| !c.is_ascii_whitespace()).collect());
        STANDARD.decode(body.as_bytes()).ok().map(Zeroizing::new)
    })
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{KeyPair, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    const FILE: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/azure-key-vault/certificate.pem"
    );

    fn certificate(with_chain: bool) -> Certificate {
        let audience = "https://login/t/oauth2/v2.0/token".to_owned();
        Certificate::read(Path::new(FILE), with_chain, audience, "app".to_owned()).unwrap()
    }

    #[test]
    fn an_assertion_is_signed_by_the_key_of_the_certificate() {
        for with_chain in [false, true] {
            let certificate = certificate(with_chain);
            let assertion = certificate.assertion().unwrap();
            let (text, signature) = assertion.rsplit_once('.').unwrap();
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
            UnparsedPublicKey::new(
                &RSA_PSS_2048_8192_SHA256,
                certificate.key.public_key().as_ref(),
            )
            .verify(text.as_bytes(), &signature)
            .unwrap();
            let parts: Vec<serde_json::Value> = text
                .split('.')
                .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
                .collect();
            assert_eq!(parts[0]["alg"], "PS256");
            // As `openssl x509 -fingerprint -sha256` says of the file.
            assert_eq!(parts[0]["x5t#S256"], "wPI1Cvl6_nQo8bBNbtJEdbAjH8Xr7pVb42LdF5Wq0Rk");
            assert_eq!(parts[0].get("x5c").is_some(), with_chain);
            assert_eq!((&parts[1]["iss"], &parts[1]["sub"]), (&"app".into(), &"app".into()));
            assert_eq!(parts[1]["aud"], "https://login/t/oauth2/v2.0/token");
            let time = |name: &str| parts[1][name].as_u64().unwrap();
            assert_eq!(time("exp") - time("nbf"), 600);
        }
        let jti = |assertion: String| assertion.split('.').nth(1).map(str::to_owned);
        let certificate = certificate(false);
        assert_ne!(jti(certificate.assertion().unwrap()), jti(certificate.assertion().unwrap()));
    }

    #[test]
    fn a_file_that_cannot_be_used_is_not_shown() {
        let directory = tempfile::tempdir().unwrap();
        let whole = fs::read_to_string(FILE).unwrap();
        let no_key = whole.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        for (text, says) in [
            (b"HUNTER2".to_vec(), "no certificate in PEM"),
            (vec![0xff, 0xfe], "PKCS #12"),
            (no_key.into_bytes(), "no private key in PEM without a password"),
            (whole.replace("MII", "MIx").into_bytes(), ""),
        ] {
            let path = directory.path().join("c.pem");
            fs::write(&path, text).unwrap();
            let error = Certificate::read(&path, false, String::new(), String::new()).unwrap_err();
            assert!(error.contains(says) && !error.contains("HUNTER2"), "{error}");
        }
    }
}
