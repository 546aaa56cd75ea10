//! What a server that gives tokens, or one that takes them, cannot get out of us: our credentials for another server, our
//! secrets into a message, our memory.

use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;
use seal_keys::{Failure, FailureKind, KeyService, Providers, WrapError};
use serde_json::json;

use super::cloud::providers;
use crate::azure_key_vault::{self, AzureKeyVault, entra};
use crate::gcp_kms::{self, GcpKms};
use crate::huawei_kms;
use crate::stand_in::{Fault, Response, StandIn};

/// In Base64 of every alphabet, and as it is in an answer.
const PLAINTEXT: &str = "S0tLS0tLS0tLS0tLS0tLS0tLS0tLS0tLS0tLS0tLS0s";

fn refusal(service: &Providers, key: &MasterKey) -> Failure {
    match service.wrap(key, &SecretBytes::new(vec![b'K'; 32])).unwrap_err() {
        WrapError::Service(failure) => *failure,
        other => panic!("{other:?}"),
    }
}

fn of_gcp() -> MasterKey {
    MasterKey::GcpKms { resource_id: gcp_kms::key("team") }
}

fn of_azure(vault_url: &str) -> MasterKey {
    MasterKey::AzureKeyVault {
        vault_url: vault_url.to_owned(),
        name: "team".to_owned(),
        version: azure_key_vault::VERSION.to_owned(),
    }
}

/// Somebody who logs in to GCP at this server as a user, and as a machine.
fn gcp_logins(kms: &GcpKms, login: &GcpKms) -> [Providers; 2] {
    let endpoint = || ("SOPS_GCP_KMS_ENDPOINT", kms.server.url());
    let machine = login.server.url().replace("http://", "");
    [
        providers([endpoint(), ("GOOGLE_CREDENTIALS", login.authorized_user())]),
        providers([endpoint(), ("GCE_METADATA_HOST", machine)]),
    ]
}

/// An application that logs in to Azure at this server.
fn azure_login(vault: &AzureKeyVault, login: &StandIn) -> Providers {
    providers([
        ("SEAL_AZURE_KEYVAULT_ENDPOINT", vault.server.url()),
        ("SEAL_AZURE_LOGIN_ENDPOINT", login.url()),
        ("AZURE_TENANT_ID", "acme".to_owned()),
        ("AZURE_CLIENT_ID", "app".to_owned()),
        ("AZURE_CLIENT_SECRET", "SECRET-HUNTER2".to_owned()),
    ])
}

#[test]
fn a_login_to_gcp_is_not_sent_elsewhere() {
    let (kms, login, elsewhere) =
        (GcpKms::start(&["team"]), GcpKms::start(&[]), GcpKms::start(&[]));
    let to = format!("{}/token", elsewhere.server.url());
    login.server.inject(Fault::Always(Response::text(307, "").with("location", &to)));
    for service in gcp_logins(&kms, &login) {
        let failure = refusal(&service, &of_gcp());
        assert!(failure.reason.contains("not followed"), "{failure}");
    }
    assert_eq!(login.server.requests().len(), 2);
    assert_eq!(elsewhere.server.requests().len(), 0);
}

#[test]
fn a_machine_of_google_logs_in_with_its_metadata_server() {
    let (kms, login) = (GcpKms::start(&["team"]), GcpKms::start(&[]));
    let [_, service] = gcp_logins(&kms, &login);
    for _ in 0..2 {
        service.wrap(&of_gcp(), &SecretBytes::new(vec![b'K'; 32])).unwrap();
    }
    assert_eq!(login.server.requests().len(), 1);
    for host in ["user@h", "h/path", "h?query", ""] {
        let variables = [("GCE_METADATA_HOST", host), ("NO_GCE_CHECK", "true")];
        let endpoint = ("SOPS_GCP_KMS_ENDPOINT", kms.server.url());
        let variables = variables.map(|(name, value)| (name, value.to_owned()));
        let failure = refusal(&providers(variables.into_iter().chain([endpoint])), &of_gcp());
        let kinds = [FailureKind::Local, FailureKind::NoCredentials];
        assert_eq!(failure.kind, kinds[usize::from(host.is_empty())], "{host}: {failure}");
    }
}

