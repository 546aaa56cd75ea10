//! The daily loop: a fresh render over an encrypted release keeps the envelopes of what did not change.
//!
//! A data key that stands in a file may have been planted by whoever committed it, so it is used for nothing but the
//! very values that it encrypts already: an object keeps its whole envelope, byte for byte, or gets a fresh data key.

use std::collections::HashMap;

use super::Member;
use super::decrypt::Unwrap;
use super::encrypt::Scope;
use super::error::FileError;
use super::open::{Demands, Opened, open};
use super::seal::{Secret, flags, secrets};
use super::selectors::Selectors;
use crate::document::{Content, Edit, Node, NodeId, Stream};
use crate::envelope::mac::MacHasher;
use crate::envelope::{MasterKey, Metadata, Rule};
use crate::format::Format;
use crate::kubernetes::{self, AsWritten, Object};
use crate::secret::DataKey;

/// The encrypted version that a fresh render is compared with.
pub struct Previous<'a> {
    source: &'a [u8],
    stream: Stream<'a>,
    /// By `apiVersion`, kind, namespace and name; objects that stand there twice are left out.
    objects: HashMap<Key, Option<(usize, NodeId)>>,
    unwrap: Unwrap<'a>,
    /// What the rule says today, in its order; an envelope for other keys is not kept.
    master_keys: Vec<MasterKey>,
    selectors: Selectors,
}

impl std::fmt::Debug for Previous<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Previous")
    }
}

type Key = (String, String, Option<String>, Option<String>);

/// An envelope that stays.
pub(crate) struct Kept {
    pub(crate) edits: Vec<Edit>,
    pub(crate) values: usize,
    pub(crate) comments: usize,
    pub(crate) data_key: DataKey,
}

impl<'a> Previous<'a> {
    /// Reads the previous version; `None` where it is unreadable or holds no envelope. `unwrap` is called for
    /// envelopes whose object is in the new version too.
    pub fn read(
        format: Format,
        source: &'a [u8],
        unwrap: Unwrap<'a>,
        master_keys: Vec<MasterKey>,
    ) -> Option<Self> {
        let stream = format.parse(source).ok()?;
        let mut objects = HashMap::new();
        for (index, document) in stream.documents.iter().enumerate() {
            for object in kubernetes::objects(document) {
                if document.entry(object, "sops").is_none() {
                    continue;
                }
                objects
                    .entry(key(document, object))
                    .and_modify(|known| *known = None)
                    .or_insert(Some((index, object)));
            }
        }
        if objects.is_empty() {
            return None;
        }
        Some(Self { source, stream, objects, unwrap, master_keys, selectors: Selectors::default() })
    }

    /// The previous envelope of an object, if nothing changed that it encrypts or is bound to. A previous version
    /// that does not verify, or cannot be opened, keeps nothing.
    pub(crate) fn keep(
        &self,
        format: Format,
        member: Member<'_, '_>,
        rule: &Rule,
        mac_only_encrypted: bool,
        scope: Scope,
    ) -> Result<Option<Kept>, FileError> {
        let Some(Some((index, object))) = self.objects.get(&key(member.document(), member.object))
        else {
            return Ok(None);
        };
        let documents = &self.stream.documents;
        let before = Member { source: self.source, documents, document: *index, object: *object };
        let Some(sops) = before.document().entry(*object, "sops") else { return Ok(None) };
        let Ok(metadata) = Metadata::read(before.document(), sops) else { return Ok(None) };
        if metadata.rule.as_ref() != Some(rule)
            || metadata.mac_only_encrypted != mac_only_encrypted
            || !self.is_for_the_same_keys(&metadata)
        {
            return Ok(None);
        }
        let Ok(selector) = self.selectors.compiled(rule) else { return Ok(None) };
        let Ok(data_key) = (self.unwrap)(&metadata) else { return Ok(None) };
        let Ok(opened) = open(&[before], &metadata, &selector, &data_key, Demands::default())
        else {
            return Ok(None);
        };
        let wanted =
            flags(scope, Object::read(&AsWritten, member.document(), member.object).as_ref());
        if opened.bound != Some(wanted) || opened.reordered {
            return Ok(None);
        }
        let mut hasher = MacHasher::new(mac_only_encrypted);
        let new = secrets(format, member, &selector, mac_only_encrypted, &mut hasher)?;
        if *hasher.finish() != *opened.mac_hex {
            return Ok(None);
        }
        let Some(mut edits) = reuse(format, before, &opened, member, &new) else {
            return Ok(None);
        };
        edits.push(format.inserted(
            member.source,
            member.document(),
            member.object,
            &metadata.fields(),
        ));
        let comments = new
            .iter()
            .filter(|secret| secret.value_type == crate::cipher::ValueType::Comment)
            .count();
        // The binding covers empty values too, which the MAC does not.
        if !still_bound(format, member, &edits, &metadata, &data_key, &self.selectors, rule) {
            return Ok(None);
        }
        let values = new.len() - comments;
        Ok(Some(Kept { edits, values, comments, data_key }))
    }

