//! Where a printer is in its tree.

use super::MAX_DEPTH;
use super::error::EmitError;
use crate::document::{Path, PathElement};

/// The steps from the top of a document.
#[derive(Default)]
pub(super) struct Trail(Vec<PathElement>);

impl Trail {
    pub(super) fn enter_key(&mut self, key: &str) -> Result<(), EmitError> {
        self.enter(PathElement::Key(key.into()))
    }

    pub(super) fn enter_index(&mut self, index: usize) -> Result<(), EmitError> {
        self.enter(PathElement::Index(index))
    }

    pub(super) fn leave(&mut self) {
        self.0.pop();
    }

    pub(super) fn depth(&self) -> usize {
        self.0.len()
    }

    pub(super) fn path(&self) -> Path {
        Path(self.0.clone())
    }

    /// Trees made by hand may be deeper than those that were read.
    fn enter(&mut self, step: PathElement) -> Result<(), EmitError> {
        if self.0.len() > MAX_DEPTH {
            return Err(EmitError::TooDeep { limit: MAX_DEPTH });
        }
        self.0.push(step);
        Ok(())
    }
}
