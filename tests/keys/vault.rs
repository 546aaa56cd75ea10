//! Keys of Vault and OpenBao: where tokens come from and where they go, and what the contract does not ask.

mod credentials;
mod hostile;
mod record;
mod tls;

use std::io::{Read, Write};

use seal_core::secret::SecretBytes;
use seal_keys::{Failure, FailureKind, KeyService, Providers, UnwrapError, WrapError};
use serde_json::json;

use crate::contract::vault::{key, patient_user as user};
use crate::stand_in::{Fault, Response, StandIn};
use crate::vault_server::{ROOT, Vault};

fn secret() -> SecretBytes {
    SecretBytes::new(vec![7; 32])
}

/// Wraps with `transit/app`.
fn wrap(user: &Providers, address: &str) -> Result<String, Failure> {
    match user.wrap(&key(address, "transit", "app"), &secret()) {
        Ok(wrapped) => Ok(wrapped.enc),
        Err(WrapError::Service(failure)) => Err(*failure),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_text_of_an_older_version_opens_after_the_key_was_rotated() {
    let server = Vault::with_key();
    let address = server.url();
    let holder = user(&[("VAULT_ADDR", &address), ("VAULT_TOKEN", ROOT)]);
    let old = wrap(&holder, &address).unwrap();
    server.rotate("transit", "app");
    let new = wrap(&holder, &address).unwrap();
    assert!(old.starts_with("vault:v1:") && new.starts_with("vault:v2:"), "{old} {new}");
    for enc in [old.clone(), new, format!("{old}\n")] {
        let opened = holder.unwrap(&key(&address, "transit", "app"), &enc).unwrap();
        assert_eq!(opened.expose(), secret().expose());
    }
}

#[test]
fn an_engine_may_be_mounted_deep() {
    let server = Vault::start();
    server.key("secrets/teams/a/transit", "app");
    let key = key(&server.url(), "secrets/teams/a/transit", "app");
    let holder = user(&[("VAULT_ADDR", &server.url()), ("VAULT_TOKEN", ROOT)]);
    let wrapped = holder.wrap(&key, &secret()).unwrap();
    assert_eq!(wrapped.key, key);
    assert_eq!(holder.unwrap(&key, &wrapped.enc).unwrap().expose(), secret().expose());
    let paths: Vec<_> = server.http.requests().into_iter().map(|r| (r.method, r.path)).collect();
    let path = |operation: &str| {
        ("POST".to_owned(), format!("/v1/secrets/teams/a/transit/{operation}/app"))
    };
    assert_eq!(paths, [path("encrypt"), path("decrypt")]);
}

#[test]
fn a_request_is_as_the_record_has_it() {
    let server = Vault::with_key();
    let holder = user(&[
        ("VAULT_ADDR", &server.url()),
        ("VAULT_TOKEN", ROOT),
        ("VAULT_NAMESPACE", "team-a/eu"),
    ]);
    wrap(&holder, &server.url()).unwrap();
    let request = server.http.requests().remove(0);
    assert_eq!(request.header("x-vault-token"), ROOT);
    assert_eq!(request.header("x-vault-namespace"), "team-a/eu");
    assert_eq!(request.header("x-vault-request"), "true");
    let body = serde_json::json!({"plaintext": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="});
    assert_eq!(request.json(), body);
}

#[test]
fn an_engine_that_is_not_mounted() {
    let server = Vault::start();
    let holder = user(&[("VAULT_ADDR", &server.url()), ("VAULT_TOKEN", ROOT)]);
    let failure = wrap(&holder, &server.url()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotFound);
    assert_eq!(
        failure.reason,
        "no handler for route \"transit/encrypt/app\". route entry not found. (HTTP 404)"
    );
    assert!(failure.next_step().unwrap().contains("engine path"));
}

#[test]
fn a_name_that_could_mean_another_place_is_not_asked_for() {
    let server = Vault::with_key();
    let url = server.url();
    let holder = user(&[("SOPS_HC_VAULT_ALLOWLIST", "all"), ("VAULT_TOKEN", ROOT)]);
    let user_info = url.replace("http://", "http://user@");
    let prefix = format!("{url}/prefix");
    for (address, engine_path, key_name) in [
        (url.as_str(), "transit/../sys", "app"),
        (&url, "transit?x=", "app"),
        (&url, "transit", "../../sys/seal"),
        (&url, "transit", "app\r\nX-Vault-Namespace: other"),
        (&user_info, "transit", "app"),
        (&prefix, "transit", "app"),
    ] {
        let key = key(address, engine_path, key_name);
        assert!(seal_keys::check(&key).is_err(), "{key}");
        let error = holder.unwrap(&key, "vault:v1:AAAA").unwrap_err();
        let UnwrapError::Service(failure) = error else { panic!("{error:?}") };
        assert_eq!(failure.kind, FailureKind::Name, "{failure}");
        assert!(failure.next_step().is_some());
    }
    assert_eq!(server.http.requests().len(), 0);
}

#[test]
fn a_server_that_only_the_file_names_is_not_asked() {
    let (ours, other) = (Vault::with_key(), Vault::with_key());
    for login in [
        &[("VAULT_TOKEN", ROOT)][..],
        &[("VAULT_ROLE_ID", "a"), ("VAULT_SECRET_ID", "b")],
        &[("VAULT_K8S_ROLE", "a")],
    ] {
        let ours = ours.url();
        let user = user(&[login, &[("VAULT_ADDR", &*ours)]].concat());
        let failure = wrap(&user, &other.url()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotAllowed);
        assert!(failure.to_string().contains(&other.url()), "{failure}");
        let step = failure.next_step().unwrap();
        assert!(step.contains(&format!("VAULT_ADDR={}", other.url())), "{step}");
    }
    assert_eq!(other.http.requests().len() + ours.http.requests().len(), 0);
    let both = user(&[("SOPS_HC_VAULT_ALLOWLIST", &other.url()), ("VAULT_TOKEN", ROOT)]);
    wrap(&both, &other.url()).unwrap();
}

#[test]
fn a_token_that_a_server_repeats_is_not_shown() {
    let server = StandIn::start(|request| {
        // Where a long reason is cut.
        let padding =
            if request.path.contains("decrypt") { "x".repeat(385) } else { String::new() };
        let words = format!("{padding}bad token {}", request.header("x-vault-token"));
        Response::json(403, &serde_json::json!({"errors": [words]}))
    });
    let holder = user(&[("VAULT_ADDR", &server.url()), ("VAULT_TOKEN", "hvs.hunter2")]);
    let failure = wrap(&holder, &server.url()).unwrap_err();
    assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
    assert_eq!(failure.reason, "bad token <redacted> (HTTP 403)");
    let error = holder.unwrap(&key(&server.url(), "transit", "app"), "vault:v1:AAAA").unwrap_err();
    assert!(!format!("{error:?}").contains("hvs"), "{error:?}");
    assert!(!format!("{holder:?}").contains("hunter2"));
}

#[test]
fn answers_that_make_no_sense() {
    let server = Vault::with_key();
    let address = server.url();
    let holder = user(&[("VAULT_ADDR", &address), ("VAULT_TOKEN", ROOT)]);
    let enc = wrap(&holder, &address).unwrap();
    let data = |data: &str| {
        format!(
            r#"{{"request_id":"","lease_id":"","renewable":false,"lease_duration":0,"data":{data}}}"#
        )
    };
    for body in [
        String::new(),
        "null".to_owned(),
        "{}".to_owned(),
        r#"{"data": {"plaintext": "hunter2!", "ciphertext": "hunter2!"}}"#.to_owned(),
        data("null"),
        data("{}"),
        data(r#"{"plaintext": "hunter2!", "ciphertext": "hunter2!"}"#),
        data(r#"{"plaintext": 1, "ciphertext": 1}"#),
    ] {
        server.http.inject(Fault::Always(Response::text(200, &body)));
        let failure = wrap(&holder, &address).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Malformed, "{body}: {failure}");
        let error = holder.unwrap(&key(&address, "transit", "app"), &enc).unwrap_err();
        let UnwrapError::Service(failure) = error else { panic!("{error:?}") };
        assert_eq!(failure.kind, FailureKind::Malformed, "{body}: {failure}");
        assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
    }
}

#[test]
fn an_answer_needs_no_more_than_what_is_asked_for() {
    let server = StandIn::start(|request| {
        Response::json(
            200,
            &match request.path.as_str() {
                path if path.contains("login") => json!({"auth": {"client_token": "t"}}),
                path if path.contains("encrypt") => {
                    json!({"data": {"ciphertext": "vault:v1:AAAA"}})
                }
                _ => json!({"data": {"plaintext": "aHVudGVyMg=="}}),
            },
        )
    });
    let address = server.url();
    let roles = [("VAULT_ROLE_ID", "a"), ("VAULT_SECRET_ID", "b"), ("VAULT_ADDR", &*address)];
    let holder = user(&roles);
    let enc = wrap(&holder, &address).unwrap();
    let opened = holder.unwrap(&key(&address, "transit", "app"), &enc).unwrap();
    assert_eq!(opened.expose(), b"hunter2");
    assert_eq!(
        (server.count("login"), server.requests().remove(1).header("x-vault-token")),
        (1, "t")
    );
}

#[test]
fn a_page_in_place_of_an_answer_is_named() {
    let server = StandIn::start(|_| {
        Response::text(200, "<html>Log in, hunter2")
            .with("content-type", "text/html; charset=utf-8")
    });
    for login in
        [&[("VAULT_TOKEN", "token")][..], &[("VAULT_ROLE_ID", "a"), ("VAULT_SECRET_ID", "b")]]
    {
        let failure =
            wrap(&user(&[login, &[("VAULT_ADDR", &*server.url())]].concat()), &server.url());
        let failure = failure.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Malformed);
        let reason = "the answer makes no sense: HTTP 200, text/html: is this address Vault?";
        assert_eq!(failure.reason, reason);
        assert!(!format!("{failure:?}").contains("hunter2"));
    }
}

#[test]
fn an_address_without_tls_is_recognized() {
    // As servers made with Go do, Vault among them.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let _ = connection.read(&mut [0; 4096]);
            let _ = connection.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n");
        }
    });
    let failure = wrap(&user(&[("VAULT_ADDR", &address), ("VAULT_TOKEN", ROOT)]), &address);
    let failure = failure.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreachable);
    assert_eq!(failure.reason, "the server speaks no TLS (http:// instead?)");
}

