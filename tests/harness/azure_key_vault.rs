//! A stand-in for Azure Key Vault, and one for Microsoft Entra, which gives the tokens. They take the requests of
//! Microsoft's own clients for Python (azure-keyvault-keys 4.11, azure-identity 1.27, recorded) and answer as the API
//! reference documents, errors included. What it gives out as ciphertext is a number under which it keeps the plaintext.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::stand_in::{Request, Response, StandIn};

/// The token that may use every key.
pub(crate) const TOKEN: &str = "eyJ0.TOKEN-OF-AZURE-HUNTER2";
/// A token that is valid and may use nothing.
pub(crate) const POOR_TOKEN: &str = "eyJ0.TOKEN-OF-NOBODY-HUNTER2";
pub(crate) const VERSION: &str = "4eb68492b5f6421e835d961ad2be3155";
pub(crate) const OLDER_VERSION: &str = "78deebed173b48e48f55abf87ed4cf71";
pub(crate) const URL: &str = "https://acme-prod.vault.azure.net";

#[derive(Default)]
struct Keys {
    known: BTreeSet<String>,
    disabled: BTreeSet<String>,
    /// Ciphertext, and what it was made of by which key and version.
    wrapped: BTreeMap<Vec<u8>, (String, Vec<u8>)>,
}

/// The vault. Every key has two versions.
#[derive(Clone)]
pub(crate) struct AzureKeyVault {
    pub(crate) server: StandIn,
    keys: Arc<Mutex<Keys>>,
}

/// An error as Key Vault answers it.
pub(crate) fn error(status: u16, code: &str, inner: Option<&str>, message: &str) -> Response {
    let mut error = json!({ "code": code, "message": message });
    if let Some(inner) = inner {
        error["innererror"] = json!({ "code": inner });
    }
    Response::json(status, &json!({ "error": error }))
}

impl AzureKeyVault {
    /// With these keys.
    pub(crate) fn start(names: &[&str]) -> Self {
        let keys = Arc::new(Mutex::new(Keys::default()));
        keys.lock().unwrap().known = names.iter().map(|name| (*name).to_owned()).collect();
        let of_server = Arc::clone(&keys);
        let server = StandIn::start(move |request| answer(request, &mut of_server.lock().unwrap()));
        Self { server, keys }
    }

    pub(crate) fn disable(&self, name: &str) {
        self.keys.lock().unwrap().disabled.insert(name.to_owned());
    }
}

fn answer(request: &Request, keys: &mut Keys) -> Response {
    let bearer = request.header("authorization").strip_prefix("Bearer ").unwrap_or_default();
    if bearer != TOKEN && bearer != POOR_TOKEN {
        let message = format!("AKV10000: Request is missing a Bearer or PoP token ({bearer}).");
        let challenge = "Bearer authorization=\"https://login.microsoftonline.com/acme\", resource=\"https://vault.azure.net\"";
        return error(401, "Unauthorized", None, &message).with("www-authenticate", challenge);
    }
    let (path, query) = request.path.split_once('?').unwrap_or_default();
    if !query.starts_with("api-version=7.") {
        return error(400, "BadParameter", None, "api-version must be specified");
    }
    let parts: Vec<&str> = path.split('/').collect();
    let (name, version, verb) = match (request.method.as_str(), &*parts) {
        ("GET", ["", "keys", name, ""]) => (*name, VERSION, "get"),
        ("POST", ["", "keys", name, version, verb @ ("encrypt" | "decrypt")]) => {
            (*name, *version, *verb)
        }
        _ => return error(404, "NotFound", None, &format!("no such operation: {}", request.path)),
    };
    if bearer == POOR_TOKEN {
        let message = format!(
            "Caller is not authorized to perform action on resource.\r\nAction: 'Microsoft.KeyVault/vaults/keys/{verb}/action'"
        );
        return error(403, "Forbidden", Some("ForbiddenByRbac"), &message);
    }
    if !keys.known.contains(name) || ![VERSION, OLDER_VERSION].contains(&version) {
        let message =
            format!("A key with (name/id) {name}/{version} was not found in this key vault.");
        return error(404, "KeyNotFound", None, &message);
    }
    let is_disabled = keys.disabled.contains(name);
    let kid = format!("{URL}/keys/{name}/{version}");
    if verb == "get" {
        let key = json!({ "kid": kid, "kty": "RSA", "n": "AQAB", "e": "AQAB", "key_ops": ["encrypt", "decrypt"] });
        return Response::json(
            200,
            &json!({ "key": key, "attributes": { "enabled": !is_disabled } }),
        );
    }
    // The real one encrypts with a disabled key.
    if is_disabled && verb == "decrypt" {
        let message = "Operation decrypt is not allowed on a disabled key.";
        return error(403, "Forbidden", Some("KeyDisabled"), message);
    }
    let body = request.json();
    let is_plain = body.as_object().is_some_and(|body| body.len() == 2);
    let value = body["value"].as_str().and_then(|value| URL_SAFE_NO_PAD.decode(value).ok());
    let (true, "RSA-OAEP-256", "application/json", Some(value)) =
        (is_plain, body["alg"].as_str().unwrap_or_default(), request.header("content-type"), value)
    else {
        return error(400, "BadParameter", None, "Property has invalid value");
    };
    let value = match verb {
        "encrypt" => {
            // As long as a block of RSA with 2048 bits, and with both characters that tell the alphabets apart.
            let mut ciphertext = vec![0xfb, 0xef, 0xff];
            ciphertext.extend((3..256).map(|_| rand::random::<u8>()));
            keys.wrapped.insert(ciphertext.clone(), (kid.clone(), value));
            ciphertext
        }
        _ => match keys.wrapped.get(&value) {
            Some((of, plaintext)) if *of == kid => plaintext.clone(),
            _ => return error(400, "BadParameter", None, "The parameter is incorrect.\r\n"),
        },
    };
    Response::json(200, &json!({ "kid": kid, "value": URL_SAFE_NO_PAD.encode(value) }))
}

