//! Where tokens come from, and how often.

use std::fs;
use std::thread;
use std::time::Duration;

use seal_keys::{FailureKind, KeyService, Providers};

use super::{key, secret, user, wrap};
use crate::stand_in::{Fault, Response};
use crate::vault_server::{ROOT, Vault};

const PATHS: [&str; 2] = ["transit/encrypt/app", "transit/decrypt/app"];
const SECRET_ID: &str = "hunter2-secret-id";
const JWT: &str = "hunter2.jwt";

/// A server with a role of AppRole and one of Kubernetes, whose tokens are good for so many seconds.
fn with_roles(lease: u64) -> (Vault, String) {
    let server = Vault::with_key();
    let role_id = server.role("approle", "approle", "ci", &PATHS, lease);
    server.secret_of("approle", "ci", SECRET_ID);
    server.role("kubernetes", "kubernetes", "controller", &PATHS, lease);
    server.secret_of("kubernetes", "controller", JWT);
    (server, role_id)
}

fn tokens_used(server: &Vault) -> Vec<String> {
    let requests = server.http.requests().into_iter();
    let requests = requests.filter(|request| request.path.contains("transit"));
    requests.map(|request| request.header("x-vault-token").to_owned()).collect()
}

#[test]
fn the_first_source_that_is_set_counts() {
    let (server, role_id) = with_roles(3600);
    let home = tempfile::tempdir().unwrap();
    let of_home = server.token(&PATHS);
    fs::write(home.path().join(".vault-token"), format!("{of_home}\n")).unwrap();
    let jwt = home.path().join("jwt");
    fs::write(&jwt, format!("{JWT}\n")).unwrap();
    let (url, home) = (server.url(), home.path().to_str().unwrap());
    let of_variable = server.token(&PATHS);
    let mut variables = vec![("VAULT_ADDR", &*url), ("HOME", home)];
    wrap(&user(&variables), &url).unwrap();
    assert_eq!(tokens_used(&server), [&*of_home]);

    variables.push(("VAULT_K8S_ROLE", "controller"));
    variables.push(("VAULT_K8S_TOKEN_FILE", jwt.to_str().unwrap()));
    wrap(&user(&variables), &url).unwrap();
    assert_eq!(server.http.count("/v1/auth/kubernetes/login"), 1);

    variables.push(("VAULT_ROLE_ID", &role_id));
    variables.push(("VAULT_SECRET_ID", SECRET_ID));
    wrap(&user(&variables), &url).unwrap();
    assert_eq!(server.http.count("/v1/auth/approle/login"), 1);

    variables.push(("VAULT_TOKEN", &of_variable));
    wrap(&user(&variables), &url).unwrap();
    assert_eq!(tokens_used(&server).last(), Some(&of_variable));
    assert_eq!(server.logins(), 2);
    let sent: Vec<_> =
        server.http.requests().into_iter().filter(|r| r.path.contains("login")).collect();
    assert_eq!(sent[0].json(), serde_json::json!({"role": "controller", "jwt": JWT}));
    let body = serde_json::json!({"role_id": role_id, "secret_id": SECRET_ID});
    assert_eq!(sent[1].json(), body);
}

#[test]
fn credentials_may_lie_in_files_and_logins_may_be_mounted_elsewhere() {
    let (server, _) = with_roles(3600);
    let role_id = server.role("approle", "teams/a/approle", "ci", &PATHS, 60);
    server.secret_of("teams/a/approle", "ci", SECRET_ID);
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, format!("{text}\n")).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let user = user(&[
        ("VAULT_ADDR", &server.url()),
        ("VAULT_NAMESPACE", "team-a"),
        ("VAULT_ROLE_ID_FILE", &file("role", &role_id)),
        ("VAULT_SECRET_ID_FILE", &file("secret", SECRET_ID)),
        ("VAULT_APPROLE_MOUNT", "auth/teams/a/approle/"),
    ]);
    wrap(&user, &server.url()).unwrap();
    let login = server.http.requests().remove(0);
    assert_eq!(login.path, "/v1/auth/teams/a/approle/login");
    assert_eq!(login.header("x-vault-namespace"), "team-a");
    assert_eq!(login.header("x-vault-token"), "");
}

