//! What must never become a sealing key, although it has the label.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use crate::key_scene::{
    Pair, Scene, certificate, days, until_certificate, until_logged, until_metric, until_opens,
};

/// A planted Secret is put in beside a good key, and must neither seal nor open.
async fn refuses(name: &str, planted: &Pair, change: impl FnOnce(&mut Secret), problem: &str) {
    let scene = Scene::new(name).await;
    let good = Pair::aged(days(3));
    scene.create(&good.secret("good")).await;
    let mut secret = planted.secret("planted");
    change(&mut secret);
    scene.create(&secret).await;
    let controller = scene.controller(&[]);
    until_logged(&controller, &["planted", problem]).await;
    until_metric(&controller, r#"seal_controller_sealing_keys{state="unusable"}"#, "1").await;
    until_certificate(&controller, "the good certificate", &good.certificate).await;
    until_opens(&controller, &good.seal(scene.namespace.name()), true).await;
    until_opens(&controller, &planted.seal(scene.namespace.name()), false).await;
    until_metric(&controller, "seal_controller_leading", "1").await;
    assert_eq!(scene.keys().await.len(), 2, "a key was made although there is one");
}

#[tokio::test]
async fn a_secret_that_a_custom_resource_owns() {
    let scene = Scene::new("owned").await;
    let (good, planted) = (Pair::aged(days(3)), Pair::aged(days(1)));
    scene.create(&good.secret("good")).await;
    // A real owner, or garbage collection takes the Secret away.
    let objects = scene.namespace.api::<seal_api::sealed_secret::SealedSecret>();
    let object = serde_json::from_value(serde_json::json!({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": {"name": "planted"},
        "spec": {"encryptedData": {}},
    }));
    let object = objects.create(&kube::api::PostParams::default(), &object.unwrap()).await.unwrap();
    let mut secret = planted.secret("planted");
    secret.metadata.owner_references = Some(vec![OwnerReference {
        api_version: "bitnami.com/v1alpha1".to_owned(),
        kind: "SealedSecret".to_owned(),
        name: "planted".to_owned(),
        uid: object.metadata.uid.unwrap(),
        ..OwnerReference::default()
    }]);
    scene.create(&secret).await;
    let controller = scene.controller(&[]);
    until_logged(&controller, &["planted", "owned by SealedSecret/planted"]).await;
    until_certificate(&controller, "the good certificate", &good.certificate).await;
    until_opens(&controller, &planted.seal(scene.namespace.name()), false).await;
}

#[tokio::test]
async fn a_secret_of_another_type() {
    let change = |secret: &mut Secret| secret.type_ = Some("Opaque".to_owned());
    refuses("type", &Pair::aged(days(1)), change, "its type is").await;
}

#[tokio::test]
async fn a_certificate_of_another_key() {
    let other = Pair::aged(days(1));
    let pem = ByteString(other.certificate.to_pem().into());
    let change = |secret: &mut Secret| {
        secret.data.as_mut().unwrap().insert("tls.crt".to_owned(), pem);
    };
    refuses("mismatch", &Pair::aged(days(1)), change, "not the certificate of tls.key").await;
}

#[tokio::test]
async fn what_cannot_be_read() {
    let change = |secret: &mut Secret| {
        secret.data.as_mut().unwrap().insert("tls.key".to_owned(), ByteString(b"garbage".to_vec()));
    };
    refuses("garbage", &Pair::aged(days(1)), change, "no private key in PEM form").await;
}

#[tokio::test]
async fn a_certificate_from_the_future_opens_but_does_not_seal() {
    let scene = Scene::new("future").await;
    let (good, future) = (Pair::aged(days(3)), Pair::aged(days(-3)));
    scene.create(&future.secret("future")).await;
    scene.create(&good.secret("good")).await;
    let controller = scene.controller(&[]);
    until_opens(&controller, &future.seal(scene.namespace.name()), true).await;
    assert_eq!(certificate(&controller).await.unwrap(), good.certificate.to_pem());
}

#[tokio::test]
async fn where_nothing_is_usable_a_new_key_is_made() {
    let scene = Scene::new("unusable").await;
    let future = Pair::aged(days(-3));
    scene.create(&future.secret("future")).await;
    let mut garbage = Pair::aged(days(1)).secret("garbage");
    garbage.data.as_mut().unwrap().insert("tls.crt".to_owned(), ByteString(b"garbage".to_vec()));
    scene.create(&garbage).await;
    let controller = scene.controller(&[]);
    scene.until_keys(3).await;
    let pem = crate::key_scene::any_certificate(&controller).await;
    assert_ne!(pem, future.certificate.to_pem());
}
