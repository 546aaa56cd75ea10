//! A stand-in for Vault and OpenBao: the transit engine, tokens with policies, AppRole and Kubernetes logins, over HTTP.
//!
//! It answers as `tests/fixtures/vault-transit/exchanges.json` records of a real OpenBao; `tests/keys/vault_record.rs`
//! replays the record against it. What the record does not hold (Kubernetes, old versions of keys) is answered in the
//! words of Vault's source. The wrapped texts are its own.

#[path = "vault/answers.rs"]
mod answers;
#[path = "vault/transit_key.rs"]
mod transit_key;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::stand_in::{Request, Response, StandIn};

use answers::{Answer, authorised, described, errors, no_handler, result, text, texts};
use transit_key::{TransitKey, random};

/// May do everything.
pub(crate) const ROOT: &str = "root";

/// The server.
#[derive(Clone)]
pub(crate) struct Vault {
    pub(crate) http: StandIn,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    sealed: bool,
    engines: BTreeSet<String>,
    keys: BTreeMap<(String, String), TransitKey>,
    /// Key-value engines and their versions, and what is stored at each path as it was sent.
    stores: BTreeMap<String, u8>,
    stored: BTreeMap<String, Value>,
    /// Paths that may be written to.
    policies: BTreeMap<String, Vec<String>>,
    tokens: BTreeMap<String, Token>,
    /// Ways to log in, and their types.
    logins: BTreeMap<String, String>,
    roles: BTreeMap<(String, String), Role>,
}

struct Token {
    policies: Vec<String>,
    ends: Option<Instant>,
}

#[derive(Default)]
struct Role {
    policies: Vec<String>,
    lease: u64,
    id: String,
    /// Secret IDs, or tokens of service accounts.
    secrets: BTreeSet<String>,
}

impl Vault {
    /// A fresh server with nothing but its root token.
    pub(crate) fn start() -> Self {
        let mut state = State::default();
        state.tokens.insert(ROOT.to_owned(), Token { policies: Vec::new(), ends: None });
        let state = Arc::new(Mutex::new(state));
        let answering = Arc::clone(&state);
        let http = StandIn::start(move |request| {
            let (status, body) = answering.lock().unwrap().answer(request);
            match body {
                Some(body) => Response::json(status, &body),
                None => Response::text(status, "").with("content-type", "application/json"),
            }
        });
        Self { http, state }
    }

    /// A server with the engine `transit` and its key `app`.
    pub(crate) fn with_key() -> Self {
        let vault = Self::start();
        vault.key("transit", "app");
        vault
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    pub(crate) fn url(&self) -> String {
        self.http.url()
    }

    /// Mounts an engine, and makes a key in it.
    pub(crate) fn key(&self, engine: &str, name: &str) {
        self.change(|state| {
            state.engines.insert(engine.to_owned());
            state.key(engine, name);
        });
    }

    /// Mounts a key-value engine.
    pub(crate) fn store(&self, mount: &str, version: u8) {
        self.change(|state| state.stores.insert(mount.to_owned(), version));
    }

    /// What was last written to a path below `/v1/`.
    pub(crate) fn stored(&self, path: &str) -> Option<Value> {
        self.change(|state| state.stored.get(path).cloned())
    }

    pub(crate) fn rotate(&self, engine: &str, name: &str) {
        self.change(|state| state.key(engine, name).versions.push(random()));
    }

    /// Sets `min_decryption_version`.
    pub(crate) fn oldest_for_decryption(&self, engine: &str, name: &str, version: usize) {
        self.change(|state| state.key(engine, name).oldest_for_decryption = version);
    }

    pub(crate) fn seal(&self) {
        self.change(|state| state.sealed = true);
    }

    /// A token that may write to these paths and no others.
    pub(crate) fn token(&self, paths: &[&str]) -> String {
        self.change(|state| {
            let policy = state.new_policy(paths);
            state.new_token(&[policy], 3600)
        })
    }

    /// Forgets all tokens but the root token.
    pub(crate) fn forget_tokens(&self) {
        self.change(|state| state.tokens.retain(|token, _| token == ROOT));
    }

    /// A role whose tokens may write to these paths for so many seconds; returns its ID.
    pub(crate) fn role(
        &self,
        kind: &str,
        mount: &str,
        name: &str,
        paths: &[&str],
        lease: u64,
    ) -> String {
        self.change(|state| {
            state.logins.insert(mount.to_owned(), kind.to_owned());
            let policy = state.new_policy(paths);
            let role = Role { policies: vec![policy], lease, id: text(), ..Role::default() };
            let id = role.id.clone();
            state.roles.insert((mount.to_owned(), name.to_owned()), role);
            id
        })
    }

    /// Lets somebody log in with a role: a secret ID, or the token of a service account.
    pub(crate) fn secret_of(&self, mount: &str, role: &str, secret: &str) {
        self.change(|state| {
            let role = state.roles.get_mut(&(mount.to_owned(), role.to_owned())).unwrap();
            role.secrets.insert(secret.to_owned());
        });
    }

    /// What tokens of a role may write to from now on.
    pub(crate) fn policy_of(&self, mount: &str, role: &str, paths: &[&str]) {
        self.change(|state| {
            let policy = state.new_policy(paths);
            let role = state.roles.get_mut(&(mount.to_owned(), role.to_owned())).unwrap();
            role.policies = vec![policy];
        });
    }

    /// How long tokens of a role are good from now on, in seconds.
    pub(crate) fn lease(&self, mount: &str, role: &str, lease: u64) {
        self.change(|state| {
            state.roles.get_mut(&(mount.to_owned(), role.to_owned())).unwrap().lease = lease;
        });
    }

    /// How often somebody logged in.
    pub(crate) fn logins(&self) -> usize {
        self.http.count("/login")
    }
}

impl State {
    fn key(&mut self, engine: &str, name: &str) -> &mut TransitKey {
        let key = self.keys.entry((engine.to_owned(), name.to_owned())).or_default();
        if key.versions.is_empty() {
            key.versions.push(random());
        }
        key
    }

