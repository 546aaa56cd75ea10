//! Values as Go's flag packages read them, so that flags and environment variables of an existing installation carry over.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// A truth value: `true`, `false` and the other spellings that Go takes.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err("neither `true` nor `false`".to_owned()),
    }
}

/// A duration: numbers with units, such as `720h`, `1h30m`, `1.5s`, `0`. A negative one has no meaning for any flag here.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    const EXAMPLE: &str = "a duration is written like `720h`, `1h30m` or `90s`";
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    if unsigned.starts_with('-') {
        return Err("a duration here cannot be negative".to_owned());
    }
    if unsigned == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = unsigned;
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, behind) = rest.split_at(digits(rest));
        let (fraction, behind) = match behind.strip_prefix('.') {
            Some(behind) => behind.split_at(digits(behind)),
            None => ("", behind),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(EXAMPLE.to_owned());
        }
        let letters = behind.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(letters);
        let nanoseconds: u128 = match unit {
            "ns" => 1,
            // Both signs for micro, as Go.
            "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "" => return Err(format!("the unit is missing; {EXAMPLE}")),
            _ => return Err(format!("the units are h, m, s, ms, us and ns; {EXAMPLE}")),
        };
        let too_long = || "the duration is too long; about 292 years are the most".to_owned();
        let count: u128 =
            if whole.is_empty() { 0 } else { whole.parse().map_err(|_| too_long())? };
        total = count
            .checked_mul(nanoseconds)
            .and_then(|n| n.checked_add(total))
            .ok_or_else(too_long)?;
        // Digits behind the ninth are less than a nanosecond of a second; of an hour they are still less than a microsecond.
        let mut share = nanoseconds;
        for digit in fraction.bytes().take(18) {
            share /= 10;
            total += u128::from(digit - b'0') * share;
        }
        rest = behind;
        if total > i64::MAX.unsigned_abs().into() {
            return Err(too_long());
        }
    }
    match u64::try_from(total) {
        Ok(nanoseconds) if !text.is_empty() => Ok(Duration::from_nanos(nanoseconds)),
        _ => Err(EXAMPLE.to_owned()),
    }
}

/// A moment in the form RFC 1123 with a numeric zone, which Go calls `RFC1123Z`; the one of RFC 3339 is taken as well.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let rfc1123 = rfc2822::DateTimeParser::new();
    rfc1123.parse_timestamp(text).or_else(|_| text.parse()).map_err(|_| {
        "a time is written like `Mon, 02 Jan 2006 15:04:05 -0700` or `2006-01-02T15:04:05-07:00`".to_owned()
    })
}

/// Pairs such as `team=platform,env=prod`; blanks around them do not count.
pub(super) fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (key, value) = entry.split_once('=').ok_or("the form is `key=value,key=value`")?;
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() {
            return Err("a key is empty; the form is `key=value,key=value`".to_owned());
        }
        if pairs.iter().any(|(known, _)| known == key) {
            return Err(format!("`{key}` is there twice"));
        }
        pairs.push((key.to_owned(), value.to_owned()));
    }
    Ok(pairs)
}

/// A number of bytes: `1572864`, `1536Ki` or `2Mi`.
pub(super) fn bytes(text: &str) -> Result<usize, String> {
    let (number, unit) = match text {
        _ if text.ends_with("Ki") => (&text[..text.len() - 2], 1 << 10),
        _ if text.ends_with("Mi") => (&text[..text.len() - 2], 1 << 20),
        _ => (text, 1),
    };
    let bytes = number.parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
    match bytes {
        Some(bytes) if bytes > 0 => Ok(bytes),
        _ => {
            Err("a size is written like `1572864`, `1536Ki` or `2Mi`, and is more than 0"
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("0s", 0),
            ("720h", 720 * 3_600_000_000_000),
            ("1h30m", 90 * 60_000_000_000),
            ("1.5h", 90 * 60_000_000_000),
            (".5s", 500_000_000),
            ("5.s", 5_000_000_000),
            ("+2m", 120_000_000_000),
            ("1h0m0.5s", 3_600_500_000_000),
            ("10ms", 10_000_000),
            ("3us", 3_000),
            ("3\u{b5}s", 3_000),
            ("3\u{3bc}s", 3_000),
            ("7ns", 7),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_nanos(nanoseconds)), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_duration() {
        for text in [
            "",
            "5",
            "h",
            "1x",
            "1h30",
            "-1h",
            "1 h",
            ".s",
            "1d",
            "9999999999h",
            "++1s",
            "99999999999999999999s",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn truth_values_are_those_of_go() {
        for text in ["1", "t", "T", "TRUE", "true", "True"] {
            assert_eq!(boolean(text), Ok(true));
            assert_eq!(
                boolean(&text.replace(['1', 't', 'T'], "")),
                Err("neither `true` nor `false`".to_owned())
            );
        }
        for text in ["0", "f", "F", "FALSE", "false", "False"] {
            assert_eq!(boolean(text), Ok(false));
        }
        for text in ["", "yes", "no", "on", "tRUE"] {
            assert!(boolean(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_have_the_form_of_the_flag_of_sealed_secrets() {
        let expected: Timestamp = "2006-01-02T22:04:05Z".parse().unwrap();
        assert_eq!(moment("Mon, 02 Jan 2006 15:04:05 -0700"), Ok(expected));
        assert_eq!(moment("2006-01-02T15:04:05-07:00"), Ok(expected));
        for text in ["", "2006-01-02", "Tue, 02 Jan 2006 15:04:05 -0700", "yesterday"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn pairs_are_split_at_commas_and_the_first_equals_sign() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(pairs(""), Ok(vec![]));
        assert_eq!(pairs("a=b, c=d=e,"), Ok(vec![pair("a", "b"), pair("c", "d=e")]));
        assert_eq!(pairs("a="), Ok(vec![pair("a", "")]));
        for text in ["a", "=b", "a=b,a=c"] {
            assert!(pairs(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_have_binary_units() {
        assert_eq!(bytes("1572864"), Ok(1_572_864));
        assert_eq!(bytes("1536Ki"), Ok(1_572_864));
        assert_eq!(bytes("2Mi"), Ok(2 << 20));
        for text in ["", "0", "-1", "1M", "Ki", "99999999999999999999", "99999999999999999Mi"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
