//! Asks one remote key service.

use std::error::Error;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use prost::Message;
use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;
use tokio::net::UnixStream;
use tonic::client::Grpc;
use tonic::codegen::http::Uri;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use tower_service::Service;

use super::messages::{
    DECRYPT, DecryptRequest, DecryptResponse, ENCRYPT, EncryptRequest, EncryptResponse, Key,
    LONGEST,
};
use super::server::REFUSED;
use super::uri::RemoteUri;
use crate::failure::{Failure, FailureKind};
use crate::service::Wrapped;
use crate::session::Session;
use crate::unavailable::Unavailable;

/// What to do where a service has none for a key of age.
pub(super) const NO_IDENTITY: &str =
    "the key service has no identity for it: point SOPS_AGE_KEY_FILE at one where it runs";

/// One service, connected to when it is first needed.
pub(super) struct Remote {
    uri: RemoteUri,
    session: Arc<Session>,
    channel: OnceLock<Channel>,
    unavailable: Unavailable,
}

impl Remote {
    pub(super) fn new(uri: RemoteUri, session: Arc<Session>) -> Self {
        Self { uri, session, channel: OnceLock::new(), unavailable: Unavailable::default() }
    }

    pub(super) fn wrap(&self, key: &MasterKey, secret: &SecretBytes) -> Result<Wrapped, Failure> {
        let operation = self.operation("encrypt");
        if let MasterKey::AzureKeyVault { version, .. } = key
            && version.is_empty()
        {
            let reason =
                "the answer of a key service does not say which version of the key it used";
            return Err(Failure::new(FailureKind::Name, key, operation, reason)
                .hint("name the version of the key, .../keys/NAME/VERSION"));
        }
        let plaintext = secret.expose().to_vec();
        let request = EncryptRequest { key: Some(key.into()), plaintext };
        let response: EncryptResponse = self.call(key, &operation, ENCRYPT, request)?;
        match String::from_utf8(response.ciphertext) {
            Ok(enc) if !enc.is_empty() => Ok(Wrapped { key: key.clone(), enc }),
            _ => Err(malformed(key, &operation)),
        }
    }

    pub(super) fn unwrap(&self, key: &MasterKey, enc: &str) -> Result<SecretBytes, Failure> {
        let operation = self.operation("decrypt");
        let request =
            DecryptRequest { key: Some(Key::from(key)), ciphertext: enc.as_bytes().to_vec() };
        let mut response: DecryptResponse = self.call(key, &operation, DECRYPT, request)?;
        match response.plaintext.is_empty() {
            true => Err(malformed(key, &operation)),
            false => Ok(SecretBytes::new(std::mem::take(&mut response.plaintext))),
        }
    }

    pub(super) fn uri(&self) -> &RemoteUri {
        &self.uri
    }

    fn operation(&self, what: &str) -> String {
        format!("{what} at {}", self.uri)
    }

    /// Only connecting has the short limit of a call: at the other end a person may be asked. For the same reason there
    /// is one try only; the service makes its own.
    fn call<Q, A>(
        &self,
        key: &MasterKey,
        operation: &str,
        method: &'static str,
        request: Q,
    ) -> Result<A, Failure>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let ask = async || {
            let mut grpc = Grpc::new(self.channel()).max_decoding_message_size(LONGEST);
            let unreachable = |error: tonic::transport::Error| {
                Failure::new(FailureKind::Unreachable, key, operation, deepest(&error))
            };
            grpc.ready().await.map_err(unreachable)?;
            let path = PathAndQuery::from_static(method);
            let answer = grpc.unary(Request::new(request), path, ProstCodec::default()).await;
            let answer = answer.map_err(|status| failure(key, operation, &status))?;
            Ok(answer.into_inner())
        };
        self.unavailable.unless(key, || self.session.calls.run(key, operation, ask()))
    }

    /// Must be called inside the runtime, which then runs the connection.
    fn channel(&self) -> Channel {
        let limit = self.session.calls.limits().per_call;
        let connect = || match &self.uri {
            RemoteUri::Tcp { host, port } => {
                // Names and addresses of a [`RemoteUri`] are valid ones of a URL; if not, nothing listens there.
                let endpoint = Endpoint::from_shared(format!("http://{host}:{port}"))
                    .unwrap_or_else(|_| Endpoint::from_static("http://invalid.invalid"));
                endpoint.connect_timeout(limit).connect_lazy()
            }
            RemoteUri::Unix(path) => Endpoint::from_static("http://localhost")
                .connect_timeout(limit)
                .connect_with_connector_lazy(UnixConnector(path.clone())),
        };
        self.channel.get_or_init(connect).clone()
    }
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("uri", &self.uri).finish_non_exhaustive()
    }
}

