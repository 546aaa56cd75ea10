//! The part of `make bench` for the controller: release build, a real API server of its own beside it, as a table in Markdown.
//! The peer is sealed-secrets 0.36.6 as measured once on two such cores with its client limit off; no registry has it here.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a program of the tests"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{ListParams, PostParams};
use seal_api::sealed_secret::{EncryptedData, SealedSecret, SealedSecretSpec};
use seal_api::sealing::{KeySize, Scope, SealedValue, SealingCertificate, SealingKey};

#[path = "../../harness/cluster.rs"]
mod cluster;
#[path = "../../harness/eventually.rs"]
mod eventually;
mod usage;

use cluster::{Controller, OwnServer, TestNamespace};
use usage::Usage;

const OBJECTS: usize = 500;
const VALUES: usize = 4;
const FOREIGN: usize = 3_000;
const FOREIGN_BYTES: usize = 10_000;
/// sealed-secrets 0.36.6 for the same objects, its client limit off: seconds of wall time.
const PEER_WALL: f64 = 20.4;
/// The resident memory of sealed-secrets without and with the foreign Secrets, in megabytes.
const PEER_MEMORY: [f64; 2] = [52.0, 122.0];
const ROUNDS: usize = 3;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run());
}

async fn run() {
    let key = SealingKey::generate(KeySize::Rsa4096).unwrap();
    let day = Duration::from_secs(24 * 3600);
    let certificate =
        SealingCertificate::self_signed(&key, "", jiff::Timestamp::now(), 3650 * day).unwrap();
    let bare = bare_rsa(&key, &certificate);

    let server = OwnServer::start().await;
    server.cluster().install_crds().await;
    let mut starts = Vec::new();
    for _ in 0..ROUNDS {
        starts.push(cold_start(&server, &key, &certificate, 0).await);
    }
    starts.sort_by(|a, b| a.wall.total_cmp(&b.wall));
    let start = starts[ROUNDS / 2];
    let alone = start.usage.peak;

    let crowded = cold_start(&server, &key, &certificate, FOREIGN).await.usage.peak;

    println!("\n| controller | measured | limit | sealed-secrets 0.36.6 |\n|---|---|---|---|");
    let row = |name: &str, measured: String, limit: String, met: bool, peer: String| {
        println!(
            "| {name} | {measured} | {limit}{} | {peer} |",
            if met { "" } else { " **missed**" }
        );
    };
    row(
        &format!(
            "{OBJECTS} SealedSecrets of {VALUES} values (RSA-4096), from start until all Secrets are there"
        ),
        format!("{:.1} s wall", start.wall),
        format!("≤ {:.1} s wall", PEER_WALL / 4.0),
        start.wall <= PEER_WALL / 4.0,
        format!("{PEER_WALL} s ({:.1}×)", PEER_WALL / start.wall),
    );
    row(
        "the same: CPU time of the controller by that of the bare RSA operations",
        format!("{:.1} s by {bare:.1} s: {:.2}×", start.usage.cpu, start.usage.cpu / bare),
        "≤ 1.5×".to_owned(),
        start.usage.cpu <= 1.5 * bare,
        String::new(),
    );
    row(
        "peak memory then",
        format!("{alone:.0} MB"),
        "≤ 40 MB".to_owned(),
        alone <= 40.0,
        format!("{} MB", PEER_MEMORY[0]),
    );
    row(
        &format!("the same beside {FOREIGN} Secrets of others, {} kB each", FOREIGN_BYTES / 1000),
        format!("{crowded:.0} MB"),
        "≤ 40 MB".to_owned(),
        crowded <= 40.0,
        format!("{} MB", PEER_MEMORY[1]),
    );
}

/// Seconds of CPU time for as many RSA operations as the objects need.
fn bare_rsa(key: &SealingKey, certificate: &SealingCertificate) -> f64 {
    let label = Scope::ClusterWide.label("", "");
    let value = SealedValue::seal(b"hunter2", &label, certificate).unwrap();
    let before = Usage::of_self().cpu;
    for _ in 0..OBJECTS * VALUES {
        assert!(key.open(&value, &label).is_some());
    }
    Usage::of_self().cpu - before
}

