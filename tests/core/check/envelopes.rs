//! Encrypted documents that would not be accepted.

use seal_core::check::CheckOptions;
use seal_core::envelope::Metadata;

use crate::{SECRET, encrypted, found, found_with, options, regex, with_line};

#[test]
fn what_seal_encrypts_has_no_finding() {
    let commented = SECRET.replace("hunter2\n", "hunter2 # hunter2\n");
    for source in
        [encrypted(SECRET), encrypted(&commented), encrypted(&format!("a: 1\n---\n{SECRET}"))]
    {
        assert_eq!(found(&source), [""; 0], "{source}");
    }
    let layout = seal_core::file::Layout::Sops;
    let shared = seal_core::file::EncryptOptions { layout, ..crate::support::options() };
    let stream = format!("{SECRET}---\n{}", SECRET.replace("db", "api"));
    assert_eq!(found(&crate::encrypted_with(&stream, &shared)), [""; 0]);
}

#[test]
fn a_value_in_clear_among_encrypted_ones_is_found() {
    let source = with_line(&encrypted(SECRET), "stringData:", "  added: hunter2");
    assert_eq!(found(&source), ["7: clear-value"]);
    // Whatever the rule of the envelope says, the region of a Secret is secret.
    let narrowed = source.replace("^(data|stringData)$", "^password$");
    assert!(found(&narrowed).contains(&"7: clear-value".to_owned()));
    let null = with_line(&encrypted(SECRET), "stringData:", "  added:");
    assert_eq!(found(&null), ["7: clear-value"]);
    let empty = with_line(&encrypted(SECRET), "stringData:", "  added: ''");
    assert_eq!(found(&empty), [""; 0]);
    let alias = with_line(&encrypted(SECRET), "stringData:", "  added: *a")
        .replace("name: db", "name: &a db");
    assert_eq!(found(&alias), ["7: clear-value"]);
}

#[test]
fn a_value_that_only_the_rule_of_the_envelope_selects_is_found() {
    let source = "password: hunter2\nother: x\n";
    let rule = seal_core::file::EncryptOptions {
        rule: Some(regex("^password")),
        ..crate::support::options()
    };
    let source = crate::encrypted_with(source, &rule);
    assert_eq!(found(&source), [""; 0]);
    let added = with_line(&source, "password:", "password2: hunter2");
    assert_eq!(found(&added), ["2: clear-value"]);
    let not_selected = with_line(&source, "password:", "more: x");
    assert_eq!(found(&not_selected), [""; 0]);
}

#[test]
fn damaged_values_are_found() {
    let source = encrypted(SECRET);
    let cut = source.replacen(",type:str]", "", 1);
    assert_eq!(found(&cut), ["7: enc-text"]);
    let tail = source.replacen(",type:str]", ",type:str] hunter2", 1);
    assert_eq!(found(&tail), ["7: enc-tail"]);
    let no_base64 = source.replacen(",iv:", ",iv:!", 1);
    assert_eq!(found(&no_base64), ["7: enc-text"]);
    let comment = source.replacen(",type:str]", ",type:comment]", 1);
    assert_eq!(found(&comment), ["7: enc-text"]);
    let elsewhere = {
        let value = source.lines().find(|line| line.contains("password: ENC")).unwrap();
        with_line(&source, "namespace:", &value.replace("password", "label"))
    };
    assert_eq!(found(&elsewhere), ["6: enc-text"]);
}

#[test]
fn blocks_that_cannot_be_used_are_found() {
    let source = encrypted(SECRET);
    let line_of = |start: &str| {
        source.lines().find(|line| line.trim_start().starts_with(start)).unwrap().to_owned()
    };
    for (name, broken) in [
        ("no version", source.replace(&line_of("version:"), "")),
        ("no date", source.replace(&line_of("lastmodified:"), "")),
        ("no mac", source.replace(&line_of("mac:"), "")),
        ("a mac in clear", source.replace(&line_of("mac:"), "    mac: hunter2")),
        ("no key", {
            let (before, after) = source.split_once("    age:\n").unwrap();
            format!("{before}{}", &after[after.find("    encrypted_regex").unwrap()..])
        }),
        ("two rules", with_line(&source, "encrypted_regex:", "    encrypted_suffix: x")),
        ("an invalid rule", source.replace("^(data|stringData)$", "^(data")),
        ("a doubled field", with_line(&source, "    mac:", "    MAC: x")),
    ] {
        let found = found(&broken);
        assert_eq!(found, ["9: envelope"], "{name}:\n{broken}");
    }
}

#[test]
fn a_block_that_encrypts_nothing_is_found() {
    let source = encrypted(SECRET);
    let block =
        &source[source.find("sops:").unwrap()..].replace("^(data|stringData)$", "^pasword$");
    let source = format!("password: hunter2\n{block}");
    assert_eq!(found(&source), ["2: selects-nothing"]);
}

#[test]
fn recipients_are_compared_with_the_rule() {
    let drift = |metadata: &Metadata| {
        let keys = metadata.master_keys();
        Some(format!("for {}", keys.iter().next()?))
    };
    let compared = CheckOptions { recipients: &drift, ..options() };
    assert_eq!(found_with(&encrypted(SECRET), &compared), ["9: recipients"]);
}

#[test]
fn what_documents_share_is_said_once() {
    let drift = |_: &Metadata| Some("others".to_owned());
    let compared = CheckOptions { recipients: &drift, ..options() };
    let stream = format!("{SECRET}---\n{}", SECRET.replace("db", "api"));
    assert_eq!(found_with(&encrypted(&stream), &compared).len(), 2);
    let layout = seal_core::file::Layout::Sops;
    let shared = seal_core::file::EncryptOptions { layout, ..crate::support::options() };
    let shared = crate::encrypted_with(&stream, &shared);
    assert_eq!(found_with(&shared, &compared), ["9: recipients"]);
    assert_eq!(crate::checked(&shared, &compared).envelopes, 1);
}

#[test]
fn a_comment_in_clear_among_encrypted_values_is_a_warning() {
    let source = with_line(&encrypted(SECRET), "stringData:", "  # hunter2");
    assert_eq!(found(&source), ["7: clear-comment"]);
    let outside = with_line(&encrypted(SECRET), "metadata:", "  # hunter2");
    assert_eq!(found(&outside), [""; 0]);
}
