//! All kinds of master keys: the only place that tells them apart.

use seal_core::envelope::MasterKey;
use seal_core::secret::DataKey;

use crate::age::{self, Age};
use crate::environment::Environment;
use crate::identities::{SourceReport, Warning};
use crate::service::{KeyService, UnwrapError, WrapError};

/// The providers of this machine, as its environment configures them.
#[derive(Debug)]
pub struct Providers {
    age: Age,
}

impl Providers {
    /// Prepares every provider; nothing is read or asked yet.
    pub fn new(environment: Environment) -> Self {
        Self { age: Age::new(environment) }
    }

    /// What the user should know about the sources of keys that were used so far, such as a key file that others can
    /// read. Complete only after the last key was unwrapped.
    pub fn warnings(&self) -> Vec<Warning> {
        self.age.warnings()
    }
}

impl KeyService for Providers {
    fn wrap(&self, key: &MasterKey, data_key: &DataKey) -> Result<String, WrapError> {
        match key {
            MasterKey::Age { recipient } => Age::wrap(recipient, data_key),
            other => Err(WrapError::NotSupported { kind: OTHER_KINDS, key: other.to_string() }),
        }
    }

    fn unwrap(&self, key: &MasterKey, enc: &str) -> Result<DataKey, UnwrapError> {
        match key {
            MasterKey::Age { recipient } => self.age.unwrap(recipient, enc),
            other => Err(UnwrapError::NotSupported { kind: OTHER_KINDS, key: other.to_string() }),
        }
    }

    fn sources(&self) -> Vec<SourceReport> {
        self.age.sources()
    }
}

/// Says whether a key can be wrapped with, as far as that shows without asking anybody.
///
/// # Errors
///
/// What [`KeyService::wrap`] would say.
pub fn check(key: &MasterKey) -> Result<(), WrapError> {
    match key {
        MasterKey::Age { recipient } => age::parse_recipient(recipient).map(|_| ()),
        other => Err(WrapError::NotSupported { kind: OTHER_KINDS, key: other.to_string() }),
    }
}

/// SOPS's default order of decryption: age, then PGP, then the rest as the file has it.
pub(crate) fn rank(key: &MasterKey) -> u8 {
    match key {
        MasterKey::Age { .. } => 0,
        MasterKey::Pgp { .. } => 1,
        _ => 2,
    }
}

/// The text of the key says which kind it is.
const OTHER_KINDS: &str = "keys of this kind";
