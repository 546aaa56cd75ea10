//! Files whose data key is wrapped by GCP KMS, as a user makes and opens them; Google is a stand-in.

use crate::gcp_kms::{self as google, GcpKms, POOR_TOKEN, TOKEN};
use crate::harness::{Run, Seal, TestDir};
use crate::manifests::SECRET;

/// A directory with a Secret, and rules that name a key.
fn directory(key: &str) -> TestDir {
    let directory = TestDir::new();
    directory.write("db.yaml", SECRET);
    let rules = format!("creation_rules:\n  - path_regex: .*\n    gcp_kms: {key}\n");
    directory.write(".sops.yaml", rules);
    directory
}

fn with<'d>(run: Seal<'d>, server: &GcpKms, token: &str) -> Seal<'d> {
    run.env("SOPS_GCP_KMS_ENDPOINT", server.server.url())
        .env("GOOGLE_OAUTH_ACCESS_TOKEN", token)
        .env("NO_GCE_CHECK", "true")
}

/// Compares with a golden file, the server's port apart.
#[track_caller]
fn golden(mut run: Run, server: &GcpKms, name: &str) {
    run.stderr = run.stderr.replace(&server.server.url(), "[SERVER]");
    assert!(!run.stderr.contains("HUNTER2"), "{}", run.stderr);
    run.golden(name);
}

#[test]
fn a_file_says_what_sops_says_and_opens_again() {
    let server = GcpKms::start(&["team"]);
    let directory = directory(&google::key("team"));
    let run = with(directory.seal(&["encrypt", "-i", "db.yaml"]), &server, TOKEN).run();
    assert_eq!(run.code, 0, "{}", run.stderr);

    let file: serde_json::Value = serde_yaml::from_str(&directory.read("db.yaml")).unwrap();
    let sops = file["sops"].as_object().unwrap();
    let names: Vec<&str> = sops.keys().map(String::as_str).collect();
    assert!(names.contains(&"gcp_kms") && !names.contains(&"age"), "{names:?}");
    let entries = sops["gcp_kms"].as_array().unwrap();
    assert_eq!(entries.len(), 1);
    let entry = entries[0].as_object().unwrap();
    let mut names: Vec<&str> = entry.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["created_at", "enc", "resource_id"]);
    assert_eq!(entry["resource_id"], google::key("team").as_str());
    let date = entry["created_at"].as_str().unwrap();
    assert!(date.len() == 20 && date.ends_with('Z'), "{date}");
    assert!(entry["enc"].as_str().unwrap().starts_with("CiQA"));

    let run = with(directory.seal(&["decrypt", "db.yaml"]), &server, TOKEN).run();
    assert_eq!((run.code, run.out()), (0, SECRET), "{}", run.stderr);
    assert_eq!((server.server.count(":encrypt"), server.server.count(":decrypt")), (1, 1));
}

#[test]
fn nobody_to_log_in_as() {
    let server = GcpKms::start(&["team"]);
    let directory = directory(&google::key("team"));
    let run = with(directory.seal(&["encrypt", "-i", "db.yaml"]), &server, "").run();
    assert_eq!((run.code, directory.read("db.yaml").as_str()), (4, SECRET), "{}", run.stderr);
    golden(run, &server, "gcp-kms/encrypt-no-credentials");

    let run = with(directory.seal(&["encrypt", "-i", "db.yaml"]), &server, TOKEN).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = with(directory.seal(&["decrypt", "db.yaml"]), &server, "").run();
    assert_eq!((run.code, run.out()), (4, ""));
    golden(run, &server, "gcp-kms/decrypt-no-credentials");
}

#[test]
fn somebody_who_may_not() {
    let server = GcpKms::start(&["team"]);
    let directory = directory(&google::key("team"));
    let run = with(directory.seal(&["encrypt", "-i", "db.yaml"]), &server, POOR_TOKEN).run();
    assert_eq!((run.code, directory.read("db.yaml").as_str()), (4, SECRET), "{}", run.stderr);
    golden(run, &server, "gcp-kms/encrypt-denied");
}

#[test]
fn a_name_that_is_none() {
    let server = GcpKms::start(&["team"]);
    let directory = directory("projects/acme/locations/l/keyRings/r/cryptoKeys/k:decrypt?x=1");
    let run = with(directory.seal(&["encrypt", "-i", "db.yaml"]), &server, TOKEN).run();
    assert_eq!(directory.read("db.yaml"), SECRET);
    assert_ne!(run.code, 0);
    golden(run, &server, "gcp-kms/encrypt-name");
    assert_eq!(server.server.requests().len(), 0);
}
