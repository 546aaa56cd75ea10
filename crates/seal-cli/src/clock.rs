//! The one place that reads the clock. Everything else takes a [`Timestamp`].

use std::time::{SystemTime, UNIX_EPOCH};

use seal_core::document::Timestamp;

/// The current time in UTC, to the second, as envelopes and key files carry it.
pub(crate) fn now() -> Timestamp {
    // A clock before 1970 is a broken one; files made then say 1970.
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    from_unix_seconds(elapsed.as_secs().min(END_OF_9999))
}

/// The last second that four digits of a year can hold.
const END_OF_9999: u64 = 253_402_300_799;

/// Converts seconds since 1970 (UTC, as Unix counts them) to a date of the Gregorian calendar.
fn from_unix_seconds(seconds: u64) -> Timestamp {
    let (mut days, second_of_day) = (seconds / 86_400, seconds % 86_400);
    let mut year: u16 = 1970;
    while days >= days_in_year(year) {
        days -= days_in_year(year);
        year += 1;
    }
    let mut month = 1;
    while days >= days_in_month(year, month) {
        days -= days_in_month(year, month);
        month += 1;
    }
    Timestamp {
        year,
        month,
        day: 1 + days as u8,
        hour: (second_of_day / 3600) as u8,
        minute: (second_of_day / 60 % 60) as u8,
        second: (second_of_day % 60) as u8,
        nanosecond: 0,
        offset_minutes: 0,
    }
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in_year(year: u16) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_in_month(year: u16, month: u8) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::{END_OF_9999, from_unix_seconds};

    #[test]
    fn seconds_become_the_dates_that_other_tools_show() {
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (END_OF_9999, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(from_unix_seconds(seconds).to_rfc3339(), date);
        }
    }
}
