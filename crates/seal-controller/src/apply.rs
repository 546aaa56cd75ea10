//! Reads and writes Secrets. What the API server answers to a write is reduced to metadata, so that plaintext does not travel
//! back.

use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions, Request};
use kube::core::PartialObjectMeta;
use kube::{Api, Client, Resource as _};

use crate::plan::{Body, Existing, FIELD_MANAGER, Identity, Write};

/// Makes the API server answer with metadata alone.
const METADATA_ONLY: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// The whole Secret of an object's name, if there is one.
pub(crate) async fn read(
    client: &Client,
    identity: &Identity,
) -> Result<Option<Existing>, kube::Error> {
    let api: Api<Secret> = Api::namespaced(client.clone(), &identity.namespace);
    Ok(api.get_opt(&identity.name).await?.map(Existing::from))
}

/// Does what was planned. Returns the resourceVersion of the Secret as it is then.
pub(crate) async fn write(
    client: &Client,
    identity: &Identity,
    write: &Write,
) -> Result<Option<String>, kube::Error> {
    let api: Api<PartialObjectMeta<Secret>> = Api::namespaced(client.clone(), &identity.namespace);
    let written = match write {
        Write::Create(body) => create(client, identity, body).await?,
        Write::Apply(body) => {
            let parameters = PatchParams::apply(FIELD_MANAGER).force();
            api.patch(&identity.name, &parameters, &Patch::Apply(body)).await?
        }
        Write::Merge(body) => {
            let parameters = PatchParams {
                field_manager: Some(FIELD_MANAGER.to_owned()),
                ..PatchParams::default()
            };
            api.patch(&identity.name, &parameters, &Patch::Merge(body)).await?
        }
    };
    Ok(written.metadata.resource_version)
}

async fn create(
    client: &Client,
    identity: &Identity,
    body: &Body,
) -> Result<PartialObjectMeta<Secret>, kube::Error> {
    let parameters =
        PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    let bytes = serde_json::to_vec(body).map_err(kube::Error::SerdeError)?;
    let path = Secret::url_path(&(), Some(&identity.namespace));
    let mut request =
        Request::new(path).create(&parameters, bytes).map_err(kube::Error::BuildRequest)?;
    if let Ok(accepted) = METADATA_ONLY.parse() {
        request.headers_mut().insert("accept", accepted);
    }
    client.request(request).await
}

/// Deletes the Secret that was read, and no other of its name.
pub(crate) async fn delete(
    client: &Client,
    identity: &Identity,
    existing: &Existing,
) -> Result<(), kube::Error> {
    let api: Api<PartialObjectMeta<Secret>> = Api::namespaced(client.clone(), &identity.namespace);
    let parameters = DeleteParams {
        preconditions: Some(Preconditions {
            uid: Some(existing.uid.clone()),
            resource_version: Some(existing.resource_version.clone()),
        }),
        ..DeleteParams::default()
    };
    match api.delete(&identity.name, &parameters).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        Err(error) => Err(error),
    }
}
