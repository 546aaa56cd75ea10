//! The key-value engine: values in clear, written where nothing equal is there yet.
//!
//! ```text
//! GET  ADDRESS/v1/MOUNT/data/PATH  → data.data (version 2), ADDRESS/v1/MOUNT/PATH → data (version 1)
//! POST the same                    {"data": {…}} (version 2), {…} (version 1)
//! ```

use seal_core::secret::SecretBytes;
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

use super::name::{Name, is_path, server_of};
use super::server::Ask;
use super::{Vault, answer};
use crate::failure::{Failure, FailureKind, Subject};
use crate::publish::Published;
use crate::rest::{self, Asked};

/// JSON that holds secrets.
struct Wiped(Value);

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        _ => *value = Value::Null,
    }
}

impl Vault {
    /// Writes an object of JSON, unless it is there already.
    pub(crate) fn put(
        &self,
        address: &str,
        path: &str,
        version: u8,
        subject: &Subject,
        content: &SecretBytes,
    ) -> Result<Published, Failure> {
        let wrong = |reason: &str| Failure::new(FailureKind::Name, subject, "", reason);
        let address = address.trim_end_matches('/');
        let server = server_of(address).ok_or_else(|| wrong("its address is not valid"))?;
        if !is_path(path) {
            return Err(wrong(
                "its path is not valid: it has other characters than letters, digits and -_.~@+=,:",
            ));
        }
        let name = Name {
            address: address.to_owned(),
            server,
            engine_path: path.to_owned(),
            key_name: String::new(),
        };
        let shown = format!("write at {address}");
        let server = self.server(&name).map_err(|problem| problem.of(subject, &shown))?;
        let ask = Ask {
            session: &self.session,
            server,
            key: subject,
            name: &name,
            operation: "write",
            shown,
            secret: "",
        };
        let values: Wiped = serde_json::from_slice(content.expose())
            .map(Wiped)
            .map_err(|_| wrong("there are no values for it"))?;
        let body = Zeroizing::new(match version {
            2 => [b"{\"data\":", content.expose(), b"}"].concat(),
            _ => content.expose().to_vec(),
        });
        self.session.calls.run(subject, &ask.shown, async {
            let token = ask.token(None).await?;
            let url = format!("{address}/v1/{path}");
            if ask.read(&url, &token.text, version).await.is_some_and(|there| there.0 == values.0) {
                return Ok(Published::Unchanged);
            }
            let write = || ask.write(&url, &token.text, &body);
            self.session.calls.request(subject, &ask.shown, write).await?;
            Ok(Published::Written)
        })
    }
}

impl Ask<'_> {
    /// What is there, if we may know it.
    async fn read(&self, url: &str, token: &str, version: u8) -> Option<Wiped> {
        let request = self.server.request(reqwest::Method::GET, url, token);
        let answer: Value = rest::call(self.asked(&[token]), request, |_| None).await.ok()?;
        let mut answer = Wiped(answer);
        let data = answer.0.get_mut("data")?.take();
        let mut data = Wiped(data);
        Some(match version {
            2 => Wiped(data.0.get_mut("data")?.take()),
            _ => data,
        })
    }

    async fn write(&self, url: &str, token: &str, body: &[u8]) -> Result<(), Failure> {
        let asked = self.asked(&[]);
        let request = self.server.request(reqwest::Method::POST, url, token);
        let request = request.header("content-type", "application/json").body(body.to_vec());
        let answer = request.send().await.map_err(|error| rest::not_sent(asked, &error))?;
        let status = answer.status().as_u16();
        if (200..300).contains(&status) {
            return Ok(());
        }
        let said = rest::read(answer).await.unwrap_or_default();
        let problem = answer::refused(status, &said).without(&[token]);
        let failure = problem.of(self.key, &self.shown);
        Err(match failure.kind {
            FailureKind::Denied => {
                let path = &self.name.engine_path;
                failure.hint(format!(
                    "ask for a policy that lets you `create`, `read` and `update` {path}; if the token has expired, log in again"
                ))
            }
            FailureKind::NotFound => {
                failure.hint("check vault_kv_mount_name and vault_kv_version in destination_rules")
            }
            _ => failure,
        })
    }

    fn asked<'a>(&'a self, secrets: &'a [&'a str]) -> Asked<'a> {
        Asked { key: self.key, operation: &self.shown, secrets }
    }
}
