//! The log of a running controller.

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::ListParams;

use crate::cluster::{Cluster, Controller, SOON};
use crate::eventually::eventually;

#[tokio::test]
async fn every_line_is_json_and_none_holds_a_private_key() {
    let cluster = Cluster::connect().await;
    cluster.install_crds().await;
    let namespace = cluster.namespace("logs").await;
    let controller =
        Controller::spawn(cluster.kubeconfig(), namespace.name(), &["--log-level=DEBUG"]);
    let secrets: Api<Secret> = namespace.api();
    let label = ListParams::default().labels("sealedsecrets.bitnami.com/sealed-secrets-key=active");
    let key = eventually("there is a key", SOON, || async {
        secrets.list(&label).await.map(|list| list.items.into_iter().next())
    })
    .await;
    eventually("it serves the certificate", SOON, || async {
        reqwest::get(controller.url("/v1/cert.pem")).await?.error_for_status().map(|_| ())
    })
    .await;
    for line in controller.log() {
        let entry: serde_json::Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
        for field in ["time", "level", "msg"] {
            assert!(entry[field].is_string(), "{line}");
        }
    }
    let log = controller.log().join("\n");
    assert!(log.contains("HTTP server serving") && log.contains("BEGIN CERTIFICATE"), "{log}");
    assert!(!log.contains("PRIVATE KEY"), "{log}");
    let pem = String::from_utf8(key.data.unwrap()["tls.key"].0.clone()).unwrap();
    for line in pem.lines().filter(|line| !line.starts_with("-----")) {
        assert!(!log.contains(line), "a line of the private key is in the log");
    }
}

#[tokio::test]
async fn nothing_is_logged_below_the_level_that_is_asked_for() {
    let cluster = Cluster::connect().await;
    cluster.install_crds().await;
    let namespace = cluster.namespace("quiet").await;
    let controller = Controller::spawn(
        cluster.kubeconfig(),
        namespace.name(),
        &["--log-level=ERROR", "--log-format=text", "--max-unseal-retries=7"],
    );
    eventually("it serves the certificate", SOON, || async {
        reqwest::get(controller.url("/v1/cert.pem")).await?.error_for_status().map(|_| ())
    })
    .await;
    assert_eq!(controller.log(), Vec::<String>::new());
}
