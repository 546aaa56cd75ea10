//! Where the `sops` block of a document or `List` item begins and ends.

use super::characters::break_width;
use super::edit::double_quoted;
use super::metadata_block;
use crate::document::{Content, Document, Edit, NodeId, Span, Style};
use crate::envelope::Field;

/// Adds the block to a mapping: as its last entry, behind the comments that end it, or as the first one of a `{…}`,
/// where the comments behind the last entry would be taken for the block's. Nothing else changes; a source without a
/// line break at its end has none afterwards either, so that [`removed`] can tell. An empty document becomes the block.
pub fn inserted(
    source: &[u8],
    document: &Document<'_>,
    mapping: NodeId,
    fields: &Field,
    indent: usize,
) -> Edit {
    let node = document.node(mapping);
    if matches!(node.content, Content::Mapping { flow: true })
        || super::edit::is_in_flow(document, mapping)
    {
        let is_empty = document.children(mapping).all(|id| document.node(id).key.is_none());
        let at = if is_empty { node.span.start + 1 } else { first_entry(source, node.span) };
        let mut text = "\"sops\": ".to_owned();
        flow(fields, &mut text);
        if !is_empty {
            text.push_str(", ");
        }
        return Edit { span: Span::new(at, at), text: text.into_bytes() };
    }
    let (column, at) = match node.content {
        Content::Mapping { .. } => {
            let column = column(source, node.span.start);
            let at = before_unterminated(source, document, mapping)
                .unwrap_or_else(|| end_of_mapping(source, document, mapping, column));
            (column, at)
        }
        _ => (0, node.span.start),
    };
    let newline = line_break(source);
    let mut text = metadata_block::write(fields, column, indent, newline);
    if at > 0 && !ends_line(&source[..at]) {
        text.truncate(text.len() - newline.len());
        text.insert_str(0, newline);
    }
    Edit { span: Span::new(at, at), text: text.into_bytes() }
}

/// The line of the last entry, where that ends in a block scalar without a line break: any text behind it would add one
/// to its value.
fn before_unterminated(source: &[u8], document: &Document<'_>, mapping: NodeId) -> Option<usize> {
    let is_at_end = document.node(mapping).span.end == source.len() && !ends_line(source);
    if !is_at_end || !ends_in_block_scalar(document, mapping) {
        return None;
    }
    let last = document.children(mapping).filter_map(|id| document.node(id).key.as_ref()).last()?;
    let start = line_start(source, last.span.start);
    source[start..last.span.start].iter().all(|byte| *byte == b' ').then_some(start)
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
    if super::edit::is_in_flow(document, sops) {
        let behind = behind_comma(source, node.span.end);
        let span = match (place.checked_sub(1), behind) {
            (_, Some(behind)) => Span::new(key.start, behind),
            (Some(before), None) => {
                Span::new(document.node(siblings[before]).span.end, node.span.end)
            }
            (None, None) => Span::new(key.start, node.span.end),
        };
        return Edit { span, text: Vec::new() };
    }
    let mut start = line_start(source, key.start);
    let mut end = content_end(document, sops);
    end = if ends_line(&source[..end]) { end } else { next_line(source, end) };
    if source[start..key.start].iter().any(|byte| *byte != b' ') {
        // Behind a `- `: the next key moves up to it.
        start = key.start;
        end = next_key.unwrap_or(end);
    } else if end == source.len() && !ends_line(source) && start > 0 {
        start -= last_break(&source[..start]);
    }
    Edit { span: Span::new(start, end), text: Vec::new() }
}

/// The line break that the source uses.
pub(crate) fn line_break(source: &[u8]) -> &'static str {
    match memchr::memchr2(b'\n', b'\r', source) {
        Some(at) if source[at..].starts_with(b"\r\n") => "\r\n",
        Some(at) if source[at] == b'\r' => "\r",
        _ => "\n",
    }
}

pub(crate) fn ends_line(source: &[u8]) -> bool {
    last_break(source) > 0
}

pub(crate) fn line_start(source: &[u8], at: usize) -> usize {
    let start = memchr::memrchr2(b'\n', b'\r', &source[..at]).map_or(0, |newline| newline + 1);
    let rest = &source[start..at];
    rare_breaks(rest).last().map_or(start, |found| start + found + break_width(&rest[found..]))
}

pub(crate) fn next_line(source: &[u8], at: usize) -> usize {
    let rest = &source[at..];
    let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
    let end = rare_breaks(&rest[..end]).next().unwrap_or(end);
    match rest[end..].starts_with(b"\r\n") {
        true => at + end + 2,
        false => at + end + break_width(&rest[end..]),
    }
}

/// Where a text of one line, as most programs see it, has the line breaks that only Unicode and YAML 1.1 know.
fn rare_breaks(line: &[u8]) -> impl Iterator<Item = usize> {
    memchr::memchr2_iter(0xC2, 0xE2, line).filter(|at| break_width(&line[*at..]) > 0)
}

/// Bytes of the line break that a text ends with, CR LF as one; 0 where it ends with none.
fn last_break(text: &[u8]) -> usize {
    let widths = [b"\r\n".len(), 3, 2, 1].into_iter();
    let ends = |width: &usize| {
        text.len() >= *width && {
            let last = &text[text.len() - width..];
            last == b"\r\n" || break_width(last) == *width
        }
    };
    widths.into_iter().find(ends).unwrap_or(0)
}

pub(crate) fn column(source: &[u8], at: usize) -> usize {
    let before = &source[line_start(source, at)..at];
    let before = before.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(before);
    before.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

/// Where the first entry of a `{…}` begins, tag, anchor and `?` of its key included.
fn first_entry(source: &[u8], mapping: Span) -> usize {
    let mut at = mapping.start + 1;
    while at < mapping.end {
        match source[at] {
            b' ' | b'\t' | b'\n' | b'\r' => at += 1,
            b'#' => at = next_line(source, at),
            _ => break,
        }
    }
    at
}

/// Behind the comma that follows, and the blanks behind that on its line; `None` where no comma follows.
pub(super) fn behind_comma(source: &[u8], at: usize) -> Option<usize> {
    let blanks = source[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let comma = at + blanks;
    let rest = source.get(comma..)?.strip_prefix(b",")?;
    Some(comma + 1 + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count())
}

/// The last byte of what is below a node, comments not counted.
pub(crate) fn content_end(document: &Document<'_>, id: NodeId) -> usize {
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
    let is_terminated = ends_in_block_scalar(document, mapping) && ends_line(&source[..end]);
    let mut at = if is_terminated { end } else { next_line(source, end) };
    let mut line = at;
    while line < source.len() {
        let next = next_line(source, line);
        let text = &source[line..next];
        let blanks = text.iter().take_while(|byte| **byte == b' ').count();
        match text.get(blanks) {
            Some(b'#') if blanks >= column => at = next,
            Some(_) if break_width(&text[blanks..]) == 0 => break,
            _ => {}
        }
        line = next;
    }
    at
}

fn ends_in_block_scalar(document: &Document<'_>, mapping: NodeId) -> bool {
    document.nodes[mapping.index()..document.node(mapping).end.index()]
        .iter()
        .rev()
        .find(|node| !matches!(node.content, Content::Comment(_)))
        .is_some_and(|node| match &node.content {
            Content::Scalar(scalar) => matches!(scalar.style, Style::Literal | Style::Folded),
            _ => false,
        })
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
