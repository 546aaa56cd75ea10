//! Files made to cost much: encrypting and decrypting them takes time and memory in proportion to their bytes, or is
//! refused.
//!
//! None is longer than a megabyte. Work that grows with a product (paths and values, comments and containers) takes
//! minutes or gigabytes for each; so the bound may be a generous one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use seal_core::envelope::{Rule, RuleKind};
use seal_core::file::EncryptOptions;
use seal_core::format::Format;

#[path = "support.rs"]
mod support;

const BOUND: Duration = Duration::from_secs(20);

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n";

/// Belongs to another data key, and so opens nowhere.
const COMMENT: &str = "#ENC[AES256_GCM,data:aGk=,iv:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,\
                       tag:AAECAwQFBgcICQoLDA0ODw==,type:comment]";

fn within_bound<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(BOUND).unwrap_or_else(|_| panic!("not done within {BOUND:?}"))
}

fn goes_round(format: Format, source: String) {
    goes_round_with(support::options(), format, source);
}

fn goes_round_with(options: EncryptOptions, format: Format, source: String) {
    assert!(source.len() <= 1_000_000);
    within_bound(move || {
        let encrypted = support::encrypted(format, &source, &options);
        assert!(support::decrypted(format, &encrypted) == source, "another text came back");
    });
}

fn is_not_encrypted(format: Format, source: String, reason: &str) {
    assert!(source.len() <= 1_000_000);
    let outcome = within_bound(move || {
        support::try_encrypt(format, source.as_bytes(), &support::options(), support::KEY, None)
            .map(|_| ())
    });
    let error = outcome.expect_err("refused");
    assert!(error.problem.contains(reason), "{error}");
    assert!(error.hint.is_some(), "{error}");
}

/// An encrypted Secret behind lines that were added to it.
fn behind(lines: &str) -> String {
    let source = format!("{SECRET}  password: hunter2\n");
    let encrypted = support::encrypted(Format::Yaml, &source, &support::options());
    format!("{lines}{encrypted}")
}

fn decrypts_behind(lines: String) {
    assert!(lines.len() <= 1_000_000);
    let text = within_bound(move || support::decrypted(Format::Yaml, &behind(&lines)));
    assert!(text.contains("password: hunter2"));
    assert!(text.contains("#ENC["));
}

fn is_not_decrypted_behind(lines: String, reason: &str) {
    assert!(lines.len() <= 1_000_000);
    let outcome =
        within_bound(move || support::try_decrypt(Format::Yaml, &behind(&lines)).map(|_| ()));
    let error = outcome.expect_err("refused");
    assert!(error.problem.contains(reason), "{error}");
}

fn json_list_below(key_length: usize, items: usize) -> String {
    let key = "k".repeat(key_length);
    let items = vec!["\"a\""; items].join(",");
    format!(
        "{{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{{\"name\":\"a\"}},\
         \"stringData\":{{\"{key}\":[{items}]}}}}\n"
    )
}

fn nested_list(levels: usize, items: usize) -> String {
    let items = vec!["x"; items].join(",");
    format!("{SECRET}  a: {}{items}{}\n", "[".repeat(levels), "]".repeat(levels))
}

/// Mappings inside each other as lines, `below` in the innermost one.
fn block(levels: usize, below: impl Fn(&str) -> String) -> String {
    let mut lines: String = (0..levels).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    lines.push_str(&below(&" ".repeat(levels)));
    lines
}

#[test]
fn a_comment_below_a_key_of_colons_is_tried_once_for_each_container() {
    let key = ":".repeat(300_000);
    decrypts_behind(format!("? \"{key}\"\n:\n  a: b\n  {COMMENT}\n  c: d\n"));
}

#[test]
fn many_comments_deep_below_are_given_up_together() {
    let comments =
        |blanks: &str| (0..1_000).map(|at| format!("{blanks}k{at}: v {COMMENT}\n")).collect();
    decrypts_behind(block(600, comments));
}

#[test]
fn a_comment_that_moved_inwards_is_still_found_behind_a_thousand_that_open_nowhere() {
    let source = format!("{SECRET}  # mine\n  b:\n    c: d\n");
    let encrypted = support::encrypted(Format::Yaml, &source, &support::options());
    let line = encrypted.lines().find(|line| line.starts_with("  #ENC[")).unwrap();
    let moved =
        encrypted.replace(&format!("{line}\n"), "").replace("    c:", &format!("  {line}\n    c:"));
    let others: String = (0..1_000).map(|at| format!("k{at}: v {COMMENT}\n")).collect();
    let text = within_bound(move || support::decrypted(Format::Yaml, &format!("{others}{moved}")));
    assert!(text.ends_with("  b:\n    # mine\n    c: d\n"), "the comment stayed closed");
}

