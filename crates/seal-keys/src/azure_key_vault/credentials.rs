//! Access tokens for Azure, by `azure_identity`.
//!
//! In the order of the `DefaultAzureCredential` that SOPS uses: an application by `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`
//! and `AZURE_CLIENT_SECRET` or `AZURE_CLIENT_CERTIFICATE_PATH`; a workload by `AZURE_FEDERATED_TOKEN_FILE`; the managed identity of the machine; whoever
//! logged in with `az` or `azd`. `AZURE_TOKEN_CREDENTIALS` narrows it, as there: `prod`, `dev`, or one by its name.
//! `SEAL_AZURE_ACCESS_TOKEN` stands before all of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::error::{Error, ErrorKind};
use azure_core::http::{ClientOptions, RetryOptions, Transport as AzureTransport, Url};
use azure_identity::{
    AzureCliCredential, AzureDeveloperCliCredential, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::certificate::Certificate;
use super::transport::Transport;
use super::vault::TOKEN;
use crate::environment::{Environment, shown_path, unreadable};
use crate::failure::{Failure, FailureKind};
use crate::rest::{self, Asked, Refusal};

const LOG_IN: &str =
    "run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET";

/// What tokens are had with. The crate keeps a token for each scope, gets a new one before it expires, and asks once
/// however many threads wait.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    found: Mutex<Option<Arc<dyn TokenCredential>>>,
}

/// The credentials that there are, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Environment,
    Workload,
    ManagedIdentity,
    AzureCli,
    AzureDeveloperCli,
}

impl Source {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Environment, "EnvironmentCredential"),
        (Self::Workload, "WorkloadIdentityCredential"),
        (Self::ManagedIdentity, "ManagedIdentityCredential"),
        (Self::AzureCli, "AzureCLICredential"),
        (Self::AzureDeveloperCli, "AzureDeveloperCLICredential"),
    ];

    fn name(self) -> &'static str {
        let named = Self::ALL.iter().find(|(source, _)| *source == self);
        named.map_or("", |(_, name)| name)
    }

    /// Those that `AZURE_TOKEN_CREDENTIALS` leaves.
    fn chosen(choice: Option<&str>) -> Option<Vec<Self>> {
        let choice = choice.unwrap_or_default().trim();
        let all = || Self::ALL.iter().map(|(source, _)| *source);
        let is_dev = |source: &Self| matches!(source, Self::AzureCli | Self::AzureDeveloperCli);
        match choice.to_ascii_lowercase().as_str() {
            "" => Some(all().collect()),
            "dev" => Some(all().filter(is_dev).collect()),
            "prod" => Some(all().filter(|source| !is_dev(source)).collect()),
            _ => {
                let named = |(_, name): &&(Self, &str)| name.eq_ignore_ascii_case(choice);
                Self::ALL.iter().find(named).map(|(source, _)| vec![*source])
            }
        }
    }
}

