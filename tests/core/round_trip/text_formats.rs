//! dotenv, INI and binary files: byte for byte, whatever stands between the values.

use proptest::prelude::*;
use proptest::sample::select;
use seal_core::document::Content;
use seal_core::envelope::{Rule, RuleKind};
use seal_core::file::{DecryptOptions, EncryptOptions, decrypt};
use seal_core::format::Format;

use super::support;

/// Texts put together from pieces that mean something in dotenv, the last line with or without its end.
fn dotenv() -> impl Strategy<Value = Vec<u8>> {
    let key = prop_oneof!["[A-Z_]{1,4}", Just("export K".to_owned()), Just("a.b ".to_owned())];
    let text = select(vec![
        "", "x", " y ", "'q'", "\"a b\"", "a=b", "#no", "l1\\nl2", "\\", "\\\\n", "é", "\r", "\0",
        "${A}", "ENC[x]",
    ]);
    let value = prop::collection::vec(text, 0..4).prop_map(|parts| parts.concat().into_bytes());
    let bytes = prop::collection::vec(any::<u8>().prop_filter("no line", |b| *b != b'\n'), 0..20);
    let entry = (key, prop_oneof![4 => value, 1 => bytes])
        .prop_map(|(key, value)| [key.into_bytes(), b"=".to_vec(), value].concat());
    let other = select(vec!["", "", "#", "# c", "#c = d\r", "#\tx ", "#é"]);
    let line = prop_oneof![3 => entry, 1 => other.prop_map(|text| text.as_bytes().to_vec())];
    lines(line)
}

/// The same for INI.
fn ini() -> impl Strategy<Value = Vec<u8>> {
    let value = select(vec![
        "",
        "x",
        "two words",
        "'single'",
        "\"double \"",
        "`a;b`",
        "`a`b`",
        "\"\"\"x\"\"\"",
        "\"\"\"l1\nl2\"\"\"",
        "`l1\n\n  l2 ; x\n`",
        "\"\"\"a\r\nb\"\"\" ; c",
        "x ; c",
        "x # c",
        "'it's'",
        "\"",
        "%(k)s",
        "a=b:c",
        "é",
        "`v` ; unseen",
        "; only",
        "[s]",
        "\u{a0}",
    ]);
    let delimiter = select(vec![" = ", "=", ": ", "\t=\t", " :"]);
    let entry = (0..60u8, delimiter, value, select(vec!["", "  ", "\t"])).prop_map(
        |(key, delimiter, value, blanks)| {
            let key = match key % 4 {
                0 => format!("`k={key}`"),
                1 => format!("\"k {key}\""),
                _ => format!("key{key}"),
            };
            format!("{blanks}{key}{delimiter}{value}{blanks}")
        },
    );
    let other = select(vec![
        "",
        "",
        " \t",
        "; c",
        "# c",
        ";",
        ";;",
        ";  d ",
        "  # e",
        "#;x",
        "[a]",
        "[b.c] ",
        "[ a b ]",
        "[DEFAULT]",
        "\t;\tf",
    ]);
    let line = prop_oneof![3 => entry, 2 => other.prop_map(str::to_owned)];
    lines(line.prop_map(String::into_bytes))
}

fn lines(line: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let line_break = select(vec!["\n", "\r\n"]);
    (prop::collection::vec(line, 1..12), line_break, any::<bool>()).prop_map(
        |(lines, line_break, is_ended)| {
            let mut text = lines.join(line_break.as_bytes());
            text.extend_from_slice(if is_ended { line_break.as_bytes() } else { b"" });
            text
        },
    )
}

fn cases() -> u32 {
    std::env::var("SEAL_CASES").map_or(600, |text| text.parse().expect("SEAL_CASES is a number"))
}

