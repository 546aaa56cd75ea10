//! One server: its client, and what is asked of it.

use std::fmt;
use std::sync::Arc;

use reqwest::Url;
use rustify::clients::reqwest::Client as Http;
use seal_core::envelope::MasterKey;
use vaultrs::api::EndpointMiddleware;
use vaultrs::client::{VaultClient, VaultClientSettings};
use vaultrs::error::ClientError;
use zeroize::Zeroize;

use super::answer;
use super::credentials::variable;
use super::http;
use super::login::Token;
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
    pub(super) fn client(&self, token: &str) -> Client {
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
pub(super) struct Client(pub(super) VaultClient);

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
                let failure = answer::problem(&error).without(&[&token.text]).of(key, shown);
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
}
