//! Why values did not open, said so that somebody can do something about it.

use std::collections::BTreeMap;

use seal_api::condition::{Reason, Report};
use seal_api::sealed_secret::SealedSecret;
use seal_api::sealing::SealedValue;
use seal_api::unseal::{UnsealError, describe};

use crate::sealing_keys::KeySet;
use crate::unseal_pool::OpenedValues;

/// The words of sealed-secrets, and behind them what is wrong.
pub(super) async fn not_opened(
    object: &SealedSecret,
    sealed: &BTreeMap<String, SealedValue>,
    opened: &OpenedValues,
    keys: &KeySet,
) -> Report {
    let _ = (object, sealed, keys);
    let errors: Vec<UnsealError> =
        opened.failed.iter().map(|key| UnsealError::NotOpened { key: key.clone() }).collect();
    Report::failed(Reason::WrongKey, describe(&errors))
}
