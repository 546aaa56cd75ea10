//! Replaces the text of scalars and comments, each in its own style.
//!
//! Encrypting and decrypting are inverse: what is written for an ENC text tells how the scalar was written before.
//! In block context the style stays. A flow collection cannot hold a plain ENC text (`[` and `,` end it), so there
//! plain becomes `'…'`, and `'…'` becomes `"\x45NC…"`, which reads the same everywhere and marks the difference.

use std::borrow::Cow;

use super::block_scalar::BlockScalar;
use super::resolve::resolve;
use crate::document::{Content, Document, Edit, Node, NodeId, Scalar, Span, Style, Value};
use crate::format::EditError;

/// `"E…` with the first letter escaped: the mark of a single-quoted scalar inside a flow collection.
const MARKED_ENC: &str = "\"\\x45NC[";

/// Puts an ENC text in the place of a scalar.
///
/// # Errors
/// A tag such as `!!int` that an ENC text does not fit.
pub fn encrypted(
    source: &[u8],
    document: &Document<'_>,
    id: NodeId,
    enc: &str,
) -> Result<Vec<Edit>, EditError> {
    let node = document.node(id);
    let Content::Scalar(scalar) = &node.content else {
        return Ok(vec![comment(node, enc)]);
    };
    let typed = matches!(
        scalar.tag.as_deref(),
        Some("!!bool" | "!!int" | "!!float" | "!!null" | "!!timestamp" | "!!binary")
    );
    if typed {
        let tag = scalar.tag.as_deref().unwrap_or_default();
        return Err(EditError {
            problem: format!("a value with the tag `{tag}` cannot be encrypted; take the tag away"),
        });
    }
    let in_flow = is_in_flow(document, id);
    let text = match scalar.style {
        Style::Plain if in_flow => format!("'{enc}'"),
        Style::Plain => enc.to_owned(),
        Style::SingleQuoted if in_flow => format!("\"\\x45{}\"", &enc[1..]),
        Style::SingleQuoted => format!("'{enc}'"),
        Style::DoubleQuoted => format!("\"{enc}\""),
        Style::Literal | Style::Folded => {
            let text = string_of(scalar);
            return Ok(match BlockScalar::read(source, node.span, text) {
                Some(block) => vec![block.replace_content(enc)],
                None => replace_block(source, node.span, format!("\"{enc}\"")),
            });
        }
    };
    Ok(vec![Edit { span: node.span, text: text.into_bytes() }])
}

/// Puts a decrypted value in the place of an ENC text, in its style if that can carry it.
///
/// `text` is what stood inside ENC; for values that are no strings it is the spelling to use where it fits.
/// `unterminated`: the line break behind this scalar goes away, with the `sops` block behind it.
pub fn decrypted(
    source: &[u8],
    document: &Document<'_>,
    id: NodeId,
    value: &Value<'_>,
    text: &str,
    unterminated: bool,
) -> Vec<Edit> {
    let node = document.node(id);
    let Content::Scalar(scalar) = &node.content else {
        return vec![comment(node, text)];
    };
    let in_flow = is_in_flow(document, id);
    let string = match value {
        Value::String(string) => string,
        Value::Bytes(bytes) => {
            return replace_scalar(source, node, scalar.style, binary_literal(bytes));
        }
        other => return replace_scalar(source, node, scalar.style, spelled(other, text)),
    };
    let plain = || plain(string, scalar.tag.as_deref(), in_flow).or_else(|| single_quoted(string));
    let written = match scalar.style {
        Style::Plain => plain(),
        Style::SingleQuoted if in_flow => plain(),
        Style::SingleQuoted => single_quoted(string),
        Style::DoubleQuoted if source[node.span.range()].starts_with(MARKED_ENC.as_bytes()) => {
            single_quoted(string)
        }
        Style::DoubleQuoted => None,
        Style::Literal | Style::Folded => {
            let folded = scalar.style == Style::Folded;
            let block = BlockScalar::read(source, node.span, string_of(scalar));
            let edit = block.and_then(|block| block.replace_value(string, folded, unterminated));
            return match edit {
                Some(edit) => vec![edit],
                None => replace_block(source, node.span, double_quoted(string)),
            };
        }
    };
    let written = written.unwrap_or_else(|| double_quoted(string));
    vec![Edit { span: node.span, text: written.into_bytes() }]
}

/// The same as [`decrypted`] for a string, but in the one style that carries everything.
pub fn decrypted_double_quoted(
    source: &[u8],
    document: &Document<'_>,
    id: NodeId,
    string: &str,
) -> Vec<Edit> {
    let node = document.node(id);
    match &node.content {
        Content::Scalar(scalar) => {
            replace_scalar(source, node, scalar.style, double_quoted(string))
        }
        _ => vec![comment(node, string)],
    }
}