#[test]
fn a_metadata_server_is_not_asked_through_a_proxy() {
    let proxy = StandIn::start(|_| Response::text(502, ""));
    for host in ["metadata.google.invalid", "metadata.google.invalid:8080"] {
        let service = providers([
            ("SOPS_GCP_KMS_ENDPOINT", "https://kms.invalid".to_owned()),
            ("GCE_METADATA_HOST", host.to_owned()),
            ("HTTP_PROXY", proxy.url()),
        ]);
        let failure = refusal(&service, &of_gcp());
        assert!(
            matches!(failure.kind, FailureKind::NoCredentials | FailureKind::TimedOut),
            "{failure}"
        );
    }
    // Nor any other server of that kind.
    let service = providers([
        ("SOPS_GCP_KMS_ENDPOINT", "http://169.254.99.99".to_owned()),
        ("GOOGLE_OAUTH_ACCESS_TOKEN", gcp_kms::TOKEN.to_owned()),
        ("HTTP_PROXY", proxy.url()),
    ]);
    refusal(&service, &of_gcp());
    assert_eq!(proxy.requests().len(), 0);
}

#[test]
fn what_a_login_server_answers_is_not_shown() {
    let (kms, login) = (GcpKms::start(&["team"]), GcpKms::start(&[]));
    let (vault, entra) = (AzureKeyVault::start(&["team"]), entra());
    for (status, body) in [
        (200, "{\"access_token\":\"HUNTER2\",\"expires_in\":\"HUNTER2\"}"),
        (200, "{\"access_token\":[\"HUNTER2\"]}"),
        (200, "\"HUNTER2\""),
        (200, "HUNTER2"),
        (400, "{\"access_token\":\"HUNTER2\"}"),
        (400, "{\"error_codes\":\"HUNTER2\"}"),
        (400, "\"HUNTER2\""),
        (403, "HUNTER2"),
    ] {
        login.server.inject(Fault::Always(Response::text(status, body)));
        entra.inject(Fault::Always(Response::text(status, body)));
        let [user, machine] = gcp_logins(&kms, &login);
        for (service, key) in [
            (user, of_gcp()),
            (machine, of_gcp()),
            (azure_login(&vault, &entra), of_azure(azure_key_vault::URL)),
        ] {
            let failure = refusal(&service, &key);
            assert!(!format!("{failure:?}").contains("HUNTER2"), "{body}: {failure:?}");
            assert!(failure.reason.contains("no access token: "), "{failure}");
        }
    }
    assert_eq!(kms.server.requests().len() + vault.server.requests().len(), 0);
}

#[test]
fn a_federated_login_shows_nothing_of_the_answer() {
    let kms = GcpKms::start(&["team"]);
    let login = StandIn::start(|_| Response::text(200, ""));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "SUBJECT").unwrap();
    let json = json!({
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/p",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": format!("{}/token", login.url()),
        "credential_source": { "file": file.path() },
    });
    let service = || {
        providers([
            ("SOPS_GCP_KMS_ENDPOINT", kms.server.url()),
            ("GOOGLE_CREDENTIALS", json.to_string()),
        ])
    };
    for (status, body, says) in [
        (200, json!({ "access_token": "HUNTER2", "expires_in": "HUNTER2" }), "cannot be read"),
        (400, json!({ "access_token": "HUNTER2" }), "no reason given (400)"),
        (400, json!({ "error": "no", "error_description": "not you" }), "not you (400 no)"),
    ] {
        login.inject(Fault::Always(Response::json(status, &body)));
        let failure = refusal(&service(), &of_gcp());
        assert!(failure.reason.contains(says), "{failure}");
        assert!(!format!("{failure:?}").contains("HUNTER2"), "{failure:?}");
    }
}

#[test]
fn a_login_server_that_never_stops_is_not_read_to_the_end() {
    let (kms, login) = (GcpKms::start(&["team"]), GcpKms::start(&[]));
    let (vault, entra) = (AzureKeyVault::start(&["team"]), entra());
    let long = Fault::Always(Response::text(200, &" ".repeat(2 << 20)));
    login.server.inject(long.clone());
    entra.inject(long);
    let [user, machine] = gcp_logins(&kms, &login);
    let azure = azure_login(&vault, &entra);
    for (service, key) in
        [(user, of_gcp()), (machine, of_gcp()), (azure, of_azure(azure_key_vault::URL))]
    {
        let failure = refusal(&service, &key);
        assert!(failure.reason.contains("longer than any answer"), "{failure}");
    }
}

