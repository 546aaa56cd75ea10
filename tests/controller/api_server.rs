//! The API server of the tests is a real one: what the other tests rely on, shown without the controller.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Resource, ResourceExt};
use seal_api::sealed_secret::SealedSecret;
use serde_json::json;

use crate::cluster::{Answered, Cluster, OwnServer, Permissions, Relay};
use crate::eventually::eventually;

/// Garbage collection looks for new kinds every half minute.
const COLLECTED: Duration = Duration::from_secs(150);

fn sealed(name: &str) -> SealedSecret {
    serde_json::from_value(json!({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": {"name": name},
        "spec": {"encryptedData": {"password": "AgB="}},
    }))
    .unwrap()
}

fn secret(name: &str) -> Secret {
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    Secret { metadata, ..Secret::default() }
}

fn code<T: std::fmt::Debug>(answer: kube::Result<T>) -> u16 {
    match answer {
        Err(kube::Error::Api(status)) => status.code,
        other => panic!("no refusal of the API server: {other:?}"),
    }
}

#[tokio::test]
async fn custom_resources_are_held_to_their_schema() {
    let cluster = Cluster::connect().await;
    cluster.install_crds().await;
    let namespace = cluster.namespace("schema").await;
    let objects: Api<SealedSecret> = namespace.api();

    objects.create(&PostParams::default(), &sealed("good")).await.unwrap();

    let no_spec = json!({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": {"name": "bad"},
    });
    let bad = objects.patch("bad", &PatchParams::apply("test"), &Patch::Apply(no_spec)).await;
    assert_eq!(code(bad), 422);
}

#[tokio::test]
async fn what_an_object_owns_goes_with_it() {
    let cluster = Cluster::connect().await;
    cluster.install_crds().await;
    let namespace = cluster.namespace("owner").await;
    let (objects, secrets): (Api<SealedSecret>, Api<Secret>) = (namespace.api(), namespace.api());

    let owner = objects.create(&PostParams::default(), &sealed("owner")).await.unwrap();
    let mut owned = secret("owned");
    owned.metadata.owner_references = Some(vec![owner.controller_owner_ref(&()).unwrap()]);
    secrets.create(&PostParams::default(), &owned).await.unwrap();
    secrets.create(&PostParams::default(), &secret("free")).await.unwrap();

    objects.delete("owner", &DeleteParams::default()).await.unwrap();
    eventually("the owned Secret goes away", COLLECTED, || async {
        secrets.get_opt("owned").await.map(|found| found.is_none())
    })
    .await;
    assert!(secrets.get_opt("free").await.unwrap().is_some());
}

#[tokio::test]
async fn a_stale_version_is_refused() {
    let cluster = Cluster::connect().await;
    let namespace = cluster.namespace("stale").await;
    let secrets: Api<Secret> = namespace.api();

    let first = secrets.create(&PostParams::default(), &secret("it")).await.unwrap();
    let mut changed = first.clone();
    changed.metadata.labels = Some(BTreeMap::from([("a".to_owned(), "b".to_owned())]));
    secrets.replace("it", &PostParams::default(), &changed).await.unwrap();
    assert_eq!(code(secrets.replace("it", &PostParams::default(), &first).await), 409);
}

#[tokio::test]
async fn a_service_account_may_do_what_it_was_granted_and_no_more() {
    let cluster = Cluster::connect().await;
    let (namespace, other) = (cluster.namespace("mine").await, cluster.namespace("foreign").await);
    let account = namespace.service_account(&[]).await;
    let client = account.client().await;

    let mine: Api<Secret> = Api::namespaced(client.clone(), namespace.name());
    mine.create(&PostParams::default(), &secret("it")).await.unwrap();
    let roles: Api<k8s_openapi::api::rbac::v1::Role> =
        Api::namespaced(client.clone(), namespace.name());
    assert_eq!(code(roles.list(&Default::default()).await), 403);
    let nodes: Api<k8s_openapi::api::core::v1::Node> = Api::all(client.clone());
    assert_eq!(code(nodes.list(&Default::default()).await), 403);
    let configuration: Api<k8s_openapi::api::core::v1::ConfigMap> =
        Api::namespaced(client, other.name());
    assert_eq!(code(configuration.list(&Default::default()).await), 403);
}

#[tokio::test]
async fn a_grant_that_is_taken_away_is_missing() {
    let cluster = Cluster::connect().await;
    let namespace = cluster.namespace("less").await;
    let permissions = Permissions::of_chart(namespace.name(), &[]);
    let grants = permissions.grants();
    let create = grants.iter().find(|it| it.resource == "secrets" && it.verb == "create").unwrap();
    let less = permissions.without(create);
    assert_eq!(less.grants().len(), grants.len() - 1);

    let account = namespace.grant(&less).await;
    let secrets: Api<Secret> = Api::namespaced(account.client().await, namespace.name());
    assert_eq!(code(secrets.create(&PostParams::default(), &secret("it")).await), 403);
}

#[tokio::test]
async fn a_relay_passes_on_counts_and_refuses() {
    let cluster = Cluster::connect().await;
    let namespace = cluster.namespace("relay").await;
    let relay = Relay::start(cluster.kubeconfig()).await;
    let client = Cluster::of(relay.kubeconfig()).await.client();
    let secrets: Api<Secret> = Api::namespaced(client, namespace.name());

    secrets.create(&PostParams::default(), &secret("it")).await.unwrap();
    assert_eq!(secrets.get("it").await.unwrap().name_any(), "it");
    relay.answer(|asked| match asked.verb {
        "delete" => Answered::With { code: 409, reason: "Conflict", retry_after: None },
        _ => Answered::ByServer,
    });
    assert_eq!(code(secrets.delete("it", &DeleteParams::default()).await), 409);
    let left = secrets.list(&Default::default()).await.unwrap();
    assert!(left.items.iter().any(|secret| secret.name_any() == "it"));

    let asked: Vec<_> =
        relay.asked().into_iter().map(|it| (it.verb, it.resource, it.name)).collect();
    let it = |verb: &'static str, name: &str| (verb, "secrets".to_owned(), name.to_owned());
    assert_eq!(asked, [it("create", ""), it("get", "it"), it("delete", "it"), it("list", "")]);
}

#[tokio::test]
async fn a_server_that_was_killed_comes_back_with_all_it_had() {
    let server = OwnServer::start().await;
    let namespace = server.cluster().namespace("restart").await;
    let secrets: Api<Secret> = namespace.api();
    let before = secrets.create(&PostParams::default(), &secret("it")).await.unwrap();

    server.kill_api_server();
    assert!(secrets.get("it").await.is_err());
    server.restart_api_server();
    assert_eq!(secrets.get("it").await.unwrap().uid(), before.uid());
}
