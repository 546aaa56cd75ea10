//! Decrypted values in the places of their ENC texts, and the check that they can be read there.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::Member;
use super::compare::{Difference, Reading};
use super::error::FileError;
use super::open::{Opened, Plain};
use super::pieces::Piece;
use crate::document::{Content, Document, Edit, NodeId, Scalar, Style, Value, apply};
use crate::envelope::Metadata;
use crate::format::{Format, yaml};
use crate::secret::DataKey;

/// An envelope of a piece, opened.
pub(crate) struct Envelope<'p, 's> {
    pub(crate) members: Vec<Member<'p, 's>>,
    /// For each member, its `sops` entry.
    pub(crate) entries: Vec<NodeId>,
    pub(crate) metadata: Arc<Metadata>,
    pub(crate) data_key: DataKey,
    pub(crate) opened: Opened,
}

/// The plaintext of a piece, read again and compared.
///
/// # Errors
/// A value that cannot be written where it stands.
pub(crate) fn written(
    format: Format,
    piece: &Piece<'_>,
    envelopes: &[Envelope<'_, '_>],
) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let documents = by_document(envelopes);
    // A style that does not carry a value after all is given up for that value, one after the other.
    let mut quoted = HashSet::new();
    loop {
        let edits = edits(format, envelopes, &quoted)?;
        let bytes = Zeroizing::new(apply(piece.text, 0..piece.text.len(), edits));
        let Some(lost) = first_lost(format, &bytes, &documents)? else {
            return Ok(bytes);
        };
        if quoted.len() >= MAX_QUOTED || !quoted.insert((lost.document, lost.node)) {
            let error = FileError::input("this value cannot be written back where it stands");
            return Err(lost.member.at(error, lost.node));
        }
    }
}

/// Each value that has to be quoted against its style costs another reading of the piece.
const MAX_QUOTED: usize = 100;

/// A document of the piece, with all that was opened in it.
struct Decrypted<'e, 'p, 's> {
    members: Vec<Member<'p, 's>>,
    plain: HashMap<NodeId, &'e Plain>,
    entries: Vec<NodeId>,
}

fn by_document<'e, 'p, 's>(
    envelopes: &'e [Envelope<'p, 's>],
) -> Vec<(usize, Decrypted<'e, 'p, 's>)> {
    let mut documents: Vec<(usize, Decrypted<'e, 'p, 's>)> = Vec::new();
    for envelope in envelopes {
        for (index, member) in envelope.members.iter().enumerate() {
            if documents.last().is_none_or(|(document, _)| *document != member.document) {
                let empty =
                    Decrypted { members: Vec::new(), plain: HashMap::new(), entries: Vec::new() };
                documents.push((member.document, empty));
            }
            if let Some((_, document)) = documents.last_mut() {
                document.members.push(*member);
                document.plain.extend(envelope.opened.plain[index].iter().map(|(id, p)| (*id, p)));
                document.entries.push(envelope.entries[index]);
            }
        }
    }
    documents
}

fn edits(
    format: Format,
    envelopes: &[Envelope<'_, '_>],
    quoted: &HashSet<(usize, NodeId)>,
) -> Result<Vec<Edit>, FileError> {
    let mut edits = Vec::new();
    for envelope in envelopes {
        for (index, member) in envelope.members.iter().enumerate() {
            let document = member.document();
            let removal = format.removed(member.source, document, envelope.entries[index]);
            let plain = &envelope.opened.plain[index];
            for (id, plain) in plain {
                if is_comment_item(document, *id, plain) {
                    continue;
                }
                let node = document.node(*id);
                if let (true, Format::Yaml, Value::String(string)) =
                    (quoted.contains(&(member.document, *id)), format, &plain.value)
                {
                    let edit =
                        yaml::edit::decrypted_double_quoted(member.source, document, *id, string);
                    edits.extend(edit);
                    continue;
                }
                let is_block = matches!(
                    &node.content,
                    Content::Scalar(Scalar { style: Style::Literal | Style::Folded, .. })
                );
                // The line break before the block goes away with it.
                let goes_into = |edit: &Edit| {
                    node.span.start < edit.span.start && edit.span.start < node.span.end
                };
                let unterminated = is_block && removal.iter().any(goes_into);
                let text = String::from_utf8_lossy(&plain.text);
                let edit = format.decrypted(
                    member.source,
                    document,
                    *id,
                    &plain.value,
                    &text,
                    unterminated,
                );
                edits
                    .extend(edit.map_err(|error| member.at(FileError::input(error.problem), *id))?);
            }
            edits.extend(comment_items(format, *member, plain)?);
            edits.extend(removal);
        }
    }
    Ok(edits)
}

fn is_comment_item(document: &Document<'_>, id: NodeId, plain: &Plain) -> bool {
    plain.is_comment() && matches!(document.node(id).content, Content::Scalar(_))
}

/// SOPS writes the comments of a list as items of it. They become comment lines again, or go where a format has none.
fn comment_items(
    format: Format,
    member: Member<'_, '_>,
    plain: &HashMap<NodeId, Plain>,
) -> Result<Vec<Edit>, FileError> {
    let document = member.document();
    let comment = |id: NodeId| {
        let plain = plain.get(&id).filter(|plain| is_comment_item(document, id, plain))?;
        Some(String::from_utf8_lossy(&plain.text))
    };
    let items = plain.keys().copied().filter(|id| comment(*id).is_some());
    let lists: HashSet<NodeId> = items.filter_map(|id| document.node(id).parent).collect();
    let mut edits = Vec::new();
    for list in lists {
        let of_list = format.without_comment_items(member.source, document, list, &comment);
        edits.extend(of_list.map_err(|error| member.at(FileError::input(error.problem), list))?);
    }
    Ok(edits)
}

/// A value that is not where it should be.
struct Lost<'p, 's> {
    member: Member<'p, 's>,
    document: usize,
    node: NodeId,
}

/// Reads what is about to be written and finds the first value that is not there as it was decrypted.
fn first_lost<'p, 's>(
    format: Format,
    bytes: &[u8],
    documents: &[(usize, Decrypted<'_, 'p, 's>)],
) -> Result<Option<Lost<'p, 's>>, FileError> {
    let stream = format.parse(bytes).map_err(|error| {
        FileError::input(format!("the decrypted document would not be readable: {error}"))
    })?;
    for (document, decrypted) in documents {
        let Some(first) = decrypted.members.first() else { continue };
        if first.documents.len() != stream.documents.len() {
            return Err(FileError::input("a document is lost in the decrypted stream"));
        }
        let before =
            Reading::of(format, first.documents, *document, &decrypted.plain, &decrypted.entries)?;
        let after = Reading::of(format, &stream.documents, *document, &HashMap::new(), &[])?;
        if let Some(difference) = before.differs_in_values(&after) {
            let node = match difference {
                Difference::Value(Some(node)) => node,
                _ => first.object,
            };
            let owner = decrypted.members.iter().find(|member| {
                member.object <= node && node < first.document().node(member.object).end
            });
            let member = *owner.unwrap_or(first);
            return Ok(Some(Lost { member, document: *document, node }));
        }
    }
    Ok(None)
}
