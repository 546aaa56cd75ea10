//! The transit engine of Vault and OpenBao.
//!
//! ```text
//! wrap    POST ADDRESS/v1/ENGINE/encrypt/KEY  {plaintext: Base64 of the secret}  → vault:v1:…, the `enc` text
//! unwrap  POST ADDRESS/v1/ENGINE/decrypt/KEY  {ciphertext: the `enc` text}       → Base64 of the secret
//! ```
//!
//! As SOPS does it. `vaultrs` forms the requests; they are sent by clients that are built here: its own would read the
//! environment of the process, follow redirects, and read answers without end. What it copies of tokens and data keys while a request is made is not all wiped.
//!
//! A server is asked nothing, and no credentials are looked for, unless the user named its address ([`crate::Trust`]).

mod answer;
mod credentials;
mod http;
mod kv;
mod login;
mod name;
mod problem;
mod server;
mod transport;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;
use vaultrs::api::transit::requests::{DecryptDataRequest, EncryptDataRequest};
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::failure::{Failure, FailureKind};
use crate::identities::Warning;
use crate::service::{KeyAccess, UnwrapError, WrapError, Wrapped};
use crate::session::Session;

use name::{Name, server_of};
use problem::Problem;
use server::{Ask, Server};

/// Clients and credentials, had once.
#[derive(Debug)]
pub(crate) struct Vault {
    session: Arc<Session>,
    /// By [`Name::server`], so that a refused login is not tried for every spelling. The namespace is the same for all of a run.
    servers: Mutex<BTreeMap<String, Result<Arc<Server>, Problem>>>,
}

impl Vault {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self { session, servers: Mutex::default() }
    }

    pub(crate) fn access<'k>(&'k self, key: &'k MasterKey) -> Access<'k> {
        Access { provider: self, key }
    }

    /// The servers that were asked without knowing who they are.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let unverified = servers.values().flatten().filter(|server| server.is_unverified());
        unverified
            .map(|server| Warning::Unverified { server: server.address().to_owned() })
            .collect()
    }

    fn server(&self, name: &Name) -> Result<Arc<Server>, Problem> {
        let address = &name.address;
        if !self.session.trust.allows_vault(address) {
            return Err(not_allowed(address, &self.session.environment));
        }
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let server = servers
            .entry(name.server.clone())
            .or_insert_with(|| Server::new(&name.server, &self.session.environment).map(Arc::new));
        server.clone()
    }
}

/// One key of this kind.
pub(crate) struct Access<'k> {
    provider: &'k Vault,
    key: &'k MasterKey,
}

impl Access<'_> {
    fn name(&self) -> Result<Name, Failure> {
        Name::of(self.key).map_err(|problem| problem.of(self.key, ""))
    }

    /// `operation` as in the path: `encrypt`, `decrypt`. No message shows `secret`.
    fn ask<'a>(
        &'a self,
        name: &'a Name,
        operation: &'a str,
        secret: &'a str,
    ) -> Result<Ask<'a>, Failure> {
        let shown = format!("{operation} at {}", name.address);
        match self.provider.server(name) {
            Ok(server) => {
                let session = &self.provider.session;
                Ok(Ask { session, server, key: self.key, name, operation, shown, secret })
            }
            Err(problem) => Err(problem.of(self.key, &shown)),
        }
    }
}

impl KeyAccess for Access<'_> {
    fn check(&self) -> Result<(), WrapError> {
        self.name()?;
        Ok(())
    }

    fn wrap(&self, secret: &SecretBytes) -> Result<Wrapped, WrapError> {
        let name = self.name()?;
        let plaintext = Zeroizing::new(STANDARD.encode(secret.expose()));
        let ask = self.ask(&name, "encrypt", &plaintext)?;
        let answer = ask.run(|| {
            let mut request = EncryptDataRequest::builder();
            request.mount(&name.engine_path).name(&name.key_name).plaintext(plaintext.as_str());
            request.build().ok()
        })?;
        if !is_ciphertext(&answer.ciphertext) {
            return Err(ask.malformed("its `ciphertext` is not of the form vault:vN:…").into());
        }
        Ok(Wrapped { key: self.key.clone(), enc: answer.ciphertext })
    }

    fn unwrap(&self, enc: &str) -> Result<SecretBytes, UnwrapError> {
        let name = self.name()?;
        let ask = self.ask(&name, "decrypt", "")?;
        let enc = enc.trim();
        if !is_ciphertext(enc) {
            return Err(UnwrapError::Damaged { key: self.key.to_string() });
        }
        let answer = ask.run(|| {
            let mut request = DecryptDataRequest::builder();
            request.mount(&name.engine_path).name(&name.key_name).ciphertext(enc);
            request.build().ok()
        })?;
        let plaintext = Zeroizing::new(answer.plaintext);
        match STANDARD.decode(plaintext.as_bytes()) {
            Ok(secret) => Ok(SecretBytes::new(secret)),
            Err(_) => Err(ask.malformed("its `plaintext` is not Base64").into()),
        }
    }
}

