//! AWS KMS: whom is asked, as whom, and what a file may not decide.

mod hostile;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;
use seal_keys::{Failure, FailureKind, KeyService, Providers, UnwrapError, WrapError};
use serde_json::json;

use crate::contract::aws_kms::{
    ARN, KEY_ID, ROLE, SECRET, TOKEN, asked, client, client_with, error, key_of, kms, with_profile,
    with_role,
};
use crate::stand_in::{Fault, Request, Response, StandIn};

fn secret() -> SecretBytes {
    SecretBytes::new((0..32).collect())
}

#[track_caller]
fn refused(service: &Providers, key: &MasterKey) -> Failure {
    match service.wrap(key, &secret()).unwrap_err() {
        WrapError::Service(failure) => *failure,
        other => panic!("{other:?}"),
    }
}

/// The identity that a request was signed by.
fn signed_by(request: &Request) -> String {
    let header = request.header("authorization");
    let (_, rest) = header.split_once("Credential=").unwrap_or_default();
    rest.split('/').next().unwrap_or_default().to_owned()
}

fn is_sts(request: &Request) -> bool {
    request.body.starts_with(b"Action=")
}

/// KMS and STS: who assumes a role becomes `ASIAROLE`.
fn kms_and_sts(request: &Request) -> Response {
    if !is_sts(request) {
        return kms(request);
    }
    let body = String::from_utf8_lossy(&request.body);
    let action = body.split(['=', '&']).nth(1).unwrap_or_default();
    Response::text(
        200,
        &format!(
            "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><Credentials>
             <AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>hunter2-of-role</SecretAccessKey>
             <SessionToken>hunter2-token-of-role</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>
             </Credentials></{action}Result></{action}Response>"
        ),
    )
}

fn sts_error(status: u16, code: &str) -> Response {
    Response::text(
        status,
        &format!(
            "<ErrorResponse><Error><Code>{code}</Code><Message>no: {KEY_ID} {SECRET}</Message></Error></ErrorResponse>"
        ),
    )
}

/// A directory with a file of credentials.
fn profiles(text: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("credentials");
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (directory, path)
}

#[test]
fn the_key_and_its_context_are_sent_both_ways() {
    let server = StandIn::start(kms);
    let service = client(&server.url(), &[]);
    let key = key_of(ARN, &[("app", "web")]);
    let wrapped = service.wrap(&key, &secret()).unwrap();
    assert_eq!(wrapped.key, key);
    let broken: Vec<&str> =
        wrapped.enc.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    assert_eq!(service.unwrap(&key, &broken.join("\r\n")).unwrap().expose(), secret().expose());
    service.wrap(&key_of(ARN, &[]), &secret()).unwrap();
    let asked = asked(&server);
    assert_eq!(asked[0].0, "TrentService.Encrypt");
    let plaintext = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let context = json!({"app": "web"});
    let expected = json!({"KeyId": ARN, "Plaintext": plaintext, "EncryptionContext": context});
    assert_eq!(asked[0].1, expected);
    let expected =
        json!({"KeyId": ARN, "CiphertextBlob": wrapped.enc, "EncryptionContext": context});
    assert_eq!(asked[1], ("TrentService.Decrypt".to_owned(), expected));
    assert_eq!(asked[2].1, json!({"KeyId": ARN, "Plaintext": plaintext}));
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| signed_by(request) == KEY_ID));
    assert!(requests.iter().all(|request| request.header("x-amz-security-token") == TOKEN));
}

