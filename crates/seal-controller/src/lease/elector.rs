//! What an elector does next, as a state machine: times and answers go in, the next request comes out. No clock, no client.
//!
//! Nobody's clock is compared with anybody else's. A lease counts as abandoned when *this* process has seen it unchanged for
//! its whole duration, and a leader stops `duration - renew_deadline` before anybody could think that of its own lease.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};

/// The longest duration in a lease that is believed; a mistyped one must not leave the cluster without a leader for days.
const LONGEST: Duration = Duration::from_secs(600);

/// How long things take; the defaults are client-go's. `retry < renew_deadline < duration`, which the flags are held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timings {
    /// Others wait so long before they take a lease that is not renewed.
    pub(crate) duration: Duration,
    /// A leader that could not renew for so long stops leading; less than `duration`.
    pub(crate) renew_deadline: Duration,
    /// Between two tries.
    pub(crate) retry: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry: Duration::from_secs(2),
        }
    }
}

/// The next request.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Look at the lease.
    Read,
    /// There is none.
    Create(Box<Lease>),
    /// Take or renew it; the resource version in it must still be the current one.
    Replace(Box<Lease>),
    /// Nothing before this moment.
    Wait(Instant),
}

/// One candidate.
#[derive(Debug)]
pub(super) struct Elector {
    name: String,
    identity: String,
    timings: Timings,
    seen: Option<Seen>,
    /// Whether the lease must be read before it is written, because somebody else wrote it.
    reread: bool,
    /// When the last write that the server confirmed was *begun*. `Some` while leading.
    renewed: Option<Instant>,
    pause: Option<Instant>,
}

/// A lease (or that there is none), and since when this process has known it in this form.
#[derive(Debug)]
struct Seen {
    lease: Option<Lease>,
    since: Instant,
}

impl Elector {
    pub(super) fn new(name: &str, identity: &str, timings: Timings) -> Self {
        let (name, identity) = (name.to_owned(), identity.to_owned());
        Self { name, identity, timings, seen: None, reread: false, renewed: None, pause: None }
    }

    /// What to ask the server now. `wall` is written into the lease for people; nothing is decided by it.
    pub(super) fn step(&self, now: Instant, wall: Timestamp) -> Step {
        if let Some(pause) = self.pause.filter(|pause| now < *pause) {
            return Step::Wait(pause);
        }
        match &self.seen {
            _ if self.reread => Step::Read,
            None => Step::Read,
            Some(Seen { lease: None, .. }) => Step::Create(Box::new(self.written(None, wall))),
            Some(Seen { lease: Some(lease), since }) => {
                if self.holds(lease) || holder(lease).is_none() || now >= *since + duration(lease) {
                    Step::Replace(Box::new(self.written(Some(lease), wall)))
                } else {
                    Step::Read
                }
            }
        }
    }

    /// The lease was read.
    pub(super) fn read(&mut self, lease: Option<Lease>, now: Instant) {
        self.reread = false;
        let since = match &self.seen {
            Some(seen) if spec(seen.lease.as_ref()) == spec(lease.as_ref()) => seen.since,
            _ => now,
        };
        self.pause = None;
        if let Some(lease) = &lease
            && !self.holds(lease)
            && holder(lease).is_some()
        {
            self.renewed = None;
            let abandoned = since + duration(lease);
            if now < abandoned {
                self.pause = Some(abandoned.min(now + self.timings.retry));
            }
        }
        self.seen = Some(Seen { lease, since });
    }

    /// The server took what was written; `begun` is when the request was made.
    pub(super) fn wrote(&mut self, lease: Lease, begun: Instant, now: Instant) {
        self.seen = Some(Seen { lease: Some(lease), since: now });
        self.reread = false;
        self.renewed = Some(begun);
        self.pause = Some(begun + self.timings.retry);
    }

    /// Somebody else wrote it, or removed it.
    pub(super) fn lost_race(&mut self, now: Instant) {
        self.reread = true;
        // A leader looks at once, because its time runs; a follower has lost against the one that leads now.
        self.pause = if self.renewed.is_some() { None } else { Some(now + self.timings.retry) };
    }

    /// No answer, or one that says nothing of the lease. What was seen stays valid: time goes on running against its holder.
    pub(super) fn failed(&mut self, now: Instant) {
        self.pause = Some(now + self.timings.retry);
    }

    /// Until when this one leads if nothing is renewed; `None` if it does not.
    pub(super) fn leads_until(&self) -> Option<Instant> {
        self.renewed.map(|begun| begun + self.timings.renew_deadline)
    }

    /// Whether this one leads now.
    pub(super) fn leads(&self, now: Instant) -> bool {
        self.leads_until().is_some_and(|until| now < until)
    }

    /// It could not renew in time. It may take the lease again like anybody else.
    pub(super) fn step_down(&mut self) {
        self.renewed = None;
        self.reread = true;
    }

    /// What leaves the lease to whoever comes first; `None` if it is not held.
    pub(super) fn released(&self, wall: Timestamp) -> Option<Lease> {
        let mut lease = self.seen.as_ref()?.lease.clone()?;
        if !self.holds(&lease) {
            return None;
        }
        let spec = lease.spec.get_or_insert_default();
        spec.holder_identity = None;
        spec.lease_duration_seconds = Some(1);
        spec.renew_time = Some(MicroTime(wall));
        Some(lease)
    }

    fn holds(&self, lease: &Lease) -> bool {
        holder(lease) == Some(&self.identity)
    }

    /// The lease with our name in it. Fields that we do not know stay.
    fn written(&self, current: Option<&Lease>, wall: Timestamp) -> Lease {
        let mut lease = current.cloned().unwrap_or_else(|| Lease {
            metadata: ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() },
            spec: None,
        });
        let renewal = current.is_some_and(|lease| self.holds(lease));
        let spec = lease.spec.get_or_insert_default();
        if !renewal {
            let taken_over = current.is_some();
            spec.lease_transitions =
                Some(spec.lease_transitions.unwrap_or(0).saturating_add(i32::from(taken_over)));
            spec.acquire_time = Some(MicroTime(wall));
            spec.holder_identity = Some(self.identity.clone());
        }
        spec.lease_duration_seconds = i32::try_from(self.timings.duration.as_secs()).ok();
        spec.renew_time = Some(MicroTime(wall));
        lease
    }
}

/// Who holds it, if anybody does.
fn holder(lease: &Lease) -> Option<&String> {
    lease.spec.as_ref()?.holder_identity.as_ref().filter(|identity| !identity.is_empty())
}

/// How long it must stay unchanged before it counts as abandoned: its holder's word, within reason.
fn duration(lease: &Lease) -> Duration {
    let seconds = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds).unwrap_or(0);
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0)).clamp(Duration::from_secs(1), LONGEST)
}

/// What a renewal changes; a label that somebody sets is none.
fn spec(lease: Option<&Lease>) -> Option<&LeaseSpec> {
    lease?.spec.as_ref()
}

#[cfg(test)]
#[path = "elector_tests.rs"]
mod tests;
