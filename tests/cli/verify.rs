use serde_json::Value;

use crate::harness::{Run, SECRET, TestDir};

fn secret(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\nstringData:\n  password: {SECRET}\n"
    )
}

/// Two encrypted Secrets, and a Service.
fn encrypted() -> TestDir {
    let directory = TestDir::with(&[
        ("release/a.yaml", &secret("a")),
        ("release/b.yaml", &secret("b")),
        ("release/service.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n"),
    ]);
    directory.done(&["encrypt", "-i", "release"]);
    directory
}

fn assert_silent(run: &Run) {
    assert!(!String::from_utf8_lossy(&run.stdout).contains(SECRET));
}

#[test]
fn files_that_hold_are_counted_and_nothing_of_them_is_printed() {
    let directory = encrypted();
    for arguments in [&["verify"][..], &["verify", "release"], &["verify", "release/*.yaml"]] {
        let run = directory.seal(arguments).run();
        assert_eq!((run.code, run.out()), (0, ""), "{}", run.stderr);
        assert!(
            run.stderr.contains("verified 2 files (2 secrets in 2 documents)"),
            "{}",
            run.stderr
        );
    }
    let run = directory.seal(&["verify", "-"]).stdin(directory.read("release/a.yaml")).run();
    assert_eq!((run.code, run.out()), (0, ""));
    directory.seal(&["verify"]).run().golden("verify/summary");
}

#[test]
fn an_altered_file_is_refused_and_the_others_are_verified() {
    let directory = encrypted();
    let altered = directory.read("release/a.yaml").replace("name: a", "name: other");
    directory.write("release/a.yaml", &altered);
    let run = directory.seal(&["verify", "release"]).run();
    run.golden("verify/refused");
    assert_eq!(run.code, 3);
    assert_silent(&run);
    let run = directory.seal(&["verify"]).stdin("").run();
    assert_eq!(run.code, 3);
    let run = directory.seal(&["verify", "-"]).stdin(altered).run();
    assert_eq!(run.code, 3);
}

#[test]
fn without_a_key_nothing_is_verified() {
    let directory = encrypted();
    let run = directory.seal(&["verify", "release"]).env("HOME", "/nonexistent").run();
    assert_eq!(run.code, 4);
    assert!(run.stderr.contains("verified nothing, 1 skipped, 2 failed"), "{}", run.stderr);
}

#[test]
fn unbound_envelopes_are_reported_and_refused_on_demand() {
    let directory = encrypted();
    let shared = format!("{}---\n{}", secret("c"), secret("d"));
    directory.write("shared.yaml", shared);
    directory.done(&["encrypt", "-i", "--layout", "sops", "shared.yaml"]);
    let run = directory.seal(&["verify"]).run();
    run.golden("verify/unbound");
    assert_eq!(run.code, 0);
    let run = directory.seal(&["verify", "--require-bound"]).run();
    assert_eq!(run.code, 3);
}

#[test]
fn a_secret_in_clear_passes_unless_all_has_to_be_encrypted() {
    let directory = encrypted();
    directory.write("release/clear.yaml", secret("clear"));
    assert_eq!(directory.seal(&["verify"]).run().code, 0);
    let run = directory.seal(&["verify", "--require-encrypted", "release/clear.yaml"]).run();
    assert_eq!(run.code, 3);
    assert_silent(&run);
}

#[test]
fn sarif_has_the_failures_with_their_places() {
    let directory = encrypted();
    let altered = directory.read("release/a.yaml").replace("name: a", "name: other");
    directory.write("release/a.yaml", altered);
    directory.write("broken.yaml", "sops: [\n");
    let run = directory.seal(&["verify", "--format", "sarif"]).run();
    assert_eq!(run.code, 3);
    let log: Value = serde_json::from_slice(&run.stdout).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let ids: Vec<_> = results.iter().map(|result| result["ruleId"].as_str().unwrap()).collect();
    assert_eq!(ids, ["failed", "refused"]);
    let uri = &results[1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(uri, "release/a.yaml");
    let run = directory.seal(&["verify", "--json"]).run();
    let object: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(object["files"], 1);
    assert_eq!(object["errors"].as_array().unwrap().len(), 2);
}
