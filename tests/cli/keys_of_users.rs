//! Identities: where they are found, and what is said when none fits.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::harness::TestDir;
use crate::keys::{self, COLLEAGUE, IDENTITY, RECIPIENT};
use crate::manifests::SECRET;

/// A key that opens nothing here.
const OTHER: &str = "AGE-SECRET-KEY-1GQ3JZTQAYMX6UTAWXQEWD0QZ0V2S0LDH2UTPM3RFR5YJEQ7YFGUQ6TJ8NT";

/// A directory with an encrypted `db.yaml`, and no identity.
fn encrypted(recipients: &str) -> TestDir {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    directory.done(&["encrypt", "-i", "--age", recipients, "db.yaml"]);
    fs::remove_file(directory.home(".config/sops/age/keys.txt")).unwrap();
    directory
}

#[test]
fn no_identity_at_all() {
    let directory = encrypted(&format!("{RECIPIENT},{COLLEAGUE}"));
    let run = directory.seal(&["decrypt", "db.yaml"]).run();
    run.golden("keys/no-identity");
    assert_eq!((run.code, run.out()), (4, ""));
    let run = directory.seal(&["decrypt", "db.yaml"]).without("HOME").run();
    run.golden("keys/no-home");
    assert_eq!(run.code, 4);
}

#[test]
fn an_identity_that_does_not_fit() {
    let directory = encrypted(COLLEAGUE);
    directory.write_home(".config/sops/age/keys.txt", &keys::key_file());
    let run = directory.seal(&["decrypt", "db.yaml"]).env("SOPS_AGE_KEY_FILE", "gone.txt").run();
    run.golden("keys/wrong-identity");
    assert_eq!(run.code, 4);
}

#[test]
fn every_place_of_sops_gives_an_identity() {
    let directory = encrypted(RECIPIENT);
    let file = directory.write_home("key.txt", &keys::key_file());
    let file = file.to_str().unwrap();
    let command = format!("cat '{file}'");
    for (name, value) in
        [("SOPS_AGE_KEY", IDENTITY), ("SOPS_AGE_KEY_FILE", file), ("SOPS_AGE_KEY_CMD", &command)]
    {
        let run = directory.seal(&["decrypt", "-q", "db.yaml"]).env(name, value).run();
        assert_eq!((run.code, run.out(), run.stderr.as_str()), (0, SECRET, ""), "{name}");
        let run = directory.seal(&["decrypt", "db.yaml"]).env(name, value).without("HOME").run();
        assert_eq!(run.code, 0, "{name} without HOME: {}", run.stderr);
    }
    let both = format!("{OTHER}\n{IDENTITY}");
    let run = directory.seal(&["decrypt", "db.yaml"]).env("SOPS_AGE_KEY", both).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn a_key_file_that_others_may_read() {
    let directory = encrypted(RECIPIENT);
    let file = directory.write_home(".config/sops/age/keys.txt", &keys::key_file());
    fs::set_permissions(file, Permissions::from_mode(0o644)).unwrap();
    let run = directory.seal(&["decrypt", "db.yaml"]).run();
    assert_eq!(run.out(), SECRET);
    crate::harness::golden("keys/exposed", &run.stderr);
}

#[test]
fn a_command_that_fails_and_a_file_that_holds_no_identity() {
    let directory = encrypted(RECIPIENT);
    let run = directory.seal(&["decrypt", "db.yaml"]).env("SOPS_AGE_KEY_CMD", "false").run();
    run.golden("keys/command-fails");
    let run = directory.seal(&["decrypt", "db.yaml"]).env("SOPS_AGE_KEY_CMD", "'").run();
    assert_eq!(run.code, 4);
    let file = directory.write_home("key.txt", "AGE-SECRET-KEY-1NOTHING hunter2\n");
    let run = directory.seal(&["decrypt", "db.yaml"]).env("SOPS_AGE_KEY_FILE", file).run();
    run.golden("keys/no-identity-in-file");
    assert_eq!(run.code, 4);
}

#[test]
fn a_wrapped_key_that_was_damaged() {
    let directory = encrypted(RECIPIENT);
    directory.write_home(".config/sops/age/keys.txt", &keys::key_file());
    let text = directory.read("db.yaml");
    let (_, wrapped) = text.split_once("-----BEGIN AGE ENCRYPTED FILE-----").unwrap();
    let line = wrapped.lines().nth(2).unwrap().trim();
    directory.write("db.yaml", text.replace(line, &line.replace(&line[..8], "AAAAAAAA")));
    let run = directory.seal(&["decrypt", "db.yaml"]).run();
    run.golden("keys/damaged");
    assert_eq!((run.code, run.out()), (4, ""));
}

#[test]
fn a_message_for_several_files_names_each() {
    let directory = encrypted(RECIPIENT);
    fs::copy(directory.path("db.yaml"), directory.path("db2.yaml")).unwrap();
    let run = directory.seal(&["decrypt", "-i", "db.yaml", "db2.yaml"]).run();
    assert_eq!(run.code, 4);
    assert!(run.stderr.find("db.yaml").unwrap() < run.stderr.find("db2.yaml").unwrap());
}
