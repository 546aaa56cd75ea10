use serde_json::{Value, json};

use crate::harness::{SECRET, TestDir};

fn secret(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\nstringData:\n  password: {SECRET}\n"
    )
}

fn object(directory: &TestDir, path: &str) -> Value {
    let run = directory.seal(&["status", "--json", path]).env("HOME", "/nonexistent").run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_slice(&run.stdout).unwrap()
}

fn ready() -> TestDir {
    let stream = format!("{}---\na: 1\n---\n{}", secret("a"), secret("b"));
    let directory = TestDir::with(&[
        ("clear.yaml", &secret("a")),
        ("one.yaml", &secret("a")),
        ("stream.yaml", &stream),
        ("shared.yaml", &stream),
        ("config.env", &format!("PASSWORD={SECRET}\n")),
    ]);
    directory.done(&["encrypt", "-i", "one.yaml", "stream.yaml"]);
    directory.done(&["encrypt", "-i", "--layout", "sops", "shared.yaml"]);
    directory
}

#[test]
fn says_of_each_file_whether_it_is_encrypted_and_for_whom() {
    let directory = ready();
    let run = directory.seal(&["status", "."]).run();
    run.golden("status/files");
    assert_eq!(run.code, 0);
}

#[test]
fn machines_get_the_envelope_without_any_key() {
    let directory = ready();
    let one = object(&directory, "one.yaml");
    assert_eq!(one["encrypted"], true);
    let file = &one["files"][0];
    assert_eq!((&file["format"], &file["layout"]), (&json!("yaml"), &json!("documents")));
    let envelope = &file["envelopes"][0];
    assert_eq!(envelope["object"], "Secret a");
    assert_eq!(envelope["rule"], json!({"encrypted_regex": "^(data|stringData)$"}));
    assert_eq!(envelope["key_groups"][0][0]["kind"], "age");
    assert!(envelope["lastmodified"].as_str().unwrap().ends_with('Z'));
    let stream = object(&directory, "stream.yaml");
    assert_eq!(stream["files"][0]["documents"], 3);
    assert_eq!(stream["files"][0]["envelopes"].as_array().unwrap().len(), 2);
    let shared = object(&directory, "shared.yaml");
    assert_eq!(shared["files"][0]["layout"], "sops");
    assert_eq!(shared["files"][0]["envelopes"].as_array().unwrap().len(), 1);
    let clear = object(&directory, "clear.yaml");
    assert_eq!(clear["encrypted"], false);
    assert_eq!(clear["files"][0]["layout"], Value::Null);
    assert_eq!(object(&directory, "config.env")["encrypted"], false);
}

#[test]
fn a_block_that_cannot_be_read_is_said_and_is_no_failure() {
    let directory = ready();
    let broken = directory.read("one.yaml").replace("lastmodified", "lastmodifier");
    directory.write("one.yaml", broken);
    let run = directory.seal(&["status", "one.yaml"]).run();
    assert_eq!(
        (run.code, run.out()),
        (0, "one.yaml: not encrypted: its `sops` block cannot be read\n")
    );
    let one = object(&directory, "one.yaml");
    assert_eq!(one["encrypted"], false);
    assert_eq!(one["files"][0]["envelopes"][0]["readable"], false);
}

#[test]
fn what_is_no_yaml_fails_with_its_place() {
    let directory = ready();
    directory.write("broken.yaml", "a: [\n");
    let run = directory.seal(&["status", "broken.yaml", "one.yaml"]).run();
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("broken.yaml:2:1:"), "{}", run.stderr);
    assert!(run.out().starts_with("one.yaml: encrypted"), "{}", run.out());
}
