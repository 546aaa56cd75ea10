//! The chart gives the controller the rights that it needs, and no other: in each shape of install it lives its whole life as
//! the chart's service account, with the chart's flags, and what it asked for is compared with what it may.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use rustix::process::Signal;
use serde_json::json;

use crate::cluster::{Cluster, Controller, Grant, Permissions, Relay, SOON};
use crate::eventually::eventually;
use crate::scene::{Scene, TestKey};

const KEY_LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";

/// A shape of install, in the words of the chart's values.
struct Install<'a> {
    values: &'a [&'a str],
    recreates: bool,
    writes_status: bool,
    collects: bool,
    /// It looks after a second namespace.
    elsewhere: bool,
}

const USUAL: Install<'static> = Install {
    values: &[],
    recreates: true,
    writes_status: true,
    collects: false,
    elsewhere: false,
};

#[tokio::test]
async fn looking_after_all_namespaces_takes_exactly_the_rights_of_the_chart() {
    assert_exact(USUAL).await;
}

#[tokio::test]
async fn looking_after_its_own_namespace_takes_exactly_the_rights_of_the_chart() {
    assert_exact(Install { values: &["allNamespaces=false"], ..USUAL }).await;
}

#[tokio::test]
async fn looking_after_some_namespaces_takes_exactly_the_rights_of_the_chart() {
    assert_exact(Install { elsewhere: true, ..USUAL }).await;
}

#[tokio::test]
async fn neither_recreating_nor_writing_status_takes_exactly_the_rights_of_the_chart() {
    let values = &["skipRecreate=true", "updateStatus=false"];
    assert_exact(Install { values, recreates: false, writes_status: false, ..USUAL }).await;
}

#[tokio::test]
async fn collecting_its_own_garbage_takes_exactly_the_rights_of_the_chart() {
    assert_exact(Install { values: &["oldGcBehavior=true"], collects: true, ..USUAL }).await;
}

async fn assert_exact(install: Install<'_>) {
    let cluster = Cluster::connect().await;
    cluster.install_crds().await;
    let namespace = cluster.namespace("rights").await;
    let own = namespace.name().to_owned();
    let second = match install.elsewhere {
        true => Some(cluster.namespace("rights-too").await),
        false => None,
    };
    // Whatever it looks after, it leaves the objects of other tests alone.
    let mine = format!("labelSelector=test={own}");
    let mut values = vec!["keySize=2048", &mine];
    values.extend(install.values);
    let additional = second.as_ref().map(|it| format!("additionalNamespaces={{{}}}", it.name()));
    values.extend(additional.as_deref());
    let permissions = Permissions::of_chart(&own, &values);
    let account = namespace.grant(&permissions).await;
    let relay = Relay::start(account.kubeconfig()).await;
    let flags = [vec!["--all-namespaces=true"], permissions.flags()].concat();
    let controller = Controller::start(relay.kubeconfig(), &own, &flags).await;

    let mut scenes = Vec::new();
    for namespace in [Some(namespace), second].into_iter().flatten() {
        // Who it is does not matter here: a scene is watched by the one controller.
        let account = namespace.grant(&Permissions::none("nobody")).await;
        let key = TestKey::of(&keys(&cluster, &own).await[0]);
        let cluster = cluster.clone();
        scenes.push(Scene { controller: None, key, account, cluster, namespace });
    }
    for scene in &scenes {
        live(scene, &own, &install).await;
        if install.collects {
            until_collected(scene, &own, &relay).await;
        }
    }
    controller.signal(Signal::USR1);
    eventually("a second sealing key", SOON, || async { keys(&cluster, &own).await.len() == 2 })
        .await;
    assert!(controller.terminate().await.success());

    let refused: Vec<_> =
        relay.answered().into_iter().filter(|(_, code)| matches!(code, 401 | 403)).collect();
    assert!(refused.is_empty(), "rights that the chart does not give: {refused:?}");
    let asked: BTreeSet<_> = relay.asked().into_iter().collect();
    let is_used = |grant: &&Grant| {
        asked.iter().any(|asked| {
            (asked.verb, &asked.group, &asked.resource)
                == (grant.verb.as_str(), &grant.group, &grant.resource)
                && (grant.namespace.is_empty() || grant.namespace == asked.namespace)
        })
    };
    let grants = permissions.grants();
    let unused: Vec<_> = grants.iter().filter(|grant| !is_used(grant)).collect();
    assert!(unused.is_empty(), "rights that the chart gives for nothing: {unused:?}");
}

