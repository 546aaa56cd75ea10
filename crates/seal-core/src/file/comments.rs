//! Encrypted comments, which are authentic by themselves and may have moved.

use zeroize::Zeroizing;

use super::limits::SearchBudget;
use crate::cipher::{Cipher, EncText, ValueType};
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
    /// containers around it and around the node before it are tried. A comment that opens nowhere is left as it is, as
    /// SOPS does: it is in no MAC.
    pub(super) fn open_elsewhere(
        &self,
        comment: NodeId,
        cipher: &Cipher,
        budget: &mut SearchBudget,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let enc = comment_enc(self.document, comment)?;
        let node = self.document.node(comment);
        let before = self.places.partition_point(|(place, _)| *place < node.span.start);
        let before = before.checked_sub(1).and_then(|at| self.places.get(at));
        for innermost in [node.parent, before.map(|(_, id)| *id)].into_iter().flatten() {
            let (aad, ends) = self.containers(innermost, budget)?;
            for end in ends {
                let aad = if end == 0 { ":" } else { &aad[..end] };
                if !budget.spend(aad.len() + enc.ciphertext().len() + COST_OF_A_TRY) {
                    return None;
                }
                if let Some(text) = open_comment(&enc, aad, cipher) {
                    return Some(text);
                }
            }
        }
        None
    }

    /// The additional data of a node, and where that of it and of each container around it ends, longest first. `None`
    /// where that is more than the budget allows.
    fn containers(&self, id: NodeId, budget: &mut SearchBudget) -> Option<(String, Vec<usize>)> {
        let mut keys = Vec::new();
        let mut at = Some(id).filter(|id| *id >= self.object);
        while let Some(id) = at.filter(|id| *id != self.object) {
            let node = self.document.node(id);
            let key = node.key.as_ref().map(|key| key.text.as_ref());
            if !budget.spend(COST_OF_A_STEP + key.map_or(0, str::len)) {
                return None;
            }
            keys.extend(key);
            at = node.parent;
        }
        let (mut aad, mut ends) = (String::new(), vec![0]);
        for key in keys.into_iter().rev() {
            aad.push_str(key);
            aad.push(':');
            ends.push(aad.len());
        }
        ends.reverse();
        Some((aad, ends))
    }
}

/// Bytes that could be gone through in the time that GCM needs besides them.
const COST_OF_A_TRY: usize = 256;
const COST_OF_A_STEP: usize = 16;

/// The ENC text of a comment.
pub(super) fn comment_enc<'d>(document: &'d Document<'_>, id: NodeId) -> Option<EncText<'d>> {
    let Content::Comment(comment) = &document.node(id).content else { return None };
    EncText::parse(comment.text).ok().filter(|enc| enc.value_type() == ValueType::Comment)
}

pub(super) fn open_comment(
    enc: &EncText<'_>,
    aad: &str,
    cipher: &Cipher,
) -> Option<Zeroizing<Vec<u8>>> {
    let text = cipher.decrypt(enc, aad.as_bytes()).ok()?;
    std::str::from_utf8(&text).is_ok().then_some(text)
}
