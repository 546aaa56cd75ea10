//! The token that a server is asked with: had once for all threads, from a variable, a file or by logging in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustify::endpoint::Endpoint;
use vaultrs::api::auth::approle::requests::LoginWithApproleRequest;
use vaultrs::api::auth::kubernetes::requests::LoginWithKubernetesRequest;
use zeroize::Zeroizing;

use super::answer::{self, LoggedIn};
use super::credentials::Credentials;
use super::problem::Problem;
use super::server::Ask;
use crate::failure::{Failure, FailureKind, Subject};

/// A token. Not `Debug`.
pub(super) struct Token {
    pub(super) text: Zeroizing<String>,
    /// When a token that was got by logging in is no longer valid.
    ends: Option<Instant>,
}

impl Token {
    pub(super) fn has_ended(&self) -> bool {
        self.ends.is_some_and(|ends| ends <= Instant::now())
    }
}

impl Ask<'_> {
    /// The token of the run; a new one in place of `ended`.
    pub(super) async fn token(&self, ended: Option<&Arc<Token>>) -> Result<Arc<Token>, Failure> {
        let mut kept = self.server.token.lock().await;
        match &*kept {
            Some(Ok(token)) if !ended.is_some_and(|ended| Arc::ptr_eq(ended, token)) => {
                return Ok(Arc::clone(token));
            }
            Some(Err(problem)) => return Err(problem.clone().of(self.key, &self.shown)),
            _ => {}
        }
        let problem = |problem: Problem| problem.of(self.key, &self.shown);
        let found = Credentials::find(&self.session.environment).map_err(problem)?;
        let token = match found {
            Credentials::Token(text) => Ok(Token { text, ends: None }),
            Credentials::AppRole { mount, role_id, secret_id } => {
                let login = Login {
                    how: format!("log in by AppRole at {}/v1/auth/{mount}", self.server.address()),
                    check: "VAULT_ROLE_ID, VAULT_SECRET_ID and VAULT_APPROLE_MOUNT",
                    secrets: [&role_id, &secret_id],
                };
                let request = || {
                    let mut request = LoginWithApproleRequest::builder();
                    request.mount(&mount).role_id(role_id.as_str()).secret_id(secret_id.as_str());
                    request.build().ok()
                };
                self.log_in(login, request).await
            }
            Credentials::Kubernetes { mount, role, jwt } => {
                let login = Login {
                    how: format!(
                        "log in by Kubernetes at {}/v1/auth/{mount}",
                        self.server.address()
                    ),
                    check: "VAULT_K8S_ROLE, VAULT_K8S_TOKEN_FILE and VAULT_K8S_MOUNT",
                    secrets: [&jwt, ""],
                };
                let request = || {
                    let mut request = LoginWithKubernetesRequest::builder();
                    request.mount(&mount).role(&role).jwt(jwt.as_str());
                    request.build().ok()
                };
                self.log_in(login, request).await
            }
        };
        match token {
            Ok(token) => {
                let token = Arc::new(token);
                *kept = Some(Ok(Arc::clone(&token)));
                Ok(token)
            }
            Err(failure) => {
                if failure.kind == FailureKind::NoCredentials {
                    *kept = Some(Err(Problem::of_login(&failure)));
                }
                Err(failure)
            }
        }
    }

    async fn log_in<E: Endpoint<Response = ()>>(
        &self,
        login: Login<'_>,
        endpoint: impl Fn() -> Option<E>,
    ) -> Result<Token, Failure> {
        let answer = self.session.calls.request(self.key, &login.how, async || {
            let answer = self.server.ask::<E, LoggedIn>("", endpoint()).await;
            let auth = answer.and_then(|answer| answer.auth.ok_or_else(answer::empty));
            auth.map_err(|problem| login.failure(problem, self.key))
        });
        let mut answer = answer.await?;
        let text = Zeroizing::new(std::mem::take(&mut answer.client_token));
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(answer::malformed("it holds no token").of(self.key, &login.how));
        }
        // No lease is a lease without an end.
        let lease = Duration::from_secs(answer.lease_duration);
        let ends = (!lease.is_zero()).then(|| Instant::now().checked_add(lease)).flatten();
        Ok(Token { text, ends })
    }
}

/// A way to log in, for messages.
struct Login<'s> {
    how: String,
    check: &'static str,
    secrets: [&'s str; 2],
}

impl Login<'_> {
    /// Whatever a server has against us here, the credentials are not good for it.
    fn failure(&self, mut problem: Problem, key: &Subject) -> Failure {
        use FailureKind::{Denied, NotFound, Refused};
        if matches!(problem.kind, Denied | NotFound | Refused) {
            problem.kind = FailureKind::NoCredentials;
            problem = problem.hint(format!("check {}", self.check));
        }
        problem.without(&self.secrets).of(key, &self.how)
    }
}