/// All that happens to SealedSecrets and their Secrets.
async fn live(scene: &Scene, own: &str, install: &Install<'_>) {
    let sealed = |name: &str, values: &[(&str, &str)]| {
        let mut object = scene.sealed(name, values);
        object["metadata"]["labels"] = json!({"test": own});
        object
    };
    scene.apply(&sealed("db", &[("password", "old"), ("gone", "x")])).await;
    scene.until_data("db", &[("password", "old"), ("gone", "x")]).await;
    scene.until_event("db", "Unsealed").await;
    // A change that adds, and one that removes.
    scene.apply(&sealed("db", &[("password", "old"), ("gone", "x"), ("new", "y")])).await;
    scene.until_data("db", &[("password", "old"), ("gone", "x"), ("new", "y")]).await;
    scene.apply(&sealed("db", &[("password", "new")])).await;
    scene.until_data("db", &[("password", "new")]).await;
    if install.writes_status {
        scene.until_synced("db", "True").await;
    }
    if install.recreates {
        scene.delete_secret("db").await;
        scene.until_data("db", &[("password", "new")]).await;
        scene.edit_secret("db", json!({"data": {"password": "ZWRpdGVk"}})).await;
        scene.until_data("db", &[("password", "new")]).await;
    }
    for (name, annotation, left) in [("patched", "patch", true), ("managed", "managed", false)] {
        scene
            .create_secret(json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {
                    "name": name,
                    "annotations": {(format!("sealedsecrets.bitnami.com/{annotation}")): "true"},
                },
                "data": {"theirs": "eA=="},
            }))
            .await;
        scene.apply(&sealed(name, &[("ours", "1")])).await;
        let theirs = if left { &[("ours", "1"), ("theirs", "x")][..] } else { &[("ours", "1")] };
        scene.until_data(name, theirs).await;
    }
    let mut broken = sealed("broken", &[]);
    broken["spec"]["encryptedData"] = json!({"password": "AgB="});
    scene.apply(&broken).await;
    scene.until_event("broken", "ErrUnsealFailed").await;
    for name in ["db", "patched", "managed", "broken"] {
        scene.objects().delete(name, &DeleteParams::default()).await.unwrap();
    }
}

/// Deletes SealedSecrets until the controller was quicker than Kubernetes at deleting their Secrets.
async fn until_collected(scene: &Scene, own: &str, relay: &Relay) {
    for round in 0..20 {
        let names: Vec<String> = (0..10).map(|number| format!("gone-{round}-{number}")).collect();
        for name in &names {
            let mut object = scene.sealed(name, &[("a", "1")]);
            object["metadata"]["labels"] = json!({"test": own});
            scene.apply(&object).await;
        }
        for name in &names {
            scene.until_synced(name, "True").await;
        }
        for name in &names {
            scene.objects().delete(name, &DeleteParams::default()).await.unwrap();
        }
        for name in &names {
            eventually(&format!("the Secret {name} is gone"), SOON, || async {
                scene.secrets().get_opt(name).await.map(|secret| secret.is_none())
            })
            .await;
        }
        if relay.asked().iter().any(|asked| asked.verb == "delete") {
            return;
        }
    }
    panic!("the controller deleted no Secret of 200");
}

async fn keys(cluster: &Cluster, namespace: &str) -> Vec<Secret> {
    let secrets: Api<Secret> = Api::namespaced(cluster.client(), namespace);
    secrets.list(&ListParams::default().labels(KEY_LABEL)).await.unwrap().items
}

#[tokio::test]
async fn without_the_right_to_write_events_secrets_are_made_and_the_log_says_what_is_missing() {
    let cluster = Cluster::connect().await;
    cluster.install_crds().await;
    let namespace = cluster.namespace("no-events").await;
    let permissions = Permissions::of_chart(namespace.name(), &["allNamespaces=false"]);
    let events: Vec<Grant> =
        permissions.grants().into_iter().filter(|grant| grant.resource == "events").collect();
    assert!(!events.is_empty());
    let fewer = events.iter().fold(permissions, |permissions, grant| permissions.without(grant));
    let account = namespace.grant(&fewer).await;
    let mut scene =
        Scene { controller: None, key: TestKey::generate(), account, cluster, namespace };
    let key = scene.key.secret("sealed-secrets-key1", "active");
    scene.secrets().create(&PostParams::default(), &key).await.unwrap();
    scene.start_controller(&[]).await;
    scene.apply(&scene.sealed("db", &[("a", "1")])).await;
    scene.until_synced("db", "True").await;
    let controller = scene.controller.as_ref().unwrap();
    eventually("the missing right is named", SOON, || async {
        controller.log().iter().any(|line| line.contains("events.k8s.io") && line.contains("403"))
    })
    .await;
    let events: Api<Event> = scene.namespace.api();
    assert!(events.list(&ListParams::default()).await.unwrap().items.is_empty());
}
