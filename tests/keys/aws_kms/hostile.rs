//! AWS KMS: servers that answer what no server of AWS answers, and files that are written to do harm.

use std::fs;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;
use seal_keys::{Failure, FailureKind, KeyService, Providers, UnwrapError, WrapError};
use serde_json::json;

use super::{is_sts, kms_and_sts, refused, secret, sts_error};
use crate::contract::aws_kms::{
    ARN, ROLE, client, client_with, error, key_of, kms, with_profile, with_role,
};
use crate::stand_in::{Fault, Response, StandIn};

fn not_opened(service: &Providers, key: &MasterKey) -> Failure {
    match service.unwrap(key, "AAAA").unwrap_err() {
        UnwrapError::Service(failure) => *failure,
        other => panic!("{other:?}"),
    }
}

/// All that may reach a terminal or a log.
fn shown(failure: &Failure) -> String {
    format!("{failure}\n{failure:?}\n{}", failure.next_step().unwrap_or_default())
}

/// A server, and a client of it that has nothing but a web identity.
fn with_web_identity(server: &StandIn) -> (tempfile::TempDir, Providers) {
    let directory = tempfile::tempdir().unwrap();
    let token = directory.path().join("token");
    fs::write(&token, "hunter2.jwt").unwrap();
    let token = token.to_str().unwrap().to_owned();
    let variables = [("AWS_WEB_IDENTITY_TOKEN_FILE", token.as_str()), ("AWS_ROLE_ARN", ROLE)];
    let service = client_with(&server.url(), &variables);
    (directory, service)
}

#[test]
fn an_answer_that_cannot_be_read_is_not_shown() {
    let key = key_of(ARN, &[]);
    let role = ("SEAL_ALLOW_AWS_ROLES", "all");
    let of_kms = [
        r#"{"KeyId": 1, "Plaintext": "aHVudGVyMg=="}"#,
        r#"{"Plaintext": "aHVudGVyMg==", "KeyId": "#,
        r#"{"__type": "x", "message": "aHVudGVyMg==", "KeyId": 1, "Plaintext": "aHVudGVyMg==""#,
    ];
    let of_sts = [
        "<R><Credentials><SecretAccessKey>aHVudGVyMg==</SecretAccessKey></Credentials>",
        r#"{"Credentials": {"SecretAccessKey": "aHVudGVyMg=="}}"#,
    ];
    let expect = |failure: &Failure, operation: &str, status: u16| {
        assert!(failure.operation.starts_with(operation), "{failure}");
        assert!(!shown(failure).contains("aHVudGVyMg"), "{failure}");
        assert_eq!(failure.kind, FailureKind::Malformed);
        assert_eq!(failure.reason.contains("the answer cannot be read"), status < 300, "{failure}");
    };
    for status in [200, 201, 299, 400] {
        for body in of_kms {
            let server = StandIn::start(move |_| Response::text(status, body));
            let service = client(&server.url(), &[]);
            expect(&refused(&service, &key), "kms:Encrypt", status);
            expect(&not_opened(&service, &key), "kms:Decrypt", status);
        }
        for body in of_sts {
            let server = StandIn::start(move |_| Response::text(status, body));
            let service = client(&server.url(), &[role]);
            let failure = refused(&service, &with_role(&key, ROLE));
            expect(&failure, "sts:AssumeRole of", status);
            let (_directory, service) = with_web_identity(&server);
            expect(&refused(&service, &key), "sts:AssumeRoleWithWebIdentity", status);
        }
    }
}

#[test]
fn a_login_that_failed_in_one_region_is_no_failure_of_another() {
    let server = StandIn::start(kms_and_sts);
    server.inject(Fault::Answers(1, sts_error(403, "AccessDenied")));
    let (_directory, service) = with_web_identity(&server);
    let of_a_file = key_of("arn:aws:kms:eu-west-9:1:key/k", &[]);
    assert_eq!(refused(&service, &of_a_file).kind, FailureKind::Denied);
    service.wrap(&key_of(ARN, &[]), &secret()).unwrap();
    // What a login gives is good everywhere. A login that failed is not repeated at once.
    service.wrap(&key_of(&ARN.replace("west-1", "west-2"), &[]), &secret()).unwrap_err();
    assert_eq!(refused(&service, &of_a_file).kind, FailureKind::Denied);
    assert_eq!(server.requests().iter().filter(|request| is_sts(request)).count(), 2);
}

#[test]
fn a_login_that_takes_its_time_holds_up_its_own_region_only() {
    let (holds, is_held) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let released = Mutex::new(released);
    let holds = Mutex::new(Some(holds));
    let server = StandIn::start(move |request| {
        let first = is_sts(request).then(|| holds.lock().unwrap().take()).flatten();
        if let Some(holds) = first {
            holds.send(()).unwrap();
            // Until the other one is through.
            let _ = released.lock().unwrap().recv_timeout(Duration::from_secs(10));
        }
        kms_and_sts(request)
    });
    let (_directory, service) = with_web_identity(&server);
    std::thread::scope(|scope| {
        let of_a_file = key_of("arn:aws:kms:eu-west-9:1:key/k", &[]);
        let service = &service;
        let held_up = scope.spawn(move || refused(service, &of_a_file).kind);
        is_held.recv_timeout(Duration::from_secs(10)).unwrap();
        service.wrap(&key_of(ARN, &[]), &secret()).unwrap();
        assert!(!held_up.is_finished());
        release.send(()).unwrap();
        assert_eq!(held_up.join().unwrap(), FailureKind::NoCredentials);
    });
}

