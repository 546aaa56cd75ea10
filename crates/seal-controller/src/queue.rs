//! What is to be reconciled next: new objects before the backlog, no object twice at a time, back-off without end.
//!
//! [`Schedule`] is pure, with the time as an argument; [`Queue`] puts a clock and waiting around it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::RngExt as _;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The first wait after a failure; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Who goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Lane {
    /// What has just changed.
    Fresh,
    /// What was there before: initial lists, new tries, changes of keys.
    Backlog,
}

/// What became of a key that was worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing is left to do; the next failure waits for the shortest time again.
    Done,
    /// To be tried again after a wait that grows with each failure, and not before `at_least` is over.
    Retry { at_least: Duration },
}

impl Outcome {
    /// To be tried again.
    pub(crate) const RETRY: Self = Self::Retry { at_least: Duration::ZERO };
}

/// Keys that wait, that are being worked on, and that wait for their next try.
#[derive(Debug)]
pub(crate) struct Schedule<K> {
    fresh: VecDeque<K>,
    backlog: VecDeque<K>,
    /// By time and by a number, since two may be due at once.
    later: BTreeMap<(Instant, u64), K>,
    states: HashMap<K, State>,
    next_number: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    place: Place,
    /// Where it goes when the work on it ends.
    again: Option<Lane>,
    failures: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Nowhere,
    Waiting(Lane),
    Later(Instant, u64),
    Working,
}

/// What there is to do at one moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<K> {
    /// Work on this one; it came through that lane.
    Work(K, Lane),
    /// Nothing before that time.
    At(Instant),
    /// Nothing until something is added.
    Nothing,
}

impl<K> Default for Schedule<K> {
    fn default() -> Self {
        Self {
            fresh: VecDeque::new(),
            backlog: VecDeque::new(),
            later: BTreeMap::new(),
            states: HashMap::new(),
            next_number: 0,
        }
    }
}

impl<K: Clone + Eq + Hash> Schedule<K> {
    /// There is something to do for `key`. A key that waits already keeps the better lane; one that waits for its next try
    /// is due at once; one that is being worked on comes again afterwards.
    pub(crate) fn add(&mut self, key: K, lane: Lane) {
        let state = self.states.entry(key.clone()).or_default();
        match state.place {
            Place::Working => state.again = Some(state.again.map_or(lane, |again| again.min(lane))),
            Place::Waiting(old) if old <= lane => {}
            Place::Waiting(_) => {
                state.place = Place::Waiting(lane);
                self.backlog.retain(|waiting| *waiting != key);
                self.fresh.push_back(key);
            }
            Place::Later(at, number) => {
                state.place = Place::Waiting(lane);
                self.later.remove(&(at, number));
                self.push(key, lane);
            }
            Place::Nowhere => {
                state.place = Place::Waiting(lane);
                self.push(key, lane);
            }
        }
    }

    /// Forgets the failures of `key`: it is another object now, or another generation.
    pub(crate) fn forgive(&mut self, key: &K) {
        if let Some(state) = self.states.get_mut(key) {
            state.failures = 0;
        }
    }

    /// What is to be done at `now`. A key that is given out has to come back through [`Schedule::finish`].
    pub(crate) fn next(&mut self, now: Instant) -> Next<K> {
        while let Some(entry) = self.later.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let key = entry.remove();
            if let Some(state) = self.states.get_mut(&key) {
                state.place = Place::Waiting(Lane::Backlog);
            }
            self.backlog.push_back(key);
        }
        let work = match self.fresh.pop_front() {
            Some(key) => Some((key, Lane::Fresh)),
            None => self.backlog.pop_front().map(|key| (key, Lane::Backlog)),
        };
        if let Some((key, lane)) = work {
            if let Some(state) = self.states.get_mut(&key) {
                state.place = Place::Working;
            }
            return Next::Work(key, lane);
        }
        self.later.first_key_value().map_or(Next::Nothing, |((at, _), _)| Next::At(*at))
    }

    /// The work on `key` is over. `jitter` between 0 and 1 spreads the next tries of many keys.
    pub(crate) fn finish(&mut self, key: K, outcome: Outcome, now: Instant, jitter: f64) {
        let Some(state) = self.states.get_mut(&key) else { return };
        let again = state.again.take();
        match outcome {
            Outcome::Done => state.failures = 0,
            Outcome::Retry { at_least } => {
                state.failures = state.failures.saturating_add(1);
                if again.is_none() {
                    let at = now + wait_after(state.failures, jitter).max(at_least);
                    let number = self.next_number;
                    self.next_number += 1;
                    state.place = Place::Later(at, number);
                    self.later.insert((at, number), key);
                    return;
                }
            }
        }
        match again {
            Some(lane) => {
                state.place = Place::Waiting(lane);
                self.push(key, lane);
            }
            None => {
                self.states.remove(&key);
            }
        }
    }

    /// How many failures in a row `key` has had.
    pub(crate) fn failures(&self, key: &K) -> u32 {
        self.states.get(key).map_or(0, |state| state.failures)
    }

    /// How many keys of a lane wait to be worked on now.
    pub(crate) fn waiting(&self, lane: Lane) -> usize {
        match lane {
            Lane::Fresh => self.fresh.len(),
            Lane::Backlog => self.backlog.len(),
        }
    }

    fn push(&mut self, key: K, lane: Lane) {
        match lane {
            Lane::Fresh => self.fresh.push_back(key),
            Lane::Backlog => self.backlog.push_back(key),
        }
    }
}

