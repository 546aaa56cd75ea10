//! SealedSecrets: `encrypt --cluster`, and what opens and changes them with sealing keys from files.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::harness::TestDir;

mod certificate;
mod controller;
mod encrypt;
mod open;
mod rotate;
mod values;

/// A file of `tests/fixtures/kubeseal`: made by kubeseal 0.36.6.
fn fixture(name: &str) -> String {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/kubeseal").join(name);
    fs::read_to_string(path).unwrap()
}

/// A directory with `cert.pem` and `key.yaml` of one cluster, and `other-cert.pem` and `other-key.pem` of another.
fn directory() -> TestDir {
    let directory = TestDir::new();
    directory.write("cert.pem", fixture("sealing-cert.pem"));
    directory.write("key.yaml", fixture("sealing-key.yaml"));
    let vectors: serde_json::Value = serde_json::from_str(&fixture("vectors.json")).unwrap();
    let key = &vectors["keys"][0];
    directory.write("other-cert.pem", key["cert_pem"].as_str().unwrap());
    let der = key.as_object().unwrap().iter().find(|(name, _)| name.contains("pkcs1")).unwrap().1;
    let body: Vec<char> = der.as_str().unwrap().chars().collect();
    let lines: Vec<String> = body.chunks(64).map(|line| line.iter().collect()).collect();
    directory.write(
        "other-key.pem",
        format!(
            "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n",
            lines.join("\n")
        ),
    );
    directory
}

/// A text with every sealed value replaced by a mark.
fn masked(text: &str) -> String {
    let regex = regex::Regex::new("Ag[A-Za-z0-9+/]{600,}={0,2}").unwrap();
    regex.replace_all(text, "SEALED").into_owned()
}

/// A document as a value, whatever its spelling.
fn value(yaml: &str) -> serde_json::Value {
    serde_yaml::from_str(yaml).unwrap()
}

fn base64(text: &str) -> String {
    BASE64_STANDARD.encode(text)
}
