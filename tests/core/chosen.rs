//! What is encrypted, what is left alone, and what is refused with a way out.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::sync::atomic::{AtomicUsize, Ordering};

use seal_core::envelope::{Rule, RuleKind};
use seal_core::file::{
    BoxError, Class, EncryptOptions, EncryptReport, FileError, FileKey, Keys, Layout, encrypt,
};
use seal_core::format::Format;

#[path = "support.rs"]
mod support;

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {p: x}\n";
const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {p: x}\n";

fn rule(kind: RuleKind, text: &str) -> EncryptOptions {
    let rule = Rule { kind, text: text.to_owned() };
    EncryptOptions { rule: Some(rule), ..support::options() }
}

fn sops() -> EncryptOptions {
    EncryptOptions { layout: Layout::Sops, ..support::options() }
}

fn refused(source: &str, options: &EncryptOptions) -> FileError {
    let result = support::try_encrypt(Format::Yaml, source.as_bytes(), options, support::KEY, None);
    let error = result.err().unwrap_or_else(|| panic!("encrypted:\n{source}"));
    assert!(error.hint.is_some() || error.position.is_some(), "{}", support::describe(&error));
    error
}

fn refused_with(source: &str, options: &EncryptOptions, problem: &str) -> FileError {
    let error = refused(source, options);
    assert!(error.problem.contains(problem), "{}", support::describe(&error));
    error
}

fn left_alone(source: &str, options: &EncryptOptions) -> EncryptReport {
    let result = support::try_encrypt(Format::Yaml, source.as_bytes(), options, support::KEY, None)
        .unwrap_or_else(|error| panic!("{}\n{source}", support::describe(&error)));
    assert!(result.bytes.is_none(), "{source}");
    result.report
}

#[test]
fn a_manifest_without_a_secret_is_left_alone() {
    assert_eq!(left_alone(CONFIG, &support::whole()).encrypted, 0);
    left_alone("a: b\n", &support::options());
    left_alone("", &support::options());
    left_alone("- apiVersion: v1\n  kind: Secret\n  data: {a: b}\n", &support::options());
    left_alone("apiVersion: bitnami.com/v1\nkind: Secret\ndata: {a: b}\n", &support::options());
    left_alone("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n", &support::options());
    left_alone(
        "apiVersion: v1\nkind: Secret\ndata: {a: ''}\nstringData: {}\n",
        &support::options(),
    );
}

#[test]
fn a_rule_that_selects_nothing_is_an_error() {
    let nothing = rule(RuleKind::EncryptedRegex, "^nothing$");
    let error = refused_with(CONFIG, &nothing, "selects nothing");
    assert_eq!(error.class, Class::NothingSelected);
    refused_with("a: b\n", &nothing, "selects nothing");
    let sops = EncryptOptions { layout: Layout::Sops, ..nothing };
    refused_with("a: b\n", &sops, "selects nothing");
}

#[test]
fn a_file_without_values_is_an_error_where_all_of_it_should_be_encrypted() {
    for source in ["a: ''\n", "{}\n", "# only a comment\n", "", "a: null\n---\n"] {
        let result = support::try_encrypt(
            Format::Yaml,
            source.as_bytes(),
            &support::whole(),
            support::KEY,
            None,
        );
        assert!(result.unwrap_err().problem.contains("no value to encrypt"), "{source:?}");
    }
    refused_with("- a\n", &support::whole(), "only a mapping");
}

#[test]
fn the_rule_of_the_profile_holds_for_a_file_that_is_no_manifest_too() {
    let profile = rule(RuleKind::EncryptedRegex, "^(data|stringData)$");
    let whole = EncryptOptions { whole_files: true, ..profile.clone() };
    let encrypted = support::encrypted(Format::Yaml, "other: clear\ndata: {a: b}\n", &whole);
    assert!(encrypted.starts_with("other: clear\ndata: {a: 'ENC["), "{encrypted}");
    refused_with("other: clear\n", &whole, "selects nothing");
    // A ConfigMap is not what it means.
    left_alone(CONFIG, &profile);
}

#[test]
fn an_invalid_rule_is_an_error_whatever_the_file_holds() {
    for source in ["", "a: b\n", SECRET, CONFIG] {
        let error = refused(source, &rule(RuleKind::EncryptedRegex, "^(data"));
        assert_eq!(error.class, Class::Settings);
        assert!(error.hint.is_some());
    }
}

