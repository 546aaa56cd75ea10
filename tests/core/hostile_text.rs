//! dotenv, INI and binary files that nobody would write: refused with a place and a reason, or taken for what they are.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::time::{Duration, Instant};

use seal_core::document::{Content, NodeId};
use seal_core::envelope::{Rule, RuleKind};
use seal_core::file::{Class, DecryptOptions, EncryptOptions, decrypt};
use seal_core::format::Format;

#[path = "support.rs"]
mod support;

fn refused_at(format: Format, source: &str, line: usize, reason: &str) {
    let shown: String = source.chars().take(100).collect();
    let error = format.parse(source.as_bytes()).expect_err(&shown);
    assert_eq!(error.position.line, line, "{shown:?}: {error}");
    assert!(error.problem.contains(reason), "{shown:?}: {error}");
}

fn not_encrypted(format: Format, source: &[u8], reason: &str) {
    let result = support::try_encrypt(format, source, &support::whole(), support::KEY, None);
    let error = result.map(|_| ()).expect_err(&source.escape_ascii().to_string());
    let text = support::describe(&error);
    assert!(text.contains(reason), "{}: {text}", source.escape_ascii());
}

/// Section or key, and value, of every scalar.
fn values(format: Format, source: &str) -> Vec<(String, String)> {
    let stream =
        format.parse(source.as_bytes()).unwrap_or_else(|error| panic!("{source:?}: {error}"));
    let document = &stream.documents[0];
    let scalars =
        document.nodes.iter().enumerate().filter_map(|(index, node)| match &node.content {
            Content::Scalar(scalar) => {
                let path = document.path(NodeId(index as u32)).to_string();
                Some((path, String::from_utf8(scalar.value.canonical().to_vec()).unwrap()))
            }
            _ => None,
        });
    scalars.collect()
}

#[test]
fn files_without_a_value_are_not_encrypted() {
    for format in [Format::Dotenv, Format::Ini] {
        for source in ["", "\n\n", "# only\n# comments", "#\n"] {
            not_encrypted(format, source.as_bytes(), "there is no value to encrypt");
        }
    }
    not_encrypted(Format::Ini, b"[a]\n[b]\n; c\n", "there is no value to encrypt");
    not_encrypted(Format::Dotenv, b"A=\n", "there is no value to encrypt");
    not_encrypted(Format::Binary, b"", "there is no value to encrypt");
}

#[test]
fn lines_that_sops_does_not_read_are_refused_where_they_stand() {
    refused_at(Format::Dotenv, "A=1\nhunter2\n", 2, "expected `KEY=value`");
    refused_at(Format::Dotenv, "A=1\n # c\n", 2, "first column");
    refused_at(Format::Dotenv, "A=1\r\n\r\nB=2\r\n", 2, "nothing except blanks");
    refused_at(Format::Dotenv, "\u{feff}# c\nA=1\n", 1, "byte order mark");
    refused_at(Format::Ini, "[a]\nhunter2\n", 2, "expected `key = value`");
    refused_at(Format::Ini, "[a\nk = v\n", 1, "not closed");
    refused_at(Format::Ini, "[]\n", 1, "no name");
    refused_at(Format::Ini, "a = 1\n= hunter2\n", 2, "no key");
    refused_at(Format::Ini, "a = 1\nb = hunter2 \\\n x\\", 2, "another line");
    refused_at(Format::Ini, "`k = hunter2\n", 1, "do not close");
    refused_at(Format::Ini, "a = 1\nb = `hunter2\n\n", 2, "do not close");
    refused_at(Format::Ini, "a = 1\nb = \"\"\"", 2, "do not close");
    refused_at(Format::Ini, "a = \"\"\"x\ny\"\"\"\"\"\nb = \"\"\"x\n", 3, "do not close");
}

#[test]
fn what_sops_would_lose_without_a_word_is_refused() {
    refused_at(Format::Ini, "[a]\nk = hunter#2\n", 2, "backticks");
    refused_at(Format::Ini, "[a]\nk = #hunter2\n", 2, "backticks");
    refused_at(Format::Ini, "k = \"hunter ;2\"\n", 1, "backticks");
    refused_at(Format::Ini, "k = `a` hunter2\n", 1, "behind the closing quote");
    refused_at(Format::Ini, "[a]\nk = x\nk = hunter2\n", 3, "twice");
    refused_at(Format::Ini, "[a]\n-=x\n- = y\n\"#2\" = z\n", 4, "twice");
}