#[test]
fn a_data_key_that_a_server_repeats_is_not_shown() {
    let says = |body: &[u8]| format!("what is {}", String::from_utf8_lossy(body));
    let google = StandIn::start(move |request| {
        gcp_kms::error(400, "INVALID_ARGUMENT", &says(&request.body))
    });
    let azure = StandIn::start(move |request| {
        azure_key_vault::error(400, "BadParameter", None, &says(&request.body))
    });
    let huawei =
        StandIn::start(move |request| huawei_kms::error(400, "KMS.0303", &says(&request.body)));
    let token = "TOKEN-HUNTER2".to_owned();
    let services = [
        (
            of_gcp(),
            providers([
                ("SOPS_GCP_KMS_ENDPOINT", google.url()),
                ("GOOGLE_OAUTH_ACCESS_TOKEN", token.clone()),
            ]),
        ),
        (
            of_azure(azure_key_vault::URL),
            providers([
                ("SEAL_AZURE_KEYVAULT_ENDPOINT", azure.url()),
                ("SEAL_AZURE_ACCESS_TOKEN", token),
            ]),
        ),
        (
            MasterKey::HuaweiKms { key_id: format!("eu-west-101:{}", huawei_kms::TEAM) },
            providers([
                (huawei_kms::ENDPOINT, huawei.url()),
                ("HUAWEICLOUD_SDK_AK", huawei_kms::ACCESS_KEY.to_owned()),
                ("HUAWEICLOUD_SDK_SK", huawei_kms::SECRET_KEY.to_owned()),
                ("HUAWEICLOUD_SDK_PROJECT_ID", huawei_kms::PROJECT.to_owned()),
            ]),
        ),
    ];
    for (key, service) in services {
        let failure = refusal(&service, &key);
        assert!(failure.reason.contains("<redacted>"), "{failure}");
        assert!(!format!("{failure:?}").contains(PLAINTEXT), "{failure:?}");
    }
}

#[test]
fn a_token_of_azure_goes_to_the_public_cloud() {
    let vault = AzureKeyVault::start(&["team"]);
    let token = || ("SEAL_AZURE_ACCESS_TOKEN", azure_key_vault::TOKEN.to_owned());
    for url in ["https://x.vault.azure.cn", "https://x.managedhsm.usgovcloudapi.net"] {
        let failure = refusal(&providers([token()]), &of_azure(url));
        assert_eq!(failure.kind, FailureKind::NotAllowed, "{failure}");
        let step = failure.next_step().unwrap_or_default();
        assert!(step.contains(&format!("SEAL_ALLOW_AZURE_VAULTS={url}")), "{step}");
    }
    // Where the user says where requests go, the file does not.
    let endpoint = ("SEAL_AZURE_KEYVAULT_ENDPOINT", vault.server.url());
    let service = providers([token(), endpoint]);
    let key = of_azure("https://x.vault.azure.cn");
    service.wrap(&key, &SecretBytes::new(vec![b'K'; 32])).unwrap();
    // Whether somebody listens there or not, it is allowed; nobody does at the proxy.
    let proxy = ("HTTPS_PROXY", super::cloud::nobody());
    let allowed = ("SEAL_ALLOW_AZURE_VAULTS", "https://x.vault.azure.cn".to_owned());
    let failure = refusal(&providers([token(), allowed, proxy]), &key);
    assert_eq!(failure.kind, FailureKind::Unreachable, "{failure}");
    let gone = of_azure("https://x.vault.microsoftazure.de");
    assert_eq!(refusal(&providers([token()]), &gone).kind, FailureKind::NotAllowed);
}

#[test]
fn a_region_of_huawei_is_no_other_service() {
    for region in ["obs", "obs-west-1", "kms", "s3", "eu", "eu-west", "eu-101", "1-2", "eu--1"] {
        let key = MasterKey::HuaweiKms { key_id: format!("{region}:{}", huawei_kms::TEAM) };
        assert!(seal_keys::check(&key).is_err(), "{region}");
    }
    for region in ["eu-west-101", "cn-north-4", "na-mexico-1", "my-kualalumpur-1"] {
        let key = MasterKey::HuaweiKms { key_id: format!("{region}:{}", huawei_kms::TEAM) };
        assert!(seal_keys::check(&key).is_ok(), "{region}");
    }
}