#[test]
fn no_name_of_a_file_becomes_a_command_that_allows_more() {
    let server = StandIn::start(kms);
    let (key, service) = (key_of(ARN, &[]), client(&server.url(), &[]));
    for odd in [
        with_role(&key, "arn:aws:iam::1:role/r,all"),
        with_profile(&key, "all"),
        with_profile(&key, "none"),
        with_profile(&key, "ci ./pwn.sh"),
        with_profile(&key, "ci%x"),
        with_profile(&key, "cí"),
    ] {
        let failure = refused(&service, &odd);
        assert_eq!(failure.kind, FailureKind::NotAllowed, "{failure}");
        let step = failure.next_step().unwrap();
        assert!(!step.contains('=') && !step.contains("pwn"), "{step}");
    }
    let step = |key: &MasterKey| refused(&service, key).next_step().unwrap();
    let with_a_comma = step(&with_role(&key, "arn:aws:iam::1:role/r,all"));
    assert!(with_a_comma.contains("comma"), "{with_a_comma}");
    let plain = "arn:aws:iam::1:role/team/r+x=@y.z_1-2";
    let expected = format!("SEAL_ALLOW_AWS_ROLES={plain}");
    assert!(step(&with_role(&key, plain)).contains(&expected));
    assert!(server.requests().is_empty());
}

#[test]
fn an_address_with_a_password_is_refused_and_not_shown() {
    for url in [
        "https://user:hunter2@127.0.0.1:1",
        "http://hunter2@127.0.0.1:1/",
        "http://127.0.0.1:1/?key=hunter2",
        "http://127.0.0.1:1/#hunter2",
        "hunter2",
    ] {
        for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KMS"] {
            let service = client("http://127.0.0.1:1", &[(variable, url)]);
            let failure = refused(&service, &key_of(ARN, &[]));
            assert_eq!(failure.kind, FailureKind::Local, "{failure}");
            assert!(failure.reason.contains(variable), "{failure}");
            assert!(!shown(&failure).contains("hunter2"), "{failure}");
        }
        let variables = [("AWS_ENDPOINT_URL_STS", url), ("SEAL_ALLOW_AWS_ROLES", "all")];
        let service = client("http://127.0.0.1:1", &variables);
        let failure = refused(&service, &with_role(&key_of(ARN, &[]), ROLE));
        assert!(failure.reason.contains("AWS_ENDPOINT_URL_STS"), "{failure}");
        assert!(!shown(&failure).contains("hunter2"), "{failure}");
    }
}

#[test]
fn an_answer_without_an_end_is_not_read_to_its_end() {
    let long = "A".repeat(2 << 20);
    let of_kms = json!({"CiphertextBlob": long, "Plaintext": long, "KeyId": "k"}).to_string();
    let key = key_of(ARN, &[]);
    for status in [200, 403] {
        let body = of_kms.clone();
        let server = StandIn::start(move |_| Response::text(status, &body));
        let service = client(&server.url(), &[("SEAL_ALLOW_AWS_ROLES", "all")]);
        let failures = [
            refused(&service, &key),
            not_opened(&service, &key),
            refused(&service, &with_role(&key, ROLE)),
        ];
        for failure in failures {
            assert!(failure.reason.contains("longer than any answer"), "{}", failure.kind as u8);
            assert!(failure.reason.len() < 400);
        }
    }
}

#[test]
fn a_server_that_repeats_the_data_key_is_not_quoted() {
    // "Plaintext" of the request, whose Base64 has a slash and a plus sign in it.
    let secret = SecretBytes::new([[0xfb, 0xff, 0xfe].as_slice(), &[7; 29]].concat());
    let encoded = STANDARD.encode(secret.expose());
    assert!(encoded.starts_with("+//+") && encoded.ends_with('='));
    for escape in [|text: &str| text.to_owned(), |text: &str| text.replace('/', "\\/")] {
        let server = StandIn::start(move |request| {
            let sent = escape(request.json()["Plaintext"].as_str().unwrap_or_default());
            error(400, "ValidationException", &format!("odd: {{\"Plaintext\":\"{sent}\"}}"))
        });
        for raw in [false, true] {
            if raw {
                let page = format!("<pre>{}</pre>", escape(&encoded));
                server.inject(Fault::Always(Response::text(403, &page)));
            }
            let service = client(&server.url(), &[]);
            let error = service.wrap(&key_of(ARN, &[]), &secret).unwrap_err();
            let WrapError::Service(failure) = error else { panic!("{error:?}") };
            let shown = shown(&failure);
            assert!(shown.contains("<redacted>"), "{shown}");
            assert!(!shown.contains("//+") && !shown.contains("\\/"), "{shown}");
            assert!(!shown.contains("BwcHBwcH"), "{shown}");
        }
    }
}
