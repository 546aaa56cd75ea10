use super::{directory, fixture, masked, value};
use crate::harness::TestDir;

const SEALED: &str = "\
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata:
  name: db
  namespace: shop
spec:
  encryptedData:
    # the database user
    username: SEALED
    password: \"SEALED\"   # rotate me
    dsn: SEALED
    token: SEALED
  template:
    metadata:
      name: db
      namespace: shop
      labels: {app: db}
    type: Opaque
";

fn sealed(directory: &TestDir, arguments: &[&str], input: &str) -> String {
    let all = [&["encrypt", "--cluster", "--cert", "cert.pem"], arguments].concat();
    let run = directory.seal(&all).stdin(input).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.out().to_owned()
}

#[test]
fn a_secret_keeps_its_text_and_says_what_kubeseal_would() {
    let directory = directory();
    directory.write("secret.yaml", fixture("secret.yaml"));
    let run = directory.seal(&["encrypt", "--cluster", "--cert", "cert.pem", "secret.yaml"]).run();
    assert_eq!(masked(run.out()), SEALED);
    assert_eq!(
        run.stderr,
        "sealed 1 file (4 secrets in 1 document) for \
         SHA256:S78PByov7whIiPmyj10DwlHTLlzzrzWaDAimVshE+Ao, valid until 2036-11-17\n"
    );
}

#[test]
fn the_content_is_that_of_kubeseal_in_every_scope() {
    let directory = directory();
    for scope in ["strict", "namespace-wide", "cluster-wide"] {
        let ours = sealed(&directory, &["--scope", scope], &fixture("secret.yaml"));
        let theirs = fixture(&format!("sealed-{scope}.yaml"));
        assert_eq!(value(&masked(&ours)), value(&masked(&theirs)), "{scope}");
        // And it opens to what kubeseal's opens to.
        directory.write("sealed.yaml", &ours);
        let run = directory.done(&["decrypt", "--sealing-key", "key.yaml", "sealed.yaml"]);
        let mut theirs = value(&fixture(&format!("unsealed-{scope}.yaml")));
        theirs["metadata"].as_object_mut().unwrap().remove("ownerReferences");
        assert_eq!(value(run.out()), theirs, "{scope}");
    }
}

#[test]
fn the_scope_of_an_annotation_stays_and_an_option_changes_it() {
    let directory = directory();
    let wide = fixture("secret.yaml").replace(
        "  labels:",
        "  annotations: {sealedsecrets.bitnami.com/cluster-wide: \"true\", note: x}\n  labels:",
    );
    let kept = value(&masked(&sealed(&directory, &[], &wide)));
    let annotation = "sealedsecrets.bitnami.com/cluster-wide";
    assert_eq!(kept["metadata"]["annotations"][annotation], "true");
    assert_eq!(kept["spec"]["template"]["metadata"]["annotations"][annotation], "true");
    let narrow = value(&masked(&sealed(&directory, &["--scope", "strict"], &wide)));
    assert_eq!(narrow["metadata"].get("annotations"), None);
    let template = &narrow["spec"]["template"]["metadata"]["annotations"];
    assert_eq!(*template, serde_json::json!({"note": "x"}));
}

#[test]
fn json_in_gives_json_and_everything_else_passes() {
    let directory = directory();
    let json = "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {\"name\": \"a\", \"namespace\": \"b\"}, \
                \"stringData\": {\"p\": \"hunter2\"}}\n";
    let out = sealed(&directory, &[], json);
    let parsed: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(parsed["kind"], "SealedSecret");
    let other = "# only this\nkind:   ConfigMap\napiVersion: v1\n";
    assert_eq!(sealed(&directory, &[], other), other);
}

#[test]
fn a_whole_tree_is_sealed_in_place_and_a_second_run_finds_nothing() {
    let directory = directory();
    let secret = fixture("secret.yaml");
    directory.write("deploy/a/secret.yaml", &secret);
    directory.write("deploy/b.yaml", format!("kind: ConfigMap\napiVersion: v1\n---\n{secret}"));
    directory.write("deploy/values.yaml", "a: {{ .b }}\n");
    let run = directory.done(&["encrypt", "--cluster", "--cert", "cert.pem", "-i", "deploy"]);
    assert!(
        run.stderr.starts_with("sealed 2 files (8 secrets in 2 documents), 1 skipped for "),
        "{}",
        run.stderr
    );
    assert_eq!(masked(&directory.read("deploy/a/secret.yaml")), SEALED);
    assert!(directory.read("deploy/b.yaml").starts_with("kind: ConfigMap\napiVersion: v1\n---\n"));
    let run = directory.done(&["encrypt", "--cluster", "--cert", "cert.pem", "-i", "deploy"]);
    assert_eq!(run.stderr, "nothing to seal, 2 already encrypted, 1 skipped\n");
}

