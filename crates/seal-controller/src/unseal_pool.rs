//! Opens sealed values on as many threads as there are cores, value by value, what is new before the backlog. RSA takes
//! milliseconds, which the threads that talk to the API server must not spend.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use seal_api::sealing::{Fingerprint, KeyRing, Label, Opened, SealedValue};
use seal_core::secret::SecretBytes;
use tokio::sync::oneshot;

use crate::queue::Lane;

/// How many RSA operations one look at one object may cost: half a minute of one core with 4096 bits. Objects that
/// are as they should be cost one for each value.
const MOST_OPERATIONS: usize = 16_384;

/// Threads that open values. Dropping the last handle ends them.
#[derive(Clone)]
pub(crate) struct UnsealPool {
    shared: Arc<Shared>,
    _stop: Arc<Stop>,
}

/// What came out of the values of one object.
#[derive(Debug, Default)]
pub(crate) struct OpenedValues {
    /// The plaintexts by key.
    pub(crate) values: BTreeMap<String, SecretBytes>,
    /// The keys that no sealing key opened.
    pub(crate) failed: Vec<String>,
    /// How many of those were not even tried any more, because too much had been tried in vain.
    pub(crate) not_tried: usize,
    /// The sealing keys that fitted.
    pub(crate) used: Vec<Fingerprint>,
}

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Shared {
    jobs: Mutex<Jobs>,
    wake: Condvar,
}

#[derive(Default)]
struct Jobs {
    fresh: VecDeque<Job>,
    backlog: VecDeque<Job>,
    stopped: bool,
}

struct Stop(Arc<Shared>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner).stopped = true;
        self.0.wake.notify_all();
    }
}

impl UnsealPool {
    /// Starts one thread for each core.
    pub(crate) fn start() -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        for number in 0..thread::available_parallelism().map_or(1, usize::from) {
            let shared = shared.clone();
            thread::Builder::new().name(format!("unseal-{number}")).spawn(move || shared.work())?;
        }
        Ok(Self { _stop: Arc::new(Stop(shared.clone())), shared })
    }

    /// Opens all values of an object under `label`. `hint` is the key that fitted last time, and is tried first.
    pub(crate) async fn open(
        &self,
        lane: Lane,
        ring: Arc<KeyRing>,
        label: &Label,
        values: BTreeMap<String, SealedValue>,
        hint: Option<Fingerprint>,
    ) -> OpenedValues {
        let budget = Arc::new(AtomicUsize::new(MOST_OPERATIONS));
        let mut result = OpenedValues::default();
        let mut hint = hint;
        let mut values = values.into_iter();
        // Which of many keys it is shows the first value; the others then cost one operation each.
        if hint.is_none()
            && ring.keys().len() > 1
            && let Some((key, value)) = values.next()
        {
            let answer = self.submit(lane, &ring, label, value, None, &budget).await;
            result.take(key, answer);
            hint = result.used.first().cloned();
        }
        let pending: Vec<_> = values
            .map(|(key, value)| {
                (key, self.submit(lane, &ring, label, value, hint.clone(), &budget))
            })
            .collect();
        for (key, answer) in pending {
            result.take(key, answer.await);
        }
        result
    }

    /// Does something else that takes the CPU for a while. `None` where nobody does it any more.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, receive) = oneshot::channel();
        self.shared.push(
            lane,
            Box::new(move || {
                // Nobody waits any more: the replica lost its lease.
                if !answer.is_closed() {
                    let _ = answer.send(work());
                }
            }),
        );
        receive.await.ok()
    }

    fn submit(
        &self,
        lane: Lane,
        ring: &Arc<KeyRing>,
        label: &Label,
        value: SealedValue,
        hint: Option<Fingerprint>,
        budget: &Arc<AtomicUsize>,
    ) -> impl Future<Output = Answer> + use<> {
        let (ring, label, budget) = (ring.clone(), label.clone(), budget.clone());
        let (answer, receive) = oneshot::channel();
        self.shared.push(
            lane,
            Box::new(move || {
                // Nobody waits any more: the replica lost its lease.
                if answer.is_closed() {
                    return;
                }
                let _ = answer.send(open_within(&budget, &ring, &label, &value, hint.as_ref()));
            }),
        );
        async move { receive.await.unwrap_or(Answer::NotTried) }
    }
}

enum Answer {
    Opened(Opened),
    Failed,
    NotTried,
}

fn open_within(
    budget: &AtomicUsize,
    ring: &KeyRing,
    label: &Label,
    value: &SealedValue,
    hint: Option<&Fingerprint>,
) -> Answer {
    if budget.load(Ordering::Relaxed) == 0 && !ring.keys().is_empty() {
        return Answer::NotTried;
    }
    let opened = ring.open(value, label, hint);
    let by_hint = opened.as_ref().is_some_and(|opened| Some(&opened.by) == hint);
    let cost = if by_hint { 1 } else { ring.keys().len() };
    let spend = |left: usize| Some(left.saturating_sub(cost));
    let _ = budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend);
    opened.map_or(Answer::Failed, Answer::Opened)
}

impl OpenedValues {
    fn take(&mut self, key: String, answer: Answer) {
        match answer {
            Answer::Opened(opened) => {
                if !self.used.contains(&opened.by) {
                    self.used.push(opened.by);
                }
                self.values.insert(key, opened.plaintext);
            }
            Answer::Failed => self.failed.push(key),
            Answer::NotTried => {
                self.failed.push(key);
                self.not_tried += 1;
            }
        }
    }
}

impl Shared {
    fn push(&self, lane: Lane, job: Job) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        match lane {
            Lane::Fresh => jobs.fresh.push_back(job),
            Lane::Backlog => jobs.backlog.push_back(job),
        }
        drop(jobs);
        self.wake.notify_one();
    }

    fn work(&self) {
        loop {
            let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
            let job = loop {
                if jobs.stopped {
                    return;
                }
                if let Some(job) = jobs.fresh.pop_front().or_else(|| jobs.backlog.pop_front()) {
                    break job;
                }
                jobs = self.wake.wait(jobs).unwrap_or_else(PoisonError::into_inner);
            };
            drop(jobs);
            job();
        }
    }
}
