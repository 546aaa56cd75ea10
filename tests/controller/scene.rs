//! What most tests of the controller need: a namespace of their own, a controller that watches it with the rights of the
//! chart, a sealing key that the test knows too, and words for what is done and expected.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, DynamicObject};
use kube::{Api, ResourceExt as _};
use seal_api::sealed_secret::{SealedSecret, SealedSecretCondition};
use seal_api::sealing::{KeySize, Label, Scope, SealedValue, SealingCertificate, SealingKey};
use serde_json::{Value, json};

use crate::cluster::{Cluster, Controller, SOON, ServiceAccount, TestNamespace};
use crate::eventually::eventually;

/// A sealing key of a test. 2048 bits are quick.
pub(crate) struct TestKey {
    pub(crate) key: SealingKey,
    pub(crate) certificate: SealingCertificate,
}

impl TestKey {
    pub(crate) fn generate() -> Self {
        let key = SealingKey::generate(KeySize::Rsa2048).unwrap();
        let day = Duration::from_secs(24 * 3600);
        let now = jiff::Timestamp::now();
        let certificate = SealingCertificate::self_signed(&key, "test", now, 365 * day).unwrap();
        Self { key, certificate }
    }

    /// A key that the controller has made.
    pub(crate) fn of(secret: &Secret) -> Self {
        let data = secret.data.as_ref().unwrap();
        Self {
            key: SealingKey::from_pem(&data["tls.key"].0).unwrap(),
            certificate: SealingCertificate::from_pem(&data["tls.crt"].0).unwrap(),
        }
    }

    /// The Secret that makes the controller use it.
    pub(crate) fn secret(&self, name: &str, state: &str) -> Secret {
        let label = ("sealedsecrets.bitnami.com/sealed-secrets-key".to_owned(), state.to_owned());
        let private = self.key.to_pem().unwrap().expose().to_vec();
        let certificate = self.certificate.to_pem().as_bytes().to_vec();
        Secret {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                labels: Some([label].into()),
                ..ObjectMeta::default()
            },
            type_: Some("kubernetes.io/tls".to_owned()),
            data: Some(
                [
                    ("tls.key".to_owned(), ByteString(private)),
                    ("tls.crt".to_owned(), ByteString(certificate)),
                ]
                .into(),
            ),
            ..Secret::default()
        }
    }

    pub(crate) fn seal(&self, label: &Label, plaintext: &str) -> String {
        SealedValue::seal(plaintext.as_bytes(), label, &self.certificate).unwrap().to_base64()
    }
}

/// A namespace with a controller and a key.
pub(crate) struct Scene {
    pub(crate) controller: Option<Controller>,
    pub(crate) key: TestKey,
    pub(crate) account: ServiceAccount,
    pub(crate) cluster: Cluster,
    // Dropped last, when nobody writes there any more.
    pub(crate) namespace: TestNamespace,
}

impl Scene {
    /// With a running controller.
    pub(crate) async fn start(prefix: &str, flags: &[&str]) -> Self {
        let mut scene = Self::prepare(prefix).await;
        scene.start_controller(flags).await;
        scene
    }

    /// Without.
    pub(crate) async fn prepare(prefix: &str) -> Self {
        Self::prepare_with(prefix, &[]).await
    }

    /// Without, and with the rights that such values give the chart.
    pub(crate) async fn prepare_with(prefix: &str, values: &[&str]) -> Self {
        Self::prepare_in(&Cluster::connect().await, prefix, values).await
    }

    /// The same in another cluster.
    pub(crate) async fn prepare_in(cluster: &Cluster, prefix: &str, values: &[&str]) -> Self {
        let cluster = cluster.clone();
        cluster.install_crds().await;
        let namespace = cluster.namespace(prefix).await;
        let account = namespace.service_account(values).await;
        let key = TestKey::generate();
        let scene = Self { controller: None, key, account, cluster, namespace };
        let secret = scene.key.secret("sealed-secrets-key1", "active");
        scene.secrets().create(&PostParams::default(), &secret).await.unwrap();
        scene
    }

