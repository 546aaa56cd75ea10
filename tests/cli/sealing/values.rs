use super::{directory, fixture};
use crate::harness::{Run, TestDir};

fn ready() -> TestDir {
    let directory = directory();
    directory.write("secret.yaml", fixture("secret.yaml"));
    directory.done(&[
        "encrypt",
        "--cluster",
        "--cert",
        "cert.pem",
        "-o",
        "sealed.yaml",
        "secret.yaml",
    ]);
    directory
}

/// The keys of the lines that differ.
#[track_caller]
fn changed(before: &str, after: &str) -> Vec<String> {
    assert_eq!(before.lines().count(), after.lines().count());
    let pairs = before.lines().zip(after.lines()).filter(|(one, other)| one != other);
    pairs.map(|(_, after)| after.trim_start().split(':').next().unwrap().to_owned()).collect()
}

fn value(directory: &TestDir, key: &str) -> String {
    let path = format!("stringData/{key}");
    let run = directory.done(&["get", "--sealing-key", "key.yaml", "sealed.yaml", &path]);
    run.out().to_owned()
}

#[test]
fn set_seals_one_value_with_the_certificate_alone() {
    let directory = ready();
    let before = directory.read("sealed.yaml");
    for (path, given, key, expected) in [
        ("stringData/password", &["--string", "hunter2-new"][..], "password", "hunter2-new"),
        ("data/token", &["--encode", "hunter2"], "token", "hunter2"),
        ("spec/encryptedData/dsn", &["\"a\\nhunter2\""], "dsn", "a\nhunter2"),
    ] {
        let before = directory.read("sealed.yaml");
        let all = [&["set", "--cert", "cert.pem", "sealed.yaml", path], given].concat();
        assert_eq!(directory.done(&all).stderr, "set 1 value\n");
        assert_eq!(changed(&before, &directory.read("sealed.yaml")), [key]);
        assert_eq!(value(&directory, key), expected);
    }
    assert_eq!(changed(&before, &directory.read("sealed.yaml")), ["password", "dsn", "token"]);
}

#[test]
fn a_new_key_is_one_more_line_and_unset_takes_it_away() {
    let directory = ready();
    let before = directory.read("sealed.yaml");
    directory.done(&[
        "set",
        "--cert",
        "cert.pem",
        "sealed.yaml",
        "stringData/new",
        "--string",
        "hunter2",
    ]);
    assert_eq!(directory.read("sealed.yaml").lines().count(), before.lines().count() + 1);
    assert_eq!(value(&directory, "new"), "hunter2");
    directory.done(&["unset", "sealed.yaml", "data/new"]);
    assert_eq!(directory.read("sealed.yaml"), before);
    directory.done(&["unset", "--idempotent", "sealed.yaml", "data/new"]);
    directory.seal(&["unset", "sealed.yaml", "data/new"]).run().golden("sealing/unset-nothing");
}

#[test]
fn with_the_sealing_key_the_same_value_changes_nothing() {
    let directory = ready();
    let before = directory.read("sealed.yaml");
    let arguments = [
        "set",
        "--cert",
        "cert.pem",
        "--sealing-key",
        "key.yaml",
        "sealed.yaml",
        "stringData/password",
    ];
    let run = directory.done(&[&arguments[..], &["--string", "hunter2"]].concat());
    assert_eq!(run.stderr, "nothing to set\n");
    assert_eq!(directory.read("sealed.yaml"), before);
}

#[test]
fn what_is_no_value_of_a_sealed_secret_cannot_be_set() {
    let directory = ready();
    let set = |path: &str, given: &[&str]| {
        directory.seal(&[&["set", "--cert", "cert.pem", "sealed.yaml", path], given].concat()).run()
    };
    set("metadata/name", &["--string", "x"]).golden("sealing/set-no-value");
    set("stringData/password", &["5"]).golden("sealing/set-no-text");
    set("data/password", &["--string", "hunter2"]).golden("sealing/set-no-base64");
}

/// Edits with a script that gets the file's name.
fn edit(directory: &TestDir, script: &str, more: &[&str]) -> Run {
    directory.write("editor.sh", script);
    let editor = format!("bash {}", directory.path("editor.sh").display());
    let all = [&["edit", "--cert", "cert.pem", "sealed.yaml"], more].concat();
    directory.seal(&all).env("EDITOR", editor).run()
}

#[test]
fn edit_without_a_key_shows_marks_and_seals_what_is_written_over_them() {
    let directory = ready();
    let before = directory.read("sealed.yaml");
    let run = edit(
        &directory,
        "cp \"$1\" shown.yaml; sed -i 's/password: .*/password: \"hunter2-new\"   # rotate me/; s/app: db/app: db2/' \"$1\"\n",
        &[],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    let shown = directory.read("shown.yaml");
    assert!(shown.contains("username: <sealed value 1>\n"), "{shown}");
    assert!(shown.contains("password: \"<sealed value 2>\"   # rotate me\n"), "{shown}");
    assert_eq!(changed(&before, &directory.read("sealed.yaml")), ["password", "labels"]);
    assert_eq!(value(&directory, "password"), "hunter2-new");
    assert_eq!(value(&directory, "username"), "app");
}

#[test]
fn edit_with_a_key_shows_the_values_and_keeps_what_stays() {
    let directory = ready();
    let before = directory.read("sealed.yaml");
    let run = edit(
        &directory,
        "cp \"$1\" shown.yaml; sed -i 's/username: app/username: apps/' \"$1\"\n",
        &["--sealing-key", "key.yaml"],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    let shown = directory.read("shown.yaml");
    assert!(shown.contains("password: \"hunter2\"   # rotate me\n"), "{shown}");
    assert_eq!(changed(&before, &directory.read("sealed.yaml")), ["username"]);
    assert_eq!(value(&directory, "username"), "apps");
}

#[test]
fn edit_refuses_to_move_a_value_that_it_cannot_open() {
    let directory = ready();
    let before = directory.read("sealed.yaml");
    let run = edit(&directory, "sed -i '0,/name: db$/s//name: db2/' \"$1\"\n", &[]);
    run.golden("sealing/edit-moved");
    assert_eq!(directory.read("sealed.yaml"), before);
    // With the key all of them are sealed for the new name.
    let run = edit(
        &directory,
        "sed -i '0,/name: db$/s//name: db2/' \"$1\"\n",
        &["--sealing-key", "key.yaml"],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(value(&directory, "password"), "hunter2");
}

#[test]
fn edit_that_changes_nothing_writes_nothing() {
    let directory = ready();
    let before = directory.read("sealed.yaml");
    let run = edit(&directory, "true\n", &["--sealing-key", "key.yaml"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(directory.read("sealed.yaml"), before);
}
