//! Access tokens for GCP: by our own [`Login`] for users and machines, by `google-cloud-auth` for service accounts (which
//! sign their tokens themselves), federations and impersonation.
//!
//! In SOPS's order: `GOOGLE_CREDENTIALS` (a path, or the JSON itself), `GOOGLE_OAUTH_ACCESS_TOKEN`, then what Google
//! calls Application Default Credentials: `GOOGLE_APPLICATION_CREDENTIALS`, the file of `gcloud auth
//! application-default login`, the metadata server of Google's machines.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use google_cloud_auth::credentials::{
    AccessTokenCredentials, external_account, impersonated, service_account,
};
use google_cloud_auth::errors::CredentialsError;
use serde_json::Value;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::login::{self, Login};
use crate::environment::{Environment, looks_like_path, unreadable};
use crate::failure::{Failure, FailureKind};
use crate::rest::{self, Asked, Refusal};

const LOG_IN: &str = "run `gcloud auth application-default login`, or set GOOGLE_CREDENTIALS";

/// The variable that holds JSON, or names a file of it.
const NAMED: &str = "GOOGLE_CREDENTIALS";

const METADATA_SERVER: &str = "http://169.254.169.254";

const NONE: &str = "no credentials: GOOGLE_CREDENTIALS, GOOGLE_OAUTH_ACCESS_TOKEN and \
                    GOOGLE_APPLICATION_CREDENTIALS are not set; nobody has logged in with gcloud";

/// What tokens are had with. Either kind keeps the token, gets a new one before it expires, and asks once however many
/// threads wait.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    found: Mutex<Option<Found>>,
}

#[derive(Clone)]
enum Found {
    Ours(Arc<Login>),
    OfCrate {
        credentials: AccessTokenCredentials,
        /// What goes to the server that gives the tokens, which might repeat it.
        secrets: Vec<Zeroizing<String>>,
    },
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Found")
    }
}

impl Credentials {
    pub(super) async fn token(
        &self,
        environment: &Environment,
        client: &reqwest::Client,
        asked: Asked<'_>,
    ) -> Result<Zeroizing<String>, Failure> {
        let named = rest::variable(environment, NAMED);
        if named.is_none()
            && let Some(token) = rest::variable(environment, "GOOGLE_OAUTH_ACCESS_TOKEN")
        {
            return Ok(Zeroizing::new(token.trim().to_owned()));
        }
        let mut found = self.found.lock().await;
        let means = match &*found {
            Some(found) => found.clone(),
            None => found.insert(find(environment, client, named, asked).await?).clone(),
        };
        drop(found);
        let (credentials, secrets) = match means {
            Found::Ours(login) => {
                let token = login.token(client, asked).await;
                return token.map_err(|failure| match login.metadata_server() {
                    Some(host) => no_machine(host, failure),
                    None => no_token(failure),
                });
            }
            Found::OfCrate { credentials, secrets } => (credentials, secrets),
        };
        let token = credentials.access_token().await.map(|token| Zeroizing::new(token.token));
        if let Err(error) = &token
            && error.is_transient()
        {
            // They would repeat this answer for ten seconds; the next try is to be one.
            self.found.lock().await.take();
        }
        token.map_err(|error| {
            let secrets: Vec<&str> = secrets.iter().map(|secret| secret.as_str()).collect();
            refused(&error, Asked { secrets: &secrets, ..asked })
        })
    }
}

