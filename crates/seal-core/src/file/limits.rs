//! What a document may cost: more comes from sources that were made to cost.

use super::error::FileError;
use crate::document::Document;

/// Collections inside collections, in documents that are encrypted or decrypted. A path is as long as its value is deep,
/// and each value has one.
pub(crate) const MAX_DEPTH: usize = 1_000;

/// More nodes than this come from aliases that multiply.
pub(crate) const MAX_EXPANDED: usize = 1_000_000;

/// Aliases inside aliases.
pub(crate) const MAX_ALIAS_DEPTH: usize = 50;

/// How many bytes of paths may be hashed or held for a document.
pub(crate) struct PathBudget(usize);

impl PathBudget {
    pub(crate) fn of(document: &Document<'_>) -> Self {
        let length = document.span.end - document.span.start;
        Self(length.saturating_mul(32).saturating_add(64 << 20))
    }

    /// Takes from it, for one value.
    pub(crate) fn spend(&mut self, bytes: usize) -> Result<(), FileError> {
        self.0 = self.0.checked_sub(bytes).ok_or_else(|| {
            FileError::input("the keys above the values of this document add up to too much")
                .hint("shorten the keys, make it less deep, or split it into several documents")
        })?;
        Ok(())
    }
}

/// How many bytes may be gone through to find out where comments belong that do not open where they stand.
pub(crate) struct SearchBudget(usize);

impl SearchBudget {
    /// For a text of that length.
    pub(crate) fn of(length: usize) -> Self {
        Self(length.saturating_mul(64).saturating_add(4 << 20))
    }

    /// Takes from it; false once it is used up.
    pub(crate) fn spend(&mut self, bytes: usize) -> bool {
        let left = self.0.checked_sub(bytes);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}

pub(crate) fn too_deep() -> FileError {
    FileError::input(format!("the document is nested deeper than {MAX_DEPTH} levels"))
        .hint("make it less deep, or keep it in a file of its own that is not encrypted")
}
