//! What docs/migration.md promises: an installation of sealed-secrets is taken over without a change, and sealing keys come
//! back from a backup.

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::events::v1::Event;
use kube::api::{ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use crate::cluster::SOON;
use crate::eventually::eventually;
use crate::scene::{Scene, data};

const KEY_LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";

/// What sealed-secrets leaves in a cluster: the key, the object with its status, and the Secret, written by its manager.
async fn as_sealed_secrets_left_it(scene: &Scene) -> Secret {
    let mut object = scene.sealed("db", &[("password", "hunter2")]);
    object["spec"]["template"] = json!({
        "metadata": {
            "name": "db",
            "namespace": scene.namespace.name(),
            "creationTimestamp": null,
            "labels": { "app": "db" },
        },
        "type": "Opaque",
    });
    scene.apply(&object).await;
    let there = scene.objects().get("db").await.unwrap();
    let upstream =
        PostParams { field_manager: Some("controller".to_owned()), ..PostParams::default() };
    let owner = json!([{
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "db", "uid": there.uid().unwrap(),
        "controller": true,
    }]);
    let secret = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": { "name": "db", "labels": { "app": "db" }, "ownerReferences": owner },
        "data": { "password": "aHVudGVyMg==" },
    }));
    let secret = scene.secrets().create(&upstream, &secret.unwrap()).await.unwrap();
    let status = json!({ "status": {
        "observedGeneration": there.metadata.generation,
        "conditions": [{
            "type": "Synced", "status": "True",
            "lastUpdateTime": "2026-01-02T03:04:05Z", "lastTransitionTime": "2026-01-02T03:04:05Z",
        }],
    } });
    let parameters =
        PatchParams { field_manager: Some("controller".to_owned()), ..PatchParams::default() };
    scene.objects().patch_status("db", &parameters, &Patch::Merge(&status)).await.unwrap();
    secret
}

async fn keys(scene: &Scene) -> Vec<Secret> {
    scene.secrets().list(&ListParams::default().labels(KEY_LABEL)).await.unwrap().items
}

#[tokio::test]
async fn takes_over_an_installation_without_writing_a_secret() {
    let mut scene = Scene::prepare("migration").await;
    let before = as_sealed_secrets_left_it(&scene).await;
    let old_keys = keys(&scene).await;

    scene.start_controller(&[]).await;
    scene.until_reason("db", "Unsealed").await;
    let object = scene.until_synced("db", "True").await;

    let after = scene.secrets().get("db").await.unwrap();
    assert_eq!(after.resource_version(), before.resource_version(), "nothing was written");
    assert_eq!(after.uid(), before.uid());
    let conditions = object.status.unwrap().conditions.unwrap();
    let (synced, ready) = (&conditions[0], &conditions[1]);
    assert_eq!((synced.type_.as_str(), ready.type_.as_str()), ("Synced", "Ready"));
    assert_eq!(
        synced.last_transition_time.as_deref(),
        Some("2026-01-02T03:04:05Z"),
        "it never flipped"
    );
    // The key is used, and none is made beside it.
    let uids = |keys: &[Secret]| keys.iter().map(|key| key.uid()).collect::<Vec<_>>();
    assert_eq!(uids(&keys(&scene).await), uids(&old_keys));
    let events: Api<Event> = scene.namespace.api();
    let failures: Vec<Event> = events
        .list(&ListParams::default())
        .await
        .unwrap()
        .into_iter()
        .filter(|event| event.type_.as_deref() == Some("Warning"))
        .collect();
    assert!(failures.is_empty(), "{failures:?}");
}

/// The Secrets as `kubectl get -o yaml` prints them, put back with `kubectl create`, which leaves out the resource version.
#[tokio::test]
async fn keys_from_a_backup_open_what_waits_for_them() {
    let scene = Scene::start("restore", &[]).await;
    scene.apply(&scene.sealed("before", &[("password", "hunter2")])).await;
    scene.until_data("before", &[("password", "hunter2")]).await;
    let backup = keys(&scene).await;
    assert_eq!(backup.len(), 1);

    scene.delete_secret(&backup[0].name_any()).await;
    eventually("the key is gone for the controller, which makes another", SOON, || async {
        let keys = keys(&scene).await;
        keys.iter().any(|key| key.uid() != backup[0].uid())
    })
    .await;
    scene.delete_secret("before").await;
    scene.until_reason("before", "WrongKey").await;

    for mut key in backup {
        key.metadata = ObjectMeta { resource_version: None, ..key.metadata };
        let created = scene.secrets().create(&PostParams::default(), &key).await.unwrap();
        assert_eq!(data(&created), data(&key));
    }
    scene.until_reason("before", "Unsealed").await;
    scene.until_data("before", &[("password", "hunter2")]).await;
}
