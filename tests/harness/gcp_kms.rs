//! A stand-in for Cloud KMS. It takes the requests of Google's own client for Python (google-cloud-kms 3.16 over REST,
//! recorded) and answers as the API reference documents, errors included. What it gives out as ciphertext is a number
//! under which it keeps the plaintext.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::stand_in::{Request, Response, StandIn};

/// The token that may use every key.
pub(crate) const TOKEN: &str = "ya29.TOKEN-OF-GCP-HUNTER2";
/// A token that is valid and may use nothing.
pub(crate) const POOR_TOKEN: &str = "ya29.TOKEN-OF-NOBODY-HUNTER2";

#[derive(Default)]
struct Keys {
    /// Keys that exist.
    known: BTreeSet<String>,
    disabled: BTreeSet<String>,
    /// Ciphertext, and what it was made of by which key.
    wrapped: BTreeMap<Vec<u8>, (String, Vec<u8>)>,
}

/// The server. Besides keys it has `/token`, which gives [`TOKEN`] for a refresh token, and the
/// metadata that gives it to a machine.
#[derive(Clone)]
pub(crate) struct GcpKms {
    pub(crate) server: StandIn,
    keys: Arc<Mutex<Keys>>,
}

/// The name of a key.
pub(crate) fn key(name: &str) -> String {
    format!("projects/acme-prod/locations/europe-west3/keyRings/secrets/cryptoKeys/{name}")
}

/// An error as Google's APIs answer it.
pub(crate) fn error(status: u16, name: &str, message: &str) -> Response {
    Response::json(
        status,
        &json!({ "error": { "code": status, "message": message, "status": name } }),
    )
}

impl GcpKms {
    /// With these keys.
    pub(crate) fn start(names: &[&str]) -> Self {
        let keys = Arc::new(Mutex::new(Keys::default()));
        keys.lock().unwrap().known = names.iter().map(|name| key(name)).collect();
        let of_server = Arc::clone(&keys);
        let server = StandIn::start(move |request| answer(request, &mut of_server.lock().unwrap()));
        Self { server, keys }
    }

    pub(crate) fn disable(&self, name: &str) {
        self.keys.lock().unwrap().disabled.insert(key(name));
    }

    /// The JSON of somebody who logged in with gcloud, whose tokens come from here.
    pub(crate) fn authorized_user(&self) -> String {
        let json = json!({
            "type": "authorized_user",
            "client_id": "client.apps.googleusercontent.com",
            "client_secret": "CLIENT-SECRET-HUNTER2",
            "refresh_token": "REFRESH-TOKEN-HUNTER2",
            "token_uri": format!("{}/token", self.server.url()),
        });
        json.to_string()
    }
}

