//! AWS KMS, as its protocol (AWS JSON 1.1) has it.

use std::collections::{BTreeMap, HashMap};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use seal_core::envelope::MasterKey;
use seal_keys::{Environment, Limits, Providers, Settings};
use serde_json::{Value, json};

use super::cloud::{hasty, patient};
use super::suite::{Provider, Scene, Situation};
use crate::stand_in::{Fault, Request, Response, StandIn};

pub(crate) const ARN: &str =
    "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const OTHER_ARN: &str = "arn:aws:kms:eu-west-1:123456789012:key/another";
pub(crate) const ROLE: &str = "arn:aws:iam::210987654321:role/sops";
pub(crate) const KEY_ID: &str = "AKIAHUNTER2HUNTER2AA";
pub(crate) const SECRET: &str = "hunter2/secret+access+key";
pub(crate) const TOKEN: &str = "hunter2-session-token";

/// KMS in so far as it is needed here: a ciphertext says whose it is, and a sum tells whether it or its context was
/// altered.
pub(crate) fn kms(request: &Request) -> Response {
    let scope = "/eu-west-1/kms/aws4_request";
    let is_signed = request.header("authorization").contains(scope);
    let is_json = request.header("content-type") == "application/x-amz-json-1.1";
    if request.method != "POST" || request.path != "/" || !is_signed || !is_json {
        return error(400, "IncompleteSignatureException", "not as the protocol has it");
    }
    let body = request.json();
    let key = body["KeyId"].as_str().unwrap_or_default();
    let context: BTreeMap<String, String> =
        serde_json::from_value(body["EncryptionContext"].clone()).unwrap_or_default();
    let bytes = |name: &str| STANDARD.decode(body[name].as_str().unwrap_or_default()).unwrap();
    match request.header("x-amz-target") {
        "TrentService.Encrypt" => {
            let blob = seal(key, &context, &bytes("Plaintext"));
            Response::json(200, &json!({"CiphertextBlob": STANDARD.encode(blob), "KeyId": key}))
        }
        "TrentService.Decrypt" => match open(key, &context, &bytes("CiphertextBlob")) {
            Ok(plaintext) => {
                Response::json(200, &json!({"Plaintext": STANDARD.encode(plaintext), "KeyId": key}))
            }
            Err(code) => error(400, code, ""),
        },
        other => error(400, "UnknownOperationException", other),
    }
}

pub(crate) fn error(status: u16, code: &str, message: &str) -> Response {
    Response::json(status, &json!({"__type": code, "message": message}))
}

fn seal(key: &str, context: &BTreeMap<String, String>, plaintext: &[u8]) -> Vec<u8> {
    static MADE: AtomicU64 = AtomicU64::new(1);
    let number = MADE.fetch_add(1, Ordering::SeqCst).to_be_bytes();
    let body = [&number, plaintext].concat();
    [key.as_bytes(), b"\n", &sum(key, context, &body).to_be_bytes(), &body].concat()
}

fn open(
    key: &str,
    context: &BTreeMap<String, String>,
    blob: &[u8],
) -> Result<Vec<u8>, &'static str> {
    let damaged = "InvalidCiphertextException";
    let end = blob.iter().position(|byte| *byte == b'\n').ok_or(damaged)?;
    let (sum_of, body) = blob[end + 1..].split_at_checked(8).ok_or(damaged)?;
    let made_by = String::from_utf8_lossy(&blob[..end]);
    match sum(&made_by, context, body).to_be_bytes() == sum_of {
        false => Err(damaged),
        true if made_by != key => Err("IncorrectKeyException"),
        true => Ok(body[8..].to_vec()),
    }
}

/// FNV-1a over all that a ciphertext is bound to.
fn sum(key: &str, context: &BTreeMap<String, String>, body: &[u8]) -> u64 {
    let bound = format!("{key} {context:?} {body:?}");
    bound.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A client of a server, with these variables besides.
pub(crate) fn client(url: &str, variables: &[(&str, &str)]) -> Providers {
    client_with(url, &[&LOGIN, variables].concat())
}

const LOGIN: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", KEY_ID),
    ("AWS_SECRET_ACCESS_KEY", SECRET),
    ("AWS_SESSION_TOKEN", TOKEN),
];

/// A client that has no credentials but those in these variables.
pub(crate) fn client_with(url: &str, variables: &[(&str, &str)]) -> Providers {
    limited(url, variables, patient())
}

fn limited(url: &str, variables: &[(&str, &str)], limits: Limits) -> Providers {
    let all: HashMap<&str, &str> =
        [("AWS_ENDPOINT_URL", url), ("AWS_EC2_METADATA_DISABLED", "true"), ("HOME", "/nowhere")]
            .into_iter()
            .chain(variables.iter().copied())
            .collect();
    let mut settings = Settings::of(Environment::of(all));
    settings.limits = limits;
    Providers::new(settings)
}

