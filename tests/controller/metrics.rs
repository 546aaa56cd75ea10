//! The metrics of a running controller.

use kube::Api;
use kube::api::{DeleteParams, PostParams};
use seal_api::sealed_secret::SealedSecret;
use seal_api::sealing::{Scope, SealedValue};
use serde_json::json;

use crate::cluster::{Cluster, Controller, SOON};
use crate::eventually::eventually;
use crate::http::certificate;

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

#[tokio::test]
async fn objects_are_counted_and_their_conditions_shown_until_they_are_gone() {
    let cluster = Cluster::connect().await;
    cluster.install_crds().await;
    let namespace = cluster.namespace("counted").await;
    let controller = Controller::start(cluster.kubeconfig(), namespace.name(), &[]).await;
    let certificate = certificate(&controller).await;
    let objects: Api<SealedSecret> = namespace.api();
    for (name, sealed_for) in [("good", "good"), ("bad", "other")] {
        let label = Scope::Strict.label(namespace.name(), sealed_for);
        let value = SealedValue::seal(b"hunter2", &label, &certificate).unwrap().to_base64();
        let object = serde_json::from_value(json!({
            "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
            "metadata": {"name": name, "labels": {"app.kubernetes.io/instance": "shop"}},
            "spec": {"encryptedData": {"password": value}},
        }));
        objects.create(&PostParams::default(), &object.unwrap()).await.unwrap();
    }
    let shows = |beginning: String| {
        let controller = &controller;
        async move {
            let text = controller.metrics().await;
            text.lines().any(|line| line.starts_with(&beginning)).then_some(()).ok_or(text)
        }
    };
    let condition = |name: &str, condition: &str, value: &str| {
        format!(
            "sealed_secrets_controller_condition_info{{namespace=\"{}\",name=\"{name}\",condition=\"{condition}\",\
             ss_app_kubernetes_io_instance=\"shop\"}} {value}",
            namespace.name()
        )
    };
    for line in [
        condition("good", "Synced", "1"),
        condition("bad", "Synced", "-1"),
        format!(
            "sealed_secrets_controller_unseal_errors_total{{reason=\"unseal\",namespace=\"{}\"}} ",
            namespace.name()
        ),
        "seal_controller_reconcile_duration_seconds_count{kind=\"SealedSecret\",result=\"done\"} "
            .to_owned(),
        "seal_controller_queue_objects{lane=\"fresh\"} ".to_owned(),
    ] {
        eventually(&line, SOON, || shows(line.clone())).await;
    }
    let text = controller.metrics().await;
    let uses = text.lines().find(|line| line.starts_with("seal_controller_sealing_key_objects{"));
    assert!(uses.is_some_and(|line| line.ends_with(" 1")), "{text}");
    objects.delete("bad", &DeleteParams::default()).await.unwrap();
    eventually("its gauges are gone", SOON, || async {
        let text = controller.metrics().await;
        (!text.contains("name=\"bad\"")).then_some(()).ok_or(text)
    })
    .await;
}
