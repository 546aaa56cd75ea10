//! The bytes that go into a dotenv file: values and the metadata.

use zeroize::Zeroizing;

use super::PREFIX;
use crate::document::{Content, Document, Edit, NodeId, Span, Value};
use crate::envelope::Field;
use crate::format::{flattened, text_value};

/// Puts an ENC text in the place of a value or of a comment's text.
pub(crate) fn encrypted(document: &Document<'_>, node: NodeId, enc: &str) -> Edit {
    Edit { span: document.node(node).span, text: enc.as_bytes().to_vec() }
}

/// Puts a value, or the text of a comment, in the place of its ENC text.
pub(crate) fn decrypted(
    document: &Document<'_>,
    node: NodeId,
    value: &Value<'_>,
    text: &str,
) -> Edit {
    let node = document.node(node);
    let text = match node.content {
        Content::Comment(_) => text.as_bytes().to_vec(),
        _ => written(&text_value::text(value)),
    };
    Edit { span: node.span, text }
}

/// Puts the metadata behind everything else, as SOPS does. Where the last line has no line break, the last one of the
/// block has none; that is how [`removed`] knows.
pub(crate) fn inserted(source: &[u8], fields: &Field) -> Edit {
    let is_ended = source.is_empty() || source.ends_with(b"\n");
    let mut text = String::new();
    for (key, value) in flattened::flatten(fields) {
        let line = format!("{PREFIX}{key}={value}");
        match is_ended {
            true => text.extend([line.as_str(), "\n"]),
            false => text.extend(["\n", line.as_str()]),
        }
    }
    Edit { span: Span::new(source.len(), source.len()), text: text.into_bytes() }
}

/// Takes the lines of the metadata away, wherever they stand.
pub(crate) fn removed(source: &[u8], document: &Document<'_>, entry: NodeId) -> Vec<Edit> {
    let below = entry.index() + 1..document.node(entry).end.index();
    let values =
        document.nodes[below].iter().filter(|node| matches!(node.content, Content::Scalar(_)));
    let mut lines: Vec<Span> = values
        .map(|node| {
            let start = memchr::memrchr(b'\n', &source[..node.span.start]).map_or(0, |at| at + 1);
            Span::new(start, (node.span.end + 1).min(source.len()))
        })
        .collect();
    lines.sort_unstable_by_key(|line| line.start);
    let mut spans: Vec<Span> = Vec::new();
    for line in lines {
        match spans.last_mut().filter(|before| before.end == line.start) {
            Some(before) => before.end = line.end,
            None => spans.push(line),
        }
    }
    if let Some(last) = spans.last_mut()
        && last.end == source.len()
        && !source.ends_with(b"\n")
    {
        last.start = last.start.saturating_sub(1);
    }
    spans.into_iter().map(|span| Edit { span, text: Vec::new() }).collect()
}

/// What is read where [`decrypted`] wrote a value.
pub(crate) fn read_back(value: &Value<'_>) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(line_breaks(&text_value::text(value)))
}

/// Line breaks for each `\n`.
pub(super) fn line_breaks(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    let mut copied = 0;
    for at in memchr::memmem::find_iter(value, b"\\n") {
        out.extend_from_slice(&value[copied..at]);
        out.push(b'\n');
        copied = at + 2;
    }
    out.extend_from_slice(&value[copied..]);
    out
}

/// `\n` for each line break.
pub(super) fn written(value: &[u8]) -> Vec<u8> {
    let breaks = memchr::memchr_iter(b'\n', value).count();
    let mut out = Vec::with_capacity(value.len() + breaks);
    for byte in value {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            byte => out.push(*byte),
        }
    }
    out
}
