//! Keys of Vault, as a user meets them, and the real `sops` at the same server.

use std::process::Command;

use serde_yaml::Value;

use crate::harness::not_run::not_run;
use crate::harness::{Run, Seal, TestDir};
use crate::manifests::SECRET;
use crate::stand_in::{Fault, Response, StandIn};
use crate::vault_server::{ROOT, Vault};

fn rules(uri: &str) -> String {
    format!(
        "creation_rules:\n  - hc_vault_transit_uri: {uri}\n    encrypted_regex: ^(data|stringData)$\n    mac_only_encrypted: true\n"
    )
}

/// A directory whose rules name a key of a server.
fn directory(server: &Vault, engine: &str) -> TestDir {
    server.key(engine, "app");
    let directory = TestDir::new();
    directory.write(".sops.yaml", rules(&format!("{}/v1/{engine}/keys/app", server.url())));
    directory.write("db.yaml", SECRET);
    directory
}

trait As {
    /// With the server's address and a token.
    fn with(self, server: &Vault, token: &str) -> Self;
}

impl As for Seal<'_> {
    fn with(self, server: &Vault, token: &str) -> Self {
        self.env("VAULT_ADDR", server.url()).env("VAULT_TOKEN", token)
    }
}

fn encrypted(server: &Vault) -> TestDir {
    let directory = directory(server, "transit");
    let run = directory.seal(&["encrypt", "-i", "db.yaml"]).with(server, ROOT).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    directory
}

/// Compares with a golden file, in which no port stands.
fn golden(mut run: Run, server: &Vault, name: &str) {
    run.stderr = run.stderr.replace(&server.url(), "http://[VAULT]");
    run.golden(&format!("vault/{name}"));
}

#[test]
fn a_file_goes_there_and_back() {
    let server = Vault::start();
    let directory = directory(&server, "secrets/teams/a/transit");
    let run = directory.seal(&["encrypt", "-i", "db.yaml"]).with(&server, ROOT).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    let text = directory.read("db.yaml");
    let entry = &metadata(&text)["hc_vault"][0];
    assert_eq!(entry["vault_address"].as_str(), Some(&*server.url()));
    assert_eq!(entry["engine_path"].as_str(), Some("secrets/teams/a/transit"));
    assert_eq!(entry["key_name"].as_str(), Some("app"));
    assert!(entry["enc"].as_str().unwrap().starts_with("vault:v1:"));
    assert_eq!(entry.as_mapping().unwrap().len(), 5, "{text}");
    let run = directory.seal(&["decrypt", "-q", "db.yaml"]).with(&server, ROOT).run();
    assert_eq!((run.code, run.out(), run.stderr.as_str()), (0, SECRET, ""));
    assert_eq!(server.http.requests().len(), 2);
}

