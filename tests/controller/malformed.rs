//! What cannot be read is reported, and stops nothing else.

use serde_json::json;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{Patch, PatchParams};

use crate::cluster::{Cluster, OwnServer};
use crate::eventually::eventually;
use crate::scene::Scene;

/// Lets the API server take anything for a SealedSecret.
async fn loosen(cluster: &Cluster) {
    let definitions: Api<CustomResourceDefinition> = Api::all(cluster.client());
    let anything = json!({ "x-kubernetes-preserve-unknown-fields": true });
    let schema =
        json!({ "type": "object", "properties": { "spec": anything, "status": anything } });
    let path = "/spec/versions/0/schema/openAPIV3Schema";
    let patch = json!([{ "op": "replace", "path": path, "value": schema }]);
    let patch: Patch<()> = Patch::Json(serde_json::from_value(patch).unwrap());
    let name = "sealedsecrets.bitnami.com";
    definitions.patch(name, &PatchParams::default(), &patch).await.unwrap();
    // The server takes a moment to serve by it.
    let objects: Api<kube::core::DynamicObject> = Api::namespaced_with(
        cluster.client(),
        "default",
        &kube::core::ApiResource::erase::<seal_api::sealed_secret::SealedSecret>(&()),
    );
    let probe: kube::core::DynamicObject = serde_json::from_value(json!({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
        "metadata": { "name": "probe", "namespace": "default" }, "spec": 7,
    }))
    .unwrap();
    eventually("the loose schema is in force", crate::cluster::SOON, || async {
        objects.create(&Default::default(), &probe).await.map(|_| ())
    })
    .await;
}

#[tokio::test]
async fn a_malformed_object_is_reported_and_the_others_are_done() {
    // The definition of our own keeps such objects out; those of old installations do not.
    let server = OwnServer::start().await;
    let mut scene = Scene::prepare_in(server.cluster(), "malformed", &[]).await;
    loosen(server.cluster()).await;
    let mut labels = scene.sealed("labels", &[("a", "1")]);
    labels["spec"]["template"] = json!({ "metadata": { "labels": { "number": 7 } } });
    let mut values = scene.sealed("values", &[("a", "1")]);
    values["spec"]["encryptedData"]["number"] = json!(7);
    let mut metadata = scene.sealed("finalizers", &[("a", "1")]);
    metadata["spec"]["template"] = json!({ "metadata": { "finalizers": "one" } });
    scene.apply(&labels).await;
    scene.apply(&metadata).await;
    scene.apply(&values).await;
    let mut nothing = scene.sealed("nothing", &[]);
    nothing["spec"] = json!("nothing");
    scene.apply(&nothing).await;
    scene.apply(&scene.sealed("good", &[("a", "1")])).await;
    scene.start_controller(&[]).await;
    scene.until_data("good", &[("a", "1")]).await;
    for (name, path) in [
        ("values", "it is not base64 (number)"),
        ("labels", "spec.template.metadata.labels.number is not text"),
        ("finalizers", "spec.template.metadata.finalizers is not a list of texts"),
    ] {
        let (_, message) = scene.until_reason(name, "Malformed").await;
        assert_eq!(message, path);
        assert_eq!(
            scene.until_event(name, "ErrUnsealFailed").await,
            format!("Failed to unseal: {path}")
        );
    }

    // Nobody else reads that one either, so its event is what can be asked for.
    let event = scene.until_event("nothing", "ErrUnsealFailed").await;
    assert_eq!(event, "Failed to unseal: spec is not an object");

    // The watch goes on, and the object is done once it is mended.
    scene.apply(&scene.sealed("after", &[("a", "1")])).await;
    scene.until_data("after", &[("a", "1")]).await;
    let mut mended = scene.sealed("labels", &[("a", "1")]);
    mended["spec"]["template"] = json!({ "metadata": { "labels": { "number": "7" } } });
    scene.apply(&mended).await;
    scene.until_synced("labels", "True").await;
}

#[tokio::test]
async fn malformed_values_are_named_and_never_quoted() {
    let scene = Scene::start("bad-values", &[]).await;
    let mut object = scene.sealed("db", &[("good", "1")]);
    object["spec"]["encryptedData"]["no-base64"] = json!("hunter2 is no base64!");
    object["spec"]["encryptedData"]["cut"] = json!("AgBodW50ZXIy");
    scene.apply(&object).await;
    let (_, message) = scene.until_reason("db", "Malformed").await;
    assert!(message.contains("it is not base64 (no-base64)"), "{message}");
    assert!(message.contains("it is cut off (cut)"), "{message}");
    assert!(!message.contains("hunter2") && !message.contains("aHVudGVy"), "{message}");
    assert!(scene.secrets().get_opt("db").await.unwrap().is_none(), "nothing by halves");
}

#[tokio::test]
async fn what_the_api_server_refuses_is_said_in_its_words() {
    let scene = Scene::start("invalid", &[]).await;
    scene.apply(&scene.sealed("db", &[("no/such/key", "hunter2")])).await;
    let (_, message) = scene.until_reason("db", "UpdateFailed").await;
    assert!(
        message.contains("failed to create Secret") && message.contains("no/such/key"),
        "{message}"
    );
    assert!(!message.contains("hunter2"), "{message}");
    scene.until_event("db", "ErrUpdateFailed").await;
}
