//! The daily loop: a fresh render over an encrypted release keeps the envelopes of what did not change.
//!
//! A data key that stands in a file may have been planted by whoever committed it, so it is used for nothing but the
//! very values that it encrypts already: an object keeps its whole envelope, byte for byte, or gets a fresh data key.

use std::collections::HashMap;

use subtle::ConstantTimeEq;

use super::decrypt::Unwrap;
use super::encrypt::EncryptOptions;
use super::error::FileError;
use super::open::{Demands, Opened, open, relative_path};
use super::seal::{Secret, block, covered, flags, of_secrets, statement};
use super::selectors::Selectors;
use super::{Member, members};
use crate::cipher::{Cipher, EncText, ValueType};
use crate::document::{Content, Document, Edit, Node, NodeId, Stream, Value};
use crate::envelope::binding::BindingKeys;
use crate::envelope::{GroupedKeys, Metadata, Rule};
use crate::format::Format;
use crate::kubernetes::{AsWritten, Object};
use crate::secret::DataKey;

/// The encrypted version that a fresh render is compared with.
pub struct Previous<'a> {
    source: &'a [u8],
    stream: Stream<'a>,
    /// By `apiVersion`, kind, namespace and name; objects that stand there twice are left out.
    objects: HashMap<ObjectName, Option<Place>>,
    unwrap: Unwrap<'a>,
    /// What the rule says today; an envelope for other keys is not kept.
    master_keys: GroupedKeys,
    selectors: Selectors,
}

impl std::fmt::Debug for Previous<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Previous")
    }
}

/// What an object is called: `apiVersion`, kind, namespace and name. The same for all that are none.
pub(crate) type ObjectName = (String, String, Option<String>, Option<String>);

/// Where an object stands: document and node.
type Place = (usize, NodeId);

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
        master_keys: GroupedKeys,
    ) -> Option<Self> {
        let stream = format.parse(source).ok()?;
        let mut objects = HashMap::new();
        for member in members(&[], source, &stream) {
            let document = member.document();
            if document.entry(member.object, "sops").is_some() {
                objects
                    .entry(object_name(document, member.object))
                    .and_modify(|known| *known = None)
                    .or_insert(Some((member.document, member.object)));
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
        options: &EncryptOptions,
    ) -> Result<Option<Kept>, FileError> {
        let Some(Some(before)) = self.objects.get(&object_name(member.document(), member.object))
        else {
            return Ok(None);
        };
        let documents = &self.stream.documents;
        let (document, object) = *before;
        // Its place among the objects matters for what is written only.
        let source = self.source;
        let before = Member { before: &[], source, documents, document, object, place: 0 };
        let written = format.has_rules().then_some(rule);
        let Some(sops) = before.document().entry(before.object, "sops") else { return Ok(None) };
        let Ok(metadata) = Metadata::read(before.document(), sops) else { return Ok(None) };
        if metadata.rule.as_ref() != written
            || metadata.mac_only_encrypted != mac_only_encrypted
            || !self.master_keys.are_those_of(&metadata)
        {
            return Ok(None);
        }
        let Ok(selector) = self.selectors.compiled(rule) else { return Ok(None) };
        let Ok(data_key) = (self.unwrap)(&metadata) else { return Ok(None) };
        let Ok(opened) = open(&[before], &metadata, &selector, &data_key, Demands::default())
        else {
            return Ok(None);
        };
        let object = Object::read(&AsWritten, member.document(), member.object);
        let wanted = flags(options.scope, object.as_ref(), None);
        if opened.bound != Some(wanted) || opened.reordered {
            return Ok(None);
        }
        let mut new = covered(format, &[member], &selector, mac_only_encrypted)?;
        let same_mac = bool::from(new.mac_hex.as_bytes().ct_eq(opened.mac_hex.as_bytes()));
        let Some((_, new)) = new.members.pop().filter(|_| same_mac) else { return Ok(None) };
        let cipher = Cipher::new(&data_key);
        let edits = reuse(format, &cipher, before, &opened, member, &new);
        let Some(mut edits) = edits else { return Ok(None) };
        let (values, comments) = count(&new);

        // The binding covers empty values too, which the MAC does not.
        let plain = of_secrets(member, &new);
        let flags = (wanted, None);
        let statement = statement(member, &metadata, &selector, flags, &opened.mac_hex, &plain)?;
        if !BindingKeys::new(&data_key).verify(&opened.iv, &statement) {
            return Ok(None);
        }
        edits.push(block(format, member, &metadata.fields(), &options.indent));
        Ok(Some(Kept { edits, values, comments, data_key }))
    }
}

/// The name of an object, as it stands in the document.
pub(crate) fn object_name(document: &Document<'_>, object: NodeId) -> ObjectName {
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

fn count(secrets: &[Secret]) -> (usize, usize) {
    let comments = secrets.iter().filter(|secret| secret.value_type == ValueType::Comment).count();
    (secrets.len() - comments, comments)
}

/// The ENC texts of the previous version in the places of the new one; `None` unless each secret finds its own.
fn reuse(
    format: Format,
    cipher: &Cipher,
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
    let mut aad = String::new();
    for (secret, id) in new.iter().zip(known) {
        let (old, now) = (before.document(), member.document());
        let place = |document: &Document<'_>, top, id| relative_path(document, top, id);
        if place(old, before.object, *id) != place(now, member.object, secret.node) {
            return None;
        }
        let enc = enc_text(old.node(*id))?;
        let text = EncText::parse(&enc).ok()?;
        // The text as it is spelled, and, for comments, the container that it is encrypted for.
        let same = text.value_type() == secret.value_type
            && *cipher.decrypt(&text, secret.aad.text(&mut aad).as_bytes()).ok()? == *secret.text;
        if !same {
            return None;
        }
        edits.extend(format.encrypted(member.source, now, secret.node, &enc).ok()?);
    }
    Some(edits)
}

/// The ENC text at a node, without the line breaks that a block scalar adds.
pub(crate) fn enc_text(node: &Node<'_>) -> Option<String> {
    match &node.content {
        Content::Comment(comment) => Some(comment.text.to_owned()),
        Content::Scalar(scalar) => match &scalar.value {
            Value::String(text) => Some(text.trim_end_matches('\n').to_owned()),
            _ => None,
        },
        _ => None,
    }
}
