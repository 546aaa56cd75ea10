use super::{directory, fixture, masked};

const OFFLINE: [&str; 8] = [
    "rotate",
    "--cluster",
    "--sealing-key",
    "key.yaml",
    "--sealing-key",
    "other-key.pem",
    "--cert",
    "other-cert.pem",
];

#[test]
fn a_tree_is_sealed_again_for_the_new_certificate_and_nothing_else_changes() {
    let directory = directory();
    let sealed =
        fixture("sealed-strict.yaml").replace("    password:", "    # rotate me\n    password:");
    directory.write("deploy/a.yaml", format!("{sealed}---\nkind: ConfigMap\napiVersion: v1\n"));
    directory.write("deploy/b.json", fixture("sealed-strict.json"));
    directory.write("deploy/c.yaml", fixture("secret.yaml"));
    let run = directory.seal(&[&OFFLINE[..], &["--dry-run", "deploy"]].concat()).run();
    assert_eq!(run.code, 5, "{}", run.stderr);
    assert!(run.out().contains("8 values  an older key"), "{}", run.out());
    assert_eq!(directory.read("deploy/b.json"), fixture("sealed-strict.json"));
    let run = directory.done(&[&OFFLINE[..], &["-i", "deploy"]].concat());
    assert!(
        run.stderr.starts_with("rotated 2 files (8 secrets in 2 documents), 1 skipped to SHA256:"),
        "{}",
        run.stderr
    );
    let after = directory.read("deploy/a.yaml");
    let mask = |text: &str| {
        regex::Regex::new("A[gQ][A-Za-z0-9+/]{300,}={0,2}")
            .unwrap()
            .replace_all(text, "SEALED")
            .into_owned()
    };
    assert_eq!(mask(&after), masked(&format!("{sealed}---\nkind: ConfigMap\napiVersion: v1\n")));
    assert_eq!(directory.read("deploy/c.yaml"), fixture("secret.yaml"));
    directory.done(&["verify", "--sealing-key", "other-key.pem", "deploy/a.yaml", "deploy/b.json"]);
    // Nothing hangs on the old key any more.
    let run = directory.done(&[&OFFLINE[..], &["-i", "deploy"]].concat());
    assert_eq!(run.stderr, "nothing to rotate, 2 already encrypted, 1 skipped\n");
    assert_eq!(directory.read("deploy/a.yaml"), after);
    assert_eq!(directory.seal(&[&OFFLINE[..], &["--dry-run", "deploy"]].concat()).run().code, 0);
}

#[test]
fn a_value_that_no_key_opens_leaves_its_file_as_it_was() {
    let directory = directory();
    directory.write("a.yaml", fixture("sealed-strict.yaml"));
    directory
        .seal(&[
            "rotate",
            "--cluster",
            "--sealing-key",
            "other-key.pem",
            "--cert",
            "other-cert.pem",
            "-i",
            "a.yaml",
        ])
        .run()
        .golden("sealing/rotate-no-key");
    assert_eq!(directory.read("a.yaml"), fixture("sealed-strict.yaml"));
}

#[test]
fn a_dry_run_and_a_certificate_need_the_keys() {
    let directory = directory();
    directory.write("a.yaml", fixture("sealed-strict.yaml"));
    directory
        .seal(&["rotate", "--cluster", "--dry-run", "a.yaml"])
        .run()
        .golden("sealing/rotate-dry-without-keys");
    directory
        .seal(&["rotate", "--cluster", "--cert", "cert.pem", "-i", "a.yaml"])
        .run()
        .golden("sealing/rotate-cert-without-keys");
}
