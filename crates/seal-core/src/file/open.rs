//! One envelope: verified, and its values decrypted.

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::bound::{has_twins, verify_binding};
use super::comments::{NodesByPlace, comment_enc, open_comment};
use super::error::{Fault, FileError};
use super::limits::SearchBudget;
use super::{Member, leaves};
use crate::cipher::{Cipher, EncText, ValueType, decode, is_enc_text};
use crate::document::{Content, Document, NodeId, Path, Scalar, Value};
use crate::envelope::Metadata;
use crate::envelope::binding::{BindingKeys, Flags, Recognised};
use crate::envelope::mac::{MacHasher, open_mac};
use crate::kubernetes::{self, AsWritten, Object, Strings};
use crate::secret::DataKey;
use crate::select::Selector;

/// A decrypted leaf or comment.
pub(crate) struct Plain {
    pub(crate) value: Value<'static>,
    /// As it stood inside ENC.
    pub(crate) text: Zeroizing<Vec<u8>>,
    /// Of the ENC text. SOPS makes items of a list of the comments in it, so not only comments have that of one.
    pub(crate) value_type: ValueType,
}

impl Plain {
    pub(crate) fn is_comment(&self) -> bool {
        self.value_type == ValueType::Comment
    }
}

/// What an envelope turned out to hold.
pub(crate) struct Opened {
    /// For each member, its decrypted leaves and comments.
    pub(crate) plain: Vec<HashMap<NodeId, Plain>>,
    pub(crate) mac_hex: Zeroizing<String>,
    pub(crate) iv: Vec<u8>,
    pub(crate) bound: Option<Flags>,
    /// The leaves stand in another order than when they were encrypted.
    pub(crate) reordered: bool,
    pub(crate) description: Option<String>,
    /// What [`Demands::ignore_mac`] let pass.
    pub(crate) unverified: Option<String>,
}

impl Opened {
    /// Values that were encrypted, comments not counted.
    pub(crate) fn values(&self) -> usize {
        self.plain.iter().flat_map(HashMap::values).filter(|plain| !plain.is_comment()).count()
    }

    /// The same verdict, for a part of the members.
    pub(crate) fn without_leaves(&self) -> Self {
        Self {
            plain: Vec::new(),
            mac_hex: Zeroizing::new(String::new()),
            iv: Vec::new(),
            bound: self.bound,
            reordered: self.reordered,
            description: self.description.clone(),
            unverified: self.unverified.clone(),
        }
    }
}

/// What the caller asks of an envelope.
#[derive(Clone, Copy, Default)]
pub(crate) struct Demands<'a> {
    pub(crate) require_bound: bool,
    /// Stands in for a namespace that the object does not carry.
    pub(crate) namespace: Option<&'a str>,
    /// Neither MAC nor binding have to hold, only each value.
    pub(crate) ignore_mac: bool,
    /// Without a binding, what Kubernetes makes of the document does not count.
    pub(crate) as_data: bool,
}

/// Strings of a document, decrypted where they were encrypted.
pub(crate) struct Overlay<'p>(pub(crate) &'p HashMap<NodeId, Plain>);

impl Strings for Overlay<'_> {
    fn string<'a>(&'a self, document: &'a Document<'_>, node: NodeId) -> Option<&'a str> {
        match self.0.get(&node) {
            Some(Plain { value: Value::String(text), .. }) => Some(text),
            Some(_) => None,
            None => AsWritten.string(document, node),
        }
    }
}

/// Verifies the envelope of `members` and decrypts what it encrypts.
///
/// # Errors
/// Anything that differs from what was encrypted. Nothing decrypted leaves this function then.
pub(crate) fn open(
    members: &[Member<'_, '_>],
    metadata: &Metadata,
    selector: &Selector,
    data_key: &DataKey,
    demands: Demands<'_>,
) -> Result<Opened, FileError> {
    let cipher = Cipher::new(data_key);
    let mac = match open_mac(&cipher, &metadata.mac, &metadata.last_modified) {
        Ok(mac) => Ok(mac),
        Err(error) => {
            let error =
                FileError::refused(format!("the `mac` of the envelope does not open: {error}"))
                    .fault(Fault::Mac)
                    .hint("the envelope or its date was altered, or put together from two files");
            if demands.ignore_mac { Err(error) } else { return Err(error) }
        }
    };
    let mut hasher = MacHasher::new(metadata.mac_only_encrypted);
    let mut plain = Vec::with_capacity(members.len());
    for member in members {
        let leaves = open_leaves(*member, metadata, selector, &cipher, &mut hasher);
        plain.push(leaves.map_err(|error| error.object(member.describe()))?);
    }
    let hash = hasher.finish();
    let in_order = mac.as_ref().is_ok_and(|mac| mac.matches(&hash));
    let mac_hex = mac.as_ref().map(|mac| mac.hex().to_owned()).unwrap_or_default();
    let iv = mac.as_ref().map(|mac| mac.iv().to_vec()).unwrap_or_default();
    let mut opened = Opened {
        plain,
        mac_hex: Zeroizing::new(mac_hex),
        iv,
        bound: None,
        reordered: !in_order,
        description: None,
        unverified: None,
    };
    for (member, plain) in members.iter().zip(&opened.plain) {
        let strings = Overlay(plain);
        let object = Object::read(&strings, member.document(), member.object);
        opened.description = opened.description.or_else(|| object.map(|object| object.describe()));
    }
    let verdict = mac.and_then(|_| verify(members, metadata, selector, data_key, demands, &opened));
    match verdict {
        Ok(bound) => opened.bound = bound,
        Err(error) if demands.ignore_mac => opened.unverified = Some(error.problem.clone()),
        Err(error) => return Err(error),
    }
    Ok(opened)
}

