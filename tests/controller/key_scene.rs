//! What the tests about sealing keys share: Secrets with keys of any age, and what a controller makes of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use seal_api::sealing::{KeySize, Scope, SealedValue, SealingCertificate, SealingKey};
use serde_json::json;

use crate::cluster::{Cluster, Controller, SOON, ServiceAccount, TestNamespace};
use crate::eventually::eventually;

pub(crate) const KEY_LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";
/// Small keys, and no limit on how often the tests ask.
pub(crate) const FLAGS: &[&str] =
    &["--key-size=2048", "--rate-limit=10000", "--rate-limit-burst=10000"];

/// A Lease is taken over after 15 s and some looks at it.
const TAKEN_OVER: Duration = Duration::from_secs(150);

/// A namespace with a service account that has the rights of the chart.
pub(crate) struct Scene {
    pub(crate) namespace: TestNamespace,
    pub(crate) account: ServiceAccount,
    pub(crate) secrets: Api<Secret>,
}

/// Both halves of a sealing key.
pub(crate) struct Pair {
    pub(crate) private: Vec<u8>,
    pub(crate) certificate: SealingCertificate,
}

impl Pair {
    /// A new key whose certificate started `age` ago; a negative age lies in the future.
    pub(crate) fn aged(age: SignedDuration) -> Self {
        let key = SealingKey::generate(KeySize::Rsa2048).unwrap();
        let start = Timestamp::now().checked_sub(age).unwrap();
        let certificate =
            SealingCertificate::self_signed(&key, "", start, Duration::from_secs(315_360_000))
                .unwrap();
        Self { private: key.to_pem().unwrap().expose().to_vec(), certificate }
    }

    /// A sealing key as sealed-secrets keeps it.
    pub(crate) fn secret(&self, name: &str) -> Secret {
        let labels = BTreeMap::from([(KEY_LABEL.to_owned(), "active".to_owned())]);
        let data = BTreeMap::from([
            ("tls.key".to_owned(), ByteString(self.private.clone())),
            ("tls.crt".to_owned(), ByteString(self.certificate.to_pem().into())),
        ]);
        Secret {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                labels: Some(labels),
                ..ObjectMeta::default()
            },
            type_: Some("kubernetes.io/tls".to_owned()),
            data: Some(data),
            ..Secret::default()
        }
    }

    /// A SealedSecret for `namespace`, sealed with this key.
    pub(crate) fn seal(&self, namespace: &str) -> String {
        let label = Scope::Strict.label(namespace, "db");
        let value = SealedValue::seal(b"hunter2", &label, &self.certificate).unwrap();
        json!({
            "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
            "metadata": {"name": "db", "namespace": namespace},
            "spec": {"encryptedData": {"password": value.to_base64()}},
        })
        .to_string()
    }
}

pub(crate) fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(days * 24)
}

impl Scene {
    pub(crate) async fn new(prefix: &str) -> Self {
        Self::on(&Cluster::connect().await, prefix).await
    }

    pub(crate) async fn on(cluster: &Cluster, prefix: &str) -> Self {
        cluster.install_crds().await;
        let namespace = cluster.namespace(prefix).await;
        let account = namespace.service_account(&["allNamespaces=false"]).await;
        let secrets = namespace.api();
        Self { namespace, account, secrets }
    }

    pub(crate) fn kubeconfig(&self) -> &Path {
        self.account.kubeconfig()
    }

    /// Starts a controller without waiting for anything.
    pub(crate) fn controller(&self, flags: &[&str]) -> Controller {
        Controller::spawn(self.kubeconfig(), self.namespace.name(), &[FLAGS, flags].concat())
    }

    pub(crate) async fn create(&self, secret: &Secret) {
        self.secrets.create(&PostParams::default(), secret).await.unwrap();
    }

    pub(crate) async fn label(&self, name: &str, state: Option<&str>) {
        let patch = json!({"metadata": {"labels": {KEY_LABEL: state}}});
        self.secrets.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    pub(crate) async fn delete(&self, name: &str) {
        self.secrets.delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// The Secrets with the key label.
    pub(crate) async fn keys(&self) -> Vec<Secret> {
        self.secrets.list(&ListParams::default().labels(KEY_LABEL)).await.unwrap().items
    }

    /// Waits for so many Secrets with the key label.
    pub(crate) async fn until_keys(&self, count: usize) -> Vec<Secret> {
        eventually(&format!("{count} sealing keys"), SOON, || async {
            let keys = self.keys().await;
            if keys.len() == count {
                Ok(Some(keys))
            } else {
                Err(keys.iter().map(ResourceExt::name_any).collect::<Vec<_>>())
            }
        })
        .await
    }
}

/// The certificate that it gives out, if any.
pub(crate) async fn certificate(controller: &Controller) -> Result<String, String> {
    let answer =
        reqwest::get(controller.url("/v1/cert.pem")).await.map_err(|error| error.to_string())?;
    let status = answer.status();
    let text = answer.text().await.map_err(|error| error.to_string())?;
    if status.is_success() { Ok(text) } else { Err(text) }
}

/// Waits until it gives out a certificate.
pub(crate) async fn any_certificate(controller: &Controller) -> String {
    eventually("a certificate", SOON, || async { certificate(controller).await.map(Some) }).await
}

/// Waits until it gives out this certificate.
pub(crate) async fn until_certificate(
    controller: &Controller,
    what: &str,
    expected: &SealingCertificate,
) {
    eventually(what, SOON, || async {
        certificate(controller).await.map(|text| text == expected.to_pem())
    })
    .await;
}

/// Waits until it can, or cannot, open an object.
pub(crate) async fn until_opens(controller: &Controller, object: &str, expected: bool) {
    let client = reqwest::Client::new();
    eventually(if expected { "it opens" } else { "it does not open" }, SOON, || async {
        let answer = client.post(controller.url("/v1/verify")).body(object.to_owned()).send().await;
        match answer.map_err(|error| error.to_string())?.status().as_u16() {
            200 => Ok(expected),
            409 => Ok(!expected),
            code => Err(format!("code {code}")),
        }
    })
    .await;
}

/// Waits until some line of the log has all these parts.
pub(crate) async fn until_logged(controller: &Controller, parts: &[&str]) {
    eventually(&format!("{parts:?} in the log"), SOON, || async {
        controller.log().iter().any(|line| parts.iter().all(|part| line.contains(part)))
    })
    .await;
}

/// Waits until the metrics have a line that begins and ends so.
pub(crate) async fn until_metric(controller: &Controller, name: &str, value: &str) {
    eventually("it listens", SOON, || async {
        reqwest::get(controller.url("/healthz")).await.is_ok()
    })
    .await;
    eventually(&format!("{name} {value}"), TAKEN_OVER, || async {
        let text = controller.metrics().await;
        let found =
            text.lines().any(|line| line.starts_with(name) && line.ends_with(&format!(" {value}")));
        if found {
            Ok(())
        } else {
            Err(text
                .lines()
                .filter(|line| line.contains("sealing") || line.contains("leading"))
                .collect::<Vec<_>>()
                .join("\n"))
        }
    })
    .await;
}
