//! Service accounts that may do exactly what the chart lets the controller do, or less.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::api::PostParams;
use kube::config::Kubeconfig;
use kube::{Api, Client};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tempfile::TempDir;

use super::{Cluster, repository};

/// The roles of the controller's service account and their bindings.
#[derive(Clone)]
pub(crate) struct Permissions {
    account: String,
    flags: Vec<String>,
    objects: Vec<Value>,
}

/// One thing that may be done. `resource` may have a subresource (`sealedsecrets/status`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Grant {
    /// Kind and name of the role.
    pub(crate) role: String,
    /// Where it counts; empty: everywhere.
    pub(crate) namespace: String,
    pub(crate) group: String,
    pub(crate) resource: String,
    pub(crate) verb: String,
}

/// A service account and its kubeconfig file.
pub(crate) struct ServiceAccount {
    name: String,
    kubeconfig: PathBuf,
    _directory: TempDir,
}

impl ServiceAccount {
    /// The name of the service account.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A file that lets a program be this service account.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Asks as this service account.
    pub(crate) async fn client(&self) -> Client {
        Cluster::of(&self.kubeconfig).await.client()
    }
}

impl Permissions {
    /// What `helm template` renders for the service account of the controller in a namespace.
    pub(crate) fn of_chart(namespace: &str, values: &[&str]) -> Self {
        Self::of_objects(rendered(namespace, values))
    }

    /// Nothing, for a service account of this name.
    pub(crate) fn none(account: &str) -> Self {
        Self { account: account.to_owned(), flags: Vec::new(), objects: Vec::new() }
    }

    /// Those objects that give something to the service account of the one Deployment among them.
    fn of_objects(objects: Vec<Value>) -> Self {
        let deployment = objects.iter().find(|object| object["kind"] == "Deployment");
        let pod = &deployment.expect("the chart has a Deployment")["spec"]["template"]["spec"];
        let account = pod["serviceAccountName"].as_str().expect("a service account").to_owned();
        let flags = pod["containers"][0]["args"].as_array().into_iter().flatten();
        let flags = flags.filter_map(Value::as_str).map(str::to_owned).collect();
        let bound: Vec<&Value> = objects
            .iter()
            .filter(|object| object["kind"].as_str().is_some_and(|kind| kind.ends_with("Binding")))
            .filter(|binding| {
                binding["subjects"].as_array().into_iter().flatten().any(|subject| {
                    subject["kind"] == "ServiceAccount" && subject["name"] == *account
                })
            })
            .collect();
        let roles = objects.iter().filter(|object| {
            bound.iter().any(|binding| {
                let role = &binding["roleRef"];
                let same =
                    role["kind"] == object["kind"] && role["name"] == object["metadata"]["name"];
                // A role binding reaches for the roles of its own namespace.
                same && (role["kind"] == "ClusterRole"
                    || binding["metadata"]["namespace"] == object["metadata"]["namespace"])
            })
        });
        let objects = roles.chain(bound.iter().copied()).cloned().collect();
        Self { account, flags, objects }
    }

    /// The flags that the chart gives the controller, but for the addresses that it listens on.
    pub(crate) fn flags(&self) -> Vec<&str> {
        let all = self.flags.iter().map(String::as_str);
        all.filter(|flag| !flag.starts_with("--listen-")).collect()
    }

    /// All that may be done, sorted.
    pub(crate) fn grants(&self) -> Vec<Grant> {
        let mut grants: Vec<Grant> = self
            .objects
            .iter()
            .flat_map(|role| {
                let rules = role["rules"].as_array().into_iter().flatten();
                rules.flat_map(move |rule| grants_of(role, rule))
            })
            .collect();
        grants.sort();
        grants
    }

    /// The same without one of them.
    pub(crate) fn without(&self, grant: &Grant) -> Self {
        let mut less = self.clone();
        for role in less.objects.iter_mut().filter(|object| object["rules"].is_array()) {
            let rules = role["rules"].as_array().into_iter().flatten();
            let rest = rules.flat_map(|rule| split(rule, &grants_of(role, rule)));
            let rest = rest.filter(|(of, _)| of != grant).map(|(_, rule)| rule).collect();
            role["rules"] = Value::Array(rest);
        }
        less
    }

    /// Names of cluster roles and of their bindings.
    pub(super) fn cluster_scoped(&self) -> impl Iterator<Item = String> {
        let all = self.objects.iter();
        all.filter(|object| object["kind"].as_str().is_some_and(|kind| kind.starts_with("Cluster")))
            .filter_map(|object| object["metadata"]["name"].as_str().map(str::to_owned))
    }

