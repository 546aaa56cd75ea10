//! The HTTP side: certificate, verify, rotate, probes, metrics. Every replica serves it, whether it leads or not.
//!
//! Whoever reaches the service proxy reaches this, so nothing here gives out more than a certificate, a yes or no, or values
//! sealed again under the very label that opened them. No template is ever looked at.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;

mod address;
mod objects;
mod reseal;
mod server;
mod stall;

#[cfg(test)]
mod tests;

pub(crate) use address::{AddressError, bind};

use crate::context::Readiness;
use crate::metrics::{self, KeyReport, Metrics};
use crate::rate::Rate;
use crate::sealing_keys::Registry;
use crate::settings::HttpSettings;
use objects::Work;

/// How many more requests the certificate may be asked for than verify and rotate: an answer costs next to nothing, and
/// jobs of a pipeline ask at the same time.
const CERTIFICATE_RATE: u32 = 10;
/// How long a request may have to wait for its turn. Whoever asks one thing after the other never waits that long.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// What answers are made of.
pub(crate) struct Sources {
    /// The sealing keys of this moment.
    pub(crate) keys: Registry,
    /// Counters and gauges.
    pub(crate) metrics: Metrics,
    /// Whether all caches are filled.
    pub(crate) readiness: Readiness,
    /// Whether this replica writes.
    pub(crate) leading: watch::Receiver<bool>,
    /// `--accept-deprecated-v1-data`
    pub(crate) accept_deprecated: bool,
}

/// What all requests share.
struct Shared {
    sources: Sources,
    settings: HttpSettings,
    work: Work,
    /// All callers together: a header such as `X-Forwarded-For` proves nothing about who asks.
    objects: Rate,
    certificate: Rate,
}

/// Serves both addresses until `shutdown` is true; requests under way are finished.
pub(crate) async fn run(
    sources: Sources,
    settings: HttpSettings,
    listener: TcpListener,
    metrics_listener: TcpListener,
    shutdown: watch::Receiver<bool>,
) {
    let limits = server::Limits::of(&settings);
    let (api, metrics) = routers(&Shared::new(sources, settings));
    tokio::join!(
        server::serve(listener, api, limits, shutdown.clone()),
        server::serve(metrics_listener, metrics, limits, shutdown),
    );
}

impl Shared {
    fn new(sources: Sources, settings: HttpSettings) -> Arc<Self> {
        let now = Instant::now();
        let interval = Duration::from_secs(1) / settings.rate.max(1);
        Arc::new(Self {
            work: Work::new(),
            objects: Rate::new(interval, settings.burst, now),
            certificate: Rate::new(
                interval / CERTIFICATE_RATE,
                settings.burst.saturating_mul(CERTIFICATE_RATE),
                now,
            ),
            sources,
            settings,
        })
    }
}

/// The API and the metrics. The probes are on both, so that a flood of requests to the one cannot fail them on the other.
fn routers(shared: &Arc<Shared>) -> (Router, Router) {
    let probes = || Router::new().route("/healthz", get(health)).route("/readyz", get(ready));
    let api = Router::new()
        .route("/v1/cert.pem", get(certificate))
        .route("/v1/verify", post(objects::verify))
        .route("/v1/rotate", post(objects::rotate))
        .merge(probes())
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(shared.clone(), counted))
        .with_state(shared.clone());
    let metrics = Router::new()
        .route("/metrics", get(metrics))
        .merge(probes())
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .with_state(shared.clone());
    (api, metrics)
}

/// `GET /healthz`: the process answers.
async fn health() -> Response {
    text(StatusCode::OK, "ok\n")
}

/// `GET /readyz`: 200 when this replica can do all that is asked of it, else 503 and what is missing.
async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let missing = shared.sources.missing(Timestamp::now());
    if missing.is_empty() {
        return text(StatusCode::OK, "ok\n");
    }
    text(StatusCode::SERVICE_UNAVAILABLE, &format!("not ready\n{}\n", missing.join("\n")))
}