async fn find(
    environment: &Environment,
    client: &reqwest::Client,
    named: Option<String>,
    asked: Asked<'_>,
) -> Result<Found, Failure> {
    if let Some(named) = named {
        let is_json = named.trim_start().starts_with('{');
        return match is_json {
            true => of_json(NAMED, &Zeroizing::new(named), asked),
            false => of_file(NAMED, &PathBuf::from(named), asked),
        };
    }
    if let Some(path) = environment.variable("GOOGLE_APPLICATION_CREDENTIALS") {
        return of_file("GOOGLE_APPLICATION_CREDENTIALS", &PathBuf::from(path), asked);
    }
    if let Some(path) = file_of_gcloud(environment).filter(|path| path.is_file()) {
        return of_file("gcloud", &path, asked);
    }
    if let Some(host) = rest::variable(environment, "GCE_METADATA_HOST") {
        let server = rest::endpoint(&format!("http://{host}"));
        let server = server.filter(|server| server.matches('/').count() == 2).ok_or_else(|| {
            let reason = "GCE_METADATA_HOST is not HOST or HOST:PORT";
            asked.failure(FailureKind::Local, reason).hint("correct or unset GCE_METADATA_HOST")
        })?;
        return Ok(Found::Ours(Arc::new(Login::of_machine(&server))));
    }
    match is_on_google(environment, client).await {
        Ok(()) => Ok(Found::Ours(Arc::new(Login::of_machine(METADATA_SERVER)))),
        Err(why) => {
            let reason = format!("{NONE}; metadata server: {why}");
            Err(asked.failure(FailureKind::NoCredentials, reason).hint(LOG_IN))
        }
    }
}

/// Where `gcloud auth application-default login` puts its file (AIP-4113).
fn file_of_gcloud(environment: &Environment) -> Option<PathBuf> {
    let directory = match cfg!(windows) {
        true => PathBuf::from(environment.variable("APPDATA")?),
        false => PathBuf::from(environment.variable("HOME")?).join(".config"),
    };
    Some(directory.join("gcloud").join("application_default_credentials.json"))
}

/// Whether a metadata server of Google's answers; other clouds have theirs at the same address. Waiting for one that is
/// not there would only hide that there are no credentials. `NO_GCE_CHECK` is a variable of Google's client for Python.
async fn is_on_google(environment: &Environment, client: &reqwest::Client) -> Result<(), String> {
    let is_off = rest::variable(environment, "NO_GCE_CHECK");
    if is_off.is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1") {
        return Err("NO_GCE_CHECK is set".to_owned());
    }
    let request = client.get(METADATA_SERVER).header("metadata-flavor", "Google");
    let answer = request.timeout(Duration::from_secs(1)).send().await.map_err(|error| {
        if error.is_timeout() { "no answer within 1 s".to_owned() } else { rest::cause(&error) }
    })?;
    match answer.headers().get("metadata-flavor").is_some_and(|flavor| flavor == "Google") {
        true => Ok(()),
        false => Err("169.254.169.254 is none of Google's".to_owned()),
    }
}

fn of_file(source: &str, path: &Path, asked: Asked<'_>) -> Result<Found, Failure> {
    let text = fs::read_to_string(path).map(Zeroizing::new).map_err(|error| {
        let reason = match (looks_like_path(path), source) {
            (true, _) => format!("credentials of {source}: {}", unreadable(path, &error)),
            (false, NAMED) => {
                format!("{source} is neither JSON nor a file (base64? decode it first)")
            }
            (false, _) => format!("{source} is not a path (JSON itself goes into {NAMED})"),
        };
        asked.failure(FailureKind::NoCredentials, reason).hint(LOG_IN)
    })?;
    of_json(source, &text, asked)
}

/// By its `type`, as Google's own clients tell the kinds apart.
fn of_json(source: &str, text: &str, asked: Asked<'_>) -> Result<Found, Failure> {
    let wrong = |reason: &str| {
        let reason = format!("credentials of {source}: {reason}");
        asked.failure(FailureKind::NoCredentials, reason).hint(LOG_IN)
    };
    let json: Value = serde_json::from_str(text).map_err(|_| wrong("not JSON"))?;
    let kind = json.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    if kind == "authorized_user" {
        let login = Login::of_user(&json).map_err(|name| wrong(&missing(Some(name))))?;
        return Ok(Found::Ours(Arc::new(login)));
    }
    // Those of whoever impersonates stand inside.
    let places = [Some(&json), json.get("source_credentials")];
    let secrets = places.into_iter().flatten().flat_map(|place| {
        let texts = ["client_secret", "refresh_token"].map(|name| place.get(name)?.as_str());
        texts.into_iter().flatten().map(|text| Zeroizing::new(text.to_owned()))
    });
    let secrets = secrets.collect();
    let built = match kind.as_str() {
        "service_account" => service_account::Builder::new(json).build_access_token_credentials(),
        "external_account" => external_account::Builder::new(json).build_access_token_credentials(),
        "impersonated_service_account" => {
            impersonated::Builder::new(json).build_access_token_credentials()
        }
        _ => return Err(wrong("their `type` is none that can be used here")),
    };
    // What is missing, never what is there.
    built.map(|credentials| Found::OfCrate { credentials, secrets }).map_err(|error| match error {
        error if error.is_parsing() => wrong(&missing(name_of_missing(&error).as_deref())),
        error => wrong(&error.to_string()),
    })
}

