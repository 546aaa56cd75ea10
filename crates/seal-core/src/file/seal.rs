//! One envelope: values encrypted, MAC and binding computed, the block appended.

use std::collections::HashMap;

use super::bound::bound_leaves;
use super::encrypt::{FileKey, Keys, Scope};
use super::error::FileError;
use super::leaves::Aad;
use super::open::Plain;
use super::{Member, leaves};
use crate::cipher::{Cipher, ValueType};
use crate::document::{Content, Document, Edit, Node, NodeId, Value};
use crate::envelope::binding::{BindingKeys, Flags, Statement};
use crate::envelope::mac::{MacHasher, seal_mac};
use crate::envelope::metadata::SOPS_VERSION;
use crate::envelope::{Metadata, Rule};
use crate::format::{BlockIndent, Format};
use crate::kubernetes::{AsWritten, Object};
use crate::select::Selector;

/// What is the same for all envelopes of a run.
pub(crate) struct Sealing<'a> {
    pub(crate) format: Format,
    pub(crate) keys: &'a Keys<'a>,
    pub(crate) file_key: &'a FileKey,
    pub(crate) last_modified: &'a str,
    pub(crate) scope: Scope,
    /// Whether the envelope of a single document is bound to it.
    pub(crate) bound: bool,
    pub(crate) indent: &'a BlockIndent,
}

/// The edits of one envelope, for each member.
pub(crate) struct Sealed {
    pub(crate) edits: Vec<Vec<Edit>>,
    pub(crate) values: usize,
    pub(crate) comments: usize,
}

/// A value of the source that is to be encrypted, in the order of the document.
pub(crate) struct Secret {
    pub(crate) node: NodeId,
    pub(crate) aad: Aad,
    pub(crate) value_type: ValueType,
    pub(crate) text: zeroize::Zeroizing<Vec<u8>>,
}

