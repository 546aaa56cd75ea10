//! One envelope: values encrypted, MAC and binding computed, the block appended.

use std::collections::HashMap;

use super::bound::bound_leaves;
use super::encrypt::{Keys, Scope};
use super::error::{Fault, FileError};
use super::leaves::Aad;
use super::open::Plain;
use super::refusals::check_empty;
use super::{Member, leaves};
use crate::cipher::{Cipher, ValueType};
use crate::document::{Content, Document, Edit, Node, NodeId, Value};
use crate::envelope::binding::{BindingKeys, Flags, Statement};
use crate::envelope::mac::{MacHasher, seal_mac};
use crate::envelope::{Field, Metadata};
use crate::format::{BlockIndent, Format};
use crate::kubernetes::{AsWritten, Object};
use crate::secret::DataKey;
use crate::select::Selector;

/// How one envelope is made.
pub(crate) struct Sealing<'a> {
    pub(crate) format: Format,
    pub(crate) keys: &'a Keys<'a>,
    pub(crate) data_key: &'a DataKey,
    /// All that it says but for its MAC.
    pub(crate) envelope: Metadata,
    pub(crate) tie: Tie<'a>,
    pub(crate) indent: &'a BlockIndent,
}

/// What an envelope is tied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tie<'a> {
    /// One document, and that much of its identity. A namespace here stands in for one that the document does not
    /// carry.
    Document(Scope, Option<&'a str>),
    /// Nothing, as SOPS makes them.
    Nothing,
}

/// The edits of one envelope, for each member.
pub(crate) struct Sealed {
    pub(crate) edits: Vec<Vec<Edit>>,
    pub(crate) values: usize,
    pub(crate) comments: usize,
    /// Values and comments that have a new ENC text.
    pub(crate) fresh: usize,
}

/// A value of the source that is to be encrypted, in the order of the document.
pub(crate) struct Secret {
    pub(crate) node: NodeId,
    pub(crate) aad: Aad,
    /// That of the ENC text.
    pub(crate) value_type: ValueType,
    pub(crate) text: zeroize::Zeroizing<Vec<u8>>,
    /// The ENC text that it had before and keeps.
    pub(crate) enc: Option<String>,
}

/// What an envelope covers.
pub(crate) struct Covered<'p, 's> {
    /// Each member, with its secrets.
    pub(crate) members: Vec<(Member<'p, 's>, Vec<Secret>)>,
    pub(crate) mac_hex: zeroize::Zeroizing<String>,
}

