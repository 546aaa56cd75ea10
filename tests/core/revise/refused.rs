//! What is not written.

use seal_core::file::{Class, EncryptOptions};
use seal_core::format::Format;

use super::*;

#[test]
fn refuses_an_earlier_version_that_was_altered() {
    let before = encrypted(SECRET);
    for (from, to) in [
        ("name: a\n", "name: b\n"),
        ("  user: 'ENC[AES256_GCM,data:", "  user: 'ENC[AES256_GCM,data:AAAA"),
        ("  empty: \"\"\n", "  empty: \"\"\n  added: \"\"\n"),
    ] {
        let altered = before.replacen(from, to, 1);
        assert_ne!(altered, before);
        assert_eq!(refusal(&altered, SECRET).class, Class::Refused, "{from} → {to}");
    }
}

#[test]
fn refuses_what_nobody_encrypted() {
    let error = refusal(SECRET, SECRET);
    assert_eq!(error.class, Class::Input);
    assert!(error.problem.contains("nothing in this file is encrypted"));
}

#[test]
fn refuses_an_envelope_in_the_changed_text() {
    let before = encrypted(SECRET);
    for after in
        [format!("{SECRET}sops: {{}}\n"), before.clone(), format!("{SECRET}sops:\n  x: hunter2\n")]
    {
        let error = refusal(&before, &after);
        assert!(error.problem.contains("`sops`"), "{}", support::describe(&error));
        assert!(!support::describe(&error).contains("hunter2"));
    }
}

#[test]
fn refuses_what_encrypting_refuses() {
    let before = encrypted(SECRET);
    for (from, to) in [
        ("user: 'app'", "user:"),
        ("user: 'app'", "user: &x app\n  other: *x"),
        (
            "metadata:\n",
            "metadata:\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: x\n",
        ),
        ("metadata:\n", "<<: {a: b}\nmetadata:\n"),
        ("kind: Secret", "kind: &k Secret\nother: *k"),
    ] {
        let after = SECRET.replacen(from, to, 1);
        if from.starts_with("kind") {
            // An anchor on the kind hides nothing.
            assert!(
                run(Format::Yaml, &before, Some(&after), &options(), &support::unwrap).0.is_ok()
            );
            continue;
        }
        let error = refusal(&before, &after);
        assert_eq!(error.class, Class::Input, "{to}: {}", support::describe(&error));
        assert!(error.position.is_some() && !support::describe(&error).contains("hunter2"));
    }
}

#[test]
fn refuses_a_broken_text_and_says_where() {
    let before = encrypted(SECRET);
    let error = refusal(&before, &SECRET.replace("user: 'app'", "user: 'app"));
    assert_eq!(error.class, Class::Syntax);
    assert!(error.position.is_some() && !support::describe(&error).contains("app"));
}

#[test]
fn refuses_a_text_in_which_nothing_is_left_to_encrypt() {
    let before = encrypted(SECRET);
    for after in ["", "# nothing\n", "[]\n", "---\n"] {
        let error = refusal(&before, after);
        assert!(error.problem.contains("nothing of what was encrypted"), "{after:?}: {error}");
    }
    let before = whole(Format::Yaml, "a: 1\n");
    assert!(refusal(&before, "[1]\n").problem.contains("mapping"));
}

#[test]
fn refuses_a_rule_that_leaves_a_secret_in_clear() {
    let rule = seal_core::envelope::Rule {
        kind: seal_core::envelope::RuleKind::EncryptedRegex,
        text: "^pw$".to_owned(),
    };
    let options = EncryptOptions { rule: Some(rule), ..support::options() };
    let before = support::encrypted(Format::Yaml, "pw: a\n", &options);
    let error = refusal(&before, &SECRET.replace("password", "pw"));
    assert_eq!(error.class, Class::Settings, "{}", support::describe(&error));
}

#[test]
fn no_key_for_the_earlier_version_is_told_as_such() {
    let before = encrypted(SECRET);
    let (done, drawn) =
        run(Format::Yaml, &before, Some("a: 1\n"), &options(), &|_| Err("no key fits".into()));
    assert_eq!((done.unwrap_err().class, drawn), (Class::NoKey, 0));
}

#[test]
fn a_damaged_earlier_version_is_a_clean_error_or_harmless() {
    let texts = [
        (Format::Yaml, encrypted(SECRET), SECRET.replace("hunter2", "hunter3")),
        (
            Format::Json,
            whole(Format::Json, "{\"a\": \"hunter2\", \"b\": [1, 2]}\n"),
            "{\"a\": 1}\n".to_owned(),
        ),
    ];
    for (format, before, after) in texts {
        let mut state = 0x5EA1_u64;
        let mut next = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        for _ in 0..500 {
            let mut bytes = before.clone().into_bytes();
            for _ in 0..=next(3) {
                let at = next(bytes.len());
                match next(3) {
                    0 => bytes[at] = next(256) as u8,
                    1 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, b" \n-:#{}[]\"'"[next(11)]),
                }
            }
            let (done, _) = run_over_bytes(
                format,
                &bytes,
                Some(after.as_bytes()),
                &options(),
                &support::unwrap,
            );
            match done {
                Err(error) => {
                    let text = support::describe(&error);
                    assert!(!text.contains("hunter"), "{text}");
                }
                Ok(done) => {
                    // What was damaged was none of the values: whatever is written holds them.
                    let text = String::from_utf8(done.bytes.unwrap()).unwrap();
                    assert_eq!(support::decrypted(format, &text), after);
                }
            }
        }
    }
}
