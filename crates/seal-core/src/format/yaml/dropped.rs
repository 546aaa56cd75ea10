//! Comments that go-yaml drops, behind an opening bracket for instance. They can hold a secret like any other, so they
//! become nodes where they stand.

use std::collections::HashMap;

use super::arrange::{Arranged, Place, comment_node};
use crate::document::{Content, Node, NodeId, Span};

/// Adds comments, sorted by their place, that no node took.
pub(super) fn add_dropped<'s>(text: &'s str, arranged: &mut Arranged<'s>, dropped: &[Span]) {
    if dropped.is_empty() {
        return;
    }
    let nodes = std::mem::take(&mut arranged.nodes);
    let inserts = inserts(&nodes, dropped);
    let map = new_ids(nodes.len() as u32, &inserts);
    arranged.nodes = insert(text, nodes, &inserts, &map);
    arranged.map = Some(match arranged.map.take() {
        Some(before) => before.into_iter().map(|id| map[id as usize]).collect(),
        None => map,
    });
}

/// A comment to be added.
struct Insert {
    /// The node before which it goes, or the number of nodes.
    at: u32,
    /// The innermost collection around it.
    container: Option<NodeId>,
    span: Span,
}

fn is_collection(node: &Node<'_>) -> bool {
    matches!(node.content, Content::Mapping { .. } | Content::Sequence { .. })
}

/// Finds the places of the comments, sorted by place.
fn inserts(nodes: &[Node<'_>], dropped: &[Span]) -> Vec<Insert> {
    let mut by_start: Vec<u32> = (0..nodes.len() as u32).collect();
    by_start.sort_by_key(|id| (nodes[*id as usize].span.start, *id));
    // The further the comments, the fewer collections are still open and the more children lie before them. So both
    // searches go on where the last one ended, and all of them together take one walk over the nodes.
    let mut above: Vec<Option<NodeId>> = nodes.iter().map(|node| node.parent).collect();
    let mut next_children: HashMap<NodeId, NodeId> = HashMap::new();
    let root = nodes.iter().position(|node| node.parent.is_none() && is_collection(node));
    let mut inserts = Vec::with_capacity(dropped.len());
    for span in dropped {
        let after = by_start.partition_point(|id| nodes[*id as usize].span.start <= span.start);
        // What stands before everything belongs to the outermost collection, as the head of the document does.
        let first = root.map(|root| root as u32);
        let nearest = after.checked_sub(1).map(|index| by_start[index]).or(first).map(NodeId);
        let container = nearest.and_then(|id| container(nodes, &mut above, id, span.start));
        let at = match container {
            None => nodes.len() as u32,
            Some(id) => {
                let end = nodes[id.index()].end;
                let child = next_children.entry(id).or_insert(NodeId(id.0 + 1));
                while *child < end && nodes[child.index()].span.start < span.start {
                    *child = nodes[child.index()].end;
                }
                child.0
            }
        };
        inserts.push(Insert { at, container, span: *span });
    }
    inserts.sort_by_key(|insert| (insert.at, insert.span.start));
    inserts
}

/// The innermost collection at or above `id` that is still open at `offset`. `above` leads past those that are not.
fn container(
    nodes: &[Node<'_>],
    above: &mut [Option<NodeId>],
    id: NodeId,
    offset: usize,
) -> Option<NodeId> {
    let is_open = |id: NodeId| {
        let node = &nodes[id.index()];
        is_collection(node) && (offset < node.span.end || node.parent.is_none())
    };
    let mut found = Some(id);
    while let Some(candidate) = found.filter(|candidate| !is_open(*candidate)) {
        found = above[candidate.index()];
    }
    let mut passed = id;
    while let Some(next) = above[passed.index()].filter(|_| Some(passed) != found) {
        above[passed.index()] = found;
        passed = next;
    }
    found
}

/// Old index → new index.
fn new_ids(nodes: u32, inserts: &[Insert]) -> Vec<u32> {
    let mut inserted = 0;
    let new_id = |id| {
        while inserts.get(inserted).is_some_and(|insert| insert.at <= id) {
            inserted += 1;
        }
        id + inserted as u32
    };
    (0..nodes).map(new_id).collect()
}

fn insert<'s>(
    text: &'s str,
    nodes: Vec<Node<'s>>,
    inserts: &[Insert],
    map: &[u32],
) -> Vec<Node<'s>> {
    let mut containers: Vec<(u32, Option<NodeId>)> =
        inserts.iter().map(|insert| (insert.at, insert.container)).collect();
    containers.sort_unstable();
    // Of the comments between the last node of a collection and the next one, those in it or below it are its own.
    let new_end = |id: usize, end: u32| {
        let before = containers.partition_point(|(at, _)| *at < end);
        let own = (end, Some(NodeId(id as u32)));
        let others = containers.partition_point(|insert| *insert < own);
        let behind = containers.partition_point(|(at, _)| *at <= end);
        NodeId(end + (before + behind - others) as u32)
    };
    let new_parent = |old: Option<NodeId>| old.map(|id| NodeId(map[id.index()]));

    let mut out = Vec::with_capacity(nodes.len() + inserts.len());
    let mut pending = inserts.iter().peekable();
    for (old, mut node) in nodes.into_iter().enumerate() {
        while let Some(insert) = pending.next_if(|insert| insert.at as usize <= old) {
            let parent = new_parent(insert.container);
            let place = Place { parent, position: node.position, id: out.len() as u32 };
            out.push(comment_node(text, insert.span, place, true));
        }
        node.parent = new_parent(node.parent);
        node.end = new_end(old, node.end.0);
        out.push(node);
    }
    for insert in pending {
        let place =
            Place { parent: new_parent(insert.container), position: 0, id: out.len() as u32 };
        out.push(comment_node(text, insert.span, place, true));
    }
    out
}
