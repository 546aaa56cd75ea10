//! TLS to PostgreSQL, with the modes of its own clients.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls_platform_verifier::BuilderVerifierExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use super::connection::Tls;

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector(TlsConnector);

impl Connector {
    /// Prepares them; nobody is asked yet.
    ///
    /// # Errors
    ///
    /// The authorities cannot be had.
    pub(super) fn new(mode: Tls, authorities: Option<&Path>) -> Result<Self, String> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let failed = |error: Error| format!("no client for TLS: {error}");
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(failed)?;
        let roots = authorities.map(read).transpose()?;
        // As PostgreSQL's own clients have it: whoever names authorities wants them looked at.
        let mode = match (mode, &roots) {
            (Tls::Require, Some(_)) => Tls::VerifyAuthority,
            _ => mode,
        };
        let verifier = |checks| Arc::new(Verifier { checks, provider: Arc::clone(&provider) });
        let config = match (mode, roots) {
            (Tls::VerifyFull, Some(roots)) => {
                builder.with_root_certificates(roots).with_no_client_auth()
            }
            (Tls::VerifyFull, None) => {
                builder.with_platform_verifier().map_err(failed)?.with_no_client_auth()
            }
            (Tls::VerifyAuthority, Some(roots)) => {
                let checks = WebPkiServerVerifier::builder_with_provider(
                    Arc::new(roots),
                    Arc::clone(&provider),
                );
                let checks = checks.build().map_err(|error| error.to_string())?;
                builder
                    .dangerous()
                    .with_custom_certificate_verifier(verifier(Some(checks)))
                    .with_no_client_auth()
            }
            (Tls::VerifyAuthority, None) => {
                return Err("sslmode=verify-ca needs sslrootcert; verify-full goes by the system's authorities".to_owned());
            }
            (Tls::Require | Tls::Disable, _) => builder
                .dangerous()
                .with_custom_certificate_verifier(verifier(None))
                .with_no_client_auth(),
        };
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }
}

fn read(path: &Path) -> Result<RootCertStore, String> {
    let failed = |why: String| format!("sslrootcert {}: {why}", path.display());
    let certificates =
        CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
    }
    match roots.is_empty() {
        true => Err(failed("it holds no certificate".to_owned())),
        false => Ok(roots),
    }
}

/// Checks less than usual, because the configuration says so: an authority and any name, or nothing but that whoever
/// answers has the key of the certificate.
#[derive(Debug)]
struct Verifier {
    checks: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(checks) = &self.checks else { return Ok(ServerCertVerified::assertion()) };
        let checked =
            checks.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match checked {
            // The chain is verified before the name.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            checked => checked,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        tokio_rustls::rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        tokio_rustls::rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Connector {
    type Stream = Encrypted<S>;
    type TlsConnect = ConnectorTo;
    type Error = io::Error;

    fn make_tls_connect(&mut self, domain: &str) -> Result<ConnectorTo, io::Error> {
        let name = ServerName::try_from(domain.to_owned()).map_err(io::Error::other)?;
        Ok(ConnectorTo { connector: self.0.clone(), name })
    }
}

/// A connector to one server.
pub(super) struct ConnectorTo {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for ConnectorTo {
    type Stream = Encrypted<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Encrypted<S>, io::Error>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            self.connector
                .connect(self.name, stream)
                .await
                .map(|stream| Encrypted(Box::new(stream)))
        })
    }
}

/// An encrypted connection. The login is not bound to it, as it is not for SOPS.
pub(super) struct Encrypted<S>(Box<TlsStream<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin> tokio_postgres::tls::TlsStream for Encrypted<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Encrypted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Encrypted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
