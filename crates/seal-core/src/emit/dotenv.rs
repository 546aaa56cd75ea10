//! Dotenv as SOPS prints it: `KEY=value`, line breaks as `\n`, comments with `#`, nothing nested.

use super::error::EmitError;
use super::text::{Text, plain_form};
use super::tree::{Entry, Node};
use crate::document::{Path, PathElement, Value};

const FORMAT: &str = "dotenv";

/// Prints the entries at the top of a document.
///
/// `as_sops`, null becomes `<nil>` and times lose the fractions of their seconds; else null is an error.
pub(super) fn print(entries: &[Entry], as_sops: bool, out: &mut Text) -> Result<(), EmitError> {
    for entry in entries {
        match entry {
            Entry::Comment(comment) => {
                out.push("#");
                out.push(&comment.text);
            }
            Entry::Pair { key, value } => {
                let path = || Path(vec![PathElement::Key(key.clone())]);
                let scalar = match value {
                    Node::Scalar(scalar) => scalar.value(),
                    Node::Mapping(_) | Node::Sequence(_) => {
                        let what =
                            if matches!(value, Node::Mapping(_)) { "a mapping" } else { "a list" };
                        return Err(EmitError::Nested { path: path(), format: FORMAT, what });
                    }
                };
                out.push(key);
                out.push("=");
                match plain_form(scalar, as_sops) {
                    Some(text) => push_on_one_line(&text, out),
                    None if as_sops => out.push("<nil>"),
                    None => {
                        let what = "null";
                        return Err(EmitError::NoForm { path: path(), format: FORMAT, what });
                    }
                }
            }
        }
        out.push("\n");
    }
    Ok(())
}

/// Prints a single value: SOPS has a form for texts only.
pub(super) fn print_node(node: &Node, as_sops: bool, out: &mut Text) -> Result<(), EmitError> {
    let what = match node {
        Node::Mapping(entries) => return print(entries, as_sops, out),
        Node::Scalar(scalar) => match scalar.value() {
            Value::String(text) => {
                out.push(text);
                return Ok(());
            }
            Value::Bytes(bytes) => {
                out.push_bytes(bytes);
                return Ok(());
            }
            _ => "a single value that is no text",
        },
        Node::Sequence(_) => "a list",
    };
    Err(EmitError::NoForm { path: Path::default(), format: FORMAT, what })
}

fn push_on_one_line(text: &[u8], out: &mut Text) {
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if index > 0 {
            out.push("\\n");
        }
        out.push_bytes(line);
    }
}
