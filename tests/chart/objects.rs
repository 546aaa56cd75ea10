//! Every object is one that Kubernetes would take: it is read into the type of its kind, and no field may be left over.
//! Where an API server of the tests is too old for a kind (policy/v1 came with 1.21), this is all that checks it.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::release::Helm;
use crate::rendered::{SETS, values};

#[test]
fn every_object_is_one_of_its_kind() {
    let Some(helm) = Helm::find("every_object_is_one_of_its_kind") else { return };
    let mut kinds: Vec<String> = Vec::new();
    for set in SETS {
        for object in helm.objects(&values(set)) {
            check(&object).unwrap_or_else(|problem| {
                panic!("{set}: {} {}: {problem}", object["kind"], object["metadata"]["name"])
            });
            kinds.push(object["kind"].as_str().unwrap().to_owned());
        }
    }
    kinds.sort();
    kinds.dedup();
    let expected = [
        "ClusterRole",
        "ClusterRoleBinding",
        "ConfigMap",
        "Deployment",
        "Ingress",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "PrometheusRule",
        "Role",
        "RoleBinding",
        "Service",
        "ServiceAccount",
        "ServiceMonitor",
    ];
    assert_eq!(kinds, expected, "the sets of values leave no kind out");
}

#[test]
fn a_field_that_kubernetes_does_not_know_is_found() {
    let budget = |spec: Value| serde_json::json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "a"}, "spec": spec});
    assert_eq!(check(&budget(serde_json::json!({"minAvailable": "50%"}))), Ok(()));
    let misspelt = check(&budget(serde_json::json!({"minAvailabel": 1})));
    assert_eq!(misspelt, Err("no field of this kind: spec.minAvailabel".to_owned()));
    assert!(check(&budget(serde_json::json!({"minAvailable": []}))).is_err(), "another type");
}

#[test]
fn names_are_names_and_every_namespaced_object_says_its_namespace() {
    let Some(helm) = Helm::find("names_are_names_and_every_namespaced_object_says_its_namespace")
    else {
        return;
    };
    for set in SETS {
        let mut seen = Vec::new();
        for object in helm.objects(&values(set)) {
            let (kind, metadata) = (object["kind"].as_str().unwrap(), &object["metadata"]);
            let name = metadata["name"].as_str().unwrap();
            assert!(name.len() <= 253, "{set}: {kind} {name}");
            assert_eq!(
                metadata["namespace"].is_string(),
                !kind.starts_with("Cluster"),
                "{set}: {kind} {name}"
            );
            let place = (kind.to_owned(), metadata["namespace"].to_string(), name.to_owned());
            assert!(!seen.contains(&place), "{set}: {place:?} is there twice");
            seen.push(place);
        }
    }
}

/// The level `restricted` of the Pod Security Standards, and no way to write or to become somebody else.
#[test]
fn the_pod_keeps_to_the_level_restricted() {
    let Some(helm) = Helm::find("the_pod_keeps_to_the_level_restricted") else { return };
    for set in ["default", "namespaced", "high-availability"] {
        let pod = pod(&helm.objects(&values(set)));
        for field in ["hostNetwork", "hostPID", "hostIPC", "volumes"] {
            assert!(pod.get(field).is_none(), "{set}: {field}");
        }
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{set}");
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{set}");
        let [container] = pod["containers"].as_array().unwrap().as_slice() else {
            panic!("one container")
        };
        let security = &container["securityContext"];
        assert_eq!(security["allowPrivilegeEscalation"], false, "{set}");
        assert_eq!(security["readOnlyRootFilesystem"], true, "{set}");
        assert_eq!(security["runAsNonRoot"], true, "{set}");
        assert!(security["runAsUser"].as_u64().is_some_and(|user| user > 0), "{set}");
        assert_eq!(security["capabilities"], serde_json::json!({"drop": ["ALL"]}), "{set}");
        assert!(security.get("privileged").is_none(), "{set}");
        assert!(
            container["ports"]
                .as_array()
                .unwrap()
                .iter()
                .all(|port| port.get("hostPort").is_none()),
            "{set}"
        );
    }
}

#[test]
fn kubeseal_finds_the_service_by_its_default_name_and_first_port() {
    let Some(helm) = Helm::find("kubeseal_finds_the_service_by_its_default_name_and_first_port")
    else {
        return;
    };
    let objects = helm.objects("{}");
    let service = objects
        .iter()
        .find(|object| {
            object["kind"] == "Service" && object["metadata"]["name"] == "sealed-secrets-controller"
        })
        .expect("the default of kubeseal's --controller-name");
    assert_eq!(service["spec"]["ports"][0]["name"], "http");
    let pod = objects.iter().find(|object| object["kind"] == "Deployment").unwrap();
    let template = &pod["spec"]["template"];
    for (label, value) in service["spec"]["selector"].as_object().unwrap() {
        assert_eq!(template["metadata"]["labels"][label], *value, "{label}");
    }
    let target = &service["spec"]["ports"][0]["targetPort"];
    assert!(
        template["spec"]["containers"][0]["ports"]
            .as_array()
            .unwrap()
            .iter()
            .any(|port| port["name"] == *target)
    );
}