/// Doubles from [`FIRST_WAIT`] to [`LONGEST_WAIT`]; three quarters of that, and up to a half more by `jitter`.
fn wait_after(failures: u32, jitter: f64) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(LONGEST_WAIT).mul_f64(0.75 + 0.5 * jitter.clamp(0.0, 1.0))
}

/// A schedule that many tasks share.
#[derive(Debug)]
pub(crate) struct Queue<K> {
    schedule: Mutex<Schedule<K>>,
    wake: Notify,
}

impl<K> Default for Queue<K> {
    fn default() -> Self {
        Self { schedule: Mutex::default(), wake: Notify::new() }
    }
}

impl<K: Clone + Eq + Hash + Debug> Queue<K> {
    /// See [`Schedule::add`].
    pub(crate) fn add(&self, key: K, lane: Lane) {
        self.lock().add(key, lane);
        self.wake.notify_one();
    }

    /// As [`Queue::add`] for an object that is another one now: earlier failures do not count any more.
    pub(crate) fn add_changed(&self, key: K) {
        let mut schedule = self.lock();
        schedule.forgive(&key);
        schedule.add(key, Lane::Fresh);
        drop(schedule);
        self.wake.notify_one();
    }

    /// Waits for the next key. Whoever gets one calls [`Queue::finish`]. Safe to cancel.
    pub(crate) async fn next(&self) -> (K, Lane) {
        loop {
            let woken = self.wake.notified();
            let next = self.lock().next(Instant::now());
            match next {
                Next::Work(key, lane) => {
                    // One wake-up may stand for several keys.
                    self.wake.notify_one();
                    return (key, lane);
                }
                Next::At(time) => tokio::select! {
                    () = woken => {}
                    () = tokio::time::sleep_until(time) => {}
                },
                Next::Nothing => woken.await,
            }
        }
    }

    /// See [`Schedule::finish`].
    pub(crate) fn finish(&self, key: K, outcome: Outcome) {
        let jitter = rand::rng().random_range(0.0..=1.0);
        self.lock().finish(key, outcome, Instant::now(), jitter);
        self.wake.notify_one();
    }

    /// See [`Schedule::failures`].
    pub(crate) fn failures(&self, key: &K) -> u32 {
        self.lock().failures(key)
    }

    /// See [`Schedule::waiting`].
    pub(crate) fn waiting(&self, lane: Lane) -> usize {
        self.lock().waiting(lane)
    }