#[test]
fn with_the_sealing_key_unchanged_values_keep_their_ciphertext() {
    let directory = directory();
    directory.write("sealed.yaml", sealed(&directory, &[], &fixture("secret.yaml")));
    let before = directory.read("sealed.yaml");
    let changed = fixture("secret.yaml").replace("username: app", "username: apps");
    let arguments = ["--sealing-key", "key.yaml", "-o", "sealed.yaml"];
    sealed(&directory, &arguments, &changed);
    let after = directory.read("sealed.yaml");
    let differing: Vec<_> = before.lines().zip(after.lines()).filter(|(a, b)| a != b).collect();
    assert_eq!(differing.len(), 1, "{differing:?}");
    assert!(differing[0].1.starts_with("    username: "));
    // Without the key nothing can be compared.
    sealed(&directory, &["-o", "sealed.yaml"], &changed);
    let differing = after
        .lines()
        .zip(directory.read("sealed.yaml").lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|(a, b)| *a != b)
        .count();
    assert_eq!(differing, 4);
}

#[test]
fn a_namespace_is_needed_and_may_be_given() {
    let directory = directory();
    let bare = fixture("secret.yaml").replace("  namespace: shop\n", "");
    let seal = |more: &[&str], input: &str| {
        let all = [&["encrypt", "--cluster", "--cert", "cert.pem"], more].concat();
        directory.seal(&all).stdin(input).run()
    };
    seal(&[], &bare).golden("sealing/no-namespace");
    let given = value(&masked(seal(&["--namespace", "shop"], &bare).out()));
    assert_eq!(given["metadata"]["namespace"], "shop");
    assert_eq!(given["spec"]["template"]["metadata"]["namespace"], "shop");
    seal(&["--namespace", "other"], &fixture("secret.yaml")).golden("sealing/other-namespace");
    assert_eq!(seal(&["--scope", "cluster-wide"], &bare).code, 0);
    let nameless = fixture("secret.yaml").replace("  name: db\n", "  generateName: db-\n");
    seal(&[], &nameless).golden("sealing/no-name");
}

#[test]
fn a_certificate_that_must_not_seal_is_refused_and_nothing_is_written() {
    let directory = directory();
    directory.write("secret.yaml", fixture("secret.yaml"));
    directory.write("no.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
    let run = |cert: &str| {
        directory.seal(&["encrypt", "--cluster", "--cert", cert, "-i", "secret.yaml"]).run()
    };
    run("no.pem").golden("sealing/no-certificate");
    run("missing.pem").golden("sealing/missing-certificate");
    assert_eq!(directory.read("secret.yaml"), fixture("secret.yaml"));
}

#[test]
fn comments_that_may_be_values_are_left_out_and_said() {
    let directory = directory();
    let source = fixture("secret.yaml").replace("  # the database user", "  # password: hunter2");
    let run = directory.seal(&["encrypt", "--cluster", "--cert", "cert.pem"]).stdin(source).run();
    assert!(!run.out().contains("hunter2"), "{}", run.out());
    assert!(
        run.stderr.starts_with("warning: 1 comment in a Secret was left out"),
        "{}",
        run.stderr
    );
}

#[test]
fn options_of_envelopes_make_no_sense_here() {
    let directory = directory();
    for more in [["--age", "age1x"], ["--encrypted-regex", "x"], ["--layout", "sops"]] {
        let all = [&["encrypt", "--cluster"], &more[..]].concat();
        let run = directory.seal(&all).stdin("a: b\n").run();
        assert_eq!(run.code, 2, "{more:?}: {}", run.stderr);
    }
    let run = directory.seal(&["encrypt", "--cert", "cert.pem"]).stdin("a: b\n").run();
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("add `--cluster`"), "{}", run.stderr);
}

#[test]
fn the_summary_for_machines_names_the_certificate() {
    let directory = directory();
    directory.write("secret.yaml", fixture("secret.yaml"));
    let run = directory.done(&[
        "encrypt",
        "--json",
        "--cluster",
        "--cert",
        "cert.pem",
        "-i",
        "secret.yaml",
    ]);
    let object: serde_json::Value = serde_json::from_str(run.out()).unwrap();
    assert_eq!(object["secrets"], 4);
    assert_eq!(object["certificate"]["not_after"], "2036-11-17T12:49:54Z");
}
