//! Whole files: the only place that joins format, selection, cipher and envelope.
//!
//! ```text
//! encrypt: source → pieces → objects → (leaves → ENC texts, MAC, binding) → edits → bytes → decrypted again, compared
//! decrypt: source → pieces → envelopes → data key → (leaves, MAC, binding verified) → edits → bytes → read, compared
//! ```
//!
//! Nothing here reaches a key service, the clock or the operating system: wrapped keys, random bytes and the time are
//! arguments.

use crate::cipher::is_enc_text;
use crate::document::{Document, NodeId, Stream};
use crate::kubernetes::{self, AsWritten, Object};
use open::relative_path;

mod bound;
mod comments;
mod compare;
pub(crate) mod decrypt;
pub(crate) mod encrypt;
mod error;
mod leaves;
pub(crate) mod limits;
mod open;
pub(crate) mod pieces;
mod prepare;
mod previous;
mod proof;
mod refusals;
mod revise;
mod rewrap;
mod run;
mod seal;
pub(crate) mod selectors;
mod shared;
mod tree;
mod write_back;

pub use decrypt::{DecryptOptions, Decrypted, DecryptedObject, Unwrap, decrypt};
pub use encrypt::{
    EncryptOptions, EncryptReport, Encrypted, FileKey, Keys, Layout, Scope, encrypt,
};
pub use error::{Class, Details, Fault, FileError};
pub use previous::Previous;
pub(crate) use refusals::{check_empty, check_lost_block};
pub use revise::{Fresh, ReviseOptions, renew, revise, with_blocks, without_blocks};
pub use rewrap::{Rewrapped, envelopes, rewrap};
pub use tree::{DecryptedTree, decrypt_tree};

/// An error of the caller's own, carried through.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The objects of a text that stands behind another one, in order.
pub(crate) fn members<'p, 's>(
    before: &'p [u8],
    source: &'p [u8],
    stream: &'p Stream<'s>,
) -> Vec<Member<'p, 's>> {
    let documents = &stream.documents;
    let of_document = |(document, tree): (usize, &Document<'_>)| {
        let objects = kubernetes::objects(tree).into_iter().enumerate();
        objects.map(move |(place, object)| Member {
            before,
            source,
            documents,
            document,
            object,
            place,
        })
    };
    documents.iter().enumerate().flat_map(of_document).collect()
}

/// A mapping with an envelope of its own, or one of the documents that share one.
#[derive(Clone, Copy)]
pub(crate) struct Member<'p, 's> {
    /// What stands before the piece in its file.
    pub(crate) before: &'p [u8],
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

    /// What it is called, as far as that is not encrypted.
    pub(crate) fn describe(&self) -> Option<String> {
        let object = Object::read(&AsWritten, self.document(), self.object)?;
        let is_readable = |text: &&str| !is_enc_text(text);
        let (name, namespace) = (object.name, object.namespace);
        let object = Object {
            name: name.filter(is_readable),
            namespace: namespace.filter(is_readable),
            ..object
        };
        is_readable(&object.kind).then(|| object.describe())
    }

    /// The error, at a null. Where a key stands without a `:` behind it, as in `{password:hunter2}`, it is a value by
    /// mistake and is not named.
    pub(crate) fn at_null(&self, error: FileError, node: NodeId) -> FileError {
        let tree = self.document();
        let (content, parent) = (tree.node(node), tree.node(node).parent);
        let colon = content.key.as_ref().and_then(|key| {
            self.source[key.span.end..].iter().find(|byte| !matches!(byte, b' ' | b'\t'))
        });
        match parent {
            Some(parent) if content.key.is_some() && colon != Some(&b':') => {
                let path = relative_path(tree, self.object, parent);
                self.near(error.path(path), content.span.start)
            }
            _ => self.at(error, node),
        }
    }

    /// The error, at an offset of the piece.
    pub(crate) fn near(&self, error: FileError, offset: usize) -> FileError {
        error.at(self.before, self.source, offset)
    }

    /// The error, at a node of this member.
    pub(crate) fn at(&self, error: FileError, node: NodeId) -> FileError {
        let path = relative_path(self.document(), self.object, node);
        self.near(error.path(path), self.document().node(node).span.start)
    }
}
