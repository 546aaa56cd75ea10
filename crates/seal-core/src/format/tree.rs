//! Builds the tree of a format that has no nesting of its own.

use crate::document::{Content, Document, Key, Node, NodeId, Scalar, Span, Stream, Style, Value};

/// A tree that grows in preorder.
pub(super) struct Tree<'s> {
    nodes: Vec<Node<'s>>,
    /// The open collections, outermost first, and how many items each has.
    open: Vec<(NodeId, u32)>,
}

impl<'s> Tree<'s> {
    /// A tree whose root is a mapping over the whole source.
    pub(super) fn new(length: usize) -> Self {
        let mut tree = Self { nodes: Vec::new(), open: Vec::new() };
        tree.open(None, Span::new(0, length), Content::Mapping { flow: false });
        tree
    }

    /// Begins a collection; what is added until [`Self::close`] stands in it.
    pub(super) fn open(&mut self, key: Option<Key<'s>>, span: Span, content: Content<'s>) {
        let id = self.push(key, span, content);
        self.open.push((id, 0));
    }

    /// Ends the innermost collection.
    pub(super) fn close(&mut self) {
        if let Some((id, _)) = self.open.pop() {
            self.nodes[id.index()].end = NodeId(self.nodes.len() as u32);
        }
    }

    /// Adds a scalar.
    pub(super) fn scalar(
        &mut self,
        key: Option<Key<'s>>,
        span: Span,
        style: Style,
        value: Value<'s>,
    ) {
        self.push(key, span, Content::Scalar(Scalar { style, value, tag: None }));
    }

    /// Adds a comment.
    pub(super) fn comment(&mut self, span: Span, comment: crate::document::Comment<'s>) {
        self.push(None, span, Content::Comment(comment));
    }

    /// The stream of this one document.
    pub(super) fn finish(mut self, length: usize) -> Stream<'s> {
        while !self.open.is_empty() {
            self.close();
        }
        let span = Span::new(0, length);
        Stream { documents: vec![Document { span, nodes: self.nodes, is_manifest: false }] }
    }

    fn push(&mut self, key: Option<Key<'s>>, span: Span, content: Content<'s>) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        let is_comment = matches!(content, Content::Comment(_));
        let (parent, position) = match self.open.last_mut() {
            Some((parent, items)) => {
                let position = *items;
                *items += u32::from(!is_comment);
                (Some(*parent), position)
            }
            None => (None, 0),
        };
        let end = NodeId(id.0 + 1);
        self.nodes.push(Node { parent, key, position, span, end, content });
        id
    }
}