    /// Puts them into the cluster, for a service account in a namespace.
    pub(super) async fn grant(&self, cluster: &Cluster, namespace: &str) -> ServiceAccount {
        let client = cluster.client();
        let account = serde_json::json!({"metadata": {"name": self.account}});
        let accounts: Api<k8s_openapi::api::core::v1::ServiceAccount> =
            Api::namespaced(client.clone(), namespace);
        create(&accounts, &account).await;
        for object in &self.objects {
            let own = object["metadata"]["namespace"].as_str().unwrap_or(namespace);
            match object["kind"].as_str().unwrap_or_default() {
                "Role" => create::<Role>(&Api::namespaced(client.clone(), own), object).await,
                "RoleBinding" => {
                    create::<RoleBinding>(&Api::namespaced(client.clone(), own), object).await;
                }
                "ClusterRole" => create::<ClusterRole>(&Api::all(client.clone()), object).await,
                "ClusterRoleBinding" => {
                    create::<ClusterRoleBinding>(&Api::all(client.clone()), object).await;
                }
                kind => panic!("{kind} gives nobody anything"),
            }
        }
        let spec =
            TokenRequestSpec { expiration_seconds: Some(8 * 3600), ..TokenRequestSpec::default() };
        let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
        let token = accounts
            .create_token_request(&self.account, &PostParams::default(), &request)
            .await
            .expect("a token");
        let token = token.status.and_then(|status| status.token).expect("a token");
        let directory = tempfile::tempdir().expect("a directory");
        let kubeconfig = directory.path().join("kubeconfig");
        write_for_token(cluster.kubeconfig(), &token, &kubeconfig);
        ServiceAccount { name: self.account.clone(), kubeconfig, _directory: directory }
    }
}

/// What a rule of a role grants. Names of objects are no part of it.
fn grants_of(role: &Value, rule: &Value) -> Vec<Grant> {
    let name = format!(
        "{} {}",
        role["kind"].as_str().unwrap_or_default(),
        role["metadata"]["name"].as_str().unwrap_or_default()
    );
    let words = |field: &str| -> Vec<String> {
        let all = rule[field].as_array().into_iter().flatten();
        all.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    // That of a cluster role is null.
    let namespace = role["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
    let mut grants = Vec::new();
    for group in words("apiGroups") {
        for resource in words("resources") {
            for verb in words("verbs") {
                grants.push(Grant {
                    role: name.clone(),
                    namespace: namespace.clone(),
                    group: group.clone(),
                    resource: resource.clone(),
                    verb,
                });
            }
        }
    }
    grants
}

/// A rule as one rule for each thing that it grants.
fn split(rule: &Value, grants: &[Grant]) -> Vec<(Grant, Value)> {
    let single = |grant: &Grant| {
        let mut single = rule.clone();
        single["apiGroups"] = Value::from(vec![grant.group.clone()]);
        single["resources"] = Value::from(vec![grant.resource.clone()]);
        single["verbs"] = Value::from(vec![grant.verb.clone()]);
        (grant.clone(), single)
    };
    grants.iter().map(single).collect()
}

/// A copy of a kubeconfig for whoever has a token.
fn write_for_token(original: &Path, token: &str, copy: &Path) {
    let mut file = Kubeconfig::read_from(original).expect("a kubeconfig");
    for user in &mut file.auth_infos {
        user.auth_info = Some(kube::config::AuthInfo {
            token: Some(token.to_owned().into()),
            ..kube::config::AuthInfo::default()
        });
    }
    // JSON is YAML.
    std::fs::write(copy, serde_json::to_vec(&file).expect("a kubeconfig")).expect("it is written");
}

async fn create<K>(api: &Api<K>, object: &Value)
where
    K: DeserializeOwned + serde::Serialize + Clone + std::fmt::Debug,
{
    let typed: K = serde_json::from_value(object.clone()).expect("an object of its kind");
    api.create(&PostParams::default(), &typed)
        .await
        .unwrap_or_else(|error| panic!("{}: {error}", object["metadata"]["name"]));
}

/// The objects of the chart, for a release in a namespace and named after it.
fn rendered(namespace: &str, values: &[&str]) -> Vec<Value> {
    let chart = repository().join("charts/seal-controller");
    let mut command = Command::new(helm());
    command.arg("template").arg(namespace).arg(chart).args(["--namespace", namespace]);
    for value in values {
        command.args(["--set", value]);
    }
    let output = command.stdin(Stdio::null()).output().expect("helm runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "helm template: {said}");
    documents(&String::from_utf8(output.stdout).expect("text"))
}

fn documents(text: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| serde::Deserialize::deserialize(document).expect("YAML"))
        .filter(|document: &Value| !document.is_null())
        .collect()
}

/// helm on PATH, or the one that a script fetches.
fn helm() -> PathBuf {
    let found = Command::new("helm").arg("version").stdout(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return PathBuf::from("helm");
    }
    let output = Command::new(repository().join("tests/setup/helm.sh")).output().expect("helm.sh");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "no helm for the tests: {}", said.trim());
    Path::new(String::from_utf8(output.stdout).expect("a path").trim_end()).join("helm")
}