    fn new_policy(&mut self, paths: &[&str]) -> String {
        let policy = text();
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        self.policies.insert(policy.clone(), paths);
        policy
    }

    fn new_token(&mut self, policies: &[String], lease: u64) -> String {
        let token = format!("s.{}", text());
        let ends = Some(Instant::now() + Duration::from_secs(lease));
        self.tokens.insert(token.clone(), Token { policies: policies.to_vec(), ends });
        token
    }

    fn answer(&mut self, request: &Request) -> Answer {
        let Some(path) = request.path.strip_prefix("/v1/") else { return (404, None) };
        if self.sealed {
            return errors(503, &["Vault is sealed"]);
        }
        let body = request.json();
        if let Some(mount) = path.strip_prefix("auth/").and_then(|p| p.strip_suffix("/login")) {
            return self.log_in(mount, &body);
        }
        let token = request.header("x-vault-token");
        match self.tokens.get(token) {
            None => return errors(403, &["permission denied"]),
            Some(Token { ends: Some(ends), .. }) if *ends <= Instant::now() => {
                return errors(403, &["permission denied"]);
            }
            Some(known) => {
                let paths = known.policies.iter().flat_map(|policy| self.policies.get(policy));
                if token != ROOT && !paths.flatten().any(|allowed| allowed == path) {
                    return errors(403, &["1 error occurred:\n\t* permission denied\n\n"]);
                }
            }
        }
        match (request.method.as_str(), path.split('/').collect::<Vec<_>>().as_slice()) {
            ("POST" | "PUT", ["sys", rest @ ..]) => self.administer(rest, &body),
            ("POST", ["auth", "token", "create"]) => self.create_token(&body),
            (_, ["auth", mount, "role", rest @ ..]) => self.role(mount, rest, &body),
            (method, [mount, ..]) if self.stores.contains_key(*mount) => {
                let version = self.stores[*mount];
                self.key_value(method, path, version, body)
            }
            ("POST" | "PUT", segments) => self.transit(path, segments, &body),
            _ => errors(405, &["1 error occurred:\n\t* unsupported operation\n\n"]),
        }
    }

    fn administer(&mut self, path: &[&str], body: &Value) -> Answer {
        let kind = body["type"].as_str().unwrap_or_default().to_owned();
        match path {
            ["seal"] => self.sealed = true,
            ["mounts", engine @ ..] if kind == "transit" => {
                self.engines.insert(engine.join("/"));
            }
            ["auth", mount @ ..] => {
                self.logins.insert(mount.join("/"), kind);
            }
            ["policies", "acl", name] => {
                let policy = body["policy"].as_str().unwrap_or_default();
                let paths = policy.split("path \"").skip(1);
                let paths = paths.filter_map(|rest| rest.split_once('"'));
                let paths = paths.map(|(path, _)| path.to_owned()).collect();
                self.policies.insert((*name).to_owned(), paths);
            }
            _ => return no_handler(&format!("sys/{}", path.join("/"))),
        }
        (204, None)
    }

    /// The key-value engine, in the words of the API's reference.
    fn key_value(&mut self, method: &str, path: &str, version: u8, body: Value) -> Answer {
        let is_data = path.split('/').nth(1) == Some("data");
        if (version == 2) != is_data {
            return errors(404, &[]);
        }
        match (method, version) {
            ("GET", 1) => match self.stored.get(path) {
                Some(values) => (200, Some(result(values.clone()))),
                None => errors(404, &[]),
            },
            ("GET", _) => match self.stored.get(path) {
                Some(written) => (
                    200,
                    Some(result(json!({"data": written["data"], "metadata": {"version": 1}}))),
                ),
                None => errors(404, &[]),
            },
            (_, 1) => {
                self.stored.insert(path.to_owned(), body);
                (204, None)
            }
            _ if !body["data"].is_object() => errors(400, &["no data provided"]),
            _ => {
                self.stored.insert(path.to_owned(), body);
                (200, Some(result(json!({"version": 1, "deletion_time": ""}))))
            }
        }
    }

