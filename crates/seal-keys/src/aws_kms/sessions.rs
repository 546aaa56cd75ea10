//! Clients for KMS, logged in: one for each region, role and profile, had once and shared by all threads.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use aws_sdk_kms::config::{
    BehaviorVersion, Credentials, Region, StalledStreamProtectionConfig, retry::RetryConfig,
    timeout::TimeoutConfig,
};
use seal_core::envelope::MasterKey;

use super::answers::Asked;
use super::arn::KeyArn;
use super::credentials;
use crate::environment::Environment;
use crate::failure::{Failure, FailureKind};
use crate::session::Session;

/// Whom a key is asked from, and as whom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Way {
    pub(super) region: String,
    pub(super) role: Option<String>,
    pub(super) profile: Option<String>,
}

/// A client for KMS, and the credentials that it uses.
#[derive(Clone, Debug)]
pub(super) struct LoggedIn {
    pub(super) kms: aws_sdk_kms::Client,
    credentials: Vec<Credentials>,
}

/// All of a run.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    clients: Mutex<BTreeMap<Way, Arc<Kept<LoggedIn>>>>,
    /// By partition and profile: the identity before any role. It has no region, and a login may need a person.
    identities: Mutex<BTreeMap<(String, Option<String>), Arc<Kept<Credentials>>>>,
}

impl LoggedIn {
    /// Blots out the credentials in what a server said.
    pub(super) fn without_secrets(&self, failure: Failure) -> Failure {
        self.credentials.iter().fold(failure, without)
    }
}

fn without(failure: Failure, credentials: &Credentials) -> Failure {
    let token = credentials.session_token().unwrap_or_default();
    failure.without(&[credentials.secret_access_key(), token, credentials.access_key_id()])
}

impl Sessions {
    /// The client for a key.
    pub(super) async fn client(
        &self,
        session: &Session,
        key: &MasterKey,
        arn: &KeyArn,
        way: &Way,
    ) -> Result<LoggedIn, Failure> {
        let kept = kept(&self.clients, way.clone());
        kept.get(key, async {
            let identity = kept_identity(self, session, key, arn, way).await?;
            let mut credentials = vec![identity.clone()];
            if let Some(role) = &way.role {
                credentials.push(assumed(session, key, way, role, &identity).await?);
            }
            let endpoint = endpoint(&session.environment, "KMS", key)?;
            let as_whom = credentials.last().cloned().unwrap_or(identity);
            let expiry = credentials.iter().filter_map(Credentials::expiry).min();
            let mut config = aws_sdk_kms::Config::builder();
            config.set_endpoint_url(endpoint);
            let config = config
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new(way.region.clone()))
                .credentials_provider(as_whom)
                .use_fips(is_set(&session.environment, "AWS_USE_FIPS_ENDPOINT"))
                .use_dual_stack(is_set(&session.environment, "AWS_USE_DUALSTACK_ENDPOINT"))
                .retry_config(RetryConfig::disabled())
                .timeout_config(TimeoutConfig::disabled())
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                .build();
            let kms = aws_sdk_kms::Client::from_conf(config);
            Ok((LoggedIn { kms, credentials }, expiry))
        })
        .await
    }
}

async fn kept_identity(
    sessions: &Sessions,
    session: &Session,
    key: &MasterKey,
    arn: &KeyArn,
    way: &Way,
) -> Result<Credentials, Failure> {
    let kept = kept(&sessions.identities, (arn.partition.clone(), way.profile.clone()));
    kept.get(key, async {
        let found =
            credentials::find(&session.environment, way.profile.as_deref(), &way.region).await;
        let found = found.map_err(|reason| {
            Failure::new(FailureKind::NoCredentials, key, "log in to AWS", reason)
                .hint(credentials::HINT)
        })?;
        let expiry = found.expiry();
        Ok((found, expiry))
    })
    .await
}

/// Credentials of a role, from STS in the region of the key, as SOPS does it.
async fn assumed(
    session: &Session,
    key: &MasterKey,
    way: &Way,
    role: &str,
    identity: &Credentials,
) -> Result<Credentials, Failure> {
    let endpoint = endpoint(&session.environment, "STS", key)?;
    let mut config = aws_sdk_sts::Config::builder();
    config.set_endpoint_url(endpoint);
    let config = config
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(way.region.clone()))
        .credentials_provider(identity.clone())
        .use_fips(is_set(&session.environment, "AWS_USE_FIPS_ENDPOINT"))
        .use_dual_stack(is_set(&session.environment, "AWS_USE_DUALSTACK_ENDPOINT"))
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        .build();
    let sts = aws_sdk_sts::Client::from_conf(config);
    let operation = format!("sts:AssumeRole of {role} in {}", way.region);
    let asked = Asked { key, operation: &operation };
    let request = sts.assume_role().role_arn(role).role_session_name(session_name(&host_name()));
    let answer = session.calls.request(key, &operation, || async {
        request.clone().send().await.map_err(|error| without(asked.failed(&error), identity))
    });
    let given = answer.await?.credentials;
    let given = given
        .ok_or_else(|| asked.failure(FailureKind::Malformed, "the answer has no credentials"))?;
    let expiry = SystemTime::try_from(given.expiration).ok();
    let token = Some(given.session_token);
    Ok(Credentials::new(given.access_key_id, given.secret_access_key, token, expiry, "role"))
}

