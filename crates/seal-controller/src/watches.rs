//! Watches that recover by themselves: SealedSecrets, of which one that cannot be read stops nothing, and the metadata of
//! Secrets.

use std::borrow::Cow;
use std::fmt::{self, Debug};
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource};
use seal_api::malformed::MalformedObject;
use seal_api::sealed_secret::{SealedSecret, SealedSecretSpec};
use seal_api::sealing::{CLUSTER_WIDE, NAMESPACE_WIDE};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use tracing::{info, warn};

/// Objects per answer of a list: large enough to be quick, and few enough that the largest that there can be fit into memory.
const PAGE: u32 = 50;
/// Deeper than any SealedSecret is.
const MOST_LEVELS: usize = 60;
/// How long a broken watch waits before its next try, at first and at most. A restarted API server is noticed soon.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A SealedSecret as it stands in the cluster, readable or not.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    /// With an empty spec if it cannot be read.
    pub(crate) object: SealedSecret,
    /// Why it cannot be read.
    pub(crate) malformed: Option<MalformedObject>,
}

impl<'de> Deserialize<'de> for Watched {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut too_deep = false;
        let shallow = Shallow { levels: MOST_LEVELS, cut: &mut too_deep };
        let mut value = shallow.deserialize(deserializer)?;
        // Together they are often larger than the rest, and nobody reads them here.
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
            if let Some(annotations) =
                metadata.get_mut("annotations").and_then(Value::as_object_mut)
            {
                annotations
                    .retain(|name, _| [CLUSTER_WIDE, NAMESPACE_WIDE].contains(&name.as_str()));
            }
        }
        let (metadata, status) = (value["metadata"].clone(), value["status"].clone());
        match SealedSecret::read(value) {
            Ok(object) if too_deep => {
                let malformed = MalformedObject {
                    path: "the object".to_owned(),
                    expected: "nested less than 60 levels deep",
                };
                let metadata = object.metadata;
                let status = object.status;
                let object = SealedSecret {
                    metadata,
                    status,
                    ..SealedSecret::new("", SealedSecretSpec::default())
                };
                Ok(Self { object, malformed: Some(malformed) })
            }
            Ok(object) => Ok(Self { object, malformed: None }),
            Err(malformed) => {
                let bare = json!({
                    "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
                    "metadata": metadata, "spec": {}, "status": status,
                });
                let object = SealedSecret::read(bare).map_err(D::Error::custom)?;
                Ok(Self { object, malformed: Some(malformed) })
            }
        }
    }
}

/// Reads JSON down to some depth; what is deeper is passed over without recursion. serde_json itself gives up at 128 levels, and
/// with that the whole list in which the object stands.
struct Shallow<'a> {
    levels: usize,
    cut: &'a mut bool,
}

impl<'de> DeserializeSeed<'de> for Shallow<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Shallow<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        let Some(levels) = self.levels.checked_sub(1) else {
            *self.cut = true;
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Value::Null);
        };
        while let Some(item) = items.next_element_seed(Shallow { levels, cut: &mut *self.cut })? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        let Some(levels) = self.levels.checked_sub(1) else {
            *self.cut = true;
            while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Value::Null);
        };
        while let Some(key) = entries.next_key::<String>()? {
            map.insert(key, entries.next_value_seed(Shallow { levels, cut: &mut *self.cut })?);
        }
        Ok(Value::Object(map))
    }
}

impl Resource for Watched {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind(_: &()) -> Cow<'_, str> {
        SealedSecret::kind(&())
    }

    fn group(_: &()) -> Cow<'_, str> {
        SealedSecret::group(&())
    }

    fn version(_: &()) -> Cow<'_, str> {
        SealedSecret::version(&())
    }

    fn plural(_: &()) -> Cow<'_, str> {
        SealedSecret::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.object.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.object.metadata
    }
}

/// Watches SealedSecrets of one namespace or of all, for ever.
pub(crate) async fn sealed_secrets(
    client: Client,
    namespace: Option<&str>,
    selector: Option<&str>,
    handle: impl FnMut(Event<Watched>),
) {
    let api: Api<Watched> = api(client, namespace);
    follow("SealedSecrets", namespace, api, selector, handle).await;
}

