//! The Secret that is there, and whose it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, OwnerReference};
use seal_core::secret::SecretBytes;

use super::{FIELD_MANAGER, Identity, MADE_FOR, MANAGED, PATCH};

/// The name under which sealed-secrets writes, made from the name of its program.
const UPSTREAM_MANAGER: &str = "controller";

/// A Secret as the API server gave it.
pub(crate) struct Existing {
    pub(crate) uid: String,
    pub(crate) resource_version: String,
    pub(crate) deleting: bool,
    pub(crate) type_: String,
    pub(crate) immutable: bool,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) owner_references: Vec<OwnerReference>,
    pub(crate) data: BTreeMap<String, SecretBytes>,
    managed_fields: Vec<ManagedFieldsEntry>,
}

/// Whose a Secret is, seen from the SealedSecret of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    /// Made for this SealedSecret.
    Owned,
    /// Handed over by the annotation `managed`.
    Managed,
    /// Open to additions by the annotation `patch`, and handed over as well if `managed`.
    Patched { managed: bool },
    /// Somebody else's.
    Foreign,
}

impl fmt::Debug for Existing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Existing")
            .field("uid", &self.uid)
            .field("resource_version", &self.resource_version)
            .finish_non_exhaustive()
    }
}

impl From<Secret> for Existing {
    fn from(secret: Secret) -> Self {
        let metadata = secret.metadata;
        let data = secret.data.unwrap_or_default();
        Self {
            uid: metadata.uid.unwrap_or_default(),
            resource_version: metadata.resource_version.unwrap_or_default(),
            deleting: metadata.deletion_timestamp.is_some(),
            type_: secret.type_.unwrap_or_else(|| "Opaque".to_owned()),
            immutable: secret.immutable == Some(true),
            labels: metadata.labels.unwrap_or_default(),
            annotations: metadata.annotations.unwrap_or_default(),
            owner_references: metadata.owner_references.unwrap_or_default(),
            data: data.into_iter().map(|(key, value)| (key, SecretBytes::new(value.0))).collect(),
            managed_fields: metadata.managed_fields.unwrap_or_default(),
        }
    }
}

impl Existing {
    /// Whose it is. `patch` goes before all else, as for sealed-secrets.
    pub(crate) fn relation(&self, identity: &Identity) -> Relation {
        let says_true = |name| self.annotations.get(name).is_some_and(|value| value == "true");
        if says_true(PATCH) {
            Relation::Patched { managed: says_true(MANAGED) }
        } else if self.is_controlled_by(identity) || self.is_made_for(identity) {
            Relation::Owned
        } else if says_true(MANAGED) {
            Relation::Managed
        } else {
            Relation::Foreign
        }
    }

    /// Whether the owner reference of a controller names this very SealedSecret.
    pub(crate) fn is_controlled_by(&self, identity: &Identity) -> bool {
        self.owner_references
            .iter()
            .any(|owner| owner.controller == Some(true) && owner.uid == identity.uid)
    }

    /// Labels that were written by us, or by sealed-secrets before us.
    pub(crate) fn our_labels(&self) -> BTreeSet<&str> {
        self.ours("f:labels")
    }

    /// Annotations that were written by us, or by sealed-secrets before us.
    pub(crate) fn our_annotations(&self) -> BTreeSet<&str> {
        self.ours("f:annotations")
    }

    /// Whether it was made for this very SealedSecret, and is nobody else's as well.
    pub(crate) fn is_ours_alone(&self, identity: &Identity) -> bool {
        self.is_controlled_by(identity) && self.owner_references.len() == 1
    }

    fn is_made_for(&self, identity: &Identity) -> bool {
        !identity.uid.is_empty() && self.annotations.get(MADE_FOR) == Some(&identity.uid)
    }

    fn ours(&self, field: &str) -> BTreeSet<&str> {
        self.managed_fields
            .iter()
            .filter(|entry| {
                matches!(entry.manager.as_deref(), Some(FIELD_MANAGER | UPSTREAM_MANAGER))
            })
            .filter_map(|entry| {
                entry.fields_v1.as_ref()?.0.get("f:metadata")?.get(field)?.as_object()
            })
            .flat_map(|fields| fields.keys().filter_map(|name| name.strip_prefix("f:")))
            .collect()
    }
}
