//! Binary: the text at `data`, and nothing else.

use super::error::EmitError;
use super::text::Text;
use super::tree::{Entry, Node};
use crate::document::{Path, PathElement, Value};

/// Prints the text at `data`. `as_sops`, whatever stands beside it is left out; else it is an error.
pub(super) fn print(entries: &[Entry], as_sops: bool, out: &mut Text) -> Result<(), EmitError> {
    let data = entries.iter().find_map(|entry| match entry {
        Entry::Pair { key, value: Node::Scalar(scalar) } if **key == *"data" => {
            Some(scalar.value())
        }
        _ => None,
    });
    match data {
        Some(Value::String(text)) => out.push(text),
        Some(Value::Bytes(bytes)) => out.push_bytes(bytes),
        _ => return Err(EmitError::NoData),
    }
    let other = entries.iter().find_map(|entry| match entry {
        Entry::Pair { key, .. } if **key != *"data" => Some(key),
        _ => None,
    });
    match other {
        Some(key) if !as_sops => {
            let path = Path(vec![PathElement::Key(key.clone())]);
            Err(EmitError::Lost { path, format: "binary" })
        }
        _ => Ok(()),
    }
}

/// Prints what is no text: only the mapping around the text can be.
pub(super) fn print_node(node: &Node, as_sops: bool, out: &mut Text) -> Result<(), EmitError> {
    match node {
        Node::Mapping(entries) => print(entries, as_sops, out),
        Node::Sequence(_) | Node::Scalar(_) => Err(EmitError::NoData),
    }
}
