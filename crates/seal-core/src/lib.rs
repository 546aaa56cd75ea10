//! Reads documents with the byte span of each leaf, encrypts the chosen leaves in SOPS's format, and writes back
//! nothing but those bytes.
//!
//! ```text
//! bytes ─format→ Document ─select→ secret leaves ─envelope→ data key (master keys wrap it) ─cipher→ edits ─apply→ bytes
//! ```
//!
//! Everything here is pure: bytes go in and come out. Randomness, the clock and the unwrapping of data keys are
//! arguments, so nothing needs a mock and every parser can be fuzzed.

#![warn(missing_docs)]
#![forbid(unsafe_code)]

pub mod change;
pub mod check;
pub mod cipher;
pub mod document;
pub mod emit;
pub mod envelope;
pub mod file;
pub mod format;
pub mod kubernetes;
pub mod sealed_secret;
pub mod secret;
pub mod select;
