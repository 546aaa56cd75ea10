//! When a new sealing key is due, and the loop that makes it then.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::generation::{self, Outcome};
use super::{KeySet, RegisteredKey};
use crate::context::Context;

/// Clocks of replicas and API servers differ by seconds. A key that starts so soon is waited for instead of making another.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(10);
/// Whoever restores keys from a backup deletes and creates them: without a key for so short a time none is made.
const RESTORING: Duration = Duration::from_secs(30);
/// Wall clocks are set and machines sleep, so the time is asked again at least this often.
const LOOK_AGAIN: Duration = Duration::from_secs(600);
/// Between two tries that failed.
const RETRY: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(300));

/// Why a key is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// None seals.
    None,
    /// The newest was made before `--key-cutoff-time`.
    Cutoff,
    /// The newest is older than `--key-renew-period`.
    Age,
    /// SIGUSR1.
    Asked,
}

impl Reason {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::None => "there is none that seals",
            Self::Cutoff => "the newest was made before the cutoff time",
            Self::Age => "the newest is older than the renewal period",
            Self::Asked => "SIGUSR1 asked for it",
        }
    }
}

/// When a key is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Now(Reason),
    At(Timestamp),
    Never,
}

/// When the next key is due. `period` zero: keys do not age.
pub(super) fn due(
    keys: &KeySet,
    now: Timestamp,
    period: Duration,
    cutoff: Option<Timestamp>,
) -> Due {
    let Some(newest) = keys.sealing(now) else {
        return starting_soon(keys, now).map_or(Due::Now(Reason::None), Due::At);
    };
    let cutoff = cutoff.filter(|cutoff| before(newest, *cutoff));
    if cutoff.is_none_or(|cutoff| cutoff > now) && !period.is_zero() {
        // The sum is out of range with a period of thousands of years: never.
        let aged = SignedDuration::try_from(period)
            .ok()
            .and_then(|period| newest.order.checked_add(period).ok());
        match (aged, cutoff) {
            (Some(aged), _) if aged <= now => {
                return starting_soon(keys, now).map_or(Due::Now(Reason::Age), Due::At);
            }
            (Some(aged), cutoff) => return Due::At(cutoff.map_or(aged, |cutoff| cutoff.min(aged))),
            (None, _) => {}
        }
    }
    match cutoff {
        Some(cutoff) if cutoff <= now => {
            starting_soon(keys, now).map_or(Due::Now(Reason::Cutoff), Due::At)
        }
        Some(cutoff) => Due::At(cutoff),
        None => Due::Never,
    }
}

/// Whether `key` was made before `cutoff`. A certificate of ours starts when it is made, by the clock that `cutoff` is
/// compared with; the Secret's creation is the API server's time.
fn before(key: &RegisteredKey, cutoff: Timestamp) -> bool {
    key.order.max(key.certificate.not_before()) < cutoff
}

/// The start of a key that another replica has made, whose clock is ahead.
fn starting_soon(keys: &KeySet, now: Timestamp) -> Option<Timestamp> {
    let starts = keys.active.iter().map(|key| key.certificate.not_before());
    starts.filter(|start| *start > now && start.duration_since(now) <= CLOCKS_DIFFER).min()
}

/// Makes the keys that are due while this replica leads. Never ends.
pub(super) async fn run(context: &Context) {
    let settings = &context.settings;
    let mut changes = context.sealing_keys.changes();
    let mut leading = context.leading.clone();
    let mut asked = Asked::listen();
    let mut retry = RETRY.0;
    let mut missing = Missing::default();
    if changes.wait_for(|number| *number > 0).await.is_err() {
        return std::future::pending().await;
    }
    loop {
        changes.mark_unchanged();
        let leads = *leading.borrow_and_update();
        let keys = context.sealing_keys.snapshot();
        let now = Timestamp::now();
        let grace = missing.grace(&keys, now, Instant::now());
        let reason = match due(&keys, now, settings.key_renew_period, settings.key_cutoff) {
            _ if asked.pending => Some(Reason::Asked),
            Due::Now(Reason::None) if grace.is_some() => None,
            Due::Now(reason) => Some(reason),
            Due::At(_) | Due::Never => None,
        };
        let pause = match (reason, leads) {
            (Some(reason), true) => {
                asked.pending = false;
                match generation::generate(context, &keys, reason).await {
                    // The watch shows it at once; should it not, the next try finds the same Secret.
                    Ok(Outcome::Made | Outcome::Exists) => {
                        retry = RETRY.0;
                        Duration::from_secs(10)
                    }
                    Ok(Outcome::NotLeading) => RETRY.0,
                    Err(failure) => {
                        tracing::error!(
                            "no new sealing key ({}): {failure}; trying again in {} s",
                            reason.as_str(),
                            retry.as_secs()
                        );
                        let longer = (retry * 2).min(RETRY.1);
                        std::mem::replace(&mut retry, longer)
                    }
                }
            }
            _ => match due(&keys, now, settings.key_renew_period, settings.key_cutoff) {
                Due::At(moment) => grace
                    .unwrap_or(LOOK_AGAIN)
                    .min(moment.duration_since(now).try_into().unwrap_or_default()),
                Due::Now(_) | Due::Never => grace.unwrap_or(LOOK_AGAIN),
            },
        };
        tokio::select! {
            // A failure is not tried again because some key changed or the lease was renewed, but these may remove its cause.
            () = tokio::time::sleep(pause.max(Duration::from_millis(10))) => {}
            _ = changes.changed() => {}
            _ = leading.changed() => {}
            () = asked.wait(&context.leading) => {}
        }
    }
}

/// SIGUSR1, which makes a key at once.
struct Asked {
    signal: Option<Signal>,
    pending: bool,
}

impl Asked {
    fn listen() -> Self {
        let signal = signal(SignalKind::user_defined1());
        if let Err(error) = &signal {
            tracing::warn!("SIGUSR1 will not make a sealing key: {error}");
        }
        Self { signal: signal.ok(), pending: false }
    }

    async fn wait(&mut self, leading: &tokio::sync::watch::Receiver<bool>) {
        let Some(signal) = &mut self.signal else { return std::future::pending().await };
        if signal.recv().await.is_none() {
            return std::future::pending().await;
        }
        self.pending = *leading.borrow();
        if !self.pending {
            tracing::warn!(
                "SIGUSR1 makes a sealing key only in the replica that leads; the Lease says which that is"
            );
        }
    }
}

/// Since when there is no key although there was one, and it was not retired by its label.
#[derive(Debug, Default)]
struct Missing {
    had: Vec<String>,
    since: Option<Instant>,
}

impl Missing {
    /// How long to wait before another is made in the place of keys that are gone.
    fn grace(&mut self, keys: &KeySet, now: Timestamp, instant: Instant) -> Option<Duration> {
        if keys.sealing(now).is_some() {
            self.had = keys.active.iter().map(|key| key.secret_uid.clone()).collect();
            self.since = None;
            return None;
        }
        let retired = |uid: &String| keys.retired.iter().any(|key| key.secret_uid == *uid);
        if self.had.is_empty() || self.had.iter().any(retired) {
            return None;
        }
        let since = *self.since.get_or_insert(instant);
        RESTORING
            .checked_sub(instant.saturating_duration_since(since))
            .filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
#[path = "renewal_tests.rs"]
mod tests;
