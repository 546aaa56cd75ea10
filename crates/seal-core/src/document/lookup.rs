//! Finds the node at a path.

use super::path::{self, Printable};
use super::{Content, Document, NodeId, Path, PathElement};

/// How many keys a message lists at most.
const LISTED_KEYS: usize = 10;

/// Nothing stands at a path. Keys are named, values never.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The mapping has no such key.
    #[error("no key \"{}\" in {}{}", Printable(key), Container(parent), listed(existing, *more))]
    NoKey {
        /// The mapping.
        parent: Path,
        /// What was looked for.
        key: Box<str>,
        /// The first keys that it has.
        existing: Vec<Box<str>>,
        /// How many more it has.
        more: usize,
    },
    /// The sequence is shorter.
    #[error("no index {index} in {}, which has {length} items", Container(parent))]
    NoIndex {
        /// The sequence.
        parent: Path,
        /// What was looked for.
        index: usize,
        /// Number of its items.
        length: usize,
    },
    /// A key was given where there is a sequence.
    #[error("{} is a list; an index is needed there, not a key", Container(parent))]
    NotAMapping {
        /// The sequence.
        parent: Path,
    },
    /// An index was given where there is a mapping.
    #[error("{} is a mapping; a key is needed there, not an index", Container(parent))]
    NotASequence {
        /// The mapping.
        parent: Path,
    },
    /// The path goes on below a value.
    #[error("{} is a value; nothing is below it", Container(parent))]
    BelowAValue {
        /// The value.
        parent: Path,
    },
    /// The path goes on below a YAML alias.
    #[error("{} is an alias; give the path of what it repeats", Container(parent))]
    BelowAnAlias {
        /// The alias.
        parent: Path,
    },
}

impl Document<'_> {
    /// Returns the node at `path`, seen from the root.
    ///
    /// A key of digits means an index where it meets a sequence. An alias at the very end is returned as it is.
    pub fn lookup(&self, path: &Path) -> Result<NodeId, LookupError> {
        self.lookup_from(self.root(), path)
    }

    /// Returns the node at `path`, seen from another node.
    ///
    /// # Errors
    /// As for [`Self::lookup`].
    pub fn lookup_from(&self, top: NodeId, path: &Path) -> Result<NodeId, LookupError> {
        let mut node = top;
        for element in &path.0 {
            node = self.step(node, element)?;
        }
        Ok(node)
    }

    fn step(&self, from: NodeId, element: &PathElement) -> Result<NodeId, LookupError> {
        let parent = || self.path(from);
        match (&self.node(from).content, element) {
            (Content::Mapping { .. }, PathElement::Key(key)) => {
                self.entry(from, key).ok_or_else(|| self.no_key(from, key))
            }
            (Content::Mapping { .. }, PathElement::Index(_)) => {
                Err(LookupError::NotASequence { parent: parent() })
            }
            (Content::Sequence { .. }, PathElement::Index(index)) => self.item(from, *index),
            (Content::Sequence { .. }, PathElement::Key(key)) => match path::index(key) {
                Some(index) => self.item(from, index),
                None => Err(LookupError::NotAMapping { parent: parent() }),
            },
            (Content::Alias { .. }, _) => Err(LookupError::BelowAnAlias { parent: parent() }),
            (Content::Scalar(_) | Content::Comment(_), _) => {
                Err(LookupError::BelowAValue { parent: parent() })
            }
        }
    }

    fn item(&self, sequence: NodeId, index: usize) -> Result<NodeId, LookupError> {
        let mut items = self
            .children(sequence)
            .filter(|child| !matches!(self.node(*child).content, Content::Comment(_)));
        items.nth(index).ok_or_else(|| LookupError::NoIndex {
            parent: self.path(sequence),
            index,
            length: self
                .children(sequence)
                .filter(|child| !matches!(self.node(*child).content, Content::Comment(_)))
                .count(),
        })
    }

    fn no_key(&self, mapping: NodeId, key: &str) -> LookupError {
        let mut keys = self
            .children(mapping)
            .filter_map(|child| self.node(child).key.as_ref())
            .map(|key| key.text.as_ref().into());
        let existing: Vec<Box<str>> = keys.by_ref().take(LISTED_KEYS).collect();
        LookupError::NoKey {
            parent: self.path(mapping),
            key: key.into(),
            existing,
            more: keys.count(),
        }
    }
}

