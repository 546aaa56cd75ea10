use super::super::testing::{active, at, key};
use super::*;

const PERIOD: Duration = Duration::from_secs(1000);

fn due_at(keys: &KeySet, now: i64, period: Duration, cutoff: Option<i64>) -> Due {
    due(keys, at(now), period, cutoff.map(at))
}

#[test]
fn the_first_key_is_due_at_once_even_if_keys_do_not_age() {
    assert_eq!(due_at(&KeySet::default(), 0, PERIOD, None), Due::Now(Reason::None));
    assert_eq!(due_at(&KeySet::default(), 0, Duration::ZERO, None), Due::Now(Reason::None));
}

#[test]
fn a_key_is_followed_when_the_period_is_over() {
    let keys = active([key("a", 0, 0)]);
    assert_eq!(due_at(&keys, 0, PERIOD, None), Due::At(at(1000)));
    assert_eq!(due_at(&keys, 999, PERIOD, None), Due::At(at(1000)));
    assert_eq!(due_at(&keys, 1000, PERIOD, None), Due::Now(Reason::Age));
    assert_eq!(due_at(&keys, 1_000_000, Duration::ZERO, None), Due::Never);
}

#[test]
fn only_the_newest_key_counts() {
    let keys = active([key("b", 1, 900), key("a", 0, 0)]);
    assert_eq!(due_at(&keys, 1500, PERIOD, None), Due::At(at(1900)));
}

#[test]
fn a_period_of_ages_is_never() {
    assert_eq!(due_at(&active([key("a", 0, 0)]), 5, Duration::MAX, None), Due::Never);
    assert_eq!(
        due_at(&active([key("a", 0, 0)]), 5, Duration::from_secs(u64::MAX / 4), None),
        Due::Never
    );
}

#[test]
fn a_key_from_before_the_cutoff_is_followed() {
    let keys = active([key("a", 0, 0)]);
    assert_eq!(due_at(&keys, 50, PERIOD, Some(20)), Due::Now(Reason::Cutoff));
    assert_eq!(due_at(&keys, 50, Duration::ZERO, Some(20)), Due::Now(Reason::Cutoff));
    assert_eq!(due_at(&active([key("a", 0, 20)]), 50, Duration::ZERO, Some(20)), Due::Never);
}

#[test]
fn a_cutoff_in_the_future_is_waited_for() {
    let keys = active([key("a", 0, 0)]);
    assert_eq!(due_at(&keys, 50, PERIOD, Some(500)), Due::At(at(500)));
    assert_eq!(due_at(&keys, 50, PERIOD, Some(5000)), Due::At(at(1000)));
    assert_eq!(due_at(&keys, 50, Duration::ZERO, Some(500)), Due::At(at(500)));
    assert_eq!(due_at(&keys, 1000, PERIOD, Some(5000)), Due::Now(Reason::Age));
}

#[test]
fn a_slow_clock_of_the_server_does_not_make_a_key_follow_another_without_end() {
    // By the server's clock the new key was made before the cutoff; by ours, after it.
    let slow = RegisteredKey { order: at(10), ..key("b", 1, 21) };
    assert_eq!(due_at(&active([slow]), 25, Duration::ZERO, Some(20)), Due::Never);
}

#[test]
fn a_key_that_starts_in_a_moment_is_waited_for() {
    // Another replica, whose clock is ahead, has made it.
    assert_eq!(due_at(&active([key("b", 1, 60)]), 0, PERIOD, None), Due::At(at(60)));
    let both = active([key("b", 1, 1060), key("a", 0, 0)]);
    assert_eq!(due_at(&both, 1000, PERIOD, None), Due::At(at(1060)));
    assert_eq!(due_at(&both, 1000, Duration::ZERO, Some(20)), Due::At(at(1060)));
}

#[test]
fn a_key_from_the_far_future_is_no_key() {
    assert_eq!(due_at(&active([key("b", 1, 86_400)]), 0, PERIOD, None), Due::Now(Reason::None));
}

#[test]
fn keys_that_vanish_may_be_about_to_be_restored() {
    let (mut missing, start) = (Missing::default(), Instant::now());
    let none = KeySet::default();
    // None yet: the first is made at once.
    assert_eq!(missing.grace(&none, at(0), start), None);
    assert_eq!(missing.grace(&active([key("a", 0, 0)]), at(0), start), None);
    assert_eq!(missing.grace(&none, at(0), start), Some(RESTORING));
    assert_eq!(
        missing.grace(&none, at(0), start + Duration::from_secs(10)),
        Some(RESTORING - Duration::from_secs(10))
    );
    assert_eq!(missing.grace(&none, at(0), start + RESTORING), None);
    // Restored, and gone again: the time starts anew.
    assert_eq!(missing.grace(&active([key("a", 0, 0)]), at(0), start + RESTORING), None);
    assert_eq!(missing.grace(&none, at(0), start + RESTORING), Some(RESTORING));
}

#[test]
fn a_key_that_was_retired_by_its_label_is_followed_at_once() {
    let (mut missing, start) = (Missing::default(), Instant::now());
    assert_eq!(missing.grace(&active([key("a", 0, 0)]), at(0), start), None);
    let retired = RegisteredKey { state: "compromised".to_owned(), ..key("a", 0, 0) };
    let retired = KeySet { retired: vec![retired], ..KeySet::default() };
    assert_eq!(missing.grace(&retired, at(0), start), None);
}
