//! Azure Key Vault, against a stand-in.

use seal_core::envelope::MasterKey;
use seal_keys::{FailureKind, KeyService, Providers};

use super::cloud::{counter, fault, hurried, nobody, providers, refusal};
use super::suite::{Provider, Scene, Situation, secret};
use crate::azure_key_vault::{
    AzureKeyVault, OLDER_VERSION, POOR_TOKEN, TOKEN, URL, VERSION, entra, error,
};
use crate::stand_in::{Fault, Response, StandIn};

const ENDPOINT: &str = "SEAL_AZURE_KEYVAULT_ENDPOINT";

pub(crate) struct Azure {
    stand_in: AzureKeyVault,
    entra: StandIn,
}

impl Azure {
    /// An application with a secret.
    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            (ENDPOINT, self.stand_in.server.url()),
            ("SEAL_AZURE_LOGIN_ENDPOINT", self.entra.url()),
            ("AZURE_TENANT_ID", "acme".to_owned()),
            ("AZURE_CLIENT_ID", "app".to_owned()),
            ("AZURE_CLIENT_SECRET", "SECRET-HUNTER2".to_owned()),
        ]
    }

    /// Somebody with a token.
    fn with_token(&self, token: &str) -> Providers {
        let endpoint = (ENDPOINT, self.stand_in.server.url());
        providers([endpoint, ("SEAL_AZURE_ACCESS_TOKEN", token.to_owned())])
    }
}

impl Provider for Azure {
    fn start() -> Option<Self> {
        Some(Self { stand_in: AzureKeyVault::start(&["team", "other"]), entra: entra() })
    }

    fn key(&self) -> MasterKey {
        key("team", "")
    }

    fn holder(&self) -> Providers {
        providers(self.variables())
    }

    fn arrange(&self, situation: Situation, enc: &str) -> Option<Scene> {
        let (mut used, mut service, mut enc) =
            (key("team", VERSION), self.holder(), enc.to_owned());
        let server = &self.stand_in.server;
        let mut says = None;
        if situation == Situation::TimedOut {
            service = hurried(self.variables());
        }
        match situation {
            Situation::WrongKey => {
                enc = service.wrap(&key("other", VERSION), &secret()).unwrap().enc;
                says = Some("The parameter is incorrect.");
            }
            Situation::NoCredentials => {
                // Nor what the machine of the tester may have.
                let none = ("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential".to_owned());
                service = providers([(ENDPOINT, server.url()), none]);
                says = Some("run `az login`, or set AZURE_TENANT_ID");
            }
            Situation::Denied => {
                service = self.with_token(POOR_TOKEN);
                says = Some("Caller is not authorized to perform action on resource.");
            }
            Situation::NotFound => {
                used = key("gone", VERSION);
                says = Some("was not found in this key vault");
            }
            Situation::Disabled => {
                self.stand_in.disable("team");
                says = Some("Operation decrypt is not allowed on a disabled key.");
            }
            Situation::NotAllowed => {
                used = at("https://keys.evil.example", "team", VERSION);
                says = Some("SEAL_ALLOW_AZURE_VAULTS=https://keys.evil.example");
            }
            Situation::Unreachable => {
                let token = ("SEAL_AZURE_ACCESS_TOKEN", TOKEN.to_owned());
                service = providers([(ENDPOINT, nobody()), token]);
            }
            Situation::WrongContext | Situation::Sealed => return None,
            _ => server.inject(fault(situation, |status| {
                error(status, "Unavailable", None, &format!("not now, {TOKEN}"))
            })?),
        }
        Some(Scene {
            key: used,
            service,
            enc,
            secrets: vec!["HUNTER2".to_owned()],
            says: says.map(str::to_owned).into_iter().collect(),
            requests: counter(server),
            wrapping_fails: !matches!(situation, Situation::WrongKey | Situation::Disabled),
        })
    }
}

fn key(name: &str, version: &str) -> MasterKey {
    at(URL, name, version)
}

fn at(vault_url: &str, name: &str, version: &str) -> MasterKey {
    MasterKey::AzureKeyVault {
        vault_url: vault_url.to_owned(),
        name: name.to_owned(),
        version: version.to_owned(),
    }
}

#[test]
fn requests_are_those_of_microsofts_own_client() {
    let azure = Azure::start().unwrap();
    let service = azure.holder();
    let wrapped = service.wrap(&key("team", ""), &secret()).unwrap();
    service.unwrap(&wrapped.key, &wrapped.enc).unwrap();
    let requests = azure.stand_in.server.requests();
    let lines: Vec<String> =
        requests.iter().map(|request| format!("{} {}", request.method, request.path)).collect();
    assert_eq!(
        lines,
        [
            "GET /keys/team/?api-version=7.4".to_owned(),
            format!("POST /keys/team/{VERSION}/encrypt?api-version=7.4"),
            format!("POST /keys/team/{VERSION}/decrypt?api-version=7.4"),
        ]
    );
    let body = |value: &str| serde_json::json!({ "alg": "RSA-OAEP-256", "value": value });
    assert_eq!(requests[1].json(), body("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"));
    assert_eq!(requests[2].json(), body(&wrapped.enc));
    for request in requests {
        assert_eq!(request.header("authorization"), format!("Bearer {TOKEN}"));
    }
}