#[derive(Clone, Copy)]
struct Start {
    wall: f64,
    usage: Usage,
}

/// A namespace with a sealing key, the objects and so many Secrets of others in it; then the controller starts.
async fn cold_start(
    server: &OwnServer,
    key: &SealingKey,
    certificate: &SealingCertificate,
    others: usize,
) -> Start {
    let namespace = server.cluster().namespace("bench").await;
    put_key(&namespace, key, certificate).await;
    foreign(&namespace, others).await;
    let objects: Api<SealedSecret> = namespace.api();
    let label = Scope::NamespaceWide.label(namespace.name(), "");
    stream::iter(0..OBJECTS)
        .for_each_concurrent(32, |number| {
            let (objects, object) = (&objects, object(number, &label, certificate));
            async move {
                objects.create(&PostParams::default(), &object).await.unwrap();
            }
        })
        .await;
    // What the API server still does for the objects should not be counted.
    tokio::time::sleep(Duration::from_secs(2)).await;

    let account = namespace.service_account(&[]).await;
    let from = Instant::now();
    let controller = Controller::spawn(account.kubeconfig(), namespace.name(), &[]);
    let secrets: Api<Secret> = namespace.api();
    let ours = ListParams::default().fields("type=Opaque");
    while secrets.list_metadata(&ours).await.unwrap().items.len() < OBJECTS {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let wall = from.elapsed().as_secs_f64();
    // Statuses and events are part of the work.
    let mut usage = Usage::of(controller.id());
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = Usage::of(controller.id());
        if now.cpu - usage.cpu < 0.05 {
            break;
        }
        usage = now;
    }
    assert!(objects.list(&ListParams::default()).await.unwrap().items.iter().all(|object| {
        object.status.as_ref().is_some_and(|status| status.observed_generation == Some(1))
    }));
    Start { wall, usage }
}

fn object(
    number: usize,
    label: &seal_api::sealing::Label,
    certificate: &SealingCertificate,
) -> SealedSecret {
    let value = |_| SealedValue::seal(b"correct horse battery staple", label, certificate).unwrap();
    let values: BTreeMap<String, String> =
        (0..VALUES).map(|key| (format!("key-{key}"), value(key).to_base64())).collect();
    let spec = SealedSecretSpec {
        encrypted_data: EncryptedData { values, ..EncryptedData::default() },
        ..SealedSecretSpec::default()
    };
    let mut object = SealedSecret::new(&format!("object-{number}"), spec);
    let annotation = Scope::NamespaceWide.annotation().unwrap().to_owned();
    object.metadata.annotations = Some(BTreeMap::from([(annotation, "true".to_owned())]));
    object
}

async fn put_key(namespace: &TestNamespace, key: &SealingKey, certificate: &SealingCertificate) {
    let mut secret = Secret { type_: Some("kubernetes.io/tls".to_owned()), ..Secret::default() };
    secret.metadata.generate_name = Some("sealed-secrets-key".to_owned());
    let label = ("sealedsecrets.bitnami.com/sealed-secrets-key".to_owned(), "active".to_owned());
    secret.metadata.labels = Some(BTreeMap::from([label]));
    secret.data = Some(BTreeMap::from([
        ("tls.key".to_owned(), ByteString(key.to_pem().unwrap().expose().to_vec())),
        ("tls.crt".to_owned(), ByteString(certificate.to_pem().as_bytes().to_vec())),
    ]));
    namespace.api::<Secret>().create(&PostParams::default(), &secret).await.unwrap();
}

/// Secrets that are none of the controller's business.
async fn foreign(namespace: &TestNamespace, how_many: usize) {
    let secrets: Api<Secret> = namespace.api();
    stream::iter(0..how_many)
        .for_each_concurrent(32, |number| {
            let secrets = &secrets;
            async move {
                let mut secret =
                    Secret { type_: Some("example.com/foreign".to_owned()), ..Secret::default() };
                secret.metadata.name = Some(format!("foreign-{number}"));
                secret.data = Some(BTreeMap::from([(
                    "blob".to_owned(),
                    ByteString(vec![b'x'; FOREIGN_BYTES]),
                )]));
                secrets.create(&PostParams::default(), &secret).await.unwrap();
            }
        })
        .await;
}
