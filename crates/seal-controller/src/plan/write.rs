//! The difference between what is wanted and what is there, as one request.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use seal_core::secret::SecretBytes;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use zeroize::Zeroize as _;

use super::desired::same_data;
use super::existing::Relation;
use super::{Desired, Existing, Identity, MADE_FOR, MANAGED, TEMPLATE_INPUTS};

/// One request. Each fails if the Secret is not the one that the plan was made for.
#[derive(Debug)]
pub(crate) enum Write {
    /// POST: refused if there is one by now.
    Create(Body),
    /// Server-side apply: everything wanted, nothing to remove. Bound to uid and resourceVersion.
    Apply(Body),
    /// Merge patch: where something has to go, or may only be added. Bound to uid and resourceVersion.
    Merge(Body),
}

/// A manifest with values in base64, which are wiped when it is dropped. It is printed to the API server only.
pub(crate) struct Body(Value);

#[cfg(test)]
impl Body {
    pub(crate) fn expose(&self) -> &Value {
        &self.0
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body(<redacted>)")
    }
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let values = self.0.get_mut("data").and_then(Value::as_object_mut);
        for (_, value) in values.into_iter().flatten() {
            if let Value::String(text) = value {
                text.zeroize();
            }
        }
    }
}

/// A Secret that does not exist yet.
pub(super) fn creation(identity: &Identity, desired: &Desired) -> Body {
    let mut manifest = manifest(identity, desired);
    let metadata = &mut manifest["metadata"];
    if !desired.finalizers.is_empty() {
        metadata["finalizers"] = json!(desired.finalizers);
    }
    if desired.owned {
        metadata["ownerReferences"] = json!([owner_reference(identity)]);
    }
    Body(manifest)
}

/// What has to be written to make the existing Secret what is wanted; `None` where it is.
pub(super) fn changes(
    identity: &Identity,
    desired: &Desired,
    existing: &Existing,
    relation: &Relation,
) -> Option<Write> {
    let merging = matches!(relation, Relation::Patched { .. });
    let removed = if merging { Removed::default() } else { Removed::of(desired, existing) };
    let owners = next_owners(identity, desired, existing, relation);
    let nothing_to_write = removed.is_empty()
        && owners.is_none()
        && desired.immutable == existing.immutable
        && contains(&existing.labels, &desired.labels)
        && contains(&existing.annotations, &desired.annotations)
        && same_data(&desired.data, &existing.data);
    if nothing_to_write {
        return None;
    }
    let mut manifest = manifest(identity, desired);
    manifest["metadata"]["uid"] = json!(existing.uid);
    manifest["metadata"]["resourceVersion"] = json!(existing.resource_version);
    if !merging
        && removed.is_empty()
        && owners.as_ref().is_none_or(|owners| owners.only_ours_is_new)
    {
        if desired.owned {
            manifest["metadata"]["ownerReferences"] = json!([owner_reference(identity)]);
        }
        return Some(Write::Apply(Body(manifest)));
    }
    if merging {
        // What is there stays there, and is nobody's business here.
        keep_only_new(&mut manifest, desired, existing);
    }
    if let Some(owners) = owners {
        manifest["metadata"]["ownerReferences"] = json!(owners.list);
    }
    removed.write_into(&mut manifest);
    Some(Write::Merge(Body(manifest)))
}

/// Everything that is wanted but for owner references and finalizers.
fn manifest(identity: &Identity, desired: &Desired) -> Value {
    let mut metadata = json!({ "name": identity.name, "namespace": identity.namespace });
    if !desired.labels.is_empty() {
        metadata["labels"] = json!(desired.labels);
    }
    if !desired.annotations.is_empty() {
        metadata["annotations"] = json!(desired.annotations);
    }
    let mut manifest = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": desired.type_,
        "data": encoded(desired.data.iter()),
    });
    if desired.immutable {
        manifest["immutable"] = json!(true);
    }
    manifest
}

fn encoded<'a>(data: impl Iterator<Item = (&'a String, &'a SecretBytes)>) -> Value {
    let entries = data.map(|(key, value)| (key.clone(), STANDARD.encode(value.expose()).into()));
    Value::Object(entries.collect::<Map<_, _>>())
}

