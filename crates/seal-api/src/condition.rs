//! What the controller says of a SealedSecret: one word for programs, one sentence for people, and the two conditions that
//! carry them.

use jiff::Timestamp;
use serde_json::json;

use crate::sealed_secret::{SealedSecretCondition, SealedSecretStatus};

/// The condition of sealed-secrets. It is always the first, because `kubectl get` prints the first.
pub const SYNCED: &str = "Synced";
/// Our condition, with a reason.
pub const READY: &str = "Ready";

/// Why a SealedSecret is where it is. The words are for programs and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The Secret is what the SealedSecret says.
    Unsealed,
    /// No key of this cluster fits, under no label.
    WrongKey,
    /// There is no sealing key.
    NoKeys,
    /// A key fits that is not in use any more.
    RetiredKey,
    /// The key fits, but the value was changed after sealing.
    ValueChanged,
    /// Sealed for another name.
    WrongName,
    /// Sealed for another namespace.
    WrongNamespace,
    /// Sealed under another scope than the annotations say.
    WrongScope,
    /// No sealed value, or no SealedSecret at all.
    Malformed,
    /// A template cannot be rendered.
    TemplateFailed,
    /// The Secret of that name belongs to somebody else.
    NotManaged,
    /// The Secret is immutable and would have to change.
    Immutable,
    /// The Secret has another type, which nobody can change.
    TypeChanged,
    /// The SealedSecret asks for what no custom resource may make.
    Refused,
    /// The API server did not take the Secret.
    UpdateFailed,
}

impl Reason {
    /// All of them: a page explains each.
    pub const ALL: [Self; 15] = [
        Self::Unsealed,
        Self::WrongKey,
        Self::NoKeys,
        Self::RetiredKey,
        Self::ValueChanged,
        Self::WrongName,
        Self::WrongNamespace,
        Self::WrongScope,
        Self::Malformed,
        Self::TemplateFailed,
        Self::NotManaged,
        Self::Immutable,
        Self::TypeChanged,
        Self::Refused,
        Self::UpdateFailed,
    ];

    /// The word in the condition.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unsealed => "Unsealed",
            Self::WrongKey => "WrongKey",
            Self::NoKeys => "NoKeys",
            Self::RetiredKey => "RetiredKey",
            Self::ValueChanged => "ValueChanged",
            Self::WrongName => "WrongName",
            Self::WrongNamespace => "WrongNamespace",
            Self::WrongScope => "WrongScope",
            Self::Malformed => "Malformed",
            Self::TemplateFailed => "TemplateFailed",
            Self::NotManaged => "NotManaged",
            Self::Immutable => "Immutable",
            Self::TypeChanged => "TypeChanged",
            Self::Refused => "Refused",
            Self::UpdateFailed => "UpdateFailed",
        }
    }
}

/// The outcome of one look at a SealedSecret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The word.
    pub reason: Reason,
    /// The sentence; empty when all is well. Never holds a value.
    pub message: String,
}

/// Bytes of a message.
const LONGEST_MESSAGE: usize = 4096;

impl Report {
    /// All is well.
    pub fn unsealed() -> Self {
        Self { reason: Reason::Unsealed, message: String::new() }
    }

    /// Something is not.
    ///
    /// The API server takes a status of 2 MiB at most, so a longer message is cut to 4 KiB.
    pub fn failed(reason: Reason, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > LONGEST_MESSAGE {
            message.truncate(message.floor_char_boundary(LONGEST_MESSAGE));
            message.push('…');
        }
        Self { reason, message }
    }

    /// Whether the Secret is what the SealedSecret says.
    pub fn is_synced(&self) -> bool {
        self.reason == Reason::Unsealed
    }
}

/// The status to write, or `None` where the one that stands there says the same already.
///
/// `lastTransitionTime` moves when a condition's status flips, `lastUpdateTime` when anything else of it changes and with
/// each generation. Conditions of other types stay, behind ours.
pub fn next_status(
    previous: Option<&SealedSecretStatus>,
    generation: Option<i64>,
    report: &Report,
    now: Timestamp,
) -> Option<SealedSecretStatus> {
    let empty = SealedSecretStatus::default();
    let previous = previous.unwrap_or(&empty);
    let standing = previous.conditions.as_deref().unwrap_or_default();
    let new_generation = previous.observed_generation != generation;
    let now = rfc3339(now);
    let reason = Some(report.reason.as_str().to_owned());
    let synced = next_condition(standing, SYNCED, None, report, new_generation, &now);
    let ready = next_condition(standing, READY, reason, report, new_generation, &now);
    let others =
        standing.iter().filter(|condition| condition.type_ != SYNCED && condition.type_ != READY);
    let conditions = [synced, ready].into_iter().chain(others.cloned()).collect();
    let next = SealedSecretStatus { observed_generation: generation, conditions: Some(conditions) };
    (next != *previous).then_some(next)
}

/// Whether the status says that the Secret was what this generation says.
pub fn says_synced(status: Option<&SealedSecretStatus>, generation: Option<i64>) -> bool {
    status.is_some_and(|status| {
        status.observed_generation == generation
            && status
                .conditions
                .iter()
                .flatten()
                .any(|condition| condition.type_ == SYNCED && condition.status == "True")
    })
}

/// The body of a merge patch that writes a status. `resource_version` makes it fail if the object changed meanwhile.
pub fn status_patch(
    status: &SealedSecretStatus,
    resource_version: Option<&str>,
) -> serde_json::Value {
    json!({ "metadata": { "resourceVersion": resource_version }, "status": status })
}

