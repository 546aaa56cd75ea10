//! Servers with TLS: who is believed, and what is said about those who are not.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use seal_keys::{FailureKind, KeyService, Warning};

use super::{user, wrap};
use crate::vault_server::{ROOT, Vault};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/vault-tls").join(name)
}

fn path(name: &str) -> String {
    fixture(name).to_str().unwrap().to_owned()
}

fn private_key(name: &str) -> Vec<u8> {
    let text = fs::read_to_string(fixture(name)).unwrap();
    STANDARD.decode(text.trim()).unwrap()
}

fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(fixture(name)).unwrap()
}

/// A server behind TLS, and its address.
fn start(asks_for_a_certificate: bool) -> (Vault, String) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = if asks_for_a_certificate {
        let mut roots = RootCertStore::empty();
        roots.add(certificate("ca.pem")).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivateKeyDer::Pkcs8(private_key("server.key.b64").into());
    let config = builder.with_single_cert(vec![certificate("server.pem")], key).unwrap();
    let config = Arc::new(config);
    let vault = Vault::with_key();
    let http = vault.http.clone();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let http = http.clone();
            thread::spawn(move || http.serve(StreamOwned::new(connection, stream)));
        }
    });
    (vault, address)
}

#[test]
fn an_authority_that_is_named_is_believed() {
    let (server, address) = start(false);
    let dir = tempfile::tempdir().unwrap();
    fs::copy(fixture("ca.pem"), dir.path().join("ca.pem")).unwrap();
    let text = fs::read_to_string(fixture("ca.pem")).unwrap();
    for (name, value) in [
        ("VAULT_CACERT", path("ca.pem")),
        ("VAULT_CAPATH", dir.path().to_str().unwrap().to_owned()),
        ("VAULT_CACERT_BYTES", text),
    ] {
        let user = user(&[("VAULT_ADDR", &address), ("VAULT_TOKEN", ROOT), (name, &value)]);
        wrap(&user, &address).unwrap_or_else(|failure| panic!("{name}: {failure}"));
        assert_eq!(user.warnings(), []);
    }
    assert_eq!(server.http.requests().len(), 3);
}

#[test]
fn anybody_else_gets_no_token() {
    let (server, address) = start(false);
    let other = path("other-ca.pem");
    for more in [&[("VAULT_CACERT", &*other)][..], &[], &[("VAULT_SKIP_VERIFY", "false")]] {
        let user = user(&[&[("VAULT_ADDR", &*address), ("VAULT_TOKEN", ROOT)], more].concat());
        let failure = wrap(&user, &address).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unreachable, "{failure}");
        assert!(failure.reason.contains("certificate is not accepted"), "{failure}");
        assert!(failure.next_step().unwrap().contains("VAULT_CACERT"));
    }
    assert_eq!(server.http.requests().len(), 0);
}

#[test]
fn whoever_believes_anybody_is_warned() {
    let (server, address) = start(false);
    let user =
        user(&[("VAULT_ADDR", &address), ("VAULT_TOKEN", ROOT), ("VAULT_SKIP_VERIFY", "true")]);
    assert_eq!(user.warnings(), []);
    wrap(&user, &address).unwrap();
    assert_eq!(user.warnings(), [Warning::Unverified { server: address.clone() }]);
    assert_eq!(server.http.requests().len(), 1);
}

#[test]
fn a_server_may_ask_for_a_certificate() {
    let (server, address) = start(true);
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("client.key");
    let body = STANDARD.encode(private_key("client.key.b64"));
    let label = "PRIVATE KEY";
    fs::write(&key, format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")).unwrap();
    let (ca, certificate) = (path("ca.pem"), path("client.pem"));
    let mut variables =
        vec![("VAULT_ADDR", &*address), ("VAULT_TOKEN", ROOT), ("VAULT_CACERT", &ca)];
    let failure = wrap(&user(&variables), &address).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreachable, "{failure}");
    // What it says then depends on who closes the connection first.
    variables.push(("VAULT_CLIENT_CERT", &certificate));
    let failure = wrap(&user(&variables), &address).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Local, "{failure}");
    variables.push(("VAULT_CLIENT_KEY", key.to_str().unwrap()));
    wrap(&user(&variables), &address).unwrap();
    assert_eq!(server.http.requests().len(), 1);
}

#[test]
fn settings_that_cannot_be_met_are_errors() {
    let (server, address) = start(false);
    let empty = tempfile::tempdir().unwrap();
    let empty = empty.path().to_str().unwrap();
    for (name, value) in [
        ("VAULT_TLS_SERVER_NAME", "vault.example"),
        ("VAULT_SKIP_VERIFY", "maybe"),
        ("VAULT_CACERT", "/none"),
        ("VAULT_CACERT", &path("make.sh")),
        ("VAULT_CACERT_BYTES", "hunter2"),
        ("VAULT_CAPATH", "/none"),
        ("VAULT_CAPATH", empty),
        ("VAULT_CLIENT_KEY", "/none"),
        ("VAULT_CACERT", "hunter2"),
        ("VAULT_CAPATH", "hunter2"),
        ("VAULT_CACERT", "-----BEGIN CERTIFICATE-----\nhunter2/"),
    ] {
        let user = user(&[("VAULT_ADDR", &address), ("VAULT_TOKEN", ROOT), (name, value)]);
        let failure = wrap(&user, &address).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Local, "{name}: {failure}");
        let shown = format!("{failure}; {}", failure.next_step().unwrap());
        assert!(shown.contains(name) && !shown.contains("hunter2"), "{shown}");
    }
    assert_eq!(server.http.requests().len(), 0);
}
