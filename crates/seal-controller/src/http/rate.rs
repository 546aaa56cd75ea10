//! A limit on requests, all callers together: a header such as `X-Forwarded-For` proves nothing about who asks.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a request may have to wait for its place. Whoever asks one thing after the other never waits that long.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The generic cell rate algorithm: one moment says how many requests were let in.
pub(super) struct Bucket {
    /// The time that each request takes up.
    interval: Duration,
    /// How far ahead of the clock requests pass at once.
    tolerance: Duration,
    /// When the places that were given away are used up.
    next: Mutex<Instant>,
}

impl Bucket {
    /// Lets `rate` requests per second in, and `burst` more at once.
    pub(super) fn new(rate: u32, burst: u32, now: Instant) -> Self {
        let interval = Duration::from_secs(1) / rate.max(1);
        Self { interval, tolerance: interval * burst, next: Mutex::new(now) }
    }

    /// Takes a place: how long to wait for it, or, if that were too long, after which time there is one again.
    pub(super) fn take(&self, now: Instant) -> Result<Duration, Duration> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let from = (*next).max(now);
        let ahead = from.duration_since(now);
        let wait = ahead.saturating_sub(self.tolerance);
        if wait > LONGEST_WAIT {
            return Err(wait);
        }
        *next = from + self.interval;
        Ok(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_requests_wait_and_the_rest_is_refused() {
        let start = Instant::now();
        let bucket = Bucket::new(2, 2, start);
        let half = Duration::from_millis(500);
        let taken: Vec<_> = (0..9).map(|_| bucket.take(start)).collect();
        let waits: Vec<Duration> = taken.iter().filter_map(|taken| (*taken).ok()).collect();
        assert_eq!(waits, [0, 0, 0, 1, 2, 3, 4].map(|halves| half * halves));
        assert_eq!(taken[7], Err(half * 5));
        assert_eq!(taken[8], Err(half * 5), "a refused request takes no place");
    }

    #[test]
    fn places_come_back_with_time_and_no_more_than_the_burst() {
        let start = Instant::now();
        let bucket = Bucket::new(1, 1, start);
        while bucket.take(start).is_ok() {}
        let later = start + Duration::from_secs(3600);
        assert_eq!(bucket.take(later), Ok(Duration::ZERO));
        assert_eq!(bucket.take(later), Ok(Duration::ZERO));
        assert_eq!(bucket.take(later), Ok(Duration::from_secs(1)));
    }

    #[test]
    fn whoever_asks_one_thing_after_the_other_is_never_refused() {
        let mut now = Instant::now();
        let bucket = Bucket::new(2, 0, now);
        for _ in 0..500 {
            now += bucket.take(now).expect("no refusal");
        }
    }
}
