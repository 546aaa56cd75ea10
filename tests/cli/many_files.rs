//! Many files under one key of a service: how often it is asked, and what happens when it is not there.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::gcp_kms::{GcpKms, TOKEN, key};
use crate::harness::{Run, TestDir};
use crate::manifests::SECRET;
use crate::stand_in::Fault;

const FILES: usize = 40;

/// So many files with a Secret each, and rules that name a key.
fn directory() -> TestDir {
    let directory = TestDir::new();
    for number in 0..FILES {
        directory.write(&name(number), SECRET);
    }
    let rules = format!("creation_rules:\n  - gcp_kms: {}\n", key("team"));
    directory.write(".sops.yaml", rules);
    directory
}

fn name(number: usize) -> String {
    format!("files/{number}.yaml")
}

#[track_caller]
fn seal(directory: &TestDir, server: &GcpKms, arguments: &[&str]) -> Run {
    seal_in(directory, server, arguments, "60")
}

/// With so many seconds for a call.
#[track_caller]
fn seal_in(directory: &TestDir, server: &GcpKms, arguments: &[&str], seconds: &str) -> Run {
    directory
        .seal(arguments)
        .env("SOPS_GCP_KMS_ENDPOINT", server.server.url())
        .env("GOOGLE_OAUTH_ACCESS_TOKEN", TOKEN)
        .env("SEAL_KEY_CALL_TIMEOUT", seconds)
        .run()
}

/// How often a server was asked to encrypt and to decrypt.
fn counts(server: &GcpKms) -> (usize, usize) {
    (server.server.count(":encrypt"), server.server.count(":decrypt"))
}

#[test]
fn each_file_has_a_data_key_of_its_own() {
    let (server, directory) = (GcpKms::start(&["team"]), directory());
    let run = seal(&directory, &server, &["encrypt", "-i", "files"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = seal(&directory, &server, &["decrypt", "-i", "files"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(counts(&server), (FILES, FILES));
    assert!((0..FILES).all(|number| directory.read(&name(number)) == SECRET));
}

#[test]
fn a_shared_data_key_takes_one_call_each_way() {
    let (server, directory) = (GcpKms::start(&["team"]), directory());
    let run = seal(&directory, &server, &["encrypt", "-i", "--shared-data-key", "files"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(counts(&server), (1, 0));
    let enc = |number| {
        let file: serde_json::Value = serde_yaml::from_str(&directory.read(&name(number))).unwrap();
        file["sops"]["gcp_kms"][0]["enc"].as_str().unwrap().to_owned()
    };
    assert!((1..FILES).all(|number| enc(number) == enc(0)));
    let run = seal(&directory, &server, &["decrypt", "-i", "files"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(counts(&server), (1, 1));
    assert!((0..FILES).all(|number| directory.read(&name(number)) == SECRET));
}

#[test]
fn a_shared_data_key_lives_for_one_run_and_one_set_of_keys() {
    let server = GcpKms::start(&["team", "other"]);
    let directory = directory();
    let rules = format!(
        "creation_rules:\n  - path_regex: 1\\.yaml$\n    gcp_kms: {}\n  - gcp_kms: {}\n",
        key("other"),
        key("team")
    );
    directory.write(".sops.yaml", rules);
    let run = seal(&directory, &server, &["encrypt", "-i", "--shared-data-key", "files"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(counts(&server), (2, 0));
    // Another run, another data key; what is encrypted stays with its own.
    directory.write("files/new.yaml", SECRET);
    let before = directory.read(&name(0));
    let run = seal(&directory, &server, &["encrypt", "-i", "--shared-data-key", "files"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(counts(&server), (3, 0));
    assert_eq!(directory.read(&name(0)), before);
}

/// Somebody who is added to one file must not get what opens the others, which the old recipients share.
#[test]
fn a_change_of_recipients_draws_a_new_data_key() {
    let server = GcpKms::start(&["team", "other"]);
    let directory = directory();
    let run = seal(&directory, &server, &["encrypt", "-i", "--shared-data-key", "files"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = seal(&directory, &server, &["decrypt", "-i", &name(0)]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let shared = directory.read(&name(1));
    let rules = format!("creation_rules:\n  - gcp_kms: '{},{}'\n", key("team"), key("other"));
    directory.write(".sops.yaml", rules);
    // The other files share a data key with the version that is there, and are in the run.
    let arguments = ["encrypt", "-i", "--shared-data-key", "--previous", &name(1), &name(0)];
    let run = seal(&directory, &server, &arguments);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let values = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.contains("ENC["));
        lines.map(str::to_owned).collect()
    };
    let new = directory.read(&name(0));
    assert!(values(&new).iter().all(|line| !values(&shared).contains(line)));
    let groups: serde_json::Value = serde_yaml::from_str(&new).unwrap();
    assert_eq!(groups["sops"]["gcp_kms"].as_array().unwrap().len(), 2);
    // One for the first run, and one for each recipient of the second.
    assert_eq!(server.server.count(":encrypt"), 3);
}

#[test]
fn a_server_that_gives_no_answer_is_not_waited_for_by_every_file() {
    let (server, directory) = (GcpKms::start(&["team"]), directory());
    server.server.inject(Fault::Hangs);
    let started = Instant::now();
    let run = seal_in(&directory, &server, &["encrypt", "-i", "files"], "0.5");
    assert_eq!(run.code, 4);
    assert!(run.stderr.contains("no answer within 0.5 s"), "{}", run.stderr);
    // Eight files at a time: one after the other they would take ten times as long as the first eight.
    assert!(counts(&server).0 <= 16, "{:?}", counts(&server));
    assert!(started.elapsed() < Duration::from_secs(20));
    assert!((0..FILES).all(|number| directory.read(&name(number)) == SECRET));
    assert_no_leftovers(&directory.path("files"));
}

fn assert_no_leftovers(directory: &Path) {
    assert_eq!(std::fs::read_dir(directory).unwrap().count(), FILES);
}
