//! Why the API server did not do what was asked, in words for people. Never quotes an object.

use std::fmt;

/// A failed request, with what it was for. Displays as one line: what failed, where, why, and what to do where that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiFailure {
    /// `create secrets kube-system/sealed-secrets-key7x9k2`
    request: String,
    cause: Cause,
}

/// What kinds of failure are treated differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    /// 404
    NotFound,
    /// 409: somebody else was faster
    Conflict,
    /// 403: a permission or a quota; the server's words
    Forbidden(String),
    /// Another refusal: status code and the server's words.
    Refused(u16, String),
    /// No answer in time.
    Silent,
    /// No answer that could be read: the connection failed.
    Unreachable(String),
}

impl ApiFailure {
    /// `verb`, `resource` and `place` as in a rule of RBAC: `get`, `leases`, `namespace/name`.
    pub(crate) fn new(
        verb: &str,
        resource: &str,
        place: impl fmt::Display,
        error: &kube::Error,
    ) -> Self {
        let cause = match error {
            kube::Error::Api(status) => match status.code {
                404 => Cause::NotFound,
                409 => Cause::Conflict,
                403 => Cause::Forbidden(status.message.clone()),
                code => Cause::Refused(code, status.message.clone()),
            },
            other => Cause::Unreachable(innermost(other)),
        };
        Self { request: format!("{verb} {resource} {place}"), cause }
    }

    /// The server did not answer in the time that it was given.
    pub(crate) fn silent(verb: &str, resource: &str, place: impl fmt::Display) -> Self {
        Self { request: format!("{verb} {resource} {place}"), cause: Cause::Silent }
    }

    /// What happened.
    pub(crate) fn cause(&self) -> &Cause {
        &self.cause
    }
}

impl fmt::Display for ApiFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: ", self.request)?;
        match &self.cause {
            Cause::NotFound => f.write_str("it does not exist"),
            Cause::Conflict => f.write_str("somebody else changed it at the same time"),
            Cause::Forbidden(words) if words.contains("quota") => {
                write!(f, "{words}; raise the quota of the namespace")
            }
            Cause::Forbidden(words) => {
                write!(
                    f,
                    "{words}; grant this to the controller's service account (the chart's roles do)"
                )
            }
            Cause::Refused(code, words) => write!(f, "the API server answered {code}: {words}"),
            Cause::Silent => f.write_str("the API server did not answer in time"),
            Cause::Unreachable(words) => write!(f, "the API server cannot be reached: {words}"),
        }
    }
}

impl std::error::Error for ApiFailure {}

/// The last of a chain of errors, which says most: `connection refused` instead of `client error (Connect)`.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u16, message: &str) -> kube::Error {
        let status = kube::core::Status {
            code,
            message: message.to_owned(),
            ..kube::core::Status::default()
        };
        kube::Error::Api(Box::new(status))
    }

    #[test]
    fn a_missing_permission_is_named_with_what_to_do() {
        let failure = ApiFailure::new(
            "get",
            "leases",
            "kube-system/seal-controller",
            &refused(403, "leases is forbidden"),
        );
        assert_eq!(
            failure.to_string(),
            "cannot get leases kube-system/seal-controller: leases is forbidden; grant this to the controller's service account \
             (the chart's roles do)"
        );
    }

    #[test]
    fn a_quota_is_not_taken_for_a_missing_permission() {
        let failure =
            ApiFailure::new("create", "secrets", "a/b", &refused(403, "exceeded quota: count"));
        assert!(failure.to_string().ends_with("raise the quota of the namespace"), "{failure}");
    }

    #[test]
    fn conflicts_and_absence_are_told_apart() {
        assert_eq!(
            ApiFailure::new("get", "leases", "a/b", &refused(404, "")).cause(),
            &Cause::NotFound
        );
        assert_eq!(
            ApiFailure::new("get", "leases", "a/b", &refused(409, "")).cause(),
            &Cause::Conflict
        );
    }
}
