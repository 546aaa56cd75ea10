//! The leaves of an object in SOPS's order, aliases expanded, each with its additional data.

use super::Member;
use super::error::FileError;
use crate::document::{Content, Document, Node, NodeId};

/// More leaves than this come from aliases that multiply.
const MAX_EXPANDED: usize = 1_000_000;

/// Aliases inside aliases.
const MAX_ALIAS_DEPTH: usize = 50;

/// One scalar or comment.
pub(crate) struct Leaf<'d, 's> {
    /// The node in the object itself: an alias, where the leaf stands behind one.
    pub(crate) origin: NodeId,
    pub(crate) node: &'d Node<'s>,
    /// The leaf stands behind an alias.
    pub(crate) is_aliased: bool,
    /// The text of a key, where the alias stands for one.
    pub(crate) key_text: Option<&'d str>,
    /// Additional data: the keys above, each followed by `:`; `:` alone at the top.
    pub(crate) aad: &'d str,
}

/// Calls `visit` for every leaf of an object, its envelope left out.
pub(crate) fn visit<'p, 's: 'p>(
    member: Member<'p, 's>,
    visit: &mut dyn FnMut(Leaf<'_, 's>) -> Result<(), FileError>,
) -> Result<(), FileError> {
    let skipped: Vec<NodeId> = member.document().entry(member.object, "sops").into_iter().collect();
    below(member.documents, member.document, member.object, &skipped, visit)
}

/// Calls `visit` for every leaf below the root of a document; `skipped` are entries to leave out, in order.
pub(crate) fn visit_document<'d, 's: 'd>(
    documents: &'d [Document<'s>],
    document: usize,
    skipped: &[NodeId],
    visit: &mut dyn FnMut(Leaf<'_, 's>) -> Result<(), FileError>,
) -> Result<(), FileError> {
    below(documents, document, documents[document].root(), skipped, visit)
}

fn below<'d, 's: 'd>(
    documents: &'d [Document<'s>],
    document: usize,
    top: NodeId,
    skipped: &[NodeId],
    visit: &mut dyn FnMut(Leaf<'_, 's>) -> Result<(), FileError>,
) -> Result<(), FileError> {
    let mut walk = Walk { documents, aad: String::new(), expanded: 0, visit };
    walk.below(document, top, None, skipped, 0)
}

struct Walk<'w, 'd, 's> {
    documents: &'d [Document<'s>],
    aad: String,
    expanded: usize,
    visit: &'w mut dyn FnMut(Leaf<'_, 's>) -> Result<(), FileError>,
}

impl<'d, 's> Walk<'_, 'd, 's> {
    fn below(
        &mut self,
        document: usize,
        top: NodeId,
        origin: Option<NodeId>,
        skipped: &[NodeId],
        depth: usize,
    ) -> Result<(), FileError> {
        let tree = &self.documents[document];
        let last = tree.node(top).end;
        // Ends of the open collections, and how much of the additional data lies above each.
        let mut open: Vec<(NodeId, usize)> = Vec::new();
        let mut id = top;
        while id < last {
            while let Some((end, length)) = open.last().copied() {
                if end > id {
                    break;
                }
                self.aad.truncate(length);
                open.pop();
            }
            let node = tree.node(id);
            if skipped.binary_search(&id).is_ok() {
                id = node.end;
                continue;
            }
            let before = self.aad.len();
            if let (Some(key), true) = (&node.key, id != top) {
                self.aad.push_str(&key.text);
                self.aad.push(':');
            }
            match &node.content {
                Content::Mapping { .. } | Content::Sequence { .. } => {
                    open.push((node.end, before));
                    id = NodeId(id.0 + 1);
                    continue;
                }
                Content::Scalar(_) | Content::Comment(_) => {
                    self.leaf(node, id, origin, None)?;
                }
                Content::Alias { document, node: target, of_key } => {
                    if depth >= MAX_ALIAS_DEPTH {
                        return Err(FileError::input("the aliases are nested too deeply"));
                    }
                    let target_node = self.documents[*document].node(*target);
                    let origin = origin.unwrap_or(id);
                    match (&target_node.key, of_key) {
                        (Some(key), true) => {
                            let text = key.text.as_ref();
                            self.leaf(target_node, id, Some(origin), Some(text))?;
                        }
                        _ => self.below(*document, *target, Some(origin), &[], depth + 1)?,
                    }
                }
            }
            self.aad.truncate(before);
            id = node.end;
        }
        if let Some((_, length)) = open.first() {
            self.aad.truncate(*length);
        }
        Ok(())
    }

    fn leaf(
        &mut self,
        node: &Node<'s>,
        id: NodeId,
        origin: Option<NodeId>,
        key_text: Option<&str>,
    ) -> Result<(), FileError> {
        if origin.is_some() {
            self.expanded += 1;
            if self.expanded > MAX_EXPANDED {
                return Err(FileError::input("the aliases of this document multiply without end"));
            }
        }
        let is_aliased = origin.is_some();
        let origin = origin.unwrap_or(id);
        let aad = if self.aad.is_empty() { ":" } else { &self.aad };
        (self.visit)(Leaf { origin, node, is_aliased, key_text, aad })
    }
}
