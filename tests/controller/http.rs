//! The HTTP side of a running controller. What needs no socket is tested beside the code, in `http/tests.rs`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use seal_api::sealing::{Scope, SealedValue, SealingCertificate};
use serde_json::{Value, json};

use crate::cluster::{Cluster, Controller, SOON};
use crate::eventually::eventually;

/// Time for whatever has a limit of a second or two, on a slow machine.
const LONG: Duration = Duration::from_secs(60);

/// The certificate, once there is one.
async fn certificate(controller: &Controller) -> SealingCertificate {
    let pem = eventually("there is a certificate", SOON, || async {
        let answer = reqwest::get(controller.url("/v1/cert.pem"))
            .await
            .map_err(|error| error.to_string())?;
        let code = answer.status();
        let text = answer.text().await.map_err(|error| error.to_string())?;
        if code.is_success() { Ok(Some(text)) } else { Err(text) }
    })
    .await;
    SealingCertificate::from_pem(pem.as_bytes()).expect("a certificate")
}

fn sealed_secret(namespace: &str, value: &str) -> Value {
    json!({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
        "metadata": {"name": "db", "namespace": namespace},
        "spec": {"encryptedData": {"password": value}},
    })
}

async fn post(controller: &Controller, path: &str, body: &Value) -> reqwest::Response {
    let request = reqwest::Client::new().post(controller.url(path)).body(body.to_string());
    request.send().await.expect("an answer")
}

#[tokio::test]
async fn what_is_sealed_with_the_served_certificate_verifies_and_rotates() {
    let cluster = Cluster::connect().await;
    cluster.install_crds().await;
    let namespace = cluster.namespace("http").await;
    let controller = Controller::spawn(cluster.kubeconfig(), namespace.name(), &[]);
    let certificate = certificate(&controller).await;
    assert!(certificate.not_before() <= Timestamp::now());

    let label = Scope::Strict.label(namespace.name(), "db");
    let value = SealedValue::seal(b"hunter2", &label, &certificate).unwrap().to_base64();
    let object = sealed_secret(namespace.name(), &value);
    assert_eq!(post(&controller, "/v1/verify", &object).await.status(), StatusCode::OK);
    let foreign = sealed_secret("elsewhere", &value);
    assert_eq!(post(&controller, "/v1/verify", &foreign).await.status(), StatusCode::CONFLICT);

    let answer = post(&controller, "/v1/rotate", &object).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let rotated: Value = answer.json().await.expect("JSON");
    assert_ne!(rotated["spec"]["encryptedData"]["password"], *value);
    assert_eq!(post(&controller, "/v1/verify", &rotated).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_replica_that_cannot_reach_the_api_server_lives_and_says_that_it_is_not_ready() {
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = directory.path().join("kubeconfig");
    let unreachable = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": format!("http://127.0.0.1:{}", crate::cluster::free_port())}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
    });
    std::fs::write(&kubeconfig, unreachable.to_string()).unwrap();
    let controller = Controller::spawn(&kubeconfig, "default", &[]);
    let healthy =
        || async { reqwest::get(controller.url("/healthz")).await?.error_for_status().map(|_| ()) };
    eventually("it answers", LONG, healthy).await;
    let answer = reqwest::get(controller.url("/readyz")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let text = answer.text().await.unwrap();
    assert!(text.contains("sealing keys have not been listed"), "{text}");
    let answer = reqwest::get(controller.url("/v1/cert.pem")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(controller.terminate().await.success());
}

/// Sends raw bytes and reads until the other end closes.
fn exchange(controller: &Controller, bytes: &[u8]) -> String {
    let address = controller.url("").replace("http://", "");
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        // It closed before it read everything.
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the connection was not closed: {error}"),
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_do_not_get_on_are_closed() {
    let cluster = Cluster::connect().await;
    cluster.install_crds().await;
    let namespace = cluster.namespace("slow").await;
    let controller = Controller::spawn(
        cluster.kubeconfig(),
        namespace.name(),
        &["--read-timeout=1s", "--http-body-limit=1Ki"],
    );
    certificate(&controller).await;
    let ask = |bytes: Vec<u8>| tokio::task::block_in_place(|| exchange(&controller, &bytes));
    // The head of a request that never ends, and none at all.
    for head in ["GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow:", ""] {
        let answer = ask(head.into());
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
    let verify = "POST /v1/verify HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
    let answer = ask(format!("{verify}content-length: 100\r\n\r\n{{").into());
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    let answer = ask(format!("{verify}content-length: 1025\r\n\r\n").into());
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let answer = ask(format!("{verify}{}\r\n", "x: y\r\n".repeat(100)).into());
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let answer = ask(format!("{verify}x: {}\r\n\r\n", "y".repeat(100_000)).into());
    assert!(
        answer.starts_with("HTTP/1.1 431") || answer.is_empty(),
        "{}",
        &answer[..answer.len().min(200)]
    );
    assert_eq!(reqwest::get(controller.url("/healthz")).await.unwrap().status(), StatusCode::OK);
}
