//! Events about SealedSecrets, with the names and words of sealed-secrets. Sending them never holds up the work, and one that
//! says what the last one said is not sent again.

use std::time::Duration;

use futures::StreamExt as _;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client, Resource as _};
use seal_api::condition::{Reason, Report};
use seal_api::sealed_secret::SealedSecret;
use tokio::sync::mpsc;
use tracing::warn;

use crate::plan::FIELD_MANAGER;

/// What of an object's name goes into that of its event, which has a time behind it and may be 253 characters long.
const LONGEST_NAME: usize = 230;
/// The component that sealed-secrets names in its events.
const REPORTER: &str = "sealed-secrets";
/// How long an event stands for what goes on; the API server keeps events for an hour.
pub(crate) const REPEAT_AFTER: Duration = Duration::from_secs(30 * 60);
/// The longest note that the API server takes, in bytes.
const LONGEST_NOTE: usize = 1024;
/// Events that may wait. More come only where very much goes wrong at once; then some are left out.
const MOST_WAITING: usize = 4096;
/// Events that are sent at the same time.
const AT_ONCE: usize = 4;

/// Takes events to send.
#[derive(Clone)]
pub(crate) struct Events {
    sender: mpsc::Sender<Event>,
    instance: String,
}

impl Events {
    /// The second half sends until it is dropped. `instance` is the name of this replica.
    pub(crate) fn start(client: Client, instance: String) -> (Self, impl Future<Output = ()>) {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        (Self { sender, instance }, send(client, receiver))
    }

    /// Reports on an object, with an event of its namespace.
    pub(crate) fn report(&self, object: &SealedSecret, report: &Report, now: Timestamp) {
        let event = event(object.object_ref(&()), report, &self.instance, now);
        if self.sender.try_send(event).is_err() {
            warn!("an event was left out: too many wait for the API server");
        }
    }
}

async fn send(client: Client, receiver: mpsc::Receiver<Event>) {
    let parameters =
        PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    let events = futures::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|event| (event, receiver))
    });
    events
        .for_each_concurrent(AT_ONCE, |event| {
            let namespace = event.metadata.namespace.clone().unwrap_or_default();
            let api: Api<Event> = Api::namespaced(client.clone(), &namespace);
            let parameters = parameters.clone();
            async move {
                match api.create(&parameters, &event).await {
                    Ok(_) => {}
                    // A namespace that is going takes no events; there is nothing to say about it.
                    Err(kube::Error::Api(status))
                        if status.message.contains("being terminated") => {}
                    Err(kube::Error::Api(status)) => {
                        warn!(
                            "cannot write an event in {namespace}: {} ({})",
                            status.message, status.code
                        );
                    }
                    Err(_) => {
                        warn!("cannot write an event in {namespace}: no answer from the API server")
                    }
                }
            }
        })
        .await;
}

fn event(object: ObjectReference, report: &Report, instance: &str, now: Timestamp) -> Event {
    let (type_, reason, note) = words(report);
    Event {
        metadata: ObjectMeta {
            namespace: object.namespace.clone(),
            name: Some(format!(
                "{name:.LONGEST_NAME$}.{:x}",
                now.as_nanosecond(),
                name = object.name.as_deref().unwrap_or_default(),
            )),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(now)),
        action: Some("Unseal".to_owned()),
        reason: Some(reason.to_owned()),
        note: Some(shortened(note)),
        type_: Some(type_.to_owned()),
        reporting_controller: Some(REPORTER.to_owned()),
        reporting_instance: Some(instance.to_owned()),
        regarding: Some(object),
        ..Event::default()
    }
}

/// Type, reason and note in the words of sealed-secrets.
fn words(report: &Report) -> (&'static str, &'static str, String) {
    match report.reason {
        Reason::Unsealed => ("Normal", "Unsealed", "SealedSecret unsealed successfully".to_owned()),
        Reason::NotManaged | Reason::Immutable | Reason::TypeChanged | Reason::UpdateFailed => {
            ("Warning", "ErrUpdateFailed", report.message.clone())
        }
        _ => ("Warning", "ErrUnsealFailed", format!("Failed to unseal: {}", report.message)),
    }
}

fn shortened(mut note: String) -> String {
    if note.len() > LONGEST_NOTE {
        let end = (0..=LONGEST_NOTE - '…'.len_utf8()).rev().find(|end| note.is_char_boundary(*end));
        note.truncate(end.unwrap_or_default());
        note.push('…');
    }
    note
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speaks_the_words_of_sealed_secrets() {
        for (report, expected) in [
            (Report::unsealed(), ("Normal", "Unsealed", "SealedSecret unsealed successfully")),
            (
                Report::failed(Reason::WrongKey, "no key could decrypt secret (a)"),
                ("Warning", "ErrUnsealFailed", "Failed to unseal: no key could decrypt secret (a)"),
            ),
            (
                Report::failed(Reason::Immutable, "the target Secret is immutable"),
                ("Warning", "ErrUpdateFailed", "the target Secret is immutable"),
            ),
        ] {
            let (type_, reason, note) = words(&report);
            assert_eq!((type_, reason, note.as_str()), expected);
        }
    }

    #[test]
    fn long_notes_are_cut_between_characters() {
        let note = shortened("é".repeat(2000));
        assert!(note.len() <= LONGEST_NOTE && note.ends_with('…'), "{}", note.len());
        assert_eq!(shortened("short".to_owned()), "short");
    }
}