#[test]
fn a_secret_in_a_variable_for_a_path_is_not_shown() {
    let json = r#"{"type":"service_account","private_key":"HUNTER2"}"#;
    let base64 = format!("eyJ0eXBlIjoi{}", "HUNTER2".repeat(100));
    let token = "eyJhbGciOiJSUzI1NiJ9.HUNTER2";
    let arn = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let aws = MasterKey::AwsKms {
        arn: arn.to_owned(),
        role: None,
        context: std::collections::BTreeMap::default(),
        aws_profile: None,
    };
    let azure = [("AZURE_TENANT_ID", "acme"), ("AZURE_CLIENT_ID", "app")];
    let huawei = MasterKey::HuaweiKms { key_id: format!("eu-west-101:{}", huawei_kms::TEAM) };
    for (key, mut variables, name, value, says) in [
        (of_gcp(), vec![], "GOOGLE_APPLICATION_CREDENTIALS", json, "is not a path (JSON itself"),
        (of_gcp(), vec![], "GOOGLE_CREDENTIALS", &base64, "is neither JSON nor a file (base64?"),
        (
            of_azure(azure_key_vault::URL),
            azure.to_vec(),
            "AZURE_FEDERATED_TOKEN_FILE",
            token,
            "AZURE_FEDERATED_TOKEN_FILE: <not a path>",
        ),
        (
            of_azure(azure_key_vault::URL),
            azure.to_vec(),
            "AZURE_CLIENT_CERTIFICATE_PATH",
            "-----BEGIN HUNTER2-----",
            "AZURE_CLIENT_CERTIFICATE_PATH: <not a path>: there is no such file",
        ),
        (
            aws,
            vec![("AWS_ROLE_ARN", "arn:aws:iam::210987654321:role/sops")],
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            token,
            "AWS_WEB_IDENTITY_TOKEN_FILE <not a path>: there is no such file",
        ),
        (
            huawei,
            vec![],
            "HUAWEICLOUD_SDK_CREDENTIALS_FILE",
            "[basic]\nak=HUNTER2",
            "<not a path>: there is no such file",
        ),
    ] {
        variables.push((name, value));
        let failure = refusal(&providers(variables), &key);
        assert_eq!(failure.kind, FailureKind::NoCredentials, "{failure}");
        assert!(failure.reason.contains(says), "{failure}");
        assert!(!format!("{failure:?}").contains("HUNTER2"), "{failure:?}");
    }
}

#[test]
fn a_metadata_server_that_is_none_is_soon_given_up_and_named() {
    let kms = GcpKms::start(&["team"]);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().map(|address| (silent, address.to_string())).unwrap();
    let closed = super::cloud::nobody().replace("http://", "");
    let start = std::time::Instant::now();
    for (host, says) in [(silent.1.as_str(), "no answer within 2 s"), (&closed, "refused")] {
        let failure = refusal(
            &providers([
                ("SOPS_GCP_KMS_ENDPOINT", kms.server.url()),
                ("GCE_METADATA_HOST", host.to_owned()),
            ]),
            &of_gcp(),
        );
        assert_eq!(failure.kind, FailureKind::NoCredentials, "{failure}");
        let said = format!("nobody has logged in with gcloud; metadata server {host}: ");
        assert!(failure.reason.contains(&said) && failure.reason.contains(says), "{failure}");
        assert!(failure.next_step().unwrap().contains("gcloud auth application-default login"));
    }
    assert!(start.elapsed() < std::time::Duration::from_secs(8), "{:?}", start.elapsed());
    assert_eq!(kms.server.requests().len(), 0);
}

#[test]
fn a_host_without_an_address_is_named_and_nothing_else_said() {
    let token = gcp_kms::TOKEN.to_owned();
    let service = providers([
        ("SOPS_GCP_KMS_ENDPOINT", "https://kms.invalid".to_owned()),
        ("GOOGLE_OAUTH_ACCESS_TOKEN", token),
    ]);
    let said = refusal(&service, &of_gcp()).to_string();
    assert!(
        said.ends_with("encrypt at https://kms.invalid: the name cannot be resolved"),
        "{said}"
    );
    let service = providers([
        ("SOPS_GCP_KMS_ENDPOINT", "https://kms.invalid".to_owned()),
        ("GCE_METADATA_HOST", "metadata.invalid:1".to_owned()),
    ]);
    let said = refusal(&service, &of_gcp()).to_string();
    let end = "metadata server metadata.invalid:1: the name cannot be resolved";
    assert!(said.ends_with(end), "{said}");
}
