//! The certificate that values are sealed with.

use std::path::Path;
use std::sync::OnceLock;

use seal_api::sealing::SealingCertificate;
use seal_keys::Environment;
use serde_json::{Value, json};

use crate::args::CertificateArgs;
use crate::clock;
use crate::cluster::{self, Access};
use crate::error::CommandError;
use crate::write;

/// The variable that stands for `--cert`, as for kubeseal.
const VARIABLE: &str = "SEALED_SECRETS_CERT";

/// The certificate of a run. It is read, or fetched, when the first value is to be sealed.
pub(in crate::commands) struct Certificate {
    source: Option<String>,
    access: Access,
    environment: Environment,
    found: OnceLock<Result<SealingCertificate, CommandError>>,
}

impl Certificate {
    pub(in crate::commands) fn new(arguments: &CertificateArgs, environment: &Environment) -> Self {
        let set = || environment.variable(VARIABLE).filter(|value| !value.is_empty());
        let source = arguments.cert.clone();
        Self {
            source: source.or_else(|| set().map(|value| value.to_string_lossy().into_owned())),
            access: Access::from(&arguments.cluster, environment),
            environment: environment.clone(),
            found: OnceLock::new(),
        }
    }

    /// The cluster that it would be fetched from.
    pub(in crate::commands) fn access(&self) -> &Access {
        &self.access
    }

    /// What may seal now.
    ///
    /// # Errors
    /// It cannot be had, is none, or its time is over or has not come.
    pub(in crate::commands) fn get(&self) -> Result<&SealingCertificate, CommandError> {
        let found = self.found.get_or_init(|| {
            let certificate = self.read()?;
            check_time(&certificate, &self.name())?;
            Ok(certificate)
        });
        found.as_ref().map_err(Clone::clone)
    }

    /// The certificate, whatever the time.
    pub(in crate::commands) fn read(&self) -> Result<SealingCertificate, CommandError> {
        let pem = match &self.source {
            Some(source) if cluster::is_file(source) => {
                let path = source.strip_prefix("file://").unwrap_or(source);
                let read = write::read(Path::new(path)).map_err(|error| {
                    CommandError::from(error)
                        .hint("`seal cert > FILE` keeps the certificate of a cluster in a file")
                })?;
                read.bytes.expose().to_vec()
            }
            Some(source) => cluster::certificate(source, &self.environment)?,
            None => self.access.fetch_certificate()?,
        };
        SealingCertificate::from_pem(&pem).map_err(|error| {
            CommandError::failed(format!("{}: {error}", self.name())).hint(
                "`seal cert` prints the certificate of a cluster; a private key or a public key alone is none",
            )
        })
    }

    /// The one that was used, if any was.
    pub(in crate::commands) fn used(&self) -> Option<&SealingCertificate> {
        self.found.get()?.as_ref().ok()
    }

    /// Where it comes from, for messages.
    pub(in crate::commands) fn name(&self) -> String {
        match &self.source {
            Some(source) => source.clone(),
            None => "the certificate of the controller".to_owned(),
        }
    }
}

/// What is said of a certificate.
pub(in crate::commands) struct Described<'c>(pub(in crate::commands) &'c SealingCertificate);

impl Described<'_> {
    /// `SHA256:…, valid until 2036-11-17`
    pub(in crate::commands) fn line(&self) -> String {
        format!("{}, valid until {}", self.0.fingerprint(), date(self.0.not_after()))
    }

    pub(in crate::commands) fn object(&self) -> Value {
        json!({
            "fingerprint": self.0.fingerprint().as_str(),
            "not_before": self.0.not_before().to_string(),
            "not_after": self.0.not_after().to_string(),
        })
    }
}

/// The day of a point in time.
pub(in crate::commands) fn date(time: impl ToString) -> String {
    let time = time.to_string();
    time.split('T').next().unwrap_or_default().to_owned()
}

/// Refuses a certificate that must not seal now.
fn check_time(certificate: &SealingCertificate, name: &str) -> Result<(), CommandError> {
    let now = clock::unix_seconds();
    let (from, until) = (certificate.not_before(), certificate.not_after());
    if now > until.as_second() {
        return Err(CommandError::failed(format!("{name}: the certificate expired at {until}")).hint(
            "fetch the current one: `seal cert > cert.pem`; what was sealed with this one can still be opened",
        ));
    }
    if now < from.as_second() {
        return Err(CommandError::failed(format!("{name}: the certificate is valid only from {from} on"))
            .hint("check the clock of this machine (`date -u`); a certificate from the future seals nothing, as anybody may have slipped it in"));
    }
    Ok(())
}