    fn lock(&self) -> MutexGuard<'_, Schedule<K>> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(schedule: &mut Schedule<&'static str>, now: Instant) -> Option<&'static str> {
        match schedule.next(now) {
            Next::Work(key, _) => Some(key),
            _ => None,
        }
    }

    #[test]
    fn what_is_new_goes_before_the_backlog() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.add("old 1", Lane::Backlog);
        schedule.add("old 2", Lane::Backlog);
        schedule.add("new", Lane::Fresh);
        assert_eq!(schedule.next(now), Next::Work("new", Lane::Fresh));
        assert_eq!(schedule.next(now), Next::Work("old 1", Lane::Backlog));
    }

    #[test]
    fn a_change_lifts_a_key_out_of_the_backlog() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        for key in ["a", "b", "c"] {
            schedule.add(key, Lane::Backlog);
        }
        schedule.add("c", Lane::Fresh);
        schedule.add("c", Lane::Backlog);
        assert_eq!((schedule.waiting(Lane::Fresh), schedule.waiting(Lane::Backlog)), (1, 2));
        assert_eq!(schedule.next(now), Next::Work("c", Lane::Fresh));
        assert_eq!(work(&mut schedule, now), Some("a"));
        assert_eq!(work(&mut schedule, now), Some("b"));
        assert_eq!(schedule.next(now), Next::Nothing);
    }

    #[test]
    fn no_key_is_given_out_twice_at_a_time() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.add("a", Lane::Fresh);
        schedule.add("a", Lane::Fresh);
        assert_eq!(work(&mut schedule, now), Some("a"));
        schedule.add("a", Lane::Fresh);
        assert_eq!(schedule.next(now), Next::Nothing);
        schedule.finish("a", Outcome::Done, now, 0.0);
        assert_eq!(work(&mut schedule, now), Some("a"));
        schedule.finish("a", Outcome::Done, now, 0.0);
        assert_eq!(schedule.next(now), Next::Nothing);
    }

    #[test]
    fn the_better_lane_counts_when_a_key_comes_again() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.add("a", Lane::Fresh);
        schedule.next(now);
        schedule.add("a", Lane::Backlog);
        schedule.add("a", Lane::Fresh);
        schedule.add("a", Lane::Backlog);
        schedule.finish("a", Outcome::RETRY, now, 0.0);
        assert_eq!(schedule.next(now), Next::Work("a", Lane::Fresh));
    }

    #[test]
    fn waits_double_up_to_five_minutes_and_never_end() {
        let (mut schedule, mut now) = (Schedule::default(), Instant::now());
        schedule.add("a", Lane::Fresh);
        let mut waits = Vec::new();
        for _ in 0..200 {
            assert_eq!(work(&mut schedule, now), Some("a"));
            schedule.finish("a", Outcome::RETRY, now, 0.5);
            let Next::At(time) = schedule.next(now) else { panic!("no further try") };
            waits.push((time - now).as_millis());
            now = time;
        }
        assert_eq!(waits[..4], [250, 500, 1000, 2000]);
        assert_eq!(waits[11..].iter().max(), Some(&300_000));
        assert_eq!(waits[11..].iter().min(), Some(&300_000));
    }

    #[test]
    fn jitter_spreads_waits_by_a_quarter_to_both_sides() {
        assert_eq!(wait_after(1, 0.0), FIRST_WAIT.mul_f64(0.75));
        assert_eq!(wait_after(1, 1.0), FIRST_WAIT.mul_f64(1.25));
        assert!(wait_after(u32::MAX, 1.0) <= LONGEST_WAIT.mul_f64(1.25));
    }

    #[test]
    fn a_success_resets_the_wait() {
        let (mut schedule, mut now) = (Schedule::default(), Instant::now());
        schedule.add("a", Lane::Fresh);
        for _ in 0..5 {
            assert_eq!(work(&mut schedule, now), Some("a"));
            schedule.finish("a", Outcome::RETRY, now, 0.5);
            now += LONGEST_WAIT * 2;
        }
        assert_eq!(work(&mut schedule, now), Some("a"));
        assert_eq!(schedule.failures(&"a"), 5);
        schedule.finish("a", Outcome::Done, now, 0.5);
        schedule.add("a", Lane::Fresh);
        assert_eq!(work(&mut schedule, now), Some("a"));
        schedule.finish("a", Outcome::RETRY, now, 0.5);
        assert_eq!(schedule.next(now), Next::At(now + FIRST_WAIT));
    }

    #[test]
    fn a_change_ends_the_wait_and_forgives() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.add("a", Lane::Backlog);
        work(&mut schedule, now);
        schedule.finish("a", Outcome::Retry { at_least: Duration::from_secs(60) }, now, 0.5);
        assert_eq!(schedule.next(now), Next::At(now + Duration::from_secs(60)));
        schedule.forgive(&"a");
        schedule.add("a", Lane::Fresh);
        assert_eq!(schedule.next(now), Next::Work("a", Lane::Fresh));
        assert_eq!(schedule.failures(&"a"), 0);
        schedule.finish("a", Outcome::Done, now, 0.5);
        assert_eq!(schedule.next(now), Next::Nothing);
    }

    #[test]
    fn a_new_try_comes_through_the_backlog() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.add("failed", Lane::Fresh);
        work(&mut schedule, now);
        schedule.finish("failed", Outcome::RETRY, now, 0.0);
        let later = now + LONGEST_WAIT;
        schedule.add("new", Lane::Fresh);
        assert_eq!(schedule.next(later), Next::Work("new", Lane::Fresh));
        assert_eq!(schedule.next(later), Next::Work("failed", Lane::Backlog));
    }

    #[test]
    fn nothing_is_kept_of_keys_that_are_done() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        for key in 0..1000 {
            schedule.add(key, Lane::Backlog);
        }
        while let Next::Work(key, _) = schedule.next(now) {
            schedule.finish(key, Outcome::Done, now, 0.0);
        }
        assert!(schedule.states.is_empty() && schedule.later.is_empty());
    }

    #[tokio::test]
    async fn every_key_reaches_one_of_many_waiting_workers() {
        let queue = std::sync::Arc::new(Queue::default());
        let (done, mut finished) = tokio::sync::mpsc::unbounded_channel();
        for _ in 0..8 {
            let (queue, done) = (queue.clone(), done.clone());
            tokio::spawn(async move {
                loop {
                    let (key, _) = queue.next().await;
                    // The first try of each fails, so that the clock wakes workers too.
                    let failed = queue.failures(&key) == 0;
                    queue.finish(key, if failed { Outcome::RETRY } else { Outcome::Done });
                    if !failed && done.send(key).is_err() {
                        return;
                    }
                }
            });
        }
        for key in 0..100 {
            queue.add(key, Lane::Backlog);
        }
        let mut seen = std::collections::BTreeSet::new();
        while seen.len() < 100 {
            let key = tokio::time::timeout(Duration::from_secs(60), finished.recv()).await;
            assert!(seen.insert(key.expect("a worker was never woken").unwrap()));
        }
    }
}
