//! Huawei Cloud KMS: `encrypt-data` and `decrypt-data` of a key, over REST (API v1.0).
//!
//! The requests are those of Huawei's own client for Python (huaweicloudsdkkms 3.1.219), recorded in
//! `tests/vectors/huawei` with their signatures: `POST /v1.0/{project}/kms/encrypt-data` with `{"key_id", "plain_text"}`,
//! and `decrypt-data` with `{"cipher_text", "key_id"}`. As SOPS has it, the text that is encrypted is the Base64 of the
//! data key, and `enc` is the ciphertext as the service gave it.

mod credentials;
mod signature;

use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use seal_core::document::Timestamp;
use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;
use serde::Deserialize;
use zeroize::Zeroizing;

use self::credentials::Credentials;
use crate::failure::{Failure, FailureKind};
use crate::rest::{self, Asked, Refusal, Rest, SecretText};
use crate::service::{KeyAccess, UnwrapError, WrapError, Wrapped};
use crate::session::Session;

/// Clients and credentials, had once.
#[derive(Debug)]
pub(crate) struct HuaweiKms {
    session: Arc<Session>,
    rest: Rest,
    credentials: OnceLock<Result<Credentials, String>>,
}

impl HuaweiKms {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self { session, rest: Rest::default(), credentials: OnceLock::new() }
    }

    pub(crate) fn access<'k>(&'k self, key: &'k MasterKey) -> Access<'k> {
        Access { provider: self, key }
    }
}

/// One key of this kind.
pub(crate) struct Access<'k> {
    provider: &'k HuaweiKms,
    key: &'k MasterKey,
}

#[derive(Deserialize)]
struct Encrypted {
    key_id: String,
    cipher_text: String,
}

#[derive(Deserialize)]
struct Decrypted {
    key_id: String,
    plain_text: SecretText,
}