/// Watches the metadata of Secrets of one namespace or of all, for ever.
pub(crate) async fn secrets(
    client: Client,
    namespace: Option<&str>,
    handle: impl FnMut(Event<PartialObjectMeta<Secret>>),
) {
    let api: Api<PartialObjectMeta<Secret>> = api(client, namespace);
    follow("Secrets", namespace, api, None, handle).await;
}

fn api<K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>>(
    client: Client,
    namespace: Option<&str>,
) -> Api<K> {
    match namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    }
}

async fn follow<K>(
    what: &str,
    namespace: Option<&str>,
    api: Api<K>,
    selector: Option<&str>,
    mut handle: impl FnMut(Event<K>),
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut config = watcher::Config::default().page_size(PAGE);
    config.label_selector = selector.map(str::to_owned);
    let place = namespace.unwrap_or("all namespaces");
    let mut stream = std::pin::pin!(watcher(api, config));
    let mut wait = FIRST_WAIT;
    let mut broken = false;
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => {
                // `Init` comes before anything was asked.
                if !matches!(event, Event::Init) {
                    if broken {
                        info!("the watch of {what} in {place} works again");
                    }
                    (broken, wait) = (false, FIRST_WAIT);
                }
                handle(event);
            }
            Err(error) => {
                // Watches end now and then; only what lasts is worth a line.
                if broken && wait >= Duration::from_secs(1) {
                    warn!("{}", describe(what, place, &error));
                }
                broken = true;
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }
}

fn describe(what: &str, place: &str, error: &watcher::Error) -> String {
    let status = match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => Some(status),
        _ => None,
    };
    let why = match status.map(|status| (status.code, status.message.as_str())) {
        Some((404, _)) if what == "SealedSecrets" => {
            "the API server does not know the kind; install the CRD sealedsecrets.bitnami.com (`seal-controller crd`)".to_owned()
        }
        Some((403, message)) => format!("{message}; check the controller's role (RBAC)"),
        Some((code, message)) => format!("{message} ({code})"),
        None => "the API server cannot be reached or ended the answer".to_owned(),
    };
    format!("cannot watch {what} in {place}: {why}; trying again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_object_is_read_with_its_metadata_and_status() {
        let watched: Watched = serde_json::from_value(json!({
            "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
            "metadata": { "name": "db", "namespace": "shop", "generation": 3, "uid": "1" },
            "spec": { "encryptedData": {}, "template": { "metadata": { "labels": { "a": 1 } } } },
            "status": { "observedGeneration": 2 },
        }))
        .unwrap();
        assert_eq!(watched.malformed.unwrap().path, "spec.template.metadata.labels.a");
        assert_eq!(watched.object.metadata.generation, Some(3));
        assert_eq!(watched.object.status.unwrap().observed_generation, Some(2));
    }

    #[test]
    fn an_object_that_nests_deeper_than_any_parser_goes_is_malformed_and_does_not_end_the_list() {
        let deep = |levels| {
            let (open, close) = ("{\"a\":".repeat(levels), "}".repeat(levels));
            let text = format!(
                r#"[{{"apiVersion":"bitnami.com/v1alpha1","kind":"SealedSecret",
                "metadata":{{"name":"db","generation":3}},
                "spec":{{"encryptedData":{{}},"template":{{"metadata":{{"x":{open}[[1]]{close}}}}}}}}}]"#
            );
            serde_json::from_str::<Vec<Watched>>(&text).unwrap().pop().unwrap()
        };
        assert_eq!(deep(5).malformed, None);
        for levels in [60, 200, 100_000] {
            let watched = deep(levels);
            assert!(watched.malformed.unwrap().to_string().contains("nested"), "{levels}");
            assert_eq!(watched.object.metadata.generation, Some(3));
        }
    }

    #[test]
    fn what_nobody_reads_is_not_kept() {
        let watched: Watched = serde_json::from_value(json!({
            "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
            "metadata": {
                "name": "db",
                "managedFields": [{ "manager": "kubectl" }],
                "annotations": {
                    "kubectl.kubernetes.io/last-applied-configuration": "{}",
                    "sealedsecrets.bitnami.com/cluster-wide": "true",
                },
            },
            "spec": { "encryptedData": {} },
        }))
        .unwrap();
        let metadata = watched.object.metadata;
        assert_eq!(metadata.managed_fields, None);
        assert_eq!(metadata.annotations.unwrap().keys().collect::<Vec<_>>(), [CLUSTER_WIDE]);
    }
}
