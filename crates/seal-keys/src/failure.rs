//! Why a key service gave nothing: the same few kinds for every provider, with the service's own words.

use std::fmt;

use seal_core::envelope::MasterKey;

/// What a call is about, as messages name it: a master key, a place to publish at.
pub type Subject = dyn fmt::Display + Sync;

/// A key service that could not, or would not, wrap or unwrap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Decides whether it is worth another try, and what to do next.
    pub kind: FailureKind,
    /// The master key or other [`Subject`], as messages name it.
    pub key: String,
    /// What was asked for, and of whom: `decrypt at https://vault:8200`, `gpg --decrypt`. Empty where nothing was.
    pub operation: String,
    /// The service's own words or ours, on one line, without credentials. Messages cut it where it is very long.
    pub reason: String,
    /// What to do next, where the provider knows better than [`FailureKind::hint`].
    pub hint: Option<String>,
}

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The name of the key is not of the form that its service knows.
    Name,
    /// The reference stands in a file only, and the user has not allowed to follow it.
    NotAllowed,
    /// There is nothing to log in with, or it has expired.
    NoCredentials,
    /// The service knows who asks, and refuses.
    Denied,
    /// There is no such key.
    NotFound,
    /// The key is disabled, or about to be deleted.
    Disabled,
    /// The key belongs to another region or another account's endpoint.
    WrongRegion,
    /// The wrapped text is not this key's, was altered, or was made with another encryption context.
    NotForThisKey,
    /// The server is sealed, or not the active one.
    Sealed,
    /// Too many requests.
    Throttled,
    /// The server failed (5xx).
    ServerError,
    /// No connection to the server.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// An answer that makes no sense.
    Malformed,
    /// A program or a part of this machine that is needed is missing or broken.
    Local,
    /// Anything else that the service refused.
    Refused,
}

impl FailureKind {
    /// Whether the same request may succeed a moment later. A denied one never does, and a repeated time-out would only
    /// make the user wait.
    pub(crate) fn is_passing(self) -> bool {
        matches!(self, Self::Throttled | Self::ServerError)
    }

    /// What the user can do next, whoever the service is.
    pub fn hint(self) -> Option<&'static str> {
        Some(match self {
            Self::NoCredentials => "log in to the key service, or set its credentials",
            Self::Denied => "ask whoever administers the key for the permission to use it",
            Self::NotFound => {
                "check the name of the key, and the account or server that it belongs to"
            }
            Self::Disabled => "ask whoever administers the key to enable it",
            Self::WrongRegion => "check the region in the name of the key",
            Self::NotForThisKey => {
                "restore the `sops` block from an older version of the file; its keys and the encryption context must be those it was made with"
            }
            Self::Sealed => "ask whoever runs the server to unseal it",
            Self::Throttled => {
                "try again later; `--shared-data-key` makes encrypting need fewer calls"
            }
            Self::ServerError | Self::Malformed => "ask whoever runs the server; its log says more",
            Self::Unreachable => "check the network, the proxy and the address of the server",
            Self::TimedOut => {
                "check the network; SEAL_KEY_CALL_TIMEOUT and SEAL_KEY_TIMEOUT (seconds) allow more time"
            }
            Self::Refused => "the reason is the service's own; ask whoever administers the key",
            Self::Name | Self::NotAllowed | Self::Local => return None,
        })
    }
}

impl Failure {
    /// A failure of `operation` (see [`Failure::operation`]). `reason` is put on one line, without control characters.
    pub fn new(
        kind: FailureKind,
        key: &Subject,
        operation: impl Into<String>,
        reason: impl AsRef<str>,
    ) -> Self {
        Self {
            kind,
            key: key.to_string(),
            operation: operation.into(),
            reason: one_line(reason.as_ref()),
            hint: None,
        }
    }

    /// What is wrong with the name of a key, whatever was to be done with it.
    pub(crate) fn of_name(key: &MasterKey, reason: impl AsRef<str>) -> Self {
        Self::new(FailureKind::Name, key, "", reason)
    }

    /// Adds what to do next, instead of what the kind says.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Blots out credentials that a server repeated in its words.
    #[must_use]
    pub fn without(mut self, secrets: &[&str]) -> Self {
        self.reason = blotted_out(self.reason, secrets);
        self
    }

    /// What the user can do next.
    pub fn next_step(&self) -> Option<String> {
        self.hint.clone().or_else(|| self.kind.hint().map(str::to_owned))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not before: half of a credential could be left, which `without` does not know.
        const LONGEST: usize = 400;
        write!(f, "{}: ", self.key)?;
        if !self.operation.is_empty() {
            write!(f, "{}: ", self.operation)?;
        }
        match self.reason.char_indices().nth(LONGEST) {
            Some((end, _)) => write!(f, "{}…", &self.reason[..end]),
            None => f.write_str(&self.reason),
        }
    }
}

impl std::error::Error for Failure {}

/// A server's words without credentials.
pub(crate) fn blotted_out(mut words: String, secrets: &[&str]) -> String {
    // Shorter ones are no secrets, and stand in words.
    const SHORTEST: usize = 6;
    for secret in secrets.iter().filter(|secret| secret.len() >= SHORTEST) {
        words = words.replace(secret, "<redacted>");
    }
    words
}

/// A server's words for a terminal: one line, no control characters.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(reason: &str) -> Failure {
        let key = MasterKey::GcpKms { resource_id: "projects/p".to_owned() };
        Failure::new(FailureKind::Denied, &key, "decrypt at https://kms", reason)
    }

    #[test]
    fn the_words_of_a_server_stay_on_one_line() {
        let shown = failure("1 error occurred:\n\t* permission\u{1b}[2J denied\n\n").to_string();
        assert_eq!(
            shown,
            "GCP KMS projects/p: decrypt at https://kms: 1 error occurred: * permission [2J denied"
        );
        assert!(failure(&"é".repeat(1000)).to_string().chars().count() < 450);
    }

    #[test]
    fn what_is_wrong_with_a_name_is_said_without_an_operation() {
        let key = MasterKey::GcpKms { resource_id: "p".to_owned() };
        assert_eq!(Failure::of_name(&key, "too short").to_string(), "GCP KMS p: too short");
    }

    #[test]
    fn credentials_that_a_server_repeats_are_blotted_out() {
        let failure = failure("bad token hvs.HUNTER2 (hvs.HUNTER2)");
        let failure = failure.without(&["hvs.HUNTER2", "", "token"]);
        assert_eq!(failure.reason, "bad token <redacted> (<redacted>)");
        // Across the place where messages are cut.
        let failure = self::failure(&format!("{}hvs.HUNTER2", "x".repeat(396)));
        let shown = failure.without(&["hvs.HUNTER2"]).to_string();
        assert!(!shown.contains("hvs"), "{shown}");
    }
}
