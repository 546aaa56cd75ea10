//! The metrics of a running controller.

use crate::cluster::{Cluster, Controller, SOON};
use crate::eventually::eventually;

#[tokio::test]
async fn metrics_show_the_key_the_leader_and_the_process() {
    let cluster = Cluster::connect().await;
    cluster.install_crds().await;
    let namespace = cluster.namespace("metrics").await;
    let controller = Controller::spawn(cluster.kubeconfig(), namespace.name(), &[]);
    let leads = || async {
        match reqwest::get(controller.url("/healthz")).await {
            Ok(_) => {
                controller.metrics().await.lines().any(|line| line == "seal_controller_leading 1")
            }
            Err(_) => false,
        }
    };
    eventually("it leads", SOON, leads).await;
    let has_key = || async {
        let text = controller.metrics().await;
        text.lines().any(|line| line == r#"seal_controller_sealing_keys{state="active"} 1"#)
    };
    eventually("it has a key", SOON, has_key).await;
    let text = controller.metrics().await;
    for beginning in [
        "sealed_secrets_controller_build_info{revision=\"v",
        "sealed_secrets_controller_unseal_requests_total ",
        "seal_controller_sealing_key_seals{secret=\"sealed-secrets-key",
        "seal_controller_sealing_key_not_after_timestamp_seconds{secret=\"sealed-secrets-key",
        "process_resident_memory_bytes ",
        "process_cpu_seconds_total ",
    ] {
        assert!(text.lines().any(|line| line.starts_with(beginning)), "{beginning} in\n{text}");
    }
}

#[tokio::test]
async fn the_address_of_the_metrics_answers_probes_and_nothing_of_the_api() {
    let cluster = Cluster::connect().await;
    cluster.install_crds().await;
    let namespace = cluster.namespace("ports").await;
    let port = crate::cluster::free_port();
    let flag = format!("--listen-metrics-addr=127.0.0.1:{port}");
    let controller = Controller::spawn(cluster.kubeconfig(), namespace.name(), &[&flag]);
    let ask = |path: &'static str| async move {
        let answer = reqwest::get(format!("http://127.0.0.1:{port}{path}")).await;
        answer.map(|answer| answer.status().as_u16()).map_err(|error| error.to_string())
    };
    eventually("it answers", SOON, || async { ask("/healthz").await.map(|code| code == 200) })
        .await;
    assert_eq!(ask("/metrics").await, Ok(200));
    assert_eq!(ask("/v1/cert.pem").await, Ok(404));
    let answer = reqwest::get(controller.url("/metrics")).await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 404);
}
