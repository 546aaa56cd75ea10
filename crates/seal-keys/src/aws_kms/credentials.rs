//! Credentials of AWS: found where Go's SDK, and so SOPS, finds them.
//!
//! A profile that the key names is the only place, and wins over the rest. Otherwise, in this order: static keys of the
//! environment, a web identity (the roles of Kubernetes service accounts), the profile that `AWS_PROFILE` names or the
//! default one, the container's endpoint, the instance's. The variables come from [`Environment`]; what stands in a
//! profile is the SDK's to read.

use std::path::PathBuf;
use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
#[allow(deprecated, reason = "they moved to a crate that is the SDK's own")]
use aws_config::profile::profile_file::{ProfileFileKind, ProfileFiles};
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_kms::config::{BehaviorVersion, Credentials, ProvideCredentials, Region};

use super::answers::causes;
use super::endpoint::is_true;
use super::roles::{self, WebIdentity};
use crate::environment::Environment;
use crate::failure::{Failure, FailureKind, Subject};
use crate::session::Session;

/// What to do where there are none.
pub(super) const HINT: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile with AWS_PROFILE, or log in, such as with `aws sso login`";

/// The address of the instance's credentials answers within milliseconds or does not exist.
const INSTANCE_ANSWERS_WITHIN: Duration = Duration::from_secs(1);

/// Finds credentials; a failure says where they were looked for, and what was found there.
pub(super) async fn find(
    session: &Session,
    key: &Subject,
    profile: Option<&str>,
    region: &str,
) -> Result<Credentials, Failure> {
    let environment = &session.environment;
    let failure = |reason: String| {
        Failure::new(FailureKind::NoCredentials, key, "log in to AWS", reason).hint(HINT)
    };
    let mut tried = Vec::new();
    if profile.is_none() {
        match from_variables(environment) {
            Ok(credentials) => return Ok(credentials),
            Err(why) => tried.push(why.to_owned()),
        }
        if let Some(identity) = web_identity(environment) {
            return roles::of_web_identity(session, key, region, &identity).await;
        }
    }
    let profile_name = profile.map(str::to_owned).or_else(|| text(environment, "AWS_PROFILE"));
    let profile_name = profile_name.unwrap_or_else(|| "default".to_owned());
    if profile_files(environment).is_none() {
        tried.push(format!("profile {profile_name}: no configuration file of AWS is there"));
    }
    for (name, provider) in places(environment, &profile_name, profile.is_some(), region) {
        match provider.provide_credentials().await {
            Ok(credentials) => return Ok(credentials),
            Err(error) => {
                tried.push(format!("{name}: {}", why_not(&error)));
                // What is there and broken ends the search: another place would mean another identity.
                if !matches!(error, CredentialsError::CredentialsNotLoaded(_)) {
                    break;
                }
            }
        }
    }
    if profile.is_none() && is_true(environment, "AWS_EC2_METADATA_DISABLED") {
        tried.push("instance: AWS_EC2_METADATA_DISABLED is set".to_owned());
    }
    Err(failure(format!("found no credentials ({})", tried.join("; "))))
}

/// What a place said, without the frame of the SDK, which may hold all of an answer.
fn why_not(error: &CredentialsError) -> String {
    let why = std::error::Error::source(error).map(causes);
    let why = why.unwrap_or_else(|| "nothing".to_owned());
    why.split(". Response {").next().unwrap_or_default().to_owned()
}

/// The variable, if it is text.
fn text(environment: &Environment, name: &str) -> Option<String> {
    environment.variable(name)?.into_string().ok()
}

fn web_identity(environment: &Environment) -> Option<WebIdentity> {
    Some(WebIdentity {
        token_file: text(environment, "AWS_WEB_IDENTITY_TOKEN_FILE")?,
        role: text(environment, "AWS_ROLE_ARN")?,
        session_name: text(environment, "AWS_ROLE_SESSION_NAME"),
    })
}

