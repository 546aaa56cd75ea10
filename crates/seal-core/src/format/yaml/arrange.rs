//! Comments become nodes, in the order in which SOPS's reader lists them.
//!
//! SOPS walks go-yaml's nodes and turns each comment line into an entry of a container: of a key before or behind
//! the entry, of a scalar value likewise, of a collection inside it at its start or end. The container decides the
//! additional data of an encrypted comment.

use super::comments::Rows;
use super::compose::{Composed, Notes};
use super::parser::Remarks;
use crate::document::{Comment, Content, Node, NodeId, Span};

/// A document whose comments are nodes.
pub(super) struct Arranged<'s> {
    pub(super) nodes: Vec<Node<'s>>,
    /// Old index → new index, if they changed.
    pub(super) map: Option<Vec<u32>>,
}

/// Builds the final list of nodes; the comment lines that became nodes are added to `placed`.
pub(super) fn arrange<'s>(
    text: &'s str,
    composed: Composed<'s>,
    placed: &mut Vec<Span>,
) -> Arranged<'s> {
    if composed.notes.is_empty() && composed.remarks.is_empty() {
        return Arranged { nodes: composed.nodes, map: None };
    }
    let mut arranger = Arranger::new(text, composed.nodes.len());
    arranger.run(composed.nodes, composed.notes, &composed.remarks);
    placed.append(&mut arranger.placed);
    Arranged { nodes: arranger.nodes, map: Some(arranger.map) }
}

/// Adds comments that go-yaml drops (behind an opening bracket, for instance) where they stand: they can hold a
/// secret like any other.
pub(super) fn add_dropped<'s>(
    text: &'s str,
    arranged: Arranged<'s>,
    dropped: &[Span],
) -> Arranged<'s> {
    if dropped.is_empty() {
        return arranged;
    }
    let (nodes, second) = insert_dropped(text, arranged.nodes, dropped);
    let map = match arranged.map {
        Some(map) => map.into_iter().map(|id| second[id as usize]).collect(),
        None => second,
    };
    Arranged { nodes, map: Some(map) }
}

struct Arranger<'s> {
    text: &'s str,
    nodes: Vec<Node<'s>>,
    /// Old index → new index.
    map: Vec<u32>,
    placed: Vec<Span>,
    open: Vec<Open>,
}

/// A collection whose children are being listed.
struct Open {
    new: u32,
    old_end: u32,
    children: u32,
    /// Comments inside at its end.
    inside: Rows,
    /// Comments behind it, in its parent.
    behind: [Rows; 2],
}

impl<'s> Arranger<'s> {
    fn new(text: &'s str, capacity: usize) -> Self {
        Self {
            text,
            nodes: Vec::with_capacity(capacity),
            map: Vec::with_capacity(capacity),
            placed: Vec::new(),
            open: Vec::new(),
        }
    }

    fn run(
        &mut self,
        old: Vec<Node<'s>>,
        mut notes: std::collections::HashMap<u32, Notes>,
        document: &Remarks,
    ) {
        let last = old.len() as u32;
        for (old_id, mut node) in old.into_iter().enumerate() {
            let old_id = old_id as u32;
            self.close_up_to(old_id);
            let Notes { key, mut value } = notes.remove(&old_id).unwrap_or_default();
            let collection =
                matches!(node.content, Content::Mapping { .. } | Content::Sequence { .. });
            let is_root = node.parent.is_none();
            let in_sequence = !is_root && node.key.is_none();
            let comments_inside = collection && !in_sequence;

            if is_root && !collection {
                self.comments(&document.head);
                self.comments(&document.line);
            }
            self.comments(&key.head);
            self.comments(&key.line);
            if !comments_inside {
                self.comments(&value.head);
                self.comments(&value.line);
            }
            let new_id = self.nodes.len() as u32;
            self.map.push(new_id);
            if let Some(parent) = self.open.last_mut() {
                node.parent = Some(NodeId(parent.new));
                node.position = parent.children;
                parent.children += 1;
            }
            let old_end = node.end.0;
            node.end = NodeId(new_id + 1);
            self.nodes.push(node);

            let foot = std::mem::take(&mut value.foot);
            if collection {
                let (mut inside, mut behind) = (Rows::new(), Rows::new());
                if comments_inside {
                    inside = foot
                } else {
                    behind = foot
                }
                if is_root {
                    inside.extend(document.foot.iter().copied());
                }
                let behind = [behind, key.foot];
                self.open.push(Open { new: new_id, old_end, children: 0, inside, behind });
                if is_root {
                    self.comments(&document.head);
                    self.comments(&document.line);
                }
                if comments_inside {
                    self.comments(&value.head);
                    self.comments(&value.line);
                }
            } else {
                self.comments(&foot);
                self.comments(&key.foot);
                if is_root {
                    self.comments(&document.foot);
                }
            }
        }
        self.close_up_to(last);
    }

