//! What `check` finds in a source, and what it lets be. No value of a source may be in a finding.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic is how a test fails, in its helpers too"
)]

use seal_core::check::{CheckOptions, Checked, Severity, check};
use seal_core::envelope::{Metadata, Rule, RuleKind};
use seal_core::file::EncryptOptions;
use seal_core::format::Format;

#[path = "check/envelopes.rs"]
mod envelopes;
#[path = "check/fixtures.rs"]
mod fixtures;
#[path = "check/in_clear.rs"]
mod in_clear;
#[path = "check/looks.rs"]
mod looks;
#[path = "check/status.rs"]
mod status;
mod support;

/// Stands in every secret.
const VALUE: &str = "hunter2";

const SECRET: &str = "\
apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: prod
stringData:
  password: hunter2
  user: hunter2-admin
";

fn as_they_are(_: &Metadata) -> Option<String> {
    None
}

fn options() -> CheckOptions<'static> {
    CheckOptions { rule: None, whole_file: false, explicit: false, recipients: &as_they_are }
}

fn checked(source: &str, options: &CheckOptions<'_>) -> Checked {
    let checked = check(Format::Yaml, source.as_bytes(), options);
    for finding in &checked.findings {
        assert!(!format!("{finding:?}").contains(VALUE), "{finding:?}");
    }
    checked
}

/// `line: id`, for each finding.
fn found_with(source: &str, options: &CheckOptions<'_>) -> Vec<String> {
    let findings = checked(source, options).findings;
    findings.iter().map(|f| format!("{}: {}", f.position.line, f.lint.id)).collect()
}

fn found(source: &str) -> Vec<String> {
    found_with(source, &options())
}

/// The text that `seal encrypt` makes of a manifest.
fn encrypted(source: &str) -> String {
    encrypted_with(source, &support::options())
}

fn encrypted_with(source: &str, options: &EncryptOptions) -> String {
    let made = support::try_encrypt(Format::Yaml, source.as_bytes(), options, support::KEY, None);
    String::from_utf8(made.unwrap().bytes.unwrap()).unwrap()
}

fn regex(text: &str) -> Rule {
    Rule { kind: RuleKind::EncryptedRegex, text: text.to_owned() }
}

/// The source with the first line that holds `mark` followed by another one.
fn with_line(source: &str, mark: &str, line: &str) -> String {
    assert!(source.contains(mark), "{mark} is not in:\n{source}");
    let mut done = false;
    let mut text = String::new();
    for own in source.lines() {
        text.push_str(own);
        text.push('\n');
        if !done && own.contains(mark) {
            done = true;
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[test]
fn nothing_is_found_where_nothing_is_secret() {
    for source in [
        "",
        "# only a comment\n",
        "---\n",
        "---\n---\n# c\n",
        "a: 1\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: b}\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {}\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata:\nstringData: {a: ''}\n",
        "sops:\n  enabled: true\n",
        "- a\n- b\n",
        "null\n",
    ] {
        assert_eq!(found(source), [""; 0], "{source}");
    }
}

#[test]
fn findings_stand_in_the_order_of_the_file_and_name_place_object_and_path() {
    let source =
        format!("{SECRET}---\n{}", encrypted(SECRET).replace("user: ENC", "user: hunter2 #"));
    let findings = checked(&source, &options()).findings;
    let first = &findings[0];
    assert_eq!(first.lint.id, "secret-in-clear");
    assert_eq!((first.position.line, first.position.column), (2, 1));
    assert_eq!(first.object.as_deref(), Some("Secret prod/db"));
    assert_eq!(first.message, "2 values are in clear");
    let second = &findings[1];
    assert_eq!(second.lint.id, "clear-value");
    assert_eq!(second.position.line, 9 + 8);
    assert_eq!(second.path.as_ref().unwrap().to_string(), r#"["stringData"]["user"]"#);
}

#[test]
fn a_flood_of_findings_is_counted_and_warnings_do_not_crowd_errors_out() {
    let token = format!("ghp_{}", "aZ3bY9cX7dW5eV1fU8gT2hS6iR4jQ0kL1mN8");
    let mut source = String::from("list:\n");
    (0..3_000).for_each(|_| source.push_str(&format!("- {token}\n")));
    for _ in 0..1_500 {
        source.push_str("---\n");
        source.push_str(SECRET);
    }
    let checked = checked(&source, &options());
    let errors = checked.findings.iter().filter(|f| f.lint.severity == Severity::Error).count();
    assert_eq!(errors, 1_000);
    assert!(checked.findings.len() <= 2_000);
    assert!(checked.more >= 500);
}
