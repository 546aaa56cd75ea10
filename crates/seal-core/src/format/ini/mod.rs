//! INI as go-ini reads it for SOPS: sections of keys, all values text, and the metadata in a section `sops`.

pub(crate) mod change;
pub mod edit;
mod line;
mod parser;
mod value;

pub use parser::parse;

/// A text as a value, with the quotes that it needs to be read as it is; `None` where there are none.
pub(crate) fn written_value(text: &str) -> Option<zeroize::Zeroizing<String>> {
    value::written(text, value::Quote::None, "")
}
