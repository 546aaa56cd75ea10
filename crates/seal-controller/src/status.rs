//! Writes the status of a SealedSecret, where it says something new.

use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use seal_api::condition::{Report, next_status, status_patch};
use seal_api::sealed_secret::{SealedSecret, SealedSecretStatus};

use crate::plan::{FIELD_MANAGER, Identity};
use crate::watches::Watched;

/// What became of a status.
#[derive(Debug)]
pub(crate) enum Written {
    /// It said the same already.
    Unchanged,
    /// This is written, and the object has this resourceVersion now.
    Written(SealedSecretStatus, Option<String>),
    /// The object is another one by now, or gone: the watch will tell.
    Outdated,
}

/// Writes what `report` says of `object`, unless that stands there. Bound to the resourceVersion, so that nothing is said of
/// a generation that nobody looked at.
pub(crate) async fn write(
    client: &Client,
    identity: &Identity,
    object: &SealedSecret,
    report: &Report,
    now: Timestamp,
) -> Result<Written, kube::Error> {
    let metadata = &object.metadata;
    let Some(status) = next_status(object.status.as_ref(), metadata.generation, report, now) else {
        return Ok(Written::Unchanged);
    };
    let patch = status_patch(&status, metadata.resource_version.as_deref());
    let parameters =
        PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let api: Api<Watched> = Api::namespaced(client.clone(), &identity.namespace);
    match api.patch_status(&identity.name, &parameters, &Patch::Merge(&patch)).await {
        Ok(written) => Ok(Written::Written(status, written.object.metadata.resource_version)),
        Err(kube::Error::Api(answer)) if answer.code == 409 || answer.code == 404 => {
            Ok(Written::Outdated)
        }
        Err(error) => Err(error),
    }
}
