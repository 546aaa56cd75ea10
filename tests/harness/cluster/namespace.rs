//! Namespaces of tests.

use std::path::PathBuf;
use std::sync::Mutex;

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::api::{DeleteParams, ObjectMeta, PostParams};
use kube::{Api, Client, ResourceExt};

use super::{Cluster, Permissions, ServiceAccount, config};

/// A namespace of one test.
pub(crate) struct TestNamespace {
    cluster: Cluster,
    name: String,
    /// Names of cluster roles, and of their bindings, that were made for it.
    cluster_roles: Mutex<Vec<String>>,
}

impl TestNamespace {
    pub(super) async fn create(cluster: &Cluster, prefix: &str) -> Self {
        let namespace = Namespace {
            metadata: ObjectMeta {
                generate_name: Some(format!("{prefix}-")),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        };
        let namespaces: Api<Namespace> = Api::all(cluster.client());
        let created = namespaces.create(&PostParams::default(), &namespace).await;
        let name = created.unwrap_or_else(|error| panic!("namespace {prefix}: {error}")).name_any();
        Self { cluster: cluster.clone(), name, cluster_roles: Mutex::default() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Objects of a kind in it, as the administrator.
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.cluster.client(), &self.name)
    }

    /// A service account that may do what the chart, with such values (`key=value`), lets the controller do.
    pub(crate) async fn service_account(&self, values: &[&str]) -> ServiceAccount {
        self.grant(&Permissions::of_chart(&self.name, values)).await
    }

    /// A service account that may do just this.
    pub(crate) async fn grant(&self, permissions: &Permissions) -> ServiceAccount {
        self.cluster_roles.lock().unwrap().extend(permissions.cluster_scoped());
        permissions.grant(&self.cluster, &self.name).await
    }
}

impl Drop for TestNamespace {
    fn drop(&mut self) {
        let kubeconfig = self.cluster.kubeconfig().to_owned();
        let (name, cluster_roles) =
            (self.name.clone(), std::mem::take(&mut *self.cluster_roles.lock().unwrap()));
        // This thread may be one of a runtime, which must not wait. Nobody minds what stays: the cluster ends soon.
        let removal = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(remove(kubeconfig, name, cluster_roles));
        });
        let _ = removal.join();
    }
}

async fn remove(kubeconfig: PathBuf, namespace: String, cluster_roles: Vec<String>) {
    let Ok(client) = Client::try_from(config(&kubeconfig).await) else { return };
    let now = DeleteParams::default();
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let _ = namespaces.delete(&namespace, &now).await;
    let (roles, bindings): (Api<ClusterRole>, Api<ClusterRoleBinding>) =
        (Api::all(client.clone()), Api::all(client));
    for name in cluster_roles {
        let _ = bindings.delete(&name, &now).await;
        let _ = roles.delete(&name, &now).await;
    }
}
