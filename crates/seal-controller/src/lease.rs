//! Which replica writes: leader election by a Lease, as client-go does it.
//!
//! A Lease is no fence: a process that was stopped for a minute may still have a request on its way. So everything that is
//! written has a precondition of its own; the Lease only keeps replicas from doing the same work.

mod elector;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::PostParams;
use kube::{Api, Client};
use rand::TryRng as _;
use tokio::sync::watch;

use crate::api_failure::{ApiFailure, Cause};
use elector::{Elector, Step};

pub(crate) use elector::Timings;

/// The prefix of sealing keys that sealed-secrets has when nobody says another.
const DEFAULT_KEY_PREFIX: &str = "sealed-secrets-key";
/// Who writes, in `managedFields`.
const FIELD_MANAGER: &str = "seal-controller";
/// Giving the lease back must not hold up the end of the process.
const RELEASE_WITHIN: Duration = Duration::from_secs(2);

/// The name of the Lease: `seal-controller`. Installations that share a namespace have different prefixes for their sealing
/// keys, so a prefix of its own gives a name of its own: one of them must not stop the other's writing.
pub(crate) fn name(key_prefix: &str) -> String {
    let prefix = key_prefix.trim_matches(['-', '.']);
    if prefix.is_empty() || key_prefix == DEFAULT_KEY_PREFIX {
        "seal-controller".to_owned()
    } else {
        format!("seal-controller-{prefix}")
    }
}

/// A name for this process: that of its pod, and something random, since a container may start again in the same pod.
pub(crate) fn identity(pod: &str) -> String {
    let mut random = [0; 8];
    // Without randomness nothing else here would work either; the process id still tells two containers apart.
    if rand::rngs::SysRng.try_fill_bytes(&mut random).is_err() {
        random = u64::from(std::process::id()).to_be_bytes();
    }
    format!("{pod}_{:016x}", u64::from_be_bytes(random))
}

/// Until when this replica leads, for whoever is about to write.
///
/// A process that was stopped and goes on does everything that was due at once, and finding out that the lease is lost is one
/// thing of many. What is written with the version of an object that was read *before* [`Lead::holds`] said yes cannot undo
/// what a later leader did: that one had not begun yet, and has made another version since.
#[derive(Debug, Clone)]
pub(crate) struct Lead {
    elected: bool,
    until: Arc<Mutex<Option<Instant>>>,
}

impl Lead {
    /// `elected`: there is an election, and it has not been won yet. Otherwise it holds for ever.
    pub(crate) fn new(elected: bool) -> Self {
        Self { elected, until: Arc::default() }
    }

    /// Whether nobody else can lead at this moment.
    pub(crate) fn holds(&self) -> bool {
        !self.elected || self.lock().is_some_and(|until| Instant::now() < until)
    }

