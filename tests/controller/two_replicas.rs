//! Two replicas: both answer, one writes, and the other goes on when that one is gone. What a replica began while it led is
//! refused when it arrives too late.

use std::time::{Duration, Instant};

use kube::ResourceExt as _;
use reqwest::StatusCode;
use tokio::sync::watch;

use crate::cluster::{Answered, Asked, Controller, Relay, SOON};
use crate::eventually::eventually;
use crate::key_scene::{any_certificate, until_metric};
use crate::scene::{Scene, data};

/// Half of it is the lease that the dead leader still holds.
const TAKEN_OVER: Duration = Duration::from_secs(40);

async fn until_leading(controller: &Controller, leads: bool) {
    until_metric(controller, "seal_controller_leading", if leads { "1" } else { "0" }).await;
}

#[tokio::test]
async fn both_answer_one_writes_and_the_other_goes_on_when_it_is_killed() {
    let scene = Scene::prepare("replicas").await;
    let start = || Controller::start(scene.account.kubeconfig(), scene.namespace.name(), &[]);
    let leader = start().await;
    until_leading(&leader, true).await;
    let other = start().await;
    let object = scene.sealed("before", &[("a", "1")]);
    scene.apply(&object).await;
    scene.until_data("before", &[("a", "1")]).await;
    let wrote = |controller: &Controller| {
        controller.log().iter().filter(|line| line.contains("wrote Secret")).count()
    };
    assert_eq!((wrote(&leader), wrote(&other)), (1, 0));
    assert_eq!(any_certificate(&leader).await, any_certificate(&other).await);
    let verify = || async {
        let request = reqwest::Client::new().post(other.url("/v1/verify"));
        request.body(object.to_string()).send().await.unwrap().status()
    };
    assert_eq!(verify().await, StatusCode::OK);

    leader.kill();
    let killed = Instant::now();
    // It answers all the time, and writes as soon as it may.
    scene.apply(&scene.sealed("after", &[("a", "2")])).await;
    assert_eq!(verify().await, StatusCode::OK);
    scene.delete_secret("before").await;
    scene.until_data("after", &[("a", "2")]).await;
    scene.until_data("before", &[("a", "1")]).await;
    scene.until_synced("after", "True").await;
    assert!(killed.elapsed() < TAKEN_OVER, "taken over after {} s", killed.elapsed().as_secs());
    until_leading(&other, true).await;
}

#[tokio::test]
async fn what_a_paused_leader_had_on_its_way_is_refused_and_it_writes_nothing_more() {
    let scene = Scene::prepare("paused").await;
    let relay = Relay::start(scene.account.kubeconfig()).await;
    let paused = Controller::start(relay.kubeconfig(), scene.namespace.name(), &[]).await;
    until_leading(&paused, true).await;
    scene.apply(&scene.sealed("db", &[("a", "1")])).await;
    scene.apply(&scene.sealed("new", &[("a", "1")])).await;
    for name in ["db", "new"] {
        scene.until_synced(name, "True").await;
        // The last that is written about an object.
        scene.until_event(name, "Unsealed").await;
    }
    // What the server has done may not have been noted by the relay yet.
    eventually("all is answered", SOON, || async { relay.asked().len() == relay.answered().len() })
        .await;

    // Its next writes are under way when it stops: a change, and a Secret that it makes again.
    let (release, released) = watch::channel(false);
    let is_held = |asked: &Asked| {
        asked.resource == "secrets" && matches!(asked.verb, "create" | "patch" | "update")
    };
    relay.answer(move |asked| {
        if is_held(asked) { Answered::When(released.clone()) } else { Answered::ByServer }
    });
    relay.forget();
    scene.apply(&scene.sealed("db", &[("a", "2")])).await;
    scene.delete_secret("new").await;
    eventually("both writes are under way", SOON, || async {
        relay.asked().iter().filter(|asked| is_held(asked)).count() == 2
    })
    .await;
    paused.pause();

    let other = Controller::start(scene.account.kubeconfig(), scene.namespace.name(), &[]).await;
    until_leading(&other, true).await;
    scene.apply(&scene.sealed("db", &[("a", "3")])).await;
    scene.until_data("db", &[("a", "3")]).await;
    scene.until_data("new", &[("a", "1")]).await;
    scene.until_synced("db", "True").await;
    scene.until_synced("new", "True").await;
    let version = async |name: &str| scene.secrets().get(name).await.unwrap().resource_version();
    let before = (version("db").await, version("new").await);

    release.send_replace(true);
    eventually("both writes are answered", SOON, || async {
        relay.answered().iter().filter(|(asked, _)| is_held(asked)).count() == 2
    })
    .await;
    paused.resume();
    until_leading(&paused, false).await;
    scene.settle("marker").await;
    let writes: Vec<_> = relay
        .answered()
        .into_iter()
        .filter(|(asked, code)| !matches!(asked.verb, "get" | "list" | "watch") && *code < 300)
        .filter(|(asked, _)| asked.resource != "leases")
        .collect();
    assert!(writes.is_empty(), "written without the lease: {writes:?}");
    assert_eq!((version("db").await, version("new").await), before);
    assert_eq!(data(&scene.secrets().get("db").await.unwrap())["a"], "3");
    until_leading(&other, true).await;
}
