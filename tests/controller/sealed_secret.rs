//! SealedSecrets become Secrets, and stay what they say.

use kube::ResourceExt as _;
use kube::api::DeleteParams;
use seal_api::sealing::Scope;
use serde_json::json;

use crate::cluster::{Controller, Relay, SOON};
use crate::eventually::eventually;
use crate::scene::{Scene, condition, data, owners};

#[tokio::test]
async fn a_sealed_secret_becomes_a_secret_that_it_owns() {
    let scene = Scene::start("unseal", &[]).await;
    let mut object = scene.sealed("db", &[("password", "hunter2"), ("empty", "")]);
    object["spec"]["template"] = json!({
        "type": "example.com/login",
        "metadata": {
            "name": "another", "namespace": "elsewhere",
            "labels": { "app": "shop" }, "annotations": { "note": "kept" },
        },
    });
    scene.apply(&object).await;
    let secret = scene.until_data("db", &[("password", "hunter2"), ("empty", "")]).await;
    let object = scene.until_synced("db", "True").await;
    assert_eq!(secret.type_.as_deref(), Some("example.com/login"));
    assert_eq!(secret.labels()["app"], "shop");
    assert_eq!(secret.annotations()["note"], "kept");
    assert_eq!(owners(&secret), [object.uid().unwrap()]);
    assert_eq!(secret.owner_references()[0].block_owner_deletion, None);
    assert_eq!(scene.until_event("db", "Unsealed").await, "SealedSecret unsealed successfully");
    scene.until_synced("db", "True").await;
}

#[tokio::test]
async fn a_new_generation_changes_adds_and_removes() {
    let scene = Scene::start("update", &[]).await;
    let mut object = scene.sealed("db", &[("password", "old"), ("gone", "x"), ("renamed", "y")]);
    object["spec"]["template"]["metadata"]["labels"] = json!({ "gone": "1", "stays": "1" });
    scene.apply(&object).await;
    scene.until_data("db", &[("password", "old"), ("gone", "x"), ("renamed", "y")]).await;
    scene.edit_secret("db", json!({ "metadata": { "labels": { "theirs": "1" } } })).await;

    let mut next = scene.sealed("db", &[("password", "new"), ("added", "z")]);
    next["spec"]["template"]["metadata"]["labels"] = json!({ "stays": "2" });
    scene.apply(&next).await;
    let secret = scene.until_data("db", &[("password", "new"), ("added", "z")]).await;
    let labels = secret.labels();
    assert_eq!(labels.get("gone"), None);
    assert_eq!((labels["stays"].as_str(), labels["theirs"].as_str()), ("2", "1"));
    let synced = scene.until_synced("db", "True").await;
    assert_eq!(synced.status.unwrap().observed_generation, Some(2));
}

#[tokio::test]
async fn a_deleted_secret_is_made_again() {
    let scene = Scene::start("recreate", &[]).await;
    scene.apply(&scene.sealed("db", &[("password", "hunter2")])).await;
    let first = scene.until_data("db", &[("password", "hunter2")]).await;
    scene.delete_secret("db").await;
    let second = scene.until_data("db", &[("password", "hunter2")]).await;
    assert_ne!(first.uid(), second.uid());
}

#[tokio::test]
async fn a_deleted_secret_stays_away_where_that_is_wished() {
    let scene = Scene::start("skip-recreate", &["--skip-recreate"]).await;
    scene.apply(&scene.sealed("db", &[("password", "hunter2")])).await;
    scene.until_synced("db", "True").await;
    scene.delete_secret("db").await;
    scene.settle("marker").await;
    assert!(scene.secrets().get_opt("db").await.unwrap().is_none());
    // A new generation makes it again.
    scene.apply(&scene.sealed("db", &[("password", "hunter3")])).await;
    scene.until_data("db", &[("password", "hunter3")]).await;
}

#[tokio::test]
async fn objects_that_were_there_before_the_controller_are_done_when_it_starts() {
    let mut scene = Scene::prepare("backlog").await;
    for number in 0..10 {
        scene.apply(&scene.sealed(&format!("s{number}"), &[("n", &number.to_string())])).await;
    }
    scene.start_controller(&[]).await;
    for number in 0..10 {
        scene.until_data(&format!("s{number}"), &[("n", &number.to_string())]).await;
    }
}

#[tokio::test]
async fn a_secret_without_owner_reference_is_known_again_and_outlives() {
    let scene = Scene::start("skip-owner", &[]).await;
    let template = json!({
        "metadata": { "annotations": { "sealedsecrets.bitnami.com/skip-set-owner-references": "true" } },
    });
    let mut object = scene.sealed("db", &[("password", "hunter2")]);
    object["spec"]["template"] = template.clone();
    scene.apply(&object).await;
    let secret = scene.until_data("db", &[("password", "hunter2")]).await;
    assert!(secret.owner_references().is_empty());
    scene.until_synced("db", "True").await;

    let mut next = scene.sealed("db", &[("password", "hunter3")]);
    next["spec"]["template"] = template;
    scene.apply(&next).await;
    scene.until_data("db", &[("password", "hunter3")]).await;
    scene.until_synced("db", "True").await;

    scene.objects().delete("db", &DeleteParams::default()).await.unwrap();
    scene.settle("marker").await;
    assert_eq!(data(&scene.secrets().get("db").await.unwrap())["password"], "hunter3");
}

