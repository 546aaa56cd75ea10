//! The Secret that a SealedSecret wants.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::api::core::v1::Secret;
use seal_api::condition::{Reason, Report};
use seal_api::unseal::Unsealed;
use seal_core::secret::SecretBytes;

use crate::sealing_keys::KEY_LABEL;

use super::{Existing, Identity, MADE_FOR, MANAGED, SKIP_OWNER, TEMPLATE_INPUTS};

/// Types whose Secrets are credentials of the cluster itself: with one of them, whoever may write a SealedSecret could be any
/// service account, or join nodes.
const FORBIDDEN_TYPES: [&str; 2] =
    ["kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"];

/// The Secret that a SealedSecret wants.
#[derive(Clone)]
pub(crate) struct Desired {
    pub(crate) type_: String,
    pub(crate) immutable: bool,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    /// Set when the Secret is made and never touched again, as sealed-secrets does.
    pub(crate) finalizers: Vec<String>,
    pub(crate) data: BTreeMap<String, SecretBytes>,
    /// Whether the Secret goes when the SealedSecret goes.
    pub(crate) owned: bool,
    /// Keys whose text comes out differently each time.
    changing: Vec<String>,
}

impl fmt::Debug for Desired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desired").field("type_", &self.type_).finish_non_exhaustive()
    }
}

impl Desired {
    /// Takes over what was unsealed; refuses what no custom resource may make. `legacy_key` is the Secret that was the
    /// sealing key before there were labels: namespace and name. New keys have names that begin with it, so those are refused, too.
    pub(crate) fn of(
        identity: &Identity,
        unsealed: Unsealed,
        legacy_key: (&str, &str),
    ) -> Result<Self, Report> {
        let Unsealed { secret, changing } = unsealed;
        let Secret { metadata, data, type_, immutable, .. } = secret;
        let data: BTreeMap<_, _> = data
            .unwrap_or_default()
            .into_iter()
            .map(|(key, value)| (key, SecretBytes::new(value.0)))
            .collect();
        let type_ = type_.unwrap_or_else(|| "Opaque".to_owned());
        let labels = metadata.labels.unwrap_or_default();
        let mut annotations = metadata.annotations.unwrap_or_default();
        // They say what we did, not what somebody wants.
        annotations.remove(MADE_FOR);
        annotations.remove(TEMPLATE_INPUTS);
        refuse_type(&type_)?;
        if labels.contains_key(KEY_LABEL) {
            return Err(refused(format!(
                "the template has the label {KEY_LABEL}, which makes a Secret a sealing key of the cluster; no SealedSecret \
                 may make one: remove the label"
            )));
        }
        if identity.namespace == legacy_key.0 && identity.name.starts_with(legacy_key.1) {
            return Err(refused(format!(
                "Secret {}/{} has a name that is kept for sealing keys (they begin with {}), and no SealedSecret may make one: \
                 take another name",
                identity.namespace, identity.name, legacy_key.1,
            )));
        }
        let owned = annotations.get(SKIP_OWNER).is_none_or(|value| value != "true");
        if !owned {
            annotations.insert(MADE_FOR.to_owned(), identity.uid.clone());
        }
        Ok(Self {
            type_,
            immutable: immutable == Some(true),
            labels,
            annotations,
            finalizers: metadata.finalizers.unwrap_or_default(),
            data,
            owned,
            changing,
        })
    }

    /// Texts that come out differently each time stay as they are while nothing of what they are made from changes.
    ///
    /// A Secret of sealed-secrets has no stamp; there the status tells whether it was made from the same.
    pub(super) fn keep_changing(&mut self, existing: &Existing, inputs: &str, was_synced: bool) {
        let same = match existing.annotations.get(TEMPLATE_INPUTS) {
            Some(stamp) => stamp == inputs,
            None => was_synced,
        };
        if !same {
            return;
        }
        for key in &self.changing {
            if let Some(text) = existing.data.get(key) {
                self.data.insert(key.clone(), text.clone());
            }
        }
    }

    /// Notes what the texts that come out differently each time were made from.
    pub(super) fn stamp(&mut self, inputs: &str) {
        if !self.changing.is_empty() {
            self.annotations.insert(TEMPLATE_INPUTS.to_owned(), inputs.to_owned());
        }
    }

    /// For a Secret that may only be added to: all else stays as it is there.
    pub(super) fn merge_into(&mut self, existing: &Existing) {
        self.type_.clone_from(&existing.type_);
        self.immutable = existing.immutable;
        for (key, value) in &existing.data {
            self.data.entry(key.clone()).or_insert_with(|| value.clone());
        }
        let managed = existing.annotations.get(MANAGED).is_some_and(|value| value == "true");
        if !managed {
            self.owned = false;
            self.annotations.remove(MADE_FOR);
        }
    }

    /// Whether an immutable Secret would have to change where it cannot.
    pub(super) fn changes_what_is_immutable(&self, existing: &Existing) -> bool {
        !self.immutable || !same_data(&self.data, &existing.data)
    }
}

/// Whether both have the same keys and bytes.
pub(super) fn same_data(
    one: &BTreeMap<String, SecretBytes>,
    other: &BTreeMap<String, SecretBytes>,
) -> bool {
    one.len() == other.len()
        && one.iter().all(|(key, value)| {
            other.get(key).is_some_and(|other| other.expose() == value.expose())
        })
}

/// Refuses a Secret that nothing of ours may write, whatever stands on it.
pub(super) fn refuse_target(existing: &Existing) -> Result<(), Report> {
    if existing.labels.contains_key(KEY_LABEL) {
        return Err(refused(format!(
            "the Secret of this name has the label {KEY_LABEL} and is a sealing key; no SealedSecret may write it"
        )));
    }
    refuse_type(&existing.type_)
}

fn refuse_type(type_: &str) -> Result<(), Report> {
    if FORBIDDEN_TYPES.contains(&type_) {
        return Err(refused(format!(
            "Secrets of the type {type_} are credentials of the cluster itself; no SealedSecret may make or write one"
        )));
    }
    Ok(())
}

fn refused(message: String) -> Report {
    Report::failed(Reason::Refused, message)
}
