//! Answers as a key service, with any [`KeyService`] behind it.
//!
//! References in requests are as hostile as those in files: the service's own settings say what is followed.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::codegen::http;
use tonic::server::{Grpc, UnaryService};
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;
use tower_service::Service;

use super::listener::Listener;
use super::messages::{
    DECRYPT, DecryptRequest, DecryptResponse, ENCRYPT, EncryptRequest, EncryptResponse, Key,
    LONGEST,
};
use crate::failure::FailureKind;
use crate::service::{KeyService, UnwrapError, WrapError};

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What to do.
    pub operation: Operation,
    /// With which key.
    pub key: MasterKey,
}

/// What a key service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Wraps a data key.
    Encrypt,
    /// Unwraps one.
    Decrypt,
}

/// Stands at the door of a key service.
pub trait Guard: Send + Sync {
    /// Whether to do it, asked before anything is done.
    fn allows(&self, asked: &Asked) -> bool;

    /// Whether [`Guard::allows`] waits for a person, who must not get two questions at once.
    fn asks_a_person(&self) -> bool;

    /// What became of it; `None` is success.
    fn answered(&self, asked: &Asked, problem: Option<&str>);

    /// A connection was refused, because of who opened it.
    fn refused(&self, why: &str);
}

/// Serves until the process ends or the listener fails. `service` makes the service anew where one has given up: what it
/// remembers of a server that could not be reached is good for a run, not for days.
///
/// # Errors
///
/// The runtime cannot be started, or the listener cannot be used.
pub fn serve<S: KeyService + 'static>(
    listener: Listener,
    service: impl Fn() -> S + Send + Sync + 'static,
    guard: Arc<dyn Guard>,
) -> io::Result<()> {
    // Providers block, and start calls on a runtime of their own, so each request has a thread beside this runtime.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(REQUESTS_AT_ONCE)
        .thread_name("key-service")
        .enable_all()
        .build()?;
    let current = Mutex::new(Arc::new(service()));
    let make = Box::new(service);
    let handler = Handler { make, current, guard: Arc::clone(&guard), turn: Mutex::new(()) };
    let routes = Routes(Arc::new(handler));
    let server = || {
        Server::builder()
            .concurrency_limit_per_connection(REQUESTS_AT_ONCE)
            .max_concurrent_streams(REQUESTS_AT_ONCE as u32)
            .http2_keepalive_interval(Some(Duration::from_secs(30)))
    };
    let served = runtime.block_on(async {
        let served = match listener {
            Listener::Unix(socket) => {
                let connections = socket.connections(guard)?;
                server().serve_with_incoming(routes, connections).await
            }
            Listener::Tcp(listener) => {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                server().serve_with_incoming(routes, TcpListenerStream::new(listener)).await
            }
        };
        served.map_err(io::Error::other)
    });
    runtime.shutdown_background();
    served
}

const REQUESTS_AT_ONCE: usize = 64;

/// Does what requests ask for.
struct Handler<S> {
    make: Box<dyn Fn() -> S + Send + Sync>,
    current: Mutex<Arc<S>>,
    guard: Arc<dyn Guard>,
    turn: Mutex<()>,
}

impl<S: KeyService> Handler<S> {
    /// Does one thing, if the guard allows it, and tells what became of it.
    fn answer<T>(
        &self,
        operation: Operation,
        key: Option<Key>,
        act: impl FnOnce(&S, &MasterKey) -> Result<T, Status>,
    ) -> Result<T, Status> {
        let key = key.and_then(Key::master_key);
        let key = key.ok_or_else(|| Status::invalid_argument("the request names no known key"))?;
        let asked = Asked { operation, key };
        let _turn = self
            .guard
            .asks_a_person()
            .then(|| self.turn.lock().unwrap_or_else(PoisonError::into_inner));
        let outcome = match self.guard.allows(&asked) {
            true => act(&self.service(), &asked.key),
            false => Err(Status::permission_denied("refused by whoever runs the key service")),
        };
        self.guard.answered(&asked, outcome.as_ref().err().map(Status::message));
        let given_up = [Code::Unauthenticated, Code::DeadlineExceeded, Code::Unknown];
        if outcome.as_ref().is_err_and(|status| given_up.contains(&status.code())) {
            self.start_afresh();
        }
        outcome
    }

    fn service(&self) -> Arc<S> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn start_afresh(&self) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new((self.make)());
    }
}

