//! GCP KMS, against a stand-in.

use std::sync::Arc;

use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;
use seal_keys::{FailureKind, KeyService, Providers, UnwrapError};

use super::cloud::{counter, fault, hurried, nobody, providers, refusal};
use super::suite::{Provider, Scene, Situation, secret};
use crate::gcp_kms::{self, GcpKms, POOR_TOKEN, TOKEN};
use crate::stand_in::{Fault, Response};

pub(crate) struct Gcp {
    stand_in: GcpKms,
}

impl Gcp {
    fn variables(&self) -> [(&'static str, String); 2] {
        [
            ("SOPS_GCP_KMS_ENDPOINT", self.stand_in.server.url()),
            ("GOOGLE_OAUTH_ACCESS_TOKEN", TOKEN.to_owned()),
        ]
    }
}

impl Provider for Gcp {
    fn start() -> Option<Self> {
        Some(Self { stand_in: GcpKms::start(&["team", "other"]) })
    }

    fn key(&self) -> MasterKey {
        key("team")
    }

    fn holder(&self) -> Providers {
        providers(self.variables())
    }

    fn arrange(&self, situation: Situation, enc: &str) -> Option<Scene> {
        let (mut used, mut service, mut enc) = (self.key(), self.holder(), enc.to_owned());
        let server = &self.stand_in.server;
        let mut says = None;
        if situation == Situation::TimedOut {
            service = hurried(self.variables());
        }
        match situation {
            Situation::WrongKey => {
                enc = service.wrap(&key("other"), &SecretBytes::new(vec![1; 32])).unwrap().enc;
                says =
                    Some("Decryption failed: verify that 'name' refers to the correct CryptoKey.");
            }
            Situation::NoCredentials => {
                let server = ("SOPS_GCP_KMS_ENDPOINT", server.url());
                service = providers([server, ("NO_GCE_CHECK", "true".to_owned())]);
                says = Some("gcloud auth application-default login");
            }
            Situation::Denied => {
                let token = ("GOOGLE_OAUTH_ACCESS_TOKEN", POOR_TOKEN.to_owned());
                service = providers([("SOPS_GCP_KMS_ENDPOINT", server.url()), token]);
                says = Some("Permission 'cloudkms.cryptoKeyVersions.useTo");
            }
            Situation::NotFound => {
                used = key("gone");
                says = Some("cryptoKeys/gone not found");
            }
            Situation::Disabled => {
                self.stand_in.disable("team");
                says = Some("is not enabled, current state is: DISABLED");
            }
            Situation::Unreachable => {
                let token = ("GOOGLE_OAUTH_ACCESS_TOKEN", TOKEN.to_owned());
                service = providers([("SOPS_GCP_KMS_ENDPOINT", nobody()), token]);
            }
            Situation::WrongContext | Situation::Sealed | Situation::NotAllowed => return None,
            _ => server.inject(fault(situation, |status| {
                gcp_kms::error(status, "UNAVAILABLE", &format!("not now, {TOKEN}"))
            })?),
        }
        Some(Scene {
            key: used,
            service,
            enc,
            secrets: vec![TOKEN.to_owned(), POOR_TOKEN.to_owned()],
            says: says.map(str::to_owned).into_iter().collect(),
            requests: counter(server),
            wrapping_fails: situation != Situation::WrongKey,
        })
    }
}

fn key(name: &str) -> MasterKey {
    MasterKey::GcpKms { resource_id: gcp_kms::key(name) }
}

#[test]
fn requests_are_those_of_googles_own_client() {
    let provider = Gcp::start().unwrap();
    let service = provider.holder();
    let enc = service.wrap(&key("team"), &secret()).unwrap().enc;
    service.unwrap(&key("team"), &enc).unwrap();
    let requests = provider.stand_in.server.requests();
    let path = format!("/v1/{}", gcp_kms::key("team"));
    assert_eq!((&*requests[0].method, &*requests[0].path), ("POST", &*format!("{path}:encrypt")));
    assert_eq!((&*requests[1].method, &*requests[1].path), ("POST", &*format!("{path}:decrypt")));
    assert_eq!(
        requests[0].json(),
        serde_json::json!({ "plaintext": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" })
    );
    assert_eq!(requests[1].json(), serde_json::json!({ "ciphertext": enc }));
    for request in requests {
        assert_eq!(request.header("authorization"), format!("Bearer {TOKEN}"));
        assert_eq!(request.header("content-type"), "application/json");
    }
}

#[test]
fn credentials_are_taken_in_the_order_of_sops() {
    let provider = Gcp::start().unwrap();
    let server = &provider.stand_in.server;
    let user = provider.stand_in.authorized_user();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("user.json");
    std::fs::write(&file, &user).unwrap();
    let file = file.to_str().unwrap().to_owned();
    let home = directory.path().to_str().unwrap().to_owned();
    let of_gcloud = directory.path().join(".config/gcloud/application_default_credentials.json");
    std::fs::create_dir_all(of_gcloud.parent().unwrap()).unwrap();
    std::fs::write(&of_gcloud, &user).unwrap();

    let poor = ("GOOGLE_OAUTH_ACCESS_TOKEN", POOR_TOKEN.to_owned());
    let named = |value: &str| ("GOOGLE_CREDENTIALS", value.to_owned());
    let adc = ("GOOGLE_APPLICATION_CREDENTIALS", file.clone());
    let home = ("HOME", home);
    // What is tried, whether it may use the key, and how often a token was asked for.
    for (variables, works, tokens) in [
        (vec![named(&user), poor.clone(), adc.clone()], true, 1),
        (vec![named(&file), poor.clone()], true, 1),
        (vec![poor.clone(), adc.clone(), home.clone()], false, 0),
        (vec![adc.clone()], true, 1),
        (vec![home.clone()], true, 1),
    ] {
        let before = server.count("/token");
        let endpoint = ("SOPS_GCP_KMS_ENDPOINT", server.url());
        let service = providers(variables.clone().into_iter().chain([endpoint]));
        for _ in 0..2 {
            let wrapped = service.wrap(&key("team"), &secret());
            assert_eq!(wrapped.is_ok(), works, "{variables:?}: {wrapped:?}");
        }
        assert_eq!(server.count("/token") - before, tokens, "{variables:?}");
    }
}

#[test]
fn a_service_account_signs_its_own_token() {
    let provider = Gcp::start().unwrap();
    let json = include_str!("../../fixtures/gcp-kms/service-account.json");
    let server = &provider.stand_in.server;
    let service = providers([
        ("SOPS_GCP_KMS_ENDPOINT", server.url()),
        ("GOOGLE_CREDENTIALS", json.to_owned()),
    ]);
    let enc = service.wrap(&key("team"), &secret()).unwrap().enc;
    assert_eq!(service.unwrap(&key("team"), &enc).unwrap().expose(), secret().expose());
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn credentials_that_are_none_are_named_but_not_shown() {
    let provider = Gcp::start().unwrap();
    let server = &provider.stand_in.server;
    let stale = provider.stand_in.authorized_user().replace("REFRESH-TOKEN", "STALE-TOKEN");
    for (value, says) in [
        ("{HUNTER2", "credentials of GOOGLE_CREDENTIALS: not JSON"),
        ("{\"type\":\"HUNTER2\"}", "`type` is none that can be used"),
        (
            "{\"type\":\"service_account\",\"private_key\":\"HUNTER2\"}",
            "a field is missing: `client_email`",
        ),
        ("{\"type\":\"authorized_user\",\"client_id\":\"HUNTER2\"}", "missing: `client_secret`"),
        ("/nowhere/credentials.json", "/nowhere/credentials.json: there is no such file"),
        (&stale, "Token has been expired or revoked."),
    ] {
        let endpoint = ("SOPS_GCP_KMS_ENDPOINT", server.url());
        let service = providers([endpoint, ("GOOGLE_CREDENTIALS", value.to_owned())]);
        let failure = refusal(&service, &key("team"));
        assert_eq!(failure.kind, FailureKind::NoCredentials, "{failure}");
        assert!(failure.reason.contains(says), "{failure}");
        assert!(!format!("{failure:?}").contains("HUNTER2"), "{failure:?}");
        let step = failure.next_step().unwrap();
        assert!(step.contains("gcloud auth application-default login"), "{step}");
    }
    assert_eq!(server.count("/v1/"), 0);
}

#[test]
fn a_login_server_that_fails_is_asked_again() {
    let provider = Gcp::start().unwrap();
    let login = GcpKms::start(&[]);
    let service = providers([
        ("SOPS_GCP_KMS_ENDPOINT", provider.stand_in.server.url()),
        ("GOOGLE_CREDENTIALS", login.authorized_user()),
    ]);
    login.server.inject(Fault::Answers(2, Response::text(503, "not now")));
    service.wrap(&key("team"), &secret()).unwrap();
    assert_eq!(login.server.requests().len(), 3);
}

#[test]
fn twenty_threads_log_in_once() {
    let provider = Gcp::start().unwrap();
    let server = &provider.stand_in.server;
    let service = Arc::new(providers([
        ("SOPS_GCP_KMS_ENDPOINT", server.url()),
        ("GOOGLE_CREDENTIALS", provider.stand_in.authorized_user()),
    ]));
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| service.wrap(&key("team"), &secret()).unwrap());
        }
    });
    assert_eq!((server.count("/token"), server.count(":encrypt")), (1, 20));
}

