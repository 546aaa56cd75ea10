//! One envelope: verified, and its values decrypted.

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::error::FileError;
use super::limits::{PathBudget, SearchBudget};
use super::{Member, leaves};
use crate::cipher::{Cipher, EncText, ValueType, decode, is_enc_text};
use crate::document::{Content, Document, NodeId, Path, PathElement, Scalar, Value};
use crate::envelope::Metadata;
use crate::envelope::binding::{self, BindingKeys, Flags, Recognised, Statement};
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
        }
    }
}

/// What the caller asks of an envelope.
#[derive(Clone, Copy, Default)]
pub(crate) struct Demands<'a> {
    pub(crate) require_bound: bool,
    /// Stands in for a namespace that the object does not carry.
    pub(crate) namespace: Option<&'a str>,
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
    let mac = open_mac(&cipher, &metadata.mac, &metadata.last_modified).map_err(|error| {
        FileError::refused(format!("the `mac` of the envelope does not open: {error}"))
            .hint("the envelope or its date was altered, or put together from two files")
    })?;
    let keys = BindingKeys::new(data_key);
    let recognised = keys.recognise(mac.iv());
    let mut hasher = MacHasher::new(metadata.mac_only_encrypted);
    let mut plain = Vec::with_capacity(members.len());
    for member in members {
        let leaves = open_leaves(*member, metadata, selector, &cipher, &mut hasher);
        plain.push(leaves.map_err(|error| error.object(member.describe()))?);
    }
    let in_order = mac.matches(&hasher.finish());

    let mut opened = Opened {
        plain,
        mac_hex: Zeroizing::new(mac.hex().to_owned()),
        iv: mac.iv().to_vec(),
        bound: None,
        reordered: !in_order,
        description: None,
    };
    for (member, plain) in members.iter().zip(&opened.plain) {
        let strings = Overlay(plain);
        let document = member.document();
        let object = Object::read(&strings, document, member.object);
        if opened.description.is_none() {
            opened.description = object.map(|object| object.describe());
        }
        for secret in kubernetes::secrets_within(&strings, document, member.object) {
            check_region(*member, secret, plain).map_err(|error| {
                let secret = Object::read(&strings, document, secret);
                error.object(secret.map(|secret| secret.describe()))
            })?;
        }
    }
    match recognised {
        Recognised::Bound(flags) => {
            let [member] = members else {
                return Err(FileError::refused(
                    "the envelope is bound, but several documents share it",
                ));
            };
            verify_binding(*member, metadata, selector, &keys, flags, &opened, demands)
                .map_err(|error| error.object(opened.description.clone()))?;
            opened.bound = Some(flags);
        }
        Recognised::UnknownVersion(version) => {
            return Err(FileError::refused(format!(
                "the envelope is bound in a way that this version does not know (version {version})"
            ))
            .object(opened.description)
            .hint("a newer version of seal wrote it; use that"));
        }
        Recognised::UnknownFlags(flags) => {
            return Err(FileError::refused(format!(
                "the envelope is bound to something that this version does not know (flags {flags:#04x})"
            ))
            .object(opened.description)
            .hint("a newer version of seal wrote it; use that"));
        }
        Recognised::Unbound => {
            if !in_order {
                return Err(FileError::refused(
                    "the MAC does not fit the values: they were altered, moved, added or removed",
                )
                .object(opened.description)
                .hint(
                    "if a tool only sorted or re-ordered this file, decrypt it before that tool runs: SOPS's MAC \
                     depends on the order; `seal encrypt` writes envelopes that do not",
                ));
            }
            if demands.require_bound {
                return Err(FileError::refused(
                    "the envelope is not bound to its document: SOPS wrote or re-wrote it",
                )
                .object(opened.description)
                .hint("encrypt the document with `seal encrypt`"));
            }
        }
    }
    Ok(opened)
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
        let refuse = |problem: &str| member.at(FileError::refused(problem), id);
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

/// The nodes of an object as they stand in the source, comments left out.
struct NodesByPlace<'d, 's> {
    document: &'d Document<'s>,
    object: NodeId,
    /// Start and node.
    places: Vec<(usize, NodeId)>,
}

