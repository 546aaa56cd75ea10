//! Secrets of others are left alone, unless they say otherwise themselves.

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use serde_json::{Value, json};

use crate::scene::{Scene, condition, data, owners};

fn foreign(name: &str, annotations: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": { "name": name, "annotations": annotations, "labels": { "theirs": "1" } },
        "data": { "theirs": "eA==" },
    })
}

#[tokio::test]
async fn refuses_a_foreign_secret_until_it_is_gone() {
    let scene = Scene::start("foreign", &[]).await;
    let before = scene.create_secret(foreign("db", json!({}))).await;
    scene.apply(&scene.sealed("db", &[("password", "hunter2")])).await;
    let (object, message) = scene.until_reason("db", "NotManaged").await;
    assert!(
        message.contains("Resource \"db\" already exists and is not managed by SealedSecret"),
        "{message}"
    );
    assert_eq!(condition(&object, "Synced").unwrap().status, "False");
    assert_eq!(scene.until_event("db", "ErrUpdateFailed").await, message);
    assert_eq!(unchanged(&scene, "db").await, before.resource_version().unwrap());

    scene.delete_secret("db").await;
    scene.until_data("db", &[("password", "hunter2")]).await;
    let object = scene.until_synced("db", "True").await;
    assert_eq!(condition(&object, "Synced").unwrap().message, None);
}

#[tokio::test]
async fn takes_over_a_secret_that_is_handed_over() {
    let scene = Scene::start("managed", &[]).await;
    scene.create_secret(foreign("db", json!({}))).await;
    scene.apply(&scene.sealed("db", &[("password", "hunter2")])).await;
    let (object, _) = scene.until_reason("db", "NotManaged").await;
    let managed =
        json!({ "metadata": { "annotations": { "sealedsecrets.bitnami.com/managed": "true" } } });
    scene.edit_secret("db", managed).await;
    let secret = scene.until_data("db", &[("password", "hunter2")]).await;
    assert_eq!(owners(&secret), [object.uid().unwrap()]);
    assert_eq!(secret.annotations().get("sealedsecrets.bitnami.com/managed"), None);
    assert_eq!(secret.labels()["theirs"], "1");
    scene.until_synced("db", "True").await;
}

#[tokio::test]
async fn adds_to_a_secret_that_is_open_to_it() {
    let scene = Scene::start("patch", &[]).await;
    scene.create_secret(foreign("db", json!({ "sealedsecrets.bitnami.com/patch": "true" }))).await;
    let mut object = scene.sealed("db", &[("password", "hunter2")]);
    object["spec"]["template"]["metadata"]["labels"] = json!({ "ours": "1" });
    scene.apply(&object).await;
    let secret = scene.until_data("db", &[("password", "hunter2"), ("theirs", "x")]).await;
    assert!(owners(&secret).is_empty());
    assert_eq!((secret.labels()["ours"].as_str(), secret.labels()["theirs"].as_str()), ("1", "1"));
    scene.until_synced("db", "True").await;

    // What leaves the SealedSecret stays in a Secret that is only added to.
    let mut next = scene.sealed("db", &[("token", "t")]);
    next["spec"]["template"]["metadata"]["labels"] = json!({ "ours": "2" });
    scene.apply(&next).await;
    let secret =
        scene.until_data("db", &[("password", "hunter2"), ("theirs", "x"), ("token", "t")]).await;
    assert!(owners(&secret).is_empty());
}

#[tokio::test]
async fn explains_immutable_secrets_and_types_that_cannot_change() {
    let scene = Scene::start("immutable", &[]).await;
    let immutable = |values: &[(&str, &str)]| {
        let mut object = scene.sealed("fixed", values);
        object["spec"]["template"]["immutable"] = json!(true);
        object
    };
    scene.apply(&immutable(&[("a", "1")])).await;
    let secret = scene.until_data("fixed", &[("a", "1")]).await;
    assert_eq!(secret.immutable, Some(true));
    scene.apply(&immutable(&[("a", "2")])).await;
    let (_, message) = scene.until_reason("fixed", "Immutable").await;
    assert!(message.contains("the target Secret is immutable"), "{message}");
    assert!(
        scene
            .until_event("fixed", "ErrUpdateFailed")
            .await
            .contains("the target Secret is immutable")
    );
    assert_eq!(data(&scene.secrets().get("fixed").await.unwrap())["a"], "1");
    scene.delete_secret("fixed").await;
    scene.until_data("fixed", &[("a", "2")]).await;

    let typed = |type_: &str| {
        let mut object = scene.sealed("typed", &[("a", "1")]);
        object["spec"]["template"]["type"] = json!(type_);
        object
    };
    scene.apply(&typed("example.com/one")).await;
    scene.until_synced("typed", "True").await;
    scene.apply(&typed("example.com/two")).await;
    let (_, message) = scene.until_reason("typed", "TypeChanged").await;
    assert!(
        message.contains("example.com/one") && message.contains("example.com/two"),
        "{message}"
    );
    scene.delete_secret("typed").await;
    scene.until_synced("typed", "True").await;
    let secret: Secret = scene.secrets().get("typed").await.unwrap();
    assert_eq!(secret.type_.as_deref(), Some("example.com/two"));
}

/// The resourceVersion after everything that was to be done is done.
async fn unchanged(scene: &Scene, name: &str) -> String {
    scene.settle("marker").await;
    scene.secrets().get(name).await.unwrap().resource_version().unwrap()
}