fn answer(request: &Request, keys: &mut Keys) -> Response {
    if request.path == "/computeMetadata/v1/instance/service-accounts/default/token"
        && request.method == "GET"
        && request.header("metadata-flavor") == "Google"
    {
        let token = json!({ "access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer" });
        return Response::json(200, &token);
    }
    if request.path == "/token" {
        return token(request);
    }
    let bearer = request.header("authorization").strip_prefix("Bearer ").unwrap_or_default();
    // A service account signs its token itself (AIP-4111).
    let is_signed = claims(bearer)
        .is_some_and(|claims| claims["iss"] == "seal@acme-prod.iam.gserviceaccount.com");
    if bearer != TOKEN && bearer != POOR_TOKEN && !is_signed {
        let message = format!(
            "Request had invalid authentication credentials ({bearer}). Expected OAuth 2 access token."
        );
        return error(401, "UNAUTHENTICATED", &message);
    }
    // Google's own clients add how they want enums.
    let path = request.path.split_once("?%24alt=").map_or(&*request.path, |(path, _)| path);
    let name = path.strip_prefix("/v1/").and_then(|path| path.rsplit_once(':'));
    let (Some((name, verb)), "POST", "application/json") =
        (name, request.method.as_str(), request.header("content-type"))
    else {
        return Response::text(404, "<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>");
    };
    if bearer == POOR_TOKEN {
        let verb = if verb == "encrypt" { "Encrypt" } else { "Decrypt" };
        let message = format!(
            "Permission 'cloudkms.cryptoKeyVersions.useTo{verb}' denied on resource '{name}' (or it may not exist)."
        );
        return error(403, "PERMISSION_DENIED", &message);
    }
    if !keys.known.contains(name) {
        return error(404, "NOT_FOUND", &format!("CryptoKey {name} not found."));
    }
    if keys.disabled.contains(name) {
        let message =
            format!("{name}/cryptoKeyVersions/1 is not enabled, current state is: DISABLED.");
        return error(400, "FAILED_PRECONDITION", &message);
    }
    let body = request.json();
    match verb {
        "encrypt" => match bytes(&body, "plaintext", name) {
            Some(plaintext) => encrypt(name, plaintext, keys),
            None => error(400, "INVALID_ARGUMENT", "Invalid JSON payload received."),
        },
        "decrypt" => match bytes(&body, "ciphertext", name)
            .and_then(|bytes| keys.wrapped.get(&bytes))
        {
            Some((of, plaintext)) if of == name => Response::json(
                200,
                &json!({
                    "plaintext": STANDARD.encode(plaintext),
                    "plaintextCrc32c": crc32c(plaintext).to_string(),
                    "usedPrimary": true,
                    "protectionLevel": "SOFTWARE",
                }),
            ),
            Some(_) => error(
                400,
                "INVALID_ARGUMENT",
                "Decryption failed: verify that 'name' refers to the correct CryptoKey.",
            ),
            None => error(400, "INVALID_ARGUMENT", "Decryption failed: the ciphertext is invalid."),
        },
        _ => error(404, "NOT_FOUND", "Method not found."),
    }
}

fn encrypt(name: &str, plaintext: Vec<u8>, keys: &mut Keys) -> Response {
    // Begins as the real ones do.
    let mut ciphertext = vec![0x0a, 0x24, 0x00];
    ciphertext.extend((0..90).map(|_| rand::random::<u8>()));
    let answer = json!({
        "name": format!("{name}/cryptoKeyVersions/1"),
        "ciphertext": STANDARD.encode(&ciphertext),
        "ciphertextCrc32c": crc32c(&ciphertext).to_string(),
        "protectionLevel": "SOFTWARE",
    });
    keys.wrapped.insert(ciphertext, (name.to_owned(), plaintext));
    Response::json(200, &answer)
}

/// The OAuth endpoint for refresh tokens.
fn token(request: &Request) -> Response {
    let body = request.json();
    match (body["grant_type"].as_str(), body["refresh_token"].as_str()) {
        (Some("refresh_token"), Some("REFRESH-TOKEN-HUNTER2")) => Response::json(
            200,
            &json!({
                "access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer",
            }),
        ),
        _ => Response::json(
            400,
            &json!({
                "error": "invalid_grant", "error_description": format!("Token has been expired or revoked. ({body})"),
            }),
        ),
    }
}

/// What a signed token claims.
fn claims(token: &str) -> Option<Value> {
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let part = |index| token.split('.').nth(index).and_then(|part| engine.decode(part).ok());
    let header: Value = serde_json::from_slice(&part(0)?).ok()?;
    let is_signed = header["alg"] == "RS256" && part(2)?.len() == 256;
    let claims: Value = serde_json::from_slice(&part(1)?).ok()?;
    let is_for_clouds = claims["scope"] == "https://www.googleapis.com/auth/cloud-platform";
    (is_signed && is_for_clouds).then_some(claims)
}

/// The only member of a body, but for the name that Google's client for Go repeats there.
fn bytes(body: &Value, member: &str, name: &str) -> Option<Vec<u8>> {
    let mut members = body.as_object()?.clone();
    if members.get("name").is_some_and(|repeated| repeated == name) {
        members.remove("name");
    }
    let is_only = members.len() == 1;
    STANDARD.decode(body[member].as_str().filter(|_| is_only)?).ok()
}

/// By the table, which ours is not.
fn crc32c(bytes: &[u8]) -> u32 {
    let table = |index: u32| {
        (0..8).fold(index, |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 })
    };
    !bytes.iter().fold(!0_u32, |crc, byte| (crc >> 8) ^ table((crc ^ u32::from(*byte)) & 0xff))
}
