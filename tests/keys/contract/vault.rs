//! Vault and OpenBao: a stand-in, and a real server where `VAULT_ADDR` and `VAULT_TOKEN` name one.

use std::time::Duration;

use seal_core::envelope::MasterKey;
use seal_keys::{Environment, Limits, Providers, Settings};
use serde_json::json;

use super::suite::{self, Provider, Scene, Situation};
use crate::not_run::not_run;
use crate::stand_in::{Fault, Response};
use crate::vault_server::{ROOT, Vault};

pub(crate) struct Transit(Vault);

/// A transit key.
pub(crate) fn key(address: &str, engine_path: &str, key_name: &str) -> MasterKey {
    MasterKey::VaultTransit {
        address: address.to_owned(),
        engine_path: engine_path.to_owned(),
        key_name: key_name.to_owned(),
    }
}

/// Somebody with these variables, and short limits.
pub(crate) fn user(variables: &[(&str, &str)]) -> Providers {
    limited(variables, Duration::from_millis(500), Duration::from_secs(3))
}

/// Somebody with these variables who waits as long as a busy machine takes.
pub(crate) fn patient_user(variables: &[(&str, &str)]) -> Providers {
    limited(variables, Duration::from_secs(20), Duration::from_secs(60))
}

fn limited(variables: &[(&str, &str)], per_call: Duration, in_all: Duration) -> Providers {
    let mut settings = Settings::of(Environment::of(variables.iter().copied()));
    let first_pause = Duration::from_millis(1);
    settings.limits = Limits { per_call, in_all, tries: suite::TRIES, first_pause };
    Providers::new(settings)
}

impl Provider for Transit {
    fn start() -> Option<Self> {
        Some(Self(Vault::with_key()))
    }

    fn key(&self) -> MasterKey {
        key(&self.0.url(), "transit", "app")
    }

    fn holder(&self) -> Providers {
        user(&[("VAULT_ADDR", &self.0.url()), ("VAULT_TOKEN", ROOT)])
    }

    fn arrange(&self, situation: Situation, enc: &str) -> Option<Scene> {
        let server = self.0.clone();
        let inject = |fault: Fault| server.http.inject(fault);
        let refusal = |status, words: &str| Response::json(status, &json!({"errors": [words]}));
        let before = server.http.requests().len();
        let counted = server.clone();
        let token =
            server.token(&["transit/encrypt/app", "transit/decrypt/app", "transit/decrypt/none"]);
        let mut scene = Scene {
            key: self.key(),
            service: user(&[("VAULT_ADDR", &server.url()), ("VAULT_TOKEN", &token)]),
            enc: enc.to_owned(),
            secrets: vec![token],
            says: Vec::new(),
            requests: Some(Box::new(move || counted.http.requests().len() - before)),
            wrapping_fails: true,
        };
        let mut says =
            |words: &[&str]| scene.says = words.iter().map(|w| (*w).to_owned()).collect();
        match situation {
            Situation::WrongContext => return None,
            Situation::WrongKey => {
                says(&["message authentication failed"]);
                server.rotate("transit", "other");
                scene.key = key(&server.url(), "transit", "other");
                scene.service = self.holder();
                scene.secrets = Vec::new();
                scene.wrapping_fails = false;
            }
            Situation::NoCredentials => {
                says(&["VAULT_TOKEN", "~/.vault-token", "vault login"]);
                scene.service = user(&[("VAULT_ADDR", &server.url())]);
            }
            Situation::Denied => {
                says(&["permission denied", "transit/decrypt/app"]);
                let token = server.token(&["transit/encrypt/app"]);
                scene.service = user(&[("VAULT_ADDR", &server.url()), ("VAULT_TOKEN", &token)]);
                scene.secrets = vec![token];
                scene.wrapping_fails = false;
            }
            Situation::NotFound => {
                says(&["encryption key not found"]);
                scene.key = key(&server.url(), "transit", "none");
                // Vault makes a key that is wrapped with and does not exist.
                scene.wrapping_fails = false;
            }
            Situation::Disabled => {
                says(&["too old", "min_decryption_version"]);
                server.rotate("transit", "app");
                server.oldest_for_decryption("transit", "app", 2);
                scene.wrapping_fails = false;
            }
            Situation::Sealed => {
                says(&["Vault is sealed"]);
                server.seal();
            }
            Situation::ThrottledTwice => inject(Fault::Answers(2, refusal(429, "too many"))),
            Situation::Throttled => {
                says(&["rate limit quota exceeded", "429"]);
                inject(Fault::Always(refusal(429, "rate limit quota exceeded")));
            }
            Situation::ServerError => {
                says(&["internal error"]);
                inject(Fault::Always(refusal(500, "1 error occurred:\n\t* internal error\n\n")));
            }
            Situation::TimedOut => inject(Fault::Hangs),
            Situation::Unreachable => {
                says(&["refused"]);
                let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
                let address = format!("http://{}", free.local_addr().unwrap());
                scene.key = key(&address, "transit", "app");
                scene.service = user(&[("VAULT_ADDR", &address), ("VAULT_TOKEN", ROOT)]);
                scene.secrets = Vec::new();
            }
            Situation::Malformed => inject(Fault::Always(Response::text(200, "<html>hunter2"))),
            Situation::Redirected => {
                says(&["https://elsewhere.example:8200", "VAULT_ADDR"]);
                let location = "https://elsewhere.example:8200/v1/transit/decrypt/app?x=y";
                inject(Fault::Always(Response::text(307, "").with("location", location)));
            }
            Situation::NotAllowed => {
                let address = server.url();
                says(&[&address, "VAULT_ADDR", "SOPS_HC_VAULT_ALLOWLIST"]);
                let other = "https://vault.example:8200";
                scene.service = user(&[("VAULT_ADDR", other), ("VAULT_TOKEN", ROOT)]);
                scene.secrets = Vec::new();
            }
        }
        Some(scene)
    }
}

