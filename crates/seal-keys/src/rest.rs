//! Plain REST calls for the key services whose two calls need no client library: JSON there and back.
//!
//! One client for all of them, without redirects (a redirect would carry a token to a server that nobody named) and
//! without tries of its own: [`crate::calls::Calls`] knows when to try again.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{HeaderValue, InvalidHeaderValue, LOCATION};
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::failure::{Failure, FailureKind, Subject};

/// No answer of a key service is longer than a few kilobytes.
pub(crate) const LONGEST_ANSWER: usize = 1 << 20;

/// What is said of a longer one.
pub(crate) const TOO_LONG: &str = "the answer is longer than any answer of this service";

/// The client, made when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    client: OnceLock<Result<reqwest::Client, String>>,
}

/// What is asked of whom.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) key: &'a Subject,
    /// See [`Failure::operation`].
    pub(crate) operation: &'a str,
    /// Credentials of the request, which the server might repeat.
    pub(crate) secrets: &'a [&'a str],
}

impl Asked<'_> {
    pub(crate) fn failure(&self, kind: FailureKind, reason: impl AsRef<str>) -> Failure {
        Failure::new(kind, self.key, self.operation, reason).without(self.secrets)
    }
}

/// Why the body of an answer is not there.
pub(crate) enum Unread {
    /// The connection broke.
    Broken(reqwest::Error),
    /// Whoever sends that much has something else in mind than to answer.
    TooLong,
}

/// A service that said no.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// The service's own name for the error: `PERMISSION_DENIED`, `Forbidden`, `KMS.0209`.
    pub(crate) code: String,
    /// A narrower one, which Azure has.
    pub(crate) inner_code: String,
    message: String,
}

/// A text of an answer that is a secret, or may be one.
pub(crate) struct SecretText(pub(crate) Zeroizing<String>);

impl Rest {
    pub(crate) fn client(
        &self,
        environment: &Environment,
        asked: Asked<'_>,
    ) -> Result<&reqwest::Client, Failure> {
        let client = self.client.get_or_init(|| {
            build(environment).map_err(|error| format!("no client for HTTP: {}", cause(&error)))
        });
        client.as_ref().map_err(|reason| asked.failure(FailureKind::Local, reason))
    }
}

/// A variable that is text; any other counts as not set.
pub(crate) fn variable(environment: &Environment, name: &str) -> Option<String> {
    environment.variable(name)?.into_string().ok()
}

/// Makes one request. `kind_of` knows the service's own words for what is wrong; where it does not, the status decides.
pub(crate) async fn call<T: DeserializeOwned>(
    asked: Asked<'_>,
    request: reqwest::RequestBuilder,
    kind_of: impl Fn(&Refusal) -> Option<FailureKind>,
) -> Result<T, Failure> {
    let answer = request.send().await.map_err(|error| not_sent(asked, &error))?;
    let status = answer.status().as_u16();
    if (300..400).contains(&status) {
        let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        let to = to.unwrap_or("another place");
        let reason = format!("the server sends us to {to} ({status}), which is not followed");
        return Err(asked.failure(FailureKind::Malformed, reason));
    }
    let body = body(asked, answer).await?;
    if !(200..300).contains(&status) {
        let refusal = Refusal::read(status, &body);
        let kind = kind_of(&refusal).unwrap_or_else(|| kind_of_status(status));
        return Err(asked.failure(kind, refusal.to_string()));
    }
    // The reason of serde may repeat a part of the answer, which may be a secret.
    serde_json::from_slice(&body).map_err(|error| {
        let what = if error.is_data() { "lacks what was asked for" } else { "is no JSON" };
        asked.failure(FailureKind::Malformed, format!("the answer ({status}) {what}"))
    })
}

/// `Bearer` and the token, marked as one that no log may show.
pub(crate) fn bearer(token: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let text = Zeroizing::new(format!("Bearer {token}"));
    let mut value = HeaderValue::from_str(&text)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The base of the addresses of a service, as a user names it: `https://HOST[:PORT][/PATH]`, or only `HOST[:PORT]`.
/// `None` where there is more to it, such as a user or a query.
pub(crate) fn endpoint(text: &str) -> Option<String> {
    let text = text.trim();
    let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
    let rest = rest.trim_end_matches('/');
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let is_plain = |text: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]/".contains(&byte);
        text.bytes().all(plain)
    };
    let climbs = path.split('/').any(|part| part == "..");
    let is_good = matches!(scheme, "https" | "http")
        && !host.is_empty()
        && !host.ends_with(':')
        && is_plain(host)
        && is_plain(path)
        && !climbs;
    is_good.then(|| format!("{scheme}://{rest}"))
}

