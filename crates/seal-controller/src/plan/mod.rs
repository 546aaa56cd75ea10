//! What is to be done, computed without doing it: what a SealedSecret wants and what the cluster has go in, one write and one
//! report come out. No clients, no clock.

mod answer;
mod desired;
mod existing;
mod write;

pub(crate) use answer::{Refusal, refusal};
pub(crate) use desired::Desired;
pub(crate) use existing::Existing;
pub(crate) use write::{Body, Write};

use seal_api::condition::{Reason, Report};

use existing::Relation;

/// The field manager of all that we write.
pub(crate) const FIELD_MANAGER: &str = "seal-controller";
/// On an existing Secret: the controller may take it over.
pub(crate) const MANAGED: &str = "sealedsecrets.bitnami.com/managed";
/// On an existing Secret: the controller may add to it.
pub(crate) const PATCH: &str = "sealedsecrets.bitnami.com/patch";
/// In the template: the Secret gets no owner reference.
pub(crate) const SKIP_OWNER: &str = "sealedsecrets.bitnami.com/skip-set-owner-references";
/// On a Secret without owner reference: the uid of the SealedSecret that it was made for.
pub(crate) const MADE_FOR: &str = "seal.dev/sealed-secret";
/// On a Secret with a text that comes out differently each time: what that text was made from.
pub(crate) const TEMPLATE_INPUTS: &str = "seal.dev/template-inputs";

/// The SealedSecret, as far as it matters who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
}

/// What a SealedSecret wants, and how much of it.
#[derive(Debug)]
pub(crate) struct Wish<'a> {
    pub(crate) identity: &'a Identity,
    pub(crate) desired: Desired,
    /// See [`seal_api::unseal::inputs_digest`].
    pub(crate) inputs: String,
    /// The status says that the Secret was what this generation says.
    pub(crate) was_synced: bool,
    /// What others changed is changed back.
    pub(crate) heal_drift: bool,
}

/// What is to be written, and what is so once it is.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) write: Option<Write>,
    pub(crate) report: Report,
}

impl Plan {
    fn refused(report: Report) -> Self {
        Self { write: None, report }
    }
}

/// Whether the existing Secret may be written at all; asked before anything is opened, which costs more.
pub(crate) fn may_write(identity: &Identity, existing: &Existing) -> Result<(), Report> {
    desired::refuse_target(existing)?;
    if existing.relation(identity) == Relation::Foreign {
        return Err(Report::failed(
            Reason::NotManaged,
            format!(
                "failed update: Resource {:?} already exists and is not managed by SealedSecret: \
                 delete the Secret {}/{}, or hand it over with the annotation {MANAGED}: \"true\" on it",
                identity.name, identity.namespace, identity.name,
            ),
        ));
    }
    if existing.deleting {
        return Err(Report::failed(
            Reason::UpdateFailed,
            format!(
                "the Secret {}/{} is being deleted and waits for its finalizers; it is made again when it is gone",
                identity.namespace, identity.name,
            ),
        ));
    }
    Ok(())
}

/// What to do about a SealedSecret that opened.
pub(crate) fn plan(wish: Wish<'_>, existing: Option<&Existing>) -> Plan {
    let Wish { identity, mut desired, inputs, was_synced, heal_drift } = wish;
    let Some(existing) = existing else {
        desired.stamp(&inputs);
        let write = Write::Create(write::creation(identity, &desired));
        return Plan { write: Some(write), report: Report::unsealed() };
    };
    if let Err(report) = may_write(identity, existing) {
        return Plan::refused(report);
    }
    let relation = existing.relation(identity);
    if was_synced && !heal_drift && relation != Relation::Foreign {
        return Plan { write: None, report: Report::unsealed() };
    }
    desired.keep_changing(existing, &inputs, was_synced);
    desired.stamp(&inputs);
    if let Relation::Patched { .. } = relation {
        desired.merge_into(existing);
    } else if desired.type_ != existing.type_ {
        return Plan::refused(Report::failed(
            Reason::TypeChanged,
            format!(
                "failed update: the Secret {}/{} has the type {:?} and the SealedSecret says {:?}, but the type of a \
                 Secret cannot be changed: delete the Secret, and it is made again",
                identity.namespace, identity.name, existing.type_, desired.type_,
            ),
        ));
    }
    if existing.immutable && desired.changes_what_is_immutable(existing) {
        return Plan::refused(Report::failed(Reason::Immutable, immutable_text(identity)));
    }
    let write = write::changes(identity, &desired, existing, &relation);
    Plan { write, report: Report::unsealed() }
}

/// In the words of sealed-secrets.
fn immutable_text(identity: &Identity) -> String {
    format!(
        "Error updating {}/{}: the target Secret is immutable. Once a Secret is marked as immutable, it is not possible to \
         revert this change nor to mutate the contents of the data field. You can only delete and recreate the Secret.",
        identity.namespace, identity.name,
    )
}

#[cfg(test)]
mod tests;
