//! What it means when the API server does not do what was asked.

use std::time::Duration;

use kube::core::Status;
use seal_api::condition::{Reason, Report};

use super::{Identity, immutable_text};

/// A request that was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What to say about it.
    pub(crate) report: Report,
    /// It passes by itself; one or two of these are not worth a word in the status.
    pub(crate) passing: bool,
    /// The Secret is not the one that was planned for: look again at once.
    pub(crate) conflict: bool,
    /// The Secret itself is invalid: trying again changes nothing.
    pub(crate) invalid: bool,
    /// How long the API server wants to be left alone.
    pub(crate) retry_after: Duration,
}

/// Sorts an error. `verb` says what was tried: `create`, `update`, `read`, … `forward` is whether the words of the API
/// server may be passed on: not where they could quote what was sealed.
pub(crate) fn refusal(
    error: &kube::Error,
    verb: &str,
    identity: &Identity,
    forward: bool,
) -> Refusal {
    let place = format!("Secret {}/{}", identity.namespace, identity.name);
    let failed = |why: String| {
        Report::failed(Reason::UpdateFailed, format!("failed to {verb} {place}: {why}"))
    };
    let kube::Error::Api(status) = error else {
        return Refusal {
            report: failed(
                "the API server cannot be reached or does not answer; this is tried again"
                    .to_owned(),
            ),
            passing: true,
            conflict: false,
            invalid: false,
            retry_after: Duration::ZERO,
        };
    };
    let words = if forward && !status.message.is_empty() {
        status.message.as_str()
    } else {
        "it gives no reason that can be shown"
    };
    let invalid = invalid_fields(status);
    let words = if status.code == 422 { invalid.as_str() } else { words };
    let retry_after = status.details.as_ref().map_or(0, |details| details.retry_after_seconds);
    let report = match status.code {
        _ if status.message.contains("field is immutable when `immutable` is set") => {
            Report::failed(Reason::Immutable, immutable_text(identity))
        }
        401 => failed(format!(
            "the API server does not know the controller ({words}); check its service account"
        )),
        403 if status.message.contains("being terminated") => {
            failed(format!("the namespace {} is being deleted", identity.namespace))
        }
        403 if status.message.contains("exceeded quota") => {
            failed(format!("{words}; raise the quota or make room"))
        }
        403 => {
            failed(format!("{words}; check the controller's role (RBAC) and admission policies"))
        }
        404 => failed(format!("{words}; is the namespace {} gone?", identity.namespace)),
        409 => failed("it is being changed by others all the time; this is tried again".to_owned()),
        429 => failed("the API server has too much to do (429); this is tried again".to_owned()),
        500.. => {
            failed(format!("the API server failed ({}: {words}); this is tried again", status.code))
        }
        code => failed(format!("the API server refused it ({code}): {words}")),
    };
    Refusal {
        report,
        passing: status.code == 409 || status.code == 429 || status.code >= 500,
        conflict: matches!(status.code, 404 | 409) && verb != "read",
        invalid: status.code == 422,
        retry_after: Duration::from_secs(u64::from(retry_after)),
    }
}

/// Which fields the API server will not take, and why as far as that quotes nothing: its sentences show parts of values, such
/// as the character of a `.dockerconfigjson` at which JSON ends.
fn invalid_fields(status: &Status) -> String {
    let causes =
        status.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default();
    let fields: Vec<String> = causes
        .iter()
        .take(5)
        .map(|cause| {
            let why = if cause.message.contains("field is immutable") {
                "field is immutable"
            } else {
                match cause.reason.as_str() {
                    "FieldValueRequired" => "is required",
                    "FieldValueTooLong" => "is too long",
                    "FieldValueForbidden" => "is forbidden",
                    "FieldValueNotSupported" => "has an unsupported value",
                    _ => "is invalid",
                }
            };
            format!("{:.300}: {why}", cause.field)
        })
        .collect();
    if fields.is_empty() { "it is invalid".to_owned() } else { fields.join(", ") }
}
