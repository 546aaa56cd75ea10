//! Where sealed values open, and what is said where they do not.

use kube::api::{DeleteParams, PostParams};
use seal_api::sealing::Scope;
use serde_json::{Value, json};

use crate::scene::{Scene, TestKey};

#[tokio::test]
async fn values_open_within_their_scope() {
    let scene = Scene::start("scopes", &[]).await;
    let wide = scene.sealed_with(&scene.key, Scope::NamespaceWide, "any-name", &[("a", "1")]);
    let everywhere = {
        let label = Scope::ClusterWide.label("", "");
        let mut object = scene.sealed("everywhere", &[]);
        object["spec"]["encryptedData"] = json!({ "a": scene.key.seal(&label, "2") });
        object["metadata"]["annotations"] = json!({
            "sealedsecrets.bitnami.com/cluster-wide": "true",
            "sealedsecrets.bitnami.com/namespace-wide": "true",
        });
        object
    };
    scene.apply(&wide).await;
    scene.apply(&everywhere).await;
    scene.until_data("any-name", &[("a", "1")]).await;
    scene.until_data("everywhere", &[("a", "2")]).await;
}

#[tokio::test]
async fn a_changed_scope_annotation_is_noticed_without_a_new_generation() {
    let scene = Scene::start("scope-note", &[]).await;
    let mut object = scene.sealed_with(&scene.key, Scope::NamespaceWide, "db", &[("a", "1")]);
    let annotations = object["metadata"].as_object_mut().unwrap().remove("annotations").unwrap();
    scene.apply(&object).await;
    let (_, message) = scene.until_reason("db", "WrongScope").await;
    assert!(message.starts_with("no key could decrypt secret (a): "), "{message}");
    assert!(message.contains("sealedsecrets.bitnami.com/namespace-wide"), "{message}");

    object["metadata"]["annotations"] = annotations;
    scene.apply(&object).await;
    scene.until_data("db", &[("a", "1")]).await;
    let synced = scene.until_synced("db", "True").await;
    assert_eq!(synced.metadata.generation, Some(1));
}

#[tokio::test]
async fn failures_say_what_is_wrong_and_which_key_would_fit() {
    let scene = Scene::start("explain", &[]).await;
    let fingerprint = scene.key.key.fingerprint().to_string();
    let values = |scope: Scope, namespace: &str, name: &str| -> Value {
        json!({ "a": scene.key.seal(&scope.label(namespace, name), "1") })
    };
    let own = scene.namespace.name();

    let mut renamed = scene.sealed("renamed", &[]);
    renamed["spec"]["encryptedData"] = values(Scope::Strict, own, "before");
    renamed["spec"]["template"] = json!({ "metadata": { "name": "before", "namespace": own } });
    let mut moved = scene.sealed("moved", &[]);
    moved["spec"]["encryptedData"] = values(Scope::Strict, "elsewhere", "moved");
    moved["spec"]["template"] =
        json!({ "metadata": { "name": "moved", "namespace": "elsewhere" } });
    let other_key = TestKey::generate();
    let foreign =
        scene.sealed_with(&other_key, Scope::Strict, "foreign", &[("a", "1"), ("b", "2")]);
    for (object, reason, says) in
        [(renamed, "WrongName", "before"), (moved, "WrongNamespace", "elsewhere")]
    {
        scene.apply(&object).await;
        let (_, message) =
            scene.until_reason(object["metadata"]["name"].as_str().unwrap(), reason).await;
        assert!(message.starts_with("no key could decrypt secret (a): "), "{message}");
        assert!(message.contains(says) && message.contains(&fingerprint), "{message}");
    }
    scene.apply(&foreign).await;
    let (_, message) = scene.until_reason("foreign", "WrongKey").await;
    assert!(message.starts_with("no key could decrypt secret (a, b)"), "{message}");
    let event = scene.until_event("foreign", "ErrUnsealFailed").await;
    assert!(event.starts_with("Failed to unseal: no key could decrypt secret (a, b)"), "{event}");
    assert!(scene.secrets().get_opt("foreign").await.unwrap().is_none());
}

#[tokio::test]
async fn a_key_that_comes_opens_what_waited_for_it_and_one_that_goes_leaves_secrets_alone() {
    let scene = Scene::start("new-key", &[]).await;
    let other = TestKey::generate();
    scene.apply(&scene.sealed_with(&other, Scope::Strict, "db", &[("a", "1")])).await;
    scene.apply(&scene.sealed("good", &[("a", "1")])).await;
    scene.until_reason("db", "WrongKey").await;
    scene.until_synced("good", "True").await;

    let secret = other.secret("sealed-secrets-key2", "active");
    scene.secrets().create(&PostParams::default(), &secret).await.unwrap();
    scene.until_data("db", &[("a", "1")]).await;
    scene.until_synced("db", "True").await;

    scene.secrets().delete("sealed-secrets-key2", &DeleteParams::default()).await.unwrap();
    // Its Secret could not be made again, and that is said before anybody needs it.
    scene.until_reason("db", "WrongKey").await;
    scene.until_data("db", &[("a", "1")]).await;
    scene.until_synced("good", "True").await;
}
