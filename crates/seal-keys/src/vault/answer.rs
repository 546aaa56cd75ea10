//! What a server's answer means. Statuses and texts are those of Vault and OpenBao, see `tests/fixtures/vault-transit`.

use rustify::endpoint::Wrapper;
use rustify::errors::ClientError;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::http::{SentAway, words};
use super::problem::Problem;
use super::transport::TooLong;
use crate::failure::FailureKind;

/// How a server made with Go answers on a port for TLS.
const NOT_TLS: &str = "Client sent an HTTP request to an HTTPS server";

/// What an operation with a key gives. Of all that Vault answers only what is needed is asked for, as SOPS does: proxies
/// and servers that speak like Vault leave out the rest.
#[derive(Deserialize)]
pub(super) struct Data<T> {
    pub(super) data: Option<T>,
}

impl<T: DeserializeOwned + Send + Sync> Wrapper for Data<T> {
    type Value = T;
}

/// What a login gives.
#[derive(Deserialize)]
pub(super) struct LoggedIn {
    pub(super) auth: Option<Auth>,
}

/// See [`LoggedIn`].
#[derive(Deserialize)]
pub(super) struct Auth {
    pub(super) client_token: String,
    /// In seconds.
    #[serde(default)]
    pub(super) lease_duration: u64,
}

impl Wrapper for LoggedIn {
    type Value = ();
}

/// What a refusal is, if it is one of Vault's.
#[derive(Deserialize)]
struct Errors {
    errors: Vec<String>,
}

/// Why there is no result.
pub(super) fn problem(error: &ClientError) -> Problem {
    match error {
        ClientError::ServerResponseError { code, content } => {
            let content = content.as_deref().unwrap_or_default();
            match serde_json::from_str::<Errors>(content) {
                Ok(Errors { errors }) => by_status(*code, &errors.join("; ")),
                // Of anything else nothing is repeated: it may be what the server was sent, or meant to give.
                Err(_) if content.contains(NOT_TLS) => by_status(*code, NOT_TLS),
                Err(_) => by_status(*code, ""),
            }
        }
        ClientError::ResponseError { source } => {
            let is_too_long = source.downcast_ref::<TooLong>().is_some();
            let sent = source.chain().find_map(|layer| layer.downcast_ref::<SentAway>());
            match sent {
                _ if is_too_long => malformed("it is longer than any of Vault's"),
                Some(SentAway(address)) => sent_away(address.as_deref()),
                None => unreachable(&words(source.as_ref())),
            }
        }
        // What it quotes of the answer may be a data key.
        ClientError::ResponseParseError { .. } => {
            malformed("it is not what Vault's interface says")
        }
        _ => not_made(),
    }
}

/// What a server says against a request.
pub(super) fn refused(status: u16, body: &[u8]) -> Problem {
    match serde_json::from_slice::<Errors>(body) {
        Ok(Errors { errors }) => by_status(status, &errors.join("; ")),
        Err(_) => by_status(status, ""),
    }
}

/// An answer that is not of Vault's interface. `content_type`: what the server calls it.
pub(super) fn foreign(status: u16, content_type: &str, error: &ClientError) -> Problem {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/.+-".contains(&byte);
    let is_named = kind.contains('/') && kind.len() <= 40 && kind.bytes().all(is_plain);
    match is_named && !kind.eq_ignore_ascii_case("application/json") {
        true => malformed(&format!("HTTP {status}, {kind}: is this address Vault?"))
            .hint("check the address; a proxy that wants a login may answer in its place"),
        false => problem(error),
    }
}

pub(super) fn not_made() -> Problem {
    Problem::new(FailureKind::Local, "the request could not be made")
}

pub(super) fn empty() -> Problem {
    malformed("it holds no data")
}

pub(super) fn malformed(what: &str) -> Problem {
    Problem::new(FailureKind::Malformed, format!("the answer makes no sense: {what}"))
}

fn sent_away(address: Option<&str>) -> Problem {
    let place = address.unwrap_or("another place");
    let reason = format!("the server sends us to {place}, where we do not go");
    let problem = Problem::new(FailureKind::Malformed, reason);
    match address {
        Some(address) => problem.hint(format!(
            "if that is the active server, name it in the key and in VAULT_ADDR: {address}"
        )),
        None => problem,
    }
}

