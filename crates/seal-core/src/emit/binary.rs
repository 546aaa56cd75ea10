//! Binary: the text at `data`, and nothing else.

use super::error::EmitError;
use super::text::Text;
use super::tree::{Entry, Node};
use crate::document::Value;

/// Prints the text at `data`.
pub(super) fn print(entries: &[Entry], out: &mut Text) -> Result<(), EmitError> {
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
    Ok(())
}

/// Prints what is no text: only the mapping around the text can be.
pub(super) fn print_node(node: &Node, out: &mut Text) -> Result<(), EmitError> {
    match node {
        Node::Mapping(entries) => print(entries, out),
        Node::Sequence(_) | Node::Scalar(_) => Err(EmitError::NoData),
    }
}