#[test]
fn a_name_that_is_none_of_aws_s_asks_nobody() {
    let server = StandIn::start(kms);
    let service = client(&server.url(), &[("SEAL_ALLOW_AWS_ROLES", "all")]);
    let key = key_of(ARN, &[]);
    for odd in [
        key_of("arn:aws:kms:evil.com/:1:key/k", &[]),
        key_of("alias/k", &[]),
        with_role(&key, "role/r"),
        with_role(&key, "arn:aws:iam::1:role/r&Action=x"),
        with_profile(&key, "p;x"),
        with_profile(&key, "p\u{1b}[2J"),
    ] {
        let failure = refused(&service, &odd);
        assert_eq!(failure.kind, FailureKind::Name, "{failure}");
        assert!(failure.next_step().unwrap().contains("arn:aws:kms:REGION:ACCOUNT:key/ID"));
        assert!(matches!(seal_keys::check(&odd), Err(WrapError::Service(_))));
        assert!(matches!(service.unwrap(&odd, "AAAA"), Err(UnwrapError::Service(_))));
    }
    let too_long = "AAAA".repeat(2049);
    for enc in ["", "AAA", "AA==\u{0}", &too_long] {
        let error = service.unwrap(&key, enc).unwrap_err();
        assert!(matches!(error, UnwrapError::Damaged { .. }), "{error}");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn a_profile_of_a_file_must_be_allowed_and_then_wins() {
    let server = StandIn::start(kms);
    let (_directory, path) =
        profiles("[ci]\naws_access_key_id = AKIACI\naws_secret_access_key = hunter2\n");
    let key = with_profile(&key_of(ARN, &[]), "ci");
    let file = ("AWS_SHARED_CREDENTIALS_FILE", path.as_str());
    let service = client(&server.url(), &[file]);
    let wrapped = service.wrap(&with_profile(&key, ""), &secret()).unwrap();
    let failure = refused(&service, &key);
    assert_eq!(failure.kind, FailureKind::NotAllowed);
    assert!(failure.reason.contains("the profile ci"), "{failure}");
    assert!(failure.next_step().unwrap().contains("SEAL_ALLOW_AWS_PROFILES=ci"));
    let UnwrapError::Service(failure) = service.unwrap(&key, &wrapped.enc).unwrap_err() else {
        panic!("not the service's");
    };
    assert_eq!(failure.kind, FailureKind::NotAllowed);
    assert_eq!(server.requests().len(), 1);
    for allowed in [("SEAL_ALLOW_AWS_PROFILES", "x,ci"), ("AWS_PROFILE", "ci")] {
        let service = client(&server.url(), &[file, allowed]);
        service.wrap(&key, &secret()).unwrap();
        // Without it the keys of the environment are used, whatever AWS_PROFILE says.
        service.wrap(&key_of(ARN, &[]), &secret()).unwrap();
        let signers: Vec<_> = server.requests().iter().rev().take(2).map(signed_by).collect();
        assert_eq!(signers, [KEY_ID, "AKIACI"]);
    }
}

#[test]
fn without_keys_in_the_environment_the_profile_is_used() {
    let server = StandIn::start(kms);
    let (_directory, path) = profiles(
        "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = hunter2\n\
         [other]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = hunter2\n",
    );
    let file = ("AWS_SHARED_CREDENTIALS_FILE", path.as_str());
    let key = key_of(ARN, &[]);
    for (variables, signer) in [
        (&[file][..], "AKIADEFAULT"),
        (&[file, ("AWS_PROFILE", "other")], "AKIAOTHER"),
        (&[file, ("AWS_ACCESS_KEY", "AKIAOLD"), ("AWS_SECRET_KEY", "hunter2")], "AKIAOLD"),
    ] {
        client_with(&server.url(), variables).wrap(&key, &secret()).unwrap();
        assert_eq!(signed_by(server.requests().last().unwrap()), signer);
    }
    let missing = client_with(&server.url(), &[file, ("AWS_PROFILE", "missing")]);
    let failure = refused(&missing, &key);
    assert_eq!(failure.kind, FailureKind::NoCredentials);
    assert!(failure.reason.contains("missing"), "{failure}");
}

#[test]
fn a_program_may_give_the_credentials() {
    let server = StandIn::start(kms);
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".aws")).unwrap();
    let given = r#"{"Version": 1, "AccessKeyId": "AKIAPROGRAM", "SecretAccessKey": "hunter2"}"#;
    fs::write(home.path().join("given"), given).unwrap();
    let config = format!("[default]\ncredential_process = cat {}/given\n", home.path().display());
    fs::write(home.path().join(".aws/config"), config).unwrap();
    let service = client_with(&server.url(), &[("HOME", home.path().to_str().unwrap())]);
    service.wrap(&key_of(ARN, &[]), &secret()).unwrap();
    assert_eq!(signed_by(&server.requests()[0]), "AKIAPROGRAM");
}

