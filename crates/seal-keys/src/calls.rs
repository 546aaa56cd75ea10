//! Calls over the network: one runtime for all providers, started by the first call; time limits; new tries.

use std::future::Future;
use std::io;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rand::RngExt;
use tokio::runtime::Runtime;

use crate::environment::Environment;
use crate::failure::{Failure, FailureKind, Subject};

/// How long calls may take, and how often they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// One request and its answer. By default 10 seconds.
    pub per_call: Duration,
    /// One wrap or unwrap with all its requests, logins and pauses. By default 60 seconds.
    pub in_all: Duration,
    /// How often one request is made where the failure may pass. By default 5.
    pub tries: u32,
    /// The pause before the second try; it doubles each time, with chance in it. By default 0.2 seconds.
    pub first_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_call: Duration::from_secs(10),
            in_all: Duration::from_secs(60),
            tries: 5,
            first_pause: Duration::from_millis(200),
        }
    }
}

impl Limits {
    /// The defaults, with `SEAL_KEY_CALL_TIMEOUT` and `SEAL_KEY_TIMEOUT` (seconds, fractions allowed) in their place.
    ///
    /// # Errors
    ///
    /// The name of the one that is no positive number.
    pub fn read(environment: &Environment) -> Result<Self, InvalidLimit> {
        let seconds = |name: &'static str, default: Duration| {
            let Some(text) = environment.variable(name) else { return Ok(default) };
            let text = text.to_string_lossy();
            let seconds = text.trim().parse::<f64>().ok().filter(|seconds| *seconds > 0.0);
            seconds
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                .ok_or(InvalidLimit { name })
        };
        let default = Self::default();
        Ok(Self {
            per_call: seconds("SEAL_KEY_CALL_TIMEOUT", default.per_call)?,
            in_all: seconds("SEAL_KEY_TIMEOUT", default.in_all)?,
            ..default
        })
    }
}

/// A variable that should hold a time and does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is no number of seconds above 0")]
pub struct InvalidLimit {
    name: &'static str,
}

/// Makes calls, from any number of threads.
#[derive(Debug)]
pub(crate) struct Calls {
    limits: Limits,
    runtime: OnceLock<Result<Runtime, io::ErrorKind>>,
}

impl Calls {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, runtime: OnceLock::new() }
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether a call was made yet.
    #[cfg(test)]
    pub(crate) fn have_started(&self) -> bool {
        self.runtime.get().is_some()
    }

    /// Runs a whole operation (logging in, then the call) and waits for it, at most as long as all of it may take.
    ///
    /// Must not be called from inside the runtime.
    pub(crate) fn run<T>(
        &self,
        key: &Subject,
        operation: &str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let runtime = self.runtime.get_or_init(|| {
            // One worker: connections are few, and the threads that wait do the rest.
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("key-services")
                .enable_all()
                .build()
                .map_err(|error| error.kind())
        });
        let runtime = runtime.as_ref().map_err(|kind| {
            let reason = format!("no thread for network calls can be started: {kind}");
            Failure::new(FailureKind::Local, key, operation, reason)
        })?;
        let in_all = self.limits.in_all;
        let work = async { tokio::time::timeout(in_all, work).await };
        runtime.block_on(work).unwrap_or_else(|_| {
            let reason = format!("no result within {} in all", seconds(in_all));
            Err(Failure::new(FailureKind::TimedOut, key, operation, reason))
        })
    }

    /// Makes one request; again, after a pause, where it was throttled or the server failed.
    pub(crate) async fn request<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        key: &Subject,
        operation: &str,
        mut request: impl FnMut() -> F,
    ) -> Result<T, Failure> {
        let started = Instant::now();
        let mut pause = self.limits.first_pause;
        let mut tries = 1;
        loop {
            let answer = tokio::time::timeout(self.limits.per_call, request()).await;
            let failure = match answer {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(failure)) => failure,
                Err(_) => {
                    let reason = format!("no answer within {}", seconds(self.limits.per_call));
                    Failure::new(FailureKind::TimedOut, key, operation, reason)
                }
            };
            // Half of the pause is left to chance: those who were throttled together do not come back together.
            let wait = pause.mul_f64(rand::rng().random_range(0.5..1.0));
            let in_time = started.elapsed() + wait < self.limits.in_all;
            if !failure.kind.is_passing() || !in_time || tries >= self.limits.tries {
                return Err(match tries {
                    1 => failure,
                    _ => Failure {
                        reason: format!("{} (tried {tries} times)", failure.reason),
                        ..failure
                    },
                });
            }
            tokio::time::sleep(wait).await;
            pause = pause.saturating_mul(2);
            tries += 1;
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use seal_core::envelope::MasterKey;

    use super::*;

    fn key() -> MasterKey {
        MasterKey::HuaweiKms { key_id: "r:k".to_owned() }
    }

    fn calls() -> Calls {
        Calls::new(Limits {
            per_call: Duration::from_millis(50),
            in_all: Duration::from_millis(200),
            tries: 3,
            first_pause: Duration::from_millis(1),
        })
    }

    /// Makes a request that ends as told, time after time; returns the end, and how often it was made.
    fn outcome(ends: &[Result<(), FailureKind>]) -> (Result<(), FailureKind>, u32) {
        let (calls, key, made) = (calls(), key(), AtomicU32::new(0));
        let result = calls.run(&key, "decrypt", async {
            calls
                .request(&key, "decrypt", || async {
                    let index = made.fetch_add(1, Ordering::SeqCst) as usize;
                    ends[index].map_err(|kind| Failure::new(kind, &key, "decrypt", "no"))
                })
                .await
        });
        (result.map_err(|failure| failure.kind), made.into_inner())
    }

    #[test]
    fn what_passes_is_tried_again_and_nothing_else() {
        use FailureKind::*;
        assert_eq!(outcome(&[Err(Throttled), Err(ServerError), Ok(())]), (Ok(()), 3));
        assert_eq!(outcome(&[Err(Throttled); 3]), (Err(Throttled), 3));
        for kind in [Denied, NoCredentials, Disabled, NotForThisKey, Unreachable, Malformed] {
            assert_eq!(outcome(&[Err(kind)]), (Err(kind), 1));
        }
    }

    #[test]
    fn a_call_without_an_answer_ends_in_time() {
        let (calls, key) = (calls(), key());
        let hang = || calls.request(&key, "decrypt", std::future::pending::<Result<(), Failure>>);
        let failure = calls.run(&key, "decrypt", hang()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::TimedOut);
        assert_eq!(failure.reason, "no answer within 0.05 s");
        let failure =
            calls.run(&key, "decrypt", std::future::pending::<Result<(), Failure>>()).unwrap_err();
        assert_eq!(failure.reason, "no result within 0.2 s in all");
    }

    #[test]
    fn limits_come_from_the_environment() {
        let limits = |value: &str| {
            let read = Limits::read(&Environment::of([("SEAL_KEY_CALL_TIMEOUT", value)]));
            read.map(|limits| limits.per_call).map_err(|error| error.to_string())
        };
        assert_eq!(limits("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(limits(""), Ok(Limits::default().per_call));
        for odd in ["0", "-1", "x", "inf", "1e300", "NaN"] {
            let expected = "SEAL_KEY_CALL_TIMEOUT is no number of seconds above 0";
            assert_eq!(limits(odd), Err(expected.to_owned()), "{odd}");
        }
    }
}