#[test]
fn a_long_key_above_a_list_is_held_once() {
    goes_round(Format::Json, json_list_below(5_000, 5_000));
}

#[test]
fn a_key_and_a_list_whose_product_is_too_much_are_refused() {
    let reason = "add up to too much";
    is_not_encrypted(Format::Json, json_list_below(20_000, 5_000), reason);
    is_not_encrypted(Format::Json, json_list_below(200_000, 20_000), reason);
    is_not_decrypted_behind(
        format!("? {}\n: [{}]\n", "k".repeat(200_000), "a,".repeat(20_000)),
        reason,
    );
}

#[test]
fn a_document_as_deep_as_allowed_goes_round() {
    // Inside the document and `stringData`.
    goes_round(Format::Yaml, nested_list(998, 1_000));
    goes_round(Format::Yaml, format!("{SECRET}{}", deep_mappings(997)));
}

fn deep_mappings(levels: usize) -> String {
    format!("  a: {}x{}\n", "{a: ".repeat(levels), "}".repeat(levels))
}

#[test]
fn a_deeper_document_is_refused() {
    let reason = "nested deeper than 1000 levels";
    is_not_encrypted(Format::Yaml, nested_list(999, 1), reason);
    is_not_encrypted(Format::Yaml, format!("{SECRET}{}", deep_mappings(9_000)), reason);
    is_not_encrypted(Format::Yaml, nested_list(9_000, 100_000), reason);
    is_not_decrypted_behind(format!("a: {}x{}\n", "{a: ".repeat(9_000), "}".repeat(9_000)), reason);
}

#[test]
fn a_secret_in_lists_nested_too_deeply_is_refused() {
    let list = "{apiVersion: v1, kind: List, items: [".repeat(3_000);
    let leaves: String = (0..10_000).map(|at| format!("k{at}: x, ")).collect();
    let secret = format!("{{apiVersion: v1, kind: Secret, stringData: {{{leaves}}}}}");
    is_not_encrypted(
        Format::Yaml,
        format!("{list}{secret}{}\n", "]}".repeat(3_000)),
        "nested deeper than 1000 levels",
    );
}

#[test]
fn indices_above_many_values_are_refused_where_they_are_too_many() {
    is_not_encrypted(Format::Yaml, nested_list(900, 100_000), "add up to too much");
}

#[test]
fn aliases_of_a_value_deep_in_another_document_cost_no_more_than_others() {
    let deep = format!("a: {}&x y{}\n---\n", "[".repeat(9_000), "]".repeat(9_000));
    let aliases = vec!["*x"; 100_000].join(",");
    goes_round_with(
        all_bound(),
        Format::Yaml,
        format!("{deep}list: [{aliases}]\npassword: hunter2\n"),
    );
}

/// Aliases are covered by the MAC and the binding.
fn all_bound() -> EncryptOptions {
    let rule = Rule { kind: RuleKind::EncryptedRegex, text: "^password$".to_owned() };
    EncryptOptions { rule: Some(rule), mac_only_encrypted: Some(false), ..support::options() }
}

#[test]
fn aliases_of_something_long_or_of_much_that_is_empty_are_refused() {
    for target in ["x".repeat(100_000), format!("[{}]", vec!["{}"; 100_000].join(","))] {
        let aliases = vec!["*x"; 100_000].join(",");
        let source = format!("a: &x {target}\nlist: [{aliases}]\npassword: hunter2\n");
        assert!(source.len() <= 1_000_000);
        let outcome = within_bound(move || {
            let (format, source) = (Format::Yaml, source.as_bytes());
            support::try_encrypt(format, source, &all_bound(), support::KEY, None).map(|_| ())
        });
        let error = outcome.expect_err("refused");
        assert!(error.problem.contains("aliases"), "{error}");
    }
}

#[test]
fn every_line_break_that_yaml_knows_ends_the_line_of_the_last_value() {
    for line_break in ["\n", "\r\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"] {
        for end in ["", line_break] {
            for lines in [
                vec!["a: 1", "---", "b: 2"],
                vec!["a: 1", "# c", "---", "b: \"x\" # d"],
                vec!["m:", "  a: 1", "  # c", "# d", "---", "b: [1, 2]"],
            ] {
                let source = lines.join(line_break) + end;
                let encrypted = support::encrypted(Format::Yaml, &source, &support::whole());
                let decrypted = support::decrypted(Format::Yaml, &encrypted);
                assert_eq!(decrypted, source, "{line_break:?}");
            }
        }
    }
}
