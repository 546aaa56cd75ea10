//! Requests to the controller, through the API server's proxy to the Service in front of it.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kube::client::{AuthError, Body};
use kube::{Client, Error};
use serde_json::Value;
use zeroize::Zeroizing;

use super::kubeconfig::Target;
use super::{ClusterError, Controller, runtime};

/// An object of the API server has 1.5 MiB at most; what is sealed anew has that once more at most.
const LONGEST_ANSWER: usize = 8 << 20;
/// How long to go on where the controller says that it is asked too often.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much of somebody's words is repeated.
const LONGEST_REASON: usize = 300;

/// A connection to the controller.
pub(super) struct Service {
    client: Client,
    server: String,
    controller: Controller,
    request_timeout: Duration,
    port: OnceLock<String>,
}

struct Answer {
    status: StatusCode,
    retry_after: Option<Duration>,
    body: Zeroizing<Vec<u8>>,
}

impl Service {
    /// Prepares the connection. Where a program has to be asked for credentials, it is.
    pub(super) fn new(target: Target, controller: Controller) -> Result<Self, ClusterError> {
        let Target { config, server, request_timeout } = target;
        for (what, name) in [("service", &controller.name), ("namespace", &controller.namespace)] {
            if !is_name(name) {
                let what = format!("the controller's {what} {name:?}");
                let problem = "is no name of an object".to_owned();
                return Err(ClusterError::Unusable { what, problem });
            }
        }
        let client = runtime::enter(|| Client::try_from(config))?
            .map_err(|error| not_prepared(&server, &error))?;
        let port = OnceLock::new();
        Ok(Self { client, server, controller, request_timeout, port })
    }

    /// `GET /v1/cert.pem`
    pub(super) fn certificate(&self) -> Result<Vec<u8>, ClusterError> {
        let operation = "give its certificate";
        let answer = self.ask(operation, Method::GET, "cert.pem", &[])?;
        match answer.status {
            StatusCode::OK => Ok(answer.body.to_vec()),
            _ => Err(self.refused(operation, &answer)),
        }
    }

    /// `POST /v1/verify`
    pub(super) fn verify(&self, object: &[u8]) -> Result<bool, ClusterError> {
        let operation = "verify the SealedSecret";
        let answer = self.ask(operation, Method::POST, "verify", object)?;
        match answer.status {
            StatusCode::OK => Ok(true),
            StatusCode::CONFLICT if answer.api_status().is_none() => Ok(false),
            _ => Err(self.refused(operation, &answer)),
        }
    }

    /// `POST /v1/rotate`
    pub(super) fn rotate(&self, object: &[u8]) -> Result<Vec<u8>, ClusterError> {
        let operation = "seal the SealedSecret anew";
        let answer = self.ask(operation, Method::POST, "rotate", object)?;
        match answer.status {
            StatusCode::OK => Ok(answer.body.to_vec()),
            _ => Err(self.refused(operation, &answer)),
        }
    }

    /// One request to the controller.
    fn ask(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        body: &[u8],
    ) -> Result<Answer, ClusterError> {
        let Controller { name, namespace } = &self.controller;
        let port = self.port()?;
        let path =
            format!("/api/v1/namespaces/{namespace}/services/http:{name}:{port}/proxy/v1/{path}");
        self.patiently(operation, method, &path, body)
    }

    /// A request that is made again where somebody on the way is asked too often.
    fn patiently(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        body: &[u8],
    ) -> Result<Answer, ClusterError> {
        let started = Instant::now();
        loop {
            let answer = self.request(method.clone(), path, body)?;
            if answer.status != StatusCode::TOO_MANY_REQUESTS {
                return Ok(answer);
            }
            let pause = answer.retry_after.unwrap_or(Duration::from_millis(500));
            if started.elapsed() + pause > PATIENCE {
                let controller = self.controller.clone();
                return Err(ClusterError::TooOften { operation, controller });
            }
            std::thread::sleep(pause.max(Duration::from_millis(50)));
        }
    }

    /// The name of the Service's first port, which stands in the proxy's path.
    fn port(&self) -> Result<&str, ClusterError> {
        if let Some(port) = self.port.get() {
            return Ok(port);
        }
        let Controller { name, namespace } = &self.controller;
        let path = format!("/api/v1/namespaces/{namespace}/services/{name}");
        let answer = self.patiently("be looked up", Method::GET, &path, &[])?;
        let port = match answer.status {
            StatusCode::OK => {
                let service: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
                let port = service
                    .pointer("/spec/ports/0")
                    .ok_or_else(|| self.malformed("it is no Service with a port"))?;
                port.get("name").and_then(Value::as_str).unwrap_or_default().to_owned()
            }
            StatusCode::NOT_FOUND => {
                let (server, controller) = (self.server.clone(), self.controller.clone());
                return Err(ClusterError::NoService { server, controller });
            }
            // Who may use the proxy but not look at the Service can still go through its only port.
            StatusCode::FORBIDDEN => String::new(),
            _ => return Err(self.refused("be looked up", &answer)),
        };
        Ok(self.port.get_or_init(|| port))
    }

