//! The numbers of JSON and what they mean to SOPS.

use crate::document::Value;

/// Length of the JSON number that `text` begins with.
pub(super) fn length(text: &[u8]) -> Option<usize> {
    let mut at = usize::from(text.first() == Some(&b'-'));
    at += match text.get(at)? {
        b'0' => 1,
        b'1'..=b'9' => digits(&text[at..]),
        _ => return None,
    };
    if text.get(at) == Some(&b'.') {
        at += 1 + some_digits(&text[at + 1..])?;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1;
        at += usize::from(matches!(text.get(at), Some(b'+' | b'-')));
        at += some_digits(&text[at..])?;
    }
    Some(at)
}

/// The value of a JSON number as SOPS ≥ 3.13.2 takes it: an integer where the text is one and 64 bits hold it, a
/// float otherwise. `None` beyond the largest float, which SOPS refuses too.
pub(super) fn read(text: &str) -> Option<Value<'static>> {
    let is_integer = text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
    if is_integer && let Ok(int) = text.parse() {
        return Some(Value::Int(int));
    }
    text.parse().ok().filter(|float: &f64| float.is_finite()).map(Value::Float)
}

fn digits(text: &[u8]) -> usize {
    text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len())
}

fn some_digits(text: &[u8]) -> Option<usize> {
    Some(digits(text)).filter(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_longest_json_number_and_no_more() {
        for (text, expected) in [
            ("0", Some(1)),
            ("-0", Some(2)),
            ("12]", Some(2)),
            ("1.5e+10,", Some(7)),
            ("1E0", Some(3)),
            ("01", Some(1)),
            ("-", None),
            ("-a", None),
            ("1.", None),
            ("1.e5", None),
            ("1e", None),
            ("1e+", None),
            (".5", None),
            ("+1", None),
        ] {
            assert_eq!(length(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn integers_of_64_bits_are_int_and_all_else_is_float() {
        assert_eq!(read("-9223372036854775808"), Some(Value::Int(i64::MIN)));
        assert_eq!(read("9223372036854775807"), Some(Value::Int(i64::MAX)));
        assert_eq!(read("9223372036854775808"), Some(Value::Float(9223372036854775808.0)));
        assert_eq!(read("1.0"), Some(Value::Float(1.0)));
        assert_eq!(read("1e3"), Some(Value::Float(1000.0)));
        assert_eq!(read("-0"), Some(Value::Int(0)));
        assert_eq!(read("1e-400"), Some(Value::Float(0.0)));
        assert_eq!(read("1e309"), None);
    }
}
