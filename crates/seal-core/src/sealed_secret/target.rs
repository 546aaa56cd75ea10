//! What an object is to become: the content, and of which entry of the source each part takes spelling and comments.

use crate::document::{Content, Document, NodeId, Scalar, Stream, Value};
use crate::format::layout::members;

/// An entry of a mapping that is to be.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) value: New,
    /// The entry of the source whose key, quotes and comments it takes over.
    pub(super) origin: Option<NodeId>,
    /// Entries of the source that become part of this one: the comments above them go above it.
    pub(super) joined: Vec<NodeId>,
    /// The comments of the source stay with another entry.
    pub(super) without_comments: bool,
    /// It comes from the secret part, where a comment may be a value that somebody took out.
    pub(super) from_region: bool,
}

/// Its value.
pub(super) enum New {
    /// That of the origin, as it stands.
    Same,
    /// A text. May be a secret.
    Text(zeroize::Zeroizing<String>),
    /// A mapping.
    Map(Vec<Entry>),
}

impl std::fmt::Debug for New {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Same => f.write_str("Same"),
            Self::Text(_) => f.write_str("Text(<redacted>)"),
            Self::Map(entries) => f.debug_tuple("Map").field(entries).finish(),
        }
    }
}

impl Entry {
    /// One that the source does not have.
    pub(super) fn new(key: impl Into<String>, value: New) -> Self {
        Self {
            key: key.into(),
            value,
            origin: None,
            joined: Vec::new(),
            without_comments: false,
            from_region: false,
        }
    }

    /// One in the place of an entry of the source.
    pub(super) fn of(key: impl Into<String>, value: New, origin: NodeId) -> Self {
        Self { origin: Some(origin), ..Self::new(key, value) }
    }

    /// An entry of the source as it stands.
    pub(super) fn same(document: &Document<'_>, origin: NodeId) -> Self {
        let key =
            document.node(origin).key.as_ref().map_or_else(String::new, |key| key.text.to_string());
        Self::of(key, New::Same, origin)
    }
}

impl New {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(zeroize::Zeroizing::new(text.into()))
    }
}

/// Two readings, before and after a rewriting.
pub(super) struct Proof<'p, 'b, 'a> {
    pub(super) before: &'p Stream<'b>,
    /// Index of the document of the origins.
    pub(super) document: usize,
    pub(super) after: &'p Stream<'a>,
}

impl Proof<'_, '_, '_> {
    /// Whether what stands at a node is what was wanted there, whatever the order of keys.
    pub(super) fn holds(&self, entries: &[Entry], (document, mapping): (usize, NodeId)) -> bool {
        let Some(after) = self.after.documents.get(document) else { return false };
        let is_mapping = matches!(after.node(mapping).content, Content::Mapping { .. });
        is_mapping
            && members(after, mapping).count() == entries.len()
            && entries.iter().all(|entry| {
                let Some(node) = after.entry(mapping, &entry.key) else { return false };
                match (&entry.value, entry.origin) {
                    (New::Text(text), _) => matches!(&after.node(node).content,
                        Content::Scalar(Scalar { value: Value::String(there), .. }) if **there == ***text),
                    (New::Map(entries), _) => self.holds(entries, (document, node)),
                    (New::Same, Some(origin)) => {
                        let (before, after) = ((self.before, self.document, origin), (self.after, document, node));
                        same(before, after, 0)
                    }
                    (New::Same, None) => false,
                }
            })
    }
}

/// A node of a stream, aliases followed.
type Place<'p, 's> = (&'p Stream<'s>, usize, NodeId);

/// Nesting beyond which two values are not compared any more: deeper documents cannot be read.
const MAX_DEPTH: usize = 1_000;

fn same(before: Place<'_, '_>, after: Place<'_, '_>, depth: usize) -> bool {
    let (Some(before), Some(after)) = (resolved(before), resolved(after)) else { return false };
    let (one, other) = (&before.0.documents[before.1], &after.0.documents[after.1]);
    if depth > MAX_DEPTH {
        return false;
    }
    match (&one.node(before.2).content, &other.node(after.2).content) {
        (Content::Mapping { .. }, Content::Mapping { .. })
        | (Content::Sequence { .. }, Content::Sequence { .. }) => {
            let mut ones = members(one, before.2);
            let mut others = members(other, after.2);
            loop {
                match (ones.next(), others.next()) {
                    (None, None) => return true,
                    (Some(a), Some(b)) => {
                        let key = |document: &Document<'_>, id: NodeId| {
                            document.node(id).key.as_ref().map(|key| key.text.to_string())
                        };
                        let below = ((before.0, before.1, a), (after.0, after.1, b));
                        if key(one, a) != key(other, b) || !same(below.0, below.1, depth + 1) {
                            return false;
                        }
                    }
                    _ => return false,
                }
            }
        }
        (Content::Scalar(a), Content::Scalar(b)) => {
            a.tag == b.tag
                && a.value.value_type() == b.value.value_type()
                && *a.value.canonical() == *b.value.canonical()
        }
        _ => false,
    }
}

fn resolved<'p, 's>(place: Place<'p, 's>) -> Option<Place<'p, 's>> {
    let (stream, document, node) = place;
    match &stream.documents.get(document)?.node(node).content {
        Content::Alias { of_key: true, .. } => None,
        // An alias never leads to another one.
        Content::Alias { document, node, .. } => Some((stream, *document, *node)),
        _ => Some(place),
    }
}