fn encrypt<S: KeyService>(
    handler: &Handler<S>,
    mut request: EncryptRequest,
) -> Result<EncryptResponse, Status> {
    let secret = SecretBytes::new(std::mem::take(&mut request.plaintext));
    handler.answer(Operation::Encrypt, request.key.take(), |service, key| {
        let wrapped = service.wrap(key, &secret).map_err(|error| wrap_status(&error))?;
        Ok(EncryptResponse { ciphertext: wrapped.enc.into_bytes() })
    })
}

fn decrypt<S: KeyService>(
    handler: &Handler<S>,
    request: DecryptRequest,
) -> Result<DecryptResponse, Status> {
    let DecryptRequest { key, ciphertext } = request;
    handler.answer(Operation::Decrypt, key, |service, key| {
        let enc = String::from_utf8(ciphertext)
            .map_err(|_| Status::data_loss("the wrapped data key is no text"))?;
        let secret = service.unwrap(key, &enc).map_err(|error| unwrap_status(&error))?;
        Ok(DecryptResponse { plaintext: secret.expose().to_vec() })
    })
}

fn wrap_status(error: &WrapError) -> Status {
    match error {
        WrapError::Service(failure) => status(failure.kind, failure.to_string()),
        _ => Status::invalid_argument(error.to_string()),
    }
}

fn unwrap_status(error: &UnwrapError) -> Status {
    match error {
        UnwrapError::Service(failure) => status(failure.kind, failure.to_string()),
        UnwrapError::NoIdentity { .. } | UnwrapError::NotKnown { .. } => {
            Status::unauthenticated(error.to_string())
        }
        UnwrapError::NotForThisKey { .. }
        | UnwrapError::Damaged { .. }
        | UnwrapError::Length { .. } => Status::data_loss(error.to_string()),
    }
}

/// As `client.rs` reads it. What may pass has no status of its own: the service has tried it often enough.
fn status(kind: FailureKind, message: String) -> Status {
    match kind {
        FailureKind::Name => Status::invalid_argument(message),
        FailureKind::NoCredentials => Status::unauthenticated(message),
        FailureKind::Denied | FailureKind::NotAllowed => Status::permission_denied(message),
        FailureKind::NotFound => Status::not_found(message),
        FailureKind::Disabled => Status::failed_precondition(message),
        FailureKind::NotForThisKey => Status::data_loss(message),
        FailureKind::TimedOut => Status::deadline_exceeded(message),
        FailureKind::WrongRegion
        | FailureKind::Sealed
        | FailureKind::Throttled
        | FailureKind::ServerError
        | FailureKind::Unreachable
        | FailureKind::Malformed
        | FailureKind::Local
        | FailureKind::Refused => Status::unknown(message),
    }
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Finds the method that a request calls.
struct Routes<S>(Arc<Handler<S>>);

impl<S> Clone for Routes<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: KeyService + 'static> Service<http::Request<Body>> for Routes<S> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let handler = Arc::clone(&self.0);
        match request.uri().path() {
            ENCRYPT => Box::pin(async move {
                let mut grpc = Grpc::new(ProstCodec::default()).max_decoding_message_size(LONGEST);
                Ok(grpc.unary(Encrypt(handler), request).await)
            }),
            DECRYPT => Box::pin(async move {
                let mut grpc = Grpc::new(ProstCodec::default()).max_decoding_message_size(LONGEST);
                Ok(grpc.unary(Decrypt(handler), request).await)
            }),
            _ => Box::pin(async { Ok(Status::unimplemented("no such method").into_http()) }),
        }
    }
}

struct Encrypt<S>(Arc<Handler<S>>);
struct Decrypt<S>(Arc<Handler<S>>);

impl<S: KeyService + 'static> UnaryService<EncryptRequest> for Encrypt<S> {
    type Response = EncryptResponse;
    type Future = BoxFuture<Result<Response<EncryptResponse>, Status>>;

    fn call(&mut self, request: Request<EncryptRequest>) -> Self::Future {
        let handler = Arc::clone(&self.0);
        Box::pin(blocking(move || encrypt(&handler, request.into_inner())))
    }
}

impl<S: KeyService + 'static> UnaryService<DecryptRequest> for Decrypt<S> {
    type Response = DecryptResponse;
    type Future = BoxFuture<Result<Response<DecryptResponse>, Status>>;

    fn call(&mut self, request: Request<DecryptRequest>) -> Self::Future {
        let handler = Arc::clone(&self.0);
        Box::pin(blocking(move || decrypt(&handler, request.into_inner())))
    }
}

async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, Status> + Send + 'static,
) -> Result<Response<T>, Status> {
    let outcome = tokio::task::spawn_blocking(act).await;
    outcome.map_err(|_| Status::internal("the key service failed"))?.map(Response::new)
}
