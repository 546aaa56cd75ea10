//! A fresh render over an encrypted release: what did not change keeps its envelope, and nothing else does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use seal_core::envelope::{GroupedKeys, MasterKey, Metadata, Rule, RuleKind};
use seal_core::file::{BoxError, EncryptOptions, EncryptReport, Previous, Scope};
use seal_core::format::Format;
use seal_core::secret::DataKey;

#[path = "support.rs"]
mod support;

/// The data key and the date of the second run.
const LATER_KEY: [u8; 32] = [9; 32];
const LATER: &str = "2027-01-01T00:00:00Z";

const A: &str = "\
apiVersion: v1
kind: Secret
metadata:
  name: a
  labels: {chart: shop-1}
stringData:
  # about the password
  password: hunter2 # rotate
  user: 'app'
  empty: \"\"
  number: 1.0
data:
  token: dG9rZW4=
";

fn release() -> String {
    let other = A.replace("name: a", "name: b").replace("hunter2", "other");
    format!("{A}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\n---\n{other}")
}

fn first(source: &str) -> String {
    support::encrypted(Format::Yaml, source, &support::options())
}

fn later() -> EncryptOptions {
    EncryptOptions { last_modified: LATER.to_owned(), ..support::options() }
}

fn recipients() -> Vec<MasterKey> {
    vec![support::recipient("age1test")]
}

/// The second run over `source`, with `before` as the version that is there.
fn again(
    source: &str,
    before: &str,
    options: &EncryptOptions,
    recipients: Vec<MasterKey>,
    unwrap: &(dyn Fn(&Metadata) -> Result<DataKey, BoxError> + Sync),
) -> (String, EncryptReport) {
    let previous =
        Previous::read(Format::Yaml, before.as_bytes(), unwrap, GroupedKeys::one_group(recipients));
    let previous = previous.expect("the previous version can be read");
    let encrypted =
        support::try_encrypt(Format::Yaml, source.as_bytes(), options, LATER_KEY, Some(&previous))
            .unwrap_or_else(|error| panic!("{}", support::describe(&error)));
    let text = String::from_utf8(encrypted.bytes.unwrap()).unwrap();
    assert_eq!(support::decrypted(Format::Yaml, &text), source);
    (text, encrypted.report)
}

/// True if the only Secret of `source` keeps the envelope of `before`.
fn keeps(source: &str, before: &str) -> bool {
    let (text, report) = again(source, before, &later(), recipients(), &support::unwrap);
    is_kept(&text, report)
}

fn is_kept(text: &str, report: EncryptReport) -> bool {
    assert_eq!(report.kept + report.encrypted, 1, "{report:?}");
    // The key, the date and the report have to agree.
    let kept = report.kept == 1;
    assert_eq!(text.contains(support::DATE), kept, "{text}");
    assert_eq!(text.contains(LATER), !kept, "{text}");
    assert_eq!(text.contains(&"07".repeat(32)), kept, "{text}");
    assert_eq!(text.contains(&"09".repeat(32)), !kept, "{text}");
    kept
}

#[test]
fn an_unchanged_release_stays_byte_for_byte() {
    let before = first(&release());
    let (text, report) = again(&release(), &before, &later(), recipients(), &support::unwrap);
    assert_eq!(text, before);
    assert_eq!((report.kept, report.encrypted), (2, 0));
    assert_eq!((report.values, report.comments), (8, 4));
}

#[test]
fn only_the_changed_document_gets_a_new_envelope() {
    let before = first(&release());
    let source = release().replace("password: other", "password: another");
    let (text, report) = again(&source, &before, &later(), recipients(), &support::unwrap);
    assert_eq!((report.kept, report.encrypted), (1, 1));
    let (kept, fresh) = text.rsplit_once("\n---\n").unwrap();
    assert!(before.starts_with(kept));
    // Not one ENC text of the old version is used again.
    let old = before.rsplit_once("\n---\n").unwrap().1;
    let shared: Vec<&str> =
        fresh.lines().filter(|line| line.contains("ENC[") && old.contains(line.trim())).collect();
    assert_eq!(shared, Vec::<&str>::new());
    assert!(fresh.contains(&"09".repeat(32)));
}