impl Sources {
    fn missing(&self, now: Timestamp) -> Vec<&'static str> {
        let mut missing = Vec::new();
        if *self.keys.changes().borrow() == 0 {
            missing.push("the sealing keys have not been listed yet: the API server does not answer, or may not be asked");
        } else if self.keys.snapshot().active.is_empty() {
            missing.push("there is no sealing key yet: the leading replica makes one, which takes some seconds");
        } else if self.keys.snapshot().sealing(now).is_none() {
            missing.push("no sealing key can seal: all certificates are from the future");
        }
        if *self.leading.borrow() && !self.readiness.is_filled() {
            missing.push(
                "the SealedSecrets have not been listed yet: the API server does not answer, may not be asked, \
                 or does not know the kind",
            );
        }
        missing
    }
}

/// `GET /v1/cert.pem`: the certificate to seal with.
async fn certificate(State(shared): State<Arc<Shared>>) -> Response {
    if let Err(refusal) = admitted(&shared.certificate).await {
        return refusal;
    }
    match shared.sources.keys.snapshot().sealing(Timestamp::now()) {
        Some(key) => {
            let kind = HeaderValue::from_static("application/x-pem-file");
            ([(header::CONTENT_TYPE, kind)], key.certificate.to_pem().to_owned()).into_response()
        }
        // Upstream's code, and a text that clients of Kubernetes show.
        None => text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "there is no sealing key yet; try again in some seconds\n",
        ),
    }
}

/// `GET /metrics`
async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let (reports, unusable) = key_reports(&shared.sources.keys, Timestamp::now());
    let body = shared.sources.metrics.render(&reports, unusable);
    ([(header::CONTENT_TYPE, HeaderValue::from_static(metrics::CONTENT_TYPE))], body)
        .into_response()
}

fn key_reports(keys: &Registry, now: Timestamp) -> (Vec<KeyReport>, usize) {
    let reports = keys.usage(now).into_iter().map(|key| KeyReport {
        secret: key.secret_name,
        fingerprint: key.fingerprint.to_string(),
        state: key.state,
        seals: key.seals,
        objects: key.objects,
        not_after: key.not_after.as_second(),
    });
    (reports.collect(), keys.snapshot().unusable.len())
}

async fn unknown() -> Response {
    text(
        StatusCode::NOT_FOUND,
        "there is nothing at this path; see /healthz, /readyz, /v1/cert.pem, /v1/verify, /v1/rotate\n",
    )
}

async fn wrong_method() -> Response {
    text(
        StatusCode::METHOD_NOT_ALLOWED,
        "this path takes another method: POST for /v1/verify and /v1/rotate, GET for all others\n",
    )
}

/// Waits for its turn, not for long: a script that asks one thing after the other gets its answers, more than
/// that is refused.
async fn admitted(rate: &Rate) -> Result<(), Response> {
    match rate.take(Instant::now(), LONGEST_WAIT) {
        Ok(wait) => {
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            Ok(())
        }
        Err(retry_after) => Err(later(
            StatusCode::TOO_MANY_REQUESTS,
            retry_after.as_secs().max(1),
            "too many requests",
        )),
    }
}

fn later(code: StatusCode, seconds: u64, why: &str) -> Response {
    let mut response = text(code, &format!("{why}; try again in {seconds} s\n"));
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// Counts the requests to the API as upstream does: not the probes.
async fn counted(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let path = match request.uri().path() {
        "/v1/cert.pem" => "/v1/cert.pem",
        "/v1/verify" => "/v1/verify",
        "/v1/rotate" => "/v1/rotate",
        "/healthz" | "/readyz" => return next.run(request).await,
        _ => "other",
    };
    let method = match *request.method() {
        Method::GET => "get",
        Method::POST => "post",
        Method::HEAD => "head",
        Method::PUT => "put",
        Method::DELETE => "delete",
        Method::OPTIONS => "options",
        Method::PATCH => "patch",
        _ => "unknown",
    };
    let response = next.run(request).await;
    shared.sources.metrics.http_request(path, method, response.status().as_u16(), begun.elapsed());
    response
}

/// An answer of plain text. Nobody may take it for a page.
fn text(code: StatusCode, text: &str) -> Response {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    let nosniff = (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    (code, [kind, nosniff], text.to_owned()).into_response()
}