#[test]
fn a_token_of_vault_login_is_enough() {
    let server = Vault::start();
    let directory = directory(&server, "transit");
    directory.write_home(".vault-token", &format!("{ROOT}\n"));
    let run = directory.seal(&["encrypt", "-i", "db.yaml"]).env("VAULT_ADDR", server.url()).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn a_key_that_is_typed_names_its_server() {
    let server = Vault::start();
    let directory = directory(&server, "transit");
    let uri = format!("{}/v1/transit/keys/app", server.url());
    for option in [&["--hc-vault-transit", &*uri][..], &[]] {
        directory.write("db.yaml", SECRET);
        let run = directory
            .seal(&[&["encrypt", "-i", "db.yaml"], option].concat())
            .env("VAULT_TOKEN", ROOT)
            .env("SOPS_VAULT_URIS", if option.is_empty() { &*uri } else { "" })
            .run();
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    assert_eq!(server.http.count("transit/encrypt"), 2);
}

/// A run that fails: nothing printed, nothing written.
fn fails(directory: &TestDir, run: impl Fn(Seal<'_>) -> Run) -> (Run, Run) {
    let before = directory.read("db.yaml");
    let printed = run(directory.seal(&["decrypt", "db.yaml"]));
    assert_eq!((printed.code, printed.out()), (4, ""), "{}", printed.stderr);
    let replaced = run(directory.seal(&["decrypt", "-i", "db.yaml"]));
    assert_eq!(replaced.code, 4);
    assert_eq!(directory.read("db.yaml"), before);
    directory.write("new.yaml", SECRET);
    let encrypted = run(directory.seal(&["encrypt", "-i", "new.yaml"]));
    assert_eq!((encrypted.code, directory.read("new.yaml").as_str()), (4, SECRET));
    (printed, encrypted)
}

#[test]
fn no_token() {
    let server = Vault::start();
    let directory = encrypted(&server);
    let asked = server.http.requests().len();
    let (decrypt, encrypt) = fails(&directory, |seal| seal.env("VAULT_ADDR", server.url()).run());
    golden(decrypt, &server, "no-token");
    golden(encrypt, &server, "no-token-encrypt");
    assert_eq!(server.http.requests().len(), asked);
}

#[test]
fn denied() {
    let server = Vault::start();
    let directory = encrypted(&server);
    let token = server.token(&["transit/encrypt/other"]);
    let (decrypt, encrypt) = fails(&directory, |seal| seal.with(&server, &token).run());
    assert!(!format!("{decrypt:?}{encrypt:?}").contains(&token));
    golden(decrypt, &server, "denied");
    golden(encrypt, &server, "denied-encrypt");
}

#[test]
fn sealed() {
    let server = Vault::start();
    let directory = encrypted(&server);
    server.seal();
    let (decrypt, _) = fails(&directory, |seal| seal.with(&server, ROOT).run());
    golden(decrypt, &server, "sealed");
}

#[test]
fn a_server_that_only_the_file_names() {
    let server = Vault::start();
    let directory = encrypted(&server);
    let asked = server.http.requests().len();
    let (decrypt, encrypt) = fails(&directory, |seal| {
        seal.env("VAULT_ADDR", "https://vault.example:8200").env("VAULT_TOKEN", ROOT).run()
    });
    golden(decrypt, &server, "not-allowed");
    golden(encrypt, &server, "not-allowed-encrypt");
    assert_eq!(server.http.requests().len(), asked);
}

#[test]
fn many_files_log_in_once() {
    let server = Vault::start();
    let directory = directory(&server, "transit");
    for number in 0..10 {
        directory.write(&format!("files/{number}.yaml"), SECRET);
    }
    let paths = ["transit/encrypt/app", "transit/decrypt/app"];
    let role_id = server.role("approle", "approle", "ci", &paths, 3600);
    server.secret_of("approle", "ci", "hunter2");
    let run = directory
        .seal(&["encrypt", "-i", "files"])
        .env("VAULT_ADDR", server.url())
        .env("VAULT_ROLE_ID", role_id)
        .env("VAULT_SECRET_ID", "hunter2")
        .run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!((server.logins(), server.http.count("transit/encrypt")), (1, 10));
}

fn metadata(text: &str) -> Value {
    let root: Value = serde_yaml::from_str(text).unwrap();
    root["sops"].clone()
}

/// The one entry of `hc_vault`, but for what is drawn by chance.
fn entry(text: &str) -> Value {
    let mut entry = metadata(text)["hc_vault"][0].clone();
    let enc = entry["enc"].as_str().unwrap();
    entry["enc"] = Value::from(format!("{}… of {}", enc.split_at(9).0, enc.len()));
    let date = entry["created_at"].as_str().unwrap().to_owned();
    assert!(date.ends_with('Z') && date.len() == 20, "{date}");
    entry["created_at"] = Value::Null;
    entry
}

/// Without 1.0, which SOPS writes as 1.
const TEXT: &str = "db:\n  password: hunter2\n  port: 5432\nhosts: [a, b]\n";

#[test]
fn sops_and_seal_read_each_other() {
    let test = "cli sops and seal read each other's files under a key of Vault";
    if Command::new("sops").args(["--version", "--disable-version-check"]).output().is_err() {
        return not_run(test, "sops is not on PATH");
    }
    let server = Vault::start();
    let engine = "secrets/teams/a/transit";
    let directory = directory(&server, engine);
    let uri = format!("{}/v1/{engine}/keys/app", server.url());
    directory.write(".sops.yaml", format!("creation_rules:\n  - hc_vault_transit_uri: {uri}\n"));
    let sops = |arguments: &[&str]| {
        let output = Command::new("sops")
            .args(arguments)
            .current_dir(directory.path(""))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", directory.home(""))
            .env("VAULT_TOKEN", ROOT)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "sops {arguments:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    };
    let values = |text: &str| serde_yaml::from_str::<Value>(text).unwrap();

    directory.write("theirs.yaml", TEXT);
    sops(&["encrypt", "-i", "theirs.yaml"]);
    let run = directory.seal(&["decrypt", "theirs.yaml"]).with(&server, ROOT).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(values(run.out()), values(TEXT));

    directory.write("ours.yaml", TEXT);
    let run = directory.seal(&["encrypt", "-i", "ours.yaml"]).with(&server, ROOT).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(values(&sops(&["decrypt", "ours.yaml"])), values(TEXT));

    assert_eq!(entry(&directory.read("ours.yaml")), entry(&directory.read("theirs.yaml")));
    // What sops asks is what the stand-in was proven with.
    let methods: Vec<_> = server.http.requests().into_iter().map(|r| (r.method, r.path)).collect();
    let path = |method: &str, operation: &str| {
        (method.to_owned(), format!("/v1/{engine}/{operation}/app"))
    };
    assert_eq!(
        methods,
        [
            path("PUT", "encrypt"),
            path("POST", "decrypt"),
            path("POST", "encrypt"),
            path("PUT", "decrypt"),
        ]
    );
}

#[test]
fn a_redirect_is_not_followed() {
    let server = Vault::start();
    let directory = encrypted(&server);
    let other = StandIn::start(|_| Response::text(200, ""));
    let response = Response::text(307, "").with("location", &other.url());
    server.http.inject(Fault::Always(response));
    let run = directory.seal(&["decrypt", "db.yaml"]).with(&server, ROOT).run();
    assert_eq!(run.code, 4);
    assert!(run.stderr.contains(&format!("sends us to {}", other.url())), "{}", run.stderr);
    assert_eq!(other.requests().len(), 0);
}
