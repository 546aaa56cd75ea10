//! Points in time as YAML and SOPS write them.

/// A date and time with its offset, as far as documents can carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// Year, 0 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// Fraction of the second.
    pub nanosecond: u32,
    /// Minutes east of UTC.
    pub offset_minutes: i16,
}

impl Timestamp {
    /// Reads RFC 3339 as Go does: a date that exists, seconds below 60, capital `T` and `Z`; digits of the fraction
    /// beyond the ninth are dropped.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let mut rest = text.as_bytes();
        let year = number(&mut rest, 4)?;
        mark(&mut rest, b'-')?;
        let month = number(&mut rest, 2)? as u8;
        mark(&mut rest, b'-')?;
        let day = number(&mut rest, 2)? as u8;
        mark(&mut rest, b'T')?;
        let hour = number(&mut rest, 2)? as u8;
        mark(&mut rest, b':')?;
        let minute = number(&mut rest, 2)? as u8;
        mark(&mut rest, b':')?;
        let second = number(&mut rest, 2)? as u8;
        let nanosecond = match rest {
            [b'.', ..] => fraction(&mut rest)?,
            _ => 0,
        };
        let offset_minutes = offset(&mut rest)?;
        let time = Self { year, month, day, hour, minute, second, nanosecond, offset_minutes };
        (rest.is_empty() && time.is_possible()).then_some(time)
    }

    /// The point in time so many seconds after the start of 1970 in UTC, as Unix counts them; the last second of 9999 for
    /// all that come later.
    pub fn from_unix_seconds(seconds: u64) -> Self {
        const END_OF_9999: u64 = 253_402_300_799;
        let seconds = seconds.min(END_OF_9999);
        let (mut days, second_of_day) = (seconds / 86_400, seconds % 86_400);
        let mut year = 1970;
        let of_year = |year| (1..=12).map(|month| u64::from(days_of(year, month))).sum::<u64>();
        while days >= of_year(year) {
            days -= of_year(year);
            year += 1;
        }
        let mut month = 1;
        while days >= u64::from(days_of(year, month)) {
            days -= u64::from(days_of(year, month));
            month += 1;
        }
        Self {
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

    /// The same point in time without its fraction of a second.
    pub fn whole_seconds(self) -> Self {
        Self { nanosecond: 0, ..self }
    }

    /// RFC 3339 with as many digits of the fraction as needed, the offset kept (`Z` for none): what SOPS hashes.
    pub fn to_rfc3339(self) -> String {
        let mut text = format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            self.year, self.month, self.day, self.hour, self.minute, self.second
        );
        if self.nanosecond != 0 {
            let digits = format!("{:09}", self.nanosecond);
            text.push('.');
            text.push_str(digits.trim_end_matches('0'));
        }
        match self.offset_minutes {
            0 => text.push('Z'),
            offset => {
                let sign = if offset < 0 { '-' } else { '+' };
                let offset = offset.unsigned_abs();
                text.push_str(&format!("{sign}{:02}:{:02}", offset / 60, offset % 60));
            }
        }
        text
    }

    /// Reads the forms that go-yaml v3 takes for points in time: `2006-1-2`, `2006-1-2T15:4:5.9Z` (also with `t` and
    /// an offset) and `2006-1-2 15:4:5.9`; `None` for anything else, impossible dates included.
    pub fn parse_yaml(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() < 5 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
            return None;
        }
        let mut reader = Reader { rest: text };
        let year = reader.number(4, 4)?;
        reader.take('-')?;
        let month = reader.number(1, 2)?;
        reader.take('-')?;
        let day = reader.number(1, 2)?;
        let mut time = Self {
            year: year as u16,
            month: month as u8,
            day: day as u8,
            hour: 0,
            minute: 0,
            second: 0,
            nanosecond: 0,
            offset_minutes: 0,
        };
        if !reader.rest.is_empty() {
            let zoned = !reader.rest.starts_with(' ');
            if zoned {
                reader.take_any(&['T', 't'])?;
            } else {
                reader.rest = reader.rest.trim_start_matches(' ');
            }
            time.hour = reader.number(1, 2)? as u8;
            reader.take(':')?;
            time.minute = reader.number(1, 2)? as u8;
            reader.take(':')?;
            time.second = reader.number(1, 2)? as u8;
            time.nanosecond = reader.fraction();
            if zoned {
                time.offset_minutes = reader.offset()?;
            }
        }
        (reader.rest.is_empty() && time.is_possible()).then_some(time)
    }

    fn is_possible(&self) -> bool {
        (1..=12).contains(&self.month)
            && (1..=days_of(self.year, self.month)).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            && self.second < 60
    }
}

/// Takes a text apart from the left.
struct Reader<'s> {
    rest: &'s str,
}