#[test]
fn a_change_of_what_is_encrypted_makes_a_new_envelope() {
    let before = first(A);
    assert!(keeps(A, &before));
    for (from, to) in [
        ("hunter2", "hunter3"),
        ("user: 'app'", "user: 'app'\n  added: x"),
        ("user: 'app'", "user: 'app'\n  added: ''"),
        ("user: 'app'\n  empty", "empty"),
        ("password: hunter2", "password: ''"),
        ("empty: \"\"", "empty: x"),
        ("  empty: \"\"\n", ""),
        ("  user: 'app'\n", ""),
        ("user: 'app'", "login: 'app'"),
        ("user: 'app'", "user: ['app']"),
        ("number: 1.0", "number: 1"),
        ("number: 1.0", "number: \"1.0\""),
        ("# about the password", "# about"),
        ("# rotate", "# rotated"),
        (" # rotate", ""),
        ("  user: 'app'\n", "  # new\n  user: 'app'\n"),
        ("\ndata:\n", "\ndata:\n  # new\n"),
    ] {
        let source = A.replacen(from, to, 1);
        assert_ne!(source, A);
        assert!(!keeps(&source, &before), "{from} → {to}");
    }
}

#[test]
fn a_moved_comment_makes_a_new_envelope() {
    let before = first(A);
    let moved = A.replace("  # about the password\n", "");
    let moved = moved.replace("data:\n", "data:\n  # about the password\n");
    assert!(!keeps(&moved, &before));
}

#[test]
fn another_order_of_the_values_makes_a_new_envelope() {
    let before = first(A);
    let moved = A
        .replace("  user: 'app'\n", "")
        .replace("  number: 1.0\n", "  number: 1.0\n  user: 'app'\n");
    assert!(!keeps(&moved, &before));
}

#[test]
fn a_change_of_what_is_clear_keeps_the_envelope() {
    let before = first(A);
    for (from, to) in [
        ("chart: shop-1", "chart: shop-2"),
        ("user: 'app'", "user: \"app\""),
        ("user: 'app'", "user: |-\n    app"),
        ("metadata:", "\n\nmetadata: # c"),
        ("kind: Secret\n", "kind: Secret\ntype: Opaque\n"),
        ("  name: a\n", "  name: a\n  namespace: ''\n"),
    ] {
        let source = A.replacen(from, to, 1);
        assert_ne!(source, A);
        assert!(keeps(&source, &before), "{from} → {to}");
    }
}

#[test]
fn another_identity_makes_a_new_envelope() {
    let before = first(A);
    for (from, to) in [
        ("name: a\n", "name: z\n"),
        ("name: a\n", "name: a\n  namespace: prod\n"),
        ("kind: Secret\n", "kind: Secret\ntype: kubernetes.io/tls\n"),
    ] {
        let source = A.replacen(from, to, 1);
        assert!(!keeps(&source, &before), "{from} → {to}");
    }
}

#[test]
fn another_scope_makes_a_new_envelope() {
    let before = first(A);
    let options = EncryptOptions { scope: Scope::None, ..later() };
    let (text, report) = again(A, &before, &options, recipients(), &support::unwrap);
    assert!(!is_kept(&text, report));
}

#[test]
fn other_recipients_make_a_new_envelope() {
    let before = first(A);
    let other = support::recipient("age1other");
    for recipients in [vec![other.clone()], vec![recipients().remove(0), other], Vec::new()] {
        let (text, report) = again(A, &before, &later(), recipients, &support::unwrap);
        assert!(!is_kept(&text, report));
    }
    let twice = [recipients(), recipients()].concat();
    let (text, report) = again(A, &before, &later(), twice, &support::unwrap);
    assert!(is_kept(&text, report));
}

#[test]
fn another_rule_makes_a_new_envelope() {
    let before = first(A);
    for (kind, text) in [
        (RuleKind::EncryptedRegex, "^(stringData|data)$"),
        (RuleKind::UnencryptedRegex, "^(apiVersion|kind|metadata|type)$"),
    ] {
        let rule = Rule { kind, text: text.to_owned() };
        let options = EncryptOptions { rule: Some(rule), ..later() };
        let (text, report) = again(A, &before, &options, recipients(), &support::unwrap);
        assert!(!is_kept(&text, report));
    }
    let options = EncryptOptions { mac_only_encrypted: Some(false), ..later() };
    let (text, report) = again(A, &before, &options, recipients(), &support::unwrap);
    assert!(!is_kept(&text, report));
}

#[test]
fn a_previous_version_that_does_not_verify_keeps_nothing() {
    let before = first(A);
    for (from, to) in [
        ("name: a", "name: x"),
        ("tag:A", "tag:B"),
        ("tag:", "tag:x"),
        ("mac_only_encrypted: true", "mac_only_encrypted: false"),
        ("  empty: \"\"\n", ""),
    ] {
        let altered = before.replacen(from, to, 1);
        if altered != before {
            assert!(!keeps(A, &altered), "{from} → {to}");
        }
    }
}

