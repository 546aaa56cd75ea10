//! The ENC texts of an envelope, found again by what they show.

use std::collections::{HashMap, HashSet};

use zeroize::Zeroizing;

use super::super::Member;
use super::super::open::{Plain, relative_path};
use super::super::previous::enc_text;
use super::super::seal::Secret;
use crate::cipher::{Cipher, EncText, ValueType, aad_of_path};
use crate::document::{Content, NodeId, Path};

/// What was encrypted under one data key.
#[derive(Default)]
pub(super) struct Known {
    texts: Vec<KnownText>,
    /// By member and path. Comments have no place of their own.
    by_place: HashMap<(usize, Path), usize>,
    /// The indices of `texts`, in the order of what they show.
    by_content: Vec<usize>,
}

/// A value or comment as the user saw it, and how it is encrypted.
struct KnownText {
    aad: String,
    /// As the decrypted text is read. SOPS encrypts numbers as floats that are shown as integers.
    shown_type: ValueType,
    text: Zeroizing<Vec<u8>>,
    enc: String,
    enc_type: ValueType,
}

impl Known {
    /// Notes what a member held: `encrypted` with what its ENC texts hold, and the same member decrypted, with its
    /// secrets. Those of which it is not sure which is which are left out.
    pub(super) fn note(
        &mut self,
        which: usize,
        (encrypted, plain): (Member<'_, '_>, &HashMap<NodeId, Plain>),
        (shown, secrets): (Member<'_, '_>, Vec<Secret>),
        cipher: &Cipher,
    ) {
        let mut ids: Vec<(NodeId, &Plain)> = plain.iter().map(|(id, plain)| (*id, plain)).collect();
        ids.sort_unstable_by_key(|(id, _)| *id);
        let (comments, values): (Vec<_>, Vec<_>) =
            ids.into_iter().partition(|(_, plain)| plain.is_comment());
        let (shown_comments, shown_values): (Vec<_>, Vec<_>) =
            secrets.into_iter().partition(|secret| secret.value_type == ValueType::Comment);
        if values.len() == shown_values.len() {
            for ((id, plain), secret) in values.into_iter().zip(shown_values) {
                self.value(which, (encrypted, id, plain), (shown, secret));
            }
        }
        self.comments(encrypted, &comments, shown_comments, cipher);
    }

    fn value(
        &mut self,
        which: usize,
        (encrypted, id, plain): (Member<'_, '_>, NodeId, &Plain),
        (shown, secret): (Member<'_, '_>, Secret),
    ) {
        let document = encrypted.document();
        let Some(enc) = enc_text(document.node(id)) else { return };
        let Content::Scalar(scalar) = &shown.document().node(secret.node).content else { return };
        let mut aad = String::new();
        secret.aad.text(&mut aad);
        let is_the_same = *scalar.value.canonical() == *plain.value.canonical()
            && aad == aad_of_path(&relative_path(document, encrypted.object, id).0);
        if !is_the_same {
            return;
        }
        let path = relative_path(shown.document(), shown.object, secret.node);
        self.by_place.entry((which, path)).or_insert(self.texts.len());
        self.texts.push(KnownText {
            aad,
            shown_type: secret.value_type,
            text: secret.text,
            enc,
            enc_type: plain.value_type,
        });
    }

    /// A comment may have been encrypted for another container than it stands in now; then it is no use.
    fn comments(
        &mut self,
        encrypted: Member<'_, '_>,
        comments: &[(NodeId, &Plain)],
        shown: Vec<Secret>,
        cipher: &Cipher,
    ) {
        let mut left = comments.iter();
        for secret in shown {
            // Some comments in clear may stand between them.
            let mut ahead = left.clone();
            let Some((id, _)) = ahead.find(|(_, plain)| *plain.text == *secret.text) else {
                continue;
            };
            left = ahead;
            let mut aad = String::new();
            secret.aad.text(&mut aad);
            let Some(enc) = enc_text(encrypted.document().node(*id)) else { continue };
            let opens =
                EncText::parse(&enc).is_ok_and(|enc| cipher.decrypt(&enc, aad.as_bytes()).is_ok());
            if opens {
                let shown_type = ValueType::Comment;
                let text = secret.text;
                self.texts.push(KnownText { aad, shown_type, text, enc, enc_type: shown_type });
            }
        }
    }

    /// To be called after the last [`Self::note`].
    pub(super) fn finish(&mut self) {
        let texts = &self.texts;
        let mut order: Vec<usize> = (0..texts.len()).collect();
        // Stable, so that equal ones are found in the order in which they stood.
        order.sort_by(|one, other| texts[*one].content().cmp(&texts[*other].content()));
        self.by_content = order;
    }

    /// Gives the secrets that did not change their ENC texts, each of which is used once: first to those in the same
    /// place, then to those that moved within their list. `earlier` says which of the earlier members each one is.
    pub(super) fn assign(
        &self,
        members: &mut [(Member<'_, '_>, Vec<Secret>)],
        earlier: &[Option<usize>],
    ) {
        let mut used = HashSet::new();
        let mut aad = String::new();
        for ((member, secrets), which) in members.iter_mut().zip(earlier) {
            let Some(which) = which else { continue };
            for secret in secrets.iter_mut() {
                let path = relative_path(member.document(), member.object, secret.node);
                let Some(known) = self.by_place.get(&(*which, path)) else { continue };
                let text = &self.texts[*known];
                if text.content() == content(secret, &mut aad) && used.insert(*known) {
                    text.keep(secret);
                }
            }
        }
        // For each group of equal texts, how many were looked at.
        let mut looked_at: HashMap<usize, usize> = HashMap::new();
        for secret in members.iter_mut().flat_map(|(_, secrets)| secrets) {
            if secret.enc.is_some() {
                continue;
            }
            let wanted = content(secret, &mut aad);
            let is_less = |known: &usize| self.texts[*known].content() < wanted;
            let first = self.by_content.partition_point(is_less);
            let next = looked_at.entry(first).or_insert(first);
            while let Some(known) = self.by_content.get(*next) {
                let text = &self.texts[*known];
                if text.content() != wanted {
                    break;
                }
                *next += 1;
                if used.insert(*known) {
                    text.keep(secret);
                    break;
                }
            }
        }
    }
}

impl KnownText {
    fn content(&self) -> (&str, &'static str, &[u8]) {
        (&self.aad, self.shown_type.as_str(), &self.text)
    }

    fn keep(&self, secret: &mut Secret) {
        secret.enc = Some(self.enc.clone());
        secret.value_type = self.enc_type;
    }
}

fn content<'a>(secret: &'a Secret, aad: &'a mut String) -> (&'a str, &'static str, &'a [u8]) {
    (secret.aad.text(aad), secret.value_type.as_str(), &secret.text)
}
