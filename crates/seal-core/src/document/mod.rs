//! One ordered tree for every format: leaves (scalars and comments) with paths, types and byte spans.
//!
//! The order is SOPS's: a comment stands where SOPS's reader puts it, because that decides the container whose path
//! authenticates it. The tree is a flat list in preorder; the children of a node follow it directly.

use std::borrow::Cow;
use std::ops::Range;

pub(crate) mod float;
pub mod lookup;
pub mod path;
pub mod timestamp;
pub mod value;

pub use lookup::LookupError;
pub use path::{Path, PathElement, PathError};
pub use timestamp::Timestamp;
pub use value::Value;

/// Bytes `start..end` of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// Bytes `start..end`.
    pub fn new(start: usize, end: usize) -> Self {
        debug_assert!(start <= end);
        Self { start, end }
    }

    /// The same as a range, to index a slice with.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// Where a byte stands, for messages: both numbers count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

impl Position {
    /// Finds the position of the byte at `offset`; past the end it is the end.
    pub fn of(source: &[u8], offset: usize) -> Self {
        let before = &source[..offset.min(source.len())];
        let line = 1 + memchr::memchr_iter(b'\n', before).count();
        let start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        let characters = before[start..].iter().filter(|byte| **byte & 0xC0 != 0x80).count();
        Self { line, column: 1 + characters }
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Index of a node in its [`Document`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The outermost node.
    pub const ROOT: Self = Self(0);

    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// All documents of one source.
#[derive(Debug, Default)]
pub struct Stream<'s> {
    /// In source order; formats other than YAML have exactly one.
    pub documents: Vec<Document<'s>>,
}

/// One document as a tree.
#[derive(Debug)]
pub struct Document<'s> {
    /// Bytes that belong to this document: from its `---` (or the start of the source) to the next one's.
    pub span: Span,
    /// In preorder. Never empty: an empty document is one null scalar.
    pub nodes: Vec<Node<'s>>,
    /// Its format can hold Kubernetes objects: YAML and JSON.
    pub is_manifest: bool,
}

/// One node: a collection, a scalar, a comment or an alias.
#[derive(Debug)]
pub struct Node<'s> {
    /// The collection it stands in; `None` for the root and for comments beside the root.
    pub parent: Option<NodeId>,
    /// Its key, where the parent is a mapping and this is not a comment.
    pub key: Option<Key<'s>>,
    /// Its place among its siblings, comments not counted.
    pub position: u32,
    /// Its own text, without tag and anchor. For a collection: from its first to its last byte.
    pub span: Span,
    /// One past the last node below it.
    pub end: NodeId,
    /// What it is.
    pub content: Content<'s>,
}

/// Key of a mapping's entry.
#[derive(Debug)]
pub struct Key<'s> {
    /// The decoded text.
    pub text: Cow<'s, str>,
    /// Where it stands.
    pub span: Span,
    /// False for keys like `1` or `true` that are no strings; SOPS refuses those.
    pub is_string: bool,
}

/// What a node is.
#[derive(Debug)]
pub enum Content<'s> {
    /// A mapping; `flow` means `{…}`, which all of JSON's are.
    Mapping {
        /// Written as `{…}`.
        flow: bool,
    },
    /// A sequence; `flow` means `[…]`.
    Sequence {
        /// Written as `[…]`.
        flow: bool,
    },
    /// A value.
    Scalar(Scalar<'s>),
    /// One comment line.
    Comment(Comment<'s>),
    /// `*name`, a second use of an anchored node, which may stand in an earlier document.
    Alias {
        /// Index of the document of the anchored node.
        document: usize,
        /// The anchored node.
        node: NodeId,
        /// The anchor stands on that node's key, and the alias means the key's text.
        of_key: bool,
    },
}

/// A scalar value and how it is written.
#[derive(Debug)]
pub struct Scalar<'s> {
    /// How it is written.
    pub style: Style,
    /// What it means.
    pub value: Value<'s>,
    /// The explicit tag in its short form (`!!int`, `!custom`), where there is one.
    pub tag: Option<Box<str>>,
}

/// How a scalar is written. JSON strings are double-quoted, other JSON scalars plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// `'…'`
    SingleQuoted,
    /// `"…"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// One comment line.
