//! What cannot be read is reported, and stops nothing else.

use serde_json::json;

use crate::scene::Scene;

#[tokio::test]
async fn a_malformed_object_is_reported_and_the_others_are_done() {
    let mut scene = Scene::prepare("malformed").await;
    let mut labels = scene.sealed("labels", &[("a", "1")]);
    labels["spec"]["template"] = json!({ "metadata": { "labels": { "number": 7 } } });
    let mut metadata = scene.sealed("finalizers", &[("a", "1")]);
    metadata["spec"]["template"] = json!({ "metadata": { "finalizers": "one" } });
    scene.apply(&labels).await;
    scene.apply(&metadata).await;
    scene.apply(&scene.sealed("good", &[("a", "1")])).await;
    scene.start_controller(&[]).await;
    scene.until_data("good", &[("a", "1")]).await;
    for (name, path) in [
        ("labels", "spec.template.metadata.labels.number is not text"),
        ("finalizers", "spec.template.metadata.finalizers is not a list of texts"),
    ] {
        let (_, message) = scene.until_reason(name, "Malformed").await;
        assert_eq!(message, path);
        assert_eq!(scene.until_event(name, "ErrUnsealFailed").await, format!("Failed to unseal: {path}"));
    }

    // The watch goes on, and the object is done once it is mended.
    scene.apply(&scene.sealed("after", &[("a", "1")])).await;
    scene.until_data("after", &[("a", "1")]).await;
    let mut mended = scene.sealed("labels", &[("a", "1")]);
    mended["spec"]["template"] = json!({ "metadata": { "labels": { "number": "7" } } });
    scene.apply(&mended).await;
    scene.until_synced("labels", "True").await;
}

#[tokio::test]
async fn malformed_values_are_named_and_never_quoted() {
    let scene = Scene::start("bad-values", &[]).await;
    let mut object = scene.sealed("db", &[("good", "1")]);
    object["spec"]["encryptedData"]["no-base64"] = json!("hunter2 is no base64!");
    object["spec"]["encryptedData"]["cut"] = json!("AgBodW50ZXIy");
    object["spec"]["encryptedData"]["empty"] = json!("");
    scene.apply(&object).await;
    let (_, message) = scene.until_reason("db", "Malformed").await;
    assert!(message.contains("it is not base64 (no-base64)"), "{message}");
    assert!(message.contains("it is cut off (cut, empty)"), "{message}");
    assert!(!message.contains("hunter2") && !message.contains("aHVudGVy"), "{message}");
    assert!(scene.secrets().get_opt("db").await.unwrap().is_none(), "nothing by halves");
}

#[tokio::test]
async fn what_the_api_server_refuses_is_said_in_its_words() {
    let scene = Scene::start("invalid", &[]).await;
    scene.apply(&scene.sealed("db", &[("no/such/key", "hunter2")])).await;
    let (_, message) = scene.until_reason("db", "UpdateFailed").await;
    assert!(message.contains("failed to create Secret") && message.contains("no/such/key"), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
    scene.until_event("db", "ErrUpdateFailed").await;
}