    fn create_token(&mut self, body: &Value) -> Answer {
        let mut policies = texts(&body["policies"]);
        let token = self.new_token(&policies, 3600);
        policies.insert(0, "default".to_owned());
        (200, Some(authorised(&token, &policies, 3600, &Value::Null, false)))
    }

    fn role(&mut self, mount: &str, path: &[&str], body: &Value) -> Answer {
        let (name, what) = match path {
            [name] => (*name, ""),
            [name, what] => (*name, *what),
            _ => return no_handler(&path.join("/")),
        };
        let role = self.roles.entry((mount.to_owned(), name.to_owned())).or_default();
        match what {
            "" => {
                let policies = texts(&body["token_policies"]);
                *role = Role { policies, lease: 2_764_800, id: text(), ..Role::default() };
                (204, None)
            }
            "role-id" => (200, Some(result(json!({"role_id": role.id})))),
            _ => {
                let secret_id = text();
                role.secrets.insert(secret_id.clone());
                let data = json!({
                    "secret_id": secret_id, "secret_id_accessor": text(),
                    "secret_id_num_uses": 0, "secret_id_ttl": 0,
                });
                (200, Some(result(data)))
            }
        }
    }

    fn log_in(&mut self, mount: &str, body: &Value) -> Answer {
        let Some(kind) = self.logins.get(mount) else {
            return errors(403, &["permission denied"]);
        };
        let given = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let of_mount = self.roles.iter().filter(|((role_mount, _), _)| role_mount == mount);
        let mut of_mount = of_mount.map(|((_, name), role)| (name, role));
        let found = if kind == "approle" {
            let found = of_mount.find(|(_, role)| role.id == given("role_id"));
            match found.filter(|(_, role)| role.secrets.contains(&given("secret_id"))) {
                Some(found) => found,
                None => return errors(400, &["invalid role or secret ID"]),
            }
        } else {
            match of_mount.find(|(name, _)| **name == given("role")) {
                Some(found) if found.1.secrets.contains(&given("jwt")) => found,
                Some(_) => return errors(403, &["permission denied"]),
                None => return errors(400, &["invalid role name \"\""]),
            }
        };
        let (name, lease) = (found.0.clone(), found.1.lease);
        let mut policies = found.1.policies.clone();
        let token = self.new_token(&policies, lease);
        policies.insert(0, "default".to_owned());
        let metadata = json!({"role_name": name});
        (200, Some(authorised(&token, &policies, lease, &metadata, true)))
    }

    fn transit(&mut self, path: &str, segments: &[&str], body: &Value) -> Answer {
        // The engine may have several segments.
        let at = (1..segments.len()).find(|at| self.engines.contains(&segments[..*at].join("/")));
        let Some(at) = at else { return no_handler(path) };
        let engine = segments[..at].join("/");
        let given = |name: &str| body[name].as_str().unwrap_or_default();
        match &segments[at..] {
            ["keys", name] => (200, Some(described(name, self.key(&engine, name)))),
            ["keys", name, "rotate"] => {
                let key = self.key(&engine, name);
                key.versions.push(random());
                (200, Some(described(name, key)))
            }
            ["encrypt", name] => match STANDARD.decode(given("plaintext")) {
                Ok(plaintext) => (200, Some(result(self.key(&engine, name).wrap(&plaintext)))),
                Err(_) => {
                    let is_letter = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
                    let at = given("plaintext").find(|c| !is_letter(c)).unwrap_or_default();
                    errors(400, &[&format!("illegal base64 data at input byte {at}")])
                }
            },
            ["datakey", "plaintext", name] => {
                let data_key = random();
                let mut data = self.key(&engine, name).wrap(&data_key);
                data["plaintext"] = json!(STANDARD.encode(data_key));
                (200, Some(result(data)))
            }
            ["decrypt" | "rewrap", name] => {
                let Some(key) = self.keys.get(&(engine, (*name).to_owned())) else {
                    return errors(400, &["encryption key not found"]);
                };
                match key.open(given("ciphertext")) {
                    Err(words) => errors(400, &[words]),
                    Ok(plaintext) if segments[at] == "rewrap" => {
                        (200, Some(result(key.wrap(&plaintext))))
                    }
                    Ok(plaintext) => {
                        (200, Some(result(json!({"plaintext": STANDARD.encode(plaintext)}))))
                    }
                }
            }
            _ => errors(404, &["1 error occurred:\n\t* unsupported path\n\n"]),
        }
    }
}
