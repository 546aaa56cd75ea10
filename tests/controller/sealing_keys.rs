//! Sealing keys are made as sealed-secrets makes them, taken over from it, and followed as they change.

use base64::Engine as _;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams, PostParams};
use seal_api::sealed_secret::SealedSecret;
use serde_json::json;

use crate::cluster::{OwnServer, SOON};
use crate::eventually::eventually;
use crate::key_scene::{
    FLAGS, KEY_LABEL, Pair, Scene, any_certificate, certificate, days, until_certificate,
    until_logged, until_metric, until_opens,
};

#[tokio::test]
async fn the_first_key_is_as_sealed_secrets_makes_it() {
    let scene = Scene::new("first-key").await;
    let controller = scene.controller(&[
        "--key-size=3072",
        "--key-ttl=24h",
        "--my-cn=sealed secrets",
        "--privatekey-labels=team=platform",
        "--privatekey-annotations=backup=yes",
    ]);
    let pem = any_certificate(&controller).await;
    let keys = scene.until_keys(1).await;
    let key = &keys[0];
    let name = key.name_any();
    assert!(
        name.starts_with("sealed-secrets-key") && name.len() > "sealed-secrets-key".len(),
        "{name}"
    );
    assert_eq!(key.type_.as_deref(), Some("kubernetes.io/tls"));
    assert_eq!(key.labels()[KEY_LABEL], "active");
    assert_eq!(key.labels()["team"], "platform");
    assert_eq!(key.annotations()["backup"], "yes");
    assert!(key.owner_references().is_empty());
    let data = key.data.as_ref().unwrap();
    assert_eq!(data.keys().collect::<Vec<_>>(), ["tls.crt", "tls.key"]);
    assert_eq!(data["tls.crt"].0, pem.as_bytes());
    assert!(data["tls.key"].0.starts_with(b"-----BEGIN RSA PRIVATE KEY-----\n"), "no PKCS#1");

    let read = seal_api::sealing::SealingKey::from_pem(&data["tls.key"].0).unwrap();
    let certificate = seal_api::sealing::SealingCertificate::from_pem(pem.as_bytes()).unwrap();
    assert!(certificate.belongs_to(&read));
    assert_eq!(read.modulus_bytes() * 8, 3072);
    assert_eq!(certificate.not_after().duration_since(certificate.not_before()).as_hours(), 24);
    until_logged(&controller, &["new sealing key", "BEGIN CERTIFICATE", &name]).await;
    let private = base64::engine::general_purpose::STANDARD.encode(&data["tls.key"].0);
    let log = controller.log().join("\n");
    assert!(
        !log.contains("PRIVATE KEY") && !log.contains(&private[..60]),
        "the log holds a private key"
    );
}

#[tokio::test]
async fn an_installation_of_sealed_secrets_is_taken_over_with_its_keys() {
    let scene = Scene::new("adopt").await;
    let mut recorded: Secret =
        serde_yaml::from_str(include_str!("../fixtures/kubeseal/sealing-key.yaml")).unwrap();
    recorded.metadata.namespace = None;
    scene.create(&recorded).await;
    // It is as old as its fixture, so renewal is off.
    let controller = scene.controller(&["--key-renew-period=0"]);
    let recorded = include_str!("../fixtures/kubeseal/sealing-cert.pem");
    assert_eq!(any_certificate(&controller).await, recorded);
    until_opens(&controller, include_str!("../fixtures/kubeseal/sealed-strict.yaml"), true).await;
    until_opens(&controller, include_str!("../fixtures/kubeseal/sealed-strict.json"), true).await;
    until_metric(&controller, "seal_controller_leading", "1").await;
    assert_eq!(scene.keys().await.len(), 1, "a key was made although there is one");
}

#[tokio::test]
async fn the_secret_from_before_there_was_a_label_is_a_key() {
    let scene = Scene::new("legacy").await;
    let pair = Pair::aged(days(3));
    let mut secret = pair.secret("sealed-secrets-key");
    secret.metadata.labels = None;
    scene.create(&secret).await;
    let controller = scene.controller(&[]);
    until_certificate(&controller, "the old certificate", &pair.certificate).await;
    until_metric(&controller, "seal_controller_leading", "1").await;
    assert!(scene.keys().await.is_empty(), "a key was made although there is one");
    // With a label, the label decides.
    scene.label("sealed-secrets-key", Some("compromised")).await;
    until_opens(&controller, &pair.seal(scene.namespace.name()), false).await;
}

