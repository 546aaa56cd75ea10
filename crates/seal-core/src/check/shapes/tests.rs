use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{SHAPES, leaks};

/// A text that varies enough to be a token; never one that was ever valid.
fn made_up(length: usize, alphabet: &str) -> String {
    let alphabet: Vec<char> = alphabet.chars().collect();
    (0..length).map(|at| alphabet[(at * 7 + at / 3) % alphabet.len()]).collect()
}

const HEX: &str = "0123456789abcdef";
const UPPER: &str = "QWERTYUPASDFGHJKLZXCVBNM234567";
const MIXED: &str = "aZ3bY9cX7dW5eV1fU8gT2hS6iR4jQ0";

fn what(text: &str) -> Vec<&'static str> {
    leaks(text.as_bytes()).into_iter().map(|leak| leak.what).collect()
}

fn pem(label: &str) -> String {
    let body = made_up(64, MIXED);
    format!("-----BEGIN {label}-----\n{body}\n{body}\n-----END {label}-----\n")
}

#[test]
fn knows_each_shape_by_one_text_of_it() {
    for (prefix, body, expected) in [
        ("AGE-SECRET-KEY-1", made_up(58, UPPER), "an age identity"),
        ("AGE-SECRET-KEY-PQ-1", made_up(58, UPPER), "an age identity"),
        ("AGE-PLUGIN-YUBIKEY-1", made_up(40, UPPER), "an age plugin's identity"),
        ("AKIA", made_up(16, UPPER), "an access key of AWS"),
        ("ghp_", made_up(36, MIXED), "a token of GitHub"),
        ("github_pat_", made_up(82, MIXED), "a token of GitHub"),
        ("glpat-", made_up(20, MIXED), "a token of GitLab"),
        ("xoxb-", made_up(40, MIXED), "a token of Slack"),
        ("AIza", made_up(35, MIXED), "an API key of Google"),
        ("sk_live_", made_up(24, MIXED), "a key of Stripe"),
        ("npm_", made_up(36, MIXED), "a token of npm"),
        ("pypi-AgEIcHlwaS5vcmc", made_up(60, MIXED), "a token of PyPI"),
        ("hvs.", made_up(90, MIXED), "a token of Vault"),
        ("AccountKey=", made_up(86, MIXED), "an account key of Azure"),
        ("dop_v1_", made_up(64, HEX), "a token of DigitalOcean"),
    ] {
        let text = format!("a: {prefix}{body}\n");
        assert_eq!(what(&text), [expected], "{prefix}");
        let quoted = format!("{{\"a\": \"{prefix}{body}\"}}");
        assert_eq!(what(&quoted), [expected], "{prefix} in JSON");
        // In the middle of a word it means nothing.
        assert_eq!(what(&format!("a: X{prefix}{body}")), [""; 0], "{prefix} in a word");
        // Too short.
        assert_eq!(what(&format!("a: {prefix}abc")), [""; 0], "{prefix} alone");
    }
}

#[test]
fn no_prefix_hides_a_longer_one() {
    for (index, shape) in SHAPES.iter().enumerate() {
        let hidden =
            SHAPES[index + 1..].iter().find(|later| later.prefix.starts_with(shape.prefix));
        assert!(hidden.is_none(), "{} hides {}", shape.prefix, hidden.unwrap().prefix);
    }
}

#[test]
fn a_private_key_is_found_in_a_block_in_a_json_string_and_in_base64() {
    for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"]
    {
        let text = pem(label);
        assert_eq!(what(&text).len(), 1, "{label}");
        let in_json = format!("{{\"private_key\": \"{}\"}}", text.replace('\n', "\\n"));
        assert_eq!(what(&in_json).len(), 1, "{label} in JSON");
        let encoded = format!("data: {}", STANDARD.encode(&text));
        assert_eq!(what(&encoded).len(), 1, "{label} in Base64");
    }
    let with_headers = pem("RSA PRIVATE KEY").replacen(
        "-----\n",
        "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A1B\n\n",
        1,
    );
    assert_eq!(what(&with_headers).len(), 1);
}

#[test]
fn certificates_and_mere_mentions_are_none() {
    let body = made_up(64, MIXED);
    for text in [
        pem("CERTIFICATE"),
        pem("PUBLIC KEY"),
        STANDARD.encode(pem("CERTIFICATE")),
        "begins with -----BEGIN PRIVATE KEY----- and so on".to_owned(),
        format!("-----BEGIN RSA PRIVATE KEY-----\n…\n-----END RSA PRIVATE KEY-----\n{body}"),
        "-----BEGIN ".to_owned(),
        "LS0tLS1CRUdJTi".to_owned(),
    ] {
        assert_eq!(what(&text), [""; 0], "{text}");
    }
}

#[test]
fn placeholders_are_none() {
    for text in [
        "AKIAIOSFODNN7EXAMPLE".to_owned(),
        format!("ghp_{}", "x".repeat(36)),
        format!("sk_live_{}", "0".repeat(24)),
        "hvs.the-name-of-a-service-and-more".to_owned(),
    ] {
        assert_eq!(what(&text), [""; 0], "{text}");
    }
}

#[test]
fn a_json_web_token_has_three_parts() {
    let part = made_up(30, MIXED);
    assert_eq!(what(&format!("eyJ{part}.eyJ{part}.{part}")), ["a JSON Web Token"]);
    assert_eq!(what(&format!("eyJ{part}.eyJ{part}")), [""; 0]);
    assert_eq!(what(&format!("eyJ{part}")), [""; 0]);
}

#[test]
fn a_url_has_a_password_unless_that_is_a_reference() {
    for url in [
        "postgres://app:pw@db:5432/x",
        "https://u:p%40s@h".replace("%40", "4").as_str(),
        "redis://:pw@h",
    ] {
        assert_eq!(what(url), ["a URL with a password"], "{url}");
    }
    for url in [
        "https://example.com/a:b@c",
        "https://user@example.com",
        "postgres://app:$(PASSWORD)@db",
        "postgres://app:${PASSWORD}@db",
        "postgres://app:{{ .password }}@db",
        "postgres://app:<password>@db",
        "https://example.com:443",
        "://a:b@c",
        "x://",
    ] {
        assert_eq!(what(url), [""; 0], "{url}");
    }
}

#[test]
fn a_long_run_costs_no_more_than_its_length() {
    let text = format!("{}{}", "eyJ".repeat(100_000), "://a:".repeat(100_000));
    assert_eq!(what(&text), [""; 0]);
}