fn malformed(key: &MasterKey, operation: &str) -> Failure {
    Failure::new(FailureKind::Malformed, key, operation, "the answer is empty or no text")
}

/// SOPS's server has one status for all that goes wrong, with its words; ours says which (see `server.rs`).
fn failure(key: &MasterKey, operation: &str, status: &Status) -> Failure {
    let source = status.source();
    if source.is_some_and(has_stopped) {
        let reason = "the key service stopped while it was asked";
        return Failure::new(FailureKind::Unreachable, key, operation, reason)
            .hint("look at what the key service said last, and start it again");
    }
    let kind = match status.code() {
        Code::Unavailable => FailureKind::Unreachable,
        // Made here, because what came over the connection is no gRPC.
        Code::Unknown | Code::Internal | Code::Cancelled if source.is_some() => {
            FailureKind::Malformed
        }
        Code::Unauthenticated => FailureKind::NoCredentials,
        Code::PermissionDenied => FailureKind::Denied,
        Code::NotFound => FailureKind::NotFound,
        Code::InvalidArgument => FailureKind::Name,
        Code::FailedPrecondition => FailureKind::Disabled,
        Code::DataLoss => FailureKind::NotForThisKey,
        Code::DeadlineExceeded => FailureKind::TimedOut,
        Code::OutOfRange => FailureKind::Malformed,
        _ => FailureKind::Refused,
    };
    let reason = match (status.message(), source) {
        ("", None) => status.code().description().to_owned(),
        // Ours begins with the key, as this failure does.
        (message, None) => message.strip_prefix(&format!("{key}: ")).unwrap_or(message).to_owned(),
        (_, Some(source)) => deepest(source),
    };
    let failure = Failure::new(kind, key, operation, reason);
    match status.code() {
        Code::Unavailable => failure
            .hint("start the key service, or check its address (`--keyservice`, SOPS_KEYSERVICE)"),
        Code::Unimplemented => failure.hint("the server is no key service of sops or seal"),
        Code::PermissionDenied if status.message() == REFUSED => {
            failure.hint("ask them; they said no")
        }
        Code::Unauthenticated => failure.hint(match key {
            MasterKey::Age { .. } => NO_IDENTITY,
            MasterKey::Pgp { .. } => "gpg has no secret key for it where the key service runs",
            _ => "the key service has no credentials for it: set them where it runs",
        }),
        Code::InvalidArgument | Code::Unknown => failure.hint("the key service's log says more"),
        _ => failure,
    }
}

/// Whether a connection ended that had been made. The errors of HTTP/2 are told apart by their words only.
fn has_stopped(error: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source()).any(
        |error| {
            let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
            kind.is_some_and(|kind| {
                matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
            }) || error.to_string().contains("broken pipe")
        },
    )
}

/// The reason of the reasons: those above it only say "transport error".
fn deepest(error: &(dyn Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

/// Connects to a unix socket, whatever address is asked for.
struct UnixConnector(PathBuf);

impl Service<Uri> for UnixConnector {
    type Response = TokioIo<UnixStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<UnixStream>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let path = self.0.clone();
        Box::pin(async move { Ok(TokioIo::new(UnixStream::connect(path).await?)) })
    }
}
