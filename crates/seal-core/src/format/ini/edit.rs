//! The bytes that go into an INI file: values, comments and the section of the metadata.

use zeroize::Zeroizing;

use super::line::MARKERS;
use super::value::{Quote, written};
use crate::document::{Content, Document, Edit, NodeId, Scalar, Span, Value};
use crate::envelope::Field;
use crate::format::{EditError, flattened, text_value};

/// Puts an ENC text in the place of a value, inside its quotes, or of a comment's text.
///
/// # Errors
/// A comment behind the name of a section: the name ends at the last `]` of the line, and an ENC text has one.
pub(crate) fn encrypted(
    source: &[u8],
    document: &Document<'_>,
    node: NodeId,
    enc: &str,
) -> Result<Edit, EditError> {
    let span = document.node(node).span;
    if let Content::Comment(comment) = &document.node(node).content
        && comment.inline
    {
        let start = memchr::memrchr(b'\n', &source[..span.start]).map_or(0, |at| at + 1);
        let before = String::from_utf8_lossy(&source[start..span.start]);
        if before.trim_start_matches('\u{feff}').trim_start().starts_with('[') {
            let problem = "a comment behind the name of a section cannot be encrypted there; put it on the line above";
            return Err(EditError { problem: problem.to_owned() });
        }
    }
    let width = quote(source, document, node).text().len();
    let span = Span::new(span.start + width, span.end - width);
    Ok(Edit { span, text: enc.as_bytes().to_vec() })
}

/// Puts a value, or the text of a comment, in the place of its ENC text. A value keeps the quotes that stand there if
/// they can hold it.
///
/// # Errors
/// A value that no quotes can hold.
pub(crate) fn decrypted(
    source: &[u8],
    document: &Document<'_>,
    node: NodeId,
    value: &Value<'_>,
    text: &str,
) -> Result<Vec<Edit>, EditError> {
    let span = document.node(node).span;
    match &document.node(node).content {
        Content::Comment(comment) if comment.inline && text.contains('\n') => Ok(Vec::new()),
        Content::Comment(_) => Ok(vec![Edit { span, text: comment_lines(text).into_bytes() }]),
        _ => {
            let value = text_value::text(value);
            let value = std::str::from_utf8(&value).map_err(|_| EditError {
                problem: "the value is not UTF-8, which INI files are".to_owned(),
            })?;
            // Only this line: what is behind it may be long, and there is a value on each line of it.
            let rest = &source[span.end..];
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let tail = std::str::from_utf8(&rest[..end]).unwrap_or_default();
            let text = written(value, quote(source, document, node), tail).ok_or_else(|| {
                let problem = "INI has no quotes that could hold this value".to_owned();
                EditError { problem }
            })?;
            Ok(vec![Edit { span, text: text.as_bytes().to_vec() }])
        }
    }
}

/// Puts the section of the metadata behind everything else, with an empty line before it as SOPS has it. Where the file
/// has no line break at its end there is none; that is how [`removed`] knows.
pub(crate) fn inserted(source: &[u8], fields: &Field) -> Edit {
    let first = memchr::memchr(b'\n', source).unwrap_or(source.len());
    let is_crlf = source[..first].ends_with(b"\r") || source.ends_with(b"\r");
    let line_break = if is_crlf { "\r\n" } else { "\n" };
    let lines = flattened::flatten(fields);
    let width = lines.iter().map(|(key, _)| key.len()).max().unwrap_or_default();
    let before = if source.is_empty() { "" } else { line_break };
    let mut text = format!("{before}[{}]{line_break}", flattened::ENVELOPE);
    for (key, value) in &lines {
        let value = written(value, Quote::None, "").expect("backticks hold any single line");
        text.push_str(&format!("{key:width$} = {}{line_break}", *value));
    }
    Edit { span: Span::new(source.len(), source.len()), text: text.into_bytes() }
}

/// Takes the section of the metadata away.
pub(crate) fn removed(source: &[u8], document: &Document<'_>, entry: NodeId) -> Vec<Edit> {
    let mut span = document.node(entry).span;
    if span.end == source.len() {
        let before = &source[..span.start];
        let line_break = match before {
            [.., b'\r', b'\n'] => 2,
            [.., b'\n'] => 1,
            _ => 0,
        };
        span.start -= line_break;
    }
    vec![Edit { span, text: Vec::new() }]
}

/// What is read where [`decrypted`] wrote a value.
pub(crate) fn read_back(value: &Value<'_>) -> Zeroizing<Vec<u8>> {
    text_value::text(value)
}

/// A comment of several lines, where each must be one.
fn comment_lines(text: &str) -> String {
    let mut lines = String::with_capacity(text.len() + 2);
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            lines.push('\n');
            if !line.trim_start().starts_with(MARKERS) {
                lines.push_str("; ");
            }
        }
        lines.push_str(line);
    }
    lines
}

fn quote(source: &[u8], document: &Document<'_>, node: NodeId) -> Quote {
    let node = document.node(node);
    match (&node.content, std::str::from_utf8(&source[node.span.range()])) {
        (Content::Scalar(Scalar { style, .. }), Ok(text)) => Quote::of(*style, text),
        _ => Quote::None,
    }
}
