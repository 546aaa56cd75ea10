//! A limit on how often something happens.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The generic cell rate algorithm: one moment says how much was let through.
#[derive(Debug)]
pub(crate) struct Rate {
    /// The time that each one takes up.
    interval: Duration,
    /// How far ahead of the clock some pass at once.
    tolerance: Duration,
    /// When the places that were given away are used up.
    next: Mutex<Instant>,
}

impl Rate {
    /// One per `interval`, and `burst` more at once.
    pub(crate) fn new(interval: Duration, burst: u32, now: Instant) -> Self {
        Self { interval, tolerance: interval.saturating_mul(burst), next: Mutex::new(now) }
    }

    /// Takes a place: how long to wait for it, or, if that were more than `longest`, after which time there is one again.
    pub(crate) fn take(&self, now: Instant, longest: Duration) -> Result<Duration, Duration> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let from = (*next).max(now);
        let wait = from.duration_since(now).saturating_sub(self.tolerance);
        if wait > longest {
            return Err(wait);
        }
        *next = from + self.interval;
        Ok(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Duration = Duration::from_millis(500);

    #[test]
    fn a_burst_passes_then_the_next_wait_and_the_rest_is_refused() {
        let start = Instant::now();
        let rate = Rate::new(HALF, 2, start);
        let taken: Vec<_> = (0..9).map(|_| rate.take(start, 4 * HALF)).collect();
        let waits: Vec<Duration> = taken.iter().filter_map(|taken| (*taken).ok()).collect();
        assert_eq!(waits, [0, 0, 0, 1, 2, 3, 4].map(|halves| HALF * halves));
        assert_eq!(taken[7], Err(HALF * 5));
        assert_eq!(taken[8], Err(HALF * 5), "what is refused takes no place");
    }

    #[test]
    fn places_come_back_with_time_and_no_more_than_the_burst() {
        let start = Instant::now();
        let rate = Rate::new(HALF, 1, start);
        while rate.take(start, Duration::ZERO).is_ok() {}
        let later = start + Duration::from_secs(3600);
        let waits: Vec<_> = (0..3).map(|_| rate.take(later, Duration::MAX)).collect();
        assert_eq!(waits, [Ok(Duration::ZERO), Ok(Duration::ZERO), Ok(HALF)]);
    }

    #[test]
    fn whoever_comes_one_after_the_other_is_never_refused() {
        let mut now = Instant::now();
        let rate = Rate::new(HALF, 0, now);
        for _ in 0..500 {
            now += rate.take(now, HALF).expect("no refusal");
        }
    }
}