/// What the user named instead, if anything: a typing error shows at once.
fn not_allowed(address: &str, environment: &Environment) -> Problem {
    let text = |variable: &str| {
        let value = environment.variable(variable).and_then(|value| value.into_string().ok());
        value.unwrap_or_default()
    };
    let trimmed = |entry: &str| entry.trim().trim_end_matches('/').to_owned();
    let named = trimmed(&text("VAULT_ADDR"));
    let listed = text("SOPS_HC_VAULT_ALLOWLIST");
    let listed = listed.split(',').map(|entry| ("SOPS_HC_VAULT_ALLOWLIST", trimmed(entry)));
    let mut mistakes = std::iter::once(("VAULT_ADDR", named.clone()))
        .chain(listed.filter(|(_, entry)| entry != "none"))
        .filter(|(_, entry)| !entry.is_empty() && server_of(entry).is_none());
    let reason = match mistakes.next() {
        Some((variable, entry)) => {
            let shown = match is_almost_address(&entry) {
                true => format!(" ({entry})"),
                false => String::new(),
            };
            format!("{variable}{shown} is no address: write http(s)://HOST:PORT; no token is sent")
        }
        None if named.is_empty() => {
            "a file names this server, and you have not: it gets no token".to_owned()
        }
        None => format!("VAULT_ADDR is {named}, the file says {address}; no token is sent"),
    };
    Problem::new(FailureKind::NotAllowed, reason).hint(format!(
        "if it may have your token, set VAULT_ADDR={address} or add {address} to SOPS_HC_VAULT_ALLOWLIST"
    ))
}

/// `HOST:PORT`, `http://HOST:PORT/v1` and the like. What is not of that form may be a token or hold a password, and is not
/// shown.
fn is_almost_address(text: &str) -> bool {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let (server, path) = rest.split_once('/').unwrap_or((rest, ""));
    let port = server.rsplit_once(':').map(|(_, port)| port);
    let has_port = port.is_some_and(|port| port.len() <= 5 && port.parse::<u32>().is_ok());
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]/_".contains(&byte);
    (has_port || rest != text)
        && text.len() <= 100
        && path.len() <= 20
        && text.bytes().all(is_plain)
}

/// Whether a text is of the form `vault:vN:…`. What stands behind that is the server's.
fn is_ciphertext(text: &str) -> bool {
    let parts = text.strip_prefix("vault:v").and_then(|rest| rest.split_once(':'));
    parts.is_some_and(|(version, rest)| {
        let is_number = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
        is_number && !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_named_otherwise_is_told_with_what_is_named() {
        let said = |name: &str, value: &str| {
            not_allowed("http://127.0.0.1:8201", &Environment::of([(name, value)])).reason
        };
        assert_eq!(
            said("VAULT_ADDR", "http://localhost:8201/"),
            "VAULT_ADDR is http://localhost:8201, the file says http://127.0.0.1:8201; no token is sent"
        );
        for (name, value) in [
            ("VAULT_ADDR", "127.0.0.1:8201"),
            ("VAULT_ADDR", "localhost:8201"),
            ("VAULT_ADDR", "http://127.0.0.1:8201/v1"),
            ("SOPS_HC_VAULT_ALLOWLIST", "127.0.0.1:8201"),
        ] {
            assert_eq!(
                said(name, value),
                format!(
                    "{name} ({value}) is no address: write http(s)://HOST:PORT; no token is sent"
                )
            );
        }
        for value in
            ["hvs.hunter2", "hunter2", "https://hunter2@v:1", "v:hunter2", "http//v:1?hunter2"]
        {
            assert_eq!(
                said("VAULT_ADDR", value),
                "VAULT_ADDR is no address: write http(s)://HOST:PORT; no token is sent"
            );
        }
        for (name, value) in [("A", "b"), ("SOPS_HC_VAULT_ALLOWLIST", "none, https://v")] {
            assert!(said(name, value).starts_with("a file names this server"));
        }
    }

    #[test]
    fn a_ciphertext_has_a_version_and_something_behind_it() {
        for text in ["vault:v1:AAAA", "vault:v12:a+/=", "vault:v1:a:b"] {
            assert!(is_ciphertext(text), "{text}");
        }
        for text in
            ["", "AAAA", "vault:v1:", "vault:v:A", "vault:vx:A", "vault:v1:a b", "vault:v1:\u{1b}"]
        {
            assert!(!is_ciphertext(text), "{text}");
        }
    }
}