/// Reads what an envelope over these members would cover.
pub(crate) fn covered<'p, 's>(
    format: Format,
    members: &[Member<'p, 's>],
    selector: &Selector,
    mac_only_encrypted: bool,
) -> Result<Covered<'p, 's>, FileError> {
    let mut hasher = MacHasher::new(mac_only_encrypted);
    let mut content = Vec::with_capacity(members.len());
    for member in members {
        let secrets = secrets(format, *member, selector, mac_only_encrypted, &mut hasher)?;
        content.push((*member, secrets));
    }
    Ok(Covered { members: content, mac_hex: hasher.finish() })
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
                        enc: None,
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
                    .fault(Fault::Value)
                    .hint("put it in quotes"));
                }
                if covered {
                    hasher.update(&scalar.value.canonical());
                }
                if is_selected && format == Format::Yaml {
                    check_empty(member, id, scalar)?;
                }
                if is_selected && !scalar.value.is_empty() {
                    if odd_keys.get(id.index() - member.object.index()).is_some_and(|odd| *odd) {
                        return Err(problem("a key above this value is no string".to_owned())
                            .fault(Fault::Value)
                            .hint("put the key in quotes"));
                    }
                    let value_type = scalar.value.value_type().unwrap_or(ValueType::Str);
                    let source = format.plain_text(member.source, document, id);
                    found.push(Secret {
                        node: id,
                        aad: leaf.kept_aad(),
                        value_type,
                        text: scalar.value.spelling(source),
                        enc: None,
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

/// Encrypts what has no ENC text yet, under one envelope over all of it.
pub(crate) fn seal(
    sealing: &Sealing<'_>,
    selector: &Selector,
    covered: Covered<'_, '_>,
) -> Result<Sealed, FileError> {
    let cipher = Cipher::new(sealing.data_key);
    let mut sealed = Sealed { edits: Vec::new(), values: 0, comments: 0, fresh: 0 };
    let mut aad = String::new();
    for (member, secrets) in &covered.members {
        let document = member.document();
        let mut edits = Vec::with_capacity(secrets.len() + 1);
        for secret in secrets {
            let fresh = match &secret.enc {
                Some(_) => None,
                None => {
                    let iv = sealing.keys.random_bytes()?;
                    let aad = secret.aad.text(&mut aad);
                    Some(cipher.encrypt(&iv, aad.as_bytes(), secret.value_type, &secret.text))
                }
            };
            sealed.fresh += usize::from(fresh.is_some());
            let enc = fresh.as_deref().or(secret.enc.as_deref()).unwrap_or_default();
            let node = document.node(secret.node);
            if secret.value_type == ValueType::Comment {
                if selector.mistakes(enc) {
                    let error = FileError::input(
                        "this comment, once encrypted, would itself match the rule",
                    );
                    return Err(member.near(error, node.span.start));
                }
                sealed.comments += 1;
            } else {
                sealed.values += 1;
            }
            let edit = sealing.format.encrypted(member.source, document, secret.node, enc);
            edits.extend(
                edit.map_err(|error| member.at(FileError::input(error.problem), secret.node))?,
            );
        }
        sealed.edits.push(edits);
    }
    let Covered { members, mac_hex } = covered;
    let iv = iv(sealing, selector, &members, &mac_hex)?;
    let mut metadata = sealing.envelope.clone();
    metadata.mac = seal_mac(&cipher, &iv, &metadata.last_modified, &mac_hex)
        .map_err(|error| FileError::settings(error.to_string()))?;
    let fields = metadata.fields();
    for ((member, _), edits) in members.iter().zip(&mut sealed.edits) {
        edits.push(block(sealing.format, *member, &fields, sealing.indent));
    }
    Ok(sealed)
}

/// The nonce of the MAC: the binding, or random bytes.
fn iv(
    sealing: &Sealing<'_>,
    selector: &Selector,
    members: &[(Member<'_, '_>, Vec<Secret>)],
    mac_hex: &str,
) -> Result<[u8; 32], FileError> {
    match (sealing.tie, members) {
        (Tie::Document(scope, namespace), [(member, secrets)]) => {
            let object = Object::read(&AsWritten, member.document(), member.object);
            let flags = (flags(scope, object.as_ref(), namespace), namespace);
            let plain = of_secrets(*member, secrets);
            let envelope = &sealing.envelope;
            let statement = statement(*member, envelope, selector, flags, mac_hex, &plain)?;
            let bound = BindingKeys::new(sealing.data_key).iv(&statement);
            bound.map_err(|error| FileError::input(error.to_string()))
        }
        // Several members are not bound to anything.
        _ => sealing.keys.random_bytes(),
    }
}

/// What a binding of a document in clear says. A namespace beside the flags stands in for one that the document does not
/// carry.
pub(crate) fn statement<'a>(
    member: Member<'a, '_>,
    envelope: &'a Metadata,
    selector: &Selector,
    (flags, namespace): (Flags, Option<&'a str>),
    mac_hex: &'a str,
    plain: &HashMap<NodeId, Plain>,
) -> Result<Statement<'a>, FileError> {
    let object = Object::read(&AsWritten, member.document(), member.object);
    let mut identity = object.map(|object| object.identity()).unwrap_or_default();
    identity.namespace = identity.namespace.or(namespace);
    let mac_only = envelope.mac_only_encrypted;
    Ok(Statement {
        flags,
        last_modified: &envelope.last_modified,
        mac_hex,
        rule: envelope.rule.as_ref(),
        mac_only_encrypted: mac_only,
        identity,
        leaves: bound_leaves(member, mac_only, selector, &AsWritten, plain)?,
    })
}

/// The block of an envelope, added to a member.
pub(crate) fn block(
    format: Format,
    member: Member<'_, '_>,
    fields: &Field,
    indent: &BlockIndent,
) -> Edit {
    format.inserted(member.source, member.document(), member.object, fields, indent)
}

/// The values among secrets, as a binding covers them: without their texts.
pub(crate) fn of_secrets(member: Member<'_, '_>, secrets: &[Secret]) -> HashMap<NodeId, Plain> {
    let mut plain = HashMap::with_capacity(secrets.len());
    for secret in secrets {
        if let Content::Scalar(scalar) = &member.document().node(secret.node).content {
            let (value, text) = (scalar.value.to_static(), Default::default());
            plain.insert(secret.node, Plain { value, text, value_type: secret.value_type });
        }
    }
    plain
}

/// What of an object's identity is bound; `namespace` stands in for one that it does not carry.
pub(crate) fn flags(scope: Scope, object: Option<&Object<'_>>, namespace: Option<&str>) -> Flags {
    let Some(object) = object else { return Flags::default() };
    Flags {
        kubernetes: true,
        name: scope == Scope::Name && object.name.is_some(),
        namespace: scope != Scope::None && object.namespace.or(namespace).is_some(),
    }
}
