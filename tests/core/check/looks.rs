//! Texts that look like secrets, in objects that are none.

use crate::{encrypted, found};

const TOKEN: &str = "ghp_aZ3bY9cX7dW5eV1fU8gT2hS6iR4jQ0kL1mN8";

#[test]
fn a_token_is_found_in_every_object_and_in_comments() {
    for source in [
        format!("apiVersion: v1\nkind: ConfigMap\ndata:\n  a: {TOKEN}\n"),
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nspec:\n  x: [{{name: A, value: {TOKEN}}}]\n"
        ),
        format!("apiVersion: example.com/v1\nkind: Thing\nspec:\n  token: '{TOKEN}'\n"),
        format!("# values of a chart\nimage: x\nauth:\n  token: \"{TOKEN}\"\n"),
        format!("a: 1\nb: 1\nc: 1\nd: 1 # {TOKEN}\n"),
        format!("a: 1\nb: 1\nc: 1\nd: {{{{ default \"{TOKEN}\" .x }}}}\n"),
    ] {
        assert_eq!(found(&source), ["4: token"], "{source}");
    }
}

#[test]
fn a_token_in_a_secret_is_no_finding_of_its_own() {
    let secret = format!("apiVersion: v1\nkind: Secret\nstringData:\n  a: {TOKEN}\n");
    assert_eq!(found(&secret), ["2: secret-in-clear"]);
    assert_eq!(found(&encrypted(&secret)), [""; 0]);
}

#[test]
fn a_key_in_a_block_is_placed_where_it_begins_and_allowed_at_its_key() {
    let key = format!(
        "a: 1\ntls.key: |\n  x\n  -----BEGIN PRIVATE KEY-----\n  {0}\n  {0}\n  -----END PRIVATE KEY-----\n",
        "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
    );
    assert_eq!(found(&key), ["4: private-key"]);
    let allowed = key.replace("tls.key", "# seal:allow private-key -- of a test\ntls.key");
    assert_eq!(found(&allowed), [""; 0]);
    let other = key.replace("tls.key", "# seal:allow token\ntls.key");
    assert_eq!(found(&other), ["5: private-key"]);
}

#[test]
fn a_password_in_a_url_is_found_and_a_reference_is_not() {
    assert_eq!(found("a: postgres://app:hunter2@db/x\n"), ["1: url-password"]);
    assert_eq!(found("a: postgres://app:$(PASSWORD)@db/x\n"), [""; 0]);
}
