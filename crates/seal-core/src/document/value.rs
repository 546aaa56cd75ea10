//! Typed values of leaves and the forms that SOPS encrypts and hashes.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::{Timestamp, float};
use crate::cipher::ValueType;

/// What a scalar means, by go-yaml v3's rules (YAML) or SOPS's (JSON).
#[derive(Clone, PartialEq)]
pub enum Value<'s> {
    /// `null`, `~` or nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer of 64 bits.
    Int(i64),
    /// An integer that only fits without a sign; SOPS cannot encrypt it.
    UInt(u64),
    /// Any other number.
    Float(f64),
    /// A point in time.
    Time(Timestamp),
    /// Text.
    String(Cow<'s, str>),
    /// `!!binary` that is no UTF-8.
    Bytes(Box<[u8]>),
}

impl std::fmt::Debug for Value<'_> {
    // A value may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Value::Null => "Null",
            Value::Bool(_) => "Bool(<redacted>)",
            Value::Int(_) => "Int(<redacted>)",
            Value::UInt(_) => "UInt(<redacted>)",
            Value::Float(_) => "Float(<redacted>)",
            Value::Time(_) => "Time(<redacted>)",
            Value::String(_) => "String(<redacted>)",
            Value::Bytes(_) => "Bytes(<redacted>)",
        })
    }
}

impl Value<'_> {
    /// Its type in an ENC text; `None` for null and for integers that SOPS has no type for.
    pub fn value_type(&self) -> Option<ValueType> {
        Some(match self {
            Value::Null | Value::UInt(_) => return None,
            Value::Bool(_) => ValueType::Bool,
            Value::Int(_) => ValueType::Int,
            Value::Float(_) => ValueType::Float,
            Value::Time(_) => ValueType::Time,
            Value::String(_) => ValueType::Str,
            Value::Bytes(_) => ValueType::Str,
        })
    }

    /// True for the values that SOPS never encrypts: null and the empty string.
    pub fn is_empty(&self) -> bool {
        match self {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Bytes(bytes) => bytes.is_empty(),
            _ => false,
        }
    }

    /// The bytes that SOPS encrypts and hashes (sops.md B.1): decimal integers, floats without exponent,
    /// `True`/`False`, RFC 3339, raw text. Null is empty.
    pub fn canonical(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            Value::Null => Vec::new(),
            Value::Bool(true) => b"True".to_vec(),
            Value::Bool(false) => b"False".to_vec(),
            Value::Int(int) => int.to_string().into_bytes(),
            Value::UInt(int) => int.to_string().into_bytes(),
            Value::Float(float) => format_float(*float).into_bytes(),
            Value::Time(time) => time.to_rfc3339().into_bytes(),
            Value::String(text) => text.as_bytes().to_vec(),
            Value::Bytes(bytes) => bytes.to_vec(),
        })
    }
}

impl Value<'_> {
    /// The same without the text it was read from.
    pub(crate) fn to_static(&self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Int(number) => Value::Int(*number),
            Self::UInt(number) => Value::UInt(*number),
            Self::Float(number) => Value::Float(*number),
            Self::Time(time) => Value::Time(*time),
            Self::String(text) => Value::String(Cow::Owned(text.as_ref().to_owned())),
            Self::Bytes(bytes) => Value::Bytes(bytes.clone()),
        }
    }

    /// The text to encrypt for this value: the spelling of the source wherever SOPS's reader gets the same value from
    /// it (`1.0`, `1e3`, `+7`, `TRUE`), else [`Self::canonical`]. `source` is empty for text that was quoted.
    ///
    /// `True` becomes `T` and `False` `F`, which SOPS reads alike: `True` is what SOPS itself writes for `true`, and
    /// only so can the two be told apart when decrypting.
    pub fn spelling(&self, source: &str) -> Zeroizing<Vec<u8>> {
        let kept = match self {
            Value::Bool(true) if source == "True" => Some("T"),
            Value::Bool(false) if source == "False" => Some("F"),
            Value::Bool(_) => {
                matches!(source, "true" | "TRUE" | "false" | "FALSE").then_some(source)
            }
            // Go's `Atoi`, decimal only: `0777` would become another number.
            Value::Int(int) => (source.parse() == Ok(*int)).then_some(source),
            Value::Float(float) => {
                let decimal =
                    source.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
                (decimal && source.parse() == Ok(*float)).then_some(source)
            }
            Value::Time(time) => {
                (Timestamp::parse_rfc3339(source) == Some(*time)).then_some(source)
            }
            _ => None,
        };
        match kept {
            Some(text) => Zeroizing::new(text.as_bytes().to_vec()),
            None => self.canonical(),
        }
    }
}

/// Go's `strconv.FormatFloat(f, 'f', -1, 64)`: the shortest digits that read back as the same number, never an
/// exponent.
fn format_float(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        float::plain(number)
    }
}