    fn close_up_to(&mut self, old_id: u32) {
        while self.open.last().is_some_and(|open| open.old_end <= old_id) {
            let Some(mut open) = self.open.pop() else {
                return;
            };
            let inside = std::mem::take(&mut open.inside);
            let behind = std::mem::take(&mut open.behind);
            self.open.push(open);
            self.comments(&inside);
            if let Some(open) = self.open.pop() {
                self.nodes[open.new as usize].end = NodeId(self.nodes.len() as u32);
            }
            for rows in &behind {
                self.comments(rows);
            }
        }
    }

    fn comments(&mut self, rows: &Rows) {
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
struct Place {
    parent: Option<NodeId>,
    position: u32,
    id: u32,
}

fn comment_node<'s>(text: &'s str, span: Span, place: Place, dropped: bool) -> Node<'s> {
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

/// Puts comments that no node took into the innermost collection around them. Returns old index → new index.
fn insert_dropped<'s>(
    text: &'s str,
    nodes: Vec<Node<'s>>,
    dropped: &[Span],
) -> (Vec<Node<'s>>, Vec<u32>) {
    // For each dropped comment: the node before which it goes (or the end), and the container.
    let mut inserts: Vec<(u32, Option<NodeId>, Span)> = Vec::with_capacity(dropped.len());
    let mut by_start: Vec<u32> = (0..nodes.len() as u32).collect();
    by_start.sort_by_key(|id| (nodes[*id as usize].span.start, *id));
    for span in dropped {
        let after = by_start.partition_point(|id| nodes[*id as usize].span.start <= span.start);
        let mut container = None;
        let mut candidate = after.checked_sub(1).map(|index| NodeId(by_start[index]));
        while let Some(id) = candidate {
            let node = &nodes[id.index()];
            let collection =
                matches!(node.content, Content::Mapping { .. } | Content::Sequence { .. });
            if collection && (span.start < node.span.end || node.parent.is_none()) {
                container = Some(id);
                break;
            }
            candidate = node.parent;
        }
        let at = match container {
            None => nodes.len() as u32,
            Some(id) => {
                let end = nodes[id.index()].end.0;
                let mut child = id.0 + 1;
                while child < end && nodes[child as usize].span.start < span.start {
                    child = nodes[child as usize].end.0;
                }
                child
            }
        };
        inserts.push((at, container, *span));
    }
    inserts.sort_by_key(|(at, _, span)| (*at, span.start));

    let mut map = Vec::with_capacity(nodes.len() + 1);
    let mut inserted = 0;
    for id in 0..=nodes.len() as u32 {
        while inserts.get(inserted).is_some_and(|(at, ..)| *at <= id) {
            inserted += 1;
        }
        map.push(id + inserted as u32);
    }
    let new_end = |id: u32, container: u32| {
        // Comments inserted at a container's end stand before the node that follows it.
        let inside_at_end = inserts
            .iter()
            .filter(|(at, inside, _)| {
                *at == id && inside.is_some_and(|inside| is_within(&nodes, inside, container))
            })
            .count() as u32;
        let all_at_end = inserts.iter().filter(|(at, ..)| *at == id).count() as u32;
        map[id as usize] - all_at_end + inside_at_end
    };
    let ends: Vec<NodeId> =
        nodes.iter().enumerate().map(|(id, node)| NodeId(new_end(node.end.0, id as u32))).collect();

    let mut out = Vec::with_capacity(nodes.len() + dropped.len());
    let mut pending = inserts.iter().peekable();
    for (id, mut node) in nodes.into_iter().enumerate() {
        while let Some((_, container, span)) = pending.next_if(|(at, ..)| *at as usize <= id) {
            let parent = container.map(|id| NodeId(map[id.index()]));
            let id = out.len() as u32;
            out.push(comment_node(
                text,
                *span,
                Place { parent, position: node.position, id },
                true,
            ));
        }
        node.parent = node.parent.map(|parent| NodeId(map[parent.index()]));
        node.end = ends[id];
        out.push(node);
    }
    for (_, container, span) in pending {
        let parent = container.map(|id| NodeId(map[id.index()]));
        let id = out.len() as u32;
        out.push(comment_node(text, *span, Place { parent, position: 0, id }, true));
    }
    map.pop();
    (out, map)
}

fn is_within(nodes: &[Node<'_>], mut id: NodeId, container: u32) -> bool {
    loop {
        if id.0 == container {
            return true;
        }
        match nodes[id.index()].parent {
            Some(parent) => id = parent,
            None => return false,
        }
    }
}
