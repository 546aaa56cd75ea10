//! Two readings of a document hold the same values.

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::error::FileError;
use super::leaves::{self, Aad};
use super::open::Plain;
use super::run::is_null;
use crate::cipher::ValueType;
use crate::document::{Content, Document, NodeId, Value};
use crate::format::Format;

/// What a document holds for whoever reads it.
#[derive(Default)]
pub(crate) struct Reading {
    values: Vec<Leaf>,
    /// Additional data and text of each comment.
    comments: Vec<(Aad, Zeroizing<String>)>,
}

/// Where two readings part.
pub(crate) enum Difference {
    /// At this node of the first one; `None` where only the second one has a value.
    Value(Option<NodeId>),
    Comment,
}

/// One value, with the keys above it.
struct Leaf {
    aad: Aad,
    /// SOPS writes whole floats as integers, so numbers are compared by value.
    number: bool,
    value_type: Option<ValueType>,
    value: Zeroizing<Vec<u8>>,
    node: NodeId,
}

impl Reading {
    /// Reads a whole document. Where it is encrypted, `plain` has what its ENC texts hold, and `envelopes` its `sops`
    /// entries in order. Values count as they are once they are written in the format.
    pub(crate) fn of(
        format: Format,
        documents: &[Document<'_>],
        document: usize,
        plain: &HashMap<NodeId, &Plain>,
        envelopes: &[NodeId],
    ) -> Result<Self, FileError> {
        let mut reading = Self::default();
        let root = documents[document].root();
        leaves::visit_document(documents, document, envelopes, &mut |leaf| {
            // An empty document is null, and with a block it is a mapping of nothing else.
            if leaf.origin == root && is_null(&leaf.node.content) {
                return Ok(());
            }
            let decrypted = match leaf.is_aliased {
                false => plain.get(&leaf.origin),
                true => None,
            };
            let value = match (&leaf.node.content, leaf.key_text, decrypted) {
                (_, Some(text), _) => &Value::String(text.into()),
                (Content::Scalar(_), None, Some(plain)) if plain.is_comment() => return Ok(()),
                (Content::Scalar(_), None, Some(plain)) => &plain.value,
                (Content::Scalar(scalar), None, None) => &scalar.value,
                (Content::Comment(comment), ..) => {
                    let text = match decrypted {
                        Some(plain) => String::from_utf8_lossy(&plain.text).into_owned(),
                        None => comment.text.to_owned(),
                    };
                    reading.comments.push((leaf.kept_aad(), Zeroizing::new(text)));
                    return Ok(());
                }
                _ => return Ok(()),
            };
            let (value_type, text) = format.read_back(value);
            reading.values.push(Leaf {
                aad: leaf.kept_aad(),
                number: matches!(value, Value::Int(_) | Value::UInt(_) | Value::Float(_)),
                value_type,
                value: text,
                node: leaf.origin,
            });
            Ok(())
        })?;
        Ok(reading)
    }

    /// The first place where the values differ.
    pub(crate) fn differs_in_values(&self, other: &Self) -> Option<Difference> {
        let differs =
            self.values.iter().zip(&other.values).position(|(one, other)| !one.equals(other));
        let differs = differs.or_else(|| {
            let lengths = (self.values.len(), other.values.len());
            (lengths.0 != lengths.1).then_some(lengths.0.min(lengths.1))
        });
        differs.map(|at| Difference::Value(self.values.get(at).map(|leaf| leaf.node)))
    }

    /// The first place where values or comments differ.
    pub(crate) fn differs(&self, other: &Self) -> Option<Difference> {
        let comments = (self.comments != other.comments).then_some(Difference::Comment);
        self.differs_in_values(other).or(comments)
    }
}

impl Leaf {
    fn equals(&self, other: &Self) -> bool {
        self.aad == other.aad
            && (self.value_type == other.value_type || (self.number && other.number))
            && self.value == other.value
    }
}