#[test]
fn texts_that_are_no_utf8_are_taken_where_the_format_has_a_place_for_them() {
    for format in [Format::Dotenv, Format::Binary] {
        let source = b"A=\xff\xfe\nB=x\n";
        let result = support::try_encrypt(format, source, &support::whole(), support::KEY, None);
        let encrypted = result.unwrap().bytes.unwrap();
        assert!(std::str::from_utf8(&encrypted).is_ok());
        let back = decrypt(format, &encrypted, &DecryptOptions::default(), &support::unwrap);
        assert_eq!(back.unwrap().bytes.unwrap().expose(), source);
    }
    not_encrypted(Format::Dotenv, b"A=x\nB\xff=y\n", "this key is not valid UTF-8");
    not_encrypted(Format::Dotenv, b"A=x\n#\xff\n", "this comment is not valid UTF-8");
    not_encrypted(Format::Ini, b"[a]\nk = \xff\n", "not valid UTF-8");
}

#[test]
fn nul_bytes_are_text() {
    for (format, source) in [
        (Format::Dotenv, "A\0=\0x\n#\0\n"),
        (Format::Ini, "[\0]\n; \0 c\nk\0 = x\0y\n"),
        (Format::Binary, "\0"),
    ] {
        let encrypted = support::encrypted(format, source, &support::whole());
        assert_eq!(support::decrypted(format, &encrypted), source);
    }
}

#[test]
fn whatever_is_called_sops_is_the_metadata() {
    refused_at(Format::Dotenv, "A=1\nsops=x\n", 2, "named `sops`");
    not_encrypted(Format::Dotenv, b"A=1\nsops_x=y\n", "no envelope");
    not_encrypted(Format::Ini, b"[a]\nk = v\n[sops]\nx = y\n", "no envelope");
    refused_at(Format::Ini, "[sops]\nx = y\n[a]\n[sops]\n", 4, "twice");
    not_encrypted(Format::Binary, b"{\"data\": \"x\", \"sops\": {}}", "no envelope");
    // A text that only mentions it is content.
    for source in ["{\"sops\": 1}", "{\"data\": \"sops\"}", "{ sops: {} }"] {
        let encrypted = support::encrypted(Format::Binary, source, &support::whole());
        assert_eq!(support::decrypted(Format::Binary, &encrypted), source);
    }
}

#[test]
fn metadata_that_contradict_themselves_are_refused() {
    for (lines, reason) in [
        ("sops_age__list_1__map_enc=x\n", "gap"),
        ("sops_age__list_0__map_enc=x\nsops_age__list_999999999__map_enc=x\n", "gap"),
        ("sops_age__list_99999999999999999999999=x\n", "no index"),
        ("sops_age__list_-1__map_enc=x\n", "no index"),
        ("sops_age__list_=x\n", "no index"),
        ("sops_age=x\nsops_age__list_0=x\n", "contradict"),
        ("sops_age__map_a=x\nsops_age__list_0=x\n", "contradict"),
        ("sops_age__list_0=x\nsops_age__list_0=y\n", "contradict"),
        ("sops_age__list_0=x\nsops_age__list_00=y\n", "contradict"),
    ] {
        refused_at(Format::Dotenv, lines, lines.lines().count(), reason);
    }
    let deep = format!("A=1\nsops_{}a=x\n", "a__map_".repeat(10_000));
    refused_at(Format::Dotenv, &deep, 2, "nested too deeply");
    let deep = format!("[sops]\na{} = x\n", "__list_0".repeat(10_000));
    refused_at(Format::Ini, &deep, 2, "nested too deeply");
}

/// SOPS would take one of the two at random.
#[test]
fn a_setting_of_the_metadata_that_is_there_twice_is_refused() {
    for (format, source, line) in [
        (Format::Dotenv, "A=x\n", "sops_unencrypted_suffix=A\n"),
        (Format::Ini, "[a]\nA = x\n", "unencrypted_suffix = A\n"),
    ] {
        let encrypted = support::encrypted(format, source, &support::whole()) + line;
        let error = support::try_decrypt(format, &encrypted).unwrap_err();
        assert_eq!(error.class, Class::Refused, "{error}");
        assert!(error.problem.contains("twice"), "{error}");
    }
}

