//! A real Kubernetes API: the cluster that SEAL_TEST_KUBECONFIG names, or the one of this work tree, which
//! `tests/setup/cluster.sh` starts and ends. Where there is none, tests fail and say how to get one.
//!
//! All tests share it at the same time, so each stays in namespaces of its own: a controller under test is to watch those
//! alone. Nothing is said here about nodes and pods, which it does not have.
#![allow(dead_code, unused_imports, reason = "each test crate uses what it needs")]

#[path = "cluster/controller.rs"]
mod controller;
#[path = "cluster/namespace.rs"]
mod namespace;
#[path = "cluster/own_server.rs"]
mod own_server;
#[path = "cluster/permissions.rs"]
mod permissions;
#[path = "cluster/relay.rs"]
mod relay;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, ResourceExt};

pub(crate) use self::controller::{Controller, free_port};
pub(crate) use self::namespace::TestNamespace;
pub(crate) use self::own_server::OwnServer;
pub(crate) use self::permissions::{Grant, Permissions, ServiceAccount};
pub(crate) use self::relay::{Answered, Asked, Relay};
use crate::eventually::eventually;

/// Long enough for anything that an API server does at once.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// As which the harness writes.
const MANAGER: &str = "tests";

/// A Kubernetes API, seen by the user of a kubeconfig.
#[derive(Clone)]
pub(crate) struct Cluster {
    kubeconfig: PathBuf,
    client: Client,
}

impl Cluster {
    /// The cluster of the tests, as its administrator.
    pub(crate) async fn connect() -> Self {
        Self::of(&run_cluster_script(&["start"])).await
    }

    /// A cluster as the current user of a kubeconfig file.
    pub(crate) async fn of(kubeconfig: &Path) -> Self {
        let client = Client::try_from(config(kubeconfig).await).expect("a client");
        Self { kubeconfig: kubeconfig.to_owned(), client }
    }

    /// Asks as the user of the kubeconfig, without a limit of its own.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// The file that programs under test get, or a copy of it for another user.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A new namespace that starts with `prefix`; it goes away with what it holds when it is dropped.
    pub(crate) async fn namespace(&self, prefix: &str) -> TestNamespace {
        TestNamespace::create(self, prefix).await
    }

    /// Puts in the definitions of our custom resources, `crds/*.yaml`, and waits until they are served. Any number of
    /// tests may do that at the same time.
    pub(crate) async fn install_crds(&self) {
        let definitions: Api<CustomResourceDefinition> = Api::all(self.client());
        for definition in crds() {
            let name = definition.name_any();
            definitions
                .patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&definition))
                .await
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            eventually(&format!("{name} is established"), SOON, || async {
                let conditions = definitions.get(&name).await?.status.and_then(|it| it.conditions);
                let established = conditions.unwrap_or_default().into_iter().any(|condition| {
                    condition.type_ == "Established" && condition.status == "True"
                });
                Ok::<_, kube::Error>(established)
            })
            .await
        }
    }
}

/// The definitions of our custom resources, as they are shipped.
fn crds() -> Vec<CustomResourceDefinition> {
    let directory = repository().join("crds");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    let parse = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).expect("a definition");
        serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    files.iter().map(parse).collect()
}

/// How kube is to reach the cluster of a kubeconfig file.
async fn config(kubeconfig: &Path) -> Config {
    // Two providers may be compiled in, so rustls does not choose by itself; the second call finds it done.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let file = Kubeconfig::read_from(kubeconfig)
        .unwrap_or_else(|error| panic!("{}: {error}", kubeconfig.display()));
    Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
        .await
        .unwrap_or_else(|error| panic!("{}: {error}", kubeconfig.display()))
}

/// Runs `tests/setup/cluster.sh`; gives the path that it prints.
fn run_cluster_script(arguments: &[&str]) -> PathBuf {
    let script = repository().join("tests/setup/cluster.sh");
    let output = Command::new(&script)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", script.display()));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "no Kubernetes API for the tests: {}", said.trim());
    PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim_end())
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}
