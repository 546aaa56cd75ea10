//! What a scalar means: go-yaml v3's resolution of tags and plain text.
//!
//! YAML 1.1 with go-yaml's choices: `yes` and `on` are strings, `0777` and `0o777` are octal, `_` may stand inside
//! numbers, a number with a leading zero and an 8 or 9 is a float, unquoted dates are points in time.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

use crate::document::{Style, Timestamp, Value};

/// Go's decoder does not mind bits that are left over in the last character.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

const LONG_PREFIX: &str = "tag:yaml.org,2002:";

/// `tag:yaml.org,2002:int` → `!!int`; other tags stay.
pub(super) fn short_tag(tag: &str) -> Box<str> {
    match tag.strip_prefix(LONG_PREFIX) {
        Some(rest) => format!("!!{rest}").into(),
        None => tag.into(),
    }
}

/// Resolves a scalar. `tag` is in its short form. Fails where the text is not what the tag says.
pub(super) fn resolve<'s>(
    tag: Option<&str>,
    text: Cow<'s, str>,
    style: Style,
) -> Result<Value<'s>, String> {
    let tag = tag.filter(|tag| *tag != "!");
    let wanted = match tag {
        None if style == Style::Plain => None,
        None | Some("!!str") => return Ok(Value::String(text)),
        Some("!!binary") => return binary(&text),
        Some(tag @ ("!!bool" | "!!int" | "!!float" | "!!null" | "!!timestamp")) => Some(tag),
        // A tag of somebody's own says nothing about the type.
        Some(_) => return Ok(Value::String(text)),
    };
    let value = resolve_plain(&text, wanted == Some("!!timestamp") || wanted.is_none());
    let fits = match (wanted, &value) {
        (None, _) => return Ok(value.unwrap_or(Value::String(text))),
        (Some("!!float"), Some(Value::Int(int))) => return Ok(Value::Float(*int as f64)),
        (Some("!!bool"), Some(Value::Bool(_)))
        | (Some("!!int"), Some(Value::Int(_) | Value::UInt(_)))
        | (Some("!!float"), Some(Value::Float(_)))
        | (Some("!!null"), Some(Value::Null))
        | (Some("!!timestamp"), Some(Value::Time(_))) => value,
        _ => None,
    };
    fits.ok_or_else(|| format!("the text is no {}", wanted.unwrap_or("value").trim_matches('!')))
}

/// Resolves a key: its text, and whether it is a string.
pub(super) fn resolve_key<'s>(
    tag: Option<&str>,
    text: Cow<'s, str>,
    style: Style,
) -> Result<(Cow<'s, str>, bool), String> {
    if tag.is_none() {
        let is_string = style != Style::Plain || resolve_plain(&text, true).is_none();
        return Ok((text, is_string));
    }
    Ok(match resolve(tag, text.clone(), style)? {
        Value::String(text) => (text, true),
        _ => (text, false),
    })
}

fn binary(text: &str) -> Result<Value<'static>, String> {
    let compact: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let bytes = BASE64.decode(compact).map_err(|_| "the text of `!!binary` is no base64")?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Value::String(Cow::Owned(text)),
        Err(error) => Value::Bytes(error.into_bytes().into()),
    })
}

/// What plain text means; `None` for a string.
fn resolve_plain(text: &str, may_be_time: bool) -> Option<Value<'static>> {
    let first = match text.as_bytes().first() {
        None => return Some(Value::Null),
        Some(first) => *first,
    };
    // Most texts are words, and few words begin as these do.
    if !matches!(
        first,
        b'0'..=b'9' | b'+' | b'-' | b'.' | b'~' | b't' | b'T' | b'f' | b'F' | b'n' | b'N'
    ) {
        return None;
    }
    match text {
        "true" | "True" | "TRUE" => return Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Value::Bool(false)),
        "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
        ".nan" | ".NaN" | ".NAN" => return Some(Value::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Some(Value::Float(f64::INFINITY));
        }
        "-.inf" | "-.Inf" | "-.INF" => return Some(Value::Float(f64::NEG_INFINITY)),
        _ => {}
    }
    match first {
        b'.' => parse_float(&without_separators(text)?).map(Value::Float),
        b'0'..=b'9' | b'+' | b'-' => {
            if may_be_time && let Some(time) = Timestamp::parse_yaml(text) {
                return Some(Value::Time(time));
            }
            number(text)
        }
        _ => None,
    }
}

/// Go's floats take `_` between two digits.
fn without_separators(text: &str) -> Option<Cow<'_, str>> {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let misplaced = |(at, byte): (usize, &u8)| {
        *byte == b'_' && !(digit(at.checked_sub(1)) && digit(Some(at + 1)))
    };
    if bytes.iter().enumerate().any(misplaced) {
        return None;
    }
    Some(if text.contains('_') { text.replace('_', "").into() } else { text.into() })
}

fn number(text: &str) -> Option<Value<'static>> {
    let plain: Cow<'_, str> =
        if text.contains('_') { Cow::Owned(text.replace('_', "")) } else { Cow::Borrowed(text) };
    if let Some(int) = parse_int_any_base(&plain) {
        return Some(Value::Int(int));
    }
    if let Some(int) = parse_uint_any_base(&plain) {
        return Some(Value::UInt(int));
    }
    if is_decimal_float(&plain)
        && let Some(float) = parse_float(&plain)
    {
        return Some(Value::Float(float));
    }
    // go-yaml tries binary and octal once more behind the prefix, where a sign is then possible: `0b-1`.
    for (prefix, radix) in [("0b", 2), ("0o", 8)] {
        if let Some(digits) = plain.strip_prefix(prefix) {
            if let Some(int) = parse_signed(digits, radix) {
                return Some(Value::Int(int));
            }
            if let Some(int) = parse_unsigned(digits, radix) {
                return Some(Value::UInt(int));
            }
        }
    }
    None
}