fn keep_only_new(manifest: &mut Value, desired: &Desired, existing: &Existing) {
    let new = desired.data.iter().filter(|(key, value)| {
        existing.data.get(*key).is_none_or(|there| there.expose() != value.expose())
    });
    let new = encoded(new);
    if let Some(fields) = manifest.as_object_mut() {
        fields.remove("type");
        fields.remove("immutable");
    }
    // The values that go away here are wiped with the rest.
    drop(Body(std::mem::replace(&mut manifest["data"], new)));
}

/// What has to go.
#[derive(Default)]
struct Removed<'a> {
    data: Vec<&'a str>,
    labels: Vec<&'a str>,
    annotations: Vec<&'a str>,
}

impl<'a> Removed<'a> {
    fn of(desired: &Desired, existing: &'a Existing) -> Self {
        let mut ours = existing.our_annotations();
        ours.extend([MADE_FOR, TEMPLATE_INPUTS]);
        if desired.owned {
            // The owner reference says it from now on; sealed-secrets removes it too.
            ours.insert(MANAGED);
        }
        Self {
            data: gone(&existing.data, &desired.data, None),
            labels: gone(&existing.labels, &desired.labels, Some(&existing.our_labels())),
            annotations: gone(&existing.annotations, &desired.annotations, Some(&ours)),
        }
    }

    fn is_empty(&self) -> bool {
        self.data.is_empty() && self.labels.is_empty() && self.annotations.is_empty()
    }

    fn write_into(&self, manifest: &mut Value) {
        for key in &self.data {
            manifest["data"][*key] = Value::Null;
        }
        for label in &self.labels {
            manifest["metadata"]["labels"][*label] = Value::Null;
        }
        for annotation in &self.annotations {
            manifest["metadata"]["annotations"][*annotation] = Value::Null;
        }
    }
}

/// Keys that are there and not wanted; only those in `ours`, if it is given.
fn gone<'a, A, B>(
    existing: &'a BTreeMap<String, A>,
    desired: &BTreeMap<String, B>,
    ours: Option<&BTreeSet<&str>>,
) -> Vec<&'a str> {
    existing
        .keys()
        .map(String::as_str)
        .filter(|key| !desired.contains_key(*key) && ours.is_none_or(|ours| ours.contains(key)))
        .collect()
}

fn contains(existing: &BTreeMap<String, String>, desired: &BTreeMap<String, String>) -> bool {
    desired.iter().all(|(key, value)| existing.get(key) == Some(value))
}

struct Owners {
    list: Vec<OwnerReference>,
    /// Server-side apply can do it: ours comes to what is there, nothing goes.
    only_ours_is_new: bool,
}

/// The owner references as they have to be, or `None` where they are.
fn next_owners(
    identity: &Identity,
    desired: &Desired,
    existing: &Existing,
    relation: &Relation,
) -> Option<Owners> {
    if matches!(relation, Relation::Patched { managed: false }) {
        return None;
    }
    let mine = |owner: &OwnerReference| owner.uid == identity.uid;
    let there = existing.is_controlled_by(identity);
    if desired.owned == there {
        return None;
    }
    // There is one controller at most. Whoever handed the Secret over meant us.
    let others = existing
        .owner_references
        .iter()
        .filter(|owner| !mine(owner) && !(desired.owned && owner.controller == Some(true)));
    let mut list: Vec<OwnerReference> = others.cloned().collect();
    let only_ours_is_new = desired.owned && list.len() == existing.owner_references.len();
    if desired.owned {
        list.push(owner_reference(identity));
    }
    Some(Owners { list, only_ours_is_new })
}

/// As sealed-secrets writes it, without `blockOwnerDeletion`.
fn owner_reference(identity: &Identity) -> OwnerReference {
    OwnerReference {
        api_version: "bitnami.com/v1alpha1".to_owned(),
        kind: "SealedSecret".to_owned(),
        name: identity.name.clone(),
        uid: identity.uid.clone(),
        controller: Some(true),
        block_owner_deletion: None,
    }
}
