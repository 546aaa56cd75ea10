//! GCP KMS: `encrypt` and `decrypt` of a CryptoKey, over REST (Cloud KMS API v1).
//!
//! The requests are those of Google's own client for Python (google-cloud-kms 3, REST transport), recorded once:
//! `POST /v1/{name}:encrypt` with `{"plaintext"}` and `POST /v1/{name}:decrypt` with `{"ciphertext"}`, both in standard
//! Base64, and `Authorization: Bearer`. SOPS asks over gRPC unless told otherwise; the calls are the same.

mod credentials;
mod login;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use self::credentials::Credentials;
use crate::failure::{Failure, FailureKind};
use crate::rest::{self, Asked, Refusal, Rest, SecretText};
use crate::service::{KeyAccess, UnwrapError, WrapError, Wrapped};
use crate::session::Session;

/// Clients and credentials, had once.
#[derive(Debug)]
pub(crate) struct GcpKms {
    session: Arc<Session>,
    rest: Rest,
    credentials: Credentials,
}

impl GcpKms {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self { session, rest: Rest::default(), credentials: Credentials::default() }
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// The client that all calls to Google are made with.
    pub(crate) fn client(&self, asked: Asked<'_>) -> Result<&reqwest::Client, Failure> {
        self.rest.client(&self.session.environment, asked)
    }

    /// A token for all of Google's services.
    pub(crate) async fn token(
        &self,
        client: &reqwest::Client,
        asked: Asked<'_>,
    ) -> Result<Zeroizing<String>, Failure> {
        self.credentials.token(&self.session.environment, client, asked).await
    }

    pub(crate) fn access<'k>(&'k self, key: &'k MasterKey) -> Access<'k> {
        Access { provider: self, key }
    }
}

/// One key of this kind.
pub(crate) struct Access<'k> {
    provider: &'k GcpKms,
    key: &'k MasterKey,
}

#[derive(Deserialize)]
struct Encrypted {
    ciphertext: String,
    #[serde(rename = "ciphertextCrc32c")]
    checksum: Option<String>,
}

#[derive(Deserialize)]
struct Decrypted {
    plaintext: SecretText,
    #[serde(rename = "plaintextCrc32c")]
    checksum: Option<String>,
}

impl KeyAccess for Access<'_> {
    fn check(&self) -> Result<(), WrapError> {
        self.name().map(|_| ()).map_err(WrapError::from)
    }

    fn wrap(&self, secret: &SecretBytes) -> Result<Wrapped, WrapError> {
        let plaintext = Zeroizing::new(STANDARD.encode(secret.expose()));
        let request = json!({ "plaintext": *plaintext });
        let answer: Encrypted = self.ask("encrypt", &request, &plaintext, |_| None)?;
        let bytes = STANDARD.decode(&answer.ciphertext).ok().filter(|bytes| !bytes.is_empty());
        self.compare("encrypt", bytes.as_deref(), answer.checksum.as_deref())?;
        Ok(Wrapped { key: self.key.clone(), enc: answer.ciphertext })
    }

    fn unwrap(&self, enc: &str) -> Result<SecretBytes, UnwrapError> {
        // As Go's decoder has it, which reads what SOPS reads.
        let enc = enc.replace(['\r', '\n'], "");
        if enc.is_empty() || STANDARD.decode(&enc).is_err() {
            return Err(UnwrapError::Damaged { key: self.key.to_string() });
        }
        let of_another = |refusal: &Refusal| {
            (refusal.code == "INVALID_ARGUMENT").then_some(FailureKind::NotForThisKey)
        };
        let answer: Decrypted =
            self.ask("decrypt", &json!({ "ciphertext": enc }), "", of_another)?;
        let bytes = STANDARD.decode(answer.plaintext.0.as_bytes()).ok().map(Zeroizing::new);
        let bytes = bytes.as_ref().map(|bytes| bytes.as_slice());
        let bytes = self.compare("decrypt", bytes, answer.checksum.as_deref())?;
        Ok(SecretBytes::new(bytes.to_vec()))
    }
}

