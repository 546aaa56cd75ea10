//! Proves the stand-in: every recorded exchange with a real server gets the same status from it and the same body, but
//! for what is drawn by chance.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::stand_in::Request;
use crate::vault_server::Vault;

/// Drawn by chance, or the time of day: the kind of value has to be the same.
const BY_CHANCE: [&str; 7] = [
    "request_id",
    "client_token",
    "accessor",
    "role_id",
    "secret_id",
    "secret_id_accessor",
    "entity_id",
];

#[derive(Default)]
struct Replay {
    /// What the stand-in said in place of a recorded text.
    known: BTreeMap<String, String>,
}

impl Replay {
    /// A recorded text, as it is with the stand-in.
    fn ours(&self, text: &str) -> String {
        if let Some(ours) = self.known.get(text) {
            return ours.clone();
        }
        // An altered text: the same alteration of ours.
        let altered = |theirs: &str, ours: &str| {
            let same = theirs.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
            let is_like = theirs.len() == text.len() && ours.len() == text.len() && same > 40;
            is_like.then(|| format!("{}{}", &ours[..same], &text[same..]))
        };
        let mut known = self.known.iter();
        known.find_map(|(theirs, ours)| altered(theirs, ours)).unwrap_or_else(|| text.to_owned())
    }

    fn body(&self, body: &Value) -> Value {
        match body {
            Value::String(text) => Value::String(self.ours(text)),
            Value::Array(items) => items.iter().map(|item| self.body(item)).collect(),
            Value::Object(entries) => {
                let entries = entries.iter().map(|(key, value)| (key.clone(), self.body(value)));
                Value::Object(entries.collect())
            }
            other => other.clone(),
        }
    }

    fn compare(&mut self, at: &str, theirs: &Value, ours: &Value) {
        let name = at.rsplit('.').next().unwrap_or_default();
        match (theirs, ours) {
            (Value::Object(theirs), Value::Object(ours)) => {
                let keys = |map: &serde_json::Map<String, Value>| {
                    map.keys().cloned().collect::<std::collections::BTreeSet<_>>()
                };
                assert_eq!(keys(theirs), keys(ours), "{at}");
                for (key, value) in theirs {
                    self.compare(&format!("{at}.{key}"), value, &ours[key]);
                }
            }
            (Value::Array(theirs), Value::Array(ours)) => {
                assert_eq!(theirs.len(), ours.len(), "{at}");
                for (theirs, ours) in theirs.iter().zip(ours) {
                    self.compare(at, theirs, ours);
                }
            }
            (Value::String(theirs), Value::String(ours)) if name == "ciphertext" => {
                let prefix = |text: &str| text.rsplit_once(':').unwrap().0.to_owned();
                assert_eq!((prefix(theirs), theirs.len()), (prefix(ours), ours.len()), "{at}");
                self.known.insert(theirs.clone(), ours.clone());
            }
            (Value::String(theirs), Value::String(ours)) if BY_CHANCE.contains(&name) => {
                assert_eq!(theirs.is_empty(), ours.is_empty(), "{at}");
                self.known.insert(theirs.clone(), ours.clone());
            }
            _ => assert_eq!(theirs, ours, "{at}"),
        }
    }
}

#[test]
fn the_stand_in_answers_as_the_real_server_did() {
    let file = "../../tests/fixtures/vault-transit/exchanges.json";
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let record: Value = serde_json::from_str(&text).unwrap();
    let (server, mut replay) = (Vault::start(), Replay::default());
    let exchanges = record["exchanges"].as_array().unwrap();
    assert_eq!(exchanges.len(), 30);
    for exchange in exchanges {
        let (note, request) = (exchange["note"].as_str().unwrap(), &exchange["request"]);
        let mut headers = BTreeMap::new();
        if let Some(token) = request["token"].as_str() {
            headers.insert("x-vault-token".to_owned(), replay.ours(token));
        }
        let answer = server.http.answer(&Request {
            method: request["method"].as_str().unwrap().to_owned(),
            path: request["path"].as_str().unwrap().to_owned(),
            headers,
            body: replay.body(&request["body"]).to_string().into_bytes(),
        });
        let expected = &exchange["response"];
        assert_eq!(Value::from(answer.status), expected["status"], "{note}");
        let kind = ("content-type".to_owned(), "application/json".to_owned());
        assert_eq!(expected["content_type"], kind.1, "{note}");
        assert!(answer.headers.contains(&kind), "{note}");
        let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        // A data key, and the times of key versions.
        let mut theirs = expected["body"].clone();
        for body in [&mut theirs, &mut body] {
            if note == "generate a data key" {
                let length = body["data"]["plaintext"].as_str().unwrap().len();
                body["data"]["plaintext"] = length.into();
            }
        }
        replay.compare(note, &theirs, &body);
    }
}