/// The static keys, under both names that Go's SDK knows.
fn from_variables(environment: &Environment) -> Result<Credentials, &'static str> {
    let text = |name: &str| text(environment, name);
    let id = text("AWS_ACCESS_KEY_ID").or_else(|| text("AWS_ACCESS_KEY"));
    let secret = text("AWS_SECRET_ACCESS_KEY").or_else(|| text("AWS_SECRET_KEY"));
    match (id, secret) {
        (Some(id), Some(secret)) => {
            Ok(Credentials::new(id, secret, text("AWS_SESSION_TOKEN"), None, "environment"))
        }
        (None, None) => Err("AWS_ACCESS_KEY_ID is not set"),
        (Some(_), None) => Err("AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not"),
        (None, Some(_)) => Err("AWS_SECRET_ACCESS_KEY is set, AWS_ACCESS_KEY_ID is not"),
    }
}

type Place = (String, Box<dyn ProvideCredentials>);

/// The places other than variables, in the order in which they are searched.
fn places(
    environment: &Environment,
    profile: &str,
    profile_only: bool,
    region: &str,
) -> Vec<Place> {
    // Nothing is tried twice here: the whole operation has its limits already.
    let config = ProviderConfig::without_region()
        .with_behavior_version(Some(BehaviorVersion::latest()))
        .with_region(Some(Region::new(region.to_owned())))
        .with_retry_config(RetryConfig::disabled());
    let mut places: Vec<Place> = Vec::new();
    if let Some(files) = profile_files(environment) {
        let provider = ProfileFileCredentialsProvider::builder()
            .configure(&config)
            .profile_name(profile)
            .profile_files(files)
            .build();
        places.push((format!("profile {profile}"), Box::new(provider)));
    }
    if profile_only {
        return places;
    }
    let container =
        ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
    if container.iter().any(|name| text(environment, name).is_some()) {
        let provider = EcsCredentialsProvider::builder().configure(&config).build();
        places.push(("container".to_owned(), Box::new(provider)));
    }
    if !is_true(environment, "AWS_EC2_METADATA_DISABLED") {
        places.push(("instance".to_owned(), Box::new(instance(environment, &config))));
    }
    places
}

fn instance(environment: &Environment, config: &ProviderConfig) -> ImdsCredentialsProvider {
    let builder = || {
        imds::Client::builder()
            .configure(config)
            .max_attempts(1)
            .connect_timeout(INSTANCE_ANSWERS_WITHIN)
            .read_timeout(INSTANCE_ANSWERS_WITHIN)
            .operation_timeout(2 * INSTANCE_ANSWERS_WITHIN)
    };
    let endpoint = text(environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    let client = endpoint.and_then(|endpoint| builder().endpoint(endpoint).ok());
    let client = client.unwrap_or_else(builder).build();
    ImdsCredentialsProvider::builder().configure(config).imds_client(client).build()
}

/// The files of the SDK that are there; `None` without any. A file that a variable names and that is missing is one
/// that is not there, as for Go's SDK.
#[allow(deprecated, reason = "they moved to a crate that is the SDK's own")]
pub(super) fn profile_files(environment: &Environment) -> Option<ProfileFiles> {
    let home = || environment.variable(if cfg!(windows) { "USERPROFILE" } else { "HOME" });
    let mut files = ProfileFiles::builder();
    let mut any = false;
    for (kind, variable, name) in [
        (ProfileFileKind::Config, "AWS_CONFIG_FILE", "config"),
        (ProfileFileKind::Credentials, "AWS_SHARED_CREDENTIALS_FILE", "credentials"),
    ] {
        let named = environment.variable(variable).map(PathBuf::from);
        let path = named.or_else(|| Some(PathBuf::from(home()?).join(".aws").join(name)));
        if let Some(path) = path.filter(|path| path.exists()) {
            files = files.with_file(kind, path);
            any = true;
        }
    }
    any.then(|| files.build())
}
