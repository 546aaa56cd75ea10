//! Puts the new text of objects into their source.

use super::block::Writer;
use super::chunk::{Chunk, is_block};
use super::flow;
use super::target::{Entry, Proof};
use crate::document::{Edit, NodeId, Span, Stream, apply};
use crate::file::{FileError, Member};
use crate::format::Format;
use crate::format::layout::members;
use crate::format::yaml::edit::is_in_flow;
use crate::format::yaml::placement::ends_line;
use crate::kubernetes;

/// A source with other objects in it.
#[derive(Debug, Default)]
pub struct Rewritten {
    /// The new text; `None` where nothing changes.
    pub bytes: Option<crate::secret::SecretBytes>,
    /// Comments that were left out, because they may be values that somebody took out.
    pub comments_left_out: usize,
}

/// One object and what it becomes.
pub(super) struct Change<'p, 's> {
    pub(super) member: Member<'p, 's>,
    pub(super) entries: Vec<Entry>,
    /// Whether a comment of the secret part, given without its `#`, may not be written.
    pub(super) forbidden: Box<dyn Fn(&str) -> bool + 'p>,
}

/// Writes all changes and reads the result again.
///
/// # Errors
/// An object cannot be written so that it reads back as what it should be.
pub(super) fn rewrite(
    format: Format,
    source: &[u8],
    stream: &Stream<'_>,
    changes: &[Change<'_, '_>],
) -> Result<Rewritten, FileError> {
    if changes.is_empty() {
        return Ok(Rewritten::default());
    }
    let mut comments_left_out = 0;
    let mut edits = Vec::new();
    for change in changes {
        let (edit, left_out) = text_of(format, source, change);
        comments_left_out += left_out;
        edits.push(edit);
    }
    let bytes = crate::secret::SecretBytes::new(apply(source, 0..source.len(), edits));
    prove(format, stream, bytes.expose(), changes)?;
    Ok(Rewritten { bytes: Some(bytes), comments_left_out })
}

fn text_of(format: Format, source: &[u8], change: &Change<'_, '_>) -> (Edit, usize) {
    let (document, top) = (change.member.document(), change.member.object);
    let span = document.node(top).span;
    let in_lines = format == Format::Yaml && is_block(document, top) && !is_in_flow(document, top);
    let ends = members(document, top).fold(None, |ends: Option<(usize, usize)>, entry| {
        let chunk = Chunk::of(source, document, top, entry)?;
        Some((ends.map_or(chunk.text.start, |(start, _)| start), chunk.tail.end))
    });
    let Some((start, end)) = ends.filter(|_| in_lines) else {
        let text = flow::write(format, source, document, top, &change.entries);
        return (Edit { span, text: text.as_bytes().to_vec() }, 0);
    };
    let mut writer = Writer::new(source, document, top, &*change.forbidden);
    let mut text = writer.write(&change.entries);
    let left_out = writer.left_out;
    // What stands in front of the first key stays: blanks, or the dash of a list.
    let blanks = text.iter().take(writer.column()).take_while(|byte| **byte == b' ').count();
    text.drain(..blanks);
    if !ends_line(&source[..end]) {
        while matches!(text.last(), Some(b'\n' | b'\r')) {
            text.pop();
        }
    }
    (Edit { span: Span::new(start, end), text }, left_out)
}

fn prove(
    format: Format,
    stream: &Stream<'_>,
    bytes: &[u8],
    changes: &[Change<'_, '_>],
) -> Result<(), FileError> {
    let first = changes[0].member;
    let unwritable = |member: Member<'_, '_>| {
        let error = FileError::input("this object cannot be rewritten as it is spelled");
        member
            .at(error.object(member.describe()), member.object)
            .hint("write it without anchors, aliases, tags and unusual quotes, one key to a line")
    };
    let after = format.parse(bytes).map_err(|_| unwritable(first))?;
    if after.documents.len() != stream.documents.len() {
        return Err(unwritable(first));
    }
    for change in changes {
        let member = change.member;
        let proof = Proof { before: stream, document: member.document, after: &after };
        let objects = kubernetes::objects(&after.documents[member.document]);
        let holds = |mapping: NodeId| proof.holds(&change.entries, (member.document, mapping));
        if !objects.get(member.place).copied().is_some_and(holds) {
            return Err(unwritable(member));
        }
    }
    Ok(())
}