#[test]
fn what_to_do_about_a_token_that_is_not_valid_comes_first() {
    let server = StandIn::start(|_| {
        let words = "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n";
        Response::json(403, &json!({"errors": [words]}))
    });
    let failure =
        wrap(&user(&[("VAULT_ADDR", &server.url()), ("VAULT_TOKEN", "t")]), &server.url());
    let step = failure.unwrap_err().next_step().unwrap();
    assert!(step.starts_with("log in again") && step.contains("transit/encrypt/app"), "{step}");
}

#[test]
fn a_server_behind_a_proxy_is_asked_through_it() {
    let proxy = StandIn::start(|_| {
        Response::json(503, &serde_json::json!({"errors": ["Vault is sealed"]}))
    });
    let address = "http://vault.example:8200";
    let variables = [("VAULT_ADDR", address), ("VAULT_TOKEN", ROOT)];
    let of_all = proxy.url();
    for name in ["HTTP_PROXY", "VAULT_PROXY_ADDR"] {
        let user = user(&[&variables[..], &[(name, &of_all)]].concat());
        assert_eq!(wrap(&user, address).unwrap_err().kind, FailureKind::Sealed, "{name}");
    }
    let paths: Vec<_> = proxy.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["http://vault.example:8200/v1/transit/encrypt/app"; 2]);
    // Not for this machine.
    let server = Vault::with_key();
    let ours = server.url();
    wrap(&user(&[("VAULT_ADDR", &ours), ("VAULT_TOKEN", ROOT), ("HTTP_PROXY", &of_all)]), &ours)
        .unwrap();
    assert_eq!(proxy.requests().len(), 2);
}

/// `vaultrs` and `reqwest` would take settings from the environment of the process. Runs other tests of this file with
/// variables that would break them.
#[test]
fn nothing_is_taken_from_the_process() {
    let tests =
        ["vault::a_request_is_as_the_record_has_it", "vault::tls::anybody_else_gets_no_token"];
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.arg("--exact").args(tests);
    for (name, value) in [
        ("VAULT_ADDR", "http://127.0.0.1:1"),
        ("VAULT_TOKEN", "of-the-process"),
        ("VAULT_NAMESPACE", "of-the-process"),
        ("VAULT_SKIP_VERIFY", "true"),
        ("VAULT_CACERT", "/none"),
        ("VAULT_CLIENT_CERT", "/none"),
        ("VAULT_CLIENT_KEY", "/none"),
        ("HTTP_PROXY", "http://127.0.0.1:1"),
        ("http_proxy", "http://127.0.0.1:1"),
        ("HTTPS_PROXY", "http://127.0.0.1:1"),
        ("ALL_PROXY", "http://127.0.0.1:1"),
    ] {
        command.env(name, value);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("2 passed"), "{said}");
}