#[test]
fn a_rule_must_not_leave_a_part_of_a_secret_in_clear() {
    for options in [
        rule(RuleKind::EncryptedRegex, "^p$"),
        rule(RuleKind::EncryptedSuffix, "p"),
        rule(RuleKind::UnencryptedRegex, "other"),
    ] {
        for layout in [Layout::Documents, Layout::Sops] {
            let options = EncryptOptions { layout, ..options.clone() };
            let source = SECRET.replace("{p: x}", "{p: x, other: y}");
            let error = refused_with(&source, &options, "leaves a value of a Secret in clear");
            assert_eq!(error.path.as_ref().unwrap().to_string(), r#"["stringData"]["other"]"#);
            assert_eq!(error.object.as_deref(), Some("Secret a"));
        }
    }
}

#[test]
fn what_is_encrypted_already_is_skipped() {
    let encrypted = support::encrypted(Format::Yaml, SECRET, &support::options());
    for options in [support::options(), support::whole(), sops()] {
        assert_eq!(left_alone(&encrypted, &options).already, 1);
    }
    let both = support::encrypted(
        Format::Yaml,
        &format!("{encrypted}---\n{}", SECRET.replace("name: a", "name: b")),
        &support::options(),
    );
    assert!(both.starts_with(&encrypted));
}

#[test]
fn a_clear_value_in_an_encrypted_secret_is_an_error() {
    let encrypted = support::encrypted(Format::Yaml, SECRET, &support::options());
    let source = encrypted.replace("{p: ", "{new: hunter3, p: ");
    let error = refused_with(&source, &support::options(), "a value in clear");
    assert_eq!(error.path.as_ref().unwrap().to_string(), r#"["stringData"]["new"]"#);
    assert_eq!(error.position.unwrap().line, 4);
    let narrowed = source.replace("^(data|stringData)$", "^data$");
    refused_with(&narrowed, &support::options(), "a value in clear");
}

#[test]
fn a_secret_whose_block_was_lost_is_not_encrypted_twice() {
    let encrypted = support::encrypted(Format::Yaml, SECRET, &support::options());
    let start = encrypted.find("sops:").unwrap();
    for options in [support::options(), sops()] {
        let error = refused_with(&encrypted[..start], &options, "has no `sops` block");
        assert!(error.hint.as_ref().unwrap().contains("history"));
    }
}

#[test]
fn an_entry_named_sops_that_is_no_envelope_is_an_error() {
    refused_with(&format!("{SECRET}sops: mine\n"), &support::options(), "that is no envelope");
}

#[test]
fn a_kind_behind_an_alias_or_a_merge_key_is_refused() {
    for source in [
        "apiVersion: v1\nmetadata: {name: &k Secret}\nkind: *k\ndata: {p: eA==}\n",
        "a: &k Secret\n---\nb: c\n---\napiVersion: v1\nkind: *k\ndata: {p: eA==}\n",
        "x: &base {apiVersion: v1, kind: Secret}\n<<: *base\ndata: {p: eA==}\n",
        "x: &base {kind: Secret}\napiVersion: v1\n<<: [*base]\ndata: {p: eA==}\n",
        "<<: {kind: Secret}\napiVersion: v1\ndata: {p: eA==}\n",
        "x: &v v1\napiVersion: *v\nkind: Secret\ndata: {p: eA==}\n",
    ] {
        let error = refused_with(source, &support::options(), "says what this document is");
        assert!(error.position.is_some());
    }
    for source in [
        "apiVersion: v1\nmetadata: {name: &k ConfigMap}\nkind: *k\ndata: {p: eA==}\n",
        "x: &base {a: b}\n<<: *base\nc: d\n# Secret\n",
    ] {
        left_alone(source, &support::options());
    }
}

#[test]
fn a_merge_key_at_the_top_of_a_secret_is_refused() {
    let source = format!("{SECRET}<<: {{immutable: true}}\n");
    refused_with(&source, &support::options(), "merge key at the top of a Secret");
}

#[test]
fn the_items_of_a_secret_list_have_to_say_what_they_are() {
    let untyped =
        "apiVersion: v1\nkind: SecretList\nitems:\n- metadata: {name: a}\n  data: {p: eA==}\n";
    refused_with(untyped, &support::options(), "do not say what they are");
    let typed = untyped.replace("- metadata", "- apiVersion: v1\n  kind: Secret\n  metadata");
    let encrypted = support::encrypted(Format::Yaml, &typed, &support::options());
    assert!(!encrypted.contains("eA=="));
    let mixed = format!("{typed}- metadata: {{name: b}}\n  data: {{p: eA==}}\n");
    refused_with(&mixed, &support::options(), "do not say what they are");
}

#[test]
fn a_kind_that_ends_in_list_by_chance_is_one_document() {
    let source = "apiVersion: x.dev/v1\nkind: AllowList\nitems: [{a: b}]\ntoken: x\n";
    let encrypted =
        support::encrypted(Format::Yaml, source, &rule(RuleKind::EncryptedRegex, "^token$"));
    assert!(encrypted.contains("items: [{a: b}]\ntoken: ENC["), "{encrypted}");
}

#[test]
fn a_rule_must_not_select_what_a_list_has_outside_of_its_items() {
    let source = format!(
        "apiVersion: v1\nkind: List\ntoken: x\nitems:\n- {}\n",
        "{apiVersion: v1, kind: ConfigMap, token: y}"
    );
    refused_with(&source, &rule(RuleKind::EncryptedRegex, "^token$"), "outside of its items");
}

#[test]
fn null_in_the_secret_part_is_refused_but_an_empty_part_is_none() {
    let error = refused_with(
        &SECRET.replace("{p: x}", "{p: x, q: }"),
        &support::options(),
        "null stands in the secret part",
    );
    assert_eq!(error.path.as_ref().unwrap().to_string(), r#"["stringData"]["q"]"#);
    // `data:` with nothing below it is what a chart without values renders.
    let source = format!("{SECRET}data:\n");
    let encrypted = support::encrypted(Format::Yaml, &source, &support::options());
    assert_eq!(support::decrypted(Format::Yaml, &encrypted), source);
    left_alone("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata:\n", &support::options());
}

#[test]
fn a_value_without_a_blank_behind_its_colon_is_not_named() {
    let error = refused_with(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {password:hunter2}\n",
        &support::options(),
        "null stands in the secret part",
    );
    assert!(!support::describe(&error).contains("hunter2"), "{}", support::describe(&error));
    assert!(error.hint.as_ref().unwrap().contains("needs a blank"));
}

#[test]
fn an_annotation_with_a_copy_is_refused_in_both_layouts() {
    let annotation = "{name: a, annotations: {kapp.k14s.io/original: '{\"data\":1}'}}";
    let source = SECRET.replace("{name: a}", annotation);
    for options in [support::options(), sops()] {
        let error = refused_with(&source, &options, "a copy of the Secret in clear");
        assert_eq!(error.hint.as_deref(), Some("`--strip` takes it away"));
    }
}

#[test]
fn an_alias_elsewhere_must_not_repeat_a_secret() {
    let head = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n";
    for source in [
        format!("{head}stringData: {{p: &p x}}\nimmutable: *p\n"),
        format!("{head}stringData: &all {{p: x}}\nother: *all\n"),
        format!(
            "{head}stringData: {{p: &p x}}\n---\nkind: ConfigMap\napiVersion: v1\nother: {{p: *p}}\n"
        ),
        format!("{head}stringData: {{p: &p x}}\n---\na: b\n---\n*p : c\n"),
        format!("{head}stringData: {{p: &p x}}\nlabels: {{*p : y}}\n"),
    ] {
        for options in [support::options(), sops()] {
            refused_with(&source, &options, "this alias repeats a secret value in clear");
        }
    }
    // A clear anchor may be used anywhere else.
    let source = format!("{head}  namespace: &n prod\n  labels: {{n: *n}}\nstringData: {{p: x}}\n");
    let encrypted = support::encrypted(Format::Yaml, &source, &support::options());
    assert_eq!(support::decrypted(Format::Yaml, &encrypted), source);
}

#[test]
fn a_number_without_a_type_is_refused_where_it_matters() {
    let source = "a: 18446744073709551615\nb: x\n";
    let error = refused_with(source, &support::whole(), "has no type in SOPS's format");
    assert_eq!(error.path.as_ref().unwrap().to_string(), r#"["a"]"#);
    // In clear and outside of the MAC it is nobody's business.
    let options =
        EncryptOptions { mac_only_encrypted: Some(true), ..rule(RuleKind::EncryptedRegex, "^b$") };
    let encrypted = support::encrypted(Format::Yaml, source, &options);
    assert_eq!(support::decrypted(Format::Yaml, &encrypted), source);
    refused_with(source, &rule(RuleKind::EncryptedRegex, "^b$"), "has no type");
}

#[test]
fn a_clear_number_without_a_type_is_read_back() {
    // SOPS takes it for a float in JSON, and so do we; in YAML its writer never lets it through.
    let source = r#"{"a": 18446744073709551615, "b": "x"}"#;
    let encrypted =
        support::encrypted(Format::Json, source, &rule(RuleKind::EncryptedRegex, "^b$"));
    assert_eq!(support::decrypted(Format::Json, &encrypted), source);
}

#[test]
fn broken_yaml_is_reported_where_it_stands_in_the_file() {
    let source = format!("{CONFIG}---\n{SECRET}---\n{SECRET}  wrong: [\n");
    let error = refused(&source, &support::options());
    assert!(error.position.unwrap().line >= 14, "{}", support::describe(&error));
}

#[test]
fn of_several_errors_the_first_in_the_file_is_reported() {
    let bad = SECRET.replace("{p: x}", "{p: x, q: null}");
    let filler = format!("{CONFIG}#{}\n---\n", "x".repeat(200));
    let source = format!("{}{bad}---\n{}{bad}", filler.repeat(600), filler.repeat(600));
    let line = 1 + source[..source.find("q: null").unwrap()].matches('\n').count();
    for _ in 0..5 {
        assert_eq!(refused(&source, &support::options()).position.unwrap().line, line);
    }
}

#[test]
fn the_report_counts_what_was_done() {
    let source =
        format!("{CONFIG}---\n{SECRET}---\n{}", SECRET.replace("{p: x}", "{p: x, q: [y, '']} # c"));
    let result = support::try_encrypt(
        Format::Yaml,
        source.as_bytes(),
        &support::options(),
        support::KEY,
        None,
    );
    let report = result.unwrap().report;
    assert_eq!((report.encrypted, report.values), (2, 3));
    let encrypted = support::encrypted(Format::Yaml, &source, &support::options());
    let objects = support::try_decrypt(Format::Yaml, &encrypted).unwrap().objects;
    assert_eq!(objects.iter().map(|object| object.values).collect::<Vec<_>>(), [1, 2]);
    let encrypted = support::encrypted(Format::Yaml, &source, &sops());
    let objects = support::try_decrypt(Format::Yaml, &encrypted).unwrap().objects;
    assert_eq!(objects.iter().map(|object| object.values).sum::<usize>(), 4);
}

#[test]
fn no_data_key_is_drawn_where_nothing_is_encrypted_and_one_for_a_whole_file() {
    let drawn = AtomicUsize::new(0);
    let file_key = || -> Result<FileKey, BoxError> {
        drawn.fetch_add(1, Ordering::Relaxed);
        Ok(support::file_key(support::KEY))
    };
    let random = || -> Result<[u8; 32], BoxError> { Ok([drawn.load(Ordering::Relaxed) as u8; 32]) };
    let keys = Keys { file_key: &file_key, random: &random };
    let run =
        |source: &str| encrypt(Format::Yaml, source.as_bytes(), &support::options(), &keys, None);
    run(CONFIG).unwrap();
    assert_eq!(drawn.load(Ordering::Relaxed), 0);
    // Large enough for several threads.
    let many = format!("{SECRET}---\n").repeat(3000);
    run(&many).unwrap();
    assert_eq!(drawn.load(Ordering::Relaxed), 1);
}

#[test]
fn a_key_that_cannot_be_made_says_why_in_every_thread() {
    #[derive(Debug, thiserror::Error)]
    #[error("the recipient is no key")]
    struct Outer(#[source] std::io::Error);
    let file_key = || -> Result<FileKey, BoxError> {
        Err(Outer(std::io::Error::other("the reason below")).into())
    };
    let random = || -> Result<[u8; 32], BoxError> { Ok([1; 32]) };
    let keys = Keys { file_key: &file_key, random: &random };
    let many = format!("{SECRET}---\n").repeat(3000);
    for source in [SECRET, &many] {
        let error =
            encrypt(Format::Yaml, source.as_bytes(), &support::options(), &keys, None).unwrap_err();
        assert_eq!(error.class, Class::NoKey);
        let why = std::error::Error::source(&error).unwrap();
        assert_eq!(why.to_string(), "the recipient is no key");
        assert_eq!(why.source().unwrap().to_string(), "the reason below");
    }
}

#[test]
fn a_system_without_random_bytes_encrypts_nothing() {
    let file_key = || -> Result<FileKey, BoxError> { Ok(support::file_key(support::KEY)) };
    let random = || -> Result<[u8; 32], BoxError> { Err("no entropy".into()) };
    let keys = Keys { file_key: &file_key, random: &random };
    let error = encrypt(Format::Yaml, SECRET.as_bytes(), &support::options(), &keys, None);
    let error = error.unwrap_err();
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "no entropy");
}
