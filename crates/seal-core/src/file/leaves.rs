//! The leaves of an object in SOPS's order, aliases expanded, each with its additional data.

use std::cell::OnceCell;
use std::rc::Rc;

use super::Member;
use super::error::FileError;
use super::limits::{MAX_ALIAS_DEPTH, MAX_DEPTH, MAX_EXPANDED, PathBudget, too_deep};
use crate::document::{Content, Document, Node, NodeId};

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
    container: &'d Container,
}

impl Leaf<'_, '_> {
    /// The additional data, to be kept.
    pub(crate) fn kept_aad(&self) -> Aad {
        let (above, own) = self.aad.split_at(self.container.length);
        Aad {
            container: Rc::clone(self.container.aad.get_or_init(|| above.into())),
            own: own.into(),
        }
    }
}

/// Additional data of a leaf. The part that all leaves of a container have in common is held once: with a copy in each
/// leaf, a long key above a long list would cost the product of both.
#[derive(PartialEq, Eq)]
pub(crate) struct Aad {
    container: Rc<str>,
    own: Box<str>,
}

impl Aad {
    /// The whole text, put together in `buffer`.
    pub(crate) fn text<'b>(&self, buffer: &'b mut String) -> &'b str {
        buffer.clear();
        buffer.push_str(&self.container);
        buffer.push_str(&self.own);
        buffer
    }
}

/// What the leaves of an open collection share.
struct Container {
    /// Length of its additional data.
    length: usize,
    aad: OnceCell<Rc<str>>,
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
    let outermost = Container { length: 0, aad: OnceCell::new() };
    let mut walk = Walk {
        documents,
        aad: String::new(),
        open: Vec::new(),
        containers: vec![outermost],
        budget: PathBudget::of(&documents[document]),
        depth_above: depth(&documents[document], top),
        expanded: 0,
        visit,
    };
    walk.below(document, top, None, skipped, 0)
}

/// How many collections a node stands in.
fn depth(document: &Document<'_>, id: NodeId) -> usize {
    std::iter::successors(document.node(id).parent, |id| document.node(*id).parent).count()
}

struct Walk<'w, 'd, 's> {
    documents: &'d [Document<'s>],
    aad: String,
    open: Vec<Open>,
    /// The outermost one never ends. A list in a list adds no key, and so no container.
    containers: Vec<Container>,
    budget: PathBudget,
    depth_above: usize,
    expanded: usize,
    visit: &'w mut dyn FnMut(Leaf<'_, 's>) -> Result<(), FileError>,
}

/// An open collection.
struct Open {
    end: NodeId,
    /// How much of the additional data lies above it.
    above: usize,
    has_container: bool,
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
        let outside = self.open.len();
        let mut id = top;
        while id < last {
            while self.open.len() > outside && self.open.last().is_some_and(|open| open.end <= id) {
                self.close();
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
                    if origin.is_some() {
                        // Empty ones take time as well.
                        self.expand(0)?;
                    }
                    if self.depth_above + self.open.len() >= MAX_DEPTH {
                        return Err(too_deep());
                    }
                    let length = self.aad.len();
                    let has_container =
                        self.containers.last().is_none_or(|around| around.length != length);
                    if has_container {
                        self.containers.push(Container { length, aad: OnceCell::new() });
                    }
                    self.open.push(Open { end: node.end, above: before, has_container });
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
        while self.open.len() > outside {
            self.close();
        }
        Ok(())
    }

    fn close(&mut self) {
        if let Some(open) = self.open.pop() {
            self.aad.truncate(open.above);
            if open.has_container {
                self.containers.pop();
            }
        }
    }

    /// Counts a node behind an alias, with the length of its value: a copy of that stands for each alias.
    fn expand(&mut self, length: usize) -> Result<(), FileError> {
        self.expanded += 1;
        if self.expanded > MAX_EXPANDED || self.budget.spend(length).is_err() {
            return Err(FileError::input("the aliases of this document multiply without end"));
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
            let length = node.span.end - node.span.start;
            self.expand(key_text.map_or(length, str::len))?;
        }
        let is_aliased = origin.is_some();
        let origin = origin.unwrap_or(id);
        let aad = if self.aad.is_empty() { ":" } else { &self.aad };
        self.budget.spend(aad.len())?;
        let Some(container) = self.containers.last() else { return Ok(()) };
        (self.visit)(Leaf { origin, node, is_aliased, key_text, aad, container })
    }
}
