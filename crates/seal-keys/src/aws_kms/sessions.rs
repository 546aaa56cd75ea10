//! Clients for KMS, logged in: one for each region, role and profile, had once and shared by all threads.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region, StalledStreamProtectionConfig};
use seal_core::envelope::MasterKey;

use super::arn::KeyArn;
use super::endpoint::{is_true, of_service};
use super::host::Host;
use super::longest::Longest;
use super::{credentials, roles};
use crate::failure::Failure;
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
    pub(super) host: Host,
    credentials: Vec<Credentials>,
}

/// All of a run.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    clients: All<Way, LoggedIn>,
    /// The identity before any role. It is good in every region, and a login may need a person.
    identities: Mutex<BTreeMap<Whose, Credentials>>,
    /// The logins for it, which may go to the region of the key. A file may name one that is none, so a login there
    /// must not fail for another region, or hold it up.
    logins: All<(Whose, String), Credentials>,
}

type All<K, T> = Mutex<BTreeMap<K, Arc<Kept<T>>>>;

/// A partition and a profile.
type Whose = (String, Option<String>);

impl LoggedIn {
    /// Blots out the credentials in what a server said.
    pub(super) fn without_secrets(&self, failure: Failure) -> Failure {
        self.credentials.iter().fold(failure, without)
    }
}

/// Blots out credentials in what a server said. The ID of a key is none: it says which one is meant.
pub(super) fn without(failure: Failure, credentials: &Credentials) -> Failure {
    let token = credentials.session_token().unwrap_or_default();
    failure.without(&[credentials.secret_access_key(), token])
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
            let identity = self.identity(session, key, arn, way).await?;
            let mut credentials = vec![identity.clone()];
            if let Some(role) = &way.role {
                credentials.push(roles::assumed(session, key, &way.region, role, &identity).await?);
            }
            let endpoint = of_service("KMS", &session.environment, key)?;
            let as_whom = credentials.last().cloned().unwrap_or(identity);
            let expiry = credentials.iter().filter_map(Credentials::expiry).min();
            let (mut config, host) = (aws_sdk_kms::Config::builder(), Host::default());
            config.set_endpoint_url(endpoint);
            let config = config
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new(way.region.clone()))
                .credentials_provider(as_whom)
                .use_fips(is_true(&session.environment, "AWS_USE_FIPS_ENDPOINT"))
                .use_dual_stack(is_true(&session.environment, "AWS_USE_DUALSTACK_ENDPOINT"))
                .retry_config(RetryConfig::disabled())
                .timeout_config(TimeoutConfig::disabled())
                .interceptor(Longest)
                .interceptor(host.clone())
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                .build();
            let kms = aws_sdk_kms::Client::from_conf(config);
            Ok((LoggedIn { kms, host, credentials }, expiry))
        })
        .await
    }

    /// Who asks, before any role.
    async fn identity(
        &self,
        session: &Session,
        key: &MasterKey,
        arn: &KeyArn,
        way: &Way,
    ) -> Result<Credentials, Failure> {
        let whose = (arn.partition.clone(), way.profile.clone());
        let kept = kept(&self.logins, (whose.clone(), way.region.clone()));
        kept.get(key, async {
            if let Some(known) = locked(&self.identities).get(&whose)
                && lasts(known.expiry())
            {
                return Ok((known.clone(), known.expiry()));
            }
            let profile = way.profile.as_deref();
            let found = credentials::find(session, key, profile, &way.region).await?;
            locked(&self.identities).insert(whose, found.clone());
            let expiry = found.expiry();
            Ok((found, expiry))
        })
        .await
    }
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

fn kept<K: Ord, T>(all: &All<K, T>, which: K) -> Arc<Kept<T>> {
    Arc::clone(locked(all).entry(which).or_default())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_about_to_expire_are_had_anew() {
        let in_seconds = |seconds| Some(SystemTime::now() + Duration::from_secs(seconds));
        assert!(lasts(None) && lasts(in_seconds(90)));
        assert!(!lasts(in_seconds(30)) && !lasts(Some(SystemTime::UNIX_EPOCH)));
    }
}