#[test]
fn a_name_that_could_lead_elsewhere_is_sent_nowhere() {
    let provider = Gcp::start().unwrap();
    let service = provider.holder();
    let name = gcp_kms::key("team");
    for name in [
        String::new(),
        name.replace("acme-prod", ".."),
        name.replace("secrets", "secrets%2f.."),
        name.replace("secrets", "a/../b"),
        format!("{name}:decrypt?x="),
        format!("{name}/cryptoKeyVersions/1"),
        format!("@evil.com/{name}"),
        format!("{name}\r\nx: y"),
        format!("/{name}"),
    ] {
        let key = MasterKey::GcpKms { resource_id: name };
        let failure = refusal(&service, &key);
        assert_eq!(failure.kind, FailureKind::Name, "{failure}");
        assert!(seal_keys::check(&key).is_err());
        assert!(service.unwrap(&key, "AAAA").is_err());
    }
    assert_eq!(provider.stand_in.server.requests().len(), 0);
}

#[test]
fn the_variables_of_the_endpoint_are_checked() {
    let provider = Gcp::start().unwrap();
    for (name, value) in [
        ("SOPS_GCP_KMS_CLIENT_TYPE", "soap"),
        ("SOPS_GCP_KMS_ENDPOINT", "https://user@kms.corp"),
        ("SOPS_GCP_KMS_UNIVERSE_DOMAIN", "evil.com/x"),
        ("SOPS_GCP_KMS_UNIVERSE_DOMAIN", "evil.com#"),
        ("SOPS_GCP_KMS_UNIVERSE_DOMAIN", "localhost"),
    ] {
        let failure = refusal(&providers([(name, value)]), &key("team"));
        assert_eq!(failure.kind, FailureKind::Local, "{failure}");
        assert!(failure.reason.contains(name), "{failure}");
        assert!(failure.next_step().is_some_and(|step| step.contains(name)));
    }
    for kind in ["grpc", "rest"] {
        let kind = ("SOPS_GCP_KMS_CLIENT_TYPE", kind.to_owned());
        let service = providers(provider.variables().into_iter().chain([kind]));
        service.wrap(&key("team"), &secret()).unwrap();
    }
}