fn next_condition(
    standing: &[SealedSecretCondition],
    type_: &str,
    reason: Option<String>,
    report: &Report,
    new_generation: bool,
    now: &str,
) -> SealedSecretCondition {
    let previous = standing.iter().find(|condition| condition.type_ == type_);
    let status = if report.is_synced() { "True" } else { "False" };
    let message = (!report.message.is_empty()).then(|| report.message.clone());
    let flipped = previous.is_none_or(|previous| previous.status != status);
    let says_the_same = previous.is_some_and(|previous| {
        previous.status == status
            && previous.reason == reason
            && previous.message.as_deref().unwrap_or_default()
                == message.as_deref().unwrap_or_default()
    });
    match previous {
        Some(previous) if says_the_same && !new_generation => previous.clone(),
        _ => SealedSecretCondition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason,
            message,
            last_update_time: Some(now.to_owned()),
            last_transition_time: if flipped {
                Some(now.to_owned())
            } else {
                previous.and_then(|previous| previous.last_transition_time.clone())
            },
        },
    }
}

/// As Kubernetes writes times: whole seconds, in UTC.
fn rfc3339(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + seconds).unwrap()
    }

    fn condition<'a>(status: &'a SealedSecretStatus, type_: &str) -> &'a SealedSecretCondition {
        status.conditions.as_ref().unwrap().iter().find(|one| one.type_ == type_).unwrap()
    }

    #[test]
    fn the_first_status_has_synced_first_and_equal_times() {
        let status = next_status(None, Some(1), &Report::unsealed(), at(0)).unwrap();
        assert_eq!(status.observed_generation, Some(1));
        let conditions = status.conditions.as_ref().unwrap();
        assert_eq!(conditions[0].type_, SYNCED);
        assert_eq!(conditions[0].status, "True");
        assert_eq!(conditions[0].reason, None);
        assert_eq!(conditions[0].message, None);
        assert_eq!(conditions[0].last_update_time, conditions[0].last_transition_time);
        assert_eq!(conditions[0].last_update_time.as_deref(), Some("2026-11-18T11:06:40Z"));
        assert_eq!(conditions[1].type_, READY);
        assert_eq!(conditions[1].reason.as_deref(), Some("Unsealed"));
    }

    #[test]
    fn the_same_report_is_not_written_twice() {
        for report in [Report::unsealed(), Report::failed(Reason::WrongKey, "no key fits")] {
            let status = next_status(None, Some(1), &report, at(0)).unwrap();
            assert_eq!(next_status(Some(&status), Some(1), &report, at(60)), None);
        }
    }

    #[test]
    fn a_new_generation_that_stays_true_moves_the_update_time_alone() {
        let first = next_status(None, Some(1), &Report::unsealed(), at(0)).unwrap();
        let second = next_status(Some(&first), Some(2), &Report::unsealed(), at(5)).unwrap();
        assert_eq!(second.observed_generation, Some(2));
        let (before, after) = (condition(&first, SYNCED), condition(&second, SYNCED));
        assert_eq!(before.last_transition_time, after.last_transition_time);
        assert_ne!(before.last_update_time, after.last_update_time);
    }

    #[test]
    fn a_changed_message_is_always_written() {
        let first =
            next_status(None, Some(1), &Report::failed(Reason::WrongKey, "a"), at(0)).unwrap();
        let second =
            next_status(Some(&first), Some(1), &Report::failed(Reason::WrongKey, "b"), at(5))
                .unwrap();
        let synced = condition(&second, SYNCED);
        assert_eq!(synced.message.as_deref(), Some("b"));
        assert_eq!(synced.last_transition_time, condition(&first, SYNCED).last_transition_time);
        assert_ne!(synced.last_update_time, synced.last_transition_time);
    }

    #[test]
    fn a_flip_moves_both_times_and_clears_the_message() {
        let failed = Report::failed(Reason::NotManaged, "not ours");
        let first = next_status(None, Some(1), &failed, at(0)).unwrap();
        let second = next_status(Some(&first), Some(1), &Report::unsealed(), at(5)).unwrap();
        let synced = condition(&second, SYNCED);
        assert_eq!((synced.status.as_str(), &synced.message), ("True", &None));
        assert_eq!(synced.last_update_time, synced.last_transition_time);
        assert_ne!(synced.last_update_time, condition(&first, SYNCED).last_update_time);
    }

    #[test]
    fn a_status_of_sealed_secrets_keeps_its_times_and_gains_ready() {
        let theirs: SealedSecretStatus = serde_json::from_value(json!({
            "observedGeneration": 1,
            "conditions": [{
                "type": "Synced", "status": "True",
                "lastUpdateTime": "2020-01-01T00:00:00Z", "lastTransitionTime": "2020-01-01T00:00:00Z",
            }],
        }))
        .unwrap();
        let next = next_status(Some(&theirs), Some(1), &Report::unsealed(), at(0)).unwrap();
        assert_eq!(condition(&next, SYNCED), condition(&theirs, SYNCED));
        assert_eq!(condition(&next, READY).status, "True");
        assert!(says_synced(Some(&theirs), Some(1)));
        assert!(!says_synced(Some(&theirs), Some(2)));
    }

    #[test]
    fn conditions_of_others_stay_behind_ours() {
        let status: SealedSecretStatus = serde_json::from_value(
            json!({ "conditions": [{ "type": "Audited", "status": "True" }] }),
        )
        .unwrap();
        let next = next_status(Some(&status), Some(1), &Report::unsealed(), at(0)).unwrap();
        let types: Vec<_> =
            next.conditions.unwrap().into_iter().map(|condition| condition.type_).collect();
        assert_eq!(types, [SYNCED, READY, "Audited"]);
    }
}
