//! Accepts connections and keeps each within bounds.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::stall::Stalled;
use crate::process::stopped;
use crate::settings::HttpSettings;

/// Connections at the same time, per address.
const CONNECTIONS: usize = 256;
/// How long the head of a request may take, and how long a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Fields in the head of a request.
const HEADERS: usize = 64;
/// Bytes of the head of a request.
const HEAD_BYTES: usize = 32 * 1024;
/// A pause after an error that will not have passed at once, such as too many open files.
const PAUSE: Duration = Duration::from_millis(200);

/// What a connection may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    head: Duration,
    write: Duration,
}

impl Limits {
    pub(super) fn of(settings: &HttpSettings) -> Self {
        Self { head: settings.read_timeout.min(HEAD_TIMEOUT), write: settings.write_timeout }
    }
}

/// Serves connections until `shutdown` is true (or its sender gone) and those that are open have ended.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    mut shutdown: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stopped(&mut shutdown) => break,
            // Those that ended.
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &places) => accepted,
        };
        let (stream, place) = accepted;
        let (router, shutdown) = (router.clone(), shutdown.clone());
        connections.spawn(async move {
            let _place = place;
            connection(stream, router, limits, shutdown).await;
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed.
    let place = places.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    router: Router,
    limits: Limits,
    mut shutdown: watch::Receiver<bool>,
) {
    let io = TokioIo::new(Stalled::new(stream, limits.write));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_headers(HEADERS)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(io, TowerToHyperService::new(router));
    tokio::pin!(serving);
    // How a connection ends is the other end's business; requests are counted where they are answered.
    tokio::select! {
        _ = serving.as_mut() => {}
        () = stopped(&mut shutdown) => {
            serving.as_mut().graceful_shutdown();
            let _ = serving.await;
        }
    }
}
