//! One server: its client, and what is asked of it.

use std::fmt;
use std::sync::Arc;

use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use rustify::endpoint::{Endpoint, Wrapper};
use vaultrs::api::EndpointMiddleware;
use zeroize::Zeroize;

use super::answer::{self, Data};
use super::credentials::variable;
use super::http;
use super::login::Token;
use super::name::Name;
use super::problem::Problem;
use super::transport::Transport;
use crate::environment::Environment;
use crate::failure::{Failure, FailureKind, Subject};
use crate::session::Session;

/// Debug shows the address only.
pub(super) struct Server {
    transport: Transport,
    is_unverified: bool,
    namespace: Option<String>,
    /// Held while somebody logs in, so that the others wait for the same token. A refusal is kept: who asks again is
    /// refused again, and some servers lock out who tries too often.
    pub(super) token: tokio::sync::Mutex<Option<Result<Arc<Token>, Problem>>>,
}

impl Server {
    /// Prepares a client; nobody is asked yet. The address is [`Name::server`].
    pub(super) fn new(address: &str, environment: &Environment) -> Result<Self, Problem> {
        let url = Url::parse(address)
            .map_err(|_| Problem::new(FailureKind::Name, "its address is not valid"))?;
        let (http, is_unverified) = http::client(environment, &url)?;
        let namespace = variable(environment, "VAULT_NAMESPACE")?.map(|name| name.to_string());
        Ok(Self {
            transport: Transport { address: address.to_owned(), http },
            is_unverified,
            namespace,
            token: tokio::sync::Mutex::default(),
        })
    }

    pub(super) fn address(&self) -> &str {
        &self.transport.address
    }

    pub(super) fn is_unverified(&self) -> bool {
        self.is_unverified
    }

    /// A request that is not one of `vaultrs`.
    pub(super) fn request(
        &self,
        method: reqwest::Method,
        url: &str,
        token: &str,
    ) -> reqwest::RequestBuilder {
        let mut request = self.transport.http.request(method, url);
        if let Ok(mut token) = reqwest::header::HeaderValue::from_str(token) {
            token.set_sensitive(true);
            request = request.header("X-Vault-Token", token);
        }
        if let Some(namespace) = &self.namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        request.header("X-Vault-Request", "true")
    }

    /// Makes one request; an endpoint that could not be built is `None`.
    pub(super) async fn ask<E: Endpoint, A: Wrapper<Value = E::Response>>(
        &self,
        token: &str,
        endpoint: Option<E>,
    ) -> Result<A, Problem> {
        let Some(endpoint) = endpoint else { return Err(answer::not_made()) };
        let headers = Headers(EndpointMiddleware {
            token: token.to_owned(),
            version: "v1".to_owned(),
            wrap: None,
            namespace: self.namespace.clone(),
        });
        let endpoint = endpoint.with_middleware(&headers.0);
        let answer = endpoint.exec(&self.transport).await;
        let answer = answer.map_err(|error| answer::problem(&error))?;
        answer.wrap().map_err(|error| {
            let content_type = answer.response.headers().get(CONTENT_TYPE);
            let content_type = content_type.and_then(|value| value.to_str().ok());
            let status = answer.response.status().as_u16();
            answer::foreign(status, content_type.unwrap_or_default(), &error)
        })
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address()).finish_non_exhaustive()
    }
}

/// What every request holds. Its copy of the token is wiped.
struct Headers(EndpointMiddleware);

impl Drop for Headers {
    fn drop(&mut self) {
        self.0.token.zeroize();
    }
}

/// One operation with one key.
pub(super) struct Ask<'a> {
    pub(super) session: &'a Session,
    pub(super) server: Arc<Server>,
    pub(super) key: &'a Subject,
    pub(super) name: &'a Name,
    /// As in the path.
    pub(super) operation: &'a str,
    /// As messages name it.
    pub(super) shown: String,
    /// What of the request no message may show, the token aside.
    pub(super) secret: &'a str,
}

impl Ask<'_> {
    /// Logs in if nobody has yet, and makes the request.
    pub(super) fn run<E: Endpoint>(
        &self,
        endpoint: impl Fn() -> Option<E>,
    ) -> Result<E::Response, Failure> {
        self.session.calls.run(self.key, &self.shown, async {
            let token = self.token(None).await?;
            match self.request(&token, &endpoint).await {
                // Time has passed since the login: a run of an hour, a laptop that slept.
                Err(failure) if failure.kind == FailureKind::Denied && token.has_ended() => {
                    let token = self.token(Some(&token)).await?;
                    self.request(&token, &endpoint).await
                }
                result => result,
            }
        })
    }

    pub(super) fn malformed(&self, what: &str) -> Failure {
        answer::malformed(what).of(self.key, &self.shown)
    }

    async fn request<E: Endpoint>(
        &self,
        token: &Token,
        endpoint: &impl Fn() -> Option<E>,
    ) -> Result<E::Response, Failure> {
        let (session, key, shown) = (self.session, self.key, &self.shown);
        let answer = session.calls.request(key, shown, async || {
            let answer = self.server.ask::<E, Data<_>>(&token.text, endpoint()).await;
            let data = answer.and_then(|answer| answer.data.ok_or_else(answer::empty));
            data.map_err(|problem| {
                let failure = problem.without(&[&token.text, self.secret]).of(key, shown);
                match failure.kind {
                    FailureKind::Denied => {
                        let hint = self.how_to_be_allowed(&failure.reason);
                        failure.hint(hint)
                    }
                    _ => failure,
                }
            })
        });
        answer.await
    }

    /// The likelier way first.
    fn how_to_be_allowed(&self, said: &str) -> String {
        let Name { engine_path, key_name, .. } = self.name;
        let policy = format!(
            "ask for a policy that lets you `update` {engine_path}/{}/{key_name}",
            self.operation
        );
        match said.contains("invalid token") {
            true => format!(
                "log in again, the token has expired or was revoked; if it is another server's, set VAULT_TOKEN; if it is good, {policy}"
            ),
            false => format!("{policy}; if the token has expired, log in again"),
        }
    }
}
