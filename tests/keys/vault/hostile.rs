//! What files and servers may say that mean harm.

use seal_keys::{FailureKind, KeyService, UnwrapError};
use serde_json::json;

use super::{key, secret, user, wrap};
use crate::stand_in::{Fault, Response, StandIn};
use crate::vault_server::{ROOT, Vault};

/// The data key of these tests, as a request holds it.
const PLAINTEXT: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

#[test]
fn a_name_that_is_too_long_is_refused() {
    let server = Vault::with_key();
    let url = server.url();
    let holder = user(&[("SOPS_HC_VAULT_ALLOWLIST", "all"), ("VAULT_TOKEN", ROOT)]);
    let host = |length: usize| format!("http://{}", "a".repeat(length - "http://".len()));
    for (address, engine_path, key_name) in [
        (url.clone(), "a".repeat(65_499), "app".to_owned()),
        (url.clone(), "a/".repeat(512) + "a", "app".to_owned()),
        (url.clone(), "transit".to_owned(), "a".repeat(257)),
        (host(301), "transit".to_owned(), "app".to_owned()),
    ] {
        let key = key(&address, &engine_path, &key_name);
        assert!(seal_keys::check(&key).is_err());
        let UnwrapError::Service(failure) = holder.unwrap(&key, "vault:v1:AAAA").unwrap_err()
        else {
            panic!("{key}")
        };
        assert_eq!(failure.kind, FailureKind::Name);
    }
    assert_eq!(server.http.requests().len(), 0);
    let longest = key(&url, &("a/".repeat(511) + "aa"), &"a".repeat(256));
    assert_eq!(seal_keys::check(&longest), Ok(()));
    let error = holder.unwrap(&longest, "vault:v1:AAAA").unwrap_err();
    assert!(
        matches!(error, UnwrapError::Service(failure) if failure.kind == FailureKind::NotFound)
    );
}

#[test]
fn what_is_no_engine_is_not_written_to() {
    let server = Vault::with_key();
    let holder = user(&[("VAULT_ADDR", &server.url()), ("VAULT_TOKEN", ROOT)]);
    for engine_path in ["sys", "sys/mounts", "auth/token", "identity/oidc", "cubbyhole"] {
        let key = key(&server.url(), engine_path, "app");
        assert!(seal_keys::check(&key).is_err(), "{engine_path}");
        let UnwrapError::Service(failure) = holder.unwrap(&key, "vault:v1:AAAA").unwrap_err()
        else {
            panic!("{engine_path}")
        };
        assert_eq!(failure.kind, FailureKind::Name, "{failure}");
        assert!(failure.next_step().unwrap().contains("cubbyhole"));
    }
    assert_eq!(server.http.requests().len(), 0);
    for engine_path in ["system", "auth-transit", "team/auth"] {
        assert_eq!(seal_keys::check(&key(&server.url(), engine_path, "app")), Ok(()));
    }
}

#[test]
fn a_refused_login_is_not_tried_for_every_spelling_of_an_address() {
    let server = Vault::with_key();
    let url = server.url();
    let port = url.rsplit(':').next().unwrap();
    let spellings = [
        url.clone(),
        format!("{url}/"),
        url.replace("http", "HTTP"),
        format!("http://127.0.0.1:00{port}"),
        format!("http://127.1:{port}"),
    ];
    let user = user(&[
        ("SOPS_HC_VAULT_ALLOWLIST", "all"),
        ("VAULT_ROLE_ID", "hunter2-role"),
        ("VAULT_SECRET_ID", "hunter2-wrong"),
    ]);
    for address in &spellings {
        assert_eq!(wrap(&user, address).unwrap_err().kind, FailureKind::NoCredentials, "{address}");
    }
    assert_eq!(server.http.requests().len(), 1);
}