#[test]
fn several_replicas_are_spread_and_kept_from_being_drained_at_once() {
    let Some(helm) = Helm::find("several_replicas_are_spread_and_kept_from_being_drained_at_once")
    else {
        return;
    };
    for (replicas, expected) in [(1, false), (2, true)] {
        let objects = helm.objects(&format!("replicas: {replicas}"));
        assert_eq!(objects.iter().any(|object| object["kind"] == "PodDisruptionBudget"), expected);
        assert_eq!(pod(&objects).get("topologySpreadConstraints").is_some(), expected);
    }
    // With one replica a budget would keep a node from ever being drained.
    let objects = helm.objects("{replicas: 2, pdb: {create: false}}");
    assert!(!objects.iter().any(|object| object["kind"] == "PodDisruptionBudget"));
}

/// The pod of the Deployment.
#[track_caller]
pub(crate) fn pod(objects: &[Value]) -> Value {
    let deployment = objects.iter().find(|object| object["kind"] == "Deployment").unwrap();
    deployment["spec"]["template"]["spec"].clone()
}

/// What is wrong with an object.
fn check(object: &Value) -> Result<(), String> {
    let kind = (
        object["apiVersion"].as_str().unwrap_or_default(),
        object["kind"].as_str().unwrap_or_default(),
    );
    match kind {
        ("apps/v1", "Deployment") => typed::<Deployment>(object),
        ("v1", "Service") => typed::<Service>(object),
        ("v1", "ServiceAccount") => typed::<ServiceAccount>(object),
        ("v1", "ConfigMap") => typed::<ConfigMap>(object),
        ("networking.k8s.io/v1", "Ingress") => typed::<Ingress>(object),
        ("networking.k8s.io/v1", "NetworkPolicy") => typed::<NetworkPolicy>(object),
        ("policy/v1", "PodDisruptionBudget") => typed::<PodDisruptionBudget>(object),
        ("rbac.authorization.k8s.io/v1", "Role") => typed::<Role>(object),
        ("rbac.authorization.k8s.io/v1", "RoleBinding") => typed::<RoleBinding>(object),
        ("rbac.authorization.k8s.io/v1", "ClusterRole") => typed::<ClusterRole>(object),
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding") => {
            typed::<ClusterRoleBinding>(object)
        }
        // No types for these: what matters of them.
        ("monitoring.coreos.com/v1", "ServiceMonitor") => service_monitor(&object["spec"]),
        ("monitoring.coreos.com/v1", "PrometheusRule") => prometheus_rule(&object["spec"]),
        _ => Err(format!("nothing is known of the kind {kind:?}")),
    }
}

fn typed<K: DeserializeOwned>(object: &Value) -> Result<(), String> {
    let mut ignored = Vec::new();
    serde_ignored::deserialize::<_, _, K>(object, |path| {
        ignored.push(path.to_string().replace(".?", ""))
    })
    .map_err(|error| error.to_string())?;
    if ignored.is_empty() {
        Ok(())
    } else {
        Err(format!("no field of this kind: {}", ignored.join(", ")))
    }
}

fn service_monitor(spec: &Value) -> Result<(), String> {
    fields(spec, &["namespaceSelector", "selector", "endpoints"])?;
    if !spec["selector"]["matchLabels"].is_object() {
        return Err("it selects no Service".to_owned());
    }
    let endpoints = spec["endpoints"].as_array().ok_or("no endpoints")?;
    for endpoint in endpoints {
        fields(
            endpoint,
            &[
                "port",
                "honorLabels",
                "interval",
                "scrapeTimeout",
                "metricRelabelings",
                "relabelings",
            ],
        )?;
        if endpoint["port"] != "metrics" || !endpoint["honorLabels"].is_boolean() {
            return Err("an endpoint is not as it should be".to_owned());
        }
    }
    Ok(())
}

fn prometheus_rule(spec: &Value) -> Result<(), String> {
    fields(spec, &["groups"])?;
    for group in spec["groups"].as_array().ok_or("no groups")? {
        fields(group, &["name", "rules", "interval"])?;
        for rule in group["rules"].as_array().ok_or("no rules")? {
            fields(rule, &["alert", "expr", "for", "labels", "annotations"])?;
            if !rule["alert"].is_string() || !rule["expr"].is_string() {
                return Err("a rule without name or expression".to_owned());
            }
        }
    }
    Ok(())
}

fn fields(object: &Value, known: &[&str]) -> Result<(), String> {
    let object = object.as_object().ok_or("no object")?;
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("no field of this kind: {key}")),
        None => Ok(()),
    }
}