impl Access<'_> {
    /// `sent` is what of the body is a secret; the server might repeat it.
    fn ask<T: serde::de::DeserializeOwned>(
        &self,
        verb: &'static str,
        body: &serde_json::Value,
        sent: &str,
        kind_of: impl Fn(&Refusal) -> Option<FailureKind>,
    ) -> Result<T, Failure> {
        let name = self.name()?;
        let server = self.server(verb)?;
        let operation = format!("{verb} at {server}");
        let session = &self.provider.session;
        let asked = Asked { key: self.key, operation: &operation, secrets: &[] };
        let client = self.provider.rest.client(&session.environment, asked)?;
        let (calls, credentials) = (&session.calls, &self.provider.credentials);
        calls.run(self.key, &operation, async {
            let login = || credentials.token(&session.environment, client, asked);
            let token = calls.request(self.key, "log in to GCP", login).await?;
            let secrets = [token.as_str(), sent];
            let asked = Asked { secrets: &secrets, ..asked };
            let bearer = rest::bearer(&token).map_err(|_| {
                asked
                    .failure(FailureKind::NoCredentials, "the access token is no text for a header")
            })?;
            let address = format!("{server}/v1/{name}:{verb}");
            let request = || {
                let request = client.post(&address).header("authorization", bearer.clone());
                rest::call(asked, request.json(body), |refusal| {
                    let disabled = refusal.code == "FAILED_PRECONDITION";
                    disabled.then_some(FailureKind::Disabled).or_else(|| kind_of(refusal))
                })
            };
            calls.request(self.key, &operation, request).await
        })
    }

    /// The name, if it is one that cannot lead anywhere else in an address.
    fn name(&self) -> Result<&str, Failure> {
        let MasterKey::GcpKms { resource_id } = self.key else { return Ok("") };
        if is_resource_id(resource_id) {
            return Ok(resource_id);
        }
        let key_of_version = resource_id.split_once("/cryptoKeyVersions/").map(|(key, _)| key);
        if key_of_version.is_some_and(is_resource_id) {
            let reason = "it names a version of the key, and the service chooses that itself";
            return Err(Failure::of_name(self.key, reason)
                .hint("leave the version off: `/cryptoKeyVersions/` and what follows"));
        }
        let reason = "not a key's resource ID \
                      (projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY)";
        Err(Failure::of_name(self.key, reason)
            .hint("`gcloud kms keys list` shows the resource IDs of keys"))
    }

    /// Google's server, or the one that the user's own variables name.
    fn server(&self, verb: &'static str) -> Result<String, Failure> {
        let variable = |name: &str| rest::variable(&self.provider.session.environment, name);
        let wrong = |name: &str, form: &str| {
            Failure::new(FailureKind::Local, self.key, verb, format!("{name} is not {form}"))
                .hint(format!("correct or unset {name}"))
        };
        // Both words are SOPS's, for its two clients; there is one here.
        let kind = variable("SOPS_GCP_KMS_CLIENT_TYPE");
        if !matches!(kind.as_deref(), None | Some("grpc" | "rest")) {
            return Err(wrong("SOPS_GCP_KMS_CLIENT_TYPE", "`grpc` or `rest`"));
        }
        if let Some(endpoint) = variable("SOPS_GCP_KMS_ENDPOINT") {
            let endpoint = rest::endpoint(&endpoint);
            return endpoint.ok_or_else(|| wrong("SOPS_GCP_KMS_ENDPOINT", "an address"));
        }
        let Some(universe) = variable("SOPS_GCP_KMS_UNIVERSE_DOMAIN") else {
            return Ok("https://cloudkms.googleapis.com".to_owned());
        };
        let is_domain = |label: &str| is_word(label, "-") && !label.starts_with('-');
        if !universe.contains('.') || !universe.split('.').all(is_domain) {
            return Err(wrong("SOPS_GCP_KMS_UNIVERSE_DOMAIN", "a domain"));
        }
        Ok(format!("https://cloudkms.{universe}"))
    }

    /// The bytes of an answer, unless its checksum says that they were altered on their way.
    fn compare<'b>(
        &self,
        verb: &'static str,
        bytes: Option<&'b [u8]>,
        checksum: Option<&str>,
    ) -> Result<&'b [u8], Failure> {
        let wrong = |reason| Failure::new(FailureKind::Malformed, self.key, verb, reason);
        let bytes = bytes.ok_or_else(|| wrong("the answer holds no Base64"))?;
        match checksum {
            Some(sum) if sum.parse() != Ok(crc32c(bytes)) => {
                Err(wrong("the checksum in the answer is not that of its bytes"))
            }
            _ => Ok(bytes),
        }
    }
}

/// `projects/P/locations/L/keyRings/R/cryptoKeys/K`, of the characters that Google allows in each. A project may have a
/// domain before it: `example.com:project`.
fn is_resource_id(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let ["projects", project, "locations", location, "keyRings", ring, "cryptoKeys", key] = *parts
    else {
        return false;
    };
    let starts_well = project.starts_with(|first: char| first.is_ascii_alphanumeric());
    starts_well
        && is_word(project, "-.:")
        && is_word(location, "-")
        && is_word(ring, "-_")
        && is_word(key, "-_")
}

/// Letters, digits and these others, at least one and not too many.
fn is_word(text: &str, others: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
    (1..=128).contains(&text.len()) && text.chars().all(allowed)
}

/// CRC-32C (Castagnoli), reflected, bit by bit: the texts are short.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_of_a_key_is_a_name() {
        let name = "projects/p-1/locations/europe-west3/keyRings/r_1/cryptoKeys/K-1";
        assert!(is_resource_id(name));
        assert!(is_resource_id(&name.replace("p-1", "example.com:p-1")));
        for (from, to) in [
            ("projects/", "/projects/"),
            ("p-1", ".."),
            ("p-1", ""),
            ("r_1", "r/../x"),
            ("r_1", "%2f"),
            ("K-1", "K-1:decrypt"),
            ("K-1", "K?x=1"),
            ("K-1", "K#"),
            ("K-1", "K\n"),
            ("K-1", "K@evil"),
            ("K-1", "K-1/cryptoKeyVersions/1"),
            ("K-1", "é"),
        ] {
            assert!(!is_resource_id(&name.replace(from, to)), "{from} → {to}");
        }
    }

    #[test]
    fn checksums_are_those_of_rfc_3720() {
        // B.4: 32 bytes of zeros, 32 of ones.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }
}
