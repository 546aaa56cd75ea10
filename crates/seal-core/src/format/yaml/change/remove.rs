//! Takes entries and items out.

use super::super::edit::is_in_flow;
use super::super::placement;
use super::slot::{self, Slot};
use crate::document::{Content, Document, Edit, NodeId, Span};
use crate::format::layout;

/// Takes an entry or an item out, with the comment behind it; comments above it stay. A collection that loses its last
/// member becomes `{}` or `[]`.
pub(crate) fn removed(source: &[u8], document: &Document<'_>, id: NodeId) -> Vec<Vec<Edit>> {
    let Some(parent) = document.node(id).parent else { return Vec::new() };
    let is_flow = matches!(
        document.node(parent).content,
        Content::Mapping { flow: true } | Content::Sequence { flow: true }
    );
    if is_flow || is_in_flow(document, id) {
        return from_brackets(source, document, parent, id);
    }
    from_lines(source, document, parent, id).unwrap_or_default()
}

fn from_lines(
    source: &[u8],
    document: &Document<'_>,
    parent: NodeId,
    id: NodeId,
) -> Option<Vec<Vec<Edit>>> {
    let node = document.node(id);
    let start = match &node.key {
        Some(key) => key.span.start,
        None => slot::dash(source, document, id)?,
    };
    let column = placement::column(source, document.node(parent).span.start);
    let line = placement::line_start(source, start);
    let collection = document.node(parent).span.start;
    let shares_line = line < collection
        && source[line..collection].iter().any(|byte| *byte != b' ')
        && placement::line_start(source, collection) == line
        && !source[line..collection].starts_with(b"\xEF\xBB\xBF");
    let is_only = layout::members(document, parent).nth(1).is_none();
    let text_end = slot::end_of_text(source, document, id);
    let is_block = matches!(
        node.content,
        Content::Mapping { flow: false } | Content::Sequence { flow: false }
    );
    let text_end =
        if is_block { slot::with_own_comments(source, text_end, column) } else { text_end };
    // Behind a block scalar, a comment further right would become a part of it.
    let with_comments = slot::with_own_comments(source, text_end, column);
    let raw_end = placement::content_end(document, id).max(text_end);
    // So would an empty line, of one that keeps them (`|+`).
    let with_empty_lines = slot::with_empty_lines(source, text_end);
    let mut with_both = with_comments;
    loop {
        let next = slot::with_empty_lines(source, with_both);
        let next = slot::with_own_comments(source, next, column);
        if next == with_both {
            break;
        }
        with_both = next;
    }
    let mut candidates = Vec::new();
    for end in [text_end, with_comments, raw_end, with_empty_lines, with_both] {
        let ends_line = end > line && matches!(source[end - 1], b'\n' | b'\r');
        let end = if ends_line { end } else { placement::next_line(source, end) };
        let unterminated = end == source.len() && !matches!(source.last(), Some(b'\n' | b'\r'));
        let whole = Span::new(line, end);
        if is_only {
            let brackets = if matches!(document.node(parent).content, Content::Mapping { .. }) {
                "{}"
            } else {
                "[]"
            };
            if document.node(parent).parent.is_some() {
                let slot = Slot::of(source, document, parent)?;
                for span in spans(source, whole, unterminated) {
                    candidates.push(slot.emptied(brackets, Edit { span, text: Vec::new() }));
                }
            } else {
                let line_break = if unterminated { "" } else { placement::line_break(source) };
                let first = Span::new(start, end);
                let text = format!("{brackets}{line_break}").into_bytes();
                candidates.push(vec![Edit { span: first, text }]);
            }
        } else if shares_line {
            // What comes next moves up to the dash.
            let next = source[end..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let span = Span::new(start, end + next);
            candidates.push(vec![Edit { span, text: Vec::new() }]);
        } else {
            for span in spans(source, whole, unterminated) {
                candidates.push(vec![Edit { span, text: Vec::new() }]);
            }
        }
    }
    Some(candidates)
}

/// Whole lines; at the end of a text whose last line is not ended, with the line break before them if that does no harm.
fn spans(source: &[u8], whole: Span, unterminated: bool) -> Vec<Span> {
    let mut spans = Vec::new();
    if unterminated && whole.start > 0 {
        let line_break = if source[..whole.start].ends_with(b"\r\n") { 2 } else { 1 };
        spans.push(Span::new(whole.start - line_break, whole.end));
    }
    spans.push(whole);
    spans
}

fn from_brackets(
    source: &[u8],
    document: &Document<'_>,
    parent: NodeId,
    id: NodeId,
) -> Vec<Vec<Edit>> {
    let members: Vec<NodeId> = layout::members(document, parent).collect();
    let place = members.iter().position(|member| *member == id).unwrap_or(0);
    let (start, end) = (layout::start(document, id), layout::end(document, id));
    let around = document.node(parent).span;
    let mut spans = Vec::new();
    // A pair such as `[a: 1]` has no brackets of its own.
    if members.len() == 1 && matches!(source[around.start], b'{' | b'[') {
        spans.push(Span::new(around.start + 1, around.end - 1));
    }
    let comma = placement::behind_comma(source, end);
    if let Some(comma) = comma {
        let line = placement::line_start(source, start);
        let next = placement::next_line(source, comma);
        let is_own_line = source[line..start].iter().all(|byte| matches!(byte, b' ' | b'\t'))
            && matches!(source.get(comma), Some(b'\n' | b'\r' | b'#'));
        if is_own_line && members.len() > place + 1 {
            spans.push(Span::new(line, next));
        }
        if members.len() > place + 1 {
            spans.push(Span::new(start, comma));
        }
    }
    if let Some(before) = place.checked_sub(1) {
        spans.push(Span::new(layout::end(document, members[before]), end));
    }
    spans.into_iter().map(|span| vec![Edit { span, text: Vec::new() }]).collect()
}