/// Writes an alias out: the node it stands for, in flow style.
pub fn expanded_alias(source: &[u8], documents: &[Document<'_>], alias: &Node<'_>) -> Option<Edit> {
    let mut text = String::new();
    let mut budget = MAX_EXPANSION;
    render(source, documents, alias, &mut text, &mut budget)?;
    Some(Edit { span: alias.span, text: text.into_bytes() })
}

/// An alias that expands to more nodes than this is refused rather than written out.
const MAX_EXPANSION: usize = 10_000;

fn render(
    source: &[u8],
    documents: &[Document<'_>],
    node: &Node<'_>,
    out: &mut String,
    budget: &mut usize,
) -> Option<()> {
    *budget = budget.checked_sub(1)?;
    match &node.content {
        Content::Comment(_) => {}
        Content::Scalar(scalar) => {
            if let Some(tag) = &scalar.tag {
                out.push_str(tag);
                out.push(' ');
            }
            match &scalar.value {
                Value::String(text) if scalar.style != Style::Plain => {
                    out.push_str(&double_quoted(text));
                }
                Value::String(text) => {
                    out.push_str(&plain(text, None, true).unwrap_or_else(|| double_quoted(text)));
                }
                _ => out.push_str(std::str::from_utf8(&source[node.span.range()]).ok()?),
            }
        }
        Content::Alias { document, node: target, of_key } => {
            let target = documents.get(*document)?.node(*target);
            match (&target.key, of_key) {
                (Some(key), true) => out.push_str(&double_quoted(&key.text)),
                _ => render_children(source, documents, *document, target, out, budget)?,
            }
        }
        Content::Mapping { .. } | Content::Sequence { .. } => return None,
    }
    Some(())
}

fn render_children(
    source: &[u8],
    documents: &[Document<'_>],
    in_document: usize,
    node: &Node<'_>,
    out: &mut String,
    budget: &mut usize,
) -> Option<()> {
    let (open, close) = match &node.content {
        Content::Mapping { .. } => ('{', '}'),
        Content::Sequence { .. } => ('[', ']'),
        _ => return render(source, documents, node, out, budget),
    };
    let document = documents.get(in_document)?;
    let id = document.nodes.iter().position(|other| std::ptr::eq(other, node))?;
    out.push(open);
    let mut first = true;
    for child in document.children(NodeId(id as u32)) {
        let child = document.node(child);
        if matches!(child.content, Content::Comment(_)) {
            continue;
        }
        if !first {
            out.push_str(", ");
        }
        first = false;
        if let Some(key) = &child.key {
            if key.is_string && key.text != "<<" {
                out.push_str(
                    &plain(&key.text, None, true).unwrap_or_else(|| double_quoted(&key.text)),
                );
            } else {
                out.push_str(&key.text);
            }
            out.push_str(": ");
        }
        render_children(source, documents, in_document, child, out, budget)?;
    }
    out.push(close);
    Some(())
}

/// True below a `{…}` or `[…]`.
pub(crate) fn is_in_flow(document: &Document<'_>, id: NodeId) -> bool {
    let mut node = document.node(id);
    while let Some(parent) = node.parent {
        node = document.node(parent);
        if let Content::Mapping { flow: true } | Content::Sequence { flow: true } = node.content {
            return true;
        }
    }
    false
}

/// `"…"` with the fewest escapes that carry any text on one line.
pub fn double_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        let escape = match character {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\t' => "\\t",
            '\r' => "\\r",
            '\0' => "\\0",
            '\x07' => "\\a",
            '\x08' => "\\b",
            '\x0B' => "\\v",
            '\x0C' => "\\f",
            '\x1B' => "\\e",
            '\u{85}' => "\\N",
            '\u{2028}' => "\\L",
            '\u{2029}' => "\\P",
            ' '..='~' | '\u{A0}'..='\u{FEFE}' | '\u{FF00}'..='\u{FFFD}' | '\u{10000}'.. => {
                out.push(character);
                continue;
            }
            other => {
                let code = other as u32;
                let escape =
                    if code <= 0xFF { format!("\\x{code:02X}") } else { format!("\\u{code:04X}") };
                out.push_str(&escape);
                continue;
            }
        };
        out.push_str(escape);
    }
    out.push('"');
    out
}

/// `'…'`, if the text needs no escapes and has no line breaks.
pub(crate) fn single_quoted(text: &str) -> Option<String> {
    text.chars().all(is_printable).then(|| format!("'{}'", text.replace('\'', "''")))
}

fn is_printable(character: char) -> bool {
    matches!(character,
        '\t' | ' '..='~' | '\u{A0}'..='\u{2027}' | '\u{202A}'..='\u{D7FF}'
        | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// The text by itself, if it reads as the same string there, behind its tag if it has one.
pub(super) fn plain(text: &str, tag: Option<&str>, in_flow: bool) -> Option<String> {
    if !text.chars().all(is_printable) || !is_string(text, tag) {
        return None;
    }
    let ordinary = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if ordinary && !text.is_empty() {
        return Some(text.to_owned());
    }
    // The scanner itself knows best where a plain text ends.
    let trial = if in_flow { format!("[{text}]") } else { format!("a: {text}\n") };
    let stream = super::parse(trial.as_bytes()).ok()?;
    let [document] = stream.documents.as_slice() else { return None };
    let [_, leaf] = document.nodes.as_slice() else { return None };
    let is_plain =
        matches!(&leaf.content, Content::Scalar(Scalar { style: Style::Plain, tag: None, .. }));
    (is_plain && &trial[leaf.span.range()] == text).then(|| text.to_owned())
}

/// A plain scalar of this text and tag is a string.
fn is_string(text: &str, tag: Option<&str>) -> bool {
    matches!(resolve(tag, Cow::Borrowed(text), Style::Plain), Ok(Value::String(_)))
}

/// How a value that is no string is written: `text`, if it reads as that value.
fn spelled(value: &Value<'_>, text: &str) -> String {
    // SOPS writes `True`; our own `True` is `T` inside ENC, see `Value::spelling`.
    let text = match (value, text) {
        (Value::Bool(_), "T") => "True",
        (Value::Bool(_), "F") => "False",
        (Value::Bool(true), "True") => "true",
        (Value::Bool(false), "False") => "false",
        (_, text) => text,
    };
    if let Ok(read) = resolve(None, Cow::Borrowed(text), Style::Plain) {
        let same = match (value, &read) {
            // SOPS writes whole floats without a point, and `1` is what it decrypts them to.
            (Value::Float(float), Value::Int(int)) => {
                *int as f64 == *float && (*int != 0 || float.is_sign_positive())
            }
            (value, read) => value == read,
        };
        if same {
            return text.to_owned();
        }
    }
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(bool) => bool.to_string(),
        Value::Float(float) if float.is_nan() => ".nan".to_owned(),
        Value::Float(float) if float.is_infinite() => {
            if *float > 0.0 { ".inf" } else { "-.inf" }.to_owned()
        }
        // With a point or an exponent, as digits alone may be an integer that SOPS has no type for.
        Value::Float(float) => format!("{float:?}"),
        other => String::from_utf8_lossy(&other.canonical()).into_owned(),
    }
}

fn binary_literal(bytes: &[u8]) -> String {
    use base64::Engine as _;
    format!("!!binary {}", base64::engine::general_purpose::STANDARD.encode(bytes))
}

fn string_of<'d>(scalar: &'d Scalar<'_>) -> &'d str {
    match &scalar.value {
        Value::String(text) => text,
        _ => "",
    }
}

fn comment(node: &Node<'_>, text: &str) -> Edit {
    Edit { span: Span::new(node.span.start + 1, node.span.end), text: text.as_bytes().to_vec() }
}

fn replace_scalar(source: &[u8], node: &Node<'_>, style: Style, text: String) -> Vec<Edit> {
    match style {
        Style::Literal | Style::Folded => replace_block(source, node.span, text),
        _ => vec![Edit { span: node.span, text: text.into_bytes() }],
    }
}

/// Replaces a whole block scalar by something on one line. The line breaks at its end stay, and so does a comment behind
/// its indicators: that may have an edit of its own.
fn replace_block(source: &[u8], span: Span, text: String) -> Vec<Edit> {
    let bytes = &source[span.range()];
    let indicators =
        1 + bytes[1..].iter().take_while(|byte| matches!(byte, b'+' | b'-' | b'0'..=b'9')).count();
    let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let header = bytes.iter().position(is_break).unwrap_or(bytes.len());
    let trailing = bytes.iter().rev().take_while(|byte| is_break(byte) || **byte == b' ').count();
    let content = Span::new(span.start + header, span.end - trailing.min(bytes.len() - header));
    vec![
        Edit { span: Span::new(span.start, span.start + indicators), text: text.into_bytes() },
        Edit { span: content, text: Vec::new() },
    ]
}