pub(crate) fn key_of(arn: &str, context: &[(&str, &str)]) -> MasterKey {
    let text = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    MasterKey::AwsKms {
        arn: arn.to_owned(),
        role: None,
        context: context.iter().map(text).collect(),
        aws_profile: None,
    }
}

pub(crate) fn with_role(key: &MasterKey, named: &str) -> MasterKey {
    let mut key = key.clone();
    if let MasterKey::AwsKms { role, .. } = &mut key {
        *role = Some(named.to_owned());
    }
    key
}

pub(crate) fn with_profile(key: &MasterKey, named: &str) -> MasterKey {
    let mut key = key.clone();
    if let MasterKey::AwsKms { aws_profile, .. } = &mut key {
        *aws_profile = Some(named.to_owned());
    }
    key
}

/// A key with a context, at a server that answers as KMS.
pub(crate) struct AwsKms {
    server: StandIn,
}

impl Provider for AwsKms {
    fn start() -> Option<Self> {
        Some(Self { server: StandIn::start(kms) })
    }

    fn key(&self) -> MasterKey {
        key_of(ARN, &[("app", "web"), ("stage", "prod")])
    }

    fn holder(&self) -> Providers {
        client(&self.server.url(), &[])
    }

    fn arrange(&self, situation: Situation, enc: &str) -> Option<Scene> {
        use Situation::*;
        let before = self.server.requests().len();
        let server = self.server.clone();
        let mut scene = Scene {
            key: self.key(),
            service: self.holder(),
            enc: enc.to_owned(),
            // The ID of a key is no secret.
            secrets: vec![SECRET.to_owned(), TOKEN.to_owned()],
            says: Vec::new(),
            requests: Some(Box::new(move || server.requests().len() - before)),
            wrapping_fails: true,
        };
        let mut refuse = |code: &str, message: &str| {
            scene.says = vec![code.to_owned(), message.to_owned()];
            // A server that repeats what it was sent.
            let echo = format!("{message} ({KEY_ID} {SECRET} {TOKEN})");
            self.server.inject(Fault::Always(error(400, code, &echo)));
        };
        match situation {
            Sealed => return None,
            WrongKey => {
                scene.key = key_of(OTHER_ARN, &[("app", "web"), ("stage", "prod")]);
                scene.says = vec!["IncorrectKeyException".to_owned()];
                scene.wrapping_fails = false;
            }
            WrongContext => {
                scene.key = key_of(ARN, &[("app", "web"), ("stage", "test")]);
                scene.says = ["InvalidCiphertextException", "context"].map(str::to_owned).to_vec();
                scene.wrapping_fails = false;
            }
            NoCredentials => {
                scene.service =
                    client_with(&self.server.url(), &[("AWS_SECRET_ACCESS_KEY", SECRET)]);
                scene.says = vec![
                    "AWS_SECRET_ACCESS_KEY is set, AWS_ACCESS_KEY_ID is not".to_owned(),
                    "aws sso login".to_owned(),
                ];
            }
            Denied => refuse("AccessDeniedException", "User: u is not authorized to perform"),
            NotFound => refuse("NotFoundException", "does not exist"),
            Disabled => refuse("DisabledException", "is disabled."),
            ThrottledTwice => {
                let answer = error(400, "ThrottlingException", "Rate exceeded");
                self.server.inject(Fault::Answers(2, answer));
            }
            Throttled => refuse("ThrottlingException", "Rate exceeded"),
            ServerError => {
                let answer = error(500, "KMSInternalException", "try later");
                self.server.inject(Fault::Always(answer));
                scene.says = vec!["KMSInternalException: try later (tried 3 times)".to_owned()];
            }
            TimedOut => {
                self.server.inject(Fault::Hangs);
                scene.service = limited(&self.server.url(), &LOGIN, hasty());
            }
            Unreachable => {
                let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
                scene.service = client(&format!("http://{free}"), &[]);
                scene.says = vec![free.to_string(), "refused".to_owned()];
            }
            Malformed => {
                self.server.inject(Fault::Always(Response::text(200, "<html>hello</html>")));
            }
            Redirected => {
                let elsewhere = StandIn::start(kms);
                let answer = Response::text(307, "").with("location", &elsewhere.url());
                self.server.inject(Fault::Always(answer));
                let server = self.server.clone();
                scene.requests = Some(Box::new(move || {
                    server.requests().len() - before + elsewhere.requests().len()
                }));
                scene.says = vec!["not followed".to_owned()];
            }
            NotAllowed => {
                scene.key = with_role(&scene.key, ROLE);
                scene.says = vec![format!("SEAL_ALLOW_AWS_ROLES={ROLE}")];
            }
        }
        Some(scene)
    }
}

/// What the server was asked for, one after the other.
pub(crate) fn asked(server: &StandIn) -> Vec<(String, Value)> {
    let target = |request: &Request| request.header("x-amz-target").to_owned();
    server.requests().iter().map(|request| (target(request), request.json())).collect()
}