#[test]
fn without_an_identity_everything_is_encrypted_afresh() {
    let before = first(A);
    let none = |_: &Metadata| -> Result<DataKey, BoxError> { Err("no identity".into()) };
    let (text, report) = again(A, &before, &later(), recipients(), &none);
    assert!(!is_kept(&text, report));
}

#[test]
fn a_planted_data_key_encrypts_nothing_new() {
    // Whoever commits to the repository wraps a key of his own for our recipients and binds what he likes.
    let planted = support::try_encrypt(
        Format::Yaml,
        A.replace("hunter2", "guess").as_bytes(),
        &support::options(),
        [66; 32],
        None,
    );
    let planted = String::from_utf8(planted.unwrap().bytes.unwrap()).unwrap();
    let (text, report) = again(A, &planted, &later(), recipients(), &support::unwrap);
    assert_eq!((report.kept, report.encrypted), (0, 1));
    assert!(!text.contains(&"42".repeat(32)), "{text}");
}

#[test]
fn objects_of_one_identity_are_never_kept() {
    let before = first(A);
    let twice = format!("{A}---\n{A}");
    let (_, report) = again(&twice, &before, &later(), recipients(), &support::unwrap);
    assert_eq!((report.kept, report.encrypted), (0, 2));
    let doubled = format!("{before}---\n{before}");
    let (_, report) = again(A, &doubled, &later(), recipients(), &support::unwrap);
    assert_eq!((report.kept, report.encrypted), (0, 1));
}

#[test]
fn documents_in_another_order_and_items_at_another_place_keep_their_envelopes() {
    let before = first(&release());
    let documents: Vec<String> = release().split("---\n").map(str::to_owned).collect();
    let source = format!("{}---\n{}---\n{}", documents[2], documents[0], documents[1]);
    let (_, report) = again(&source, &before, &later(), recipients(), &support::unwrap);
    assert_eq!((report.kept, report.encrypted), (2, 0));

    let item = |text: &str| {
        let body: String = text.lines().map(|line| format!("  {line}\n")).collect();
        format!("-{}", &body[1..])
    };
    let list = |items: &[&String]| {
        let items: String = items.iter().map(|text| item(text)).collect();
        format!("apiVersion: v1\nkind: List\nitems:\n{items}")
    };
    let before = first(&list(&[&documents[0], &documents[2]]));
    let source = list(&[&documents[2], &documents[1], &documents[0]]);
    let (_, report) = again(&source, &before, &later(), recipients(), &support::unwrap);
    assert_eq!((report.kept, report.encrypted), (2, 0));
}

#[test]
fn an_unbound_previous_version_keeps_nothing() {
    let sops = EncryptOptions { layout: seal_core::file::Layout::Sops, ..support::options() };
    let before = support::encrypted(Format::Yaml, &release(), &sops);
    let (_, report) = again(&release(), &before, &later(), recipients(), &support::unwrap);
    assert_eq!((report.kept, report.encrypted), (0, 2));
}

#[test]
fn a_previous_version_without_envelopes_is_none() {
    for source in [A, "", "a: [", "a: b\n"] {
        let previous = Previous::read(
            Format::Yaml,
            source.as_bytes(),
            &support::unwrap,
            GroupedKeys::one_group(recipients()),
        );
        assert!(previous.is_none());
    }
}

#[test]
fn a_list_of_many_items_does_not_take_quadratic_time() {
    let items = |count: usize| {
        let mut text = String::from("apiVersion: v1\nkind: List\nitems:\n");
        for number in 0..count {
            text.push_str(&format!(
                "- apiVersion: v1\n  kind: Secret\n  metadata: {{name: s{number}}}\n  stringData: {{p: x{number}}}\n"
            ));
        }
        text
    };
    let time = |count: usize| {
        let source = items(count);
        let started = std::time::Instant::now();
        let before = first(&source);
        let (text, report) = again(&source, &before, &later(), recipients(), &support::unwrap);
        assert!(text == before && report.kept == count);
        started.elapsed().as_secs_f64()
    };
    let few = time(100);
    let many = time(1000);
    // Ten times as many; quadratic would be a hundred.
    assert!(many < few * 40.0, "{few} s for 100 items, {many} s for 1000");
}