/// Go's `strconv.ParseInt(text, 0, 64)` on text without `_`.
fn parse_int_any_base(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let magnitude = parse_uint_any_base(digits)?;
    match (negative, magnitude) {
        (true, magnitude) => 0i64.checked_sub_unsigned(magnitude),
        (false, magnitude) => i64::try_from(magnitude).ok(),
    }
}

/// Go's `strconv.ParseUint(text, 0, 64)` on text without `_`.
fn parse_uint_any_base(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    if bytes.len() >= 3 && bytes[0] == b'0' {
        let radix = match bytes[1] {
            b'b' | b'B' => Some(2),
            b'o' | b'O' => Some(8),
            b'x' | b'X' => Some(16),
            _ => None,
        };
        if let Some(radix) = radix {
            return parse_unsigned(&text[2..], radix);
        }
    }
    if bytes.len() > 1 && bytes[0] == b'0' {
        return parse_unsigned(&text[1..], 8);
    }
    parse_unsigned(text, 10)
}

fn parse_unsigned(digits: &str, radix: u32) -> Option<u64> {
    // Rust's parser takes a `+` that Go's does not.
    if !digits.bytes().next()?.is_ascii_alphanumeric() {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

fn parse_signed(digits: &str, radix: u32) -> Option<i64> {
    i64::from_str_radix(digits, radix).ok()
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_decimal_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty())
        }
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        let unsigned = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !unsigned.is_empty() && digits(unsigned)
    });
    mantissa_fits && exponent_fits
}

/// Go's `strconv.ParseFloat` for decimal text: a number too large is no number.
fn parse_float(text: &str) -> Option<f64> {
    if !is_decimal_float(text) {
        return None;
    }
    text.parse().ok().filter(|float: &f64| float.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Value<'_> {
        resolve(None, Cow::Borrowed(text), Style::Plain).expect("untagged text always resolves")
    }

    fn is_string(text: &str) -> bool {
        matches!(plain(text), Value::String(value) if value == text)
    }

    #[test]
    fn integers_are_read_in_every_base_go_yaml_knows() {
        for (text, int) in [
            ("42", 42),
            ("+7", 7),
            ("-7", -7),
            ("0777", 511),
            ("0o17", 15),
            ("0O17", 15),
            ("0x1F", 31),
            ("-0x10", -16),
            ("0b101", 5),
            ("0b-101", -5),
            ("-0b1", -1),
            ("1_000", 1000),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
            ("0", 0),
            ("00", 0),
        ] {
            assert!(plain(text) == Value::Int(int), "{text}");
        }
        assert!(plain("9223372036854775808") == Value::UInt(1 << 63));
        assert!(plain("18446744073709551616") == Value::Float(18446744073709551616.0));
    }

    #[test]
    fn floats_follow_the_yaml_pattern() {
        for (text, float) in
            [("3.25", 3.25), ("1.0", 1.0), ("1e21", 1e21), (".5", 0.5), ("5.", 5.0), ("08", 8.0)]
        {
            assert!(plain(text) == Value::Float(float), "{text}");
        }
        assert!(plain(".inf") == Value::Float(f64::INFINITY));
        assert!(matches!(plain(".NaN"), Value::Float(float) if float.is_nan()));
        assert!(is_string("1e400"));
        assert!(is_string("."));
        assert!(plain(".5_0") == Value::Float(0.5));
        assert!(is_string(".5__0"));
        assert!(is_string("infinity"));
    }

    #[test]
    fn words_of_yaml_1_1_are_strings() {
        for text in
            ["yes", "no", "on", "off", "y", "n", "Yes", "tRUE", "nULL", "<<", "=", "0x", "+"]
        {
            assert!(is_string(text), "{text}");
        }
        for text in ["", "~", "null", "NULL"] {
            assert!(plain(text) == Value::Null, "{text}");
        }
    }

    #[test]
    fn a_tag_has_to_fit_its_text() {
        let tagged =
            |tag, text: &'static str, style| resolve(Some(tag), Cow::Borrowed(text), style);
        assert!(tagged("!!int", "3", Style::DoubleQuoted) == Ok(Value::Int(3)));
        assert!(tagged("!!float", "3", Style::Plain) == Ok(Value::Float(3.0)));
        assert!(tagged("!!str", "3", Style::Plain) == Ok(Value::String("3".into())));
        assert!(tagged("!env", "3", Style::Plain) == Ok(Value::String("3".into())));
        assert!(tagged("!", "3", Style::Plain) == Ok(Value::Int(3)));
        assert!(tagged("!", "3", Style::SingleQuoted) == Ok(Value::String("3".into())));
        assert!(tagged("!!binary", "aGk=", Style::Plain) == Ok(Value::String("hi".into())));
        assert!(tagged("!!binary", "/w==", Style::Plain) == Ok(Value::Bytes([0xFF].into())));
        for (tag, text) in [
            ("!!int", "3.5"),
            ("!!int", "x"),
            ("!!bool", "yes"),
            ("!!null", "x"),
            ("!!timestamp", "x"),
            ("!!binary", "%"),
            ("!!float", ""),
        ] {
            assert!(tagged(tag, text, Style::Plain).is_err(), "{tag} {text}");
        }
    }
}