/// The secrets of one member, and what its MAC covers.
pub(crate) fn secrets(
    format: Format,
    member: Member<'_, '_>,
    selector: &Selector,
    mac_only_encrypted: bool,
    hasher: &mut MacHasher,
) -> Result<Vec<Secret>, FileError> {
    let document = member.document();
    let selected = selector.select(document, member.object);
    let odd_keys = below_odd_keys(document, member.object);
    let mut found = Vec::new();
    leaves::visit(member, &mut |leaf| {
        let id = leaf.origin;
        let node = document.node(id);
        let is_selected = selected[id.index() - member.object.index()];
        let problem = |problem: String| member.at(FileError::input(problem), id);
        if let (Content::Alias { .. }, true) = (&node.content, is_selected) {
            return Err(problem("an alias reaches into the secret part".to_owned())
                .hint("write the value out, or let `--expand-aliases` do it"));
        }
        match (&leaf.node.content, leaf.key_text) {
            (_, Some(_)) if mac_only_encrypted => {}
            (_, Some(text)) => hasher.update(text.as_bytes()),
            (Content::Comment(comment), None) => {
                let own = matches!(node.content, Content::Comment(_));
                if is_selected && own && !comment.text.is_empty() {
                    found.push(Secret {
                        node: id,
                        aad: leaf.kept_aad(),
                        value_type: ValueType::Comment,
                        text: zeroize::Zeroizing::new(comment.text.as_bytes().to_vec()),
                    });
                }
            }
            (Content::Scalar(scalar), None) => {
                let covered = is_selected || !mac_only_encrypted;
                if covered && matches!(scalar.value, Value::UInt(_)) {
                    return Err(problem(
                        "an integer beyond 9223372036854775807 has no type in SOPS's format"
                            .to_owned(),
                    )
                    .hint("put it in quotes"));
                }
                if covered {
                    hasher.update(&scalar.value.canonical());
                }
                if is_selected && !scalar.value.is_empty() {
                    if odd_keys.get(id.index() - member.object.index()).is_some_and(|odd| *odd) {
                        return Err(problem("a key above this value is no string".to_owned())
                            .hint("put the key in quotes"));
                    }
                    let value_type = scalar.value.value_type().unwrap_or(ValueType::Str);
                    let source = format.plain_text(member.source, document, id);
                    found.push(Secret {
                        node: id,
                        aad: leaf.kept_aad(),
                        value_type,
                        text: scalar.value.spelling(source),
                    });
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(found)
}

/// For each node below `top`, whether a key on its path is no string; nothing where all keys are strings.
fn below_odd_keys(document: &Document<'_>, top: NodeId) -> Vec<bool> {
    let nodes = &document.nodes[top.index()..document.node(top).end.index()];
    let is_odd = |node: &Node<'_>| node.key.as_ref().is_some_and(|key| !key.is_string);
    if !nodes.iter().skip(1).any(is_odd) {
        return Vec::new();
    }
    let mut odd = vec![false; nodes.len()];
    for (at, node) in nodes.iter().enumerate().skip(1) {
        let parent = node.parent.and_then(|parent| parent.index().checked_sub(top.index()));
        odd[at] = is_odd(node) || parent.is_some_and(|parent| odd[parent]);
    }
    odd
}

/// Encrypts the members under one envelope.
pub(crate) fn seal(
    sealing: &Sealing<'_>,
    members: &[Member<'_, '_>],
    rule: &Rule,
    selector: &Selector,
    mac_only_encrypted: bool,
) -> Result<Sealed, FileError> {
    let data_key = &sealing.file_key.data_key;
    let cipher = Cipher::new(data_key);
    let mut hasher = MacHasher::new(mac_only_encrypted);
    let mut sealed = Sealed { edits: Vec::new(), values: 0, comments: 0 };
    let mut encrypted = HashMap::new();
    let mut aad = String::new();
    for member in members {
        let document = member.document();
        let secrets = secrets(sealing.format, *member, selector, mac_only_encrypted, &mut hasher)?;
        let mut edits = Vec::with_capacity(secrets.len() + 1);
        for secret in &secrets {
            let iv = sealing.keys.random_bytes()?;
            let aad = secret.aad.text(&mut aad);
            let enc = cipher.encrypt(&iv, aad.as_bytes(), secret.value_type, &secret.text);
            let node = document.node(secret.node);
            if secret.value_type == ValueType::Comment {
                if selector.mistakes(&enc) {
                    let error = FileError::input(
                        "this comment, once encrypted, would itself match the rule",
                    );
                    return Err(member.near(error, node.span.start));
                }
                sealed.comments += 1;
            } else {
                sealed.values += 1;
            }
            let edit = sealing.format.encrypted(member.source, document, secret.node, &enc);
            edits.extend(
                edit.map_err(|error| member.at(FileError::input(error.problem), secret.node))?,
            );
        }
        sealed.edits.push(edits);
        // Several members are not bound to anything.
        if members.len() == 1 {
            encrypted = of_secrets(*member, secrets);
        }
    }

    let mac_hex = hasher.finish();
    let mut metadata = Metadata {
        shamir_threshold: sealing.file_key.shamir_threshold,
        key_groups: sealing.file_key.key_groups.clone(),
        last_modified: sealing.last_modified.to_owned(),
        mac: String::new(),
        rule: sealing.format.has_rules().then(|| rule.clone()),
        mac_only_encrypted,
        version: SOPS_VERSION.to_owned(),
    };
    let iv = match members {
        [member] if sealing.bound => {
            let document = member.document();
            let object = Object::read(&AsWritten, document, member.object);
            let flags = flags(sealing.scope, object.as_ref());
            let statement = Statement {
                flags,
                last_modified: &metadata.last_modified,
                mac_hex: &mac_hex,
                rule: metadata.rule.as_ref(),
                mac_only_encrypted,
                identity: object.map(|object| object.identity()).unwrap_or_default(),
                leaves: bound_leaves(
                    *member,
                    mac_only_encrypted,
                    selector,
                    &AsWritten,
                    &encrypted,
                )?,
            };
            let bound = BindingKeys::new(data_key).iv(&statement);
            bound.map_err(|error| FileError::input(error.to_string()))?
        }
        _ => sealing.keys.random_bytes()?,
    };
    metadata.mac = seal_mac(&cipher, &iv, &metadata.last_modified, &mac_hex)
        .map_err(|error| FileError::settings(error.to_string()))?;
    let fields = metadata.fields();
    for (member, edits) in members.iter().zip(&mut sealed.edits) {
        let edit = sealing.format.inserted(
            member.source,
            member.document(),
            member.object,
            &fields,
            sealing.indent,
        );
        edits.push(edit);
    }
    Ok(sealed)
}

/// The values among secrets, as a binding covers them.
pub(crate) fn of_secrets(member: Member<'_, '_>, secrets: Vec<Secret>) -> HashMap<NodeId, Plain> {
    let mut plain = HashMap::with_capacity(secrets.len());
    for secret in secrets {
        if let Content::Scalar(scalar) = &member.document().node(secret.node).content {
            let value = owned(&scalar.value);
            let Secret { node, value_type, text, .. } = secret;
            plain.insert(node, Plain { value, text, value_type });
        }
    }
    plain
}

pub(crate) fn flags(scope: Scope, object: Option<&Object<'_>>) -> Flags {
    let Some(object) = object else { return Flags::default() };
    Flags {
        kubernetes: true,
        name: scope == Scope::Name && object.name.is_some(),
        namespace: scope != Scope::None && object.namespace.is_some(),
    }
}

fn owned(value: &Value<'_>) -> Value<'static> {
    match value {
        Value::Null => Value::Null,
        Value::Bool(bool) => Value::Bool(*bool),
        Value::Int(int) => Value::Int(*int),
        Value::UInt(int) => Value::UInt(*int),
        Value::Float(float) => Value::Float(*float),
        Value::Time(time) => Value::Time(*time),
        Value::String(text) => Value::String(text.to_string().into()),
        Value::Bytes(bytes) => Value::Bytes(bytes.clone()),
    }
}