/// Runs over generated sources; a third of them at least has to be one that is encrypted.
fn run(format: Format, options: &EncryptOptions, sources: impl Strategy<Value = Vec<u8>>) {
    let mut config = ProptestConfig::with_cases(cases());
    config.failure_persistence = None;
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let encrypted = std::cell::Cell::new(0);
    let outcome = runner.run(&sources, |source| {
        encrypted.set(encrypted.get() + u32::from(check(format, &source, options)?));
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    assert!(encrypted.get() * 3 > cases(), "only {} were encrypted", encrypted.get());
}

fn check(format: Format, source: &[u8], options: &EncryptOptions) -> Result<bool, TestCaseError> {
    let shown = || source.escape_ascii().to_string();
    let encrypted = match support::try_encrypt(format, source, options, support::KEY, None) {
        Ok(encrypted) => encrypted.bytes,
        Err(error) => {
            let text = support::describe(&error);
            let meant = ["once encrypted", "had back", "report", "lost"];
            prop_assert!(!meant.iter().any(|word| text.contains(word)), "{}\n{}", text, shown());
            return Ok(false);
        }
    };
    let Some(encrypted) = encrypted else { return Ok(false) };
    let text = encrypted.escape_ascii().to_string();
    let back = decrypt(format, &encrypted, &DecryptOptions::default(), &support::unwrap)
        .map_err(|error| TestCaseError::fail(format!("{}\n{text}", support::describe(&error))))?;
    prop_assert!(back.objects.iter().all(|object| object.bound && !object.reordered));
    let back = back.bytes.expect("there is an envelope");
    prop_assert_eq!(back.expose().escape_ascii().to_string(), shown(), "{}", text);
    prop_assert!(hides_all(format, &encrypted, options), "{}", text);
    Ok(true)
}

/// Nothing is in clear but what is empty.
fn hides_all(format: Format, encrypted: &[u8], options: &EncryptOptions) -> bool {
    if options.rule.is_some() {
        return true;
    }
    let stream = format.parse(encrypted).unwrap();
    let document = &stream.documents[0];
    let sops = document.entry(document.root(), "sops").unwrap();
    document.nodes[..sops.index()].iter().all(|node| match &node.content {
        Content::Scalar(scalar) => {
            scalar.value.is_empty() || scalar.value.canonical().starts_with(b"ENC[AES256_GCM,")
        }
        Content::Comment(comment) => {
            comment.text.is_empty() || comment.text.starts_with("ENC[AES256_GCM,")
        }
        _ => true,
    })
}

#[test]
fn dotenv_files_come_back_byte_for_byte() {
    run(Format::Dotenv, &support::whole(), dotenv());
}

#[test]
fn ini_files_come_back_byte_for_byte() {
    run(Format::Ini, &support::whole(), ini());
}

#[test]
fn files_of_which_a_rule_takes_a_part_come_back_byte_for_byte() {
    let rule = Rule { kind: RuleKind::UnencryptedRegex, text: "B|b.c|3".to_owned() };
    let options = EncryptOptions { rule: Some(rule), ..support::whole() };
    run(Format::Dotenv, &options, dotenv());
    run(Format::Ini, &options, ini());
}

#[test]
fn binary_files_come_back_byte_for_byte() {
    let bytes = prop::collection::vec(any::<u8>(), 1..300);
    let text = "[ -~\n\r\t{}\"]{1,300}".prop_map(String::into_bytes);
    let json = Just(b"{\"data\": \"x\", \"sopsy\": {}}\n".to_vec());
    run(Format::Binary, &support::whole(), prop_oneof![bytes, text, json]);
}

fn exact(format: Format, source: &str) -> String {
    let encrypted = support::encrypted(format, source, &support::whole());
    assert_eq!(support::decrypted(format, &encrypted), source, "{encrypted}");
    encrypted
}

#[test]
fn blanks_quotes_and_order_stay_in_ini() {
    let source = "\u{feff}top:1\n\n; section\n[ a ]\n  key\t=   'x y'\t \n\n# above\nurl = `http://x/#y;z`   ; behind\n\
                  cert = \"\"\"-----BEGIN\nabc\n-----END\n\"\"\"\n\n[b]\nempty =\n-=x\n- = y\n\n[ a ]\nkey=z\n; end\n";
    let encrypted = exact(Format::Ini, source);
    assert!(encrypted.contains("  key\t=   'ENC["), "{encrypted}");
    assert!(encrypted.contains("url = `ENC["), "{encrypted}");
    exact(Format::Ini, source.trim_end());
    exact(Format::Ini, &source.replace('\n', "\r\n"));
    exact(Format::Ini, &source.trim_end().replace('\n', "\r\n"));
}

#[test]
fn a_dotenv_file_keeps_each_byte_around_its_values() {
    let source = "# head\nexport A='x y' # no comment\nB=\n\n\nB=\"l1\\nl2\"\n#\nC = z \n";
    let encrypted = exact(Format::Dotenv, source);
    assert!(
        encrypted.contains("\nexport A=ENC[") && encrypted.contains("\nC =ENC["),
        "{encrypted}"
    );
    exact(Format::Dotenv, source.trim_end_matches('\n'));
    exact(Format::Dotenv, "A=1\r\nB=2\r\n");
}

/// SOPS writes them in one place and in one order; a person may add lines behind them, and tools may sort.
#[test]
fn the_metadata_of_a_dotenv_file_may_stand_anywhere() {
    let encrypted = exact(Format::Dotenv, "A=x\n# c\nB=y\n");
    let (values, metadata): (Vec<&str>, Vec<&str>) =
        encrypted.lines().partition(|line| !line.starts_with("sops_"));
    let mut mixed = String::new();
    for (index, line) in metadata.iter().rev().enumerate() {
        mixed.push_str(line);
        mixed.push('\n');
        mixed.extend(values.get(index).iter().flat_map(|value| [**value, "\n"]));
    }
    assert_eq!(support::decrypted(Format::Dotenv, &mixed), "A=x\n# c\nB=y\n");
}

#[test]
fn sections_behind_the_metadata_of_an_ini_file_stay() {
    let encrypted = exact(Format::Ini, "[a]\nk = x\n");
    let longer = format!("{encrypted}\n; note\n[empty]\n");
    assert_eq!(support::decrypted(Format::Ini, &longer), "[a]\nk = x\n\n\n; note\n[empty]\n");
}