impl Credentials {
    pub(super) async fn token(
        &self,
        environment: &Environment,
        client: &reqwest::Client,
        scope: &str,
        asked: Asked<'_>,
    ) -> Result<Zeroizing<String>, Failure> {
        if let Some(token) = rest::variable(environment, TOKEN) {
            return Ok(Zeroizing::new(token.trim().to_owned()));
        }
        let secret = rest::variable(environment, "AZURE_CLIENT_SECRET").map(Zeroizing::new);
        let secrets = [secret.as_ref().map_or("", |secret| secret.as_str())];
        let asked = Asked { secrets: &secrets, ..asked };
        let mut found = self.found.lock().await;
        if let Some(credential) = &*found {
            let credential = Arc::clone(credential);
            drop(found);
            return of(&*credential, scope).await.map_err(|error| refused(&error, asked));
        }
        // Held while logging in: those who need the same token wait for it.
        let choice = rest::variable(environment, "AZURE_TOKEN_CREDENTIALS");
        let sources = Source::chosen(choice.as_deref()).ok_or_else(|| {
            let reason = "AZURE_TOKEN_CREDENTIALS names no kind of credentials that is known here";
            asked
                .failure(FailureKind::NoCredentials, reason)
                .hint("set it to `dev`, `prod` or the name of one, such as EnvironmentCredential")
        })?;
        let options = options(environment, client, asked)?;
        let mut tried = Vec::new();
        let is_only = sources.len() == 1;
        for source in sources {
            let credential = match make(source, is_only, environment, &options).await {
                Ok(Some(credential)) => credential,
                Ok(None) => continue,
                Err(error) => return Err(refused(&error, asked)),
            };
            let attempt = of(&*credential, scope);
            let attempt = match (source, is_only) {
                // Who else listens at that address would keep the crate trying for a minute.
                (Source::ManagedIdentity, false) => {
                    let limit = Duration::from_secs(3);
                    tokio::time::timeout(limit, attempt).await.unwrap_or_else(|_| {
                        Err(Error::with_message(ErrorKind::Credential, "no answer within 3 s"))
                    })
                }
                _ => attempt.await,
            };
            match attempt {
                Ok(token) => {
                    *found = Some(credential);
                    return Ok(token);
                }
                // What is configured is meant: another identity in its place would be a surprise.
                Err(error) if matches!(source, Source::Environment | Source::Workload) => {
                    return Err(refused(&error, asked));
                }
                Err(error) => tried.push(format!("{}: {}", source.name(), words(&error))),
            }
        }
        let tried = match tried.is_empty() {
            true => "none are configured".to_owned(),
            false => tried.join("; "),
        };
        let reason = format!("no credentials: {tried}");
        Err(asked.failure(FailureKind::NoCredentials, reason).hint(LOG_IN))
    }
}

/// `None` where it is not configured.
async fn make(
    source: Source,
    is_only: bool,
    environment: &Environment,
    (options, authority): &(ClientOptions, String),
) -> azure_core::Result<Option<Arc<dyn TokenCredential>>> {
    let text = |name: &str| rest::variable(environment, name);
    let client_options = options.clone();
    let (tenant_id, client_id) = (text("AZURE_TENANT_ID"), text("AZURE_CLIENT_ID"));
    Ok(Some(match source {
        Source::Environment => {
            let (Some(tenant), Some(client)) = (tenant_id, client_id) else { return Ok(None) };
            if let Some(secret) = text("AZURE_CLIENT_SECRET") {
                let options = ClientSecretCredentialOptions { client_options };
                ClientSecretCredential::new(&tenant, client, Secret::new(secret), Some(options))?
            } else if let Some(path) = environment.variable("AZURE_CLIENT_CERTIFICATE_PATH") {
                let audience =
                    format!("{}/{tenant}/oauth2/v2.0/token", authority.trim_end_matches('/'));
                let with_chain = text("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN");
                let with_chain = with_chain
                    .is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"));
                let path = PathBuf::from(path);
                let certificate = Certificate::read(&path, with_chain, audience, client.clone());
                let certificate = certificate.map_err(|reason| {
                    let path = shown_path(&path);
                    let message = format!("AZURE_CLIENT_CERTIFICATE_PATH: {path}: {reason}");
                    Error::with_message(ErrorKind::Credential, message)
                })?;
                let options = ClientAssertionCredentialOptions { client_options };
                ClientAssertionCredential::new(tenant, client, certificate, Some(options))?
            } else {
                return Ok(None);
            }
        }
        Source::Workload => {
            let path = environment.variable("AZURE_FEDERATED_TOKEN_FILE").map(PathBuf::from);
            let (Some(path), Some(_), Some(_)) = (path, &tenant_id, &client_id) else {
                return Ok(None);
            };
            readable(&path)?;
            WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
                credential_options: ClientAssertionCredentialOptions { client_options },
                client_id,
                tenant_id,
                token_file_path: Some(path),
            }))?
        }
        Source::ManagedIdentity => {
            // App Service and its like say so in the environment; virtual machines have a metadata server.
            let is_hosted =
                ["IDENTITY_ENDPOINT", "MSI_ENDPOINT"].iter().any(|name| text(name).is_some());
            if !is_only && !is_hosted && !rest::has_metadata_server().await {
                return Ok(None);
            }
            ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                user_assigned_id: client_id.map(UserAssignedId::ClientId),
                client_options,
            }))?
        }
        Source::AzureCli => AzureCliCredential::new(None)?,
        Source::AzureDeveloperCli => AzureDeveloperCliCredential::new(None)?,
    }))
}

