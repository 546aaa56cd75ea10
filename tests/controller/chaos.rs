//! Controllers are killed at random while hundreds of objects change. In the end every Secret is right: none is missing, none
//! is left over, none holds what an earlier generation said.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams};
use seal_api::sealed_secret::SealedSecret;
use serde_json::json;

use crate::cluster::Controller;
use crate::eventually::eventually;
use crate::scene::{Scene, condition, data, owners};

const OBJECTS: usize = 500;
/// How many things happen to each of them.
const ROUNDS: usize = 4;
/// Objects that change at the same time.
const AT_ONCE: usize = 8;
/// Controllers that all believe to lead: worse than any election could get.
const WRITERS: usize = 2;
const LEAST_KILLS: usize = 10;
/// Garbage collection looks for new kinds every half minute, and five hundred objects take some time.
const SETTLED: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_objects_change_while_controllers_are_killed_and_every_secret_is_right() {
    let scene = Scene::prepare("chaos").await;
    let changed = AtomicBool::new(false);
    let changes = async {
        let expected = change_all(&scene).await;
        changed.store(true, Ordering::Release);
        expected
    };
    let (expected, kills) = tokio::join!(changes, kill_at_random(&scene, &changed));
    assert!(kills >= LEAST_KILLS);
    let gone = expected.values().filter(|values| values.is_none()).count();
    println!("{kills} kills; {gone} of {OBJECTS} objects are gone in the end");

    let _controller = Controller::start(
        scene.account.kubeconfig(),
        scene.namespace.name(),
        &["--leader-elect=false"],
    )
    .await;
    eventually("every Secret is right", SETTLED, || async { differences(&scene, &expected).await })
        .await;
}

/// What a Secret is to hold in the end; nothing if it is to be gone.
type Expected = BTreeMap<String, Option<BTreeMap<String, String>>>;

/// Changes all objects, several times and in no order, and never waits for a controller.
async fn change_all(scene: &Scene) -> Expected {
    let names: Vec<String> = (0..OBJECTS).map(|number| format!("object-{number}")).collect();
    let mut expected = Expected::new();
    for round in 0..ROUNDS {
        let changes = names.iter().map(|name| change(scene, name, round));
        let done: Vec<_> = futures::stream::iter(changes).buffer_unordered(AT_ONCE).collect().await;
        for (name, outcome) in names_of(done) {
            match outcome {
                Change::Holds(values) => drop(expected.insert(name, Some(values))),
                Change::Gone => drop(expected.insert(name, None)),
                Change::AsBefore => {}
            }
        }
    }
    expected
}

fn names_of(done: Vec<(&str, Change)>) -> impl Iterator<Item = (String, Change)> {
    done.into_iter().map(|(name, change)| (name.to_owned(), change))
}

/// What one change means for the Secret.
enum Change {
    Holds(BTreeMap<String, String>),
    Gone,
    AsBefore,
}

async fn change<'a>(scene: &Scene, name: &'a str, round: usize) -> (&'a str, Change) {
    // All are made at first; later most of them change.
    let what = if round == 0 { 0 } else { rand::random_range(0..10) };
    let outcome = match what {
        0..5 => apply(scene, name, round).await,
        5 => {
            delete(scene, name).await;
            Change::Gone
        }
        // Another object of the same name, while the Secret of the first is still there.
        6 => {
            delete(scene, name).await;
            apply(scene, name, round).await
        }
        7 => {
            unless(&[404], scene.secrets().delete(name, &DeleteParams::default()).await);
            Change::AsBefore
        }
        8 => {
            let edit = json!({"data": {"password": "ZWRpdGVk", "added": "eA=="}});
            let edit = kube::api::Patch::Merge(edit);
            // A conflict is one with a controller that was quicker.
            unless(&[404, 409], scene.secrets().patch(name, &Default::default(), &edit).await);
            Change::AsBefore
        }
        _ => Change::AsBefore,
    };
    (name, outcome)
}