#[test]
fn the_newest_version_is_asked_for_once_and_stored() {
    let azure = Azure::start().unwrap();
    let service = azure.holder();
    for _ in 0..3 {
        let wrapped = service.wrap(&key("team", ""), &secret()).unwrap();
        assert_eq!(wrapped.key, key("team", VERSION));
        assert!(!wrapped.enc.contains(['=', '+', '/']), "{}", wrapped.enc);
        assert_eq!(wrapped.enc.len(), 342);
    }
    assert_eq!(azure.stand_in.server.count("/keys/team/?"), 1);
    // A version that is named is used, the newest or not.
    let wrapped = service.wrap(&key("team", OLDER_VERSION), &secret()).unwrap();
    assert_eq!(wrapped.key, key("team", OLDER_VERSION));
    assert_eq!(azure.stand_in.server.count("/keys/team/?"), 1);
    // Whatever encrypts, its data key could not be had again.
    azure.stand_in.disable("other");
    assert_eq!(refusal(&service, &key("other", "")).kind, FailureKind::Disabled);
}

#[test]
fn an_answer_that_names_another_key_is_none() {
    let azure = Azure::start().unwrap();
    let service = azure.with_token(TOKEN);
    for kid in ["https://v/keys/else/1", "https://v/keys/team/1/../2", "https://v/keys/team/", "x"]
    {
        let body = serde_json::json!({ "key": { "kid": kid } });
        azure.stand_in.server.inject(Fault::Always(Response::json(200, &body)));
        assert_eq!(refusal(&service, &key("team", "")).kind, FailureKind::Malformed, "{kid}");
    }
}

#[test]
fn padding_is_read_and_not_written() {
    let azure = Azure::start().unwrap();
    let service = azure.holder();
    let wrapped = service.wrap(&key("team", VERSION), &secret()).unwrap();
    for enc in [format!("{}==", wrapped.enc), format!("{}==\n", wrapped.enc)] {
        assert_eq!(service.unwrap(&wrapped.key, &enc).unwrap().expose(), secret().expose());
    }
}

#[test]
fn twenty_threads_log_in_once() {
    let azure = Azure::start().unwrap();
    let service = azure.holder();
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| service.wrap(&key("team", ""), &secret()).unwrap());
        }
    });
    let server = &azure.stand_in.server;
    let counts =
        (azure.entra.requests().len(), server.count("/keys/team/?"), server.count("encrypt"));
    assert_eq!(counts, (1, 1, 20));
}

#[test]
fn a_workload_logs_in_with_its_token_file() {
    let azure = Azure::start().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "ASSERTION-HUNTER2").unwrap();
    let mut variables = azure.variables();
    variables.retain(|(name, _)| *name != "AZURE_CLIENT_SECRET");
    variables.push(("AZURE_FEDERATED_TOKEN_FILE", file.path().to_str().unwrap().to_owned()));
    providers(variables).wrap(&key("team", VERSION), &secret()).unwrap();
    assert_eq!(azure.entra.requests().len(), 1);
}

#[test]
fn an_application_logs_in_with_its_certificate() {
    let azure = Azure::start().unwrap();
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/azure-key-vault/certificate.pem"
    );
    let with = |file: &str| {
        let mut variables = azure.variables();
        variables.retain(|(name, _)| *name != "AZURE_CLIENT_SECRET");
        variables.push(("AZURE_CLIENT_CERTIFICATE_PATH", file.to_owned()));
        providers(variables)
    };
    with(file).wrap(&key("team", VERSION), &secret()).unwrap();
    assert_eq!(azure.entra.requests().len(), 1);
    let failure = refusal(&with("/nowhere.pem"), &key("team", VERSION));
    assert_eq!(failure.kind, FailureKind::NoCredentials);
    assert!(failure.reason.contains("AZURE_CLIENT_CERTIFICATE_PATH: /nowhere.pem"), "{failure}");
}

#[test]
fn a_token_stands_before_every_login() {
    let azure = Azure::start().unwrap();
    let token = ("SEAL_AZURE_ACCESS_TOKEN", POOR_TOKEN.to_owned());
    let service = providers(azure.variables().into_iter().chain([token]));
    assert_eq!(refusal(&service, &key("team", VERSION)).kind, FailureKind::Denied);
    assert_eq!(azure.entra.requests().len(), 0);
}

