//! Where the `sops` block of a document or `List` item begins and ends.

use super::edit::double_quoted;
use super::metadata_block;
use crate::document::{Content, Document, Edit, NodeId, Span, Style};
use crate::envelope::Field;

/// Appends the block to a mapping as its last entry, behind the comments that end it. Nothing else changes; a source
/// without a line break at its end has none afterwards either, so that [`removed`] can tell.
pub fn inserted(source: &[u8], document: &Document<'_>, mapping: NodeId, fields: &Field) -> Edit {
    let node = document.node(mapping);
    if matches!(node.content, Content::Mapping { flow: true })
        || super::edit::is_in_flow(document, mapping)
    {
        let last = document.children(mapping).filter(|id| document.node(*id).key.is_some()).last();
        let (at, separator) = match last {
            Some(last) => (document.node(last).span.end, ", "),
            None => (node.span.start + 1, ""),
        };
        let mut text = format!("{separator}\"sops\": ");
        flow(fields, &mut text);
        return Edit { span: Span::new(at, at), text: text.into_bytes() };
    }
    let column = first_key_column(source, document, mapping);
    let at = end_of_mapping(source, document, mapping, column);
    let newline = line_break(source);
    let mut text = metadata_block::write(fields, column, newline);
    if at > 0 && !matches!(source[at - 1], b'\n' | b'\r') {
        text.truncate(text.len() - newline.len());
        text.insert_str(0, newline);
    }
    Edit { span: Span::new(at, at), text: text.into_bytes() }
}

/// Takes the `sops` entry out again, wherever in its mapping it stands.
pub fn removed(source: &[u8], document: &Document<'_>, sops: NodeId) -> Edit {
    let node = document.node(sops);
    let key = node.key.as_ref().map_or(node.span, |key| key.span);
    let siblings: Vec<NodeId> = match node.parent {
        Some(parent) => {
            document.children(parent).filter(|id| document.node(*id).key.is_some()).collect()
        }
        None => Vec::new(),
    };
    let place = siblings.iter().position(|id| *id == sops).unwrap_or(0);
    let next_key = siblings
        .get(place + 1)
        .and_then(|id| document.node(*id).key.as_ref())
        .map(|key| key.span.start);
    let in_flow = super::edit::is_in_flow(document, sops);
    if in_flow {
        let span = match (place.checked_sub(1), next_key) {
            (Some(before), _) => Span::new(document.node(siblings[before]).span.end, node.span.end),
            (None, Some(next)) => Span::new(key.start, next),
            (None, None) => Span::new(key.start, node.span.end),
        };
        return Edit { span, text: Vec::new() };
    }
    let mut start = line_start(source, key.start);
    let mut end = content_end(document, sops);
    end = if end > 0 && source[end - 1] == b'\n' { end } else { next_line(source, end) };
    if source[start..key.start].iter().any(|byte| *byte != b' ') {
        // Behind a `- `: the next key moves up to it.
        start = key.start;
        end = next_key.unwrap_or(end);
    } else if end == source.len() && !source.ends_with(b"\n") && start > 0 {
        start -= if source[..start].ends_with(b"\r\n") { 2 } else { 1 };
    }
    Edit { span: Span::new(start, end), text: Vec::new() }
}

/// The line break that the source uses.
pub(crate) fn line_break(source: &[u8]) -> &'static str {
    match memchr::memchr(b'\n', source) {
        Some(at) if at > 0 && source[at - 1] == b'\r' => "\r\n",
        _ => "\n",
    }
}

fn line_start(source: &[u8], at: usize) -> usize {
    memchr::memrchr(b'\n', &source[..at]).map_or(0, |newline| newline + 1)
}

fn next_line(source: &[u8], at: usize) -> usize {
    memchr::memchr(b'\n', &source[at..]).map_or(source.len(), |newline| at + newline + 1)
}

fn first_key_column(source: &[u8], document: &Document<'_>, mapping: NodeId) -> usize {
    let first = document.children(mapping).find_map(|id| document.node(id).key.as_ref());
    let at = first.map_or(document.node(mapping).span.start, |key| key.span.start);
    let start = line_start(source, at);
    let before = source[start..at].strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&source[start..at]);
    before.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

/// The last byte of what is below a node, comments not counted.
fn content_end(document: &Document<'_>, id: NodeId) -> usize {
    let node = document.node(id);
    (id.index()..node.end.index())
        .map(|index| &document.nodes[index])
        .filter(|node| !matches!(node.content, Content::Comment(_)))
        .map(|node| match &node.key {
            Some(key) => node.span.end.max(key.span.end),
            None => node.span.end,
        })
        .max()
        .unwrap_or(node.span.end)
}

fn end_of_mapping(source: &[u8], document: &Document<'_>, mapping: NodeId, column: usize) -> usize {
    let end = content_end(document, mapping);
    let last_is_block = document.nodes[mapping.index()..document.node(mapping).end.index()]
        .iter()
        .rev()
        .find(|node| !matches!(node.content, Content::Comment(_)))
        .is_some_and(|node| match &node.content {
            Content::Scalar(scalar) => matches!(scalar.style, Style::Literal | Style::Folded),
            _ => false,
        });
    let mut at = if last_is_block && end > 0 && source[end - 1] == b'\n' {
        end
    } else {
        next_line(source, end)
    };
    let mut line = at;
    while line < source.len() {
        let next = next_line(source, line);
        let text = &source[line..next];
        let blanks = text.iter().take_while(|byte| **byte == b' ').count();
        match text.get(blanks) {
            Some(b'#') if blanks >= column => at = next,
            Some(b'\n' | b'\r') | None => {}
            _ => break,
        }
        line = next;
    }
    at
}

/// The block in flow style, which JSON is too.
fn flow(field: &Field, out: &mut String) {
    match field {
        Field::Text(text) => out.push_str(&double_quoted(text)),
        Field::Int(int) => out.push_str(&int.to_string()),
        Field::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        Field::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                flow(item, out);
            }
            out.push(']');
        }
        Field::Map(entries) => {
            out.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                out.push_str(&double_quoted(key));
                out.push_str(": ");
                flow(value, out);
            }
            out.push('}');
        }
    }
}
