//! The real `sops`, where it is on PATH, and our own program ask the same stand-ins of clouds, at the clouds' real
//! addresses: both go through a proxy that ends TLS. So what SOPS really sends is seen, too.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::azure_key_vault::{self as azure, AzureKeyVault, VERSION};
use crate::gcp_kms::{self as google, GcpKms, TOKEN};
use crate::harness::TestDir;
use crate::harness::not_run::not_run;
use crate::manifests::SECRET;
use crate::stand_in::StandIn;

/// The proxy; it ends with its standard input, and so with the test.
struct Relay {
    child: Child,
    port: u16,
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests").join(name)
}

impl Relay {
    /// `None` where Python or `sops` cannot be had, which is said.
    fn start(test: &str, hosts: &[(&str, &StandIn)]) -> Option<Self> {
        if Command::new("sops").arg("--disable-version-check").arg("-v").output().is_err() {
            not_run(test, "sops is not on PATH");
            return None;
        }
        let mut python = Command::new("python3");
        python.arg(fixture("harness/tls_relay.py"));
        python.args([fixture("fixtures/tls/server.pem"), fixture("fixtures/tls/server-key.pem")]);
        for (host, server) in hosts {
            let port = server.url().rsplit(':').next().unwrap().to_owned();
            python.arg(format!("{host}={port}"));
        }
        let child = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let Ok(mut child) = child else {
            not_run(test, "python3 is not on PATH");
            return None;
        };
        let mut line = String::new();
        let mut stdout: BufReader<ChildStdout> = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        Some(Self { child, port: line.trim().parse().unwrap() })
    }

    /// What both programs need to come here.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let authority = fixture("fixtures/tls/authority.pem").canonicalize().unwrap();
        vec![
            ("HTTPS_PROXY", format!("http://127.0.0.1:{}", self.port)),
            ("SSL_CERT_FILE", authority.to_str().unwrap().to_owned()),
        ]
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Encrypts with each program and decrypts with the other.
#[track_caller]
fn both_ways(directory: &TestDir, variables: &[(&'static str, String)]) {
    let sops = |arguments: &[&str]| {
        let mut sops = Command::new("sops");
        sops.arg("--disable-version-check").args(arguments).current_dir(directory.path(""));
        sops.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        sops.env("HOME", directory.home("")).envs(variables.iter().cloned());
        let output = sops.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "sops {arguments:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    };
    let seal = |arguments: &[&str]| {
        let run = directory.seal(arguments);
        let run = variables.iter().fold(run, |run, (name, value)| run.env(name, value)).run();
        assert_eq!(run.code, 0, "seal {arguments:?}: {}", run.stderr);
        run.out().to_owned()
    };
    let values = |text: &str| serde_yaml::from_str::<serde_json::Value>(text).unwrap();
    directory.write("ours.yaml", SECRET);
    directory.write("theirs.yaml", SECRET);
    seal(&["encrypt", "-i", "ours.yaml"]);
    sops(&["encrypt", "-i", "theirs.yaml"]);
    assert_eq!(values(&sops(&["decrypt", "ours.yaml"])), values(SECRET));
    assert_eq!(values(&seal(&["decrypt", "theirs.yaml"])), values(SECRET));
}

#[test]
fn sops_and_we_open_each_others_files_of_gcp_kms() {
    let server = GcpKms::start(&["team"]);
    let hosts = [("cloudkms.googleapis.com", &server.server)];
    let test = "sops_and_we_open_each_others_files_of_gcp_kms";
    let Some(relay) = Relay::start(test, &hosts) else { return };
    let directory = TestDir::new();
    let key = google::key("team");
    let rules = format!("creation_rules:\n  - path_regex: .*\n    gcp_kms: {key}\n");
    directory.write(".sops.yaml", rules);
    let mut variables = relay.variables();
    variables.push(("GOOGLE_OAUTH_ACCESS_TOKEN", TOKEN.to_owned()));
    variables.push(("SOPS_GCP_KMS_CLIENT_TYPE", "rest".to_owned()));
    both_ways(&directory, &variables);
    assert_eq!((server.server.count(":encrypt"), server.server.count(":decrypt")), (2, 2));
}

#[test]
fn sops_and_we_open_each_others_files_of_azure_key_vault() {
    let server = AzureKeyVault::start(&["team"]);
    let entra = azure::entra();
    let hosts =
        [("acme-prod.vault.azure.net", &server.server), ("login.microsoftonline.com", &entra)];
    let test = "sops_and_we_open_each_others_files_of_azure_key_vault";
    let Some(relay) = Relay::start(test, &hosts) else { return };
    let directory = TestDir::new();
    let url = format!("{}/keys/team/{VERSION}", azure::URL);
    let rules = format!("creation_rules:\n  - path_regex: .*\n    azure_keyvault: {url}\n");
    directory.write(".sops.yaml", rules);
    let certificate = fixture("fixtures/azure-key-vault/certificate.pem").canonicalize().unwrap();
    for (name, value) in [
        ("AZURE_CLIENT_SECRET", "SECRET-HUNTER2"),
        ("AZURE_CLIENT_CERTIFICATE_PATH", certificate.to_str().unwrap()),
    ] {
        let mut variables = relay.variables();
        for (name, value) in
            [("AZURE_TENANT_ID", "acme"), ("AZURE_CLIENT_ID", "app"), (name, value)]
        {
            variables.push((name, value.to_owned()));
        }
        let asked = |verb: &str| server.server.count(verb);
        let before = (asked("/encrypt?"), asked("/decrypt?"));
        both_ways(&directory, &variables);
        // SOPS asks without a token first, to be told where to log in.
        assert_eq!(
            (asked("/encrypt?") - before.0, asked("/decrypt?") - before.1),
            (3, 3),
            "{name}"
        );
    }
}
