//! A decrypted file as SOPS holds it: documents, entries, comments, typed values; no spans and no format.

use std::borrow::Cow;

use zeroize::{Zeroize, Zeroizing};

use crate::document::Value;

/// A decrypted file, whatever its format.
#[derive(Debug, Default)]
pub struct Tree {
    /// The entries at the top of each document. An empty document has none.
    pub documents: Vec<Vec<Entry>>,
    /// A comment on a key stands behind its entry, as SOPS lists the comments of INI files; else it stands before it.
    pub comments_follow: bool,
}

/// What stands in a mapping.
#[derive(Debug)]
pub enum Entry {
    /// One comment line.
    Comment(Comment),
    /// A key with its value.
    Pair {
        /// The key; SOPS knows texts only.
        key: Box<str>,
        /// The value.
        value: Node,
    },
}

/// What stands in a sequence.
#[derive(Debug)]
pub enum Item {
    /// One comment line.
    Comment(Comment),
    /// An item.
    Node(Node),
}

/// A value of a key, or an item.
#[derive(Debug)]
pub enum Node {
    /// A mapping, in order. JSON and INI may have a key in it twice.
    Mapping(Vec<Entry>),
    /// A sequence.
    Sequence(Vec<Item>),
    /// A scalar.
    Scalar(Scalar),
}

/// A comment line, wiped when it is dropped.
pub struct Comment {
    /// The text behind the mark, blanks included.
    pub text: Zeroizing<String>,
    /// It stands behind the value of the next entry or item, on its line.
    pub inline: bool,
}

/// A typed value, wiped when it is dropped.
pub struct Scalar(Value<'static>);

impl Scalar {
    /// Takes over a value.
    pub fn new(value: Value<'static>) -> Self {
        Self(value)
    }

    /// Copies a value.
    pub fn copy_of(value: &Value<'_>) -> Self {
        Self(value.to_static())
    }

    /// The value.
    pub fn value(&self) -> &Value<'static> {
        &self.0
    }
}

impl Drop for Scalar {
    fn drop(&mut self) {
        match &mut self.0 {
            Value::String(Cow::Owned(text)) => text.zeroize(),
            Value::Bytes(bytes) => bytes.zeroize(),
            Value::Int(int) => int.zeroize(),
            Value::UInt(int) => int.zeroize(),
            Value::Float(float) => float.zeroize(),
            _ => {}
        }
    }
}

impl Comment {
    /// A comment on a line of its own.
    pub fn new(text: &str) -> Self {
        Self { text: Zeroizing::new(text.to_owned()), inline: false }
    }
}

impl std::fmt::Debug for Comment {
    // A comment may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Comment(<redacted>)")
    }
}

impl std::fmt::Debug for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.0, f)
    }
}

/// Entries whose comments follow them, each comment before its entry.
pub(super) fn comments_first(entries: &[Entry]) -> Vec<&Entry> {
    let mut ordered: Vec<&Entry> = Vec::with_capacity(entries.len());
    let mut pair = None;
    for entry in entries {
        if matches!(entry, Entry::Pair { .. }) {
            ordered.extend(pair.replace(entry));
        } else {
            ordered.push(entry);
        }
    }
    ordered.extend(pair);
    ordered
}

/// Entries with their comments before them, each comment behind its entry. Those before the first entry stay.
pub(super) fn comments_behind(entries: &[Entry]) -> Vec<&Entry> {
    let mut ordered: Vec<&Entry> = Vec::with_capacity(entries.len());
    let mut comments = Vec::new();
    let mut has_pair = false;
    for entry in entries {
        match entry {
            Entry::Comment(_) if !has_pair => {
                ordered.push(entry);
            }
            Entry::Comment(_) => comments.push(entry),
            Entry::Pair { .. } => {
                has_pair = true;
                ordered.push(entry);
                ordered.append(&mut comments);
            }
        }
    }
    ordered.append(&mut comments);
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_no_value_and_no_comment() {
        let tree = Tree {
            documents: vec![vec![
                Entry::Comment(Comment::new(" hunter2")),
                Entry::Pair {
                    key: "password".into(),
                    value: Node::Scalar(Scalar::new(Value::String("hunter2".into()))),
                },
            ]],
            comments_follow: false,
        };
        let shown = format!("{tree:?}");
        assert!(shown.contains("password") && !shown.contains("hunter2"), "{shown}");
    }
}