/// That the leaves belong together, and to their document. Returns what the binding holds, where there is one.
fn verify(
    members: &[Member<'_, '_>],
    metadata: &Metadata,
    selector: &Selector,
    data_key: &DataKey,
    demands: Demands<'_>,
    opened: &Opened,
) -> Result<Option<Flags>, FileError> {
    let keys = BindingKeys::new(data_key);
    let recognised = keys.recognise(&opened.iv);
    let is_data = demands.as_data && matches!(recognised, Recognised::Unbound);
    for (member, plain) in members.iter().zip(&opened.plain) {
        if is_data {
            break;
        }
        let strings = Overlay(plain);
        let document = member.document();
        let object = Object::read(&strings, document, member.object);
        check_identity(*member, &strings)
            .map_err(|error| error.object(object.map(|object| object.describe())))?;
        for secret in kubernetes::secrets_within(&strings, document, member.object) {
            check_region(*member, secret, plain).map_err(|error| {
                let secret = Object::read(&strings, document, secret);
                error.object(secret.map(|secret| secret.describe()))
            })?;
        }
    }
    let unknown = |what: String| {
        FileError::refused(format!("the envelope is bound {what}"))
            .object(opened.description.clone())
            .hint("a newer version of seal wrote it; use that")
    };
    match recognised {
        Recognised::Bound(flags) => {
            let [member] = members else {
                return Err(FileError::refused(
                    "the envelope is bound, but several documents share it",
                ));
            };
            verify_binding(*member, metadata, selector, &keys, flags, opened, demands)
                .map_err(|error| error.object(opened.description.clone()))?;
            if opened.reordered && has_twins(member.document(), member.object) {
                return Err(FileError::refused(
                    "the order of the values was changed, and one of the keys stands there twice",
                )
                .fault(Fault::Mac)
                .hint("the last of several values counts, so their order has to be the one that was encrypted"));
            }
            Ok(Some(flags))
        }
        Recognised::UnknownVersion(version) => Err(unknown(format!(
            "in a way that this version does not know (version {version})"
        ))),
        Recognised::UnknownFlags(flags) => Err(unknown(format!(
            "to something that this version does not know (flags {flags:#04x})"
        ))),
        Recognised::Unbound if opened.reordered => Err(FileError::refused(
            "the MAC does not fit the values: they were altered, moved, added or removed",
        )
        .fault(Fault::Mac)
        .object(opened.description.clone())
        .hint(
            "if a tool only sorted or re-ordered this file, decrypt it before that tool runs: SOPS's MAC \
             depends on the order; `seal encrypt` writes envelopes that do not",
        )),
        Recognised::Unbound if demands.require_bound => Err(FileError::refused(
            "the envelope is not bound to its document: SOPS wrote or re-wrote it",
        )
        .object(opened.description.clone())
        .hint("encrypt the document with `seal encrypt`")),
        Recognised::Unbound => Ok(None),
    }
}