    fn request(&self, method: Method, path: &str, body: &[u8]) -> Result<Answer, ClusterError> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::ACCEPT, "application/json, application/x-pem-file, */*")
            .header(http::header::USER_AGENT, concat!("seal/", env!("CARGO_PKG_VERSION")))
            .body(Body::from(body.to_vec()))
            .map_err(|_| self.malformed("no request can be made of the controller's name"))?;
        runtime::wait(self.request_timeout, &self.server, async {
            let answer = self.client.send(request).await.map_err(|error| self.not_sent(&error))?;
            let status = answer.status();
            let seconds = answer.headers().get(http::header::RETRY_AFTER);
            let seconds = seconds.and_then(|value| value.to_str().ok()?.trim().parse().ok());
            let body = Limited::new(answer.into_body(), LONGEST_ANSWER).collect().await;
            let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
                Some(_) => self.malformed("it is longer than any answer of a controller"),
                None => self.malformed("it broke off"),
            })?;
            let body = Zeroizing::new(body.to_bytes().to_vec());
            Ok(Answer { status, retry_after: seconds.map(Duration::from_secs), body })
        })
    }

    /// What an answer means that is no success.
    fn refused(&self, operation: &'static str, answer: &Answer) -> ClusterError {
        let (server, controller) = (self.server.clone(), self.controller.clone());
        let status = answer.status.as_u16();
        let said = answer.api_status();
        let is_of_server = said.is_some();
        let message = said.unwrap_or_else(|| shortened(&String::from_utf8_lossy(&answer.body)));
        match answer.status {
            StatusCode::UNAUTHORIZED if is_of_server => {
                ClusterError::Unauthenticated { server, message }
            }
            StatusCode::FORBIDDEN if is_of_server => {
                ClusterError::Forbidden { server, message, controller }
            }
            StatusCode::NOT_FOUND if is_of_server => ClusterError::NoService { server, controller },
            _ if is_of_server => ClusterError::NoController { controller, status, message },
            StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                ClusterError::NoController { controller, status, message }
            }
            _ => ClusterError::Refused { operation, status, message, controller },
        }
    }

    fn not_sent(&self, error: &Error) -> ClusterError {
        let server = self.server.clone();
        match error {
            Error::Auth(error) => ClusterError::NoCredentials { server, reason: of_login(error) },
            _ => ClusterError::Unreachable { server, reason: deepest(error) },
        }
    }

    fn malformed(&self, problem: &str) -> ClusterError {
        ClusterError::Malformed { server: self.server.clone(), problem: problem.to_owned() }
    }
}

impl Answer {
    /// What the API server itself says, where the answer is its own and not the controller's.
    fn api_status(&self) -> Option<String> {
        let status: Value = serde_json::from_slice(&self.body).ok()?;
        (status.get("kind")? == "Status")
            .then(|| shortened(status.get("message").and_then(Value::as_str).unwrap_or_default()))
    }
}

fn not_prepared(server: &str, error: &Error) -> ClusterError {
    let server = server.to_owned();
    let reason = match error {
        Error::Auth(error) => of_login(error),
        Error::InferKubeconfig(_) => "client-certificate or client-key cannot be read".to_owned(),
        Error::RustlsTls(_) => "the client's certificate and key cannot be used for TLS".to_owned(),
        Error::ProxyProtocolUnsupported { .. } | Error::ProxyProtocolDisabled { .. } => {
            let problem = "is of a kind that is not known (http, https and socks5 are)".to_owned();
            return ClusterError::Unusable { what: "the proxy".to_owned(), problem };
        }
        _ => deepest(error),
    };
    ClusterError::NoCredentials { server, reason }
}

/// Why nobody logged in. Never what a program for credentials printed: that may be the credentials.
fn of_login(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecStart(source) => {
            format!("the program that the kubeconfig names for them cannot be started: {source}")
        }
        AuthError::AuthExecRun { cmd, out } => {
            let program = cmd.split_whitespace().next().unwrap_or_default();
            let words = shortened(&String::from_utf8_lossy(&out.stderr));
            let words = if words.is_empty() { words } else { format!(": {words}") };
            format!(
                "`{program}`, which the kubeconfig names for them, failed ({}){words}",
                out.status
            )
        }
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            "the program that the kubeconfig names for them prints none".to_owned()
        }
        AuthError::ReadTokenFile(source, path) => {
            format!("the token in {} cannot be read: {source}", path.display())
        }
        AuthError::MissingCommand | AuthError::ExecMissingClusterInfo | AuthError::AuthExec(_) => {
            "the kubeconfig's way to get them is not one that is known here".to_owned()
        }
        AuthError::InvalidBasicAuth(_) | AuthError::InvalidBearerToken(_) => {
            "they hold characters that no request can carry".to_owned()
        }
        _ => "they cannot be had".to_owned(),
    }
}

/// The first cause of an error; what stands between is about layers of the client.
pub(super) fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        words = error.to_string();
        if words == "dns error" || words.starts_with("failed to lookup address information") {
            return "the name cannot be resolved".to_owned();
        }
        next = error.source();
    }
    shortened(&words)
}

/// The first line of somebody's words, not longer than anybody reads.
fn shortened(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default().trim_end();
    let mut short: String = line.chars().take(LONGEST_REASON).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}

/// Whether Kubernetes takes a text for the name of a Service or a namespace, so that it is one part of a path.
fn is_name(text: &str) -> bool {
    let inner = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
    !text.is_empty()
        && text.len() <= 253
        && text.as_bytes().iter().all(inner)
        && text != "."
        && text != ".."
}
