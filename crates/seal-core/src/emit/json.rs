//! JSON as Go's `encoding/json` prints it for SOPS: `"k": v`, `<>&` escaped, no comments.

use super::error::EmitError;
use super::text::{Text, json_float};
use super::trail::Trail;
use super::tree::{Entry, Item, Node};
use crate::document::Value;

const FORMAT: &str = "json";

/// Prints an object, without a line break behind it. Bytes that are no UTF-8 become U+FFFD where `as_sops`, else they
/// are an error.
pub(super) fn print(
    entries: &[Entry],
    indent: &str,
    as_sops: bool,
    out: &mut Text,
) -> Result<(), EmitError> {
    Printer { out, indent, as_sops, trail: Trail::default() }.object(entries)
}

/// Prints any value.
pub(super) fn print_node(
    node: &Node,
    indent: &str,
    as_sops: bool,
    out: &mut Text,
) -> Result<(), EmitError> {
    Printer { out, indent, as_sops, trail: Trail::default() }.node(node)
}

struct Printer<'p> {
    out: &'p mut Text,
    indent: &'p str,
    as_sops: bool,
    trail: Trail,
}

impl Printer<'_> {
    fn node(&mut self, node: &Node) -> Result<(), EmitError> {
        match node {
            Node::Mapping(entries) => self.object(entries),
            Node::Sequence(items) => self.array(items),
            Node::Scalar(scalar) => self.scalar(scalar.value()),
        }
    }

    fn object(&mut self, entries: &[Entry]) -> Result<(), EmitError> {
        self.out.push("{");
        let mut is_empty = true;
        for entry in entries {
            let Entry::Pair { key, value } = entry else { continue };
            self.trail.enter_key(key)?;
            self.next(&mut is_empty);
            self.string(key);
            self.out.push(": ");
            self.node(value)?;
            self.trail.leave();
        }
        self.end(is_empty);
        self.out.push("}");
        Ok(())
    }

    fn array(&mut self, items: &[Item]) -> Result<(), EmitError> {
        self.out.push("[");
        let mut is_empty = true;
        let nodes = items.iter().filter_map(|item| match item {
            Item::Node(node) => Some(node),
            Item::Comment(_) => None,
        });
        for (index, node) in nodes.enumerate() {
            self.trail.enter_index(index)?;
            self.next(&mut is_empty);
            self.node(node)?;
            self.trail.leave();
        }
        self.end(is_empty);
        self.out.push("]");
        Ok(())
    }

    /// Between two members, and before the first.
    fn next(&mut self, is_empty: &mut bool) {
        if !std::mem::replace(is_empty, false) {
            self.out.push(",");
        }
        self.line(self.trail.depth());
    }

    fn end(&mut self, is_empty: bool) {
        if !is_empty {
            self.line(self.trail.depth());
        }
    }

    fn line(&mut self, depth: usize) {
        self.out.push("\n");
        for _ in 0..depth {
            self.out.push(self.indent);
        }
    }

    fn scalar(&mut self, value: &Value<'_>) -> Result<(), EmitError> {
        let no_form = |what| EmitError::NoForm { path: self.trail.path(), format: FORMAT, what };
        match value {
            Value::Null => self.out.push("null"),
            Value::Bool(bool) => self.out.push(if *bool { "true" } else { "false" }),
            Value::Int(int) => self.out.push(&int.to_string()),
            Value::UInt(int) => self.out.push(&int.to_string()),
            Value::Float(float) if !float.is_finite() => {
                return Err(no_form("infinity, nor for what is no number"));
            }
            Value::Float(float) => self.out.push(&json_float(*float)),
            Value::Time(time) => self.string(&time.to_rfc3339()),
            Value::String(text) => self.string(text),
            Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => self.string(text),
                Err(_) if !self.as_sops => return Err(no_form("bytes that are no UTF-8")),
                Err(_) => {
                    // Go replaces each byte, not each sequence.
                    self.out.push("\"");
                    for chunk in bytes.utf8_chunks() {
                        self.escaped(chunk.valid());
                        for _ in chunk.invalid() {
                            self.out.push("\\ufffd");
                        }
                    }
                    self.out.push("\"");
                }
            },
        }
        Ok(())
    }

    fn string(&mut self, text: &str) {
        self.out.push("\"");
        self.escaped(text);
        self.out.push("\"");
    }

    fn escaped(&mut self, text: &str) {
        let mut written = 0;
        for (at, character) in text.char_indices() {
            let escape = match character {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                '\x08' => "\\b",
                '\x0C' => "\\f",
                '\0'..='\x1F' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    &format!("\\u{:04x}", u32::from(character))
                }
                _ => continue,
            };
            self.out.push(&text[written..at]);
            self.out.push(escape);
            written = at + character.len_utf8();
        }
        self.out.push(&text[written..]);
    }
}
