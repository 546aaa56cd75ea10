//! What AWS answered instead of a result, in the words of [`Failure`].
//!
//! Codes are those that the KMS and STS API references list for Encrypt, Decrypt and AssumeRole, and the common errors
//! of all services. They decide the kind; the message of the service is passed on as it is.

use std::error::Error;

use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};

use super::host::Host;
use super::longest::was_too_long;
use crate::failure::{Failure, FailureKind, Subject};
use crate::rest::{UNRESOLVED, is_of_a_name};

/// A request that was made.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) key: &'a Subject,
    /// Whether the key is used with an encryption context.
    pub(super) has_context: bool,
    /// `kms:Decrypt in eu-west-1`
    pub(super) operation: &'a str,
}

impl Asked<'_> {
    pub(super) fn failure(&self, kind: FailureKind, reason: impl AsRef<str>) -> Failure {
        Failure::new(kind, self.key, self.operation, reason)
    }

    /// What became of a request that gave no result.
    pub(super) fn failed<E>(&self, error: &SdkError<E>, host: &Host) -> Failure
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let (kind, reason) = match error {
            SdkError::ServiceError(context) => {
                let status = context.raw().status().as_u16();
                let meta = context.err().meta();
                if context.raw().status().is_success() {
                    // It holds what was asked for, in a form that is not understood: the data key, or credentials.
                    return self.failure(FailureKind::Malformed, "the answer cannot be read");
                }
                let message = match (meta.code(), meta.message()) {
                    (Some(_), message) => message.unwrap_or_default().to_owned(),
                    (None, Some(message)) => message.to_owned(),
                    (None, None) => self.page(context.raw().body().bytes().unwrap_or_default()),
                };
                return self.refused(status, meta.code(), &message);
            }
            _ if was_too_long(error) => {
                let reason = "the answer is longer than any answer of this service";
                (FailureKind::Malformed, reason.to_owned())
            }
            SdkError::ResponseError(context) => {
                let status = context.raw().status().as_u16();
                let reason = format!("an answer that makes no sense: {}", causes(error));
                (of_status(status).unwrap_or(FailureKind::Malformed), reason)
            }
            SdkError::TimeoutError(_) => (FailureKind::TimedOut, causes(error)),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => {
                (FailureKind::TimedOut, causes(error))
            }
            SdkError::DispatchFailure(failure) if !failure.is_user() => {
                (FailureKind::Unreachable, causes(error))
            }
            _ => (FailureKind::Local, causes(error)),
        };
        match (error, host.name()) {
            (SdkError::DispatchFailure(_), Some(host)) if !self.operation.contains(host) => {
                self.failure(kind, format!("{host}: {reason}"))
            }
            _ => self.failure(kind, reason),
        }
    }

    /// What somebody says who is not AWS, such as a proxy. The answer to a login is never shown, nor is JSON: both may
    /// be the result after all.
    fn page(&self, body: &[u8]) -> String {
        let page = String::from_utf8_lossy(body);
        let is_json = page.trim_start().starts_with(['{', '[', '"']);
        match is_json || self.operation.starts_with("sts:") {
            true => String::new(),
            false => page.into_owned(),
        }
    }

    fn refused(&self, status: u16, code: Option<&str>, message: &str) -> Failure {
        let Some(code) = code.filter(|code| !code.is_empty()) else {
            // A proxy, or a server that is not AWS.
            let kind = of_status(status).unwrap_or(FailureKind::Malformed);
            let what = match status {
                300..400 => "a redirect, which is not followed",
                _ => "no error of AWS",
            };
            let mut reason = format!("status {status}, {what}");
            if !message.trim().is_empty() {
                reason.push_str(": ");
                reason.push_str(message.trim());
            }
            return self.failure(kind, reason);
        };
        let kind = of_code(code, message).or(of_status(status)).unwrap_or(FailureKind::Refused);
        let reason = match message {
            "" => code.to_owned(),
            message => format!("{code}: {message}"),
        };
        let failure = self.failure(kind, reason);
        match hint(kind, code, self) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

fn of_code(code: &str, message: &str) -> Option<FailureKind> {
    use FailureKind::*;
    // KMS asked in the wrong region has never heard of it: "Invalid arn eu-west-1".
    let names_a_region = message.starts_with("Invalid arn") || message.contains("valid region");
    Some(match code {
        "NotFoundException" | "InvalidSignatureException" | "SignatureDoesNotMatch"
            if names_a_region =>
        {
            WrongRegion
        }
        "RegionDisabledException" => WrongRegion,
        "AccessDeniedException"
        | "AccessDenied"
        | "NotAuthorized"
        | "OptInRequired"
        | "KMSAccessDeniedException" => Denied,
        "NotFoundException" | "InvalidArnException" => NotFound,
        "DisabledException" | "KMSInvalidStateException" => Disabled,
        "InvalidCiphertextException" | "IncorrectKeyException" => NotForThisKey,
        "ThrottlingException"
        | "Throttling"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "RequestLimitExceeded"
        | "LimitExceededException"
        | "TooManyRequestsException"
        | "SlowDown" => Throttled,
        "KMSInternalException"
        | "DependencyTimeoutException"
        | "KeyUnavailableException"
        | "InternalFailure"
        | "InternalError"
        | "ServiceUnavailable"
        | "ServiceUnavailableException" => ServerError,
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "ExpiredTokenException"
        | "ExpiredToken"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "RequestExpired"
        | "AuthFailure" => NoCredentials,
        _ => return None,
    })
}

fn of_status(status: u16) -> Option<FailureKind> {
    match status {
        401 | 403 => Some(FailureKind::Denied),
        429 => Some(FailureKind::Throttled),
        500.. => Some(FailureKind::ServerError),
        _ => None,
    }
}

fn hint(kind: FailureKind, code: &str, asked: &Asked<'_>) -> Option<String> {
    let hint = match (kind, code) {
        (FailureKind::NotForThisKey, _) => match asked.has_context {
            false => {
                "the key, and its encryption context (none now), must be those it was encrypted with; restore the `sops` block from an older version of the file"
            }
            true => {
                "the key, and its encryption context (`context`), must be those it was encrypted with; restore the `sops` block from an older version of the file"
            }
        },
        (FailureKind::Denied, _) if asked.operation.starts_with("sts:") => {
            "ask whoever administers the role to let you assume it, by its trust policy and by your own"
        }
        (FailureKind::Denied, _) => {
            "ask whoever administers the key to allow kms:Encrypt and kms:Decrypt with this encryption context, in its policy or in yours"
        }
        (FailureKind::Disabled, "KMSInvalidStateException") => {
            "ask whoever administers the key whether it is about to be deleted: that can be cancelled"
        }
        (
            FailureKind::NoCredentials,
            "ExpiredTokenException" | "ExpiredToken" | "RequestExpired",
        ) => "log in to AWS again, such as with `aws sso login`; check the clock of this machine",
        (FailureKind::NoCredentials, _) => super::credentials::HINT,
        (FailureKind::WrongRegion, "RegionDisabledException") => {
            "have STS activated for the region of the key in the account's settings"
        }
        (FailureKind::Refused, "InvalidKeyUsageException" | "UnsupportedOperationException") => {
            "the key must be a symmetric one that encrypts and decrypts"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

/// What layers of the SDK say of the errors below them, which is nothing.
const LAYERS: [&str; 5] = [
    "dispatch failure",
    "service error",
    "io error",
    "client error (Connect)",
    "tcp connect error",
];

/// An error and what caused it, each said once.
pub(super) fn causes(error: &dyn Error) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let words = error.to_string();
        if is_of_a_name(&words) {
            said.push(UNRESOLVED.to_owned());
            break;
        }
        // Some repeat in their own words what their cause says.
        if !LAYERS.contains(&&*words) && !said.iter().any(|said| said.contains(&words)) {
            said.push(words);
        }
        next = error.source();
    }
    said.join(": ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use aws_sdk_kms::error::ConnectorError;

    use seal_core::envelope::MasterKey;

    use super::*;

    fn refused(status: u16, code: &str, message: &str) -> Failure {
        let key = MasterKey::AwsKms {
            arn: "arn:aws:kms:eu-west-1:1:key/k".to_owned(),
            role: None,
            context: BTreeMap::new(),
            aws_profile: None,
        };
        let asked = Asked { key: &key, has_context: false, operation: "kms:Decrypt in eu-west-1" };
        asked.refused(status, Some(code), message)
    }

    #[test]
    fn codes_decide_the_kind() {
        use FailureKind::*;
        for (status, code, message, kind) in [
            (400, "AccessDeniedException", "User is not authorized", Denied),
            (403, "AccessDenied", "not authorized to perform sts:AssumeRole", Denied),
            (400, "NotFoundException", "Key 'k' does not exist", NotFound),
            (400, "NotFoundException", "Invalid arn us-east-1", WrongRegion),
            (400, "DisabledException", "k is disabled.", Disabled),
            (400, "KMSInvalidStateException", "k is pending deletion.", Disabled),
            (400, "InvalidCiphertextException", "", NotForThisKey),
            (400, "IncorrectKeyException", "", NotForThisKey),
            (400, "ThrottlingException", "Rate exceeded", Throttled),
            (500, "KMSInternalException", "", ServerError),
            (503, "SomethingNew", "", ServerError),
            (500, "KeyUnavailableException", "", ServerError),
            (400, "UnrecognizedClientException", "The security token is invalid", NoCredentials),
            (400, "ExpiredTokenException", "", NoCredentials),
            (403, "InvalidClientTokenId", "", NoCredentials),
            (403, "SignatureDoesNotMatch", "", NoCredentials),
            (
                403,
                "SignatureDoesNotMatch",
                "Credential should be scoped to a valid region.",
                WrongRegion,
            ),
            (403, "RegionDisabledException", "", WrongRegion),
            (400, "ValidationException", "", Refused),
            (400, "InvalidKeyUsageException", "", Refused),
        ] {
            let failure = refused(status, code, message);
            assert_eq!(failure.kind, kind, "{code} {message}");
            assert!(failure.reason.starts_with(code));
            assert!(kind == Refused || failure.next_step().is_some());
        }
        assert_eq!(
            refused(400, "AccessDeniedException", "User x is not\nauthorized").reason,
            "AccessDeniedException: User x is not authorized"
        );
    }

    #[test]
    fn without_a_code_the_status_decides() {
        use FailureKind::*;
        for (status, kind) in [
            (302, Malformed),
            (400, Malformed),
            (403, Denied),
            (429, Throttled),
            (502, ServerError),
        ] {
            assert_eq!(refused(status, "", "").kind, kind, "{status}");
        }
        assert_eq!(refused(502, "", " <h1>no\n").reason, "status 502, no error of AWS: <h1>no");
    }

    #[test]
    fn a_connection_that_failed_names_the_host() {
        type Refused = SdkError<aws_sdk_kms::operation::decrypt::DecryptError>;
        let key = MasterKey::GcpKms { resource_id: String::new() };
        let asked = Asked { key: &key, has_context: false, operation: "kms:Decrypt in eu-west-1" };
        for (why, says) in [
            ("dns error", "kms.example: the name cannot be resolved"),
            ("connection refused", "kms.example: connection refused"),
        ] {
            let error = ConnectorError::io(std::io::Error::other(why).into());
            let failure = asked.failed(&Refused::dispatch_failure(error), &Host::of("kms.example"));
            assert_eq!((failure.kind, &*failure.reason), (FailureKind::Unreachable, says));
        }
    }

    #[test]
    fn causes_are_not_repeated() {
        let io = std::io::Error::other("connection refused");
        let outer = std::io::Error::other(io);
        assert_eq!(causes(&outer), "connection refused");
    }
}