impl Reader<'_> {
    fn take(&mut self, expected: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(expected)?;
        Some(())
    }

    fn take_any(&mut self, expected: &[char]) -> Option<()> {
        self.rest = self.rest.strip_prefix(expected)?;
        Some(())
    }

    /// Between `least` and `most` digits, as many as there are.
    fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let digits = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if digits < least {
            return None;
        }
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        number.parse().ok()
    }

    /// `.` or `,` and up to nine digits, in nanoseconds.
    fn fraction(&mut self) -> u32 {
        let Some(digits) = self.rest.strip_prefix(['.', ',']) else {
            return 0;
        };
        let count = digits.bytes().take(9).take_while(u8::is_ascii_digit).count();
        if count == 0 {
            return 0;
        }
        let mut nanoseconds = 0;
        for place in 0..9 {
            let digit = digits.as_bytes().get(place).filter(|_| place < count);
            nanoseconds = nanoseconds * 10 + digit.map_or(0, |digit| u32::from(digit - b'0'));
        }
        self.rest = &digits[count..];
        nanoseconds
    }

    /// `Z` or `+hh:mm`, in minutes.
    fn offset(&mut self) -> Option<i16> {
        if self.take('Z').is_some() {
            return Some(0);
        }
        let sign = if self.take('+').is_some() { 1 } else { self.take('-').map(|()| -1)? };
        let hours = self.number(2, 2)?;
        self.take(':')?;
        let minutes = self.number(2, 2)?;
        (hours <= 24 && minutes <= 60).then_some(sign * (hours * 60 + minutes) as i16)
    }
}

/// Takes exactly that many digits.
fn number(rest: &mut &[u8], digits: usize) -> Option<u16> {
    let (number, after) = rest.split_at_checked(digits)?;
    *rest = after;
    number
        .iter()
        .try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u16::from(byte - b'0')))
}

/// Takes that very byte.
fn mark(rest: &mut &[u8], mark: u8) -> Option<()> {
    *rest = rest.strip_prefix(&[mark])?;
    Some(())
}

/// Takes `.` and at least one digit, as nanoseconds.
fn fraction(rest: &mut &[u8]) -> Option<u32> {
    mark(rest, b'.')?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (fraction, after) = rest.split_at(digits);
    *rest = after;
    let digits = fraction.iter().copied().chain(std::iter::repeat(b'0')).take(9);
    (!fraction.is_empty()).then(|| digits.fold(0, |sum, byte| sum * 10 + u32::from(byte - b'0')))
}

/// Takes `Z` or `±hh:mm`, as minutes.
fn offset(rest: &mut &[u8]) -> Option<i16> {
    let sign = match rest {
        [b'Z', after @ ..] => {
            *rest = after;
            return Some(0);
        }
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return None,
    };
    *rest = &rest[1..];
    let hours = number(rest, 2)? as i16;
    mark(rest, b':')?;
    let minutes = number(rest, 2)? as i16;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

fn days_of(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn canonical_texts_stay_as_they_are() {
        for text in [
            "2024-01-01T00:00:00Z",
            "0000-02-29T23:59:59Z",
            "9999-12-31T23:59:59.999999999+23:59",
            "2019-12-10T22:45:55.1-00:30",
            "2000-02-29T00:00:00Z",
        ] {
            assert_eq!(Timestamp::parse_rfc3339(text).unwrap().to_rfc3339(), text);
        }
    }

    #[test]
    fn other_spellings_become_canonical() {
        for (text, canonical) in [
            ("2024-01-01T00:00:00+00:00", "2024-01-01T00:00:00Z"),
            ("2024-01-01T00:00:00-00:00", "2024-01-01T00:00:00Z"),
            ("2024-01-01T00:00:00.500Z", "2024-01-01T00:00:00.5Z"),
            ("2024-01-01T00:00:00.000Z", "2024-01-01T00:00:00Z"),
            ("2024-01-01T00:00:00.1234567899Z", "2024-01-01T00:00:00.123456789Z"),
        ] {
            assert_eq!(Timestamp::parse_rfc3339(text).unwrap().to_rfc3339(), canonical);
        }
    }

    #[test]
    fn rejects_days_and_times_that_do_not_exist() {
        for text in [
            "2023-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2024-04-31T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-01-00T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:60:00Z",
            "2024-01-01T00:00:60Z",
            "2024-01-01T00:00:00+24:00",
            "2024-01-01T00:00:00+00:60",
        ] {
            assert_eq!(Timestamp::parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn rejects_other_shapes() {
        for text in [
            "",
            "2024-01-01",
            "2024-01-01T00:00:00",
            "2024-01-01 00:00:00Z",
            "2024-01-01t00:00:00z",
            "2024-1-1T00:00:00Z",
            "2024-01-01T0:00:00Z",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00,5Z",
            "2024-01-01T00:00:00+0000",
            "2024-01-01T00:00:00Z ",
            "+024-01-01T00:00:00Z",
            "２０２４-01-01T00:00:00Z",
        ] {
            assert_eq!(Timestamp::parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn whole_seconds_keep_the_offset() {
        let time = Timestamp::parse_rfc3339("2024-01-01T00:00:00.9+01:00").unwrap();
        assert_eq!(time.whole_seconds().to_rfc3339(), "2024-01-01T00:00:00+01:00");
    }

    #[test]
    fn seconds_become_the_dates_that_other_tools_show() {
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (u64::MAX, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(Timestamp::from_unix_seconds(seconds).to_rfc3339(), date);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            text in "20[0-9]{2}-(0[1-9]|1[0-2])-([01][0-9]|2[0-8])T[01][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]0[0-9]:[0-5][0-9])"
        ) {
            if let Some(time) = Timestamp::parse_rfc3339(&text) {
                prop_assert_eq!(Timestamp::parse_rfc3339(&time.to_rfc3339()), Some(time));
            } else {
                prop_assert!(text[8..10] == *"00");
            }
        }
    }
}
