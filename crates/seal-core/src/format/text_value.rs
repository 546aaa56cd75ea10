//! Values in formats that know nothing but text.

use zeroize::Zeroizing;

use crate::document::Value;

/// The text of a value: what SOPS encrypts, but booleans in lower case.
pub(super) fn text(value: &Value<'_>) -> Zeroizing<Vec<u8>> {
    match value {
        Value::Bool(flag) => Zeroizing::new(flag.to_string().into_bytes()),
        value => value.canonical(),
    }
}
