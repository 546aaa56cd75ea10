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
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        let days = match self.month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return false,
        };
        (1..=days).contains(&self.day) && self.hour < 24 && self.minute < 60 && self.second < 60
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