#[test]
fn no_place_that_a_server_sends_us_to_is_a_command() {
    let server = Vault::with_key();
    let holder = user(&[("VAULT_ADDR", &server.url()), ("VAULT_TOKEN", ROOT)]);
    for location in ["http://$(reboot)/", "http://a;reboot&/", "http://reboot,all:8200/"] {
        let answer = Response::text(307, "").with("location", location);
        server.http.inject(Fault::Always(answer));
        let failure = wrap(&holder, &server.url()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Malformed);
        assert!(!format!("{failure:?}").contains("reboot"), "{failure:?}");
        assert!(failure.reason.contains("another place"), "{failure}");
    }
}

#[test]
fn an_answer_without_an_end_is_not_read_to_it() {
    let server = Vault::with_key();
    let url = server.url();
    let padding = "x".repeat(2 << 20);
    let token = [("VAULT_ADDR", &*url), ("VAULT_TOKEN", ROOT)];
    let login =
        [("VAULT_ADDR", &*url), ("VAULT_ROLE_ID", "role-id"), ("VAULT_SECRET_ID", "secret-id")];
    let enc = wrap(&user(&token), &url).unwrap();
    let answer = json!({
        "request_id": padding, "lease_id": "", "renewable": false, "lease_duration": 0,
        "data": {"ciphertext": enc, "plaintext": PLAINTEXT},
        "auth": {
            "client_token": ROOT, "accessor": "", "policies": [], "token_policies": [],
            "metadata": null, "lease_duration": 0, "renewable": false, "entity_id": "",
            "token_type": "batch", "orphan": true,
        },
    });
    for (status, body) in [(200, answer), (403, json!({"errors": [padding]}))] {
        server.http.inject(Fault::Always(Response::json(status, &body)));
        for variables in [&token[..], &login] {
            let failure = wrap(&user(variables), &url).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Malformed, "{status}: {failure}");
            assert!(failure.reason.contains("longer than"), "{failure}");
        }
        let error = user(&token).unwrap(&key(&url, "transit", "app"), &enc).unwrap_err();
        assert!(
            matches!(&error, UnwrapError::Service(f) if f.kind == FailureKind::Malformed),
            "{error:?}"
        );
    }
}

#[test]
fn a_data_key_that_a_server_repeats_is_not_shown() {
    let server = StandIn::start(|request| {
        let body = String::from_utf8_lossy(&request.body);
        Response::json(400, &json!({"errors": [format!("cannot read {body}")]}))
    });
    let holder = user(&[("VAULT_ADDR", &server.url()), ("VAULT_TOKEN", ROOT)]);
    let failure = wrap(&holder, &server.url()).unwrap_err();
    assert!(!format!("{failure:?}").contains("BwcH"), "{failure:?}");
    assert!(failure.reason.contains("cannot read"), "{failure}");
    assert_eq!(secret().expose(), [7; 32], "the text above is of this key");
}

#[test]
fn only_the_errors_of_a_refusal_are_shown() {
    for body in [
        json!({"auth": {"client_token": "hvs.hunter2"}}),
        json!({"data": {"plaintext": "hunter2"}, "errors": "hunter2"}),
        json!("hunter2"),
    ] {
        for status in [400, 403, 404, 500] {
            let answer = Response::json(status, &body);
            let server = StandIn::start(move |_| answer.clone());
            let url = server.url();
            for credentials in [
                &[("VAULT_TOKEN", "hvs.mine")][..],
                &[("VAULT_ROLE_ID", "role-id"), ("VAULT_SECRET_ID", "secret-id")],
            ] {
                let user = user(&[credentials, &[("VAULT_ADDR", &*url)]].concat());
                let failure = wrap(&user, &url).unwrap_err();
                assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
                assert!(failure.reason.contains(&format!("HTTP {status} without")), "{failure}");
            }
        }
    }
}

#[test]
fn a_token_shorter_than_any_leaves_the_words_of_a_server_whole() {
    let server = StandIn::start(|_| Response::json(400, &json!({"errors": ["bad plaintext"]})));
    let holder = user(&[("VAULT_ADDR", &server.url()), ("VAULT_TOKEN", "x")]);
    let failure = wrap(&holder, &server.url()).unwrap_err();
    assert_eq!(failure.reason, "bad plaintext (HTTP 400)");
}
