//! Encrypted comments, which are authentic by themselves and may have moved.

use zeroize::Zeroizing;

use super::open::relative_path;
use crate::cipher::{Cipher, EncText, ValueType, aad_of_path};
use crate::document::{Content, Document, NodeId};

/// The nodes of an object as they stand in the source, comments left out.
pub(super) struct NodesByPlace<'d, 's> {
    document: &'d Document<'s>,
    object: NodeId,
    /// Start and node.
    places: Vec<(usize, NodeId)>,
}

impl<'d, 's> NodesByPlace<'d, 's> {
    pub(super) fn of(document: &'d Document<'s>, object: NodeId) -> Self {
        let envelope = document.entry(object, "sops").map(|id| (id, document.node(id).end));
        let ids = (object.0..document.node(object).end.0).map(NodeId);
        let mut places: Vec<(usize, NodeId)> = ids
            .filter(|id| !matches!(document.node(*id).content, Content::Comment(_)))
            .filter(|id| envelope.is_none_or(|(first, end)| *id < first || end <= *id))
            .map(|id| (document.node(id).span.start, id))
            .collect();
        places.sort_unstable();
        Self { document, object, places }
    }

    /// What stands around a comment decides its container, and the `sops` block or a tool may stand there now. So the
    /// containers around it and around the node before it are tried. A comment that opens nowhere is left as it is, as SOPS
    /// does: it is in no MAC.
    pub(super) fn open_comment(
        &self,
        id: NodeId,
        aad: &str,
        cipher: &Cipher,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let Content::Comment(comment) = &self.document.node(id).content else { return None };
        let enc = EncText::parse(comment.text).ok()?;
        if enc.value_type() != ValueType::Comment {
            return None;
        }
        let aad_before = self.aad_before(id);
        let containers = containers(aad).chain(containers(&aad_before));
        containers
            .filter_map(|aad| cipher.decrypt(&enc, aad.as_bytes()).ok())
            .find(|text| std::str::from_utf8(text).is_ok_and(stands_on_a_line))
    }

    /// Additional data of the node before a comment.
    fn aad_before(&self, comment: NodeId) -> String {
        let start = self.document.node(comment).span.start;
        let before = self.places.partition_point(|(place, _)| *place < start);
        let Some((_, node)) = before.checked_sub(1).and_then(|at| self.places.get(at)) else {
            return String::new();
        };
        aad_of_path(&relative_path(self.document, self.object, *node).0)
    }
}

/// Without what ends a line for YAML, or may not stand in it.
fn stands_on_a_line(text: &str) -> bool {
    !text.chars().any(|character| {
        (character.is_control() && character != '\t')
            || matches!(character, '\u{2028}' | '\u{2029}')
    })
}

/// `a:b:` → `a:b:`, `a:`, `:`.
fn containers(aad: &str) -> impl Iterator<Item = &str> {
    let keys = aad.strip_suffix(':').unwrap_or(aad);
    let shorter = keys.rmatch_indices(':').map(|(at, _)| &aad[..=at]);
    std::iter::once(aad).chain(shorter).chain(std::iter::once(":")).filter(|aad| !aad.is_empty())
}