#[test]
fn a_role_is_assumed_once_for_all_threads() {
    let server = StandIn::start(kms_and_sts);
    let key = with_role(&key_of(ARN, &[]), ROLE);
    let service = client(&server.url(), &[("SEAL_ALLOW_AWS_ROLES", ROLE)]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| service.wrap(&key, &secret()).unwrap());
        }
    });
    let requests = server.requests();
    let (sts, kms): (Vec<_>, Vec<_>) = requests.iter().partition(|request| is_sts(request));
    assert_eq!((sts.len(), kms.len()), (1, 8));
    let body = String::from_utf8_lossy(&sts[0].body).into_owned();
    assert!(body.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A210987654321%3Arole%2Fsops"), "{body}");
    assert!(body.contains("RoleSessionName=sops%40"), "{body}");
    assert_eq!(signed_by(sts[0]), KEY_ID);
    assert!(sts[0].header("authorization").contains("/eu-west-1/sts/aws4_request"));
    assert!(kms.iter().all(|request| signed_by(request) == "ASIAROLE"));
    assert!(!format!("{service:?}").contains("hunter2"));
}

#[test]
fn a_role_that_may_not_be_assumed_is_asked_for_once() {
    let server = StandIn::start(|_| sts_error(403, "AccessDenied"));
    let key = with_role(&key_of(ARN, &[]), ROLE);
    let service = client(&server.url(), &[("SEAL_ALLOW_AWS_ROLES", "all")]);
    for _ in 0..5 {
        let failure = refused(&service, &key);
        assert_eq!(failure.kind, FailureKind::Denied);
        assert!(failure.operation.starts_with("sts:AssumeRole of"), "{failure}");
        assert_eq!(failure.reason, format!("AccessDenied: no: {KEY_ID} <redacted>"));
    }
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_throttled_login_is_tried_as_often_as_any_call() {
    let server = StandIn::start(kms_and_sts);
    server.inject(Fault::Answers(2, sts_error(400, "Throttling")));
    let key = with_role(&key_of(ARN, &[]), ROLE);
    let service = client(&server.url(), &[("SEAL_ALLOW_AWS_ROLES", "all")]);
    service.wrap(&key, &secret()).unwrap();
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn a_web_identity_comes_before_profiles() {
    let server = StandIn::start(kms_and_sts);
    let (directory, path) =
        profiles("[default]\naws_access_key_id = AKIACI\naws_secret_access_key = hunter2\n");
    let token = directory.path().join("token");
    fs::write(&token, "hunter2.jwt\n").unwrap();
    let variables = |token: &Path| {
        client_with(
            &server.url(),
            &[
                ("AWS_SHARED_CREDENTIALS_FILE", &path),
                ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
                ("AWS_ROLE_ARN", ROLE),
                ("AWS_ROLE_SESSION_NAME", "pod"),
            ],
        )
    };
    variables(&token).wrap(&key_of(ARN, &[]), &secret()).unwrap();
    let requests = server.requests();
    let body = String::from_utf8_lossy(&requests[0].body).into_owned();
    assert!(body.contains("Action=AssumeRoleWithWebIdentity"), "{body}");
    assert!(body.contains("RoleSessionName=pod") && body.contains("hunter2.jwt"), "{body}");
    assert_eq!(requests[0].header("authorization"), "");
    assert_eq!(signed_by(&requests[1]), "ASIAROLE");

    server.inject(Fault::Always(sts_error(400, "ExpiredTokenException")));
    let failure = refused(&variables(&token), &key_of(ARN, &[]));
    assert_eq!(failure.kind, FailureKind::NoCredentials);
    let failure = refused(&variables(Path::new("/nowhere/token")), &key_of(ARN, &[]));
    assert_eq!(failure.kind, FailureKind::NoCredentials);
    assert!(failure.reason.contains("AWS_WEB_IDENTITY_TOKEN_FILE /nowhere/token"), "{failure}");
}

#[test]
fn an_instance_gives_its_credentials_or_is_soon_given_up() {
    let server = StandIn::start(kms);
    let instance = StandIn::start(|request| match (&*request.method, &*request.path) {
        ("PUT", "/latest/api/token") => {
            Response::text(200, "t").with("x-aws-ec2-metadata-token-ttl-seconds", "60")
        }
        (_, "/latest/meta-data/iam/security-credentials/") => Response::text(200, "role"),
        (_, "/latest/meta-data/iam/security-credentials/role") => Response::json(
            200,
            &json!({
                "Code": "Success", "AccessKeyId": "ASIAINSTANCE", "SecretAccessKey": "hunter2",
                "Token": "hunter2", "Expiration": "2099-01-01T00:00:00Z"
            }),
        ),
        _ => Response::text(404, ""),
    });
    let variables = |url: &str| {
        client_with(
            &server.url(),
            &[("AWS_EC2_METADATA_DISABLED", "false"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)],
        )
    };
    let key = key_of(ARN, &[]);
    variables(&instance.url()).wrap(&key, &secret()).unwrap();
    assert_eq!(signed_by(&server.requests()[0]), "ASIAINSTANCE");

    instance.inject(Fault::Hangs);
    let (service, start) = (variables(&instance.url()), Instant::now());
    for _ in 0..5 {
        assert_eq!(refused(&service, &key).kind, FailureKind::NoCredentials);
    }
    // One look takes two seconds at the most; five would take ten.
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

#[test]
fn all_places_that_have_no_credentials_are_told() {
    let server = StandIn::start(kms);
    let key = key_of(ARN, &[]);
    for (status, has_token) in [(403, false), (404, false), (500, false), (403, true), (404, true)]
    {
        let instance = StandIn::start(move |request| match (has_token, &*request.method) {
            (true, "PUT") => {
                Response::text(200, "t").with("x-aws-ec2-metadata-token-ttl-seconds", "60")
            }
            _ => Response::text(status, "HUNTER2"),
        });
        let url = instance.url();
        let variables = [
            ("AWS_EC2_METADATA_DISABLED", "false"),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url),
            ("AWS_ACCESS_KEY_ID", KEY_ID),
        ];
        let failure = refused(&client_with(&server.url(), &variables), &key);
        assert_eq!(failure.kind, FailureKind::NoCredentials, "{failure}");
        let first = "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not; profile default: ";
        assert!(failure.reason.contains(first), "{failure}");
        assert!(failure.reason.contains("; instance: "), "{failure}");
        assert!(!format!("{failure:?}").contains("HUNTER2"), "{failure:?}");
    }
}

#[test]
fn a_host_without_an_address_is_named_once_and_nothing_else_said() {
    let failure = refused(&client("https://kms.invalid", &[]), &key_of(ARN, &[]));
    assert_eq!(failure.kind, FailureKind::Unreachable, "{failure}");
    assert!(failure.operation.ends_with("https://kms.invalid"), "{failure}");
    assert_eq!(failure.reason, "the name cannot be resolved");
}

#[test]
fn the_code_of_the_service_decides_what_to_do_next() {
    for (code, message, kind, step) in [
        ("NotFoundException", "Invalid arn eu-west-1", FailureKind::WrongRegion, "region"),
        (
            "KMSInvalidStateException",
            "arn:… is pending deletion.",
            FailureKind::Disabled,
            "about to be deleted",
        ),
        ("ExpiredTokenException", "is expired", FailureKind::NoCredentials, "log in to AWS again"),
        ("InvalidKeyUsageException", "", FailureKind::Refused, "symmetric"),
    ] {
        let server = StandIn::start(move |_| error(400, code, message));
        let failure = refused(&client(&server.url(), &[]), &key_of(ARN, &[]));
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.reason.contains(message), "{failure}");
        assert!(failure.next_step().unwrap().contains(step), "{:?}", failure.next_step());
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn an_endpoint_that_is_no_url_is_named() {
    let failure = refused(&client("kms.example.com", &[]), &key_of(ARN, &[]));
    assert_eq!(failure.kind, FailureKind::Local);
    assert!(failure.to_string().contains("AWS_ENDPOINT_URL is no URL"), "{failure}");
}

#[test]
fn a_server_that_hangs_up_is_unreachable_with_and_without_tls() {
    for scheme in ["http", "https"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || drop(listener.accept()));
        let failure = refused(&client(&url, &[]), &key_of(ARN, &[]));
        server.join().unwrap();
        assert_eq!(failure.kind, FailureKind::Unreachable, "{failure}");
        assert!(failure.operation.ends_with(&url), "{failure}");
    }
}

#[test]
fn answers_without_a_result_are_malformed() {
    for body in [json!({}), json!({"CiphertextBlob": "", "Plaintext": ""}), json!({"KeyId": 1})] {
        let server = StandIn::start(move |_| Response::json(200, &body));
        let service = client(&server.url(), &[]);
        let key = key_of(ARN, &[]);
        assert_eq!(refused(&service, &key).kind, FailureKind::Malformed);
        let UnwrapError::Service(failure) = service.unwrap(&key, "AAAA").unwrap_err() else {
            panic!("not the service's");
        };
        assert_eq!(failure.kind, FailureKind::Malformed);
        assert!(!failure.to_string().contains(SECRET));
    }
}
