//! A changed text holds what was asked for, and all else as it was.

use super::NewValue;
use crate::document::{Content, Document, Key, Node, NodeId, PathElement, Span, Stream, Value};
use crate::format::layout::members;

/// What a change does.
#[derive(Debug)]
pub(super) enum Expected<'v> {
    /// The first document of a text without any.
    First {
        value: &'v NewValue,
    },
    Replaced {
        node: NodeId,
        value: &'v NewValue,
    },
    Inserted {
        container: NodeId,
        key: Option<&'v str>,
        value: &'v NewValue,
    },
    Removed {
        node: NodeId,
    },
}

/// Two readings, before and after a change.
pub(super) struct Proof<'p, 'b, 'a> {
    pub(super) before: &'p Stream<'b>,
    pub(super) source: &'p [u8],
    pub(super) after: &'p Stream<'a>,
    pub(super) changed: &'p [u8],
    /// Index of the document that changes.
    pub(super) document: usize,
    /// What of the source was replaced, in order.
    pub(super) replaced: &'p [Span],
}

impl Proof<'_, '_, '_> {
    pub(super) fn holds(&self, expected: &Expected<'_>) -> bool {
        if let (Expected::First { value }, [only]) = (expected, &self.after.documents[..]) {
            return is(only, only.root(), value);
        }
        self.before.documents.len() == self.after.documents.len()
            && self.is_as_asked(expected)
            && self.comments_stay()
    }

    fn is_as_asked(&self, expected: &Expected<'_>) -> bool {
        let (Some(before), Some(after)) =
            (self.before.documents.get(self.document), self.after.documents.get(self.document))
        else {
            return false;
        };
        let (gone, new) = match expected {
            Expected::First { .. } => return false,
            Expected::Removed { node } => (Some(*node), None),
            Expected::Replaced { node, value } => {
                let Ok(new) = after.lookup(&before.path(*node)) else { return false };
                (Some(*node), Some((new, *value)))
            }
            Expected::Inserted { container, key, value } => {
                let mut path = before.path(*container);
                path.0.push(match key {
                    Some(key) => PathElement::Key((*key).into()),
                    None => PathElement::Index(members(before, *container).count()),
                });
                let Ok(new) = after.lookup(&path) else { return false };
                (None, Some((new, *value)))
            }
        };
        let has_key = match (new, gone) {
            (Some((new, _)), Some(gone)) => {
                same_key(before.node(gone).key.as_ref(), after.node(new).key.as_ref())
            }
            (Some((new, _)), None) => after.node(new).key.as_ref().is_none_or(|key| key.is_string),
            _ => true,
        };
        has_key
            && new.is_none_or(|(node, value)| is(after, node, value))
            && self.all_else_stays(gone, new.map(|(node, _)| node))
    }

    fn all_else_stays(&self, gone: Option<NodeId>, new: Option<NodeId>) -> bool {
        self.before.documents.iter().zip(&self.after.documents).enumerate().all(
            |(index, (before, after))| {
                let here = index == self.document;
                let mut before = Items::of(self.source, before, gone.filter(|_| here));
                let mut after = Items::of(self.changed, after, new.filter(|_| here));
                loop {
                    match (before.next(), after.next()) {
                        (None, None) => return true,
                        (Some(before), Some(after)) if before.is(&after) => {}
                        _ => return false,
                    }
                }
            },
        )
    }

    fn comments_stay(&self) -> bool {
        let went = |span: Span| {
            self.replaced.iter().any(|gone| gone.start <= span.start && span.end <= gone.end)
        };
        let mut before = comments(self.before);
        before.retain(|(span, _)| !went(*span));
        let after = comments(self.after);
        before.len() == after.len()
            && before.iter().zip(&after).all(|((_, before), (_, after))| before == after)
    }
}