#[derive(Debug)]
pub struct Comment<'s> {
    /// The text after `#`.
    pub text: &'s str,
    /// It stands behind something on the same line.
    pub inline: bool,
    /// SOPS's reader does not see it at all, and loses it.
    pub dropped: bool,
}

impl<'s> Document<'s> {
    /// The outermost node that is not a comment.
    pub fn root(&self) -> NodeId {
        let root = self
            .nodes
            .iter()
            .position(|node| node.parent.is_none() && !matches!(node.content, Content::Comment(_)));
        NodeId(root.unwrap_or(0) as u32)
    }

    /// A node by its index.
    pub fn node(&self, id: NodeId) -> &Node<'s> {
        &self.nodes[id.index()]
    }

    /// Direct children of a collection in order, comments included.
    pub fn children(&self, id: NodeId) -> Children<'_, 's> {
        Children { document: self, next: NodeId(id.0 + 1), end: self.node(id).end }
    }

    /// The entry of a mapping with that key.
    pub fn entry(&self, mapping: NodeId, key: &str) -> Option<NodeId> {
        if !matches!(self.node(mapping).content, Content::Mapping { .. }) {
            return None;
        }
        self.children(mapping)
            .find(|child| self.node(*child).key.as_ref().is_some_and(|k| k.text == key))
    }

    /// The string at a path of keys from the root, if it is one.
    pub fn string_at(&self, keys: &[&str]) -> Option<&str> {
        let mut node = self.root();
        for key in keys {
            node = self.entry(node, key)?;
        }
        match &self.node(node).content {
            Content::Scalar(Scalar { value: Value::String(text), .. }) => Some(text),
            _ => None,
        }
    }

    /// Path of a node from the root. A comment has the path of its container.
    pub fn path(&self, id: NodeId) -> Path {
        self.path_until(None, id)
    }

    /// Path of a node from one above it.
    pub(crate) fn path_below(&self, top: NodeId, id: NodeId) -> Path {
        self.path_until(Some(top), id)
    }

    fn path_until(&self, top: Option<NodeId>, id: NodeId) -> Path {
        let mut elements = Vec::new();
        let mut at = id;
        while let Some(parent) = self.node(at).parent.filter(|_| Some(at) != top) {
            let node = self.node(at);
            match (&node.key, &node.content) {
                (_, Content::Comment(_)) => {}
                (Some(key), _) => elements.push(PathElement::Key(key.text.as_ref().into())),
                (None, _) => elements.push(PathElement::Index(node.position as usize)),
            }
            at = parent;
        }
        elements.reverse();
        Path(elements)
    }
}

/// Iterator over the direct children of a node.
#[derive(Debug)]
pub struct Children<'d, 's> {
    document: &'d Document<'s>,
    next: NodeId,
    end: NodeId,
}

impl Iterator for Children<'_, '_> {
    type Item = NodeId;

    fn next(&mut self) -> Option<NodeId> {
        if self.next >= self.end {
            return None;
        }
        let id = self.next;
        self.next = self.document.node(id).end;
        Some(id)
    }
}

/// Replaces the bytes of a span.
#[derive(Clone, PartialEq, Eq)]
pub struct Edit {
    /// What goes.
    pub span: Span,
    /// What comes instead.
    pub text: Vec<u8>,
}

impl std::fmt::Debug for Edit {
    // The text may be a decrypted value.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Edit({}..{}, <redacted>)", self.span.start, self.span.end)
    }
}

/// Applies edits that do not overlap, in any order, to `source[range]`.
pub fn apply(source: &[u8], range: Range<usize>, mut edits: Vec<Edit>) -> Vec<u8> {
    edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    let added: usize = edits.iter().map(|edit| edit.text.len()).sum();
    let mut out = Vec::with_capacity(range.len() + added);
    let mut copied = range.start;
    for edit in &mut edits {
        debug_assert!(copied <= edit.span.start, "edits overlap");
        out.extend_from_slice(&source[copied..edit.span.start]);
        out.append(&mut edit.text);
        copied = edit.span.end;
    }
    out.extend_from_slice(&source[copied..range.end]);
    out
}
