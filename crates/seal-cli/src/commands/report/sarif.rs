//! SARIF 2.1.0, which code scanning reads.

use std::fmt::Write as _;
use std::path::Path;

use seal_core::check::{Lint, Severity};
use serde_json::{Map, Value, json};

use super::{Findings, Found};
use crate::error::CommandError;

/// The log of one run.
pub(super) fn log(findings: &Findings, lints: &[&'static Lint]) -> Value {
    let index = |lint: &Lint| lints.iter().position(|known| known.id == lint.id);
    let results: Vec<Value> =
        findings.list.iter().map(|found| result(found, index(found.lint))).collect();
    let failures: Vec<Value> = findings.failures.iter().map(notification).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "seal",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": lints.iter().map(|lint| rule(lint)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": failures.is_empty(),
                "toolExecutionNotifications": failures,
            }],
            "results": results,
        }],
    })
}

fn rule(lint: &Lint) -> Value {
    json!({
        "id": lint.id,
        "shortDescription": {"text": lint.summary},
        "help": {"text": lint.help},
        "defaultConfiguration": {"level": level(lint.severity)},
    })
}

fn result(found: &Found, rule: Option<usize>) -> Value {
    let mut location = Map::new();
    let position = found.position.map(|position| (position.line, position.column));
    location.insert("physicalLocation".to_owned(), physical(&found.file, position));
    let name: Vec<&str> =
        [&found.object, &found.path].into_iter().flatten().map(String::as_str).collect();
    if !name.is_empty() {
        let logical = json!([{"fullyQualifiedName": name.join(" ")}]);
        location.insert("logicalLocations".to_owned(), logical);
    }
    let mut result = json!({
        "ruleId": found.lint.id,
        "level": level(found.severity),
        "message": {"text": found.text()},
        "locations": [location],
    });
    if let (Some(rule), Some(result)) = (rule, result.as_object_mut()) {
        result.insert("ruleIndex".to_owned(), json!(rule));
    }
    result
}

fn notification(error: &CommandError) -> Value {
    let mut notification = json!({"level": "error", "message": {"text": error.message}});
    if let (Some(place), Some(object)) = (&error.place, notification.as_object_mut()) {
        let position = place.position.map(|position| (position.line, position.column));
        let location = json!([{"physicalLocation": physical(&place.file, position)}]);
        object.insert("locations".to_owned(), location);
    }
    notification
}

fn physical(file: &Path, position: Option<(usize, usize)>) -> Value {
    let mut physical = json!({"artifactLocation": {"uri": uri(file)}});
    if let (Some((line, column)), Some(object)) = (position, physical.as_object_mut()) {
        object.insert("region".to_owned(), json!({"startLine": line, "startColumn": column}));
    }
    physical
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// A path as the reference of an URI: relative ones stay relative, to the root of whoever reads the log.
fn uri(path: &Path) -> String {
    let mut uri = String::new();
    if path.is_absolute() {
        uri.push_str("file://");
    }
    for byte in super::shown(path).as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(*byte));
            }
            _ => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::uri;

    #[test]
    fn names_are_escaped_in_uris() {
        for (path, expected) in [
            ("a/b.yaml", "a/b.yaml"),
            ("./a b#c.yaml", "a%20b%23c.yaml"),
            ("a:b.yaml", "a%3Ab.yaml"),
            ("ü.yaml", "%C3%BC.yaml"),
            ("/tmp/a.yaml", "file:///tmp/a.yaml"),
        ] {
            assert_eq!(uri(Path::new(path)), expected);
        }
    }
}
