//! Kubernetes objects that do not say plainly what they are: by aliases, merge keys, or from inside another object.
//! kubectl expands all of these, so a Secret can hide behind each.

use std::ops::Range;

use super::{AsWritten, Object, Strings, region};
use crate::document::{Content, Document, NodeId, Scalar, Value};

/// Nesting of merged mappings beyond which one is taken to merge anything.
const MAX_MERGE_DEPTH: usize = 10;

/// The entry that decides, by an alias or a merge key, whether a mapping is a Secret or a list: then its kind does not
/// stand where everything here looks for it.
pub(crate) fn hidden_kind(
    documents: &[Document<'_>],
    document: &Document<'_>,
    mapping: NodeId,
) -> Option<NodeId> {
    let entry = |key: &str| document.entry(mapping, key);
    let aliased = ["apiVersion", "kind"].into_iter().filter_map(entry).find(|id| {
        let Content::Alias { document: target, node, of_key } = &document.node(*id).content else {
            return false;
        };
        // An alias of a key stands for the key's text, which need not be looked at closer.
        let target = documents.get(*target);
        *of_key
            || target.is_none_or(|target| match AsWritten.string(target, *node) {
                Some(text) => text == "v1" || text == "Secret" || text.ends_with("List"),
                None => false,
            })
    });
    let says_kind = entry("apiVersion").is_some() && entry("kind").is_some();
    let decisive: &[&str] = if says_kind { &["items"] } else { &["apiVersion", "kind", "items"] };
    aliased.or_else(|| entry("<<").filter(|merge| merges(documents, document, *merge, decisive, 0)))
}

/// Whether a merged value brings one of the keys.
fn merges(
    documents: &[Document<'_>],
    document: &Document<'_>,
    node: NodeId,
    keys: &[&str],
    depth: usize,
) -> bool {
    let follow = |document: &Document<'_>, node| {
        depth >= MAX_MERGE_DEPTH || merges(documents, document, node, keys, depth + 1)
    };
    match &document.node(node).content {
        Content::Mapping { .. } => {
            keys.iter().any(|key| document.entry(node, key).is_some())
                || document.entry(node, "<<").is_some_and(|merge| follow(document, merge))
        }
        Content::Sequence { .. } => document.children(node).any(|item| follow(document, item)),
        Content::Alias { document: target, node, .. } => {
            documents.get(*target).is_none_or(|target| follow(target, *node))
        }
        Content::Scalar(_) | Content::Comment(_) => false,
    }
}

/// An alias in the place of a list's items, or of one of them, that stands for more than a scalar: it can be an object.
pub(crate) fn indirect_item(
    documents: &[Document<'_>],
    document: &Document<'_>,
    mapping: NodeId,
) -> Option<NodeId> {
    Object::read(&AsWritten, document, mapping)?;
    let items = document.entry(mapping, "items")?;
    let stands_for_a_collection = |id: &NodeId| match &document.node(*id).content {
        Content::Alias { document: target, node, of_key: false } => {
            documents.get(*target).is_none_or(|target| {
                !matches!(target.node(*node).content, Content::Scalar(_) | Content::Comment(_))
            })
        }
        _ => false,
    };
    let is_sequence = matches!(document.node(items).content, Content::Sequence { .. });
    let mut candidates =
        std::iter::once(items).chain(document.children(items).take_while(|_| is_sequence));
    candidates.find(stands_for_a_collection)
}

/// The first entry of an object's identity that is not written out: a merge key beside it, or something else than a
/// string. An envelope is bound to the identity, so kubectl may not read another one there.
pub(crate) fn indirect_identity(
    strings: &dyn Strings,
    document: &Document<'_>,
    mapping: NodeId,
) -> Option<NodeId> {
    let entry = |from: NodeId, key: &str| document.entry(from, key);
    let is_plain = |id: &NodeId| match &document.node(*id).content {
        Content::Scalar(Scalar { value: Value::Null, .. }) => true,
        Content::Scalar(_) => strings.string(document, *id).is_some(),
        _ => false,
    };
    let metadata = entry(mapping, "metadata");
    let is_open = |id: &NodeId| {
        matches!(
            &document.node(*id).content,
            Content::Mapping { .. } | Content::Scalar(Scalar { value: Value::Null, .. })
        )
    };
    let mut found = entry(mapping, "<<");
    let texts = ["apiVersion", "kind", "type"].into_iter().filter_map(|key| entry(mapping, key));
    found = found.or_else(|| texts.into_iter().find(|id| !is_plain(id)));
    found = found.or_else(|| metadata.filter(|id| !is_open(id)));
    let metadata = metadata?;
    let in_metadata = ["name", "namespace"]
        .into_iter()
        .filter_map(|key| entry(metadata, key))
        .find(|id| !is_plain(id));
    found
        .or_else(|| entry(metadata, "<<"))
        .or(in_metadata)
        .or_else(|| entry(metadata, "annotations").filter(|id| !is_open(id)))
}

/// Secrets with a value that stand where nothing looks for one: inside another object, or without an `apiVersion`.
/// `covered` are the mappings that have an envelope or get one, in order; none lies in another.
pub(crate) fn unprotected_secrets(
    document: &Document<'_>,
    covered: &[NodeId],
) -> impl Iterator<Item = NodeId> {
    let is_covered = |id: NodeId| {
        let before = covered.partition_point(|mapping| *mapping <= id);
        before > 0 && id < document.node(covered[before - 1]).end
    };
    secret_shapes(document, 0..document.nodes.len()).filter(move |id| {
        !is_covered(*id)
            && region(document, *id).into_iter().any(|entry| has_value(document, entry))
    })
}

/// Mappings that look like a Secret, wherever they stand among these nodes.
pub(crate) fn secret_shapes(
    document: &Document<'_>,
    nodes: Range<usize>,
) -> impl Iterator<Item = NodeId> {
    let text = |mapping, key: &str| {
        document.entry(mapping, key).and_then(|id| AsWritten.string(document, id))
    };
    let nodes = if document.is_manifest { nodes } else { 0..0 };
    nodes.map(|index| NodeId(index as u32)).filter(move |id| {
        matches!(document.node(*id).content, Content::Mapping { .. })
            && text(*id, "kind") == Some("Secret")
            && text(*id, "apiVersion").is_none_or(|version| !version.contains('/'))
    })
}

fn has_value(document: &Document<'_>, entry: NodeId) -> bool {
    (entry.index()..document.node(entry).end.index()).any(|index| {
        match &document.nodes[index].content {
            Content::Scalar(scalar) => !scalar.value.is_empty(),
            Content::Alias { .. } => true,
            _ => false,
        }
    })
}
