//! Values that are put into a dotenv file and taken out of it.

use super::edit;
use crate::change::NewValue;
use crate::document::{Document, Edit, NodeId, Span, Value};
use crate::format::layout;

/// Puts a text in the place of a value, or the first line into a file without any. Anything else fits nowhere.
pub(crate) fn replaced(
    source: &[u8],
    document: &Document<'_>,
    node: NodeId,
    value: &NewValue,
) -> Vec<Vec<Edit>> {
    match (value, document.node(node).parent) {
        (NewValue::String(text), Some(_)) => {
            vec![vec![edit::decrypted(document, node, &Value::String(text.as_str().into()), text)]]
        }
        (NewValue::Map(entries), None) => match &entries[..] {
            [(key, value)] => inserted(source, document, key, value),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Adds a line behind the last one that has a value, or behind all comments.
pub(crate) fn inserted(
    source: &[u8],
    document: &Document<'_>,
    key: &str,
    value: &NewValue,
) -> Vec<Vec<Edit>> {
    let NewValue::String(text) = value else { return Vec::new() };
    let last = layout::members(document, document.root()).last();
    let at = last.map_or(source.len(), |last| {
        let end = document.node(last).span.end;
        memchr::memchr(b'\n', &source[end..]).map_or(source.len(), |found| end + found + 1)
    });
    let is_ended = at == 0 || source[at - 1] == b'\n';
    let line = [key.as_bytes(), b"=", &*edit::written(text.as_bytes())].concat();
    let text = match is_ended {
        true => [&*line, b"\n"].concat(),
        false => [b"\n", &*line].concat(),
    };
    vec![vec![Edit { span: Span::new(at, at), text }]]
}

/// Takes the line of a value out.
pub(crate) fn removed(source: &[u8], document: &Document<'_>, id: NodeId) -> Vec<Vec<Edit>> {
    let start = layout::start(document, id);
    let end = document.node(id).span.end;
    let span = match source.get(end) {
        Some(_) => Span::new(start, end + 1),
        None => Span::new(start.saturating_sub(1), end),
    };
    vec![vec![Edit { span, text: Vec::new() }]]
}