/// `sops@HOST`, without what AWS allows in no name of a session, and no longer than it allows.
fn session_name(host: &str) -> String {
    let is_allowed = |c: &char| c.is_ascii_alphanumeric() || "_=,.@+-".contains(*c);
    format!("sops@{host}").chars().filter(is_allowed).take(64).collect()
}

fn host_name() -> String {
    #[cfg(unix)]
    return rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    return std::env::var("COMPUTERNAME").unwrap_or_default();
}

/// Another address for a service, if the user named one.
fn endpoint(
    environment: &Environment,
    service: &str,
    key: &MasterKey,
) -> Result<Option<String>, Failure> {
    if is_set(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
        return Ok(None);
    }
    for name in [format!("AWS_ENDPOINT_URL_{service}"), "AWS_ENDPOINT_URL".to_owned()] {
        let Some(url) = environment.variable(&name) else { continue };
        let url = url.into_string().ok().filter(|url| {
            let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
            rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
        });
        return match url {
            Some(url) => Ok(Some(url)),
            None => {
                let reason = format!("{name} is no URL that begins with http:// or https://");
                Err(Failure::new(FailureKind::Local, key, "call AWS", reason))
            }
        };
    }
    Ok(None)
}

/// The address that requests to KMS go to where it is not AWS's own, for messages.
pub(super) fn other_endpoint(environment: &Environment) -> Option<String> {
    let names = ["AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL"];
    if is_set(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
        return None;
    }
    names.iter().find_map(|name| environment.variable(name)?.into_string().ok())
}

fn is_set(environment: &Environment, name: &str) -> bool {
    environment.variable(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// Something that it takes a login to get.
#[derive(Debug)]
struct Kept<T> {
    slot: tokio::sync::Mutex<Option<Slot<T>>>,
}

#[derive(Debug)]
enum Slot<T> {
    Had(T, Option<SystemTime>),
    Failed(Failure, Instant),
}

/// Credentials that expire sooner are had anew.
const MARGIN: Duration = Duration::from_secs(60);
/// For so long a failed login is not repeated: a thousand files must not knock a thousand times.
const FAILED_FOR: Duration = Duration::from_secs(30);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { slot: tokio::sync::Mutex::default() }
    }
}

impl<T: Clone> Kept<T> {
    /// What is there, or what a login gives; whoever comes meanwhile waits for it.
    async fn get(
        &self,
        key: &MasterKey,
        log_in: impl Future<Output = Result<(T, Option<SystemTime>), Failure>>,
    ) -> Result<T, Failure> {
        let mut slot = self.slot.lock().await;
        match &*slot {
            Some(Slot::Had(had, expiry)) if lasts(*expiry) => return Ok(had.clone()),
            Some(Slot::Failed(failure, when)) if when.elapsed() < FAILED_FOR => {
                return Err(Failure { key: key.to_string(), ..failure.clone() });
            }
            _ => {}
        }
        match log_in.await {
            Ok((had, expiry)) => {
                *slot = Some(Slot::Had(had.clone(), expiry));
                Ok(had)
            }
            Err(failure) => {
                *slot = Some(Slot::Failed(failure.clone(), Instant::now()));
                Err(failure)
            }
        }
    }
}

fn lasts(expiry: Option<SystemTime>) -> bool {
    expiry.is_none_or(|expiry| expiry > SystemTime::now() + MARGIN)
}

fn kept<K: Ord, T>(all: &Mutex<BTreeMap<K, Arc<Kept<T>>>>, which: K) -> Arc<Kept<T>> {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(all.entry(which).or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_session_has_only_what_aws_allows() {
        assert_eq!(session_name("host-1.corp"), "sops@host-1.corp");
        assert_eq!(session_name("hé st/1\n"), "sops@hst1");
        assert_eq!(session_name(&"h".repeat(100)).len(), 64);
    }

    #[test]
    fn credentials_about_to_expire_are_had_anew() {
        let in_seconds = |seconds| Some(SystemTime::now() + Duration::from_secs(seconds));
        assert!(lasts(None) && lasts(in_seconds(90)));
        assert!(!lasts(in_seconds(30)) && !lasts(Some(SystemTime::UNIX_EPOCH)));
    }

    #[test]
    fn the_service_s_own_endpoint_wins() {
        let key = MasterKey::GcpKms { resource_id: String::new() };
        let environment = Environment::of([
            ("AWS_ENDPOINT_URL", "http://all"),
            ("AWS_ENDPOINT_URL_KMS", "http://kms"),
        ]);
        assert_eq!(endpoint(&environment, "KMS", &key), Ok(Some("http://kms".to_owned())));
        assert_eq!(endpoint(&environment, "STS", &key), Ok(Some("http://all".to_owned())));
        for odd in ["kms", "http://", "ftp://x", "http://a b"] {
            let environment = Environment::of([("AWS_ENDPOINT_URL", odd)]);
            let failure = endpoint(&environment, "KMS", &key).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Local, "{odd}");
        }
    }
}
