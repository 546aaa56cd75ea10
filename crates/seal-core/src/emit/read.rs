//! Documents → tree: aliases expanded, merge keys kept as keys, decrypted values in the places of their ENC texts.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::MAX_DEPTH;
use super::error::EmitError;
use super::tree::{Comment, Entry, Item, Node, Scalar};
use crate::document::{self, Content, Document, NodeId, Path, Value};
use crate::file::limits::{MAX_ALIAS_DEPTH, MAX_EXPANDED};

/// What stands at a node instead of what is written there.
pub(crate) enum Decrypted<'p> {
    Value(&'p Value<'static>),
    /// SOPS writes the comments of lists as items, so a scalar may turn out to be one.
    Comment(Cow<'p, str>),
}

/// What is known about an encrypted source beside its text: of a document and a node, the plaintext of an ENC text, and
/// whether it belongs to an envelope.
pub(crate) trait Envelopes {
    fn decrypted(&self, document: usize, node: NodeId) -> Option<Decrypted<'_>>;
    fn is_metadata(&self, document: usize, node: NodeId) -> bool;
}

/// For a source in clear.
pub(crate) struct InClear;

impl Envelopes for InClear {
    fn decrypted(&self, _: usize, _: NodeId) -> Option<Decrypted<'_>> {
        None
    }

    fn is_metadata(&self, _: usize, _: NodeId) -> bool {
        false
    }
}

