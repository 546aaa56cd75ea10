//! The API server goes away in the middle of the work and comes back: nothing is lost, and nobody has to restart anything.

use reqwest::StatusCode;

use crate::cluster::{OwnServer, SOON};
use crate::eventually::eventually;
use crate::key_scene::until_metric;
use crate::scene::Scene;

const OBJECTS: usize = 60;

#[tokio::test]
async fn what_was_under_way_is_finished_and_what_changes_afterwards_is_noticed() {
    let server = OwnServer::start().await;
    let mut scene = Scene::prepare_in(server.cluster(), "restart", &["allNamespaces=false"]).await;
    let names: Vec<String> = (0..OBJECTS).map(|number| format!("object-{number}")).collect();
    for name in &names {
        scene.apply(&scene.sealed(name, &[("a", name)])).await;
    }
    scene.start_controller(&[]).await;
    let controller = scene.controller.as_ref().unwrap();
    eventually("the first Secrets are made", SOON, || async {
        controller.log().iter().any(|line| line.contains("wrote Secret"))
    })
    .await;
    server.kill_api_server();
    server.restart_api_server();
    for name in &names {
        scene.until_data(name, &[("a", name)]).await;
        scene.until_synced(name, "True").await;
    }
    let written = controller.log().iter().filter(|line| line.contains("wrote Secret")).count();
    assert!(
        written <= OBJECTS + 32,
        "{written} writes of {OBJECTS} Secrets: not even one worker each failed"
    );

    // Watches are back: every kind of change is noticed.
    scene.apply(&scene.sealed("object-0", &[("a", "changed")])).await;
    scene.until_data("object-0", &[("a", "changed")]).await;
    scene.delete_secret("object-1").await;
    scene.until_data("object-1", &[("a", "object-1")]).await;

    // Away for so long that the lease is lost: it says so, goes on answering, and leads again when it can.
    server.kill_api_server();
    until_metric(controller, "seal_controller_leading", "0").await;
    let health = reqwest::get(controller.url("/healthz")).await.unwrap();
    assert_eq!(health.status(), StatusCode::OK);
    let certificate = reqwest::get(controller.url("/v1/cert.pem")).await.unwrap();
    assert_eq!(certificate.status(), StatusCode::OK);
    server.restart_api_server();
    until_metric(controller, "seal_controller_leading", "1").await;
    scene.apply(&scene.sealed("object-2", &[("a", "changed")])).await;
    scene.until_data("object-2", &[("a", "changed")]).await;
    scene.delete_secret("object-3").await;
    scene.until_data("object-3", &[("a", "object-3")]).await;
    let log = controller.log();
    let starts = log.iter().filter(|line| line.contains("starting seal-controller"));
    assert_eq!(starts.count(), 1);
}
