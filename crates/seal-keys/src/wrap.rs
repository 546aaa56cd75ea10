//! Wraps a data key for everybody who shall be able to decrypt.

use seal_core::envelope::{GroupedKeys, KeyGroup, MasterKey, WrappedKey, shamir};
use seal_core::secret::{DataKey, SecretBytes};

use crate::service::{KeyService, WrapError};

/// Wraps a data key once for each different key of a group, in the given order; with several groups, each gets a share
/// of it.
///
/// `now` is the date that dated entries get, RFC 3339. `random` fills a buffer from the operating system, false where
/// that fails.
///
/// # Errors
///
/// A key that cannot be wrapped with fails the whole: a file that some of its readers cannot open is worse than none.
/// The same goes for no key at all, a group without keys, and a threshold that the groups cannot have.
pub fn wrap_for(
    service: &dyn KeyService,
    keys: &GroupedKeys,
    data_key: &DataKey,
    now: &str,
    random: &dyn Fn(&mut [u8]) -> bool,
) -> Result<Vec<KeyGroup>, WrapError> {
    let whole = || SecretBytes::new(data_key.expose().to_vec());
    let parts = match keys.groups.as_slice() {
        [] => return Err(WrapError::NoKeys),
        [group] if group.is_empty() => return Err(WrapError::NoKeys),
        groups if groups.iter().any(Vec::is_empty) => return Err(WrapError::EmptyGroup),
        [_] => vec![whole()],
        groups => shamir::split(&whole(), groups.len(), keys.needed(), |bytes| {
            random(bytes).then_some(()).ok_or(WrapError::Random)
        })?,
    };
    keys.groups
        .iter()
        .zip(&parts)
        .map(|(group, part)| wrap_part(service, group, part, now))
        .collect()
}

fn wrap_part(
    service: &dyn KeyService,
    keys: &[MasterKey],
    part: &SecretBytes,
    now: &str,
) -> Result<KeyGroup, WrapError> {
    let mut group = KeyGroup::default();
    for (index, key) in keys.iter().enumerate() {
        if keys[..index].contains(key) {
            continue;
        }
        let wrapped = service.wrap(key, part)?;
        let created_at = key.is_dated().then(|| now.to_owned());
        group.keys.push(WrappedKey { key: wrapped.key, created_at, enc: wrapped.enc });
    }
    Ok(group)
}