/// A path in a message, where the empty one needs a name.
struct Container<'p>(&'p Path);

impl std::fmt::Display for Container<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.0.is_empty() { f.write_str("the document") } else { self.0.fmt(f) }
    }
}

fn listed(existing: &[Box<str>], more: usize) -> String {
    if existing.is_empty() {
        return ", which is empty".to_owned();
    }
    let keys: Vec<_> = existing.iter().map(|key| format!("\"{}\"", Printable(key))).collect();
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("; it has {}{tail}", keys.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Scalar, Stream, Value};
    use crate::format::json;

    const SOURCE: &[u8] =
        br#"{"a": {"0": "key zero", "b/c": [10, [20, 30]]}, "list": [], "none": {}}"#;

    fn stream() -> Stream<'static> {
        json::parse(SOURCE).unwrap()
    }

    fn message(path: &str) -> String {
        stream().documents[0].lookup(&Path::parse(path).unwrap()).unwrap_err().to_string()
    }

    fn int_at(path: &str) -> i64 {
        let stream = stream();
        let document = &stream.documents[0];
        let node = document.lookup(&Path::parse(path).unwrap()).unwrap();
        match document.node(node).content {
            Content::Scalar(Scalar { value: Value::Int(int), .. }) => int,
            _ => panic!("no integer at {path}"),
        }
    }

    #[test]
    fn digits_are_an_index_in_a_sequence_and_a_key_in_a_mapping() {
        assert_eq!(int_at("a/b~1c/0"), 10);
        assert_eq!(int_at("a/b~1c/1/1"), 30);
        assert_eq!(int_at(r#"["a"]["b/c"][1][0]"#), 20);
        let stream = stream();
        let document = &stream.documents[0];
        let node = document.lookup(&Path::parse("a/0").unwrap()).unwrap();
        assert_eq!(document.path(node).to_string(), r#"["a"]["0"]"#);
    }

    #[test]
    fn every_node_is_found_at_its_own_path() {
        let stream = stream();
        let document = &stream.documents[0];
        for index in 0..document.nodes.len() {
            let id = NodeId(index as u32);
            assert_eq!(document.lookup(&document.path(id)), Ok(id));
        }
    }

    #[test]
    fn says_which_step_failed_and_names_the_keys_there_are() {
        assert_eq!(message("x"), r#"no key "x" in the document; it has "a", "list", "none""#);
        assert_eq!(message("a/x/y"), r#"no key "x" in ["a"]; it has "0", "b/c""#);
        assert_eq!(message("none/x"), r#"no key "x" in ["none"], which is empty"#);
        assert_eq!(message("a/b~1c/2"), r#"no index 2 in ["a"]["b/c"], which has 2 items"#);
        assert_eq!(message("list/x"), r#"["list"] is a list; an index is needed there, not a key"#);
        assert_eq!(
            message("[0]"),
            "the document is a mapping; a key is needed there, not an index"
        );
    }

    #[test]
    fn never_shows_a_value() {
        assert_eq!(message("a/0/x"), r#"["a"]["0"] is a value; nothing is below it"#);
    }

    #[test]
    fn lists_ten_keys_at_most() {
        let members: Vec<_> = (0..14).map(|n| format!("\"k{n:02}\":1")).collect();
        let source = format!("{{{}}}", members.join(","));
        let stream = json::parse(source.as_bytes()).unwrap();
        let error = stream.documents[0].lookup(&Path::parse("x").unwrap()).unwrap_err();
        assert!(error.to_string().ends_with(r#""k08", "k09" and 4 more"#), "{error}");
    }
}