impl<'d, 's> NodesByPlace<'d, 's> {
    fn of(document: &'d Document<'s>, object: NodeId) -> Self {
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
    fn open_elsewhere(
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
fn comment_enc<'d>(document: &'d Document<'_>, id: NodeId) -> Option<EncText<'d>> {
    let Content::Comment(comment) = &document.node(id).content else { return None };
    EncText::parse(comment.text).ok().filter(|enc| enc.value_type() == ValueType::Comment)
}

fn open_comment(enc: &EncText<'_>, aad: &str, cipher: &Cipher) -> Option<Zeroizing<Vec<u8>>> {
    let text = cipher.decrypt(enc, aad.as_bytes()).ok()?;
    std::str::from_utf8(&text).is_ok_and(stands_on_a_line).then_some(text)
}

/// Without what ends a line for YAML, or may not stand in it.
fn stands_on_a_line(text: &str) -> bool {
    !text.chars().any(|character| {
        (character.is_control() && character != '\t')
            || matches!(character, '\u{2028}' | '\u{2029}')
    })
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

fn verify_binding(
    member: Member<'_, '_>,
    metadata: &Metadata,
    selector: &Selector,
    keys: &BindingKeys,
    flags: Flags,
    opened: &Opened,
    demands: Demands<'_>,
) -> Result<(), FileError> {
    let document = member.document();
    let strings = Overlay(&opened.plain[0]);
    let object = Object::read(&strings, document, member.object);
    if flags.kubernetes != object.is_some() {
        return Err(FileError::refused("`apiVersion` or `kind` was added or taken away")
            .hint("the envelope is bound to what the document was when it was encrypted"));
    }
    let mut identity = object.map(|object| object.identity()).unwrap_or_default();
    if flags.namespace && identity.namespace.is_none() {
        identity.namespace = demands.namespace;
        if identity.namespace.is_none() {
            return Err(FileError::refused("it is bound to a namespace, but carries none")
                .hint("say which with `--namespace`"));
        }
    }
    let statement = Statement {
        flags,
        last_modified: &metadata.last_modified,
        mac_hex: &opened.mac_hex,
        rule: metadata.rule.as_ref(),
        mac_only_encrypted: metadata.mac_only_encrypted,
        identity,
        leaves: bound_leaves(
            member,
            metadata.mac_only_encrypted,
            selector,
            &strings,
            &opened.plain[0],
        )?,
    };
    if keys.verify(&opened.iv, &statement) {
        return Ok(());
    }
    let mut parts = vec!["a value was added, removed or emptied"];
    parts.push("the rule of the envelope was changed");
    if flags.kubernetes {
        parts.push(match (flags.name, flags.namespace) {
            (true, true) => "apiVersion, kind, type, name or namespace was changed",
            (true, false) => "apiVersion, kind, type or name was changed",
            _ => "apiVersion, kind or type was changed",
        });
    }
    Err(FileError::refused("the document is not the one that was encrypted")
        .hint(format!("one of these: {}", parts.join("; "))))
}

/// The leaves that the binding covers: of a Secret its region, of other documents what SOPS's MAC covers together with
/// their empty values.
pub(crate) fn bound_leaves(
    member: Member<'_, '_>,
    mac_only_encrypted: bool,
    selector: &Selector,
    strings: &dyn Strings,
    plain: &HashMap<NodeId, Plain>,
) -> Result<Vec<Zeroizing<Vec<u8>>>, FileError> {
    let document = member.document();
    let object = Object::read(strings, document, member.object);
    let mut ids = Vec::new();
    if object.is_some_and(|object| object.is_secret()) {
        for entry in kubernetes::region(document, member.object) {
            ids.extend(entry.index()..document.node(entry).end.index());
        }
    } else {
        let selected = match mac_only_encrypted {
            true => selector.select(document, member.object),
            false => Vec::new(),
        };
        let sops = document
            .entry(member.object, "sops")
            .map(|id| id.index()..document.node(id).end.index());
        for index in member.object.index()..document.node(member.object).end.index() {
            let in_envelope = sops.as_ref().is_some_and(|sops| sops.contains(&index));
            let covered = selected.get(index - member.object.index()).copied();
            if !in_envelope && covered.unwrap_or(!mac_only_encrypted) {
                ids.push(index);
            }
        }
    }
    let mut out = Vec::with_capacity(ids.len());
    let mut budget = PathBudget::of(document);
    for index in ids {
        let id = NodeId(index as u32);
        let content = &document.node(id).content;
        if !matches!(content, Content::Scalar(_) | Content::Alias { .. }) {
            continue;
        }
        let path = relative_path(document, member.object, id);
        budget.spend(binding::path_length(&path.0))?;
        match content {
            Content::Scalar(scalar) => {
                out.push(match plain.get(&id) {
                    Some(plain) => {
                        let value = plain.value.canonical();
                        binding::leaf(&path.0, true, Some(plain.value_type), &value)
                    }
                    None => clear_leaf(&path.0, &scalar.value),
                });
            }
            Content::Alias { document: target, node, of_key } => {
                let target = (*target, *node, *of_key);
                alias_leaves(member, target, path.0, &mut out, &mut budget, 0)?;
            }
            _ => {}
        }
    }
    Ok(out)
}

fn clear_leaf(path: &[PathElement], value: &Value<'_>) -> Zeroizing<Vec<u8>> {
    let value_type = match value {
        Value::UInt(_) => Some(ValueType::Int),
        other => other.value_type(),
    };
    binding::leaf(path, false, value_type, &value.canonical())
}

fn alias_leaves(
    member: Member<'_, '_>,
    (document, node, of_key): (usize, NodeId, bool),
    path: Vec<PathElement>,
    out: &mut Vec<Zeroizing<Vec<u8>>>,
    budget: &mut PathBudget,
    depth: usize,
) -> Result<(), FileError> {
    if depth > 50 || out.len() > 1_000_000 {
        return Err(FileError::input("the aliases of this document multiply without end"));
    }
    let target = &member.documents[document];
    if let (Some(key), true) = (&target.node(node).key, of_key) {
        out.push(clear_leaf(&path, &Value::String(key.text.as_ref().into())));
        return Ok(());
    }
    for index in node.index()..target.node(node).end.index() {
        let id = NodeId(index as u32);
        let content = &target.node(id).content;
        if !matches!(content, Content::Scalar(_) | Content::Alias { .. }) {
            continue;
        }
        let mut path = path.clone();
        path.extend(relative_path(target, node, id).0);
        budget.spend(binding::path_length(&path))?;
        match content {
            Content::Scalar(scalar) => out.push(clear_leaf(&path, &scalar.value)),
            Content::Alias { document, node, of_key } => {
                alias_leaves(member, (*document, *node, *of_key), path, out, budget, depth + 1)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Path of a node below `top`.
pub(crate) fn relative_path(document: &Document<'_>, top: NodeId, id: NodeId) -> Path {
    document.path_below(top, id)
}
