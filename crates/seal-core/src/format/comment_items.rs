//! Comments that SOPS wrote as items of a list.

use std::borrow::Cow;

use super::EditError;
use crate::document::{Content, Document, Edit, NodeId, Span};

/// Edits that take away the items of `list` for which `comment` has a text. In a block list they become comment lines;
/// a list in brackets has no place for those.
pub(super) fn without<'t>(
    source: &[u8],
    document: &Document<'_>,
    list: NodeId,
    comment: &dyn Fn(NodeId) -> Option<Cow<'t, str>>,
) -> Result<Vec<Edit>, EditError> {
    let items: Vec<NodeId> = document
        .children(list)
        .filter(|id| !matches!(document.node(*id).content, Content::Comment(_)))
        .collect();
    if matches!(document.node(list).content, Content::Sequence { flow: true }) {
        return Ok(from_brackets(source, document, &items, &|id| comment(id).is_some()));
    }
    let is_emptied = items.iter().all(|id| comment(*id).is_some());
    let mut edits = Vec::new();
    for id in &items {
        let Some(text) = comment(*id) else { continue };
        let span = document.node(*id).span;
        let before = source[..span.start].trim_ascii_end();
        if before.last() != Some(&b'-') {
            let problem = "a comment of a list stands where it cannot be written back".to_owned();
            return Err(EditError { problem });
        }
        // Without items the list would be null.
        let start = if is_emptied && edits.is_empty() { " [] #" } else { "#" };
        let text = format!("{start}{text}").into_bytes();
        let end = span.start + source[span.range()].trim_ascii_end().len();
        edits.push(Edit { span: Span::new(before.len() - 1, end), text });
    }
    Ok(edits)
}

fn from_brackets(
    source: &[u8],
    document: &Document<'_>,
    items: &[NodeId],
    is_removed: &dyn Fn(NodeId) -> bool,
) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut kept: Option<NodeId> = None;
    let mut at = 0;
    while at < items.len() {
        if !is_removed(items[at]) {
            kept = Some(items[at]);
            at += 1;
            continue;
        }
        let run = items[at..].iter().take_while(|id| is_removed(**id)).count();
        let (first, last) =
            (document.node(items[at]).span, document.node(items[at + run - 1]).span);
        at += run;
        let span = match kept {
            Some(kept) if at == items.len() => Span::new(document.node(kept).span.end, last.end),
            _ if at == items.len() => Span::new(first.start, last.end),
            _ => Span::new(first.start, behind_comma(source, last.end)),
        };
        edits.push(Edit { span, text: Vec::new() });
    }
    edits
}

/// Behind the comma that follows, and the blanks behind that.
fn behind_comma(source: &[u8], at: usize) -> usize {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let blanks = |at: usize| source[at..].iter().take_while(|byte| is_blank(byte)).count();
    let comma = at + blanks(at);
    match source.get(comma) {
        Some(b',') => comma + 1 + blanks(comma + 1),
        _ => at,
    }
}
