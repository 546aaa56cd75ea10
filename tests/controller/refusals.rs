//! What the API server refuses, puts off or answers slowly is tried again, and keeps nothing else waiting.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use tokio::sync::watch;

use crate::cluster::{Answered, Asked, Controller, Relay, SOON};
use crate::eventually::eventually;
use crate::scene::Scene;

/// A scene whose controller asks through a relay.
async fn through_relay(prefix: &str) -> (Scene, Relay) {
    let mut scene = Scene::prepare(prefix).await;
    let relay = Relay::start(scene.account.kubeconfig()).await;
    let controller = Controller::start(relay.kubeconfig(), scene.namespace.name(), &[]).await;
    scene.controller = Some(controller);
    (scene, relay)
}

fn is_write(asked: &Asked) -> bool {
    asked.resource != "leases" && matches!(asked.verb, "create" | "update" | "patch")
}

fn with(code: u16, reason: &'static str) -> Answered {
    Answered::With { code, reason, retry_after: None }
}

#[tokio::test]
async fn conflicts_are_looked_at_again_and_nobody_is_alarmed() {
    let (scene, relay) = through_relay("conflicts").await;
    // The first two writes of each kind, before and after the Secret is there.
    let refuse_two = || {
        let mut refused: Vec<Asked> = Vec::new();
        move |asked: &Asked| {
            let known = refused.iter().filter(|it| *it == asked).count();
            if !is_write(asked) || asked.resource == "events" || known == 2 {
                return Answered::ByServer;
            }
            refused.push(asked.clone());
            with(409, "Conflict")
        }
    };
    relay.answer(refuse_two());
    scene.apply(&scene.sealed("db", &[("a", "1")])).await;
    scene.until_data("db", &[("a", "1")]).await;
    scene.until_synced("db", "True").await;
    relay.answer(refuse_two());
    scene.apply(&scene.sealed("db", &[("a", "2")])).await;
    scene.until_data("db", &[("a", "2")]).await;
    scene.until_synced("db", "True").await;
    let refused = relay.answered().into_iter().filter(|(_, code)| *code == 409).count();
    assert!(refused >= 6, "the relay refused {refused} requests only");
    scene.until_event("db", "Unsealed").await;
    assert!(scene.events("db", "ErrUpdateFailed").await.is_empty());
}

#[tokio::test]
async fn the_time_that_the_api_server_asks_for_is_kept() {
    const PAUSE: u32 = 3;
    let (scene, relay) = through_relay("later").await;
    let times = Arc::new(Mutex::new(Vec::new()));
    let seen = times.clone();
    relay.answer(move |asked| {
        if asked.resource != "secrets" || asked.verb != "create" {
            return Answered::ByServer;
        }
        let mut seen = seen.lock().unwrap();
        seen.push(Instant::now());
        if seen.len() < 3 {
            Answered::With { code: 429, reason: "TooManyRequests", retry_after: Some(PAUSE) }
        } else {
            Answered::ByServer
        }
    });
    scene.apply(&scene.sealed("db", &[("a", "1")])).await;
    scene.until_data("db", &[("a", "1")]).await;
    scene.until_synced("db", "True").await;
    let times = times.lock().unwrap();
    assert_eq!(times.len(), 3);
    for pair in times.windows(2) {
        let pause = pair[1] - pair[0];
        assert!(pause >= Duration::from_secs(PAUSE.into()), "asked again after {pause:?}");
    }
}

#[tokio::test]
async fn a_failing_api_server_is_named_in_the_status_and_tried_again_until_it_works() {
    let (scene, relay) = through_relay("failing").await;
    let (fails, failing) = watch::channel(true);
    relay.answer(move |asked| {
        let refused = *failing.borrow() && asked.resource == "secrets" && asked.verb == "create";
        if refused { with(500, "InternalError") } else { Answered::ByServer }
    });
    scene.apply(&scene.sealed("db", &[("a", "1")])).await;
    let (_, message) = scene.until_reason("db", "UpdateFailed").await;
    assert!(message.contains("the API server failed (500: "), "{message}");
    assert!(message.contains("this is tried again"), "{message}");
    assert_eq!(scene.until_event("db", "ErrUpdateFailed").await, message);
    let tries = || {
        let asked = relay.asked().into_iter();
        asked.filter(|asked| asked.resource == "secrets" && asked.verb == "create").count()
    };
    // More often than sealed-secrets ever tries.
    eventually("it is tried again", SOON, || async { tries() > 6 }).await;
    fails.send_replace(false);
    scene.until_data("db", &[("a", "1")]).await;
    scene.until_synced("db", "True").await;
}

#[tokio::test]
async fn an_object_that_waits_for_its_answer_keeps_no_other_waiting() {
    let (scene, relay) = through_relay("slow").await;
    let (answer, answered) = watch::channel(false);
    relay.answer(move |asked| match asked.verb {
        // A Secret's name is in what is sent; the status has it in its path.
        "patch" if asked.name == "slow" => Answered::When(answered.clone()),
        _ => Answered::ByServer,
    });
    scene.apply(&scene.sealed("slow", &[("a", "1")])).await;
    eventually("the slow request is under way", SOON, || async {
        relay.asked().iter().any(|asked| asked.verb == "patch" && asked.name == "slow")
    })
    .await;
    for number in 0..20 {
        let name = format!("quick-{number}");
        scene.apply(&scene.sealed(&name, &[("a", "1")])).await;
        scene.until_synced(&name, "True").await;
    }
    assert!(scene.objects().get("slow").await.unwrap().status.is_none());
    answer.send_replace(true);
    scene.until_synced("slow", "True").await;
}

#[tokio::test]
async fn lists_that_are_refused_keep_it_from_being_ready_and_are_tried_again() {
    let scene = Scene::prepare("lists").await;
    scene.apply(&scene.sealed("db", &[("a", "1")])).await;
    let relay = Relay::start(scene.account.kubeconfig()).await;
    let (fails, failing) = watch::channel(true);
    relay.answer(move |asked| {
        let refused =
            *failing.borrow() && asked.resource == "sealedsecrets" && asked.verb == "list";
        if refused { with(500, "InternalError") } else { Answered::ByServer }
    });
    let controller = Controller::spawn(relay.kubeconfig(), scene.namespace.name(), &[]);
    eventually("lists were refused", SOON, || async {
        relay.answered().iter().filter(|(_, code)| *code == 500).count() > 3
    })
    .await;
    let ready = reqwest::get(controller.url("/readyz")).await.unwrap();
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    let says = ready.text().await.unwrap();
    assert!(says.contains("the SealedSecrets have not been listed yet"), "{says}");
    fails.send_replace(false);
    scene.until_data("db", &[("a", "1")]).await;
    controller.until_ready().await;
}

#[tokio::test]
async fn slow_answers_are_waited_for() {
    let (scene, relay) = through_relay("late").await;
    relay.answer(|asked| match asked.verb {
        "watch" => Answered::ByServer,
        _ => Answered::Late(Duration::from_millis(700)),
    });
    scene.apply(&scene.sealed("db", &[("a", "1")])).await;
    scene.until_data("db", &[("a", "1")]).await;
    scene.until_synced("db", "True").await;
    scene.apply(&scene.sealed("db", &[("a", "2")])).await;
    scene.until_data("db", &[("a", "2")]).await;
    scene.until_synced("db", "True").await;
    assert!(scene.events("db", "ErrUpdateFailed").await.is_empty());
}