#[tokio::test]
async fn the_deprecated_form_is_opened_while_it_is_accepted() {
    let mut scene = Scene::start("deprecated", &[]).await;
    let label = Scope::Strict.label(scene.namespace.name(), "db");
    let whole = json!({
        "kind": "Secret", "apiVersion": "v1",
        "metadata": { "name": "ignored", "namespace": "ignored", "labels": { "from": "blob" } },
        "type": "example.com/blob", "data": { "password": "aHVudGVyMg==" },
    });
    let mut object = scene.sealed("db", &[]);
    object["spec"]["data"] = json!(scene.key.seal(&label, &whole.to_string()));
    scene.apply(&object).await;
    let secret = scene.until_data("db", &[("password", "hunter2")]).await;
    assert_eq!(secret.type_.as_deref(), Some("example.com/blob"));
    assert_eq!(secret.labels()["from"], "blob");

    let mut both = scene.sealed("both", &[("a", "b")]);
    both["spec"]["data"] = object["spec"]["data"].clone();
    scene.apply(&both).await;
    let (_, message) = scene.until_reason("both", "Malformed").await;
    assert!(message.contains("spec.data and spec.encryptedData are both set"), "{message}");

    let mut garbled = scene.sealed("garbled", &[]);
    let label = Scope::Strict.label(scene.namespace.name(), "garbled");
    garbled["spec"]["data"] = json!(scene.key.seal(&label, "{\"data\": hunter2}"));
    scene.apply(&garbled).await;
    let (_, message) = scene.until_reason("garbled", "Malformed").await;
    assert!(!message.contains("hunter2"), "{message}");

    scene.controller = None;
    scene.start_controller(&["--accept-deprecated-v1-data=false", "--leader-elect=false"]).await;
    let mut refused = object;
    refused["spec"]["template"] = json!({ "type": "example.com/other" });
    scene.apply(&refused).await;
    let (_, message) = scene.until_reason("db", "Refused").await;
    assert!(message.contains("--accept-deprecated-v1-data"), "{message}");
}

#[tokio::test]
async fn with_the_old_garbage_collection_the_controller_deletes_what_it_made_and_nothing_else() {
    let scene = Scene::prepare_with("old-gc", &["oldGcBehavior=true"]).await;
    let relay = Relay::start(scene.account.kubeconfig()).await;
    let name = scene.namespace.name();
    let _controller = Controller::start(relay.kubeconfig(), name, &["--old-gc-behavior"]).await;
    // Kubernetes' own garbage collection cannot be faster with what waits for a finalizer.
    let held = |name| {
        let mut object = scene.sealed(name, &[("password", "hunter2")]);
        object["spec"]["template"] = json!({ "metadata": { "finalizers": ["example.com/hold"] } });
        object
    };
    for name in ["db", "handed-on"] {
        scene.apply(&held(name)).await;
        scene.until_synced(name, "True").await;
    }
    scene.edit_secret("handed-on", json!({ "metadata": { "ownerReferences": [] } })).await;
    scene.until_reason("handed-on", "NotManaged").await;

    for name in ["handed-on", "db"] {
        scene.objects().delete(name, &DeleteParams::default()).await.unwrap();
    }
    let deleted = || {
        let asked = relay.asked();
        asked.into_iter().filter(|it| it.verb == "delete").map(|it| it.name).collect::<Vec<_>>()
    };
    eventually("the Secret is deleted", SOON, || async { !deleted().is_empty() }).await;
    scene.settle("marker").await;
    assert_eq!(deleted(), ["db"]);
    for name in ["db", "handed-on"] {
        scene.edit_secret(name, json!({ "metadata": { "finalizers": null } })).await;
    }
}

#[tokio::test]
async fn what_no_sealed_secret_may_make_is_refused() {
    let scene = Scene::start("refused", &[]).await;
    let mut key = scene.sealed("key", &[("tls.key", "x")]);
    key["spec"]["template"]["metadata"]["labels"] =
        json!({ "sealedsecrets.bitnami.com/sealed-secrets-key": "active" });
    let mut token = scene.sealed("token", &[("token", "x")]);
    token["spec"]["template"]["type"] = json!("kubernetes.io/service-account-token");
    let legacy = scene.sealed("sealed-secrets-key", &[("tls.key", "x")]);
    for object in [key, token, legacy] {
        scene.apply(&object).await;
        let name = object["metadata"]["name"].as_str().unwrap();
        let (object, message) = scene.until_reason(name, "Refused").await;
        assert_eq!(
            condition(&object, "Synced").unwrap().message.as_deref(),
            Some(message.as_str())
        );
        assert!(scene.secrets().get_opt(name).await.unwrap().is_none(), "{name}");
    }
}
