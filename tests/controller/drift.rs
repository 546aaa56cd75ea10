//! What others change in a Secret of ours is changed back; what is theirs stays.

use kube::ResourceExt as _;
use serde_json::json;

use crate::scene::{Scene, data, owners};

#[tokio::test]
async fn heals_what_was_edited_added_and_removed() {
    let scene = Scene::start("drift", &[]).await;
    let mut object = scene.sealed("db", &[("password", "hunter2"), ("user", "shop")]);
    object["spec"]["template"]["metadata"]["labels"] = json!({ "app": "shop" });
    scene.apply(&object).await;
    let wanted = [("password", "hunter2"), ("user", "shop")];
    scene.until_data("db", &wanted).await;

    let edits = json!({
        "metadata": { "labels": { "app": "edited", "theirs": "1" } },
        "data": { "password": "ZWRpdGVk", "added": "eA==", "user": null },
    });
    scene.edit_secret("db", edits).await;
    let secret = scene.until_data("db", &wanted).await;
    assert_eq!(secret.labels()["app"], "shop");
    assert_eq!(secret.labels()["theirs"], "1", "a mark of another tool");

    let uid = owners(&secret);
    scene.edit_secret("db", json!({ "metadata": { "annotations": { "theirs": "1" } } })).await;
    scene.settle("marker").await;
    let secret = scene.secrets().get("db").await.unwrap();
    assert_eq!(secret.annotations()["theirs"], "1");
    assert_eq!(owners(&secret), uid);
}

#[tokio::test]
async fn leaves_edits_alone_where_that_is_wished() {
    let scene = Scene::start("no-heal", &["--heal-drift=false"]).await;
    scene.apply(&scene.sealed("db", &[("password", "hunter2")])).await;
    scene.until_synced("db", "True").await;
    scene.edit_secret("db", json!({ "data": { "password": "ZWRpdGVk" } })).await;
    scene.settle("marker").await;
    assert_eq!(data(&scene.secrets().get("db").await.unwrap())["password"], "edited");

    scene.delete_secret("db").await;
    scene.until_data("db", &[("password", "hunter2")]).await;
    scene.edit_secret("db", json!({ "data": { "password": "ZWRpdGVk" } })).await;
    scene.apply(&scene.sealed("db", &[("password", "hunter3")])).await;
    scene.until_data("db", &[("password", "hunter3")]).await;
}
