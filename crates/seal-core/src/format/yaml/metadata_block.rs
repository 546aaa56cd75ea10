//! Writes the `sops` block of a YAML document, byte for byte as SOPS 3.13 does.
//!
//! What go-yaml would write in a way that no envelope needs (a literal text that begins with a blank, say) comes out
//! double-quoted instead: always the same value, never a plain scalar that reads back as something else.

use super::quoting::{self, Quoting};
use crate::envelope::Field;

/// Returns `sops:` and the block below it.
///
/// `fields` is the mapping of [`Metadata::fields`](crate::envelope::Metadata::fields). Each line but empty ones begins with
/// `column` spaces, and each ends with `newline`. `step` is the `stores.yaml.indent` of `.sops.yaml`: as for SOPS, 0 means
/// 4, and 1 or more than 9 mean 2.
pub fn write(fields: &Field, column: usize, step: usize, newline: &str) -> String {
    let step = match step {
        0 => DEFAULT_STEP,
        2..=9 => step,
        _ => 2,
    };
    let mut block = Block { text: String::new(), column, step, newline };
    block.start(0);
    block.text.push_str("sops:");
    block.value(fields, 0);
    block.text
}

/// The indentation that SOPS chooses unless `.sops.yaml` says otherwise.
const DEFAULT_STEP: usize = 4;

struct Block<'a> {
    text: String,
    column: usize,
    /// Blanks per level.
    step: usize,
    newline: &'a str,
}

impl Block<'_> {
    fn start(&mut self, indent: usize) {
        self.text.extend(std::iter::repeat_n(' ', self.column + indent));
    }

    fn end(&mut self) {
        self.text.push_str(self.newline);
    }

    /// Writes a value behind its key, which stands at `indent`.
    fn value(&mut self, value: &Field, indent: usize) {
        // go-yaml goes to the next multiple: entries of a list's item stand two spaces right of its dash.
        let inner = (indent / self.step + 1) * self.step;
        if is_block(value) {
            self.end();
            self.start(inner);
            self.collection(value, inner);
        } else {
            self.text.push(' ');
            self.scalar(value, inner);
        }
    }

    /// Writes a collection whose first line has its indentation already.
    fn collection(&mut self, collection: &Field, indent: usize) {
        match collection {
            Field::Map(entries) => {
                for (index, (key, value)) in entries.iter().enumerate() {
                    if index > 0 {
                        self.start(indent);
                    }
                    self.key(key);
                    self.value(value, indent);
                }
            }
            Field::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.start(indent);
                    }
                    self.text.push_str("- ");
                    if is_block(item) {
                        self.collection(item, indent + 2);
                    } else {
                        self.scalar(item, indent + self.step);
                    }
                }
            }
            Field::Text(_) | Field::Int(_) | Field::Bool(_) => self.scalar(collection, indent),
        }
    }

    fn key(&mut self, key: &str) {
        match quoting::quoting(key) {
            // A literal text cannot be a key.
            Quoting::Literal | Quoting::Double => self.double_quoted(key),
            Quoting::Single => self.single_quoted(key),
            Quoting::Plain => self.text.push_str(key),
        }
        self.text.push(':');
    }

    /// Writes what fits behind a key, and ends the line. Lines of a literal text stand at `indent`.
    fn scalar(&mut self, scalar: &Field, indent: usize) {
        match scalar {
            Field::Text(text) => match quoting::quoting(text) {
                Quoting::Literal => return self.literal(text, indent),
                Quoting::Double => self.double_quoted(text),
                Quoting::Single => self.single_quoted(text),
                Quoting::Plain => self.text.push_str(text),
            },
            Field::Int(int) => self.text.push_str(&int.to_string()),
            Field::Bool(flag) => self.text.push_str(if *flag { "true" } else { "false" }),
            Field::List(_) => self.text.push_str("[]"),
            Field::Map(_) => self.text.push_str("{}"),
        }
        self.end();
    }

    fn literal(&mut self, text: &str, indent: usize) {
        let body = text.strip_suffix('\n');
        self.text.push_str(if body.is_some() { "|" } else { "|-" });
        self.end();
        for line in body.unwrap_or(text).split('\n') {
            if !line.is_empty() {
                self.start(indent);
                self.text.push_str(line);
            }
            self.end();
        }
    }

    fn single_quoted(&mut self, text: &str) {
        self.text.push('\'');
        self.text.push_str(&text.replace('\'', "''"));
        self.text.push('\'');
    }

    fn double_quoted(&mut self, text: &str) {
        quoting::write_double_quoted(text, &mut |part| self.text.push_str(part));
    }
}

fn is_block(field: &Field) -> bool {
    match field {
        Field::Map(entries) => !entries.is_empty(),
        Field::List(items) => !items.is_empty(),
        Field::Text(_) | Field::Int(_) | Field::Bool(_) => false,
    }
}

#[cfg(test)]
mod tests;
