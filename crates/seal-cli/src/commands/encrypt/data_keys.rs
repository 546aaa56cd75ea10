//! Draws data keys and has them wrapped: one for each file, or, where the user wants that, one for all files of a run
//! that are for the same master keys.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rand::TryRng;
use rand::rngs::SysRng;
use seal_core::envelope::GroupedKeys;
use seal_core::file::{BoxError, Class, FileError, FileKey};
use seal_core::secret::DataKey;
use seal_keys::{KeyService, wrap_for};

use crate::commands::files::file_error;
use crate::error::CommandError;

/// The data keys of a run. None of them comes from a file: whoever may commit could have planted it there.
#[derive(Debug, Default)]
pub(in crate::commands) struct DataKeys {
    /// By the master keys they are wrapped for; `None` where each file gets its own.
    shared: Option<Mutex<HashMap<GroupedKeys, Shared>>>,
}

/// Had once: other threads with the same master keys wait for the first one.
type Shared = Arc<OnceLock<Result<FileKey, CommandError>>>;

impl DataKeys {
    /// One data key for each file, or one for all that are for the same master keys.
    pub(in crate::commands) fn new(shared: bool) -> Self {
        Self { shared: shared.then(Mutex::default) }
    }

    /// A data key for a file, wrapped for these master keys. `now` is the date of its entries.
    pub(in crate::commands) fn file_key(
        &self,
        service: &dyn KeyService,
        master_keys: &GroupedKeys,
        now: &str,
    ) -> Result<FileKey, CommandError> {
        let Some(shared) = &self.shared else { return drawn(service, master_keys, now) };
        let cell = {
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(shared.entry(master_keys.clone()).or_default())
        };
        cell.get_or_init(|| drawn(service, master_keys, now)).clone()
    }
}

/// Why there was no data key. The core may ask from several threads and passes on only what the first one was told.
#[derive(Debug, Default)]
pub(in crate::commands) struct Refused(OnceLock<CommandError>);

impl Refused {
    /// Remembers the first failure.
    pub(in crate::commands) fn noted(
        &self,
        made: Result<FileKey, CommandError>,
    ) -> Result<FileKey, BoxError> {
        made.map_err(|error| {
            let _ = self.0.set(error.clone());
            error.into()
        })
    }

    /// The failure of a file: that of its data key, where the core says no more than that there was none.
    pub(in crate::commands) fn or(self, path: &Path, error: &FileError) -> CommandError {
        match self.0.into_inner() {
            Some(refused) if error.class == Class::NoKey => refused,
            _ => file_error(path, error),
        }
    }
}

fn drawn(
    service: &dyn KeyService,
    master_keys: &GroupedKeys,
    now: &str,
) -> Result<FileKey, CommandError> {
    let data_key = random_bytes().map(DataKey::new).map_err(|error| {
        CommandError::failed("the operating system gives no random bytes").caused_by(error.as_ref())
    })?;
    wrapped(service, master_keys, data_key, now)
}

/// A data key, wrapped for these master keys. `now` is the date of its entries.
///
/// # Errors
/// One of the keys cannot be used, or the groups cannot have that threshold.
pub(in crate::commands) fn wrapped(
    service: &dyn KeyService,
    master_keys: &GroupedKeys,
    data_key: DataKey,
    now: &str,
) -> Result<FileKey, CommandError> {
    let random = |bytes: &mut [u8]| SysRng.try_fill_bytes(bytes).is_ok();
    let wrapped = wrap_for(service, master_keys, &data_key, now, &random);
    let key_groups = wrapped.map_err(|error| {
        let out = CommandError::no_key(error.to_string());
        error.next_step().into_iter().fold(out, CommandError::hint)
    })?;
    Ok(FileKey { data_key, key_groups, shamir_threshold: master_keys.threshold_of_envelope() })
}

pub(in crate::commands) fn random_bytes() -> Result<[u8; 32], BoxError> {
    let mut bytes = [0; 32];
    SysRng.try_fill_bytes(&mut bytes)?;
    Ok(bytes)
}