/// Reads a document.
pub(crate) fn document(
    documents: &[Document<'_>],
    index: usize,
    envelopes: &dyn Envelopes,
) -> Result<Vec<Entry>, EmitError> {
    let mut reader = Reader { documents, envelopes, expanded: 0, bytes: MAX_EXPANDED_BYTES };
    let tree = &documents[index];
    let root = tree.root();
    if matches!(tree.node(root).content, Content::Mapping { .. }) {
        return reader.entries(At { document: index, is_aliased: false, aliases: 0 }, root, 0);
    }
    if !matches!(&tree.node(root).content, Content::Scalar(scalar) if scalar.value == Value::Null) {
        return Err(EmitError::NotAMapping);
    }
    // An empty document: what there is are comments beside the root.
    let comments = tree.nodes.iter().filter_map(|node| match &node.content {
        Content::Comment(comment) if !comment.dropped => Some(comment.text),
        _ => None,
    });
    Ok(comments.map(|text| Entry::Comment(Comment::new(text))).collect())
}

/// Reads what stands at a node and below.
pub(crate) fn node(
    documents: &[Document<'_>],
    index: usize,
    id: NodeId,
    envelopes: &dyn Envelopes,
) -> Result<Node, EmitError> {
    let mut reader = Reader { documents, envelopes, expanded: 0, bytes: MAX_EXPANDED_BYTES };
    reader.node(At { document: index, is_aliased: false, aliases: 0 }, id, 0)
}

/// How many bytes of values the aliases of a document may repeat.
const MAX_EXPANDED_BYTES: usize = 256 << 20;

struct Reader<'r, 'd> {
    documents: &'r [Document<'d>],
    envelopes: &'r dyn Envelopes,
    expanded: usize,
    bytes: usize,
}

/// Where the reader is: an alias may lead into an earlier document.
#[derive(Clone, Copy)]
struct At {
    document: usize,
    is_aliased: bool,
    aliases: usize,
}

impl<'r> Reader<'r, '_> {
    fn entries(&mut self, at: At, id: NodeId, depth: usize) -> Result<Vec<Entry>, EmitError> {
        let depth = below(depth)?;
        let tree = &self.documents[at.document];
        let mut entries = Vec::new();
        for child in tree.children(id) {
            let node = tree.node(child);
            match (&node.content, &node.key) {
                _ if self.envelopes.is_metadata(at.document, child) => {}
                (Content::Comment(comment), _) => {
                    entries.extend(self.comment(at, child, comment).map(Entry::Comment));
                }
                (_, Some(key)) if key.is_string => {
                    self.count(at, key.text.len())?;
                    let key = key.text.as_ref().into();
                    let value = self.node(at, child, depth)?;
                    entries.push(Entry::Pair { key, value });
                }
                _ => return Err(EmitError::KeyNoText { path: self.path(at, child) }),
            }
        }
        Ok(entries)
    }

    fn items(&mut self, at: At, id: NodeId, depth: usize) -> Result<Vec<Item>, EmitError> {
        let depth = below(depth)?;
        let tree = &self.documents[at.document];
        let mut items = Vec::new();
        for child in tree.children(id) {
            if let Content::Comment(comment) = &tree.node(child).content {
                items.extend(self.comment(at, child, comment).map(Item::Comment));
                continue;
            }
            match self.decrypted(at, child) {
                Some(Decrypted::Comment(text)) => items.push(Item::Comment(Comment::new(&text))),
                _ => items.push(Item::Node(self.node(at, child, depth)?)),
            }
        }
        Ok(items)
    }

    fn node(&mut self, at: At, id: NodeId, depth: usize) -> Result<Node, EmitError> {
        let node = self.documents[at.document].node(id);
        Ok(match &node.content {
            Content::Mapping { .. } => Node::Mapping(self.entries(at, id, depth)?),
            Content::Sequence { .. } => Node::Sequence(self.items(at, id, depth)?),
            Content::Alias { document, node: target, of_key } => {
                if at.aliases >= MAX_ALIAS_DEPTH {
                    return Err(EmitError::Aliases);
                }
                let target_node = self.documents[*document].node(*target);
                match (&target_node.key, of_key) {
                    (Some(key), true) => {
                        self.count(At { is_aliased: true, ..at }, key.text.len())?;
                        let text = key.text.as_ref().to_owned();
                        Node::Scalar(Scalar::new(Value::String(Cow::Owned(text))))
                    }
                    _ => {
                        let there =
                            At { document: *document, is_aliased: true, aliases: at.aliases + 1 };
                        self.node(there, *target, depth)?
                    }
                }
            }
            Content::Scalar(scalar) => {
                self.count(at, node.span.end - node.span.start)?;
                Node::Scalar(match self.decrypted(at, id) {
                    Some(Decrypted::Value(value)) => Scalar::copy_of(value),
                    Some(Decrypted::Comment(text)) => {
                        Scalar::new(Value::String(Cow::Owned(text.into_owned())))
                    }
                    None => Scalar::copy_of(&scalar.value),
                })
            }
            Content::Comment(_) => Node::Scalar(Scalar::new(Value::Null)),
        })
    }

    /// One that SOPS's reader does not see is in no tree.
    fn comment(&self, at: At, id: NodeId, comment: &document::Comment<'_>) -> Option<Comment> {
        if comment.dropped {
            return None;
        }
        let text = match self.decrypted(at, id) {
            // SOPS takes an encrypted comment off the line of its value.
            Some(Decrypted::Comment(text)) => return Some(Comment::new(&text)),
            _ => Zeroizing::new(comment.text.to_owned()),
        };
        let tree = &self.documents[at.document];
        // Its place in the tree is before the value behind which it stands.
        let next = tree.nodes.get(tree.node(id).end.index()).filter(|next| {
            next.parent == tree.node(id).parent && matches!(next.content, Content::Scalar(_))
        });
        let inline =
            comment.inline && next.is_some_and(|next| next.span.end <= tree.node(id).span.start);
        Some(Comment { text, inline })
    }

    /// What stands behind an alias is read as it is written: the envelope never covers it there.
    fn decrypted(&self, at: At, id: NodeId) -> Option<Decrypted<'r>> {
        if at.is_aliased {
            return None;
        }
        let envelopes: &'r dyn Envelopes = self.envelopes;
        envelopes.decrypted(at.document, id)
    }

    fn count(&mut self, at: At, length: usize) -> Result<(), EmitError> {
        if at.is_aliased {
            self.expanded += 1;
            self.bytes = self.bytes.checked_sub(length).ok_or(EmitError::Aliases)?;
            if self.expanded > MAX_EXPANDED {
                return Err(EmitError::Aliases);
            }
        }
        Ok(())
    }

    fn path(&self, at: At, id: NodeId) -> Path {
        self.documents[at.document].path(id)
    }
}