/// Twenty threads, each wrapping once.
fn wrap_often(user: &Providers, server: &Vault) -> Vec<Result<(), FailureKind>> {
    let url = server.url();
    thread::scope(|scope| {
        let wrap = || wrap(user, &url).map(drop).map_err(|failure| failure.kind);
        let threads: Vec<_> = (0..20).map(|_| scope.spawn(wrap)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn twenty_threads_log_in_once() {
    let (server, role_id) = with_roles(3600);
    server.http.inject(Fault::Slow(Duration::from_millis(20)));
    let user = user(&[
        ("VAULT_ADDR", &server.url()),
        ("VAULT_ROLE_ID", &role_id),
        ("VAULT_SECRET_ID", SECRET_ID),
    ]);
    assert_eq!(wrap_often(&user, &server), [Ok(()); 20]);
    assert_eq!((server.logins(), server.http.count("transit/encrypt")), (1, 20));
}

#[test]
fn a_refused_login_is_not_tried_again() {
    let (server, role_id) = with_roles(3600);
    let user = user(&[
        ("VAULT_ADDR", &server.url()),
        ("VAULT_ROLE_ID", &role_id),
        ("VAULT_SECRET_ID", "hunter2-wrong"),
    ]);
    assert_eq!(wrap_often(&user, &server), [Err(FailureKind::NoCredentials); 20]);
    assert_eq!(server.http.requests().len(), 1);
    let failure = wrap(&user, &server.url()).unwrap_err();
    let shown = format!("{failure}; {}", failure.next_step().unwrap());
    for part in ["log in by AppRole at", "invalid role or secret ID", "VAULT_SECRET_ID"] {
        assert!(shown.contains(part), "{shown}");
    }
    assert!(!shown.contains("hunter2"));
}

#[test]
fn a_login_whose_lease_has_run_out_is_done_again_once() {
    let (server, role_id) = with_roles(2);
    let user = user(&[
        ("VAULT_ADDR", &server.url()),
        ("VAULT_ROLE_ID", &role_id),
        ("VAULT_SECRET_ID", SECRET_ID),
    ]);
    let enc = wrap(&user, &server.url()).unwrap();
    server.lease("approle", "ci", 3600);
    thread::sleep(Duration::from_millis(2100));
    assert_eq!(wrap_often(&user, &server), [Ok(()); 20]);
    assert_eq!(server.logins(), 2);
    let opened = user.unwrap(&key(&server.url(), "transit", "app"), &enc).unwrap();
    assert_eq!(opened.expose(), secret().expose());
}

#[test]
fn who_is_denied_after_another_login_is_denied() {
    let (server, role_id) = with_roles(1);
    let user = user(&[
        ("VAULT_ADDR", &server.url()),
        ("VAULT_ROLE_ID", &role_id),
        ("VAULT_SECRET_ID", SECRET_ID),
    ]);
    server.policy_of("approle", "ci", &["transit/encrypt/other"]);
    assert_eq!(wrap(&user, &server.url()).unwrap_err().kind, FailureKind::Denied);
    thread::sleep(Duration::from_millis(1100));
    let before = server.http.requests().len();
    assert_eq!(wrap(&user, &server.url()).unwrap_err().kind, FailureKind::Denied);
    assert_eq!(server.http.requests().len() - before, 3, "denied, logged in, denied");
}

#[test]
fn a_token_that_is_denied_within_its_lease_is_not_replaced() {
    let (server, role_id) = with_roles(3600);
    let user = user(&[
        ("VAULT_ADDR", &server.url()),
        ("VAULT_ROLE_ID", &role_id),
        ("VAULT_SECRET_ID", SECRET_ID),
    ]);
    wrap(&user, &server.url()).unwrap();
    server.forget_tokens();
    assert_eq!(wrap(&user, &server.url()).unwrap_err().kind, FailureKind::Denied);
    assert_eq!((server.logins(), server.http.count("transit/encrypt")), (1, 2));
}

#[test]
fn a_login_is_tried_again_where_that_may_help_only() {
    for (status, kind, requests) in [
        (429, FailureKind::Throttled, 3),
        (500, FailureKind::ServerError, 3),
        (403, FailureKind::NoCredentials, 1),
        (404, FailureKind::NoCredentials, 1),
    ] {
        let (server, role_id) = with_roles(3600);
        let answer = serde_json::json!({"errors": [format!("no {SECRET_ID}")]});
        server.http.inject(Fault::Always(Response::json(status, &answer)));
        let user = user(&[
            ("VAULT_ADDR", &server.url()),
            ("VAULT_ROLE_ID", &role_id),
            ("VAULT_SECRET_ID", SECRET_ID),
        ]);
        let failure = wrap(&user, &server.url()).unwrap_err();
        assert_eq!((failure.kind, server.http.requests().len()), (kind, requests), "{failure}");
        assert!(!format!("{failure:?}").contains(SECRET_ID), "{failure:?}");
    }
}

#[test]
fn a_service_account_that_is_not_known() {
    let (server, _) = with_roles(3600);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    fs::write(&file, "another.jwt").unwrap();
    let mut variables =
        vec![("VAULT_ADDR", server.url()), ("VAULT_K8S_ROLE", "controller".to_owned())];
    variables.push(("VAULT_K8S_TOKEN_FILE", file.to_str().unwrap().to_owned()));
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, &**value)).collect();
    let failure = wrap(&user(&variables), &server.url()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::NoCredentials);
    assert!(failure.operation.starts_with("log in by Kubernetes at"), "{failure}");
    assert!(failure.next_step().unwrap().contains("VAULT_K8S_ROLE"));
}

#[test]
fn credentials_that_cannot_be_used_are_named() {
    let server = Vault::with_key();
    let url = server.url();
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().to_str().unwrap();
    fs::create_dir(dir.path().join(".vault-token")).unwrap();
    for (variables, part) in [
        (&[("VAULT_TOKEN", "two words")][..], "VAULT_TOKEN is empty, or has blanks"),
        (&[("VAULT_TOKEN", "a\r\nX-Evil: 1")], "VAULT_TOKEN is empty, or has blanks"),
        (&[("VAULT_ROLE_ID", "a")], "VAULT_ROLE_ID is set, and VAULT_SECRET_ID is not"),
        (&[("VAULT_SECRET_ID", "a")], "VAULT_SECRET_ID is set, and VAULT_ROLE_ID is not"),
        (&[("VAULT_ROLE_ID_FILE", "/none"), ("VAULT_SECRET_ID", "a")], "/none cannot be read"),
        (&[("VAULT_K8S_ROLE", "a"), ("VAULT_K8S_TOKEN_FILE", "/none")], "/none cannot be read"),
        (&[("HOME", home)], ".vault-token cannot be read"),
        (&[("HOME", "/none")], "there is no ~/.vault-token"),
    ] {
        let user = user(&[variables, &[("VAULT_ADDR", &*url)]].concat());
        let failure = wrap(&user, &url).unwrap_err();
        assert_eq!(failure.kind, FailureKind::NoCredentials, "{failure}");
        assert!(failure.reason.contains(part), "{failure}");
        assert!(failure.next_step().is_some());
    }
    let user = user(&[
        ("VAULT_ADDR", &url),
        ("VAULT_ROLE_ID", "a"),
        ("VAULT_SECRET_ID", "b"),
        ("VAULT_APPROLE_MOUNT", "../sys"),
    ]);
    assert_eq!(wrap(&user, &url).unwrap_err().kind, FailureKind::Local);
    assert_eq!(server.http.requests().len(), 0);
}

#[test]
fn a_secret_in_the_variable_for_its_file_is_not_shown() {
    let server = Vault::with_key();
    let url = server.url();
    for secret in ["hunter2", "0b5cdf2e-hunter2-95b6", "eyJhunter2/x", "a\n/hunter2"] {
        for (name, more) in [
            ("VAULT_SECRET_ID_FILE", ("VAULT_ROLE_ID", "a")),
            ("VAULT_ROLE_ID_FILE", ("VAULT_SECRET_ID", "a")),
            ("VAULT_K8S_TOKEN_FILE", ("VAULT_K8S_ROLE", "a")),
        ] {
            let failure = wrap(&user(&[("VAULT_ADDR", &url), more, (name, secret)]), &url);
            let failure = failure.unwrap_err();
            let shown = format!("{failure:?} {failure} {:?}", failure.next_step());
            assert!(shown.contains(&format!("{name}: ")), "{shown}");
            assert_eq!(failure.next_step().unwrap(), format!("check {name}"));
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
}

#[test]
fn a_token_without_a_lease_never_ends() {
    // What a login for a root-like token answers: a lease of 0.
    let (server, role_id) = with_roles(3600);
    let user = user(&[
        ("VAULT_ADDR", &server.url()),
        ("VAULT_ROLE_ID", &role_id),
        ("VAULT_SECRET_ID", SECRET_ID),
    ]);
    let auth = serde_json::json!({
        "request_id": "", "lease_id": "", "renewable": false, "lease_duration": 0, "data": null,
        "auth": {
            "client_token": ROOT, "accessor": "", "policies": [], "token_policies": [],
            "metadata": null, "lease_duration": 0, "renewable": false, "entity_id": "",
            "token_type": "batch", "orphan": true,
        },
    });
    server.http.inject(Fault::Answers(1, Response::json(200, &auth)));
    wrap(&user, &server.url()).unwrap();
    let denied = Response::json(403, &serde_json::json!({"errors": ["permission denied"]}));
    server.http.inject(Fault::Always(denied));
    assert_eq!(wrap(&user, &server.url()).unwrap_err().kind, FailureKind::Denied);
    assert_eq!(server.logins(), 1);
}
