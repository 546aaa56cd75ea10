//! Whole files: the only place that joins format, selection, cipher and envelope.
//!
//! ```text
//! encrypt: source → pieces → objects → (leaves → ENC texts, MAC, binding) → edits → bytes → decrypted again, compared
//! decrypt: source → pieces → envelopes → data key → (leaves, MAC, binding verified) → edits → bytes → read, compared
//! ```
//!
//! Nothing here reaches a key service, the clock or the operating system: wrapped keys, random bytes and the time are
//! arguments.

use crate::document::{Document, NodeId, Stream};
use crate::kubernetes;
use open::relative_path;

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
mod shared;
mod write_back;

pub use decrypt::{DecryptOptions, Decrypted, DecryptedObject, Unwrap, decrypt};
pub use encrypt::{
    EncryptOptions, EncryptReport, Encrypted, FileKey, Keys, Layout, Scope, encrypt,
};
pub use error::{Class, Details, FileError};
pub use previous::Previous;

/// An error of the caller's own, carried through.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The objects of a piece, in order.
pub(crate) fn members<'p, 's>(source: &'p [u8], stream: &'p Stream<'s>) -> Vec<Member<'p, 's>> {
    let documents = &stream.documents;
    let of_document = |(document, tree): (usize, &Document<'_>)| {
        let objects = kubernetes::objects(tree).into_iter().enumerate();
        objects.map(move |(place, object)| Member { source, documents, document, object, place })
    };
    documents.iter().enumerate().flat_map(of_document).collect()
}

/// A mapping with an envelope of its own, or one of the documents that share one.
#[derive(Clone, Copy)]
pub(crate) struct Member<'p, 's> {
    /// The piece that the spans refer to.
    pub(crate) source: &'p [u8],
    pub(crate) documents: &'p [Document<'s>],
    pub(crate) document: usize,
    pub(crate) object: NodeId,
    /// Which of its document's objects it is.
    pub(crate) place: usize,
}

impl<'p, 's> Member<'p, 's> {
    pub(crate) fn document(&self) -> &'p Document<'s> {
        &self.documents[self.document]
    }

    /// The error, at a node of this member.
    pub(crate) fn at(&self, error: FileError, node: NodeId) -> FileError {
        let path = relative_path(self.document(), self.object, node);
        error.path(path).at(self.source, self.document().node(node).span.start)
    }
}
