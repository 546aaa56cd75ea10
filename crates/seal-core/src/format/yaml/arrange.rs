//! Comments become nodes, in the order in which SOPS's reader lists them.
//!
//! SOPS walks go-yaml's nodes and turns each comment line into an entry of a container: of a key before or behind
//! the entry, of a scalar value likewise, of a collection inside it at its start or end. The container decides the
//! additional data of an encrypted comment.

use super::compose::{Composed, Notes};
use super::event::Remarks;
use crate::document::{Comment, Content, Node, NodeId, Span};

/// A document whose comments are nodes.
pub(super) struct Arranged<'s> {
    pub(super) start: usize,
    pub(super) nodes: Vec<Node<'s>>,
    /// Old index → new index, where they changed and something may point at them.
    pub(super) map: Option<Vec<u32>>,
}

/// Builds the final list of nodes; the comment lines that became nodes are added to `placed`.
pub(super) fn arrange<'s>(
    text: &'s str,
    composed: Composed<'_, 's>,
    placed: &mut Vec<Span>,
) -> Arranged<'s> {
    let Composed { start, nodes, notes, remarks, anchored } = composed;
    if notes.is_empty() && remarks.is_empty() {
        return Arranged { start, nodes: exactly(nodes), map: None };
    }
    let of_nodes = notes.iter().flatten().map(|notes| notes.key.rows() + notes.value.rows());
    let comments = of_nodes.sum::<usize>() + remarks.rows();
    let mut arranger = Arranger {
        text,
        document: &remarks,
        nodes: Vec::with_capacity(nodes.len() + comments),
        placed,
        open: Vec::new(),
    };
    let mut map = anchored.then(|| Vec::with_capacity(nodes.len()));
    let last = nodes.len();
    for (old, node) in nodes.drain(..).enumerate() {
        arranger.close_up_to(old);
        let new = arranger.place(node, notes.get_mut(old).and_then(Option::take));
        if let Some(map) = &mut map {
            map.push(new);
        }
    }
    arranger.close_up_to(last);
    Arranged { start, nodes: arranger.nodes, map }
}

/// The nodes in a list of exactly their number. What they leave behind is used again, unless it is large.
fn exactly<'s>(nodes: &mut Vec<Node<'s>>) -> Vec<Node<'s>> {
    const LARGE: usize = 1 << 14;
    let mut exact;
    if nodes.len() < LARGE {
        exact = Vec::with_capacity(nodes.len());
        exact.append(nodes);
    } else {
        exact = std::mem::take(nodes);
        exact.shrink_to_fit();
    }
    exact
}

struct Arranger<'p, 's> {
    text: &'s str,
    /// Comments of the document as a whole.
    document: &'p Remarks,
    nodes: Vec<Node<'s>>,
    placed: &'p mut Vec<Span>,
    open: Vec<Open>,
}

/// A collection whose children are being listed.
struct Open {
    new: u32,
    old_end: usize,
    children: u32,
    /// Its own comments stand in it, not in its parent.
    inside: bool,
    /// Those that are still to come.
    notes: Option<Box<Notes>>,
}

impl<'s> Arranger<'_, 's> {
    /// Lists a node behind the comments before it; returns its index.
    fn place(&mut self, mut node: Node<'s>, mut notes: Option<Box<Notes>>) -> u32 {
        let document = self.document;
        let collection = matches!(node.content, Content::Mapping { .. } | Content::Sequence { .. });
        let is_root = node.parent.is_none();
        let inside = collection && (is_root || node.key.is_some());

        if is_root && !collection {
            self.comments(&document.head);
            self.comments(&document.line);
        }
        if let Some(notes) = &notes {
            self.comments(&notes.key.head);
            self.comments(&notes.key.line);
            if !inside {
                self.comments(&notes.value.head);
                self.comments(&notes.value.line);
            }
        }
        let new = self.nodes.len() as u32;
        if let Some(parent) = self.open.last_mut() {
            node.parent = Some(NodeId(parent.new));
            node.position = parent.children;
            parent.children += 1;
        }
        let old_end = node.end.index();
        node.end = NodeId(new + 1);
        self.nodes.push(node);

        if collection {
            let first = notes.as_mut().filter(|_| inside).map(|notes| {
                let value = &mut notes.value;
                [std::mem::take(&mut value.head), std::mem::take(&mut value.line)]
            });
            self.open.push(Open { new, old_end, children: 0, inside, notes });
            if is_root {
                self.comments(&document.head);
                self.comments(&document.line);
            }
            for rows in first.iter().flatten() {
                self.comments(rows);
            }
        } else {
            if let Some(notes) = &notes {
                self.comments(&notes.value.foot);
                self.comments(&notes.key.foot);
            }
            if is_root {
                self.comments(&document.foot);
            }
        }
        new
    }

    /// Ends the collections whose last node stands before `old`.
    fn close_up_to(&mut self, old: usize) {
        while let Some(open) = self.open.last_mut().filter(|open| open.old_end <= old) {
            let (new, inside, notes) = (open.new, open.inside, open.notes.take());
            if let (true, Some(notes)) = (inside, &notes) {
                self.comments(&notes.value.foot);
            }
            if self.open.len() == 1 {
                let document = self.document;
                self.comments(&document.foot);
            }
            self.nodes[new as usize].end = NodeId(self.nodes.len() as u32);
            self.open.pop();
            if let Some(notes) = &notes {
                if !inside {
                    self.comments(&notes.value.foot);
                }
                self.comments(&notes.key.foot);
            }
        }
    }

    fn comments(&mut self, rows: &[Option<Span>]) {
        for span in rows.iter().flatten() {
            let (parent, position) = match self.open.last() {
                Some(open) => (Some(NodeId(open.new)), open.children),
                None => (None, 0),
            };
            let id = self.nodes.len() as u32;
            let place = Place { parent, position, id };
            self.nodes.push(comment_node(self.text, *span, place, false));
            self.placed.push(*span);
        }
    }
}

/// The place of a comment among the nodes.
pub(super) struct Place {
    pub(super) parent: Option<NodeId>,
    pub(super) position: u32,
    pub(super) id: u32,
}

/// A comment line as a node; `dropped` where go-yaml loses it.
pub(super) fn comment_node(text: &str, span: Span, place: Place, dropped: bool) -> Node<'_> {
    let before = text[..span.start].trim_end_matches([' ', '\t']);
    let inline = !before.is_empty() && !before.ends_with(['\n', '\r']);
    let text = &text[span.start + 1..span.end];
    Node {
        parent: place.parent,
        key: None,
        position: place.position,
        span,
        end: NodeId(place.id + 1),
        content: Content::Comment(Comment { text, inline, dropped }),
    }
}