#[tokio::test]
async fn keys_that_come_change_and_go_are_noticed_without_a_restart() {
    let scene = Scene::new("live").await;
    let [old, new, newest] = [days(3), days(2), days(1)].map(Pair::aged);
    scene.create(&old.secret("old")).await;
    let controller = scene.controller(&[]);
    until_certificate(&controller, "the first certificate", &old.certificate).await;
    let [by_old, by_new] = [&old, &new].map(|pair| pair.seal(scene.namespace.name()));
    until_opens(&controller, &by_new, false).await;

    scene.create(&new.secret("new")).await;
    until_certificate(&controller, "the one that was added", &new.certificate).await;
    until_opens(&controller, &by_old, true).await;
    until_opens(&controller, &by_new, true).await;

    scene.label("new", Some("compromised")).await;
    until_certificate(&controller, "the old one again", &old.certificate).await;
    until_opens(&controller, &by_new, false).await;
    until_metric(&controller, r#"seal_controller_sealing_keys{state="compromised"}"#, "1").await;
    until_logged(&controller, &["no longer active", "compromised"]).await;
    scene.label("new", Some("active")).await;
    until_opens(&controller, &by_new, true).await;
    scene.label("new", None).await;
    until_opens(&controller, &by_new, false).await;

    let data = json!({"data": newest.secret("old").data});
    scene.secrets.patch("old", &PatchParams::default(), &Patch::Merge(data)).await.unwrap();
    until_certificate(&controller, "the one that was put in its place", &newest.certificate).await;
    until_opens(&controller, &by_old, false).await;
    assert_eq!(scene.keys().await.len(), 1, "a key was made although there was one all the time");
}

#[tokio::test]
async fn the_order_may_be_that_of_the_secrets() {
    let scene = Scene::new("order").await;
    let [young, aged] = [days(1), days(9)].map(Pair::aged);
    scene.create(&young.secret("a-first")).await;
    // The API server's times are whole seconds.
    eventually("another second", SOON, || async {
        let first =
            scene.secrets.get("a-first").await.unwrap().metadata.creation_timestamp.unwrap().0;
        jiff::Timestamp::now().as_second() > first.as_second()
    })
    .await;
    scene.create(&aged.secret("b-second")).await;
    let by_certificate = scene.controller(&["--leader-elect=false"]);
    until_certificate(&by_certificate, "the youngest certificate", &young.certificate).await;
    let by_creation =
        scene.controller(&["--leader-elect=false", "--key-order-priority=SecretCreationTimestamp"]);
    until_certificate(&by_creation, "that of the youngest Secret", &aged.certificate).await;
}

#[tokio::test]
async fn the_last_key_that_is_retired_is_followed_by_a_new_one() {
    let scene = Scene::new("last-key").await;
    let pair = Pair::aged(days(1));
    scene.create(&pair.secret("only")).await;
    let controller = scene.controller(&[]);
    until_certificate(&controller, "the only certificate", &pair.certificate).await;
    scene.label("only", Some("compromised")).await;
    let keys = scene.until_keys(2).await;
    eventually("a new certificate", SOON, || async {
        certificate(&controller).await.map(|text| text != pair.certificate.to_pem())
    })
    .await;
    // And once more: the name that the first successor got is taken now.
    let successor = keys.iter().find(|key| key.name_any() != "only").unwrap().name_any();
    scene.label(&successor, Some("compromised")).await;
    scene.until_keys(3).await;
}

#[tokio::test]
async fn a_key_that_objects_need_is_not_retired_in_silence() {
    let scene = Scene::new("usage").await;
    let [old, new] = [days(3), days(2)].map(Pair::aged);
    scene.create(&old.secret("old")).await;
    scene.create(&new.secret("new")).await;
    let objects = scene.namespace.api::<SealedSecret>();
    let object: SealedSecret = serde_json::from_str(&old.seal(scene.namespace.name())).unwrap();
    objects.create(&PostParams::default(), &object).await.unwrap();
    let controller = scene.controller(&[]);
    let of = |secret: &str| format!("seal_controller_sealing_key_objects{{secret=\"{secret}\"");
    until_metric(&controller, &of("old"), "1").await;
    until_metric(&controller, &of("new"), "0").await;
    scene.label("old", Some("compromised")).await;
    let name = format!("{}/db", scene.namespace.name());
    until_logged(&controller, &["SealedSecrets need it", &name, "seal them again"]).await;

    // Its Secret stays. When it is looked at again, its status says which key it was.
    let patch = json!({"spec": {"template": {"metadata": {"labels": {"touched": "yes"}}}}});
    objects.patch("db", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    eventually("the status says why", SOON, || async {
        let status = objects.get("db").await.unwrap().status.unwrap_or_default();
        let conditions = status.conditions.unwrap_or_default();
        let ready = conditions.into_iter().find(|condition| condition.type_ == "Ready")?;
        let message = ready.message.unwrap_or_default();
        let said = ready.reason.as_deref() == Some("RetiredKey")
            && message.contains(old.certificate.fingerprint().as_str())
            && message.contains("compromised");
        said.then_some(())
    })
    .await;
    scene.secrets.get("db").await.unwrap();

    // Sealed again, it needs the new one.
    let resealed = json!({"spec": serde_json::from_str::<serde_json::Value>(&new.seal(scene.namespace.name())).unwrap()["spec"]});
    objects.patch("db", &PatchParams::default(), &Patch::Merge(resealed)).await.unwrap();
    until_metric(&controller, &of("new"), "1").await;
    until_metric(&controller, &of("old"), "0").await;
}

#[tokio::test]
async fn keys_stay_in_use_while_the_api_server_is_away_and_are_followed_afterwards() {
    let server = OwnServer::start().await;
    let scene = Scene::on(server.cluster(), "restart").await;
    let [old, new] = [days(3), days(2)].map(Pair::aged);
    scene.create(&old.secret("old")).await;
    let controller = scene.controller(FLAGS);
    until_certificate(&controller, "the first certificate", &old.certificate).await;
    until_metric(&controller, "seal_controller_leading", "1").await;
    server.kill_api_server();
    // Whoever cannot renew stops to write, and goes on to open.
    until_metric(&controller, "seal_controller_leading", "0").await;
    until_opens(&controller, &old.seal(scene.namespace.name()), true).await;
    server.restart_api_server();
    scene.create(&new.secret("new")).await;
    until_certificate(&controller, "the one that was added meanwhile", &new.certificate).await;
    until_metric(&controller, "seal_controller_leading", "1").await;
}
