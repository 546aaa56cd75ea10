//! `seal cert`

use seal_api::sealing::SealingCertificate;
use serde_json::json;

use super::sealing::{Certificate, Described, SealingKeys};
use super::{Context, Outcome};
use crate::args::CertArgs;
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::reason::Reason;
use crate::ui::Report;

pub(super) fn run(arguments: &CertArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    let certificate = Certificate::new(&arguments.certificate, context.environment);
    // One that must not seal can still be looked at.
    let found = match arguments.check {
        true => certificate.get()?.clone(),
        false => certificate.read()?,
    };
    let keys = SealingKeys::new(&arguments.keys, context.environment);
    let has_key = match arguments.keys.sealing_key.is_empty() {
        true => None,
        false => Some(check_key(&found, &keys)?),
    };
    if !arguments.check {
        context.ui.write_stdout(found.to_pem().as_bytes())?;
    }
    let mut line = Described(&found).line();
    if has_key.is_some() {
        line.push_str(", and its private key is there");
    }
    let mut report = Report { line: Some(line), ..Report::silent() };
    report.details.insert("certificate".to_owned(), Described(&found).object());
    report.details.insert("private_key".to_owned(), json!(has_key));
    Ok(Outcome { report, code: ExitCode::Done })
}

/// Whether the private key of the certificate is among those given: a backup that misses the newest one is stale.
fn check_key(certificate: &SealingCertificate, keys: &SealingKeys) -> Result<bool, CommandError> {
    let ring = keys.ring()?;
    let fits = ring.keys().iter().any(|key| key.fingerprint() == certificate.fingerprint());
    if fits {
        return Ok(true);
    }
    let here: Vec<String> = ring.keys().iter().map(|key| key.fingerprint().to_string()).collect();
    Err(CommandError::no_key(format!(
        "the sealing keys that were given do not hold the private key of {}",
        certificate.fingerprint()
    ))
    .because(Reason::NoDataKey)
    .hint(format!(
        "they are {}; a backup made before the last renewal misses the newest key: make it anew",
        here.join(", ")
    )))
}