fn open_leaves(
    member: Member<'_, '_>,
    metadata: &Metadata,
    selector: &Selector,
    cipher: &Cipher,
    hasher: &mut MacHasher,
) -> Result<HashMap<NodeId, Plain>, FileError> {
    let document = member.document();
    let selected = selector.select(document, member.object);
    let mut plain = HashMap::new();
    let mut lost_comments: Vec<NodeId> = Vec::new();
    leaves::visit(member, &mut |leaf| {
        let id = leaf.origin;
        let is_selected = selected[id.index() - member.object.index()];
        let refuse = |problem: &str| member.at(FileError::refused(problem).fault(Fault::Value), id);
        if leaf.is_aliased && is_selected {
            return Err(refuse("an alias stands where the rule of the envelope wants a value"));
        }
        let scalar = match (&leaf.node.content, leaf.key_text) {
            (_, Some(text)) => {
                if !metadata.mac_only_encrypted {
                    hasher.update(text.as_bytes());
                }
                return Ok(());
            }
            (Content::Comment(comment), None) => {
                if !leaf.is_aliased && is_enc_text(comment.text) {
                    match comment_enc(document, id).map(|enc| open_comment(&enc, leaf.aad, cipher))
                    {
                        Some(Some(text)) => drop(plain.insert(id, comment_of(text))),
                        Some(None) => lost_comments.push(id),
                        None => {}
                    }
                }
                return Ok(());
            }
            (Content::Scalar(scalar), None) => scalar,
            _ => return Ok(()),
        };
        if !is_selected {
            if !metadata.mac_only_encrypted {
                hasher.update(&scalar.value.canonical());
            }
            return Ok(());
        }
        if scalar.value.is_empty() {
            return Ok(());
        }
        let enc = match &scalar.value {
            Value::String(text) if is_enc_text(text) => text,
            _ => {
                return Err(refuse(
                    "a value in clear stands where the envelope says it is encrypted",
                )
                .hint("it was added or replaced after the file was encrypted"));
            }
        };
        let enc = EncText::parse(enc).map_err(|error| refuse(&error.to_string()))?;
        if enc.tail().bytes().any(|byte| !matches!(byte, b'\n')) {
            return Err(refuse("there is text behind the encrypted value"));
        }
        let text = cipher.decrypt(&enc, leaf.aad.as_bytes()).map_err(|_| {
            refuse("the value does not open: it was altered, or belongs to another key or document")
        })?;
        if enc.value_type() == ValueType::Comment {
            if document.node(id).key.is_some() {
                return Err(refuse("a comment stands where a value belongs"));
            }
            // SOPS writes the comments of lists as items; no value, and not in the MAC.
            plain.insert(id, comment_of(text));
            return Ok(());
        }
        let value = decode(enc.value_type(), &text).map_err(|error| refuse(&error.to_string()))?;
        hasher.update(&value.canonical());
        plain.insert(id, Plain { value, text, value_type: enc.value_type() });
        Ok(())
    })?;
    if !lost_comments.is_empty() {
        let nodes = NodesByPlace::of(document, member.object);
        let span = document.node(member.object).span;
        let mut budget = SearchBudget::of(span.end - span.start);
        for id in lost_comments {
            let text = nodes.open_elsewhere(id, cipher, &mut budget);
            plain.extend(text.map(|text| (id, comment_of(text))));
        }
    }
    Ok(plain)
}

fn comment_of(text: Zeroizing<Vec<u8>>) -> Plain {
    let value = Value::String(String::from_utf8_lossy(&text).into_owned().into());
    Plain { value, text, value_type: ValueType::Comment }
}

/// What a document is has to stand in it plainly: kubectl expands aliases and merge keys, which the binding does not
/// see, and a kind behind one would escape the rules of the region.
fn check_identity(member: Member<'_, '_>, strings: &Overlay<'_>) -> Result<(), FileError> {
    let document = member.document();
    let hidden = kubernetes::hidden_kind(member.documents, document, member.object)
        .or_else(|| kubernetes::indirect_item(member.documents, document, member.object));
    let indirect = || {
        Object::read(strings, document, member.object)?;
        kubernetes::indirect_identity(strings, document, member.object)
    };
    match hidden.or_else(indirect) {
        None => Ok(()),
        Some(entry) => {
            let problem =
                "an alias, a merge key or another type stands where the document says what it is";
            Err(member
                .at(FileError::refused(problem), entry)
                .hint("apiVersion, kind, type, name and namespace have to be written out as text"))
        }
    }
}

/// The region of a Secret is given by its kind, whatever the envelope's rule says.
fn check_region(
    member: Member<'_, '_>,
    secret: NodeId,
    plain: &HashMap<NodeId, Plain>,
) -> Result<(), FileError> {
    let document = member.document();
    if let Some(merge) = document.entry(secret, "<<") {
        let error = FileError::refused("a merge key at the top of a Secret can bring values in");
        return Err(member.at(error, merge).hint("it was added after the file was encrypted"));
    }
    for entry in kubernetes::region(document, secret) {
        for index in entry.index()..document.node(entry).end.index() {
            let id = NodeId(index as u32);
            let node = document.node(id);
            let problem = match &node.content {
                // `data:` with nothing below it is the same as no `data`.
                Content::Scalar(Scalar { value: Value::Null, .. }) if id == entry => continue,
                Content::Scalar(Scalar { value: Value::Null, .. }) => "null",
                Content::Scalar(scalar) if scalar.value.is_empty() || plain.contains_key(&id) => {
                    continue;
                }
                Content::Scalar(_) => "a value in clear",
                Content::Alias { .. } => "an alias",
                _ => continue,
            };
            let error =
                FileError::refused(format!("{problem} stands in the secret part of the Secret"));
            return Err(member.at_null(error, id).hint(
                "everything below `data` and `stringData` has to be encrypted; the value was added after the file was \
                 encrypted, or the envelope's rule leaves it out",
            ));
        }
    }
    Ok(())
}

/// Path of a node below `top`.
pub(crate) fn relative_path(document: &Document<'_>, top: NodeId, id: NodeId) -> Path {
    document.path_below(top, id)
}
