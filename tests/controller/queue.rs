//! New objects do not wait for the backlog, and a failing one holds up nobody.

use std::time::Duration;

use serde_json::json;

use crate::cluster::{Answered, Controller, Relay, SOON};
use crate::eventually::eventually;
use crate::scene::Scene;

#[tokio::test]
async fn a_new_object_goes_before_those_that_wait() {
    let scene = Scene::prepare("lanes").await;
    for number in 0..60 {
        scene.apply(&scene.sealed(&format!("old-{number:02}"), &[("a", "1")])).await;
    }
    let relay = Relay::start(scene.account.kubeconfig()).await;
    // Creating a Secret takes so long that the backlog is still there when the new object comes.
    relay.answer(|asked| match (asked.verb, asked.resource.as_str()) {
        ("create", "secrets") => Answered::Late(Duration::from_millis(500)),
        _ => Answered::ByServer,
    });
    let flags = ["--workers=1", "--leader-elect=false"];
    let _controller = Controller::start(relay.kubeconfig(), scene.namespace.name(), &flags).await;
    scene.apply(&scene.sealed("new", &[("a", "1")])).await;
    scene.until_synced("new", "True").await;
    let done = scene.secrets().list(&Default::default()).await.unwrap().items.len();
    assert!(done < 50, "the new one waited for the backlog: {done} Secrets are there");
}

#[tokio::test]
async fn what_fails_for_long_is_tried_again_and_holds_up_nobody() {
    let scene = Scene::prepare("retry").await;
    let relay = Relay::start(scene.account.kubeconfig()).await;
    relay.answer(|asked| match (asked.verb, asked.resource.as_str()) {
        ("create", "secrets") => {
            Answered::With { code: 500, reason: "InternalError", retry_after: None }
        }
        _ => Answered::ByServer,
    });
    let flags = ["--leader-elect=false"];
    let _controller = Controller::start(relay.kubeconfig(), scene.namespace.name(), &flags).await;
    scene.apply(&scene.sealed("db", &[("a", "1")])).await;
    let tries = || {
        relay.asked().iter().filter(|it| it.verb == "create" && it.resource == "secrets").count()
    };
    // More often than sealed-secrets does.
    eventually("it is tried again and again", SOON, || async { tries() > 5 }).await;
    let (_, message) = scene.until_reason("db", "UpdateFailed").await;
    assert!(message.contains("the API server failed (500"), "{message}");

    relay.answer(|_| Answered::ByServer);
    // An object that comes now does not wait for the next try of the other.
    scene.settle("marker").await;
    // A change ends the wait.
    let mut object = scene.sealed("db", &[("a", "1")]);
    object["metadata"]["annotations"] =
        json!({ "sealedsecrets.bitnami.com/cluster-wide": "false" });
    scene.apply(&object).await;
    scene.until_synced("db", "True").await;
}
