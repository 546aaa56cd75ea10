//! What does not come back byte for byte: each row of the list in `docs/formats.md`, exactly as it comes back. The value
//! is always the same.

use seal_core::format::Format;

use super::support;

/// Encrypts and decrypts a value of a file without Kubernetes objects.
fn there_and_back(value: &str) -> String {
    let source = format!("before: x\na: {value}\nbehind: y\n");
    let encrypted = support::encrypted(Format::Yaml, &source, &support::whole());
    let back = support::decrypted(Format::Yaml, &encrypted);
    let inner = back.strip_prefix("before: x\na: ").and_then(|s| s.strip_suffix("\nbehind: y\n"));
    inner.unwrap_or_else(|| panic!("more than the value changed:\n{back}")).to_owned()
}

fn comes_back_as(spellings: &[(&str, &str)]) {
    for (source, expected) in spellings {
        assert_eq!(there_and_back(source), *expected, "{source}");
    }
}

#[test]
fn integers_in_other_bases_and_numbers_with_underscores_become_decimal() {
    comes_back_as(&[
        ("0x1F", "31"),
        ("0o17", "15"),
        ("0777", "511"),
        ("0b101", "5"),
        ("-0x10", "-16"),
        ("1_000", "1000"),
        ("1_000.5", "1000.5"),
    ]);
}

#[test]
fn infinities_and_nan_become_lower_case() {
    comes_back_as(&[
        (".Inf", ".inf"),
        ("+.inf", ".inf"),
        ("-.INF", "-.inf"),
        (".NaN", ".nan"),
        (".inf", ".inf"),
        (".nan", ".nan"),
    ]);
}

#[test]
fn dates_become_rfc_3339() {
    comes_back_as(&[
        ("2024-01-01", "2024-01-01T00:00:00Z"),
        ("2024-1-2", "2024-01-02T00:00:00Z"),
        ("2024-01-01 10:00:00", "2024-01-01T10:00:00Z"),
        ("2001-12-14t21:59:43.10-05:00", "2001-12-14T21:59:43.1-05:00"),
    ]);
}

#[test]
fn ini_values_over_several_lines_without_quotes_become_one_line() {
    for (source, expected) in [
        ("[a]\nk = one \\\n  two\n; c\nl = x\n", "[a]\nk = one two\n; c\nl = x\n"),
        ("k = a\\\nb\\\n\nl = x\n", "k = ab\n\nl = x\n"),
        ("k = a \\\n # b\n", "k = `a # b`\n"),
    ] {
        let encrypted = support::encrypted(Format::Ini, source, &support::whole());
        assert_eq!(support::decrypted(Format::Ini, &encrypted), expected, "{source}");
    }
}

#[test]
fn a_date_in_a_secret_is_refused_where_its_spelling_would_change() {
    let secret = |date: &str| {
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\nstringData:\n  d: {date}\n")
    };
    let error = support::try_encrypt(
        Format::Yaml,
        secret("2024-01-01").as_bytes(),
        &support::options(),
        support::KEY,
        None,
    )
    .unwrap_err();
    assert_eq!(error.hint.as_deref(), Some("put it in quotes"));
    assert_eq!(error.path.as_ref().unwrap().to_string(), r#"["stringData"]["d"]"#);
    for kept in ["'2024-01-01'", "2024-01-01T00:00:00Z", "\"2024-1-2\""] {
        let encrypted = support::encrypted(Format::Yaml, &secret(kept), &support::options());
        assert_eq!(support::decrypted(Format::Yaml, &encrypted), secret(kept));
    }
}

#[test]
fn escapes_become_the_shortest() {
    comes_back_as(&[
        (r#""\x41""#, r#""A""#),
        (r#""\u00e9""#, r#""é""#),
        (r#""\U0001F600""#, r#""😀""#),
        (r#""\u000A""#, r#""\n""#),
        ("\"a\tb\"", r#""a\tb""#),
        (r#""\n\t\"\\\0\e""#, r#""\n\t\"\\\0\e""#),
    ]);
}

#[test]
fn folded_lines_in_quotes_and_plain_text_become_one_line() {
    comes_back_as(&[
        ("\"one\n  two\"", r#""one two""#),
        ("\"one\\\n  two\"", r#""onetwo""#),
        ("'one\n  two'", "'one two'"),
        ("one\n  two", "one two"),
        // `'…'` cannot hold a line break on one line.
        ("'one\n\n  two'", r#""one\ntwo""#),
        ("one\n\n  two", r#""one\ntwo""#),
    ]);
}

#[test]
fn a_folded_text_is_folded_otherwise() {
    comes_back_as(&[
        (">\n  one\n  two\n", ">\n  one two\n"),
        (">-\n  one\n  two\n\n  three", ">-\n  one two\n\n  three"),
        (">\n  on one line\n", ">\n  on one line\n"),
        (">\n  one\n\n    deeper\n\n  two\n", ">\n  one\n\n    deeper\n\n  two\n"),
    ]);
}

#[test]
fn blanks_on_empty_lines_of_a_block_scalar_go() {
    comes_back_as(&[("|\n  one\n \n  two", "|\n  one\n\n  two")]);
    comes_back_as(&[("|\n  one\n  two", "|\n  one\n  two")]);
}

#[test]
fn a_block_scalar_that_is_only_blank_comes_in_quotes() {
    comes_back_as(&[("|+\n", "\"\\n\"\n"), ("|+ # c\n\n", "\"\\n\\n\" # c\n\n")]);
}

#[test]
fn unicode_line_breaks_become_escapes() {
    comes_back_as(&[
        ("\"x\u{2028}y\"", r#""x\Ly""#),
        ("'p\u{2029}q'", r#""p\Pq""#),
        ("|\n  one\u{2028}  two", r#""one\Ltwo\n""#),
    ]);
}

#[test]
fn strings_of_json_come_back_with_the_fewest_escapes() {
    let source = r#"{"a": "\u00e9\/\u003c", "b": "x\n\u0001", "c": 1.0, "d": 1e3, "e": -0, "f": 12345678901234567890}"#;
    let encrypted = support::encrypted(Format::Json, source, &support::whole());
    let back = support::decrypted(Format::Json, &encrypted);
    assert_eq!(back, source.replace(r"\u00e9\/\u003c", "é/<"));
}