/// Those that repeat mean the last one to whoever reads the file, and a binding covers no order.
#[test]
fn values_of_a_key_that_is_there_twice_cannot_change_places() {
    let encrypted = support::encrypted(Format::Dotenv, "A=old\nB=x\nA=new\n", &support::whole());
    let lines: Vec<&str> = encrypted.lines().collect();
    let order = |order: [usize; 3]| {
        let moved = order.iter().map(|index| lines[*index]).chain(lines[3..].iter().copied());
        moved.map(|line| format!("{line}\n")).collect::<String>()
    };
    let error = support::try_decrypt(Format::Dotenv, &order([2, 1, 0])).unwrap_err();
    assert_eq!(error.class, Class::Refused);
    assert!(error.problem.contains("there twice"), "{error}");
    let unique = support::encrypted(Format::Dotenv, "A=a\nB=b\n", &support::whole());
    let (first, rest) = unique.split_once('\n').unwrap();
    let moved = format!("{rest}{first}\n");
    assert_eq!(support::decrypted(Format::Dotenv, &moved), "B=b\nA=a\n");
}

/// A comment is in no MAC, but one that breaks out of its line would be a value.
#[test]
fn a_comment_cannot_bring_in_a_value() {
    use seal_core::cipher::{Cipher, ValueType};
    let cipher = Cipher::new(&seal_core::secret::DataKey::new(support::KEY));
    let forged = |aad: &str| {
        cipher.encrypt(&[9; 32], aad.as_bytes(), ValueType::Comment, b" c\nK = planted\nK=planted")
    };
    let encrypted = support::encrypted(Format::Dotenv, "A=x\n", &support::whole());
    let with_comment = format!("#{}\n{encrypted}", forged(":"));
    let back = support::decrypted(Format::Dotenv, &with_comment);
    assert!(back.starts_with("#ENC[") && back.ends_with("\nA=x\n"), "{back}");
    let encrypted = support::encrypted(Format::Ini, "[a]\nk = x\n", &support::whole());
    let with_comment = format!("; {}\n{encrypted}", forged("a:"));
    let back = support::decrypted(Format::Ini, &with_comment);
    assert_eq!(back, ";  c\n; K = planted\n; K=planted\n[a]\nk = x\n");
}

/// Rules and identities of Kubernetes have no meaning in a format that holds no manifests.
#[test]
fn nothing_of_these_formats_is_a_kubernetes_object() {
    let dotenv = "apiVersion=v1\nkind=Secret\ndata=x\n";
    let ini = "apiVersion = v1\nkind = Secret\n[a]\nkind = Secret\ndata = x\n";
    for (format, source) in [(Format::Dotenv, dotenv), (Format::Ini, ini)] {
        let untouched = support::try_encrypt(
            format,
            source.as_bytes(),
            &support::options(),
            support::KEY,
            None,
        );
        assert!(untouched.unwrap().bytes.is_none());
        let encrypted = support::encrypted(format, source, &support::whole());
        assert!(!encrypted.contains("Secret") && encrypted.contains("unencrypted_suffix"));
        let decrypted = support::try_decrypt(format, &encrypted).unwrap();
        assert_eq!(decrypted.objects[0].description, None);
        assert_eq!(support::text(&decrypted).as_deref(), Some(source));
    }
}

#[test]
fn a_rule_that_the_metadata_cannot_hold_is_refused() {
    let rule = Rule { kind: RuleKind::EncryptedRegex, text: "A\\n?".to_owned() };
    let options = EncryptOptions { rule: Some(rule), ..support::whole() };
    for (format, source) in [(Format::Dotenv, "A=x\n"), (Format::Ini, "A = x\n")] {
        let result = support::try_encrypt(format, source.as_bytes(), &options, support::KEY, None);
        assert_eq!(result.unwrap_err().class, Class::Settings);
    }
    for text in ["A|#|;", "^A \\\\$|A", "`A`|A|\"\"\"", " A |A", "\"A\"|A", "A\\\\"] {
        let rule = Rule { kind: RuleKind::EncryptedRegex, text: text.to_owned() };
        let options = EncryptOptions { rule: Some(rule), ..support::whole() };
        for (format, source) in [(Format::Dotenv, "A\\=x\n"), (Format::Ini, "A\\ = x\n")] {
            let encrypted = support::encrypted(format, source, &options);
            assert_eq!(support::decrypted(format, &encrypted), source, "{text}");
        }
    }
}

