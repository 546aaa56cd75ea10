//! An API server of one test, which may kill it.

use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{Cluster, run_cluster_script};

/// etcd, API server and controller manager that nobody else uses. They end when this is dropped.
pub(crate) struct OwnServer {
    directory: TempDir,
    cluster: Cluster,
}

impl OwnServer {
    /// A new, empty cluster.
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let kubeconfig = start(&directory);
        Self { cluster: Cluster::of(&kubeconfig).await, directory }
    }

    pub(crate) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Ends the API server at once, as a crash does.
    pub(crate) fn kill_api_server(&self) {
        let file = self.directory.path().join("kube-apiserver.pid");
        let number = std::fs::read_to_string(file).expect("the number of the process");
        let pid = Pid::from_raw(number.trim().parse().expect("a number")).expect("a process");
        kill_process(pid, Signal::KILL).expect("the API server runs");
    }

    /// Starts the API server again, on the same port and with the same data, and waits until it answers.
    pub(crate) fn restart_api_server(&self) {
        start(&self.directory);
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        run_cluster_script(&["stop", "--directory", path(&self.directory)]);
    }
}

fn start(directory: &TempDir) -> PathBuf {
    run_cluster_script(&["start", "--directory", path(directory)])
}

fn path(directory: &TempDir) -> &str {
    directory.path().to_str().expect("a path of the harness")
}
