//! Semantic versions, as lenient as sprig's: `v1.2` is one.

use std::fmt;
use std::rc::Rc;

use super::super::error::Fallible;
use super::super::machine::Machine;
use super::super::value::Value;

/// A version, and how it was written.
#[derive(PartialEq)]
pub(in crate::template) struct Version {
    pub(super) numbers: [u64; 3],
    pub(super) prerelease: String,
    pub(super) metadata: String,
    original: String,
}

impl Version {
    pub(super) fn original(&self) -> &str {
        &self.original
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

/// What templates ask of a version. None where there is nothing of this name.
pub(super) fn method(
    machine: &mut Machine<'_>,
    version: &Rc<Version>,
    name: &str,
) -> Fallible<Option<Value>> {
    let _ = (machine, version, name);
    Ok(None)
}
