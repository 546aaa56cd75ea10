//! `ENC[…]` values.

/// The type that an ENC text carries for its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// `str`
    Str,
    /// `int`
    Int,
    /// `float`
    Float,
    /// `bool`
    Bool,
    /// `time`
    Time,
    /// `bytes`, only ever read
    Bytes,
    /// `comment`
    Comment,
}
