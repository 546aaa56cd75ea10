//! What counts as encrypted to SOPS. The answers are those of sops 3.11.0; `tests/compat/status.rs` asks it.

use seal_core::check::is_sops_file;
use seal_core::format::Format;

const KEY: &str = "    age: [{recipient: age1yt3tfqlfrwdwx0z0ynwplcr6qxcxfaqycuprpmy89nr83ltx74tqdpszlw, enc: x}]";
const DATE: &str = "    lastmodified: '2024-01-01T00:00:00Z'";

fn answer(lines: &[&str]) -> Option<bool> {
    let text = format!("a: 1\nsops:\n{KEY}\n{}\n", lines.join("\n"));
    is_sops_file(Format::Yaml, text.as_bytes()).ok()
}

#[test]
fn an_envelope_needs_a_mac_and_a_version_whatever_they_say() {
    for version in ["3.7.0", "foo", "3"] {
        let version = format!("    version: {version}");
        assert_eq!(answer(&[DATE, &version, "    mac: x"]), Some(true), "{version}");
        assert_eq!(answer(&[DATE, &version]), Some(false), "{version}");
    }
    for no_version in ["    mac: x", "    mac: x\n    version: ''"] {
        assert_eq!(answer(&[DATE, no_version]), Some(false), "{no_version}");
    }
}

#[test]
fn an_envelope_needs_a_date_to_be_read_at_all() {
    for no_date in ["    version: 3.7.0", "    lastmodified: bogus\n    version: 3.7.0"] {
        assert_eq!(answer(&[no_date, "    mac: x"]), None, "{no_date}");
    }
}

#[test]
fn the_first_document_decides() {
    let encrypted = format!("a: 1\nsops:\n{KEY}\n{DATE}\n    mac: x\n    version: 3.7.0\n");
    let asked = |text: String| is_sops_file(Format::Yaml, text.as_bytes()).ok();
    assert_eq!(asked(format!("{encrypted}---\nb: 1\n")), Some(true));
    assert_eq!(asked(format!("b: 1\n---\n{encrypted}")), Some(false));
    assert_eq!(asked(String::new()), Some(false));
    let error = is_sops_file(Format::Yaml, b"a: 1\nsops: mine\n").unwrap_err();
    assert!(error.to_string().contains("`sops` block"), "{error}");
}
