//! Whole files: the only place that joins format, selection, cipher and envelope.
//!
//! ```text
//! encrypt: source → pieces → objects → (leaves → ENC texts, MAC, binding) → edits → bytes → decrypted again, compared
//! decrypt: source → pieces → envelopes → data key → (leaves, MAC, binding verified) → edits → bytes → read, compared
//! ```
//!
//! Nothing here reaches a key service, the clock or the operating system: wrapped keys, random bytes and the time are
//! arguments.

use crate::document::{Document, NodeId};

mod compare;
mod decrypt;
mod encrypt;
mod error;
mod leaves;
mod open;
mod pieces;
mod prepare;
mod previous;
mod proof;
mod refusals;
mod run;
mod seal;
mod selectors;

pub use decrypt::{DecryptOptions, Decrypted, DecryptedObject, Unwrap, decrypt};
pub use encrypt::{
    EncryptOptions, EncryptReport, Encrypted, FileKey, Keys, Layout, Scope, encrypt,
};
pub use error::{Class, Details, FileError};
pub use previous::Previous;

/// An error of the caller's own, carried through.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A mapping with an envelope of its own, or one of the documents that share one.
#[derive(Clone, Copy)]
pub(crate) struct Member<'p, 's> {
    /// The piece that the spans refer to.
    pub(crate) source: &'p [u8],
    pub(crate) documents: &'p [Document<'s>],
    pub(crate) document: usize,
    pub(crate) object: NodeId,
}

impl<'p, 's> Member<'p, 's> {
    pub(crate) fn document(&self) -> &'p Document<'s> {
        &self.documents[self.document]
    }
}
