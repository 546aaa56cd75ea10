//! The `sops` block as a neutral tree, between [`super`]'s types and the formats that write it.

/// A value of the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// A string; multi-line ones are armoured keys.
    Text(String),
    /// A number.
    Int(i64),
    /// A boolean.
    Bool(bool),
    /// A list.
    List(Vec<Field>),
    /// A mapping, in the order in which it is written (SOPS ≥ 3.13: alphabetical).
    Map(Vec<(String, Field)>),
}

impl Field {
    /// A mapping in SOPS's order.
    pub(super) fn sorted_map(mut entries: Vec<(String, Self)>) -> Self {
        entries.sort_by(|(left, _), (right, _)| left.cmp(right));
        Self::Map(entries)
    }
}