/// Whether anything listens where the clouds have their metadata servers, which log the machine in. Elsewhere nothing
/// does, and waiting for it would only hide that there are no credentials.
pub(crate) async fn has_metadata_server() -> bool {
    let connect = tokio::net::TcpStream::connect("169.254.169.254:80");
    matches!(tokio::time::timeout(Duration::from_secs(1), connect).await, Ok(Ok(_)))
}

/// By the status alone.
pub(crate) fn kind_of_status(status: u16) -> FailureKind {
    match status {
        401 => FailureKind::NoCredentials,
        403 => FailureKind::Denied,
        404 => FailureKind::NotFound,
        429 => FailureKind::Throttled,
        500.. => FailureKind::ServerError,
        _ => FailureKind::Refused,
    }
}

/// A failure before there was an answer.
pub(crate) fn not_sent(asked: Asked<'_>, error: &reqwest::Error) -> Failure {
    let kind = match error {
        _ if error.is_timeout() => FailureKind::TimedOut,
        _ if error.is_builder() => FailureKind::Local,
        _ => FailureKind::Unreachable,
    };
    let reason = match host(error).filter(|host| asked.operation.contains(host)) {
        // It is said already.
        Some(_) => words(error),
        None => cause(error),
    };
    asked.failure(kind, reason)
}

/// Whom a request was for, and the first cause of its error; what stands between is about layers of the client.
pub(crate) fn cause(error: &reqwest::Error) -> String {
    match host(error) {
        Some(host) => format!("{host}: {}", words(error)),
        None => words(error),
    }
}

fn host(error: &reqwest::Error) -> Option<&str> {
    error.url()?.host_str()
}

fn words(error: &reqwest::Error) -> String {
    let mut words = "the request could not be made".to_owned();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words = error.to_string();
        if is_of_a_name(&words) {
            return UNRESOLVED.to_owned();
        }
        cause = error.source();
    }
    words
}

/// What is said of a host that has no address.
pub(crate) const UNRESOLVED: &str = "the name cannot be resolved";

/// Whether an error says that a host has no address; its cause says so in the words of the system.
pub(crate) fn is_of_a_name(words: &str) -> bool {
    words == "dns error" || words.starts_with("failed to lookup address information")
}

fn build(environment: &Environment) -> Result<reqwest::Client, reqwest::Error> {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("seal/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(10))
        // The environment is an argument here; reqwest would read the process's own.
        .no_proxy();
    let text = |names: [&str; 2]| names.iter().find_map(|name| variable(environment, name));
    // As Go has it: this machine is never reached through a proxy. Nor are the metadata servers of the clouds, which
    // give tokens in clear.
    let metadata = variable(environment, "GCE_METADATA_HOST")
        .and_then(|host| reqwest::Url::parse(&format!("http://{host}")).ok());
    let metadata = metadata.as_ref().and_then(|url| url.host_str()).unwrap_or_default();
    let except = format!(
        "localhost,127.0.0.1,::1,169.254.0.0/16,metadata.google.internal,{},{}",
        metadata.trim_matches(['[', ']']),
        text(["NO_PROXY", "no_proxy"]).unwrap_or_default()
    );
    if let Some(proxy) = text(["HTTPS_PROXY", "https_proxy"]) {
        let proxy = reqwest::Proxy::https(proxy)?;
        builder = builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_string(&except)));
    }
    if let Some(proxy) = text(["HTTP_PROXY", "http_proxy"]) {
        let proxy = reqwest::Proxy::http(proxy)?;
        builder = builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_string(&except)));
    }
    builder.build()
}

async fn body(asked: Asked<'_>, answer: reqwest::Response) -> Result<Zeroizing<Vec<u8>>, Failure> {
    read(answer).await.map_err(|unread| match unread {
        Unread::Broken(error) => not_sent(asked, &error),
        Unread::TooLong => asked.failure(FailureKind::Malformed, TOO_LONG),
    })
}