#[test]
fn a_file_that_was_never_encrypted_as_binary_is_not_passed_on_as_one() {
    let yaml = support::encrypted(Format::Yaml, "a: b\n", &support::whole());
    for source in ["text", "{}", &yaml] {
        let error = support::try_decrypt(Format::Binary, source).unwrap_err();
        assert!(error.hint.as_ref().unwrap().contains("--input-type"), "{error}");
    }
    let json =
        support::encrypted(Format::Json, "{\"a\": \"b\", \"data\": \"c\"}", &support::whole());
    let error = support::try_decrypt(Format::Binary, &json).unwrap_err();
    assert!(error.problem.contains("another format"), "{error}");
}

#[test]
fn readings_of_ini_are_those_of_go_ini() {
    for (source, expected) in [
        ("k = v ; c", "v"),
        ("k : a = b", "a = b"),
        ("k = 'a'b'", "'a'b'"),
        ("k = \"a'b\"", "a'b"),
        ("k = \"", "\""),
        ("k = ''", ""),
        ("k = `a`b`", "a`b"),
        ("k = \"\"\"a\"\"\"\"", "a\""),
        ("k = \"\"\"\"\"\"", ""),
        ("k = \"\"\"a\n b\"\"\" ; c", "a\n b"),
        ("k = `a\r\nb`", "a\r\nb"),
        ("k = a \\\n  b\\\nc", "a bc"),
        ("k = a \\\n\nj=1", "a "),
        ("k = a \\\n", "a "),
        ("k = \\\\\\\n b", "\\\\b"),
        ("k = \u{a0}v\u{2003}", "v"),
        ("k =", ""),
        ("k = ; c", ""),
    ] {
        let found = values(Format::Ini, source);
        assert_eq!(found[0], ("[\"DEFAULT\"][\"k\"]".to_owned(), expected.to_owned()), "{source}");
    }
    for (source, path) in [
        ("[ a ]\n \"k = x\" = v", "[\" a \"][\"k = x\"]"),
        ("[a] x]\nk=v", "[\"a] x\"][\"k\"]"),
        ("[a]\n\"\"\"k\"\"\"=v", "[\"a\"][\"k\"]"),
        ("[a]\n-=v", "[\"a\"][\"#1\"]"),
        ("[DEFAULT]\nk=v", "[\"DEFAULT\"][\"k\"]"),
    ] {
        assert_eq!(values(Format::Ini, source), [(path.to_owned(), "v".to_owned())], "{source}");
    }
}

/// Not a measurement: quadratic work on these would take minutes.
#[test]
fn large_files_take_time_in_proportion_to_their_bytes() {
    let started = Instant::now();
    let lines =
        |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    for (format, source) in [
        (Format::Dotenv, lines(20_000, &|n| format!("KEY_{n}=value\n"))),
        (Format::Dotenv, lines(20_000, &|_| "A=b\n".to_owned())),
        (Format::Ini, lines(20_000, &|n| format!("key{n} = value\n"))),
        (Format::Ini, lines(10_000, &|n| format!("[{n}]\n; c\nk = v\n"))),
        (Format::Ini, format!("k = `{}`\n", "x\n".repeat(200_000))),
        (Format::Ini, format!("{}k = v\n", "; c\n".repeat(100_000))),
        (Format::Binary, "x".repeat(2_000_000)),
    ] {
        let encrypted = support::encrypted(format, &source, &support::whole());
        assert!(support::decrypted(format, &encrypted) == source);
    }
    for source in [
        lines(50_000, &|n| format!("sops_x{n}=y\n")),
        lines(50_000, &|_| "sops_x=y\n".to_owned()),
        lines(50_000, &|n| format!("sops_x__list_{n}=y\n")),
        lines(50_000, &|n| format!("sops_x__map_{n}=y\n")),
    ] {
        assert!(Format::Dotenv.parse(source.as_bytes()).is_ok());
    }
    assert!(Format::Ini.parse("k = a\\\n".repeat(100_000).as_bytes()).is_ok());
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}
