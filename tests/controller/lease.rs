//! One of several replicas writes; the others serve HTTP and take over.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;

use crate::cluster::{Cluster, Controller, Permissions};
use crate::key_scene::{FLAGS, Scene, any_certificate, until_logged, until_metric};

async fn holder(scene: &Scene, name: &str) -> Option<String> {
    let leases: Api<Lease> = scene.namespace.api();
    leases.get_opt(name).await.unwrap()?.spec?.holder_identity
}

/// Two replicas, of which the first leads.
async fn two(scene: &Scene) -> (Controller, Controller) {
    let first = scene.controller(&[]);
    until_metric(&first, "seal_controller_leading", "1").await;
    let second = scene.controller(&[]);
    any_certificate(&second).await;
    until_metric(&second, "seal_controller_leading", "0").await;
    (first, second)
}

#[tokio::test]
async fn one_leads_and_the_other_serves_the_same_certificate() {
    let scene = Scene::new("two").await;
    let (first, second) = two(&scene).await;
    assert_eq!(any_certificate(&first).await, any_certificate(&second).await);
    let leases: Api<Lease> = scene.namespace.api();
    let spec = leases.get("seal-controller").await.unwrap().spec.unwrap();
    assert_eq!((spec.lease_duration_seconds, spec.lease_transitions), (Some(15), Some(0)));
    assert!(
        spec.holder_identity.is_some() && spec.renew_time.is_some() && spec.acquire_time.is_some()
    );
}

#[tokio::test]
async fn a_killed_leader_is_followed() {
    let scene = Scene::new("killed").await;
    let (first, second) = two(&scene).await;
    let before = holder(&scene, "seal-controller").await.unwrap();
    first.kill();
    let killed = Instant::now();
    until_metric(&second, "seal_controller_leading", "1").await;
    // 15 s and two looks; a machine that is five times slower needs longer for the looks alone.
    assert!(
        killed.elapsed() > Duration::from_secs(5),
        "nobody may take a lease that is still held"
    );
    let after = holder(&scene, "seal-controller").await.unwrap();
    assert_ne!(before, after);
    let leases: Api<Lease> = scene.namespace.api();
    assert_eq!(
        leases.get("seal-controller").await.unwrap().spec.unwrap().lease_transitions,
        Some(1)
    );
}

#[tokio::test]
async fn a_leader_that_ends_gives_the_lease_back() {
    let scene = Scene::new("ended").await;
    // So long that it could not be taken otherwise.
    let flags = ["--leader-elect-lease-duration=600s", "--leader-elect-renew-deadline=400s"];
    let first = scene.controller(&flags);
    until_metric(&first, "seal_controller_leading", "1").await;
    let second = scene.controller(&flags);
    any_certificate(&second).await;
    assert!(first.terminate().await.success());
    until_metric(&second, "seal_controller_leading", "1").await;
}

#[tokio::test]
async fn a_leader_that_was_stopped_finds_out_that_it_leads_no_more() {
    let scene = Scene::new("stopped").await;
    let (first, second) = two(&scene).await;
    first.pause();
    until_metric(&second, "seal_controller_leading", "1").await;
    first.resume();
    until_metric(&first, "seal_controller_leading", "0").await;
    until_logged(&first, &["could not be renewed in time"]).await;
    until_metric(&second, "seal_controller_leading", "1").await;
    assert_eq!(scene.keys().await.len(), 1);
}

#[tokio::test]
async fn installations_with_other_prefixes_do_not_stop_each_other() {
    let cluster = Cluster::connect().await;
    let scene = Scene::on(&cluster, "prefixes").await;
    // The chart of each gives it the right for its own lease; this test has one service account, so it is the administrator.
    let start = |flags: &[&str]| {
        Controller::spawn(cluster.kubeconfig(), scene.namespace.name(), &[FLAGS, flags].concat())
    };
    let (first, second) = (start(&[]), start(&["--key-prefix=other-"]));
    until_metric(&first, "seal_controller_leading", "1").await;
    until_metric(&second, "seal_controller_leading", "1").await;
    assert!(holder(&scene, "seal-controller").await.is_some());
    assert!(holder(&scene, "seal-controller-other").await.is_some());
}

#[tokio::test]
async fn without_permission_for_the_lease_nothing_is_written_and_the_reason_is_said() {
    let cluster = Cluster::connect().await;
    cluster.install_crds().await;
    let namespace = cluster.namespace("no-lease").await;
    let all = Permissions::of_chart(namespace.name(), &["allNamespaces=false"]);
    let leases: Vec<_> =
        all.grants().into_iter().filter(|grant| grant.resource == "leases").collect();
    assert!(!leases.is_empty());
    let fewer = leases.iter().fold(all, |permissions, grant| permissions.without(grant));
    let account = namespace.grant(&fewer).await;
    let controller = Controller::spawn(account.kubeconfig(), namespace.name(), FLAGS);
    let place = format!("{}/seal-controller", namespace.name());
    until_logged(
        &controller,
        &["cannot get leases", &place, "grant this", "this replica writes nothing"],
    )
    .await;
    until_metric(&controller, "seal_controller_leading", "0").await;
    let health = reqwest::get(controller.url("/healthz")).await.unwrap();
    assert!(health.status().is_success());
}
