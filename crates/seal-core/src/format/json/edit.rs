//! The bytes that take the place of a JSON value when it is encrypted or decrypted.

use super::number;
use crate::document::{Document, Edit, NodeId, Value};

/// A value that JSON cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// An infinity or not a number.
    #[error("JSON has no infinities and no NaN")]
    NotFinite,
    /// Bytes that are no UTF-8.
    #[error("JSON strings are UTF-8, and the value is not")]
    NotUtf8,
}

/// Puts `enc` as a string where the scalar at `node` stands.
pub fn encrypted(document: &Document<'_>, node: NodeId, enc: &str) -> Edit {
    Edit { span: document.node(node).span, text: string_literal(enc).into_bytes() }
}

/// Puts `value` where the ENC text at `node` stands.
///
/// A number is written as `spelling`, its text inside the ENC value, where that is a JSON number of the same value;
/// this is how `1.0` and `1e3` come back. Otherwise it gets the shortest text that reads back as the same value and
/// type.
///
/// # Errors
///
/// The value has no JSON form.
pub fn decrypted(
    document: &Document<'_>,
    node: NodeId,
    value: &Value<'_>,
    spelling: Option<&str>,
) -> Result<Edit, EditError> {
    let text = literal(value, spelling)?.into_bytes();
    Ok(Edit { span: document.node(node).span, text })
}

/// The JSON string that stands for `text`, escaping only what must be.
pub fn string_literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    let mut copied = 0;
    for (at, byte) in text.bytes().enumerate() {
        let short = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\t' => "\\t",
            b'\r' => "\\r",
            0x08 => "\\b",
            0x0C => "\\f",
            0x00..=0x1F => "",
            _ => continue,
        };
        literal.push_str(&text[copied..at]);
        if short.is_empty() {
            literal.push_str(&format!("\\u{byte:04x}"));
        } else {
            literal.push_str(short);
        }
        copied = at + 1;
    }
    literal.push_str(&text[copied..]);
    literal.push('"');
    literal
}

fn literal(value: &Value<'_>, spelling: Option<&str>) -> Result<String, EditError> {
    Ok(match value {
        Value::Null => "null".to_owned(),
        Value::Bool(true) => "true".to_owned(),
        Value::Bool(false) => "false".to_owned(),
        Value::String(text) => string_literal(text),
        Value::Time(time) => string_literal(&time.to_rfc3339()),
        Value::Bytes(bytes) => {
            string_literal(std::str::from_utf8(bytes).map_err(|_| EditError::NotUtf8)?)
        }
        Value::Float(float) if !float.is_finite() => return Err(EditError::NotFinite),
        Value::Int(_) | Value::UInt(_) | Value::Float(_) => match spelling {
            Some(spelling) if spells(spelling, value) => spelling.to_owned(),
            _ => canonical_number(value),
        },
    })
}

/// The shortest JSON number that reads back as this value; a float keeps a point or an exponent, so that it stays one.
fn canonical_number(value: &Value<'_>) -> String {
    match value {
        Value::Int(int) => int.to_string(),
        Value::UInt(int) => int.to_string(),
        Value::Float(float) => format!("{float:?}"),
        _ => String::new(),
    }
}

