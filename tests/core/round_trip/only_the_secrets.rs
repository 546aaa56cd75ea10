//! The encrypted text differs from the source in the chosen values and the blocks, and nowhere else.

use seal_core::format::Format;

use super::support;

const SECRET: &str = "\
# Source: shop/templates/secret.yaml
---  # a marker with a comment

apiVersion: v1
kind:   Secret      # spaces
metadata:
    name: 'db'
    labels: {app: db,  tier: \"x\"}

type: Opaque
data:
  a: YQ==
  \"b\" : 'Yg=='   # inline
  c: [one, \"two\"]

stringData: &anchored
  # a comment
  d: |+  # of the header
    text
      deeper

  e: >-
    folded
  f: plain with:colon
  g: \"\"
...
---
kind: ConfigMap
apiVersion: v1
data: {not: secret, number: 0x1F}
";

/// Every ENC text replaced by `§`, and every block taken out.
fn skeleton(encrypted: &str) -> String {
    let mut lines = Vec::new();
    let mut in_block = false;
    for line in encrypted.split_inclusive('\n') {
        in_block = line.starts_with("sops:") || (in_block && line.starts_with(' '));
        if !in_block {
            lines.push(line);
        }
    }
    let mut text = lines.concat();
    while let Some(start) = text.find("ENC[AES256_GCM") {
        let end = start + text[start..].find(']').unwrap() + 1;
        text.replace_range(start..end, "§");
    }
    text
}

#[test]
fn nothing_but_values_comments_and_the_block_changes() {
    let encrypted = support::encrypted(Format::Yaml, SECRET, &support::options());
    let expected = SECRET
        .replace("YQ==", "§")
        .replace("Yg==", "§")
        .replace("# inline", "#§")
        .replace("[one, \"two\"]", "['§', \"§\"]")
        .replace("# a comment", "#§")
        .replace("# of the header", "#§")
        .replace("    text\n      deeper\n", "    §\n")
        .replace("    folded\n", "    §\n")
        .replace("plain with:colon", "§");
    assert_eq!(skeleton(&encrypted), expected);
    assert_eq!(encrypted.matches("\nsops:\n").count(), 1);
}

#[test]
fn documents_that_hold_no_secret_are_not_touched() {
    let source = "a: 1\n---\nkind: ConfigMap\napiVersion: v1\ndata: {password: hunter2}\n---\n- x\n---\ntext\n";
    let result = support::try_encrypt(
        Format::Yaml,
        source.as_bytes(),
        &support::options(),
        support::KEY,
        None,
    )
    .unwrap();
    assert!(result.bytes.is_none());
    assert_eq!(result.report.encrypted, 0);
}

#[test]
fn the_block_is_indented_as_the_configuration_says() {
    let source = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: YQ==}\n";
    for (indent, blanks) in [(0, 4), (1, 2), (2, 2), (3, 3), (4, 4), (9, 9), (10, 2)] {
        let mut options = support::options();
        options.indent.yaml = indent;
        let encrypted = support::encrypted(Format::Yaml, source, &options);
        let line = encrypted.lines().find(|line| line.trim_start().starts_with("lastmodified"));
        let line = line.unwrap();
        assert_eq!(line.len() - line.trim_start().len(), blanks, "{encrypted}");
        assert_eq!(support::decrypted(Format::Yaml, &encrypted), source);
    }
}