    fn is_for_the_same_keys(&self, metadata: &Metadata) -> bool {
        let mut before: Vec<_> = metadata
            .key_groups
            .iter()
            .flat_map(|group| group.keys.iter().map(|key| key.key.to_string()))
            .collect();
        let mut now: Vec<_> = self.master_keys.iter().map(ToString::to_string).collect();
        before.sort();
        now.sort();
        now.dedup();
        before == now
    }
}

fn key(document: &crate::document::Document<'_>, object: NodeId) -> Key {
    match Object::read(&AsWritten, document, object) {
        Some(object) => (
            object.api_version.to_owned(),
            object.kind.to_owned(),
            object.namespace.map(str::to_owned),
            object.name.map(str::to_owned),
        ),
        None => Default::default(),
    }
}

/// The ENC texts of the previous version in the places of the new one; `None` unless each secret finds its own.
fn reuse(
    format: Format,
    before: Member<'_, '_>,
    opened: &Opened,
    member: Member<'_, '_>,
    new: &[Secret],
) -> Option<Vec<Edit>> {
    let plain = opened.plain.first()?;
    let mut known: Vec<&NodeId> = plain.keys().collect();
    known.sort();
    if known.len() != new.len() {
        return None;
    }
    let mut edits = Vec::with_capacity(new.len() + 1);
    for (secret, id) in new.iter().zip(known) {
        let document = member.document();
        let (old, now) = (before.document().node(*id), document.node(secret.node));
        let same_place = before.document().path(*id) == document.path(secret.node)
            || matches!(now.content, Content::Comment(_))
                && matches!(old.content, Content::Comment(_));
        if !same_place || *plain[id].text != *secret.text {
            return None;
        }
        let enc = enc_text(old)?;
        if crate::cipher::EncText::parse(&enc).ok()?.value_type() != secret.value_type {
            return None;
        }
        edits.push(format.encrypted(member.source, document, secret.node, &enc).ok()?);
    }
    Some(edits)
}

fn enc_text(node: &Node<'_>) -> Option<String> {
    match &node.content {
        Content::Comment(comment) => Some(comment.text.to_owned()),
        Content::Scalar(scalar) => match &scalar.value {
            crate::document::Value::String(text) => Some(text.trim_end_matches('\n').to_owned()),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the envelope, put around the new object, verifies there.
fn still_bound(
    format: Format,
    member: Member<'_, '_>,
    edits: &[Edit],
    metadata: &Metadata,
    data_key: &DataKey,
    selectors: &Selectors,
    rule: &Rule,
) -> bool {
    let bytes = crate::document::apply(member.source, 0..member.source.len(), edits.to_vec());
    let Ok(stream) = format.parse(&bytes) else { return false };
    let Some(place) =
        kubernetes::objects(member.document()).iter().position(|object| *object == member.object)
    else {
        return false;
    };
    let Some(object) = stream
        .documents
        .get(member.document)
        .and_then(|document| kubernetes::objects(document).get(place).copied())
    else {
        return false;
    };
    let there =
        Member { source: &bytes, documents: &stream.documents, document: member.document, object };
    let Ok(selector) = selectors.compiled(rule) else { return false };
    open(&[there], metadata, &selector, data_key, Demands::default())
        .is_ok_and(|opened| opened.bound.is_some())
}