fn missing(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("a field is missing: `{name}`"),
        None => "a field is missing or is no text".to_owned(),
    }
}

/// The field that `serde` misses. Other words of it are not repeated: they quote what is there.
fn name_of_missing(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        let words = error.to_string();
        let name = words.strip_prefix("missing field `").and_then(|rest| rest.split_once('`'));
        let is_name = |name: &&str| name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        if let Some(name) = name.map(|(name, _)| name).filter(is_name) {
            return Some(name.to_owned());
        }
        next = error.source();
    }
    None
}

fn refused(error: &CredentialsError, asked: Asked<'_>) -> Failure {
    let mut chain = vec![error.to_string()];
    let mut cause = std::error::Error::source(error);
    let (mut status, mut is_connection, mut is_unreadable) = (None, false, false);
    let mut unsent = None;
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<reqwest::Error>() {
            status = error.status().map(|status| status.as_u16());
            is_connection |= error.is_connect();
            unsent = unsent.or_else(|| error.is_connect().then(|| rest::cause(error)));
            is_unreadable |= error.is_decode();
        }
        is_unreadable |= error.is::<serde_json::Error>();
        chain.push(error.to_string());
        cause = error.source();
    }
    let kind = match status {
        Some(429) => FailureKind::Throttled,
        Some(500..) => FailureKind::ServerError,
        None if is_connection => FailureKind::Unreachable,
        _ => FailureKind::NoCredentials,
    };
    let words = match unsent {
        Some(words) => words,
        None if is_unreadable => "the answer cannot be read".to_owned(),
        None => words(&chain, status.unwrap_or_default()),
    };
    no_token(asked.failure(kind, words))
}

fn no_token(failure: Failure) -> Failure {
    let reason = format!("no access token: {}", failure.reason);
    let failure = Failure { reason, ..failure };
    match failure.kind {
        FailureKind::NoCredentials => failure.hint(LOG_IN),
        _ => failure,
    }
}

/// A machine that cannot log in is, for most users, one that was never meant to.
fn no_machine(host: &str, failure: Failure) -> Failure {
    let why = match failure.kind {
        FailureKind::TimedOut => {
            format!("no answer within {} s", login::MACHINE_ANSWERS_WITHIN.as_secs())
        }
        FailureKind::Unreachable => failure.reason,
        _ => format!("no access token: {}", failure.reason),
    };
    let kind = match failure.kind {
        FailureKind::TimedOut | FailureKind::Unreachable => FailureKind::NoCredentials,
        kind => kind,
    };
    let reason = format!("{NONE}; metadata server {host}: {why}");
    let failure = Failure { kind, reason, ..failure };
    if kind == FailureKind::NoCredentials { failure.hint(LOG_IN) } else { failure }
}

/// What the server said, where there is an answer (the crate puts it between `body=<` and `>`) that is an error, otherwise
/// the first cause. What the crate says around it is about headers and attempts to come. Any other answer, or any other
/// text that it has there, may be a secret.
fn words(chain: &[String], status: u16) -> String {
    let body = chain.iter().find_map(|text| text.split_once("body=<")?.1.rsplit_once('>'));
    match body {
        Some((body, _)) => Refusal::read(status, body.as_bytes()).to_string(),
        None => chain.last().cloned().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_login_server_are_found() {
        let chain =
            |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let body = r#"no token, body=<{"error":"invalid_grant","error_description":"expired"}>"#;
        let words = |texts: &[&str]| words(&chain(texts), 400);
        assert_eq!(words(&["no headers", body, "400"]), "expired (400 invalid_grant)");
        assert_eq!(words(&["no token, body=<a > b>", "503"]), "no reason given (400)");
        assert_eq!(words(&["no headers", "refused"]), "refused");
    }
}
