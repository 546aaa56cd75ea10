//! A Secret goes with its SealedSecret, and with no other.

use std::time::Duration;

use kube::ResourceExt as _;
use kube::api::DeleteParams;
use serde_json::json;

use crate::eventually::eventually;
use crate::scene::{Scene, data, owners};

/// Garbage collection looks for new kinds every half minute.
const COLLECTED: Duration = Duration::from_secs(150);

async fn delete(scene: &Scene, name: &str) {
    scene.objects().delete(name, &DeleteParams::default()).await.unwrap();
}

async fn until_gone(scene: &Scene, name: &str) {
    eventually(&format!("the Secret {name} goes away"), COLLECTED, || async {
        scene.secrets().get_opt(name).await.map(|secret| secret.is_none())
    })
    .await;
}

async fn foreign(scene: &Scene, name: &str, annotations: serde_json::Value) {
    scene
        .create_secret(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "annotations": annotations}, "data": {"theirs": "eA=="},
        }))
        .await;
}

#[tokio::test]
async fn a_secret_goes_with_its_sealed_secret_and_those_of_others_stay() {
    let mut scene = Scene::start("garbage", &[]).await;
    foreign(&scene, "foreign", json!({})).await;
    foreign(&scene, "patched", json!({"sealedsecrets.bitnami.com/patch": "true"})).await;
    let mut free = scene.sealed("free", &[("a", "1")]);
    free["spec"]["template"]["metadata"]["annotations"] =
        json!({"sealedsecrets.bitnami.com/skip-set-owner-references": "true"});
    scene.apply(&free).await;
    for name in ["owned", "while-nobody-looks", "foreign", "patched"] {
        scene.apply(&scene.sealed(name, &[("a", "1")])).await;
    }
    for name in ["owned", "while-nobody-looks", "free"] {
        scene.until_data(name, &[("a", "1")]).await;
    }
    scene.until_data("patched", &[("a", "1"), ("theirs", "x")]).await;
    scene.until_reason("foreign", "NotManaged").await;

    for name in ["owned", "foreign", "patched", "free"] {
        delete(&scene, name).await;
    }
    until_gone(&scene, "owned").await;
    scene.controller.take().unwrap().kill();
    delete(&scene, "while-nobody-looks").await;
    until_gone(&scene, "while-nobody-looks").await;
    for name in ["foreign", "patched", "free"] {
        assert!(scene.secrets().get_opt(name).await.unwrap().is_some(), "{name} is gone");
    }
}

#[tokio::test]
async fn a_sealed_secret_that_is_made_again_gets_a_secret_of_its_own() {
    let scene = Scene::start("again", &[]).await;
    let first = scene.apply(&scene.sealed("db", &[("a", "1")])).await;
    scene.until_data("db", &[("a", "1")]).await;
    // The Secret of the first is still there when the second comes.
    delete(&scene, "db").await;
    let second = scene.apply(&scene.sealed("db", &[("a", "2")])).await;
    assert_ne!(first.uid(), second.uid());
    eventually("the second has its Secret", COLLECTED, || async {
        scene.secrets().get_opt("db").await.map(|secret| {
            secret.is_some_and(|it| data(&it)["a"] == "2" && owners(&it) == [second.uid().unwrap()])
        })
    })
    .await;
    scene.until_synced("db", "True").await;
}

#[tokio::test]
async fn the_controller_that_collects_itself_leaves_what_is_not_its_own() {
    let mut scene = Scene::prepare_with("collector", &["oldGcBehavior=true"]).await;
    scene.start_controller(&["--old-gc-behavior"]).await;
    foreign(&scene, "foreign", json!({})).await;
    foreign(&scene, "patched", json!({"sealedsecrets.bitnami.com/patch": "true"})).await;
    for name in ["owned", "foreign", "patched"] {
        scene.apply(&scene.sealed(name, &[("a", "1")])).await;
    }
    scene.until_data("owned", &[("a", "1")]).await;
    scene.until_data("patched", &[("a", "1"), ("theirs", "x")]).await;
    scene.until_reason("foreign", "NotManaged").await;
    for name in ["foreign", "patched", "owned"] {
        delete(&scene, name).await;
    }
    until_gone(&scene, "owned").await;
    scene.settle("marker").await;
    for name in ["foreign", "patched"] {
        assert!(scene.secrets().get_opt(name).await.unwrap().is_some(), "{name} is gone");
    }
}
