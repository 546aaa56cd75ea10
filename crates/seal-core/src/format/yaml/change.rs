//! Values that are put into a YAML text or taken out of it, written like what stands around them.
//!
//! Each function returns several ways to write a change, the best one first: which of them reads back as the change is
//! for the caller to find out. YAML has too many corners to know beforehand.

use super::block_scalar::BlockScalar;
use super::edit::{double_quoted, is_in_flow, single_quoted};
use super::placement;
use crate::change::NewValue;
use crate::document::{Content, Document, Edit, NodeId, Scalar, Span, Style};
use crate::format::layout;

mod block;
mod flow;
mod remove;
mod slot;

use block::{Look, Manners};
pub(crate) use remove::removed;
use slot::Slot;

/// Puts a value in the place of another one.
pub(crate) fn replaced(
    source: &[u8],
    document: &Document<'_>,
    node: NodeId,
    value: &NewValue,
) -> Vec<Vec<Edit>> {
    if is_in_flow(document, node) {
        return flow::replaced(source, document, node, value);
    }
    let manners = Manners::of(source, document, node);
    if document.node(node).parent.is_none() {
        return root_replaced(source, document, node, value, &manners);
    }
    let mut candidates: Vec<Vec<Edit>> =
        in_style(source, document, node, value).into_iter().collect();
    if let Some(slot) = Slot::of(source, document, node) {
        let looks = [Look::Literals, Look::Lines, Look::Brackets];
        candidates.extend(looks.map(|look| slot.filled(source, document, value, &manners, look)));
    }
    candidates
}

/// Puts a collection into a text without documents.
pub(crate) fn first(source: &[u8], value: &NewValue) -> Vec<Vec<Edit>> {
    let manners = Manners::plain(source);
    let looks = [Look::Literals, Look::Lines];
    looks.map(|look| vec![at_margin(source, source.len(), value, &manners, look)]).into()
}

/// Adds a member behind the last one of a collection that has some.
pub(crate) fn inserted(
    source: &[u8],
    document: &Document<'_>,
    collection: NodeId,
    key: Option<&str>,
    value: &NewValue,
) -> Vec<Vec<Edit>> {
    let is_flow = matches!(
        document.node(collection).content,
        Content::Mapping { flow: true } | Content::Sequence { flow: true }
    );
    if is_flow || is_in_flow(document, collection) {
        return vec![flow::inserted(source, document, collection, key, value)];
    }
    let manners = Manners::of(source, document, collection);
    let column = placement::column(source, document.node(collection).span.start);
    let entry = |look| {
        let mut text = String::new();
        manners.indent(&mut text, column);
        match key {
            Some(key) => manners.entry(&mut text, key, value, column, look),
            None => manners.item(&mut text, value, column, look),
        }
        text
    };
    let behind = end_of_block(source, document, collection, column);
    let mut candidates = Vec::new();
    for look in [Look::Literals, Look::Lines, Look::Brackets] {
        candidates.push(vec![lines_at(source, behind, &entry(look), manners.line_break)]);
    }
    // The last value may change if its line is ended.
    if let Some(last) = layout::members(document, collection).last() {
        let line = placement::line_start(source, layout::start(document, last));
        let text = entry(Look::Literals) + manners.line_break;
        candidates.push(vec![Edit { span: Span::new(line, line), text: text.into_bytes() }]);
    }
    candidates
}

/// Whole lines at the beginning of a line, or at the end of a text whose last line is not ended; that stays so.
fn lines_at(source: &[u8], at: usize, lines: &str, line_break: &str) -> Edit {
    let begins_line = at == 0 || matches!(source[at - 1], b'\n' | b'\r');
    let text =
        if begins_line { format!("{lines}{line_break}") } else { format!("{line_break}{lines}") };
    Edit { span: Span::new(at, at), text: text.into_bytes() }
}

/// A collection at the left margin, at such a place.
fn at_margin(
    source: &[u8],
    at: usize,
    value: &NewValue,
    manners: &Manners<'_>,
    look: Look,
) -> Edit {
    let mut text = String::new();
    manners.at_margin(&mut text, value, look);
    lines_at(source, at, &text, manners.line_break)
}

/// A text in the quotes or the block style of the one that is there.
fn in_style(
    source: &[u8],
    document: &Document<'_>,
    id: NodeId,
    value: &NewValue,
) -> Option<Vec<Edit>> {
    let node = document.node(id);
    let (Content::Scalar(scalar), NewValue::String(text)) = (&node.content, value) else {
        return None;
    };
    if has_type(scalar) {
        return None;
    }
    let written = match scalar.style {
        Style::Plain => return None,
        Style::SingleQuoted => single_quoted(text)?,
        Style::DoubleQuoted => double_quoted(text),
        Style::Literal | Style::Folded => {
            let crate::document::Value::String(old) = &scalar.value else { return None };
            let block = BlockScalar::read(source, node.span, old)?;
            let folded = scalar.style == Style::Folded;
            return Some(vec![block.replace_value(text, folded, false)?]);
        }
    };
    Some(vec![Edit { span: node.span, text: written.into_bytes() }])
}

/// True for a scalar whose tag says what type it has; any text fits the other tags.
fn has_type(scalar: &Scalar<'_>) -> bool {
    matches!(
        scalar.tag.as_deref(),
        Some("!!bool" | "!!int" | "!!float" | "!!null" | "!!timestamp" | "!!binary")
    )
}

/// A collection in the place of an empty document.
fn root_replaced(
    source: &[u8],
    document: &Document<'_>,
    root: NodeId,
    value: &NewValue,
    manners: &Manners<'_>,
) -> Vec<Vec<Edit>> {
    let span = document.node(root).span;
    let mut candidates = Vec::new();
    for look in [Look::Literals, Look::Lines] {
        if span.start < span.end {
            let mut text = String::new();
            manners.at_margin(&mut text, value, look);
            candidates.push(vec![Edit { span, text: text.into_bytes() }]);
        } else {
            let places = [document.span.end, span.start];
            candidates.extend(places.map(|at| vec![at_margin(source, at, value, manners, look)]));
        }
    }
    let blank =
        if span.start > 0 && !source[span.start - 1].is_ascii_whitespace() { " " } else { "" };
    let text = format!("{blank}{}", flow::text(value));
    candidates.push(vec![Edit { span, text: text.into_bytes() }]);
    candidates
}

/// Behind the last line of a block collection, and behind the comments that follow it and are clearly its own.
fn end_of_block(source: &[u8], document: &Document<'_>, id: NodeId, column: usize) -> usize {
    let end = slot::end_of_text(source, document, id);
    let mut at = if end > 0 && matches!(source[end - 1], b'\n' | b'\r') {
        end
    } else {
        placement::next_line(source, end)
    };
    let mut behind = at;
    let mut least = usize::MAX;
    loop {
        let line = &source[at..placement::next_line(source, at)];
        let blanks = line.iter().take_while(|byte| **byte == b' ').count();
        match line.get(blanks) {
            Some(b'#') if blanks >= column => {
                at += line.len();
                if blanks > column && least == usize::MAX {
                    behind = at;
                } else {
                    least = least.min(blanks);
                }
            }
            // A comment that stands as far left as what follows may be about that.
            Some(byte) if !matches!(byte, b'\n' | b'\r') && least <= blanks => {
                let ends_document = blanks == 0 && matches!(line, [b'-', b'-', b'-', ..]);
                return if ends_document { at } else { behind };
            }
            _ => return at,
        }
    }
}