/// The body of an answer, which is not read further than any answer is long.
pub(crate) async fn read(mut answer: reqwest::Response) -> Result<Zeroizing<Vec<u8>>, Unread> {
    let mut body = Zeroizing::new(Vec::with_capacity(8192));
    while let Some(part) = answer.chunk().await.map_err(Unread::Broken)? {
        if body.len() + part.len() > LONGEST_ANSWER {
            return Err(Unread::TooLong);
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

impl Refusal {
    /// The error of Google (`{"error": {"status", "message"}}`), of Azure (`{"error": {"code", "message",
    /// "innererror"}}`), of Huawei (`{"error": {"error_code", "error_msg"}}`, or the inner object alone) or of a login
    /// (`{"error", "error_description"}`, RFC 6749). Nothing else is read: answers hold secrets.
    pub(crate) fn read(status: u16, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let error = body.get("error").filter(|error| error.is_object()).unwrap_or(&body);
        let text = |value: &Value, names: &[&str]| {
            let texts = names.iter().filter_map(|name| value.get(name)?.as_str());
            texts.map(str::to_owned).next().unwrap_or_default()
        };
        let inner = error.get("innererror").or_else(|| error.get("innerError"));
        Self {
            status,
            code: text(error, &["status", "code", "error_code", "error"]),
            inner_code: inner.map(|inner| text(inner, &["code"])).unwrap_or_default(),
            message: text(error, &["message", "error_msg", "error_description"]),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = if self.message.is_empty() { "no reason given" } else { &self.message };
        f.write_str(message)?;
        match (&*self.code, &*self.inner_code) {
            ("", _) => write!(f, " ({})", self.status),
            (code, "") => write!(f, " ({} {code})", self.status),
            (code, inner) => write!(f, " ({} {code}, {inner})", self.status),
        }
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

#[cfg(test)]
mod tests {
    use seal_core::envelope::MasterKey;

    use super::*;

    #[test]
    fn errors_of_the_three_services_and_of_logins_are_read() {
        let refusal = |body: &str| Refusal::read(400, body.as_bytes()).to_string();
        let google = r#"{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}"#;
        let azure =
            r#"{"error":{"code":"Forbidden","message":"no","innererror":{"code":"KeyDisabled"}}}"#;
        assert_eq!(refusal(google), "no (400 INVALID_ARGUMENT)");
        assert_eq!(refusal(azure), "no (400 Forbidden, KeyDisabled)");
        assert_eq!(
            refusal(r#"{"error":{"error_code":"KMS.0209","error_msg":"no"}}"#),
            "no (400 KMS.0209)"
        );
        assert_eq!(
            refusal(r#"{"error_code":"APIGW.0301","error_msg":"no"}"#),
            "no (400 APIGW.0301)"
        );
        let login = r#"{"error":"invalid_grant","error_description":"no","access_token":"x"}"#;
        assert_eq!(refusal(login), "no (400 invalid_grant)");
        assert_eq!(refusal("{\"error\":\"no\"}"), "no reason given (400 no)");
        for odd in ["", "<html>", "[]", "{\"access_token\":\"x\"}"] {
            assert_eq!(refusal(odd), "no reason given (400)");
        }
    }

    #[test]
    fn an_endpoint_is_a_host_and_nothing_that_hides_another() {
        for (text, expected) in [
            ("https://kms.corp/", "https://kms.corp"),
            ("kms.corp:8443", "https://kms.corp:8443"),
            ("http://127.0.0.1:1/a", "http://127.0.0.1:1/a"),
            ("http://[::1]:1", "http://[::1]:1"),
        ] {
            assert_eq!(endpoint(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            "https://",
            "ftp://h",
            "https://u@h",
            "https://h?q",
            "https://h#f",
            "https://h/../x",
            "h h",
        ] {
            assert_eq!(endpoint(text), None, "{text}");
        }
    }

    #[test]
    fn a_repeated_secret_never_shows_not_even_its_beginning() {
        let key = MasterKey::GcpKms { resource_id: String::new() };
        let secrets = ["HUNTER2", "a", ""];
        let asked = Asked { key: &key, operation: "decrypt", secrets: &secrets };
        for before in 380..400 {
            let reason = format!("{} HUNTER2 {}", "a".repeat(before), "a".repeat(99));
            let failure = asked.failure(FailureKind::Denied, reason);
            assert!(!failure.reason.contains("HU") && failure.reason.contains("aaa"));
        }
    }

    #[test]
    fn a_token_never_shows() {
        let header = bearer("HUNTER2").unwrap();
        assert!(!format!("{header:?}").contains("HUNTER2"));
        let secret: SecretText = serde_json::from_str("\"HUNTER2\"").unwrap();
        assert!(!format!("{secret:?}").contains("HUNTER2"));
        assert!(bearer("a\nb").is_err());
    }
}