    pub(crate) async fn start_controller(&mut self, flags: &[&str]) {
        let kubeconfig = self.account.kubeconfig();
        let controller = Controller::start(kubeconfig, self.namespace.name(), flags).await;
        self.controller = Some(controller);
    }

    pub(crate) fn secrets(&self) -> Api<Secret> {
        self.namespace.api()
    }

    pub(crate) fn objects(&self) -> Api<SealedSecret> {
        self.namespace.api()
    }

    /// A SealedSecret with values sealed for it.
    pub(crate) fn sealed(&self, name: &str, values: &[(&str, &str)]) -> Value {
        self.sealed_with(&self.key, Scope::Strict, name, values)
    }

    pub(crate) fn sealed_with(
        &self,
        key: &TestKey,
        scope: Scope,
        name: &str,
        values: &[(&str, &str)],
    ) -> Value {
        let label = scope.label(self.namespace.name(), name);
        let values: BTreeMap<&str, String> =
            values.iter().map(|(entry, text)| (*entry, key.seal(&label, text))).collect();
        let mut object = json!({
            "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
            "metadata": { "name": name, "namespace": self.namespace.name() },
            "spec": { "encryptedData": values },
        });
        if let Some(annotation) = scope.annotation() {
            object["metadata"]["annotations"] = json!({ annotation: "true" });
        }
        object
    }

    /// Creates a SealedSecret, or makes the one that is there what `object` says. Not by server-side apply: API servers of
    /// 1.20 refuse malformed objects there, and take empty texts for nothing.
    pub(crate) async fn apply(&self, object: &Value) -> DynamicObject {
        let kind = ApiResource::erase::<SealedSecret>(&());
        let client = self.cluster.client();
        let objects: Api<DynamicObject> =
            Api::namespaced_with(client, self.namespace.name(), &kind);
        let object: DynamicObject = serde_json::from_value(object.clone()).unwrap();
        let name = object.name_any();
        eventually(&format!("{name} is taken"), SOON, || {
            let (mut object, objects, name) = (object.clone(), objects.clone(), name.clone());
            async move {
                match objects.get_opt(&name).await? {
                    None => objects.create(&PostParams::default(), &object).await?,
                    Some(there) => {
                        object.metadata.resource_version = there.metadata.resource_version;
                        objects.replace(&name, &PostParams::default(), &object).await?
                    }
                };
                Ok::<_, kube::Error>(())
            }
        })
        .await;
        objects.get(&name).await.unwrap()
    }

    /// Changes something of a Secret, as somebody else.
    pub(crate) async fn edit_secret(&self, name: &str, patch: Value) -> Secret {
        let parameters = PatchParams {
            field_manager: Some("kubectl-edit".to_owned()),
            ..PatchParams::default()
        };
        self.secrets().patch(name, &parameters, &Patch::Merge(patch)).await.unwrap()
    }

    pub(crate) async fn create_secret(&self, secret: Value) -> Secret {
        let secret: Secret = serde_json::from_value(secret).unwrap();
        self.secrets().create(&PostParams::default(), &secret).await.unwrap()
    }

