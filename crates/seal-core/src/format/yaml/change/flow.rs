//! Values inside `{…}` and `[…]`.

use super::super::edit::{double_quoted, plain};
use super::slot;
use crate::change::NewValue;
use crate::document::{Content, Document, Edit, NodeId, Span};
use crate::format::layout::{self, Layout, Words};

/// A value on one line.
pub(super) fn text(value: &NewValue) -> String {
    let layout = Layout::Compact { colon_blank: true, comma_blank: true };
    let mut out = String::new();
    layout.write(&mut out, value, 1, &WORDS);
    out
}

/// Puts a value in the place of another one.
pub(super) fn replaced(
    source: &[u8],
    document: &Document<'_>,
    id: NodeId,
    value: &NewValue,
) -> Vec<Vec<Edit>> {
    let node = document.node(id);
    let around = node.parent.unwrap_or(id);
    let mut written = String::new();
    Layout::of(source, document, around).with_colon_blank().write(&mut written, value, 1, &WORDS);
    let mut candidates: Vec<Vec<Edit>> =
        super::in_style(source, document, id, value).into_iter().collect();
    let mut edits: Vec<Edit> =
        slot::tag_in_front(source, document, id, value).into_iter().collect();
    let edit = match &node.key {
        // `{key}` and `{key: }`
        Some(key) if node.span.start == node.span.end => {
            let colon = slot::behind_colon(source, key.span.end);
            let (at, before) = match colon {
                Some(colon) => (slot::behind_properties(source, colon), " "),
                None => (key.span.end, ": "),
            };
            Edit { span: Span::new(at, at), text: format!("{before}{written}").into_bytes() }
        }
        _ => Edit { span: node.span, text: written.into_bytes() },
    };
    edits.push(edit);
    candidates.push(edits);
    candidates
}

/// Adds a member behind the last one.
pub(super) fn inserted(
    source: &[u8],
    document: &Document<'_>,
    collection: NodeId,
    key: Option<&str>,
    value: &NewValue,
) -> Vec<Edit> {
    let last = layout::members(document, collection).last();
    let at =
        last.map_or(document.node(collection).span.start + 1, |last| layout::end(document, last));
    let layout = Layout::of(source, document, collection).with_colon_blank();
    let mut text = layout.comma().to_owned();
    layout.begin_line(&mut text, 1);
    let words = if has_quoted_keys(source, document, collection) { QUOTED } else { WORDS };
    match key {
        Some(key) => layout.write_member(&mut text, key, value, 1, &words),
        None => layout.write(&mut text, value, 1, &words),
    }
    vec![Edit { span: Span::new(at, at), text: text.into_bytes() }]
}

/// The keys of the mapping at or around a node stand in `"…"`.
pub(super) fn has_quoted_keys(source: &[u8], document: &Document<'_>, near: NodeId) -> bool {
    let node = document.node(near);
    let mapping = match (&node.content, node.parent) {
        (Content::Mapping { .. }, _) => near,
        (_, Some(parent)) => parent,
        (_, None) => return false,
    };
    let mut keys =
        document.children(mapping).filter_map(|id| document.node(id).key.as_ref()).peekable();
    keys.peek().is_some() && keys.all(|key| source[key.span.start] == b'"')
}

const WORDS: Words<'static, NewValue> = Words { key: &word, scalar: &scalar };

const QUOTED: Words<'static, NewValue> = Words { key: &double_quoted, scalar: &scalar };

fn word(text: &str) -> String {
    plain(text, None, true).unwrap_or_else(|| double_quoted(text))
}

fn scalar(value: &NewValue) -> String {
    match value {
        NewValue::Null => "null".to_owned(),
        NewValue::Bool(flag) => flag.to_string(),
        NewValue::Number(text) => text.to_string(),
        NewValue::String(text) => word(text),
        NewValue::List(_) | NewValue::Map(_) => String::new(),
    }
}