    fn set(&self, until: Option<Instant>) {
        *self.lock() = until;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a part of the process learns whether it may write.
#[derive(Debug)]
pub(crate) struct Announcement {
    /// True while this replica leads.
    pub(crate) leading: watch::Sender<bool>,
    /// The same to the moment.
    pub(crate) lead: Lead,
}

/// Takes part in the election until `shutdown` is true (or its sender gone), and gives the lease back then, so that another
/// replica leads at once. `leading` becomes true when the lease is held, and false before anybody else could take it.
///
/// Whoever writes should have ended before `shutdown` is sent here.
pub(crate) async fn run(
    client: Client,
    namespace: String,
    name: String,
    identity: String,
    timings: Timings,
    announcement: Announcement,
    mut shutdown: watch::Receiver<bool>,
) {
    let Announcement { leading, lead } = announcement;
    let server =
        Server { leases: Api::namespaced(client, &namespace), name: name.clone(), namespace };
    let mut elector = Elector::new(&name, &identity, timings);
    let mut reported = None;
    loop {
        let step = elector.step(Instant::now(), Timestamp::now());
        tokio::select! {
            biased;
            _ = shutdown.wait_for(|stop| *stop) => break,
            () = at(elector.leads_until()) => {
                elector.step_down();
                tracing::warn!(lease = %server.place(), "the lease could not be renewed in time; this replica stops writing");
            }
            failure = server.perform(step, &mut elector, timings.renew_deadline / 2) => report(failure, &mut reported),
        }
        lead.set(elector.leads_until());
        let leads = elector.leads(Instant::now());
        if leading.send_if_modified(|now| std::mem::replace(now, leads) != leads) {
            let message = if leads {
                "this replica leads and writes"
            } else {
                "another replica leads; this one stands by"
            };
            tracing::info!(lease = %server.place(), %identity, "{message}");
        }
    }
    lead.set(None);
    leading.send_replace(false);
    if tokio::time::timeout(RELEASE_WITHIN, server.release(&mut elector)).await.is_err() {
        tracing::warn!(lease = %server.place(), "the lease could not be given back; another replica takes it when it expires");
    }
}

/// The requests about one Lease.
struct Server {
    leases: Api<Lease>,
    namespace: String,
    name: String,
}

impl Server {
    fn place(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Makes the request of `step` and tells the elector what came of it. What failed otherwise than by a lost race is
    /// handed back; `Ok(true)` when the server answered.
    async fn perform(
        &self,
        step: Step,
        elector: &mut Elector,
        limit: Duration,
    ) -> Result<bool, ApiFailure> {
        let begun = Instant::now();
        let verb = match &step {
            Step::Wait(until) => {
                tokio::time::sleep_until((*until).into()).await;
                return Ok(false);
            }
            Step::Read => "get",
            Step::Create(_) => "create",
            Step::Replace(_) => "update",
        };
        let answer = tokio::time::timeout(limit, self.ask(step)).await;
        let now = Instant::now();
        let failure = match answer {
            Ok(Ok(Answer::Read(lease))) => {
                elector.read(lease.map(|lease| *lease), now);
                return Ok(true);
            }
            Ok(Ok(Answer::Wrote(lease))) => {
                elector.wrote(*lease, begun, now);
                return Ok(true);
            }
            Ok(Err(error)) => ApiFailure::new(verb, "leases", self.place(), &error),
            Err(_) => ApiFailure::silent(verb, "leases", self.place()),
        };
        match failure.cause() {
            Cause::Conflict => {
                elector.lost_race(now);
                Ok(true)
            }
            // It was removed between two renewals: it is made anew. On creating, the namespace is missing.
            Cause::NotFound if verb == "update" => {
                elector.lost_race(now);
                Ok(true)
            }
            _ => {
                elector.failed(now);
                Err(failure)
            }
        }
    }

    async fn ask(&self, step: Step) -> kube::Result<Answer> {
        let parameters =
            PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        Ok(match step {
            Step::Create(lease) => {
                Answer::Wrote(Box::new(self.leases.create(&parameters, &lease).await?))
            }
            Step::Replace(lease) => {
                Answer::Wrote(Box::new(self.leases.replace(&self.name, &parameters, &lease).await?))
            }
            Step::Read | Step::Wait(_) => {
                Answer::Read(self.leases.get_opt(&self.name).await?.map(Box::new))
            }
        })
    }

    /// Once more if somebody touched the lease meanwhile: a request of ours may have been under way.
    async fn release(&self, elector: &mut Elector) {
        for _ in 0..2 {
            let Some(lease) = elector.released(Timestamp::now()) else { return };
            match self.leases.replace(&self.name, &PostParams::default(), &lease).await {
                Ok(_) => {
                    tracing::info!(lease = %self.place(), "the lease is given back");
                    return;
                }
                Err(_) => match self.leases.get_opt(&self.name).await {
                    Ok(lease) => elector.read(lease, Instant::now()),
                    Err(_) => return,
                },
            }
        }
    }
}

enum Answer {
    Read(Option<Box<Lease>>),
    Wrote(Box<Lease>),
}

/// Says a failure once, until it changes or passes.
fn report(outcome: Result<bool, ApiFailure>, reported: &mut Option<ApiFailure>) {
    match outcome {
        Err(failure) if reported.as_ref() != Some(&failure) => {
            tracing::error!(
                "{failure}; without the lease this replica writes nothing; trying again"
            );
            *reported = Some(failure);
        }
        Ok(true) if reported.take().is_some() => tracing::info!("the lease can be reached again"),
        _ => {}
    }
}

/// Sleeps until then; for ever if there is no such moment.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_holds_until_its_moment_and_without_an_election_for_ever() {
        let lead = Lead::new(true);
        assert!(!lead.holds());
        lead.set(Some(Instant::now() + Duration::from_secs(3600)));
        assert!(lead.clone().holds());
        lead.set(Some(Instant::now()));
        assert!(!lead.holds());
        assert!(Lead::new(false).holds());
    }
}
