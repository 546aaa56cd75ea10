//! Why values did not open, said so that somebody can do something about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use seal_api::condition::{Reason, Report};
use seal_api::sealed_secret::SealedSecret;
use seal_api::sealing::diagnosis::{
    DEFAULT_BUDGET, Diagnosis, Place, Question, RetiredKey, diagnose,
};
use seal_api::sealing::{SealedValue, SealingKey};
use seal_api::unseal::{UnsealError, describe};

use crate::queue::Lane;
use crate::sealing_keys::KeySet;
use crate::unseal_pool::{OpenedValues, UnsealPool};

/// What is tried to find out, apart from what the object says itself.
pub(super) struct Candidates {
    pub(super) keys: Arc<KeySet>,
    /// Other places that the values may have been sealed for. Only such as whoever reads the status may know.
    pub(super) others: Vec<Place>,
}

/// The words of sealed-secrets, and behind them what is wrong. One of the values speaks for all: values of one object are
/// mostly sealed together.
pub(super) async fn not_opened(
    pool: &UnsealPool,
    lane: Lane,
    object: &SealedSecret,
    sealed: &BTreeMap<String, SealedValue>,
    opened: &OpenedValues,
    candidates: Candidates,
) -> Report {
    let errors: Vec<UnsealError> =
        opened.failed.iter().map(|key| UnsealError::NotOpened { key: key.clone() }).collect();
    let mut message = describe(&errors);
    if opened.not_tried > 0 {
        message.push_str(&format!(
            "; {} of them were not tried, because too much had been tried in vain",
            opened.not_tried
        ));
    }
    let value = opened.failed.first().and_then(|key| sealed.get(key)).cloned();
    let diagnosis = match value {
        Some(value) => pool.run(lane, diagnosing(object, value, candidates)).await,
        None => None,
    };
    let Some(diagnosis) = diagnosis else { return Report::failed(Reason::WrongKey, message) };
    Report::failed(reason(&diagnosis), format!("{message}: {diagnosis}"))
}

fn diagnosing(
    object: &SealedSecret,
    value: SealedValue,
    candidates: Candidates,
) -> impl FnOnce() -> Diagnosis + Send + use<> {
    let place = Place::new(
        object.metadata.namespace.clone().unwrap_or_default(),
        object.metadata.name.clone().unwrap_or_default(),
    );
    let scope = object.scope();
    let template = object.spec.template.as_ref().and_then(|template| template.metadata.as_ref());
    let template = template.map(|metadata| Place {
        namespace: metadata.namespace.clone().unwrap_or_else(|| place.namespace.clone()),
        name: metadata.name.clone().unwrap_or_else(|| place.name.clone()),
    });
    move || {
        let keys = &candidates.keys;
        let active: Vec<Arc<SealingKey>> = keys.active.iter().map(|key| key.key.clone()).collect();
        let retired: Vec<RetiredKey> = keys
            .retired
            .iter()
            .map(|key| RetiredKey { key: key.key.clone(), state: key.state.clone() })
            .collect();
        diagnose(&Question {
            value: &value,
            scope,
            place: &place,
            template: template.as_ref(),
            others: &candidates.others,
            active: &active,
            retired: &retired,
            budget: DEFAULT_BUDGET,
        })
    }
}

fn reason(diagnosis: &Diagnosis) -> Reason {
    match diagnosis {
        Diagnosis::WrongScope { .. } => Reason::WrongScope,
        Diagnosis::WrongName { .. } => Reason::WrongName,
        Diagnosis::WrongNamespace { .. } => Reason::WrongNamespace,
        Diagnosis::RetiredKey { .. } => Reason::RetiredKey,
        Diagnosis::Changed { .. } => Reason::ValueChanged,
        Diagnosis::NoKeys => Reason::NoKeys,
        Diagnosis::Opens { .. } | Diagnosis::WrongKeySize { .. } | Diagnosis::WrongKey { .. } => {
            Reason::WrongKey
        }
    }
}