/// Entra: gives [`TOKEN`] to the application `app` of the tenant `acme`.
pub(crate) fn entra() -> StandIn {
    StandIn::start(|request| {
        const LOGIN: &str = "https://login.microsoftonline.com";
        // Microsoft's own libraries ask first whom they are talking to.
        if request.path.starts_with("/common/discovery/instance") {
            return Response::json(
                200,
                &json!({
                    "tenant_discovery_endpoint": format!("{LOGIN}/acme/v2.0/.well-known/openid-configuration"),
                    "api-version": "1.1",
                    "metadata": [{
                        "preferred_network": "login.microsoftonline.com",
                        "preferred_cache": "login.windows.net",
                        "aliases": ["login.microsoftonline.com", "login.windows.net"],
                    }],
                }),
            );
        }
        if request.path.starts_with("/acme/v2.0/.well-known/openid-configuration") {
            return Response::json(
                200,
                &json!({
                    "authorization_endpoint": format!("{LOGIN}/acme/oauth2/v2.0/authorize"),
                    "token_endpoint": format!("{LOGIN}/acme/oauth2/v2.0/token"),
                    "issuer": format!("{LOGIN}/acme/v2.0"),
                }),
            );
        }
        let body = String::from_utf8_lossy(&request.body);
        let fields: BTreeMap<&str, &str> =
            body.split('&').filter_map(|field| field.split_once('=')).collect();
        let has = |name: &str, value: &str| fields.get(name) == Some(&value);
        let scope = fields.get("scope").copied().unwrap_or_default();
        let by_secret = has("client_secret", "SECRET-HUNTER2");
        let assertion = fields.get("client_assertion").copied().unwrap_or_default();
        let by_assertion = (assertion == "ASSERTION-HUNTER2" || is_of_certificate(assertion))
            && has(
                "client_assertion_type",
                "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer",
            );
        let is_right = request.path == "/acme/oauth2/v2.0/token"
            && request.method == "POST"
            && request.header("content-type").starts_with("application/x-www-form-urlencoded")
            && has("client_id", "app")
            && has("grant_type", "client_credentials")
            && scope.starts_with("https%3A%2F%2Fvault.azure.net%2F.default")
            && (by_secret || by_assertion);
        if is_right {
            let token =
                json!({ "token_type": "Bearer", "expires_in": 3599, "access_token": TOKEN });
            return Response::json(200, &token);
        }
        let secret = fields.get("client_secret").copied().unwrap_or_default();
        let description =
            format!("AADSTS7000215: Invalid client secret provided ({secret}). Trace ID: 1");
        let error = json!({
            "error": "invalid_client", "error_description": description, "error_codes": [7_000_215],
        });
        Response::json(401, &error)
    })
}

/// An assertion of `app`, signed by somebody, for the token endpoint of the tenant.
fn is_of_certificate(assertion: &str) -> bool {
    let part = |index| URL_SAFE_NO_PAD.decode(assertion.split('.').nth(index)?).ok();
    let json = |index| serde_json::from_slice::<serde_json::Value>(&part(index)?).ok();
    let (Some(header), Some(claims), Some(signature)) = (json(0), json(1), part(2)) else {
        return false;
    };
    header["alg"] == "PS256"
        && header["x5t#S256"].is_string()
        && claims["iss"] == "app"
        && claims["aud"] == "https://login.microsoftonline.com/acme/oauth2/v2.0/token"
        && signature.len() == 256
}
