//! Which lines of a block mapping belong to which of its entries.

use std::ops::Range;

use crate::document::{Content, Document, NodeId, Style};
use crate::format::layout::members;
use crate::format::yaml::placement::{column, content_end, ends_line, line_start, next_line};

/// The lines of one entry.
#[derive(Debug)]
pub(super) struct Chunk {
    /// Comments and empty lines above it.
    pub(super) lead: Range<usize>,
    /// From its key to the end of its last line.
    pub(super) text: Range<usize>,
    /// Comments below it that stand further right than its key.
    pub(super) tail: Range<usize>,
    /// Where its key stands.
    pub(super) column: usize,
}

impl Chunk {
    /// Finds the lines of an entry; `top` is the mapping of the whole object, above whose first entry nothing is the
    /// entry's own. `None` inside brackets.
    pub(super) fn of(
        source: &[u8],
        document: &Document<'_>,
        top: NodeId,
        entry: NodeId,
    ) -> Option<Self> {
        let key = document.node(entry).key.as_ref()?.span;
        let mapping = document.node(entry).parent?;
        if !is_block(document, mapping) {
            return None;
        }
        let column = column(source, key.start);
        let before = members(document, mapping).take_while(|id| *id < entry).last();
        let key_line = line_start(source, key.start);
        let gap = match before {
            Some(before) => end_of(source, document, before),
            // Behind the key of the mapping.
            None if mapping != top => {
                let parent = document.node(mapping).key.as_ref().map(|key| key.span.end);
                parent.map_or(key_line, |end| next_line(source, end))
            }
            None => key_line,
        };
        let lead = match gap < key_line {
            // Of the lines in between, those further right are the entry's before.
            true if before.is_some() => own_comments(source, gap, key_line, column)..key_line,
            true => gap..key_line,
            false => key.start..key.start,
        };
        let end = end_of(source, document, entry);
        let after = members(document, mapping).find(|id| *id > entry);
        let until = after.and_then(|after| {
            let key = document.node(after).key.as_ref()?.span;
            Some(line_start(source, key.start))
        });
        let tail = own_comments(source, end, until.unwrap_or(source.len()).max(end), column);
        Some(Self { lead, text: key.start..end, tail: end..tail, column })
    }
}

/// A mapping that is written in lines.
pub(super) fn is_block(document: &Document<'_>, mapping: NodeId) -> bool {
    matches!(document.node(mapping).content, Content::Mapping { flow: false })
}

/// Behind the last line of an entry, comments below it left out.
fn end_of(source: &[u8], document: &Document<'_>, entry: NodeId) -> usize {
    let end = content_end(document, entry);
    let last = document.nodes[entry.index()..document.node(entry).end.index()]
        .iter()
        .rev()
        .find(|node| !matches!(node.content, Content::Comment(_)));
    let is_block_scalar = last.is_some_and(|node| {
        matches!(&node.content, Content::Scalar(scalar)
            if matches!(scalar.style, Style::Literal | Style::Folded))
    });
    if is_block_scalar && ends_line(&source[..end]) { end } else { next_line(source, end) }
}

/// Behind the comment lines from `start` on that stand further right than `column`, with the empty lines between them.
fn own_comments(source: &[u8], start: usize, limit: usize, column: usize) -> usize {
    let (mut own, mut at) = (start, start);
    while at < limit {
        let next = next_line(source, at);
        let line = &source[at..next];
        let blanks = line.iter().take_while(|byte| **byte == b' ').count();
        match line.get(blanks) {
            Some(b'#') if blanks > column => own = next,
            Some(b'\n' | b'\r') => {}
            _ => break,
        }
        at = next;
    }
    own
}