#[test]
fn a_login_that_is_refused_says_why_and_sends_nothing_to_the_vault() {
    let azure = Azure::start().unwrap();
    let mut variables = azure.variables();
    variables.retain(|(name, _)| *name != "AZURE_CLIENT_SECRET");
    variables.push(("AZURE_CLIENT_SECRET", "WRONG-SECRET".to_owned()));
    let failure = refusal(&providers(variables), &key("team", VERSION));
    assert_eq!(failure.kind, FailureKind::NoCredentials);
    assert!(failure.reason.contains("AADSTS7000215: Invalid client secret"), "{failure}");
    assert!(!failure.reason.contains("WRONG"), "{failure}");
    assert_eq!(azure.entra.requests().len(), 1);
    assert_eq!(azure.stand_in.server.requests().len(), 0);
}

#[test]
fn a_login_server_that_fails_is_asked_again_and_never_followed() {
    let azure = Azure::start().unwrap();
    azure.entra.inject(Fault::Answers(2, Response::text(503, "{}")));
    azure.holder().wrap(&key("team", VERSION), &secret()).unwrap();
    assert_eq!(azure.entra.requests().len(), 3);

    let elsewhere = entra();
    let to = format!("{}/acme/oauth2/v2.0/token", elsewhere.url());
    azure.entra.inject(Fault::Always(Response::text(307, "").with("location", &to)));
    let failure = refusal(&azure.holder(), &key("team", VERSION));
    assert!(failure.reason.contains("not followed"), "{failure}");
    assert_eq!(elsewhere.requests().len(), 0);
}

#[test]
fn credentials_that_are_not_complete_are_said_so() {
    let azure = Azure::start().unwrap();
    for (name, value, says) in [
        ("AZURE_TOKEN_CREDENTIALS", "Nonsense", "AZURE_TOKEN_CREDENTIALS"),
        ("AZURE_AUTHORITY_HOST", "https://u@evil", "AZURE_AUTHORITY_HOST is not an address"),
        ("AZURE_AUTHORITY_HOST", "http://insecure", "HTTPS"),
        ("AZURE_TENANT_ID", "../evil", "tenant"),
    ] {
        let mut variables = azure.variables();
        variables.retain(|(other, _)| *other != name);
        variables.push((name, value.to_owned()));
        let failure = refusal(&providers(variables), &key("team", VERSION));
        assert!(failure.to_string().contains(says), "{failure}");
        assert!(failure.next_step().is_some());
    }
    assert_eq!(azure.entra.requests().len(), 0);
}

#[test]
fn an_address_that_hides_another_is_sent_nothing() {
    let azure = Azure::start().unwrap();
    // Whatever is allowed, the form has to be right.
    let all = ("SEAL_ALLOW_AZURE_VAULTS", "all".to_owned());
    let service = providers(azure.variables().into_iter().chain([all]));
    for url in [
        "https://x.vault.azure.net@evil.example",
        "https://evil.example/.vault.azure.net",
        "https://evil.example%2f.vault.azure.net",
        "https://evil.example#.vault.azure.net",
        "https://evil.example?.vault.azure.net",
        "https://evil.example\\.vault.azure.net",
        "ftp://x.vault.azure.net",
        "x.vault.azure.net",
    ] {
        let key = at(url, "team", VERSION);
        assert_eq!(refusal(&service, &key).kind, FailureKind::Name, "{url}");
        assert!(seal_keys::check(&key).is_err());
    }
    for (name, version) in [
        ("../x", VERSION),
        ("a/b", VERSION),
        ("a%2fb", VERSION),
        ("team", "../../secrets"),
        ("", ""),
    ] {
        assert_eq!(
            refusal(&service, &key(name, version)).kind,
            FailureKind::Name,
            "{name} {version}"
        );
    }
    let plain = providers(azure.variables());
    for url in [
        "http://x.vault.azure.net",
        "https://x.vault.azure.net:8443",
        "https://x.vault.azure.net.evil.example",
        "https://xvault.azure.net",
        "https://a.b.vault.azure.net",
    ] {
        assert_eq!(
            refusal(&plain, &at(url, "team", VERSION)).kind,
            FailureKind::NotAllowed,
            "{url}"
        );
    }
    assert_eq!(azure.stand_in.server.requests().len() + azure.entra.requests().len(), 0);
}

#[test]
fn a_server_that_the_user_named_is_asked() {
    let azure = Azure::start().unwrap();
    let url = azure.stand_in.server.url();
    let mut variables = azure.variables();
    variables.retain(|(name, _)| *name != ENDPOINT);
    let service = providers(variables.clone());
    assert_eq!(refusal(&service, &at(&url, "team", VERSION)).kind, FailureKind::NotAllowed);
    variables.push(("SEAL_ALLOW_AZURE_VAULTS", url.clone()));
    let wrapped = providers(variables).wrap(&at(&url, "team", VERSION), &secret()).unwrap();
    assert_eq!(wrapped.key, at(&url, "team", VERSION));
    assert_eq!(azure.stand_in.server.requests().len(), 1);
}