/// A server that somebody else runs. The key is made by the first wrap; the engine must be mounted at `transit`, or at
/// what `SEAL_TEST_VAULT_ENGINE` says.
struct Real {
    address: String,
    token: String,
    engine: String,
}

/// A variable of the process that runs the tests.
fn of_process(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Provider for Real {
    fn start() -> Option<Self> {
        Some(Self {
            address: of_process("VAULT_ADDR")?.trim_end_matches('/').to_owned(),
            token: of_process("VAULT_TOKEN")?,
            engine: of_process("SEAL_TEST_VAULT_ENGINE").unwrap_or("transit".to_owned()),
        })
    }

    fn key(&self) -> MasterKey {
        key(&self.address, &self.engine, "seal-test")
    }

    fn holder(&self) -> Providers {
        self.user(&self.token)
    }

    fn arrange(&self, situation: Situation, enc: &str) -> Option<Scene> {
        let mut scene = Scene {
            key: self.key(),
            service: self.holder(),
            enc: enc.to_owned(),
            secrets: vec![self.token.clone()],
            says: Vec::new(),
            requests: None,
            wrapping_fails: false,
        };
        match situation {
            Situation::WrongKey => {
                scene.key = key(&self.address, &self.engine, "seal-test-other");
                let secret = seal_core::secret::SecretBytes::new(vec![0; 32]);
                seal_keys::KeyService::wrap(&self.holder(), &scene.key, &secret).unwrap();
            }
            Situation::NotFound => {
                scene.key = key(&self.address, &self.engine, "seal-test-none");
                scene.says = vec!["encryption key not found".to_owned()];
            }
            Situation::Denied => {
                scene.service = self.user("hvs.nobody-has-this-token");
                scene.says = vec!["permission denied".to_owned()];
                scene.wrapping_fails = true;
            }
            Situation::NotAllowed => {
                let variables = [("VAULT_ADDR", "https://v.example"), ("VAULT_TOKEN", &self.token)];
                scene.service = user(&variables);
                scene.wrapping_fails = true;
            }
            _ => return None,
        }
        Some(scene)
    }
}

impl Real {
    fn user(&self, token: &str) -> Providers {
        let names = ["VAULT_NAMESPACE", "VAULT_CACERT", "VAULT_CAPATH", "VAULT_SKIP_VERIFY"];
        let mut variables = vec![
            ("VAULT_ADDR".to_owned(), self.address.clone()),
            ("VAULT_TOKEN".to_owned(), token.to_owned()),
        ];
        let more = names.iter().filter_map(|name| Some(((*name).to_owned(), of_process(name)?)));
        variables.extend(more);
        Providers::new(Settings::of(Environment::of(variables)))
    }
}

#[test]
fn a_real_server_keeps_the_contract() {
    if Real::start().is_none() {
        let why = "VAULT_ADDR and VAULT_TOKEN name no server (with the engine transit)";
        return not_run("keys: the contract with a real Vault or OpenBao", why);
    }
    suite::round_trip::<Real>();
    suite::never_the_same_text_twice::<Real>();
    suite::altered_texts_do_not_open::<Real>();
    use Situation::*;
    for situation in [WrongKey, NotFound, Denied, NotAllowed] {
        suite::meets::<Real>(situation);
    }
}