fn unreachable(words: &str) -> Problem {
    let problem = |reason: String| Problem::new(FailureKind::Unreachable, reason);
    if words.contains("CertificateRequired") {
        return problem(format!("the server wants a certificate of ours: {words}"))
            .hint("VAULT_CLIENT_CERT and VAULT_CLIENT_KEY name the files with it");
    }
    // How TLS calls an answer without TLS.
    if words.contains("InvalidContentType") {
        return problem("the server speaks no TLS (http:// instead?)".to_owned())
            .hint("check the scheme and the port of the address in the name of the key");
    }
    match words.contains("certificate") {
        true => problem(format!("the server's certificate is not accepted: {words}")).hint(
            "VAULT_CACERT names the file with the certificate of the authority that made the server's",
        ),
        false => problem(words.to_owned()),
    }
}

/// `said`: the server's own words, possibly none.
fn by_status(status: u16, said: &str) -> Problem {
    use FailureKind::*;
    let says = |part: &str| said.contains(part);
    let kind = match status {
        300..400 => Malformed,
        401 | 403 => Denied,
        404 => NotFound,
        429 => Throttled,
        // Standby servers of Vault Enterprise.
        472 | 473 => Sealed,
        503 if says("sealed") || says("standby") => Sealed,
        500..600 => ServerError,
        _ if says("encryption key not found") => NotFound,
        _ if says("message authentication failed") || says("invalid ciphertext") => NotForThisKey,
        _ if says("too old") || says("soft deleted") => Disabled,
        _ if says("HTTP request to an HTTPS server") => Malformed,
        400 if said.is_empty() => Malformed,
        _ => Refused,
    };
    let reason = match said.trim() {
        "" => format!("the server answers HTTP {status} without saying why"),
        said => format!("{said} (HTTP {status})"),
    };
    let problem = Problem::new(kind, reason);
    match kind {
        NotFound if status == 404 => problem.hint(
            "check the engine path in the name of the key, and VAULT_NAMESPACE: no engine answers there",
        ),
        Disabled => problem.hint(
            "ask whoever administers the key for its old versions (min_decryption_version), or to restore it",
        ),
        Malformed if says("HTTPS") => problem.hint("the server wants an address with https://"),
        _ => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_and_words_decide() {
        use FailureKind::*;
        for (status, said, kind) in [
            (400, "cipher: message authentication failed", NotForThisKey),
            (400, "invalid ciphertext length", NotForThisKey),
            (400, "encryption key not found", NotFound),
            (400, "ciphertext or signature version is disallowed by policy (too old)", Disabled),
            (400, "key type does not support decryption", Refused),
            (400, "Client sent an HTTP request to an HTTPS server.", Malformed),
            (400, "", Malformed),
            (403, "permission denied", Denied),
            (403, "", Denied),
            (404, "no handler for route \"x/encrypt/y\". route entry not found.", NotFound),
            (404, "", NotFound),
            (405, "unsupported operation", Refused),
            (307, "", Malformed),
            (429, "request path \"x\": rate limit quota exceeded", Throttled),
            (472, "", Sealed),
            (473, "", Sealed),
            (500, "internal error", ServerError),
            (502, "", ServerError),
            (503, "Vault is sealed", Sealed),
            (503, "upstream connect error", ServerError),
        ] {
            assert_eq!(by_status(status, said).kind, kind, "{status} {said}");
        }
    }

    #[test]
    fn certificates_are_named_with_what_to_do() {
        for (words, part) in [
            ("invalid peer certificate: UnknownIssuer", "VAULT_CACERT"),
            ("received fatal alert: CertificateRequired", "VAULT_CLIENT_CERT"),
        ] {
            let problem = unreachable(words);
            assert_eq!(problem.kind, FailureKind::Unreachable);
            let shown = format!("{problem:?}");
            assert!(shown.contains(part) && shown.contains(words), "{shown}");
        }
    }

    fn refusal(code: u16, content: &str) -> Problem {
        problem(&ClientError::ServerResponseError { code, content: Some(content.to_owned()) })
    }

    #[test]
    fn a_page_for_browsers_is_not_repeated() {
        let problem = refusal(502, "<html><title>502 Bad Gateway</title>");
        assert_eq!(problem.reason, "the server answers HTTP 502 without saying why");
    }

    #[test]
    fn a_server_that_wants_tls_is_understood() {
        let problem = refusal(400, "Client sent an HTTP request to an HTTPS server.\n");
        assert_eq!(problem.kind, FailureKind::Malformed);
        assert!(format!("{problem:?}").contains("https://"), "{problem:?}");
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_not_repeated() {
        let error = serde_json::from_str::<u8>("x").unwrap_err();
        let content = Some("{\"plaintext\": \"hunter2\"}".to_owned());
        let source = error.into();
        let problem = problem(&ClientError::ResponseParseError { source, content });
        assert_eq!(problem.kind, FailureKind::Malformed);
        assert!(!format!("{problem:?}").contains("hunter2"));
    }
}
