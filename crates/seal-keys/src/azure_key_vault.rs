//! Azure Key Vault and Managed HSM: `encrypt` and `decrypt` of an RSA key with RSA-OAEP-256, over REST (API 7.4).
//!
//! The requests are those of Microsoft's own client for Python (azure-keyvault-keys 4, recorded once): `GET
//! /keys/{name}/` for the newest version, `POST /keys/{name}/{version}/encrypt` and `/decrypt` with `{"alg", "value"}`,
//! values in URL-safe Base64 without padding, and `Authorization: Bearer`. That client learns from a first refusal where
//! to log in; here the user's variables say it, because the answer of a server must not decide who gets credentials.

mod certificate;
mod credentials;
mod transport;
mod vault;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use self::credentials::Credentials;
use self::vault::{Vault, is_word};
use crate::failure::{Failure, FailureKind};
use crate::rest::{self, Asked, Refusal, Rest, SecretText};
use crate::service::{KeyAccess, UnwrapError, WrapError, Wrapped};
use crate::session::Session;

const API: &str = "api-version=7.4";

/// What other tools wrote may be padded.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Clients, credentials and the newest versions of keys, had once.
#[derive(Debug)]
pub(crate) struct AzureKeyVault {
    session: Arc<Session>,
    rest: Rest,
    credentials: Credentials,
    /// By address of the vault and name of the key.
    newest: Mutex<BTreeMap<(String, String), String>>,
}

impl AzureKeyVault {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self {
            session,
            rest: Rest::default(),
            credentials: Credentials::default(),
            newest: Mutex::default(),
        }
    }

    pub(crate) fn access<'k>(&'k self, key: &'k MasterKey) -> Access<'k> {
        Access { provider: self, key }
    }
}

/// One key of this kind.
pub(crate) struct Access<'k> {
    provider: &'k AzureKeyVault,
    key: &'k MasterKey,
}

/// The answer to `encrypt` and `decrypt`.
#[derive(Deserialize)]
struct Operated {
    value: SecretText,
}

/// The answer to the question for the newest version.
#[derive(Deserialize)]
struct Bundle {
    key: PublicKey,
    attributes: Option<Attributes>,
}

#[derive(Deserialize)]
struct PublicKey {
    /// `https://VAULT/keys/NAME/VERSION`
    kid: String,
}

#[derive(Deserialize)]
struct Attributes {
    enabled: Option<bool>,
}

/// A key, its name checked.
struct Named<'k> {
    vault: Vault,
    name: &'k str,
    version: &'k str,
}

impl KeyAccess for Access<'_> {
    fn check(&self) -> Result<(), WrapError> {
        self.named().map(|_| ()).map_err(WrapError::from)
    }

    fn wrap(&self, secret: &SecretBytes) -> Result<Wrapped, WrapError> {
        let value = Zeroizing::new(URL_SAFE_NO_PAD.encode(secret.expose()));
        let (answer, version) = self.ask("encrypt", &value, |_| None)?;
        let enc = answer.value.0.trim_end_matches('=').to_owned();
        if enc.is_empty() || BASE64.decode(&enc).is_err() {
            return Err(self.malformed("encrypt").into());
        }
        let mut key = self.key.clone();
        if let MasterKey::AzureKeyVault { version: stored, .. } = &mut key {
            *stored = version;
        }
        Ok(Wrapped { key, enc })
    }

    fn unwrap(&self, enc: &str) -> Result<SecretBytes, UnwrapError> {
        let bytes = BASE64.decode(enc.replace(['\r', '\n'], "")).unwrap_or_default();
        if bytes.is_empty() {
            return Err(UnwrapError::Damaged { key: self.key.to_string() });
        }
        let of_another = |refusal: &Refusal| {
            let is = refusal.status == 400 && refusal.code == "BadParameter";
            is.then_some(FailureKind::NotForThisKey)
        };
        let (answer, _) = self.ask("decrypt", &URL_SAFE_NO_PAD.encode(bytes), of_another)?;
        let bytes = BASE64.decode(answer.value.0.as_bytes());
        Ok(SecretBytes::new(bytes.map_err(|_| self.malformed("decrypt"))?))
    }
}