async fn apply(scene: &Scene, name: &str, round: usize) -> Change {
    let password = format!("{name} in round {round}");
    let mut values = vec![("password", password.as_str())];
    let only_now = format!("round-{round}");
    if rand::random() {
        values.push((&only_now, "x"));
    }
    scene.apply(&scene.sealed(name, &values)).await;
    let values = values.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
    Change::Holds(values.collect())
}

async fn delete(scene: &Scene, name: &str) {
    unless(&[404], scene.objects().delete(name, &DeleteParams::default()).await);
}

/// Panics at an error, unless it has one of these codes.
fn unless<T>(codes: &[u16], outcome: kube::Result<T>) {
    match outcome {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if codes.contains(&status.code) => {}
        Err(error) => panic!("{error}"),
    }
}

/// Keeps controllers running and kills them, until all is changed. Gives the number of kills.
async fn kill_at_random(scene: &Scene, changed: &AtomicBool) -> usize {
    let start = || {
        Controller::spawn(
            scene.account.kubeconfig(),
            scene.namespace.name(),
            &["--leader-elect=false"],
        )
    };
    let mut writers: Vec<Controller> = (0..WRITERS).map(|_| start()).collect();
    let mut kills = 0;
    while kills < LEAST_KILLS || !changed.load(Ordering::Acquire) {
        // No condition to wait for: it is to happen at any moment.
        tokio::time::sleep(Duration::from_millis(rand::random_range(100..2500))).await;
        let all = rand::random_range(0..3) == 0;
        let victims = if all { WRITERS } else { 1 };
        for _ in 0..victims {
            writers.remove(rand::random_range(0..writers.len())).kill();
            kills += 1;
        }
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..500))).await;
        writers.extend((0..victims).map(|_| start()));
    }
    writers.into_iter().for_each(Controller::kill);
    kills + WRITERS
}

/// All that is not as it should be, as an error.
async fn differences(scene: &Scene, expected: &Expected) -> Result<(), String> {
    let all = ListParams::default();
    let objects = scene.objects().list(&all).await.map_err(|error| error.to_string())?;
    let secrets = scene.secrets().list(&all).await.map_err(|error| error.to_string())?;
    let objects: BTreeMap<String, SealedSecret> =
        objects.into_iter().map(|object| (object.name_any(), object)).collect();
    let mut secrets: BTreeMap<String, Secret> = secrets
        .into_iter()
        .filter(|secret| secret.type_.as_deref() == Some("Opaque"))
        .map(|secret| (secret.name_any(), secret))
        .collect();
    let mut wrong = Vec::new();
    for (name, values) in expected {
        let problem = match (values, objects.get(name), secrets.remove(name)) {
            (None, None, None) => None,
            (None, _, _) => Some("is left over".to_owned()),
            (Some(_), None, _) => Some("has lost its SealedSecret".to_owned()),
            (Some(_), Some(object), None) => Some(format!("is missing: {:?}", object.status)),
            (Some(values), Some(object), Some(secret)) => problem(values, object, &secret),
        };
        wrong.extend(problem.map(|problem| format!("{name} {problem}")));
    }
    wrong.extend(secrets.into_keys().map(|name| format!("{name} belongs to nobody")));
    match wrong.as_slice() {
        [] => Ok(()),
        [first, ..] => Err(format!("{} are wrong: {first}", wrong.len())),
    }
}

fn problem(
    values: &BTreeMap<String, String>,
    object: &SealedSecret,
    secret: &Secret,
) -> Option<String> {
    let is_current = object.status.as_ref().is_some_and(|status| {
        status.observed_generation == object.metadata.generation
            && ["Synced", "Ready"].into_iter().all(|type_| {
                condition(object, type_).is_some_and(|condition| condition.status == "True")
            })
    });
    if data(secret) != *values {
        Some(format!("holds {:?} instead of {values:?}", data(secret)))
    } else if owners(secret) != [object.uid().unwrap_or_default()] {
        Some("has another owner".to_owned())
    } else if !is_current {
        Some(format!("is right, but its status says {:?}", object.status))
    } else {
        None
    }
}
