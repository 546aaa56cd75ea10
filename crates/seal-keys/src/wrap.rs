//! Wraps a data key for everybody who shall be able to decrypt.

use seal_core::envelope::{MasterKey, WrappedKey};
use seal_core::secret::DataKey;

use crate::service::{KeyService, WrapError};

/// Wraps a data key once for each different key, in the given order.
///
/// # Errors
///
/// A key that cannot be wrapped with fails the whole: a file that some of its readers cannot open is worse than none.
/// The same goes for no key at all.
pub fn wrap_for(
    service: &dyn KeyService,
    keys: &[MasterKey],
    data_key: &DataKey,
) -> Result<Vec<WrappedKey>, WrapError> {
    if keys.is_empty() {
        return Err(WrapError::NoKeys);
    }
    let mut wrapped: Vec<WrappedKey> = Vec::with_capacity(keys.len());
    for key in keys {
        if wrapped.iter().all(|done| done.key != *key) {
            let enc = service.wrap(key, data_key)?;
            // Only kinds that are not supported yet record when they were made.
            wrapped.push(WrappedKey { key: key.clone(), created_at: None, enc });
        }
    }
    Ok(wrapped)
}
