//! Writes an object in brackets: as JSON, or as what YAML has of it.

use zeroize::Zeroizing;

use super::target::{Entry, New};
use crate::document::{Content, Document, NodeId};
use crate::format::Format;
use crate::format::json::edit::string_literal;
use crate::format::layout::{Layout, Nested, Parts, Words, members};
use crate::format::yaml::edit::double_quoted;

/// A value to be written. Its text may be a secret.
enum Value {
    /// As it is to be written.
    Written(Zeroizing<String>),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
}

impl Nested for Value {
    fn parts(&self) -> Parts<'_, Self> {
        match self {
            Self::Written(_) => Parts::Scalar,
            Self::List(items) => Parts::List(items),
            Self::Map(entries) => Parts::Map(entries),
        }
    }
}

/// The text of an object in the layout of the one at `top`.
pub(super) fn write(
    format: Format,
    source: &[u8],
    document: &Document<'_>,
    top: NodeId,
    entries: &[Entry],
) -> Zeroizing<String> {
    let literal: &dyn Fn(&str) -> String = match format {
        Format::Json => &|text| string_literal(text),
        _ => &|text| double_quoted(text),
    };
    let value = map(source, document, entries, literal);
    let layout = Layout::of(source, document, top);
    let layout = if format == Format::Json { layout } else { layout.with_colon_blank() };
    let scalar = |value: &Value| match value {
        Value::Written(text) => text.to_string(),
        Value::List(_) | Value::Map(_) => String::new(),
    };
    let mut text = Zeroizing::new(String::new());
    layout.write(&mut text, &value, 0, &Words { key: &literal, scalar: &scalar });
    text
}

fn map(
    source: &[u8],
    document: &Document<'_>,
    entries: &[Entry],
    literal: &dyn Fn(&str) -> String,
) -> Value {
    let written = entries.iter().map(|entry| {
        let value = match (&entry.value, entry.origin) {
            (New::Text(text), _) => Value::Written(Zeroizing::new(literal(text))),
            (New::Map(entries), _) => map(source, document, entries, literal),
            (New::Same, Some(origin)) => as_it_stands(source, document, origin),
            (New::Same, None) => Value::Map(Vec::new()),
        };
        (entry.key.clone(), value)
    });
    Value::Map(written.collect())
}

fn as_it_stands(source: &[u8], document: &Document<'_>, id: NodeId) -> Value {
    let node = document.node(id);
    let below = || members(document, id);
    match &node.content {
        Content::Mapping { .. } => Value::Map(
            below()
                .filter_map(|child| {
                    let key = document.node(child).key.as_ref()?.text.to_string();
                    Some((key, as_it_stands(source, document, child)))
                })
                .collect(),
        ),
        Content::Sequence { .. } => {
            Value::List(below().map(|child| as_it_stands(source, document, child)).collect())
        }
        Content::Scalar(_) | Content::Alias { .. } | Content::Comment(_) => {
            let text = String::from_utf8_lossy(&source[node.span.range()]).into_owned();
            Value::Written(Zeroizing::new(if text.is_empty() { "null".to_owned() } else { text }))
        }
    }
}
