//! JSON as SOPS reads it.

use super::SyntaxError;
use crate::document::{Position, Stream};

/// Stands in until the reader is merged.
///
/// # Errors
/// Always.
pub fn parse(source: &[u8]) -> Result<Stream<'_>, SyntaxError> {
    Err(SyntaxError { position: Position::of(source, 0), problem: "not built yet".to_owned() })
}
