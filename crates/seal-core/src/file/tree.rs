//! A decrypted file as a tree, to be printed in another format.

use std::collections::{HashMap, HashSet};

use super::decrypt::{DecryptOptions, DecryptedObject, Unwrap, make};
use super::error::FileError;
use super::open::Plain;
use super::pieces::Piece;
use super::write_back::Envelope;
use crate::document::NodeId;
use crate::emit::read::{Decrypted, Envelopes, document};
use crate::emit::{EmitError, Entry, Tree};
use crate::format::Format;

/// The result of [`decrypt_tree`].
#[derive(Debug)]
pub struct DecryptedTree {
    /// What the file holds, envelopes left out. Values have the types under which they were encrypted, which a text of
    /// the format may not show: numbers in dotenv, for instance.
    pub tree: Tree,
    /// What was opened, in order.
    pub objects: Vec<DecryptedObject>,
}

/// Decrypts a source into a tree. A source in which nothing is encrypted gives its own.
///
/// # Errors
/// As for [`decrypt`](super::decrypt), and where the tree cannot be had: see [`Tree::read`].
pub fn decrypt_tree(
    format: Format,
    source: &[u8],
    options: &DecryptOptions<'_>,
    unwrap: Unwrap<'_>,
) -> Result<DecryptedTree, FileError> {
    let made = make(format, source, options, unwrap, true, documents)?;
    let documents = made.parts.into_iter().flatten().collect();
    let tree = Tree { documents, comments_follow: Tree::comments_follow(format) };
    Ok(DecryptedTree { tree, objects: made.objects })
}

/// The documents of a piece.
fn documents(
    piece: &Piece<'_>,
    envelopes: &[Envelope<'_, '_>],
) -> Result<Vec<Vec<Entry>>, FileError> {
    let Some(stream) = &piece.stream else { return Ok(Vec::new()) };
    let mut opened = OpenedEnvelopes::default();
    for envelope in envelopes {
        for (index, member) in envelope.members.iter().enumerate() {
            let at = |id: NodeId| (member.document, id);
            opened.metadata.insert(at(envelope.entries[index]));
            let plain = envelope.opened.plain[index].iter();
            opened.plain.extend(plain.map(|(id, plain)| (at(*id), plain)));
        }
    }
    let read = |index| {
        document(&stream.documents, index, &opened).map_err(|error| {
            as_file_error(error).at(
                piece.before,
                piece.text,
                stream.documents[index].node(stream.documents[index].root()).span.start,
            )
        })
    };
    (0..stream.documents.len()).map(read).collect()
}

/// What the envelopes of a piece turned out to hold, by document and node.
#[derive(Default)]
struct OpenedEnvelopes<'e> {
    plain: HashMap<(usize, NodeId), &'e Plain>,
    metadata: HashSet<(usize, NodeId)>,
}

impl Envelopes for OpenedEnvelopes<'_> {
    fn decrypted(&self, document: usize, node: NodeId) -> Option<Decrypted<'_>> {
        let plain = self.plain.get(&(document, node))?;
        Some(match plain.is_comment() {
            true => Decrypted::Comment(String::from_utf8_lossy(&plain.text)),
            false => Decrypted::Value(&plain.value),
        })
    }

    fn is_metadata(&self, document: usize, node: NodeId) -> bool {
        self.metadata.contains(&(document, node))
    }
}

fn as_file_error(error: EmitError) -> FileError {
    let out = FileError::input(error.to_string());
    match error.hint() {
        Some(hint) => out.hint(hint),
        None => out,
    }
}