    pub(crate) async fn delete_secret(&self, name: &str) {
        self.secrets().delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// Waits until a Secret holds exactly this.
    pub(crate) async fn until_data(&self, name: &str, expected: &[(&str, &str)]) -> Secret {
        let expected: BTreeMap<String, String> =
            expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        eventually(&format!("the Secret {name} holds {:?}", expected.keys()), SOON, || async {
            let secret = self.secrets().get(name).await.map_err(|error| error.to_string())?;
            let found = data(&secret);
            if found == expected { Ok(Some(secret)) } else { Err(format!("{found:?}")) }
        })
        .await
    }

    /// Waits until the status speaks of the present generation with this in `Synced`.
    pub(crate) async fn until_synced(&self, name: &str, status: &str) -> SealedSecret {
        eventually(&format!("{name} says Synced={status}"), SOON, || async {
            let object = self.read(name).await?;
            let current = object
                .status
                .as_ref()
                .is_some_and(|status| status.observed_generation == object.metadata.generation);
            let says =
                current && condition(&object, "Synced").is_some_and(|it| it.status == status);
            if says { Ok(Some(object)) } else { Err(format!("{:?}", object.status)) }
        })
        .await
    }

    /// Waits until `Ready` has this reason; gives the object and the message.
    pub(crate) async fn until_reason(&self, name: &str, reason: &str) -> (SealedSecret, String) {
        eventually(&format!("{name} says {reason}"), SOON, || async {
            let object = self.objects().get(name).await.map_err(|error| error.to_string())?;
            let current = object
                .status
                .as_ref()
                .is_some_and(|status| status.observed_generation == object.metadata.generation);
            let ready = condition(&object, "Ready").cloned().unwrap_or_default();
            if current && ready.reason.as_deref() == Some(reason) {
                Ok(Some((object, ready.message.unwrap_or_default())))
            } else {
                Err(format!("{:?}", object.status))
            }
        })
        .await
    }

    /// An object, with an empty spec if that cannot be read.
    async fn read(&self, name: &str) -> Result<SealedSecret, String> {
        let kind = ApiResource::erase::<SealedSecret>(&());
        let objects: Api<DynamicObject> =
            Api::namespaced_with(self.cluster.client(), self.namespace.name(), &kind);
        let object = objects.get(name).await.map_err(|error| error.to_string())?;
        let mut object = serde_json::to_value(object).map_err(|error| error.to_string())?;
        SealedSecret::read(object.clone()).or_else(|_| {
            object["spec"] = json!({});
            SealedSecret::read(object).map_err(|error| error.to_string())
        })
    }

    /// Notes of the events about an object that have this reason.
    pub(crate) async fn events(&self, name: &str, reason: &str) -> Vec<String> {
        let events: Api<Event> = self.namespace.api();
        let all = events.list(&ListParams::default()).await.unwrap();
        all.items
            .into_iter()
            .filter(|event| event.reason.as_deref() == Some(reason))
            .filter(|event| {
                event.regarding.as_ref().and_then(|object| object.name.as_deref()) == Some(name)
            })
            .filter_map(|event| event.note)
            .collect()
    }

    pub(crate) async fn until_event(&self, name: &str, reason: &str) -> String {
        eventually(&format!("an event {reason} about {name}"), SOON, || async {
            self.events(name, reason).await.pop()
        })
        .await
    }

    /// Makes sure that the controller has seen everything that was done before: an object that is created now is done, and
    /// new objects go before all others that wait.
    pub(crate) async fn settle(&self, marker: &str) {
        self.apply(&self.sealed(marker, &[("a", "b")])).await;
        self.until_synced(marker, "True").await;
    }
}

/// The texts of a Secret.
pub(crate) fn data(secret: &Secret) -> BTreeMap<String, String> {
    let entries = secret.data.iter().flatten();
    entries
        .map(|(key, value)| (key.clone(), String::from_utf8_lossy(&value.0).into_owned()))
        .collect()
}

pub(crate) fn condition<'a>(
    object: &'a SealedSecret,
    type_: &str,
) -> Option<&'a SealedSecretCondition> {
    object.status.as_ref()?.conditions.iter().flatten().find(|condition| condition.type_ == type_)
}

/// The uids of the SealedSecrets that own a Secret as its controller.
pub(crate) fn owners(secret: &Secret) -> Vec<String> {
    secret
        .owner_references()
        .iter()
        .filter(|owner| owner.controller == Some(true) && owner.kind == "SealedSecret")
        .map(|owner| owner.uid.clone())
        .collect()
}