#[test]
fn an_answer_altered_on_its_way_is_not_used() {
    let provider = Gcp::start().unwrap();
    let service = provider.holder();
    let enc = service.wrap(&key("team"), &secret()).unwrap().enc;
    let body = serde_json::json!({ "plaintext": "AAAA", "plaintextCrc32c": "1" });
    provider.stand_in.server.inject(Fault::Always(Response::json(200, &body)));
    let error = service.unwrap(&key("team"), &enc).unwrap_err();
    let is_malformed = matches!(&error, UnwrapError::Service(failure)
        if failure.kind == FailureKind::Malformed && failure.reason.contains("checksum"));
    assert!(is_malformed, "{error:?}");
    for body in ["{}", "{\"plaintext\":1}", "{\"plaintext\":\"*HUNTER2*\"}"] {
        provider.stand_in.server.inject(Fault::Always(Response::text(200, body)));
        let error = service.unwrap(&key("team"), &enc).unwrap_err();
        assert!(!format!("{error:?}").contains("HUNTER2"), "{error:?}");
    }
}

#[test]
fn a_version_of_a_key_is_to_be_left_off() {
    let resource_id = format!("{}/cryptoKeyVersions/1", gcp_kms::key("team"));
    let failure = refusal(&providers([("A", "b")]), &MasterKey::GcpKms { resource_id });
    assert_eq!(failure.kind, FailureKind::Name);
    assert!(failure.next_step().unwrap().contains("leave the version off"), "{failure}");
    assert!(failure.operation.is_empty(), "{failure}");
}
