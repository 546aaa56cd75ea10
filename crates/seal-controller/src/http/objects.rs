//! `POST /v1/verify` and `POST /v1/rotate`: a SealedSecret comes in and is opened value by value.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::reseal::{self, Resealed};
use super::{Shared, admitted, later, text};

/// How long a request waits for others that are decrypted.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a body may take, which is at most a few megabytes: places for bodies are few.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Requests whose bodies are kept at the same time: whoever sends many slowly must not fill the memory.
const BODIES: usize = 16;

/// Places for requests that cost something. A place is kept until the work is over, even if nobody waits for the answer.
pub(super) struct Work {
    bodies: Arc<Semaphore>,
    /// Half of the cores: whoever floods these paths must not keep the controller from its own work.
    threads: Arc<Semaphore>,
}

impl Work {
    pub(super) fn new() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self {
            bodies: Arc::new(Semaphore::new(BODIES)),
            threads: Arc::new(Semaphore::new((cores / 2).max(1))),
        }
    }

    /// How many requests can be worked on right now.
    #[cfg(test)]
    pub(super) fn free_threads(&self) -> usize {
        self.threads.available_permits()
    }
}

/// Waits for a place, but not for ever.
async fn place(
    places: &Arc<Semaphore>,
    patience: Duration,
) -> Result<OwnedSemaphorePermit, Response> {
    match timeout(patience, places.clone().acquire_owned()).await {
        Ok(Ok(place)) => Ok(place),
        // The semaphores are never closed.
        _ => {
            let seconds = patience.as_secs().max(1);
            Err(later(
                StatusCode::SERVICE_UNAVAILABLE,
                seconds,
                "too many requests are being worked on",
            ))
        }
    }
}

/// `POST /v1/verify`: 200 if every value opens, 409 if not; both without a body, so that the answer has one shape.
pub(super) async fn verify(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let accept_deprecated = shared.sources.accept_deprecated;
    let ring = shared.sources.keys.snapshot().ring();
    if ring.keys().is_empty() {
        return no_key();
    }
    let answer =
        answer(&shared, request, move |source| reseal::opens(&source, &ring, accept_deprecated))
            .await;
    match answer {
        Ok(Ok(true)) => StatusCode::OK.into_response(),
        Ok(Ok(false)) => StatusCode::CONFLICT.into_response(),
        Ok(Err(refusal)) => refused("/v1/verify", &refusal),
        Err(response) => response,
    }
}

/// `POST /v1/rotate`: the same object, each value sealed again with the newest key under the label that opened it.
pub(super) async fn rotate(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let accept_deprecated = shared.sources.accept_deprecated;
    let keys = shared.sources.keys.snapshot();
    let Some(certificate) = keys.sealing(Timestamp::now()).map(|key| key.certificate.clone())
    else {
        return no_key();
    };
    let as_yaml = wants_yaml(request.headers());
    let ring = keys.ring();
    let answer = answer(&shared, request, move |source| {
        reseal::reseal(&source, &ring, &certificate, accept_deprecated, as_yaml)
    });
    match answer.await {
        Ok(Ok(Resealed { text, is_json })) => {
            let kind = if is_json { "application/json" } else { "application/yaml" };
            ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], text).into_response()
        }
        Ok(Err(refusal)) => refused("/v1/rotate", &refusal),
        Err(response) => response,
    }
}

/// Lets a request in, reads its body and works on it on a thread of its own.
pub(super) async fn answer<T: Send + 'static>(
    shared: &Shared,
    request: Request,
    work: impl FnOnce(Bytes) -> T + Send + 'static,
) -> Result<T, Response> {
    admitted(&shared.objects).await?;
    let patience = PATIENCE.min(shared.settings.write_timeout);
    let kept = place(&shared.work.bodies, patience).await?;
    let body = body(request.into_body(), shared).await?;
    let thread = place(&shared.work.threads, patience).await?;
    let done = tokio::task::spawn_blocking(move || {
        let _places = (kept, thread);
        work(body)
    });
    done.await.map_err(|_| {
        text(StatusCode::INTERNAL_SERVER_ERROR, "the request could not be worked on\n")
    })
}

async fn body(body: Body, shared: &Shared) -> Result<Bytes, Response> {
    let limit = shared.settings.body_limit;
    let too_large = || {
        let hint = "see --http-body-limit; Kubernetes itself takes objects of about 1.5 MiB";
        text(
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!("the body is larger than {limit} bytes ({hint})\n"),
        )
    };
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    match timeout(shared.settings.read_timeout.min(BODY_TIMEOUT), to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => {
            let error = error.into_inner();
            // Named by its text: its type is of a crate that axum does not hand on.
            if error.to_string().contains("length limit exceeded") {
                return Err(too_large());
            }
            Err(text(StatusCode::BAD_REQUEST, "the body was cut off\n"))
        }
        Err(_) => Err(text(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not come in time; see --read-timeout\n",
        )),
    }
}

/// What cannot be read has upstream's code, 500, with which clients of Kubernetes show the text.
fn refused(path: &str, refusal: &reseal::Refusal) -> Response {
    tracing::info!(path, "refused a request: {refusal}");
    text(StatusCode::INTERNAL_SERVER_ERROR, &format!("{refusal}\n"))
}

fn no_key() -> Response {
    later(StatusCode::SERVICE_UNAVAILABLE, 5, "there is no sealing key yet")
}

fn wants_yaml(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        ["application/yaml", "application/x-yaml", "text/yaml"].contains(&kind)
    })
}
