//! Roles: STS gives credentials for them to who may assume them.

use std::path::Path;
use std::time::SystemTime;

use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sts::Client;
use zeroize::Zeroizing;

use super::answers::Asked;
use super::endpoint::{is_true, of_service, shown};
use super::host::Host;
use super::longest::Longest;
use super::sessions::without;
use crate::environment::unreadable;
use crate::failure::{Failure, FailureKind, Subject};
use crate::session::Session;

/// A web identity: a token in a file, which Kubernetes renews, stands for a role.
#[derive(Clone, Debug)]
pub(super) struct WebIdentity {
    pub(super) token_file: String,
    pub(super) role: String,
    pub(super) session_name: Option<String>,
}

/// Assumes the role of a key, in the region of the key and under the name that SOPS gives the session.
pub(super) async fn assumed(
    session: &Session,
    key: &Subject,
    region: &str,
    role: &str,
    identity: &Credentials,
) -> Result<Credentials, Failure> {
    let (client, host) = client(session, key, region, Some(identity))?;
    let operation = operation(session, "sts:AssumeRole", role, region);
    let asked = Asked { key, has_context: false, operation: &operation };
    let request = client.assume_role().role_arn(role).role_session_name(name_for(&host_name()));
    let answer = session.calls.request(key, &operation, || async {
        let sent = request.clone().send().await;
        sent.map_err(|error| without(asked.failed(&error, &host), identity))
    });
    given(&asked, answer.await?.credentials)
}

/// Assumes the role of a web identity, as nobody yet.
pub(super) async fn of_web_identity(
    session: &Session,
    key: &Subject,
    region: &str,
    identity: &WebIdentity,
) -> Result<Credentials, Failure> {
    let WebIdentity { token_file, role, session_name } = identity;
    let operation = operation(session, "sts:AssumeRoleWithWebIdentity", role, region);
    let asked = Asked { key, has_context: false, operation: &operation };
    let token = std::fs::read_to_string(token_file).map(Zeroizing::new).map_err(|error| {
        let why = unreadable(Path::new(token_file), &error);
        let reason = format!("AWS_WEB_IDENTITY_TOKEN_FILE {why}");
        asked.failure(FailureKind::NoCredentials, reason)
    })?;
    let name = session_name.clone().unwrap_or_else(|| name_for(&host_name()));
    let (client, host) = client(session, key, region, None)?;
    let request = client
        .assume_role_with_web_identity()
        .role_arn(role)
        .role_session_name(name)
        .web_identity_token(token.trim());
    let answer = session.calls.request(key, &operation, || async {
        let sent = request.clone().send().await;
        sent.map_err(|error| asked.failed(&error, &host).without(&[token.trim()]))
    });
    given(&asked, answer.await?.credentials)
}

fn client(
    session: &Session,
    key: &Subject,
    region: &str,
    identity: Option<&Credentials>,
) -> Result<(Client, Host), Failure> {
    let (environment, host) = (&session.environment, Host::default());
    let mut config = aws_sdk_sts::Config::builder();
    config.set_endpoint_url(of_service("STS", environment, key)?);
    let config = config
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .use_fips(is_true(environment, "AWS_USE_FIPS_ENDPOINT"))
        .use_dual_stack(is_true(environment, "AWS_USE_DUALSTACK_ENDPOINT"))
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        .interceptor(Longest)
        .interceptor(host.clone());
    let config = match identity {
        Some(identity) => config.credentials_provider(identity.clone()),
        None => config,
    };
    Ok((Client::from_conf(config.build()), host))
}

fn operation(session: &Session, name: &str, role: &str, region: &str) -> String {
    format!("{name} of {role} in {region}{}", shown("STS", &session.environment))
}

fn given(
    asked: &Asked<'_>,
    given: Option<aws_sdk_sts::types::Credentials>,
) -> Result<Credentials, Failure> {
    let none = || asked.failure(FailureKind::Malformed, "the answer has no credentials");
    let given = given.ok_or_else(none)?;
    let expiry = SystemTime::try_from(given.expiration).ok();
    let token = Some(given.session_token);
    Ok(Credentials::new(given.access_key_id, given.secret_access_key, token, expiry, "role"))
}

/// `sops@HOST`, without what AWS allows in no name of a session, and no longer than it allows.
fn name_for(host: &str) -> String {
    let is_allowed = |c: &char| c.is_ascii_alphanumeric() || "_=,.@+-".contains(*c);
    format!("sops@{host}").chars().filter(is_allowed).take(64).collect()
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_session_has_only_what_aws_allows() {
        assert_eq!(name_for("host-1.corp"), "sops@host-1.corp");
        assert_eq!(name_for("hé st/1\n"), "sops@hst1");
        assert_eq!(name_for(&"h".repeat(100)).len(), 64);
    }
}
