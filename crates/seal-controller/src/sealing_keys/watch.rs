//! Follows the Secrets with the key label, whatever its value, and the one Secret that held the key before there was a label.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::runtime::utils::{Backoff, StreamBackoff};
use kube::runtime::watcher::{self, Event, watcher};

use super::{KEY_LABEL, RegisteredKey, Unusable, UnusableKey, key_secret};
use crate::api_failure::ApiFailure;
use crate::context::Context;
use crate::settings::KeyOrder;

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How the Secret was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    /// It has the key label.
    Label,
    /// Its name is the prefix of sealing keys, as it was in the first versions of sealed-secrets.
    Name,
}

/// Never ends.
pub(super) async fn run(context: &Context) {
    let namespace = &context.settings.key_namespace;
    let by_label = watcher::Config::default().labels(KEY_LABEL);
    let by_name = watcher::Config::default()
        .fields(&format!("metadata.name={}", context.settings.key_prefix));
    let mut events = std::pin::pin!(futures::stream::select(
        events(context, by_label).map(|event| (Source::Label, event)),
        events(context, by_name).map(|event| (Source::Name, event)),
    ));
    let mut seen = Seen::default();
    let mut failures = BTreeMap::new();
    while let Some((source, event)) = events.next().await {
        match event {
            Ok(event) => {
                seen.take(source, event, context.settings.key_order);
                if failures.remove(&source).is_some() {
                    tracing::info!(%namespace, "the sealing keys are watched again");
                }
            }
            Err(error) => {
                let now = describe(&error, namespace);
                if failures.get(&source) != Some(&now) {
                    tracing::error!(
                        "{now}; the sealing keys known so far stay in use; trying again"
                    );
                    failures.insert(source, now);
                }
            }
        }
        if let Some((keys, unusable)) = seen.listed() {
            context.sealing_keys.publish(keys, unusable);
        }
    }
}

fn events(
    context: &Context,
    config: watcher::Config,
) -> impl Stream<Item = watcher::Result<Event<Secret>>> + use<> {
    let secrets: Api<Secret> =
        Api::namespaced(context.client.clone(), &context.settings.key_namespace);
    StreamBackoff::new(watcher(secrets, config), Pause(FIRST_PAUSE))
}

/// Between two tries of a watch that fails. Ends sooner than kube's default of up to 30 s: two requests for a whole cluster
/// hurt nobody, and a key that was added meanwhile is waited for.
#[derive(Debug)]
struct Pause(Duration);

impl Iterator for Pause {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let longer = (self.0 * 2).min(LONGEST_PAUSE);
        Some(std::mem::replace(&mut self.0, longer))
    }
}

impl Backoff for Pause {
    fn reset(&mut self) {
        self.0 = FIRST_PAUSE;
    }
}

/// What the two watches have shown so far.
#[derive(Debug, Default)]
struct Seen {
    label: Listed,
    name: Listed,
}

/// The Secrets of one watch. A watch that starts anew lists all again; until that is done, what was known before counts.
#[derive(Debug, Default)]
struct Listed {
    complete: bool,
    now: BTreeMap<String, Held>,
    next: BTreeMap<String, Held>,
}

/// A Secret as it was read.
#[derive(Debug, Clone)]
struct Held {
    uid: String,
    version: String,
    key: Result<RegisteredKey, Unusable>,
}

impl Seen {
    fn take(&mut self, source: Source, event: Event<Secret>, order: KeyOrder) {
        let listed = match source {
            Source::Label => &mut self.label,
            Source::Name => &mut self.name,
        };
        match event {
            Event::Init => listed.next.clear(),
            Event::InitApply(secret) => {
                if let Some((name, held)) = listed.read(source, secret, order) {
                    listed.next.insert(name, held);
                }
            }
            Event::InitDone => {
                listed.now = std::mem::take(&mut listed.next);
                listed.complete = true;
            }
            Event::Apply(secret) => {
                let name = secret.metadata.name.clone().unwrap_or_default();
                match listed.read(source, secret, order) {
                    Some((name, held)) => listed.now.insert(name, held),
                    None => listed.now.remove(&name),
                };
            }
            Event::Delete(secret) => {
                listed.now.remove(&secret.metadata.name.unwrap_or_default());
            }
        }
    }

    /// All keys and all that are none, once both watches have listed theirs.
    fn listed(&self) -> Option<(Vec<RegisteredKey>, Vec<UnusableKey>)> {
        if !self.label.complete || !self.name.complete {
            return None;
        }
        let (mut keys, mut unusable) = (Vec::new(), Vec::new());
        for (name, held) in self.label.now.iter().chain(&self.name.now) {
            match &held.key {
                Ok(key) => keys.push(key.clone()),
                Err(problem) => unusable.push(UnusableKey {
                    secret_name: name.clone(),
                    secret_uid: held.uid.clone(),
                    problem: problem.clone(),
                }),
            }
        }
        Some((keys, unusable))
    }
}

impl Listed {
    /// Reads the Secret, unless it is known in this very version: a new list shows all of them again.
    fn read(&self, source: Source, mut secret: Secret, order: KeyOrder) -> Option<(String, Held)> {
        // With the label, the other watch has it; the label decides.
        if source == Source::Name && key_secret::state(&secret).is_some() {
            return None;
        }
        let name = secret.metadata.name.clone()?;
        let uid = secret.metadata.uid.clone().unwrap_or_default();
        let version = secret.metadata.resource_version.clone().unwrap_or_default();
        let known = self.now.get(&name).filter(|held| held.uid == uid && held.version == version);
        let held = match known {
            Some(held) => held.clone(),
            None => Held { uid, version, key: key_secret::read(&mut secret, order) },
        };
        Some((name, held))
    }
}

/// The failure of a watch, for people.
fn describe(error: &watcher::Error, namespace: &str) -> String {
    match error {
        watcher::Error::InitialListFailed(error) => {
            ApiFailure::new("list", "secrets", namespace, error).to_string()
        }
        watcher::Error::WatchStartFailed(error) | watcher::Error::WatchFailed(error) => {
            ApiFailure::new("watch", "secrets", namespace, error).to_string()
        }
        watcher::Error::WatchError(status) => {
            let error = kube::Error::Api(status.clone());
            ApiFailure::new("watch", "secrets", namespace, &error).to_string()
        }
        watcher::Error::NoResourceVersion => {
            format!("cannot watch secrets {namespace}: the list has no version")
        }
    }
}
