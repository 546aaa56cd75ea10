//! Keys and sections that are put into an INI file and taken out of it.

use super::edit;
use super::value::{Quote, written};
use crate::change::NewValue;
use crate::document::{Content, Document, Edit, NodeId, Span, Value};
use crate::format::layout;

/// How a key is separated from its value where nothing shows it.
const SEPARATOR: &str = " = ";

/// Puts a text in the place of a value, or keys into an empty section.
pub(crate) fn replaced(
    source: &[u8],
    document: &Document<'_>,
    id: NodeId,
    value: &NewValue,
) -> Vec<Vec<Edit>> {
    let node = document.node(id);
    match (&node.content, value) {
        (Content::Scalar(_), NewValue::String(text)) => {
            let value = Value::String(text.as_str().into());
            edit::decrypted(source, document, id, &value, text).into_iter().collect()
        }
        (Content::Mapping { .. }, NewValue::Map(entries))
            if document.children(id).next().is_none() =>
        {
            // The first section has no header.
            let name = node.key.as_ref().map_or(node.span, |key| key.span);
            let at = if name.start == name.end { name.end } else { next_line(source, name.end) };
            lines(source, document, id, entries)
                .map(|text| vec![lines_at(source, at, &text)])
                .into_iter()
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Adds a key behind the last one of a section, or a section behind everything.
pub(crate) fn inserted(
    source: &[u8],
    document: &Document<'_>,
    container: NodeId,
    key: &str,
    value: &NewValue,
) -> Vec<Vec<Edit>> {
    let one = [(key.to_owned(), value.clone())];
    let edit = match (value, document.node(container).parent) {
        (NewValue::String(_), Some(_)) => lines(source, document, container, &one).map(|text| {
            let end = document.node(container).span.end;
            lines_at(source, next_line(source, end), &text)
        }),
        (NewValue::Map(entries), None) => {
            lines(source, document, container, entries).map(|mut text| {
                let line_break = line_break(source);
                let before = if source.is_empty() { "" } else { line_break };
                text.insert_str(0, &format!("{before}[{key}]{line_break}"));
                lines_at(source, source.len(), &text)
            })
        }
        _ => None,
    };
    edit.map(|edit| vec![edit]).into_iter().collect()
}

/// Takes out a key with the comment behind it, or a section with its header.
pub(crate) fn removed(source: &[u8], document: &Document<'_>, id: NodeId) -> Vec<Vec<Edit>> {
    let start = layout::start(document, id);
    let start = memchr::memrchr(b'\n', &source[..start]).map_or(0, |at| at + 1);
    let end = next_line(source, document.node(id).span.end);
    let whole = Span::new(start, end);
    let without = |span, text: &str| vec![Edit { span, text: text.as_bytes().to_vec() }];
    let mut candidates = Vec::new();
    if end == source.len() && !source.ends_with(b"\n") && start > 0 {
        let line_break = if source[..start].ends_with(b"\r\n") { 2 } else { 1 };
        candidates.push(without(Span::new(start - line_break, end), ""));
    }
    candidates.push(without(whole, ""));
    // An empty line keeps two comments from becoming one.
    candidates.push(without(whole, line_break(source)));
    candidates
}

/// `key = value` for each entry, in the manner of the nearest key that is there.
fn lines(
    source: &[u8],
    document: &Document<'_>,
    near: NodeId,
    entries: &[(String, NewValue)],
) -> Option<String> {
    let like = layout::members(document, near)
        .last()
        .or_else(|| {
            (0..document.nodes.len() as u32).map(NodeId).rfind(|id| is_value(document, *id))
        })
        .filter(|id| is_value(document, *id));
    let (column, separator) =
        like.and_then(|id| manner(source, document, id)).unwrap_or((0, SEPARATOR));
    let mut out = String::new();
    for (key, value) in entries {
        let NewValue::String(text) = value else { return None };
        let text = written(text, Quote::None, "")?;
        let delimiter = separator.trim_start();
        let before = separator.len() - delimiter.len();
        out.push_str(key);
        // Where the delimiters stand below one another, this one does too.
        let aligned = column.saturating_sub(key.chars().count());
        let blanks = if before > 1 { aligned.max(1) } else { before };
        out.extend(std::iter::repeat_n(' ', blanks));
        out.push_str(delimiter);
        out.push_str(&text);
        out.push_str(line_break(source));
    }
    Some(out)
}

fn is_value(document: &Document<'_>, id: NodeId) -> bool {
    let node = document.node(id);
    node.key.is_some() && matches!(node.content, Content::Scalar(_))
}

/// The column of the delimiter and what stands between a key and its value.
fn manner<'s>(source: &'s [u8], document: &Document<'_>, id: NodeId) -> Option<(usize, &'s str)> {
    let node = document.node(id);
    let key = node.key.as_ref()?;
    let separator = std::str::from_utf8(source.get(key.span.end..node.span.start)?).ok()?;
    let blank = |character: char| matches!(character, ' ' | '=' | ':');
    if separator.is_empty() || !separator.chars().all(blank) {
        return None;
    }
    let before = separator.len() - separator.trim_start().len();
    Some((key.text.chars().count() + before, separator))
}

/// Whole lines at the beginning of a line, or at the end of a text whose last line is not ended; that stays so.
fn lines_at(source: &[u8], at: usize, lines: &str) -> Edit {
    let is_ended = at == 0 || source[at - 1] == b'\n' || source[..at] == *b"\xEF\xBB\xBF";
    let text = match is_ended {
        true => lines.to_owned(),
        false => format!("{}{}", line_break(source), lines.trim_end_matches(['\r', '\n'])),
    };
    Edit { span: Span::new(at, at), text: text.into_bytes() }
}

fn next_line(source: &[u8], at: usize) -> usize {
    memchr::memchr(b'\n', &source[at..]).map_or(source.len(), |found| at + found + 1)
}

fn line_break(source: &[u8]) -> &'static str {
    let first = memchr::memchr(b'\n', source).unwrap_or(0);
    if source[..first].ends_with(b"\r") { "\r\n" } else { "\n" }
}
