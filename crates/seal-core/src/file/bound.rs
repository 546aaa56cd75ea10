//! What a binding covers, and whether it holds.

use std::collections::{HashMap, HashSet};

use zeroize::Zeroizing;

use super::Member;
use super::error::FileError;
use super::limits::PathBudget;
use super::open::{Demands, Opened, Overlay, Plain, relative_path};
use crate::cipher::ValueType;
use crate::document::{Content, Document, NodeId, PathElement, Value};
use crate::envelope::Metadata;
use crate::envelope::binding::{self, BindingKeys, Flags, Statement};
use crate::kubernetes::{self, Object, Strings};
use crate::select::Selector;

/// Refuses a document that is not the one to which the envelope is bound.
pub(super) fn verify_binding(
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

/// Whether a key repeats in a mapping, as it may in dotenv. A binding covers no order, and here that has a meaning.
pub(super) fn has_twins(document: &Document<'_>, top: NodeId) -> bool {
    let mut seen = HashSet::new();
    document.nodes[top.index()..document.node(top).end.index()].iter().any(|node| {
        node.key.as_ref().is_some_and(|key| !seen.insert((node.parent, key.text.as_ref())))
    })
}

/// The leaves that the binding covers: of a Secret its region and whatever else its rule encrypts, of other documents what SOPS's MAC covers together with
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
        // A rule may reach further than the region.
        let selected = selector.select(document, member.object);
        let first = member.object.index();
        ids.extend((0..selected.len()).filter(|at| selected[*at]).map(|at| first + at));
        ids.sort_unstable();
        ids.dedup();
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