impl KeyAccess for Access<'_> {
    fn check(&self) -> Result<(), WrapError> {
        self.name().map(|_| ()).map_err(WrapError::from)
    }

    fn wrap(&self, secret: &SecretBytes) -> Result<Wrapped, WrapError> {
        let (_, id) = self.name()?;
        let text = Zeroizing::new(STANDARD.encode(secret.expose()));
        // Both are of characters that JSON takes as they are.
        let body = Zeroizing::new(format!(r#"{{"key_id":"{id}","plain_text":"{}"}}"#, *text));
        let answer: Encrypted = self.ask("encrypt", &body, &text, |_| None)?;
        if answer.key_id != id || !is_cipher_text(&answer.cipher_text) {
            let reason = "the answer is not one of the key that was asked";
            return Err(Failure::new(FailureKind::Malformed, self.key, "encrypt", reason).into());
        }
        Ok(Wrapped { key: self.key.clone(), enc: answer.cipher_text })
    }

    fn unwrap(&self, enc: &str) -> Result<SecretBytes, UnwrapError> {
        let (_, id) = self.name()?;
        if !is_cipher_text(enc) {
            return Err(UnwrapError::Damaged { key: self.key.to_string() });
        }
        let body = Zeroizing::new(format!(r#"{{"cipher_text":"{enc}","key_id":"{id}"}}"#));
        // Whatever else could be wrong with the request is checked by us or has a code of its own.
        let of_another =
            |refusal: &Refusal| (refusal.status == 400).then_some(FailureKind::NotForThisKey);
        let answer: Decrypted = self.ask("decrypt", &body, "", of_another)?;
        if answer.key_id != id {
            // The service finds the key of a ciphertext by itself.
            let reason = "it was encrypted by another key of the same project";
            let failure = Failure::new(FailureKind::NotForThisKey, self.key, "decrypt", reason);
            return Err(failure.into());
        }
        let bytes = STANDARD.decode(answer.plain_text.0.as_bytes()).map_err(|_| {
            let reason = "what it decrypts to is no Base64";
            Failure::new(FailureKind::NotForThisKey, self.key, "decrypt", reason)
        })?;
        Ok(SecretBytes::new(bytes))
    }
}

impl Access<'_> {
    /// `sent` is what of the body is a secret; the server might repeat it.
    fn ask<T: serde::de::DeserializeOwned>(
        &self,
        verb: &'static str,
        body: &str,
        sent: &str,
        kind_of: impl Fn(&Refusal) -> Option<FailureKind>,
    ) -> Result<T, Failure> {
        let (region, _) = self.name()?;
        let server = self.server(verb, region)?;
        let operation = format!("{verb} at {server}");
        let session = &self.provider.session;
        let asked = Asked { key: self.key, operation: &operation, secrets: &[] };
        let credentials =
            self.provider.credentials.get_or_init(|| Credentials::find(&session.environment));
        let credentials = credentials.as_ref().map_err(|reason| {
            asked
                .failure(FailureKind::NoCredentials, reason)
                .hint("set HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK and HUAWEICLOUD_SDK_PROJECT_ID")
        })?;
        let mut secrets = credentials.secrets();
        secrets.push(sent);
        let asked = Asked { secrets: &secrets, ..asked };
        let client = self.provider.rest.client(&session.environment, asked)?;
        let host = host_of(&server).ok_or_else(|| {
            asked.failure(FailureKind::Local, "the address of the server has no host")
        })?;
        let path = format!("/v1.0/{}/kms/{verb}-data", credentials.project);
        let address = format!("{server}{path}");
        session.calls.run(self.key, &operation, async {
            let request = || {
                // Signed anew for each try: a signature is good for a quarter of an hour, and the pauses are ours.
                let mut headers = credentials.headers(&host, &now());
                let signature = signature::authorization(
                    &credentials.access_key,
                    &credentials.secret_key,
                    &path,
                    &headers,
                    body,
                );
                headers.push(("authorization", signature.into()));
                let mut request = client.post(&address).body(body.to_owned());
                for (name, value) in headers.iter().filter(|(name, _)| *name != "host") {
                    request = request.header(*name, value.as_str());
                }
                rest::call(asked, request, |refusal| {
                    kind_of_code(&refusal.code).or_else(|| kind_of(refusal))
                })
            };
            session.calls.request(self.key, &operation, request).await
        })
    }

    /// Region and ID of the key, if they cannot lead anywhere else in an address.
    fn name(&self) -> Result<(&str, &str), Failure> {
        if let MasterKey::HuaweiKms { key_id } = self.key
            && let Some((region, id)) = key_id.split_once(':')
            && is_region(region)
            && is_id(id)
        {
            return Ok((region, id));
        }
        let reason = "not REGION:KEY, such as eu-west-101:0d0466b0-e727-4d9c-b35d-f84bb474a37f";
        Err(Failure::of_name(self.key, reason)
            .hint("the console of the key service shows the IDs of keys"))
    }

    /// The server of a region, or the one that the variable of Huawei's own clients names.
    fn server(&self, verb: &'static str, region: &str) -> Result<String, Failure> {
        let name =
            format!("HUAWEICLOUD_SDK_REGION_KMS_{}", region.replace('-', "_").to_ascii_uppercase());
        let Some(endpoints) = rest::variable(&self.provider.session.environment, &name) else {
            // The only region whose servers are in another domain.
            let domain = if region == "eu-west-101" { "eu" } else { "com" };
            return Ok(format!("https://kms.{region}.myhuaweicloud.{domain}"));
        };
        let endpoint = endpoints.split(',').next().and_then(rest::endpoint);
        let is_host = |endpoint: &String| endpoint.matches('/').count() == 2;
        endpoint.filter(is_host).ok_or_else(|| {
            let reason = format!("{name} is not an address");
            Failure::new(FailureKind::Local, self.key, verb, reason)
                .hint(format!("correct or unset {name}"))
        })
    }
}

/// The error codes of KMS that say more than their status, which is 400.
fn kind_of_code(code: &str) -> Option<FailureKind> {
    match code {
        "KMS.0209" | "KMS.0210" => Some(FailureKind::Disabled),
        "KMS.0205" => Some(FailureKind::NotFound),
        _ => None,
    }
}

/// As the client will write it into the header that is signed: without the port that goes without saying.
fn host_of(server: &str) -> Option<String> {
    let url = reqwest::Url::parse(server).ok()?;
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// A country, a part of it and a number: `eu-west-101`. Other names under `myhuaweicloud.com` are services, and those
/// under the one of the object store (`obs`) are its customers'.
fn is_region(text: &str) -> bool {
    let labels: Vec<&str> = text.split('-').collect();
    let [country, parts @ .., number] = &*labels else { return false };
    let is_of = |label: &str, allowed: fn(&u8) -> bool| {
        !label.is_empty() && label.as_bytes().iter().all(allowed)
    };
    text.len() <= 32
        && (2..=3).contains(&country.len())
        && *country != "obs"
        && is_of(country, u8::is_ascii_lowercase)
        && !parts.is_empty()
        && parts.iter().all(|part| is_of(part, u8::is_ascii_lowercase))
        && is_of(number, u8::is_ascii_digit)
}

/// 36 characters: groups of 8, 4, 4, 4 and 12 small letters and digits.
fn is_id(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.chars().all(allowed))
}

/// Base64, whose form is the service's own matter.
fn is_cipher_text(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+/=-_".contains(c);
    (4..=16 << 10).contains(&text.len()) && text.chars().all(allowed)
}

/// As the signature wants it: `20260304T050607Z`.
fn now() -> String {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let date = Timestamp::from_unix_seconds(elapsed.as_secs()).to_rfc3339();
    date.replace(['-', ':'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_a_region_and_an_id() {
        let id = "0d0466b0-e727-4d9c-b35d-f84bb474a37f";
        assert!(is_region("cn-north-4") && is_id(id));
        for region in ["", "-", "CN", "a.b", "a/b", "a@b", "a b", "é"] {
            assert!(!is_region(region), "{region}");
            // Nor where the rest is right.
            let region = format!("cn-{region}-4");
            assert!(!is_region(&region), "{region}");
        }
        for id in ["", &id[1..], &id.replace('-', "/"), &id.replace("0d", "0D"), &format!("{id}\"")]
        {
            assert!(!is_id(id), "{id}");
        }
    }

    #[test]
    fn the_host_that_is_signed_is_the_one_that_is_sent() {
        for (server, host) in [
            ("https://kms.cn-north-4.myhuaweicloud.com", "kms.cn-north-4.myhuaweicloud.com"),
            ("https://kms.corp:443", "kms.corp"),
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ] {
            assert_eq!(host_of(server).as_deref(), Some(host));
        }
    }

    #[test]
    fn the_date_has_the_form_of_the_signature() {
        let date = now();
        let shape: String =
            date.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(shape, "00000000T000000Z");
    }
}
