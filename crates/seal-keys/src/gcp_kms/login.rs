//! The two logins to Google that are one request each, with our own client: it follows no redirect, which would carry a
//! refresh token to a server that nobody named, and asks the metadata server, which answers in clear, without a proxy.
//!
//! A user's refresh token is exchanged as RFC 6749 (6) says, with the JSON body of Google's own clients; a machine asks
//! its metadata server (`GET …/service-accounts/default/token` with `Metadata-Flavor: Google`).

use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::failure::{Failure, FailureKind};
use crate::rest::{self, Asked, Refusal, SecretText};

/// Of tokens that do not say how long they are good for.
const LIFETIME: Duration = Duration::from_secs(3600);

/// No token is good for longer.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// So long before its end a token is not used any more.
const MARGIN: Duration = Duration::from_secs(60);

/// A metadata server answers within milliseconds, or is none.
pub(super) const MACHINE_ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// Who logs in where, and the token that came of it.
pub(super) struct Login {
    address: String,
    /// `None` for a machine.
    user: Option<User>,
    token: Mutex<Option<(Zeroizing<String>, Instant)>>,
}

struct User {
    body: Zeroizing<String>,
    secrets: [Zeroizing<String>; 2],
}

#[derive(Serialize)]
struct Refresh<'a> {
    grant_type: &'a str,
    client_id: &'a str,
    client_secret: &'a str,
    refresh_token: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    access_token: SecretText,
    expires_in: Option<u64>,
}

impl Login {
    /// With JSON of the type `authorized_user`.
    ///
    /// # Errors
    ///
    /// The name of what is missing.
    pub(super) fn of_user(json: &Value) -> Result<Self, &'static str> {
        let text = |name: &'static str| json.get(name).and_then(Value::as_str).ok_or(name);
        let refresh = Refresh {
            grant_type: "refresh_token",
            client_id: text("client_id")?,
            client_secret: text("client_secret")?,
            refresh_token: text("refresh_token")?,
        };
        let secrets = [refresh.client_secret, refresh.refresh_token]
            .map(|secret| Zeroizing::new(secret.to_owned()));
        let body = serde_json::to_string(&refresh).map_err(|_| "refresh_token")?;
        let body = Zeroizing::new(body);
        let address = text("token_uri").unwrap_or("https://oauth2.googleapis.com/token").to_owned();
        Ok(Self { address, user: Some(User { body, secrets }), token: Mutex::default() })
    }

    /// With the metadata server `http://HOST[:PORT]`.
    pub(super) fn of_machine(server: &str) -> Self {
        let path = "computeMetadata/v1/instance/service-accounts/default/token";
        Self { address: format!("{server}/{path}"), user: None, token: Mutex::default() }
    }

    /// `HOST[:PORT]`, where a machine logs in.
    pub(super) fn metadata_server(&self) -> Option<&str> {
        let host = self.address.strip_prefix("http://")?.split('/').next();
        host.filter(|_| self.user.is_none())
    }

    pub(super) async fn token(
        &self,
        client: &reqwest::Client,
        asked: Asked<'_>,
    ) -> Result<Zeroizing<String>, Failure> {
        // Held while logging in: those who need the token wait for it.
        let mut kept = self.token.lock().await;
        if let Some((token, until)) = &*kept
            && Instant::now() < *until
        {
            return Ok(token.clone());
        }
        let secrets = self.user.iter().flat_map(|user| &user.secrets);
        let secrets: Vec<&str> = secrets.map(|secret| secret.as_str()).collect();
        let asked = Asked { secrets: &secrets, ..asked };
        let request = match &self.user {
            Some(user) => client
                .post(&self.address)
                .header("content-type", "application/json")
                .body(user.body.as_str().to_owned()),
            None => client
                .get(&self.address)
                .header("metadata-flavor", "Google")
                .timeout(MACHINE_ANSWERS_WITHIN),
        };
        let is_refused = |refusal: &Refusal| {
            let is = refusal.status < 500 && refusal.status != 429;
            is.then_some(FailureKind::NoCredentials)
        };
        let at = format!("log in at {}", self.address);
        let answer: Answer = rest::call(Asked { operation: &at, ..asked }, request, is_refused)
            .await
            .map_err(|failure| Failure { operation: asked.operation.to_owned(), ..failure })?;
        let lifetime = answer.expires_in.map_or(LIFETIME, Duration::from_secs).min(LONGEST);
        let token = answer.access_token.0;
        *kept = Some((token.clone(), Instant::now() + lifetime.saturating_sub(MARGIN)));
        Ok(token)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_user_has_all_that_is_sent_and_shows_none_of_it() {
        let whole = json!({
            "type": "authorized_user", "client_id": "c", "client_secret": "HUNTER2", "refresh_token": "HUNTER2",
        });
        let login = Login::of_user(&whole).unwrap();
        assert_eq!(login.address, "https://oauth2.googleapis.com/token");
        assert!(!format!("{login:?}").contains("HUNTER2"));
        for name in ["client_id", "client_secret", "refresh_token"] {
            let mut part = whole.clone();
            part[name] = Value::Null;
            assert_eq!(Login::of_user(&part).unwrap_err(), name);
        }
    }
}