/// The crate would repeat what is no path, such as the token itself.
fn readable(token_file: &Path) -> azure_core::Result<()> {
    std::fs::File::open(token_file).map(|_| ()).map_err(|error| {
        let why = unreadable(token_file, &error);
        let message = format!("AZURE_FEDERATED_TOKEN_FILE: {why}");
        Error::with_message(ErrorKind::Credential, message)
    })
}

/// One policy of tries for all providers, so none here; our own client; the user's authority, which is returned too.
fn options(
    environment: &Environment,
    client: &reqwest::Client,
    asked: Asked<'_>,
) -> Result<(ClientOptions, String), Failure> {
    let wrong = |name: &str| {
        let reason = format!("{name} is not an address");
        asked.failure(FailureKind::Local, reason).hint(format!("correct or unset {name}"))
    };
    let address = |name: &str| match rest::variable(environment, name) {
        None => Ok(None),
        Some(text) => {
            let url = rest::endpoint(&text).and_then(|text| Url::parse(&text).ok());
            url.map(Some).ok_or_else(|| wrong(name))
        }
    };
    let authority = address("AZURE_AUTHORITY_HOST")?;
    let authority = authority.map_or_else(
        || "https://login.microsoftonline.com".to_owned(),
        |url| url.as_str().to_owned(),
    );
    let mut cloud = CustomConfiguration::default();
    cloud.authority_host.clone_from(&authority);
    let relay = address("SEAL_AZURE_LOGIN_ENDPOINT")?;
    let instead = relay.zip(Url::parse(&cloud.authority_host).ok()).map(|(to, from)| (from, to));
    let transport = Transport { client: client.clone(), instead };
    let options = ClientOptions {
        retry: RetryOptions::none(),
        transport: Some(AzureTransport::new(Arc::new(transport))),
        cloud: Some(Arc::new(CloudConfiguration::Custom(cloud))),
        ..ClientOptions::default()
    };
    Ok((options, authority))
}

async fn of(
    credential: &dyn TokenCredential,
    scope: &str,
) -> azure_core::Result<Zeroizing<String>> {
    let token = credential.get_token(&[scope], None).await?;
    Ok(Zeroizing::new(token.token.secret().to_owned()))
}

fn refused(error: &Error, asked: Asked<'_>) -> Failure {
    let root = root(error);
    let kind = match (root.http_status().map(u16::from), root.kind()) {
        (Some(429), _) => FailureKind::Throttled,
        (Some(500..), _) => FailureKind::ServerError,
        (None, ErrorKind::Connection) => FailureKind::Unreachable,
        _ => FailureKind::NoCredentials,
    };
    let failure = asked.failure(kind, format!("no access token: {}", words(error)));
    if kind == FailureKind::NoCredentials { failure.hint(LOG_IN) } else { failure }
}

/// What the authority or the program said, without the crate's frame around it. Of an answer that is none only that: the
/// crate would repeat parts of it, which may be a token.
fn words(error: &Error) -> String {
    let root = root(error);
    match root.kind() {
        ErrorKind::HttpResponse { status, raw_response: Some(answer), .. } => {
            return Refusal::read(u16::from(*status), answer.body()).to_string();
        }
        ErrorKind::DataConversion => return "the answer cannot be read".to_owned(),
        _ => {}
    }
    let words = root.to_string();
    words.split("To troubleshoot, visit").next().unwrap_or_default().trim().to_owned()
}

fn root(error: &Error) -> &Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    inner.map_or(error, root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_narrows_what_is_tried() {
        use Source::*;
        let all = [Environment, Workload, ManagedIdentity, AzureCli, AzureDeveloperCli];
        assert_eq!(Source::chosen(None), Some(all.to_vec()));
        assert_eq!(Source::chosen(Some("Dev")), Some(all[3..].to_vec()));
        assert_eq!(Source::chosen(Some("prod")), Some(all[..3].to_vec()));
        assert_eq!(Source::chosen(Some("azureclicredential")), Some(vec![AzureCli]));
        assert_eq!(Source::chosen(Some("x")), None);
    }
}
