//! Templates of SealedSecrets, as the controller renders them.

use serde_json::json;

use crate::cluster::SOON;
use crate::eventually::eventually;
use crate::scene::{Scene, data};

#[tokio::test]
async fn templates_see_opened_values_and_texts_beside_them() {
    let scene = Scene::start("template", &[]).await;
    let mut object = scene.sealed("db", &[("password", "hunter2"), ("both", "sealed")]);
    object["spec"]["template"] = json!({ "data": {
        "user": "shop",
        "both": "{{ fail \"not rendered: the sealed value wins\" }}",
        "url": "postgres://{{ .user }}:{{ .password }}@db/{{ .both }}",
        "encoded": "{{ .password | b64enc }}",
        "missing": "{{ .nothing }}",
    } });
    scene.apply(&object).await;
    scene
        .until_data(
            "db",
            &[
                ("password", "hunter2"),
                ("both", "sealed"),
                ("user", "shop"),
                ("url", "postgres://shop:hunter2@db/sealed"),
                ("encoded", "aHVudGVyMg=="),
                ("missing", "<no value>"),
            ],
        )
        .await;

    // Nothing needs to be sealed.
    let mut clear = scene.sealed("clear", &[]);
    clear["spec"]["template"] = json!({ "data": { "a": "{{ \"x\" | upper }}" } });
    scene.apply(&clear).await;
    scene.until_data("clear", &[("a", "X")]).await;
}

#[tokio::test]
async fn a_template_that_fails_is_named_and_no_value_is_quoted() {
    let scene = Scene::start("bad-template", &[]).await;
    let mut object = scene.sealed("db", &[("password", "hunter2")]);
    object["spec"]["template"] = json!({ "data": {
        "good": "{{ .password }}",
        "broken": "{{ .password ",
        "fails": "{{ fail .password }}",
        "converts": "{{ index .password .password }}",
    } });
    scene.apply(&object).await;
    let (_, message) = scene.until_reason("db", "TemplateFailed").await;
    for key in ["broken", "fails", "converts"] {
        assert!(message.contains(key), "{message}");
    }
    assert!(!message.contains("hunter2") && !message.contains("good"), "{message}");
    let event = scene.until_event("db", "ErrUnsealFailed").await;
    assert!(!event.contains("hunter2"), "{event}");
    let log = || scene.controller.as_ref().unwrap().log().join("\n");
    eventually("the log says so", SOON, || async { log().contains("TemplateFailed") }).await;
    assert!(!log().contains("hunter2"), "{}", log());
    assert!(scene.secrets().get_opt("db").await.unwrap().is_none(), "nothing by halves");
}

#[tokio::test]
async fn a_drawn_text_is_drawn_anew_only_when_its_inputs_change() {
    let mut scene = Scene::start("drawn", &[]).await;
    let object = |text: &str| {
        let mut object = scene.sealed("db", &[("password", "hunter2")]);
        object["spec"]["template"] = json!({ "data": { "drawn": text } });
        object
    };
    let first_object = object("{{ randAlphaNum 20 }}");
    let second_object = object("{{ randAlphaNum 21 }}");
    scene.apply(&first_object).await;
    scene.until_synced("db", "True").await;
    let first = data(&scene.secrets().get("db").await.unwrap())["drawn"].clone();
    assert_eq!(first.len(), 20);

    // Healing gives the value back and draws nothing.
    scene.edit_secret("db", json!({ "data": { "password": "ZWRpdGVk" } })).await;
    scene.until_data("db", &[("password", "hunter2"), ("drawn", &first)]).await;
    // Neither does a controller that starts anew.
    scene.controller = None;
    scene.start_controller(&["--leader-elect=false"]).await;
    scene.edit_secret("db", json!({ "data": { "password": "ZWRpdGVk" } })).await;
    scene.until_data("db", &[("password", "hunter2"), ("drawn", &first)]).await;

    scene.apply(&second_object).await;
    scene.until_synced("db", "True").await;
    let second = data(&scene.secrets().get("db").await.unwrap())["drawn"].clone();
    assert_eq!(second.len(), 21);
}