/// Whether `spelling` is a JSON number that means `value`.
///
/// A float may be spelled as an integer: before 3.13.2, SOPS had every number of a JSON file as a float, `12` included.
fn spells(spelling: &str, value: &Value<'_>) -> bool {
    if number::length(spelling.as_bytes()) != Some(spelling.len()) {
        return false;
    }
    match (number::read(spelling), value) {
        (Some(Value::Int(read)), Value::Int(int)) => read == *int,
        (Some(Value::Int(_) | Value::Float(_)), Value::Float(float)) => {
            spelling.parse().is_ok_and(|read: f64| read.to_bits() == float.to_bits())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::document::{Content, Timestamp, apply};
    use crate::format::json;

    fn text(value: Value<'_>, spelling: Option<&str>) -> String {
        literal(&value, spelling).unwrap()
    }

    #[test]
    fn replaces_nothing_but_the_value() {
        let source = br#"{ "a" : [ 1.0 , true ] }"#;
        let stream = json::parse(source).unwrap();
        let document = &stream.documents[0];
        let edit = encrypted(document, NodeId(2), "ENC[x]");
        let sealed = apply(source, 0..source.len(), vec![edit]);
        assert_eq!(sealed, br#"{ "a" : [ "ENC[x]" , true ] }"#);
        let stream = json::parse(&sealed).unwrap();
        let edit = decrypted(&stream.documents[0], NodeId(2), &Value::Float(1.0), Some("1.0"));
        assert_eq!(apply(&sealed, 0..sealed.len(), vec![edit.unwrap()]), source);
    }

    #[test]
    fn escapes_only_what_must_be_escaped() {
        assert_eq!(
            string_literal("\"\\/\n\t\r\u{8}\u{c}\u{0}\u{1f}\u{7f}<ä>\u{2028}"),
            "\"\\\"\\\\/\\n\\t\\r\\b\\f\\u0000\\u001f\u{7f}<ä>\u{2028}\""
        );
    }

    #[test]
    fn keeps_a_spelling_of_the_same_number() {
        for (spelling, value) in [
            ("1.0", Value::Float(1.0)),
            ("1e3", Value::Float(1000.0)),
            ("12", Value::Float(12.0)),
            ("-0", Value::Float(-0.0)),
            ("12345678901234567890", Value::Float(12345678901234567890.0)),
            ("-7", Value::Int(-7)),
            ("-0", Value::Int(0)),
        ] {
            assert_eq!(text(value, Some(spelling)), spelling);
        }
    }

    #[test]
    fn drops_a_spelling_that_json_has_not_or_that_means_something_else() {
        for (spelling, value, expected) in [
            ("+7", Value::Int(7), "7"),
            ("0o17", Value::Int(15), "15"),
            ("7.0", Value::Int(7), "7"),
            ("7 ", Value::Int(7), "7"),
            ("8", Value::Int(7), "7"),
            ("", Value::Int(7), "7"),
            (".5", Value::Float(0.5), "0.5"),
            ("0.50000001", Value::Float(0.5), "0.5"),
            ("0", Value::Float(-0.0), "-0.0"),
            ("7", Value::UInt(u64::MAX), "18446744073709551615"),
        ] {
            assert_eq!(text(value, Some(spelling)), expected, "{spelling}");
        }
    }

    #[test]
    fn words_and_times_have_one_spelling() {
        assert_eq!(text(Value::Bool(true), Some("True")), "true");
        assert_eq!(text(Value::Bool(false), Some("FALSE")), "false");
        assert_eq!(text(Value::Null, None), "null");
        let time = Timestamp {
            year: 2024,
            month: 1,
            day: 2,
            hour: 3,
            minute: 4,
            second: 5,
            nanosecond: 0,
            offset_minutes: 60,
        };
        assert_eq!(text(Value::Time(time), Some("2024-01-02")), "\"2024-01-02T03:04:05+01:00\"");
    }

    #[test]
    fn refuses_what_json_cannot_hold() {
        for float in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            assert_eq!(literal(&Value::Float(float), Some("1")), Err(EditError::NotFinite));
        }
        assert_eq!(literal(&Value::Bytes([0xFF].into()), None), Err(EditError::NotUtf8));
    }

    fn read_back(literal: &str) -> bool {
        json::parse(format!("{{\"k\":{literal}}}").as_bytes()).is_ok()
    }

    proptest! {
        #[test]
        fn numbers_read_back_as_the_same_value_and_type(
            value in prop_oneof![
                any::<i64>().prop_map(Value::Int),
                any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::Float),
            ],
        ) {
            let literal = text(value.clone(), None);
            prop_assert!(read_back(&literal));
            prop_assert_eq!(number::read(&literal), Some(value));
        }

        #[test]
        fn strings_read_back(value in any::<String>()) {
            let source = format!("{{\"k\":{}}}", string_literal(&value));
            let stream = json::parse(source.as_bytes()).unwrap();
            let Content::Scalar(scalar) = &stream.documents[0].nodes[1].content else {
                panic!("no scalar");
            };
            prop_assert_eq!(&scalar.value, &Value::String(value.into()));
        }

        #[test]
        fn a_spelling_never_changes_the_value(
            float in any::<f64>().prop_filter("finite", |f| f.is_finite()),
            spelling in "-?[0-9]{1,3}(\\.[0-9]{0,2})?(e[0-9])?",
        ) {
            let literal = text(Value::Float(float), Some(&spelling));
            let read: f64 = literal.parse().unwrap();
            prop_assert_eq!(read.to_bits(), float.to_bits());
        }
    }
}