/// Whether a node is a value, down to the types of numbers. Another spelling of the same value is the value.
pub(super) fn is(document: &Document<'_>, id: NodeId, value: &NewValue) -> bool {
    match (&document.node(id).content, value) {
        (Content::Mapping { .. }, NewValue::Map(entries)) => {
            let ids: Vec<NodeId> = members(document, id).collect();
            ids.len() == entries.len()
                && ids.iter().zip(entries).all(|(id, (key, value))| {
                    let has_key = document
                        .node(*id)
                        .key
                        .as_ref()
                        .is_some_and(|there| there.text == *key && there.is_string);
                    has_key && is(document, *id, value)
                })
        }
        (Content::Sequence { .. }, NewValue::List(items)) => {
            let ids: Vec<NodeId> = members(document, id).collect();
            ids.len() == items.len()
                && ids.iter().zip(items).all(|(id, item)| is(document, *id, item))
        }
        (Content::Scalar(scalar), value) => match (&scalar.value, value) {
            (Value::Null, NewValue::Null) => true,
            (Value::Bool(there), NewValue::Bool(flag)) => there == flag,
            (Value::String(there), NewValue::String(text)) => **there == ***text,
            (Value::Int(int), NewValue::Number(text)) => text.parse() == Ok(*int),
            (Value::UInt(int), NewValue::Number(text)) => text.parse() == Ok(*int),
            (Value::Float(float), NewValue::Number(text)) => {
                let is_float = text.parse::<i64>().is_err();
                is_float && text.parse().is_ok_and(|other: f64| other.to_bits() == float.to_bits())
            }
            _ => false,
        },
        _ => false,
    }
}

fn same_key(one: Option<&Key<'_>>, other: Option<&Key<'_>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.text == other.text && one.is_string == other.is_string,
        (None, None) => true,
        _ => false,
    }
}

/// The comments of all documents as they stand in the text.
fn comments<'s>(stream: &Stream<'s>) -> Vec<(Span, &'s str)> {
    let nodes = stream.documents.iter().flat_map(|document| &document.nodes);
    let mut comments: Vec<_> = nodes
        .filter_map(|node| match &node.content {
            Content::Comment(comment) => Some((node.span, comment.text)),
            _ => None,
        })
        .collect();
    comments.sort_unstable_by_key(|(span, _)| span.start);
    comments
}

/// The nodes of a document in order, comments and what is below one node left out.
struct Items<'d, 's> {
    source: &'d [u8],
    document: &'d Document<'s>,
    without: Option<NodeId>,
    next: u32,
    depths: Vec<u32>,
}

struct Item<'d, 's> {
    source: &'d [u8],
    node: &'d Node<'s>,
    depth: u32,
}

impl<'d, 's> Items<'d, 's> {
    fn of(source: &'d [u8], document: &'d Document<'s>, without: Option<NodeId>) -> Self {
        Self { source, document, without, next: 0, depths: Vec::new() }
    }
}

impl<'d, 's> Iterator for Items<'d, 's> {
    type Item = Item<'d, 's>;

    fn next(&mut self) -> Option<Item<'d, 's>> {
        while (self.next as usize) < self.document.nodes.len() {
            let id = NodeId(self.next);
            let node = self.document.node(id);
            if self.without == Some(id) {
                self.depths.resize(node.end.index(), 0);
                self.next = node.end.0;
                continue;
            }
            self.next += 1;
            let depth = node.parent.map_or(0, |parent| self.depths[parent.index()] + 1);
            self.depths.push(depth);
            if !matches!(node.content, Content::Comment(_)) {
                return Some(Item { source: self.source, node, depth });
            }
        }
        None
    }
}

impl Item<'_, '_> {
    fn is(&self, other: &Item<'_, '_>) -> bool {
        let content = match (&self.node.content, &other.node.content) {
            (Content::Mapping { .. }, Content::Mapping { .. })
            | (Content::Sequence { .. }, Content::Sequence { .. }) => true,
            (Content::Scalar(one), Content::Scalar(other)) => {
                one.tag == other.tag
                    && one.value.value_type() == other.value.value_type()
                    && *one.value.canonical() == *other.value.canonical()
            }
            (Content::Alias { .. }, Content::Alias { .. }) => {
                self.source[self.node.span.range()] == other.source[other.node.span.range()]
            }
            _ => false,
        };
        content
            && self.depth == other.depth
            && same_key(self.node.key.as_ref(), other.node.key.as_ref())
    }
}
