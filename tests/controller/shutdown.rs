//! How the process begins and ends.

use std::net::TcpListener;

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use rustix::process::Signal;

use crate::cluster::{Cluster, Controller, SOON, free_port};
use crate::eventually::eventually;

/// Whoever holds the lease.
async fn holder(leases: &Api<Lease>) -> kube::Result<Option<String>> {
    let lease = leases.get_opt("seal-controller").await?;
    Ok(lease.and_then(|lease| lease.spec?.holder_identity).filter(|holder| !holder.is_empty()))
}

#[tokio::test]
async fn a_signal_ends_it_with_code_0_and_gives_the_lease_back() {
    let cluster = Cluster::connect().await;
    cluster.install_crds().await;
    for signal in [Signal::TERM, Signal::INT] {
        let namespace = cluster.namespace("shutdown").await;
        let leases: Api<Lease> = namespace.api();
        let controller = Controller::spawn(cluster.kubeconfig(), namespace.name(), &[]);
        eventually("it leads", SOON, || holder(&leases)).await;
        if signal == Signal::INT {
            controller.signal(signal);
        }
        let log = controller.log_lines();
        let status = controller.terminate().await;
        assert!(status.success(), "{signal:?}: {status}\n{}", log.lock().unwrap().join("\n"));
        assert_eq!(holder(&leases).await.unwrap(), None, "{signal:?}");
    }
}

#[tokio::test]
async fn another_replica_writes_at_once_when_the_leader_is_ended() {
    let cluster = Cluster::connect().await;
    cluster.install_crds().await;
    let namespace = cluster.namespace("handover").await;
    let leases: Api<Lease> = namespace.api();
    // Longer than this test waits: what was not given back would not be free in time.
    let flags = ["--leader-elect-lease-duration=1h", "--leader-elect-retry-period=500ms"];
    let first = Controller::spawn(cluster.kubeconfig(), namespace.name(), &flags);
    let leader = eventually("the first leads", SOON, || holder(&leases)).await;
    let _second = Controller::spawn(cluster.kubeconfig(), namespace.name(), &flags);
    assert!(first.terminate().await.success());
    eventually("the second leads", SOON, || async {
        holder(&leases).await.map(|now| now.is_some_and(|now| now != leader))
    })
    .await;
}

#[tokio::test]
async fn what_keeps_it_from_starting_is_said_and_ends_it_with_code_1() {
    let cluster = Cluster::connect().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let flag = format!("--listen-addr={}", taken.local_addr().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let nowhere = directory.path().join("no-such-file");
    let broken = directory.path().join("broken");
    std::fs::write(&broken, "users: [{name: u, user: {token: [hunter2]}}]").unwrap();
    for (kubeconfig, flags, says) in [
        (cluster.kubeconfig(), vec![flag.as_str()], "--listen-addr: cannot listen"),
        (cluster.kubeconfig(), vec!["--listen-addr=8080"], "written like `:8080`"),
        (nowhere.as_path(), vec![], "no way to the API server"),
        (broken.as_path(), vec![], "not what a kubeconfig holds"),
    ] {
        let controller = Controller::spawn(kubeconfig, "default", &flags);
        let log = controller.log_lines();
        let status = controller.ended().await;
        assert_eq!(status.code(), Some(1), "{says}");
        eventually(says, SOON, || async {
            log.lock().unwrap().iter().any(|line| line.contains(says))
        })
        .await;
        assert!(!log.lock().unwrap().join("\n").contains("hunter2"));
    }
}

#[tokio::test]
async fn its_memory_is_closed_to_dumps_and_to_others() {
    let cluster = Cluster::connect().await;
    let controller =
        Controller::spawn(cluster.kubeconfig(), "default", &["--leader-elect-retry-period=1s"]);
    let limits = format!("/proc/{}/limits", controller.id());
    eventually("no core dumps", SOON, || async {
        let limits = std::fs::read_to_string(&limits)?;
        let line = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"))
            .unwrap_or_default()
            .to_owned();
        Ok::<_, std::io::Error>(line.split_whitespace().filter(|word| *word == "0").count() == 2)
    })
    .await;
}

#[tokio::test]
async fn a_free_port_of_every_address_is_taken_as_in_go() {
    let cluster = Cluster::connect().await;
    cluster.install_crds().await;
    let namespace = cluster.namespace("address").await;
    let port = free_port();
    let _controller = Controller::spawn(
        cluster.kubeconfig(),
        namespace.name(),
        &[&format!("--listen-addr=:{port}")],
    );
    eventually("it answers over IPv4", SOON, || async {
        reqwest::get(format!("http://127.0.0.1:{port}/healthz"))
            .await?
            .error_for_status()
            .map(|_| ())
    })
    .await;
}
