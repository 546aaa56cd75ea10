//! Formats: bytes ⇄ [`crate::document`], one module each.

use crate::document::Position;

pub mod json;
pub mod yaml;

/// The source is not what its format allows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct SyntaxError {
    /// Where.
    pub position: Position,
    /// What, without any text of the source: that may be a secret.
    pub problem: String,
}
