//! What a real API server says of the definitions and of the chart's objects. They are checked there and not kept (a dry
//! run), so no pod has to start.

use std::fs;

use kube::api::{DynamicObject, PostParams};
use kube::core::gvk::ParseGroupVersionError;
use kube::core::{ApiResource, GroupVersionKind};
use kube::discovery::oneshot;
use kube::{Api, Client};
use seal_api::sealed_secret::SealedSecret;
use serde_json::{Value, json};

use crate::cluster::{Cluster, TestNamespace};
use crate::not_run::not_run;
use crate::release::{Helm, documents, repository};
use crate::rendered::{SETS, values};

fn dry_run() -> PostParams {
    PostParams { dry_run: true, ..PostParams::default() }
}

/// Puts a SealedSecret into the namespace, as it is, without the types of this project in between.
async fn create(namespace: &TestNamespace, object: &Value) -> Result<Value, kube::Error> {
    let mut object = object.clone();
    object["metadata"]["namespace"] = json!(namespace.name());
    let resource = ApiResource::erase::<SealedSecret>(&());
    let client = Cluster::connect().await.client();
    let api: Api<DynamicObject> = Api::namespaced_with(client, namespace.name(), &resource);
    let created =
        api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await?;
    Ok(serde_json::to_value(created).unwrap())
}

async fn with_definitions(prefix: &str) -> TestNamespace {
    let cluster = Cluster::connect().await;
    cluster.install_crds().await;
    cluster.namespace(prefix).await
}

#[tokio::test]
async fn what_kubeseal_writes_is_taken_and_kept_as_it_is() {
    let namespace = with_definitions("definition").await;
    for (number, file) in
        ["sealed-strict.yaml", "sealed-namespace-wide.yaml", "sealed-cluster-wide.yaml"]
            .iter()
            .enumerate()
    {
        let text =
            fs::read_to_string(repository().join("tests/fixtures/kubeseal").join(file)).unwrap();
        let mut object = documents(&text).remove(0);
        object["metadata"]["name"] = json!(format!("sealed-{number}"));
        let created =
            create(&namespace, &object).await.unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(created["spec"], object["spec"], "{file}: nothing is dropped and nothing added");
    }
}

#[tokio::test]
async fn odd_sealed_secrets_are_taken_as_sealed_secrets_definition_takes_them() {
    let namespace = with_definitions("definition").await;
    let object = |name: &str, spec: Value| json!({"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": {"name": name}, "spec": spec});
    for (name, spec) in [
        ("empty", json!({"encryptedData": {}})),
        ("no-base64", json!({"encryptedData": {"a": "%%%"}})),
        ("deprecated", json!({"encryptedData": {}, "data": "QUJD"})),
        ("nulls", json!({"encryptedData": {}, "template": {"data": null, "metadata": null}})),
        (
            "more-metadata",
            json!({"encryptedData": {}, "template": {"metadata": {"creationTimestamp": null, "generateName": "x"}}}),
        ),
    ] {
        let created = create(&namespace, &object(name, spec.clone()))
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(created["spec"], spec, "{name}");
    }
    for (name, spec, named) in [
        ("without", json!({}), "spec.encryptedData"),
        ("list", json!({"encryptedData": []}), "spec.encryptedData"),
        (
            "number",
            json!({"encryptedData": {}, "template": {"immutable": "yes"}}),
            "spec.template.immutable",
        ),
    ] {
        let error = create(&namespace, &object(name, spec)).await.unwrap_err().to_string();
        assert!(error.contains(named), "{name}: {error}");
    }
}

#[tokio::test]
async fn kubectl_get_shows_the_columns_of_sealed_secrets() {
    let namespace = with_definitions("definition").await;
    let client = Cluster::connect().await.client();
    let request = http::Request::get(format!(
        "/apis/bitnami.com/v1alpha1/namespaces/{}/sealedsecrets",
        namespace.name()
    ))
    .header("Accept", "application/json;as=Table;g=meta.k8s.io;v=v1")
    .body(Vec::new())
    .unwrap();
    let table: Value = client.request(request).await.unwrap();
    let columns: Vec<&str> = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["name"].as_str().unwrap())
        .collect();
    assert_eq!(columns, ["Name", "Status", "Synced", "Age"]);
}

/// All but the kinds that this server does not serve: newer ones, and those of the Prometheus Operator.
#[tokio::test]
async fn the_api_server_takes_every_object_of_the_chart_that_it_knows() {
    let Some(helm) = Helm::find("the_api_server_takes_every_object_of_the_chart_that_it_knows")
    else {
        return;
    };
    let cluster = Cluster::connect().await;
    let namespace = cluster.namespace("chart").await;
    let (mut taken, mut unknown) = (Vec::new(), Vec::new());
    for set in SETS {
        for object in helm.objects(&values(set)) {
            let kind = object["kind"].as_str().unwrap().to_owned();
            match served(&cluster.client(), &object).await {
                Some(resource) => {
                    check(&cluster.client(), &namespace, &resource, object, set).await;
                    taken.push(kind);
                }
                None => unknown.push(kind),
            }
        }
    }
    for kind in
        ["Deployment", "Service", "NetworkPolicy", "Ingress", "ClusterRole", "Role", "RoleBinding"]
    {
        assert!(taken.iter().any(|it| it == kind), "{kind}: {taken:?}");
    }
    unknown.sort();
    unknown.dedup();
    for kind in &unknown {
        assert!(
            ["PodDisruptionBudget", "PrometheusRule", "ServiceMonitor"].contains(&kind.as_str()),
            "{kind}"
        );
    }
    if unknown.iter().any(|kind| kind == "PodDisruptionBudget") {
        not_run(
            "chart: policy/v1 against the API server",
            "this API server is older than 1.21; the type of Kubernetes checks it",
        );
    }
}

async fn served(client: &Client, object: &Value) -> Option<ApiResource> {
    let kind = group_version_kind(object).unwrap();
    oneshot::pinned_kind(client, &kind).await.ok().map(|(resource, _)| resource)
}

fn group_version_kind(object: &Value) -> Result<GroupVersionKind, ParseGroupVersionError> {
    let version: kube::core::GroupVersion = object["apiVersion"].as_str().unwrap().parse()?;
    Ok(version.with_kind(object["kind"].as_str().unwrap()))
}

/// Has the server check an object, in a namespace that exists.
async fn check(
    client: &Client,
    namespace: &TestNamespace,
    resource: &ApiResource,
    mut object: Value,
    set: &str,
) {
    let api: Api<DynamicObject> = if object["metadata"]["namespace"].is_string() {
        object["metadata"]["namespace"] = json!(namespace.name());
        Api::namespaced_with(client.clone(), namespace.name(), resource)
    } else {
        Api::all_with(client.clone(), resource)
    };
    let name = format!("{set}: {} {}", object["kind"], object["metadata"]["name"]);
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    match api.create(&dry_run(), &object).await {
        Ok(_) => {}
        // Another test's, which is no fault of this object.
        Err(kube::Error::Api(status))
            if status.message.contains("provided port is already allocated") => {}
        Err(error) => panic!("{name}: {error}"),
    }
}
