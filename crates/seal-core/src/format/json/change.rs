//! Values that are put into a JSON text, laid out like those around them.

use super::edit::string_literal;
use crate::change::NewValue;
use crate::document::{Document, Edit, NodeId, Span};
use crate::format::layout::{self, Layout, Words};

/// Puts a value in the place of another one.
pub(crate) fn replaced(
    source: &[u8],
    document: &Document<'_>,
    node: NodeId,
    value: &NewValue,
) -> Vec<Vec<Edit>> {
    let (around, depth) = match document.node(node).parent {
        Some(parent) => (parent, 1),
        None => (node, 0),
    };
    let mut text = String::new();
    Layout::of(source, document, around).write(&mut text, value, depth, &WORDS);
    vec![vec![Edit { span: document.node(node).span, text: text.into_bytes() }]]
}

/// Adds a member behind the last one of a collection that has some.
pub(crate) fn inserted(
    source: &[u8],
    document: &Document<'_>,
    collection: NodeId,
    key: Option<&str>,
    value: &NewValue,
) -> Vec<Vec<Edit>> {
    let last = layout::members(document, collection).last();
    let at =
        last.map_or(document.node(collection).span.start + 1, |last| layout::end(document, last));
    let layout = Layout::of(source, document, collection);
    let mut text = layout.comma().to_owned();
    layout.begin_line(&mut text, 1);
    match key {
        Some(key) => layout.write_member(&mut text, key, value, 1, &WORDS),
        None => layout.write(&mut text, value, 1, &WORDS),
    }
    vec![vec![Edit { span: Span::new(at, at), text: text.into_bytes() }]]
}

const WORDS: Words<'static, NewValue> = Words { key: &string_literal, scalar: &scalar };

fn scalar(value: &NewValue) -> String {
    match value {
        NewValue::Null => "null".to_owned(),
        NewValue::Bool(flag) => flag.to_string(),
        NewValue::Number(text) => text.to_string(),
        NewValue::String(text) => string_literal(text),
        NewValue::List(_) | NewValue::Map(_) => String::new(),
    }
}
