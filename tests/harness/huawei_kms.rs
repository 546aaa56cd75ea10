//! A stand-in for Huawei Cloud's KMS. It takes the requests of Huawei's own client for Python (huaweicloudsdkkms
//! 3.1.219, recorded in `tests/vectors/huawei`), checks their signatures, and answers as the API reference documents,
//! errors included. What it gives out as ciphertext is a number under which it keeps the plaintext.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::stand_in::{Request, Response, StandIn};

pub(crate) const ACCESS_KEY: &str = "AKEXAMPLE";
/// May use nothing.
pub(crate) const POOR_ACCESS_KEY: &str = "AKPOOR";
pub(crate) const SECRET_KEY: &str = "SECRET-KEY-HUNTER2";
pub(crate) const PROJECT: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const TEAM: &str = "0d0466b0-e727-4d9c-b35d-f84bb474a37f";
pub(crate) const OTHER: &str = "1d0466b0-e727-4d9c-b35d-f84bb474a37f";
/// Names the server of the region `eu-west-101`, for Huawei's own clients too.
pub(crate) const ENDPOINT: &str = "HUAWEICLOUD_SDK_REGION_KMS_EU_WEST_101";

#[derive(Default)]
struct Keys {
    disabled: BTreeSet<String>,
    /// Ciphertext, and what it was made of by which key.
    wrapped: BTreeMap<String, (String, String)>,
}

/// The server, with the keys [`TEAM`] and [`OTHER`].
#[derive(Clone)]
pub(crate) struct HuaweiKms {
    pub(crate) server: StandIn,
    keys: Arc<Mutex<Keys>>,
}

/// An error as KMS answers it.
pub(crate) fn error(status: u16, code: &str, message: &str) -> Response {
    Response::json(status, &json!({ "error": { "error_code": code, "error_msg": message } }))
}

impl HuaweiKms {
    pub(crate) fn start() -> Self {
        let keys = Arc::new(Mutex::new(Keys::default()));
        let of_server = Arc::clone(&keys);
        let server = StandIn::start(move |request| answer(request, &mut of_server.lock().unwrap()));
        Self { server, keys }
    }

    pub(crate) fn disable(&self, id: &str) {
        self.keys.lock().unwrap().disabled.insert(id.to_owned());
    }
}

fn answer(request: &Request, keys: &mut Keys) -> Response {
    // The gateway's own errors have no frame.
    let gateway = |status: u16, code: &str, message: &str| {
        Response::json(status, &json!({ "error_code": code, "error_msg": message }))
    };
    let is_poor = *request.header("authorization") == *expected(request, POOR_ACCESS_KEY);
    if !is_poor && *request.header("authorization") != *expected(request, ACCESS_KEY) {
        let message = format!("Incorrect IAM authentication information: {SECRET_KEY}");
        return gateway(401, "APIGW.0301", &message);
    }
    if is_poor {
        return error(403, "KMS.0301", "No permissions to use the key.");
    }
    let verb = request.path.strip_prefix(&format!("/v1.0/{PROJECT}/kms/"));
    let body = request.json();
    let is_plain = body.as_object().is_some_and(|body| body.len() == 2);
    let text = |name: &str| body[name].as_str().filter(|_| is_plain).unwrap_or_default().to_owned();
    let id = text("key_id");
    if request.method != "POST" || request.header("x-project-id") != PROJECT {
        return gateway(404, "APIGW.0101", "The API does not exist.");
    }
    if ![TEAM, OTHER].contains(&&*id) {
        return error(404, "KMS.0401", "The key does not exist.");
    }
    if keys.disabled.contains(&id) {
        return error(400, "KMS.0209", "The key has been disabled.");
    }
    match verb {
        Some("encrypt-data") => {
            let random: Vec<u8> = (0..90).map(|_| rand::random::<u8>()).collect();
            let cipher_text = STANDARD.encode(random);
            keys.wrapped.insert(cipher_text.clone(), (id.clone(), text("plain_text")));
            Response::json(200, &json!({ "key_id": id, "cipher_text": cipher_text }))
        }
        // It finds the key by itself, and says which it was.
        Some("decrypt-data") => match keys.wrapped.get(&text("cipher_text")) {
            Some((of, plain_text)) => Response::json(
                200,
                &json!({
                    "key_id": of, "plain_text": plain_text, "plain_text_base64": STANDARD.encode(plain_text),
                }),
            ),
            None => error(400, "KMS.0304", "Failed to decrypt the ciphertext."),
        },
        _ => gateway(404, "APIGW.0101", "The API does not exist."),
    }
}

/// The signature that the request ought to have.
fn expected(request: &Request, access_key: &str) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let names = "content-type;host;x-project-id;x-sdk-date";
    let headers: String =
        names.split(';').map(|name| format!("{name}:{}\n", request.header(name))).collect();
    let body = hex(&Sha256::digest(&request.body));
    let canonical = format!("{}\n{}/\n\n{headers}\n{names}\n{body}", request.method, request.path);
    let date = request.header("x-sdk-date");
    let to_sign =
        format!("SDK-HMAC-SHA256\n{date}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
    let mut hmac = Hmac::<Sha256>::new_from_slice(SECRET_KEY.as_bytes()).unwrap();
    hmac.update(to_sign.as_bytes());
    let signature = hex(&hmac.finalize().into_bytes());
    format!("SDK-HMAC-SHA256 Access={access_key}, SignedHeaders={names}, Signature={signature}")
}
