//! The one place that reads the clock. Everything else takes a [`Timestamp`].

use std::time::{SystemTime, UNIX_EPOCH};

use seal_core::document::Timestamp;

/// The current time in UTC, to the second, as envelopes and key files carry it.
pub(crate) fn now() -> Timestamp {
    // A clock before 1970 is a broken one; files made then say 1970.
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_seconds(elapsed.as_secs())
}

/// The current time in seconds since 1970, to compare with.
pub(crate) fn unix_seconds() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}