impl Access<'_> {
    /// The answer, and the version of the key that gave it.
    fn ask(
        &self,
        verb: &'static str,
        value: &str,
        kind_of: impl Fn(&Refusal) -> Option<FailureKind>,
    ) -> Result<(Operated, String), Failure> {
        let named = self.named()?;
        let operation = format!("{verb} at {}", named.vault.url);
        let session = &self.provider.session;
        let asked = Asked { key: self.key, operation: &operation, secrets: &[] };
        named.vault.is_allowed(session, asked)?;
        let base = named.vault.base(&session.environment, asked)?;
        let client = self.provider.rest.client(&session.environment, asked)?;
        let (calls, credentials) = (&session.calls, &self.provider.credentials);
        calls.run(self.key, &operation, async {
            let scope = named.vault.scope();
            let login = || credentials.token(&session.environment, client, scope, asked);
            let token = calls.request(self.key, "log in to Azure", login).await?;
            let secrets = [token.as_str(), value];
            let asked = Asked { secrets: &secrets, ..asked };
            let bearer = rest::bearer(&token).map_err(|_| {
                asked
                    .failure(FailureKind::NoCredentials, "the access token is no text for a header")
            })?;
            let version = match named.version {
                "" => self.newest(&named, client, &base, &bearer, asked).await?,
                version => version.to_owned(),
            };
            let address = format!("{base}/keys/{}/{version}/{verb}?{API}", named.name);
            let body: Value = json!({ "alg": "RSA-OAEP-256", "value": value });
            let request = || {
                let request = client.post(&address).header("authorization", bearer.clone());
                rest::call(asked, request.json(&body), |refusal| {
                    is_unusable(refusal).or_else(|| kind_of(refusal))
                })
            };
            Ok((calls.request(self.key, &operation, request).await?, version))
        })
    }

    async fn newest(
        &self,
        named: &Named<'_>,
        client: &reqwest::Client,
        base: &str,
        bearer: &reqwest::header::HeaderValue,
        asked: Asked<'_>,
    ) -> Result<String, Failure> {
        // Held while it is asked for: those who need the same version wait for it.
        let mut newest = self.provider.newest.lock().await;
        let id = (named.vault.url.clone(), named.name.to_owned());
        if let Some(version) = newest.get(&id) {
            return Ok(version.clone());
        }
        let address = format!("{base}/keys/{}/?{API}", named.name);
        let request = || {
            let request = client.get(&address).header("authorization", bearer.clone());
            rest::call::<Bundle>(asked, request, is_unusable)
        };
        let bundle =
            self.provider.session.calls.request(self.key, asked.operation, request).await?;
        if bundle.attributes.and_then(|attributes| attributes.enabled) == Some(false) {
            // The server would encrypt with it, but never decrypt.
            let reason = "the newest version of the key is disabled";
            return Err(asked.failure(FailureKind::Disabled, reason));
        }
        let path = bundle.key.kid.split_once("/keys/").map(|(_, path)| path);
        let version = match path.and_then(|path| path.split_once('/')) {
            Some((name, version)) if name == named.name && is_word(version, "") => version,
            _ => {
                let reason = "the answer names no version of the key";
                return Err(asked.failure(FailureKind::Malformed, reason));
            }
        };
        newest.insert(id, version.to_owned());
        Ok(version.to_owned())
    }

    fn named(&self) -> Result<Named<'_>, Failure> {
        let wrong = |reason: &str| {
            Failure::of_name(self.key, reason)
                .hint("`az keyvault key show` shows the address of a key as its `kid`")
        };
        let MasterKey::AzureKeyVault { vault_url, name, version } = self.key else {
            return Err(wrong("not a key of Azure"));
        };
        let vault = Vault::read(vault_url).ok_or_else(|| {
            wrong("the address of the vault is not of the form https://HOST, such as https://NAME.vault.azure.net")
        })?;
        if !is_word(name, "-") {
            return Err(wrong("the name of the key is not made of letters, digits and `-`"));
        }
        if !version.is_empty() && !is_word(version, "") {
            return Err(wrong("the version of the key is not made of letters and digits"));
        }
        Ok(Named { vault, name, version })
    }

    fn malformed(&self, verb: &'static str) -> Failure {
        let reason = "the answer holds no URL-safe Base64";
        Failure::new(FailureKind::Malformed, self.key, verb, reason)
    }
}

/// A disabled or expired key is `Forbidden`, as everything is that the caller may not do; the inner code tells.
fn is_unusable(refusal: &Refusal) -> Option<FailureKind> {
    let codes = ["KeyDisabled", "KeyExpired", "KeyNotYetValid"];
    codes.contains(&&*refusal.inner_code).then_some(FailureKind::Disabled)
}
