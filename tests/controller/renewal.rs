//! When sealing keys are made, and that two replicas never make two.

use jiff::Timestamp;
use kube::ResourceExt as _;
use rustix::process::Signal;

use crate::cluster::{Cluster, Controller, Permissions};
use crate::key_scene::{
    FLAGS, Pair, Scene, any_certificate, certificate, days, until_certificate, until_logged,
    until_metric, until_opens,
};

/// RFC 1123 with a numeric zone, as upstream takes it.
fn rfc1123(moment: Timestamp) -> String {
    moment.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

#[tokio::test]
async fn a_key_older_than_the_period_is_followed_and_still_opens() {
    let scene = Scene::new("aged").await;
    let old = Pair::aged(days(31));
    scene.create(&old.secret("old")).await;
    let controller = scene.controller(&[]);
    scene.until_keys(2).await;
    let pem = any_certificate(&controller).await;
    crate::eventually::eventually("the new certificate", crate::cluster::SOON, || async {
        certificate(&controller).await.map(|text| text != old.certificate.to_pem())
    })
    .await;
    assert!(!pem.is_empty());
    until_opens(&controller, &old.seal(scene.namespace.name()), true).await;
    until_logged(&controller, &["new sealing key", "older than the renewal period"]).await;
}

#[tokio::test]
async fn keys_do_not_age_when_renewal_is_off() {
    let scene = Scene::new("off").await;
    let old = Pair::aged(days(3000));
    scene.create(&old.secret("old")).await;
    let controller = scene.controller(&["--key-renew-period=0"]);
    until_certificate(&controller, "the old certificate", &old.certificate).await;
    until_metric(&controller, "seal_controller_leading", "1").await;
    // A signal that was taken shows that the loop which makes keys has looked at this one before.
    controller.signal(Signal::USR1);
    scene.until_keys(2).await;
    let reasons = controller.log().iter().filter(|line| line.contains("new sealing key")).count();
    assert_eq!(reasons, 1, "only the signal makes one: {:?}", controller.log());
    until_logged(&controller, &["new sealing key", "SIGUSR1"]).await;
}

#[tokio::test]
async fn keys_follow_one_another_while_the_controller_runs() {
    let scene = Scene::new("period").await;
    let controller = scene.controller(&["--key-renew-period=3s"]);
    crate::eventually::eventually("three keys", crate::cluster::SOON, || async {
        scene.keys().await.len() >= 3
    })
    .await;
    let keys = scene.keys().await;
    let newest = certificate(&controller).await.unwrap();
    assert!(keys.iter().any(|key| key.data.as_ref().unwrap()["tls.crt"].0 == newest.as_bytes()));
}

#[tokio::test]
async fn a_key_from_before_the_cutoff_is_followed_once() {
    let scene = Scene::new("cutoff").await;
    scene.create(&Pair::aged(days(2)).secret("old")).await;
    let cutoff = rfc1123(Timestamp::now().checked_sub(days(1)).unwrap());
    let flag = format!("--key-cutoff-time={cutoff}");
    let controller = scene.controller(&[&flag]);
    scene.until_keys(2).await;
    until_logged(&controller, &["new sealing key", "cutoff"]).await;
    controller.kill();
    let again = scene.controller(&[&flag, "--leader-elect=false"]);
    any_certificate(&again).await;
    again.signal(Signal::USR1);
    // The one that the signal makes is the third: the cutoff makes none any more.
    scene.until_keys(3).await;
    until_logged(&again, &["new sealing key", "SIGUSR1"]).await;
    let made = again.log().iter().filter(|line| line.contains("new sealing key")).count();
    assert_eq!(made, 1);
}

#[tokio::test]
async fn replicas_that_all_believe_to_lead_make_one_key() {
    let scene = Scene::new("race").await;
    // Without an election, each of them writes: worse than any election could get.
    let replicas: Vec<Controller> =
        (0..3).map(|_| scene.controller(&["--leader-elect=false"])).collect();
    let mut pems = Vec::new();
    for replica in &replicas {
        pems.push(any_certificate(replica).await);
    }
    assert!(pems.iter().all(|pem| *pem == pems[0]), "replicas give out different certificates");
    let keys = scene.keys().await;
    assert_eq!(
        keys.len(),
        1,
        "{:?}",
        keys.iter().map(kube::ResourceExt::name_any).collect::<Vec<_>>()
    );

    // The same again with a key that is to be followed. Certificates count whole seconds, and of two of the same second none is
    // the newer one.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    for replica in &replicas {
        replica.signal(Signal::USR1);
    }
    scene.until_keys(2).await;
    for replica in &replicas {
        crate::eventually::eventually("the second certificate", crate::cluster::SOON, || async {
            certificate(replica).await.map(|pem| pem != pems[0])
        })
        .await;
    }
}

#[tokio::test]
async fn a_missing_permission_is_explained_and_tried_again() {
    let cluster = Cluster::connect().await;
    cluster.install_crds().await;
    let namespace = cluster.namespace("no-create").await;
    let all = Permissions::of_chart(namespace.name(), &["allNamespaces=false"]);
    let create: Vec<_> = all
        .grants()
        .into_iter()
        .filter(|grant| grant.resource == "secrets" && grant.verb == "create")
        .collect();
    assert!(!create.is_empty());
    let fewer = create.iter().fold(all, |permissions, grant| permissions.without(grant));
    let account = namespace.grant(&fewer).await;
    let controller = Controller::spawn(account.kubeconfig(), namespace.name(), FLAGS);
    until_logged(
        &controller,
        &[
            "no new sealing key",
            "cannot create secrets",
            "grant this to the controller's service account",
        ],
    )
    .await;
    assert!(certificate(&controller).await.is_err());
    // The process goes on: another key may be put there by hand.
    let pair = Pair::aged(days(1));
    let secrets = namespace.api::<k8s_openapi::api::core::v1::Secret>();
    secrets.create(&kube::api::PostParams::default(), &pair.secret("by-hand")).await.unwrap();
    until_certificate(&controller, "the key made by hand", &pair.certificate).await;
    let names: Vec<String> = secrets
        .list(&kube::api::ListParams::default().labels(crate::key_scene::KEY_LABEL))
        .await
        .unwrap()
        .iter()
        .map(kube::ResourceExt::name_any)
        .collect();
    assert_eq!(names, ["by-hand"]);
}
