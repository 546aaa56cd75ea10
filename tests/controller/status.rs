//! The status is honest, current, and not written more often than it says something new.

use std::collections::BTreeMap;

use kube::ResourceExt as _;
use serde_json::json;

use crate::cluster::{Controller, Relay};
use crate::scene::{Scene, condition};

#[tokio::test]
async fn times_follow_the_rules_of_sealed_secrets() {
    let scene = Scene::start("times", &[]).await;
    scene.apply(&scene.sealed("db", &[("a", "1")])).await;
    let first = scene.until_synced("db", "True").await;
    let before = condition(&first, "Synced").unwrap().clone();
    assert_eq!(before.last_update_time, before.last_transition_time);
    assert_eq!(first.status.as_ref().unwrap().conditions.as_ref().unwrap()[0].type_, "Synced");
    assert_eq!(condition(&first, "Ready").unwrap().reason.as_deref(), Some("Unsealed"));

    // Times have whole seconds.
    let second_began = before.last_update_time.clone().unwrap().parse::<jiff::Timestamp>().unwrap();
    while jiff::Timestamp::now().as_second() <= second_began.as_second() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    scene.apply(&scene.sealed("db", &[("a", "2")])).await;
    scene.until_data("db", &[("a", "2")]).await;
    let second = scene.until_synced("db", "True").await;
    let after = condition(&second, "Synced").unwrap();
    assert_eq!(second.status.as_ref().unwrap().observed_generation, Some(2));
    assert_eq!(after.last_transition_time, before.last_transition_time);
    assert_ne!(after.last_update_time, before.last_update_time);
}

#[tokio::test]
async fn a_changed_message_is_written_though_the_status_stays_false() {
    let scene = Scene::start("message", &[]).await;
    let mut object = scene.sealed("db", &[]);
    object["spec"]["encryptedData"] = json!({ "one": "no base64!" });
    scene.apply(&object).await;
    let (_, first) = scene.until_reason("db", "Malformed").await;
    object["spec"]["encryptedData"] = json!({ "two": "no base64!" });
    scene.apply(&object).await;
    let (object, second) = scene.until_reason("db", "Malformed").await;
    assert_ne!(first, second);
    assert_eq!(condition(&object, "Synced").unwrap().message.as_deref(), Some(second.as_str()));
}

#[tokio::test]
async fn nothing_is_written_while_nothing_changes() {
    let scene = Scene::prepare("quiet").await;
    let relay = Relay::start(scene.account.kubeconfig()).await;
    let name = scene.namespace.name();
    scene.create_secret(json!({ "metadata": { "name": "foreign" }, "data": {} })).await;
    let mut failing = scene.sealed("failing", &[]);
    failing["spec"]["encryptedData"] = json!({ "a": "no base64!" });
    scene.apply(&failing).await;
    scene.apply(&scene.sealed("good", &[("a", "1")])).await;
    scene.apply(&scene.sealed("foreign", &[("a", "1")])).await;

    let first = Controller::start(relay.kubeconfig(), name, &["--leader-elect=false"]).await;
    scene.until_synced("good", "True").await;
    scene.until_synced("failing", "False").await;
    scene.until_synced("foreign", "False").await;
    scene.settle("marker-1").await;
    let versions = versions(&scene).await;
    drop(first);

    // A controller that starts anew looks at everything and finds it as it should be. The failures are told once more as
    // events, which expire.
    relay.forget();
    let _second = Controller::start(relay.kubeconfig(), name, &["--leader-elect=false"]).await;
    scene.until_event("failing", "ErrUnsealFailed").await;
    scene.settle("marker-2").await;
    let asked = relay.asked();
    let mut writes: Vec<_> = asked
        .iter()
        .filter(|asked| {
            !matches!(asked.verb, "get" | "list" | "watch") && asked.resource != "events"
        })
        .map(|asked| (asked.verb, asked.resource.as_str(), asked.name.as_str()))
        .collect();
    writes.sort_unstable();
    assert_eq!(
        writes,
        [("create", "secrets", ""), ("patch", "sealedsecrets/status", "marker-2")],
        "for the marker alone"
    );
    let mut after = self::versions(&scene).await;
    after.retain(|name, _| versions.contains_key(name));
    assert_eq!(after, versions);
    assert_eq!(scene.events("good", "Unsealed").await.len(), 1);
}

#[tokio::test]
async fn no_status_is_written_where_that_is_wished() {
    let scene = Scene::start("no-status", &["--update-status=false"]).await;
    scene.apply(&scene.sealed("db", &[("a", "1")])).await;
    scene.until_data("db", &[("a", "1")]).await;
    scene.until_event("db", "Unsealed").await;
    assert_eq!(scene.objects().get("db").await.unwrap().status, None);
}

/// The resourceVersions of all SealedSecrets.
async fn versions(scene: &Scene) -> BTreeMap<String, String> {
    let all = scene.objects().list(&Default::default()).await.unwrap();
    all.items.iter().map(|object| (object.name_any(), object.resource_version().unwrap())).collect()
}
