//! One server: its client, and the token it is asked with, had once for all threads.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Url;
use rustify::clients::reqwest::Client as Http;
use seal_core::envelope::MasterKey;
use vaultrs::api::{AuthInfo, EndpointMiddleware};
use vaultrs::auth::{approle, kubernetes};
use vaultrs::client::{VaultClient, VaultClientSettings};
use vaultrs::error::ClientError;
use zeroize::{Zeroize, Zeroizing};

use super::answer;
use super::credentials::{Credentials, variable};
use super::http;
use super::name::Name;
use super::problem::Problem;
use crate::environment::Environment;
use crate::failure::{Failure, FailureKind};
use crate::session::Session;

/// Debug shows the address only.
pub(super) struct Server {
    address: String,
    url: Url,
    http: reqwest::Client,
    is_unverified: bool,
    namespace: Option<String>,
    /// Held while somebody logs in, so that the others wait for the same token. A refusal is kept: who asks again is
    /// refused again, and some servers lock out who tries too often.
    token: tokio::sync::Mutex<Option<Result<Arc<Token>, Problem>>>,
}

/// A token. Not `Debug`.
struct Token {
    text: Zeroizing<String>,
    /// When a token that was got by logging in is no longer valid.
    ends: Option<Instant>,
}

impl Token {
    fn has_ended(&self) -> bool {
        self.ends.is_some_and(|ends| ends <= Instant::now())
    }
}

impl Server {
    /// Prepares a client; nobody is asked yet. The address is that of a [`Name`].
    pub(super) fn new(address: &str, environment: &Environment) -> Result<Self, Problem> {
        let url = Url::parse(address)
            .map_err(|_| Problem::new(FailureKind::Name, "its address is not valid"))?;
        let (http, is_unverified) = http::client(environment, &url)?;
        let namespace = variable(environment, "VAULT_NAMESPACE")?.map(|name| name.to_string());
        Ok(Self {
            address: address.to_owned(),
            url,
            http,
            is_unverified,
            namespace,
            token: tokio::sync::Mutex::default(),
        })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn is_unverified(&self) -> bool {
        self.is_unverified
    }

    /// Every setting is named: those left out would come from the environment of the process.
    fn client(&self, token: &str) -> Client {
        Client(VaultClient {
            http: Http::new(&self.address, self.http.clone()),
            middle: EndpointMiddleware {
                token: token.to_owned(),
                version: "v1".to_owned(),
                wrap: None,
                namespace: self.namespace.clone(),
            },
            settings: VaultClientSettings {
                address: self.url.clone(),
                ca_certs: Vec::new(),
                identity: None,
                timeout: None,
                token: String::new(),
                verify: true,
                version: 1,
                wrapping: false,
                namespace: None,
                proxy: None,
            },
        })
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A client for one request, whose copy of the token is wiped.
struct Client(VaultClient);

impl Drop for Client {
    fn drop(&mut self) {
        self.0.middle.token.zeroize();
    }
}

/// One operation with one key.
pub(super) struct Ask<'a> {
    pub(super) session: &'a Session,
    pub(super) server: Arc<Server>,
    pub(super) key: &'a MasterKey,
    pub(super) name: &'a Name,
    /// As in the path.
    pub(super) operation: &'a str,
    /// As messages name it.
    pub(super) shown: String,
}

impl Ask<'_> {
    /// Logs in if nobody has yet, and makes the request.
    pub(super) fn run<T>(
        &self,
        request: impl AsyncFn(&VaultClient) -> Result<T, ClientError>,
    ) -> Result<T, Failure> {
        self.session.calls.run(self.key, &self.shown, async {
            let token = self.token(None).await?;
            match self.request(&token, &request).await {
                // Time has passed since the login: a run of an hour, a laptop that slept.
                Err(failure) if failure.kind == FailureKind::Denied && token.has_ended() => {
                    let token = self.token(Some(&token)).await?;
                    self.request(&token, &request).await
                }
                result => result,
            }
        })
    }

    pub(super) fn malformed(&self, what: &str) -> Failure {
        answer::malformed(what).of(self.key, &self.shown)
    }

    async fn request<T>(
        &self,
        token: &Token,
        request: &impl AsyncFn(&VaultClient) -> Result<T, ClientError>,
    ) -> Result<T, Failure> {
        let Self { session, key, shown, .. } = self;
        let answer = session.calls.request(key, shown, async || {
            let client = self.server.client(&token.text);
            request(&client.0).await.map_err(|error| {
                let failure = answer::problem(&error).of(key, shown).without(&[&token.text]);
                match failure.kind {
                    FailureKind::Denied => failure.hint(self.how_to_be_allowed()),
                    _ => failure,
                }
            })
        });
        answer.await
    }

    fn how_to_be_allowed(&self) -> String {
        let Name { engine_path, key_name, .. } = self.name;
        format!(
            "ask for a policy that lets you `update` {engine_path}/{}/{key_name}; if the token has expired, log in again",
            self.operation
        )
    }

    /// The token of the run; a new one in place of `ended`.
    async fn token(&self, ended: Option<&Arc<Token>>) -> Result<Arc<Token>, Failure> {
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
                    how: format!("log in by AppRole at {}/v1/auth/{mount}", self.server.address),
                    check: "VAULT_ROLE_ID, VAULT_SECRET_ID and VAULT_APPROLE_MOUNT",
                    secrets: [&role_id, &secret_id],
                };
                let request = async |client: &VaultClient| {
                    approle::login(client, &mount, &role_id, &secret_id).await
                };
                self.log_in(login, request).await
            }
            Credentials::Kubernetes { mount, role, jwt } => {
                let login = Login {
                    how: format!("log in by Kubernetes at {}/v1/auth/{mount}", self.server.address),
                    check: "VAULT_K8S_ROLE, VAULT_K8S_TOKEN_FILE and VAULT_K8S_MOUNT",
                    secrets: [&jwt, ""],
                };
                let request = async |client: &VaultClient| {
                    kubernetes::login(client, &mount, &role, &jwt).await
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

    async fn log_in(
        &self,
        login: Login<'_>,
        request: impl AsyncFn(&VaultClient) -> Result<AuthInfo, ClientError>,
    ) -> Result<Token, Failure> {
        let answer = self.session.calls.request(self.key, &login.how, async || {
            let client = self.server.client("");
            request(&client.0).await.map_err(|error| login.failure(&error, self.key))
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
    fn failure(&self, error: &ClientError, key: &MasterKey) -> Failure {
        use FailureKind::{Denied, NotFound, Refused};
        let mut problem = answer::problem(error);
        if matches!(problem.kind, Denied | NotFound | Refused) {
            problem.kind = FailureKind::NoCredentials;
            problem = problem.hint(format!("check {}", self.check));
        }
        problem.of(key, &self.how).without(&self.secrets)
    }
}
