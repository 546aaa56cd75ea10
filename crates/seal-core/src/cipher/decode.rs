//! Typed values out of plaintexts, as SOPS's reader takes them (Go's `strconv` and `time`).

use std::borrow::Cow;

use super::ValueType;
use crate::document::{Timestamp, Value};

/// The plaintext of an ENC text does not fit its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the decrypted value is no {value_type}")]
pub struct DecodeError {
    /// The type that the text carries.
    pub value_type: ValueType,
}

/// Returns the value that SOPS reads from the plaintext of that type. Text (comments too) that is no UTF-8 becomes
/// [`Value::Bytes`].
///
/// # Errors
///
/// Where SOPS's reader fails. Hexadecimal floats are refused although Go takes them: nobody writes them.
pub fn decode(value_type: ValueType, plaintext: &[u8]) -> Result<Value<'static>, DecodeError> {
    let text = std::str::from_utf8(plaintext);
    let value = match (value_type, text) {
        (ValueType::Str | ValueType::Bytes | ValueType::Comment, Ok(text)) => {
            Some(Value::String(Cow::Owned(text.to_owned())))
        }
        (ValueType::Str | ValueType::Bytes | ValueType::Comment, Err(_)) => {
            Some(Value::Bytes(plaintext.into()))
        }
        // The grammar of `i64::from_str` is that of `strconv.Atoi`.
        (ValueType::Int, Ok(text)) => text.parse().ok().map(Value::Int),
        (ValueType::Float, Ok(text)) => float(text).map(Value::Float),
        (ValueType::Bool, Ok(text)) => boolean(text).map(Value::Bool),
        (ValueType::Time, Ok(text)) => Timestamp::parse_rfc3339(text).map(Value::Time),
        (ValueType::Int | ValueType::Float | ValueType::Bool | ValueType::Time, Err(_)) => None,
    };
    value.ok_or(DecodeError { value_type })
}

/// Go's `strconv.ParseBool`.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// Go's `strconv.ParseFloat`, decimal.
fn float(text: &str) -> Option<f64> {
    if text.contains('_') {
        let text = text.as_bytes();
        // Go lets `_` stand between two digits.
        let misplaced = (0..text.len()).any(|at| {
            let digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
            text[at] == b'_' && !(at > 0 && digit(at - 1) && digit(at + 1))
        });
        let digits = text.iter().filter(|byte| **byte != b'_').map(|byte| char::from(*byte));
        let digits = zeroize::Zeroizing::new(digits.collect::<String>());
        return if misplaced { None } else { float(&digits) };
    }
    let number: f64 = text.parse().ok()?;
    let named = !text.contains(|c: char| c.is_ascii_digit());
    // Go fails where a number is too large, and knows no signed NaN; Rust gives an infinity, and a NaN.
    let too_large = number.is_infinite() && !named;
    let signed_nan = number.is_nan() && text.starts_with(['+', '-']);
    (!too_large && !signed_nan).then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn rejects(value_type: ValueType, texts: &[&str]) {
        for text in texts {
            let error = decode(value_type, text.as_bytes()).unwrap_err();
            assert_eq!(error, DecodeError { value_type }, "{text:?}");
        }
    }

    #[test]
    fn integers_have_64_bits_and_no_spelling_but_decimal() {
        for (text, int) in
            [("0", 0), ("+7", 7), ("-0", 0), ("007", 7), ("-9223372036854775808", i64::MIN)]
        {
            assert!(decode(ValueType::Int, text.as_bytes()) == Ok(Value::Int(int)), "{text}");
        }
        let not = ["", "+", "-", " 1", "1 ", "1_0", "0x1", "1.0", "9223372036854775808"];
        rejects(ValueType::Int, &not);
    }

    #[test]
    fn floats_take_every_decimal_spelling_of_go() {
        let cases = [
            ("1", 1.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("1E+3", 1000.0),
            ("-1.5e-3", -0.0015),
            ("1000000000000000000000", 1e21),
            ("+Inf", f64::INFINITY),
            ("-Inf", f64::NEG_INFINITY),
            ("inf", f64::INFINITY),
            ("-infinity", f64::NEG_INFINITY),
            ("1e-999", 0.0),
            ("1_000.2_5", 1000.25),
        ];
        for (text, float) in cases {
            assert!(decode(ValueType::Float, text.as_bytes()) == Ok(Value::Float(float)), "{text}");
        }
        let nan = decode(ValueType::Float, b"NaN");
        assert!(matches!(nan, Ok(Value::Float(nan)) if nan.is_nan()));
    }

    #[test]
    fn floats_out_of_range_are_refused_as_go_refuses_them() {
        rejects(
            ValueType::Float,
            &[
                "", ".", "1e999", "-1e999", "+nan", "-NaN", "1 ", "e1", "0x", "_1", "1__0", "1_.0",
                "1_",
            ],
        );
    }

    #[test]
    fn booleans_are_those_of_go() {
        for text in ["1", "t", "T", "TRUE", "true", "True"] {
            assert!(decode(ValueType::Bool, text.as_bytes()) == Ok(Value::Bool(true)), "{text}");
        }
        for text in ["0", "f", "F", "FALSE", "false", "False"] {
            assert!(decode(ValueType::Bool, text.as_bytes()) == Ok(Value::Bool(false)), "{text}");
        }
        rejects(ValueType::Bool, &["", "yes", "tRUE", "01", "true\n"]);
    }

    #[test]
    fn times_are_rfc_3339() {
        let time = decode(ValueType::Time, b"2024-02-29T10:20:30+02:00").unwrap();
        assert_eq!(&*time.canonical(), b"2024-02-29T10:20:30+02:00");
        rejects(ValueType::Time, &["2024-02-29", "2023-02-29T00:00:00Z"]);
    }

    #[test]
    fn text_that_is_no_utf8_becomes_bytes() {
        for value_type in [ValueType::Str, ValueType::Bytes, ValueType::Comment] {
            assert!(decode(value_type, b"\xff") == Ok(Value::Bytes([0xff].into())));
            assert!(decode(value_type, "é\n".as_bytes()) == Ok(Value::String("é\n".into())));
        }
        for value_type in [ValueType::Int, ValueType::Float, ValueType::Bool, ValueType::Time] {
            assert!(decode(value_type, b"\xff").is_err());
        }
    }

    proptest! {
        #[test]
        fn canonical_forms_read_back(int in any::<i64>(), float in any::<f64>(), bool in any::<bool>()) {
            for value in [Value::Int(int), Value::Float(float), Value::Bool(bool)] {
                let value_type = value.value_type().unwrap();
                let read = decode(value_type, &value.canonical()).unwrap();
                prop_assert_eq!(read.canonical(), value.canonical());
            }
        }

        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            for value_type in [ValueType::Int, ValueType::Float, ValueType::Bool, ValueType::Time] {
                prop_assert!(decode(value_type, &bytes).is_err() || std::str::from_utf8(&bytes).is_ok());
            }
        }
    }
}
