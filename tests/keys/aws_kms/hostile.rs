//! AWS KMS: servers that answer what no server of AWS answers, and files that are written to do harm.

use std::fs;

use seal_core::envelope::MasterKey;
use seal_keys::{Failure, FailureKind, KeyService, Providers, UnwrapError};

use super::refused;
use crate::contract::aws_kms::{ARN, ROLE, client, client_with, key_of, with_role};
use crate::stand_in::{Response, StandIn};

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
    for status in [200, 201, 299, 304, 400] {
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