fn below(depth: usize) -> Result<usize, EmitError> {
    match depth < MAX_DEPTH {
        true => Ok(depth + 1),
        false => Err(EmitError::TooDeep { limit: MAX_DEPTH }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::Tree;
    use crate::format::Format;

    fn tree(source: &str) -> Result<Tree, EmitError> {
        let stream = Format::Yaml.parse(source.as_bytes()).unwrap();
        Tree::read(Format::Yaml, &stream)
    }

    fn shape(entries: &[Entry]) -> String {
        let of_node = |node: &Node| match node {
            Node::Mapping(entries) => format!("{{{}}}", shape(entries)),
            Node::Sequence(items) => {
                let items = items.iter().map(|item| match item {
                    Item::Comment(comment) => format!("#{}", *comment.text),
                    Item::Node(Node::Scalar(scalar)) => {
                        String::from_utf8_lossy(&scalar.value().canonical()).into_owned()
                    }
                    Item::Node(_) => "…".to_owned(),
                });
                format!("[{}]", items.collect::<Vec<_>>().join(","))
            }
            Node::Scalar(scalar) => {
                String::from_utf8_lossy(&scalar.value().canonical()).into_owned()
            }
        };
        let entries = entries.iter().map(|entry| match entry {
            Entry::Comment(Comment { text, inline: true }) => format!("#!{}", **text),
            Entry::Comment(Comment { text, .. }) => format!("#{}", **text),
            Entry::Pair { key, value } => format!("{key}:{}", of_node(value)),
        });
        entries.collect::<Vec<_>>().join(",")
    }

    fn first(source: &str) -> String {
        shape(&tree(source).unwrap().documents[0])
    }

    #[test]
    fn aliases_and_merge_keys_are_written_out() {
        assert_eq!(
            first("a: &x {b: 1}\nc: *x\nd:\n  <<: *x\n  e: [*x, 2]\n"),
            "a:{b:1},c:{b:1},d:{<<:{b:1},e:[…,2]}"
        );
    }

    #[test]
    fn comments_stand_where_sops_lists_them() {
        assert_eq!(first("# h\na: 1 # i\nb: # k\n  - 1\n"), "# h,#! i,a:1,# k,b:[1]");
        assert_eq!(first("a:\n  # in\n  b: 1\n"), "a:{# in,b:1}");
        assert_eq!(first("---\n# only\n---\na: 1\n"), "# only");
    }

    #[test]
    fn refuses_what_sops_cannot_hold() {
        assert_eq!(tree("- 1\n").unwrap_err(), EmitError::NotAMapping);
        assert_eq!(tree("text\n").unwrap_err(), EmitError::NotAMapping);
        let error = tree("a:\n  1: x\n").unwrap_err();
        assert_eq!(error.to_string(), r#"["a"]["1"]: a key that is no text cannot be converted"#);
    }

    #[test]
    fn aliases_that_multiply_end_in_an_error() {
        let mut source = "a0: &a0 [x]\n".to_owned();
        for level in 1..8 {
            let items = vec![format!("*a{}", level - 1); 10].join(", ");
            source.push_str(&format!("a{level}: &a{level} [{items}]\n"));
        }
        // go-yaml's own limit may come first.
        let refused = match Format::Yaml.parse(source.as_bytes()) {
            Ok(stream) => Tree::read(Format::Yaml, &stream).is_err(),
            Err(_) => true,
        };
        assert!(refused);
    }

    #[test]
    fn depth_is_bounded() {
        let deep = |levels: usize| format!("{}1{}", "{a: ".repeat(levels), "}".repeat(levels));
        assert!(tree(&deep(MAX_DEPTH - 1)).is_ok());
        assert_eq!(
            tree(&deep(MAX_DEPTH + 1)).unwrap_err(),
            EmitError::TooDeep { limit: MAX_DEPTH }
        );
    }
}
