//! `--merge-into`

use super::sealing::CERT;
use super::{Kubeseal, SECRET, masked};

const FILE: &str = "\
# kept by the team
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata:
  name: db   # do not rename
  namespace: shop
spec:
  encryptedData:
    user: AgOLD
    password: AgOLD
  template:
    metadata:
      name: db
    data:
      url: 'postgres://{{ .user }}'
";

#[test]
fn the_text_of_the_file_stays_as_it_is() {
    let kubeseal = Kubeseal::new();
    kubeseal.write("file.yaml", FILE);
    let input = SECRET.replace("stringData: {", "stringData: {new: hunter2, ");
    let input = input.replace("namespace: shop}", "labels: {app: db}, annotations: {a: b}}");
    assert_eq!(kubeseal.done(&format!("{CERT} --merge-into file.yaml"), &input), "");
    let merged = kubeseal.read("file.yaml");
    let expected = FILE
        .replace("    password: AgOLD\n", "    password: [SEALED]\n    new: [SEALED]\n")
        .replace(
            "      name: db\n",
            "      name: db\n      annotations:\n        a: b\n      labels:\n        app: db\n",
        );
    assert_eq!(masked(&merged), expected);
    let only_ours = merged.replace("    user: AgOLD\n", "");
    let opened = kubeseal.opened(&only_ours.replace("    data:\n      url: 'postgres://{{ .user }}'\n", ""));
    assert!(opened.contains("new: aHVudGVyMg==\n  password: aHVudGVyMg==\n"), "{opened}");
}

#[test]
fn another_format_is_made_when_it_is_asked_for() {
    let kubeseal = Kubeseal::new();
    kubeseal.write("file.yaml", FILE);
    kubeseal.done(&format!("{CERT} --merge-into file.yaml -o json"), SECRET);
    let json = kubeseal.read("file.yaml");
    assert!(json.starts_with("{\n  \"kind\": \"SealedSecret\",\n  \"apiVersion\""), "{json}");
    kubeseal.done(&format!("{CERT} --merge-into file.yaml"), SECRET);
    assert!(kubeseal.read("file.yaml").starts_with("{\n  \"kind\": \"SealedSecret\","));
    kubeseal.done(&format!("{CERT} --merge-into file.yaml -o yaml"), SECRET);
    assert!(kubeseal.read("file.yaml").starts_with("---\napiVersion: bitnami.com/v1alpha1\n"));
}

#[test]
fn the_scope_of_the_file_counts() {
    let kubeseal = Kubeseal::new();
    let wide = FILE.replace(
        "  namespace: shop\n",
        "  namespace: shop\n  annotations: {sealedsecrets.bitnami.com/cluster-wide: \"true\"}\n",
    );
    kubeseal.write("file.yaml", &wide.replace("    user: AgOLD\n", "").replace("    data:\n      url: 'postgres://{{ .user }}'\n", ""));
    kubeseal.done(&format!("{CERT} --merge-into file.yaml"), SECRET);
    let moved = kubeseal.read("file.yaml").replace("shop", "elsewhere");
    assert!(kubeseal.opened(&moved).contains("password: aHVudGVyMg=="));
}

#[test]
fn what_would_not_open_or_be_lost_is_refused_and_the_file_stays() {
    let kubeseal = Kubeseal::new();
    let annotated = SECRET.replace("namespace: shop", "annotations: {sealedsecrets.bitnami.com/cluster-wide: 'true'}");
    let two = format!("{FILE}---\n{FILE}");
    let mut golden = String::new();
    for (file, flags, input) in [
        (FILE, "--scope cluster-wide", SECRET),
        (FILE, "", annotated.as_str()),
        (FILE, "-n elsewhere", SECRET),
        (FILE, "", "kind: ConfigMap\napiVersion: v1\n"),
        (FILE, "", "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n"),
        (two.as_str(), "", SECRET),
        (SECRET, "", SECRET),
        ("a: [\n", "", SECRET),
    ] {
        kubeseal.write("file.yaml", file);
        let line = format!("{CERT} --merge-into file.yaml {flags}");
        let error = kubeseal.failed(line.trim_end(), input);
        golden.push_str(&format!("$ kubeseal {}\n{error}\n", line.trim_end()));
        assert_eq!(kubeseal.read("file.yaml"), file);
    }
    let error = kubeseal.failed(&format!("{CERT} --merge-into missing.yaml"), SECRET);
    golden.push_str(&format!("$ kubeseal {CERT} --merge-into missing.yaml\n{error}\n"));
    crate::golden::golden("compat", "kubeseal-merge-refused", &golden);
}

#[test]
fn maps_that_are_missing_are_made() {
    let kubeseal = Kubeseal::new();
    for spec in ["spec: {}\n", "spec:\n  encryptedData:\n", "spec:\n  encryptedData: {}\n  template: {}\n"] {
        let head = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: db\n  namespace: shop\n";
        kubeseal.write("file.yaml", &format!("{head}{spec}"));
        let input = SECRET.replace("{name: db,", "{name: db, labels: {app: db},");
        kubeseal.done(&format!("{CERT} --merge-into file.yaml"), &input);
        let opened = kubeseal.opened(&kubeseal.read("file.yaml"));
        assert!(opened.contains("password: aHVudGVyMg=="), "{spec}");
        assert!(opened.contains("  labels:\n    app: db\n"), "{spec}");
    }
}
