//! Values that are put into a document.

use zeroize::Zeroizing;

use crate::document::{Content, Document, NodeId, PathElement, Value};
use crate::format::json;
use crate::format::layout::{Nested, Parts, members};

/// A value to be written. It may be a secret, so it is wiped when dropped and prints as `<redacted>`.
#[derive(Clone, PartialEq, Eq)]
pub enum NewValue {
    /// `null`
    Null,
    /// A boolean.
    Bool(bool),
    /// A number, as JSON spells it; the spelling is written as it is.
    Number(Zeroizing<String>),
    /// A text.
    String(Zeroizing<String>),
    /// A list.
    List(Vec<NewValue>),
    /// A mapping, in the order in which it is written.
    Map(Vec<(String, NewValue)>),
}

impl std::fmt::Debug for NewValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<redacted>")
    }
}

/// A text that is no value of JSON. It says where, and nothing of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoValue {
    /// Not UTF-8, or not JSON.
    #[error("{problem}, at line {line}, column {column} of the value")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
        /// What is wrong.
        problem: String,
    },
    /// More than one value.
    #[error("there is more than one value")]
    Several,
}

/// What a value stands behind while the reader of JSON files reads it: that takes objects only.
const BEFORE: &str = "{\"\":";

impl NewValue {
    /// A text.
    pub fn string(text: impl Into<String>) -> Self {
        Self::String(Zeroizing::new(text.into()))
    }

    /// Reads a value of JSON: integers stay integers, whatever their size, and every number keeps its spelling.
    ///
    /// # Errors
    /// A text that is anything else than one value of JSON; keys that are there twice.
    pub fn from_json(text: &[u8]) -> Result<Self, NoValue> {
        let wrapped = Zeroizing::new([BEFORE.as_bytes(), text, b"\n}"].concat());
        let stream = json::parse(&wrapped).map_err(|error| {
            let first = error.position.line == 1;
            let before = if first { BEFORE.len() } else { 0 };
            NoValue::Syntax {
                line: error.position.line,
                column: error.position.column.saturating_sub(before).max(1),
                problem: error.problem,
            }
        })?;
        let document = &stream.documents[0];
        let mut values = members(document, document.root());
        match (values.next(), values.next()) {
            (Some(only), None) => Ok(Self::of_json(&wrapped, document, only)),
            _ => Err(NoValue::Several),
        }
    }

    fn of_json(source: &[u8], document: &Document<'_>, id: NodeId) -> Self {
        let node = document.node(id);
        let below = || members(document, id);
        match &node.content {
            Content::Mapping { .. } => Self::Map(
                below()
                    .filter_map(|child| {
                        let key = document.node(child).key.as_ref()?;
                        Some((key.text.to_string(), Self::of_json(source, document, child)))
                    })
                    .collect(),
            ),
            Content::Sequence { .. } => {
                Self::List(below().map(|child| Self::of_json(source, document, child)).collect())
            }
            Content::Scalar(scalar) => match &scalar.value {
                Value::Bool(flag) => Self::Bool(*flag),
                Value::String(text) => Self::string(text.as_ref()),
                Value::Int(_) | Value::UInt(_) | Value::Float(_) => {
                    let text = String::from_utf8_lossy(&source[node.span.range()]);
                    Self::Number(Zeroizing::new(text.into_owned()))
                }
                Value::Null | Value::Time(_) | Value::Bytes(_) => Self::Null,
            },
            Content::Comment(_) | Content::Alias { .. } => Self::Null,
        }
    }

    /// The value below a path that does not exist yet: mappings for keys, lists of one item for indices.
    pub(super) fn below(self, path: &[PathElement]) -> Self {
        path.iter().rev().fold(self, |value, element| match element {
            PathElement::Key(key) => Self::Map(vec![(key.to_string(), value)]),
            PathElement::Index(_) => Self::List(vec![value]),
        })
    }

    /// The same for a format that knows nothing but text, with numbers and booleans as they are spelled. `None` where
    /// there is a null or a list.
    pub(super) fn as_text(&self) -> Option<Self> {
        Some(match self {
            Self::Null | Self::List(_) => return None,
            Self::Bool(flag) => Self::string(flag.to_string()),
            Self::Number(text) | Self::String(text) => Self::String(text.clone()),
            Self::Map(entries) => Self::Map(
                entries
                    .iter()
                    .map(|(key, value)| Some((key.clone(), value.as_text()?)))
                    .collect::<Option<_>>()?,
            ),
        })
    }

    /// True for a value without values below it.
    pub(crate) fn is_inline(&self) -> bool {
        match self {
            Self::List(items) => items.is_empty(),
            Self::Map(entries) => entries.is_empty(),
            _ => true,
        }
    }
}

impl Nested for NewValue {
    fn parts(&self) -> Parts<'_, Self> {
        match self {
            Self::List(items) => Parts::List(items),
            Self::Map(entries) => Parts::Map(entries),
            _ => Parts::Scalar,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> NewValue {
        NewValue::Number(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn reads_every_kind_of_value_and_keeps_the_spelling_of_numbers() {
        for (text, value) in [
            ("null", NewValue::Null),
            (" true\n", NewValue::Bool(true)),
            ("\"a\\nb\"", NewValue::string("a\nb")),
            ("9007199254740993", number("9007199254740993")),
            ("1.0", number("1.0")),
            ("1e3", number("1e3")),
            ("-0", number("-0")),
            ("[]", NewValue::List(vec![])),
            ("[1, \"x\"]", NewValue::List(vec![number("1"), NewValue::string("x")])),
            (
                "{\"b\": {}, \"a\": [null]}",
                NewValue::Map(vec![
                    ("b".to_owned(), NewValue::Map(vec![])),
                    ("a".to_owned(), NewValue::List(vec![NewValue::Null])),
                ]),
            ),
        ] {
            assert!(NewValue::from_json(text.as_bytes()) == Ok(value), "{text}");
        }
    }

    #[test]
    fn refuses_anything_else_than_one_value() {
        for text in [
            "",
            "hunter2",
            "1 2",
            "1,",
            "1}",
            "1,\"x\":2",
            "[1",
            "'x'",
            "{\"a\":1,\"a\":2}",
            "// x\n1",
        ] {
            let error = NewValue::from_json(text.as_bytes()).unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{text}");
        }
        assert!(NewValue::from_json(b"\"\xFF\"").is_err());
    }

    #[test]
    fn says_where_the_value_is_wrong() {
        let at = |text: &str| match NewValue::from_json(text.as_bytes()) {
            Err(NoValue::Syntax { line, column, .. }) => (line, column),
            _ => (0, 0),
        };
        assert_eq!(at("hunter2"), (1, 1));
        assert_eq!(at("[1, x]"), (1, 5));
        assert_eq!(at("{\n  \"a\": x}"), (2, 8));
    }

    #[test]
    fn a_value_is_not_printed() {
        assert_eq!(format!("{:?}", NewValue::string("hunter2")), "<redacted>");
    }
}
