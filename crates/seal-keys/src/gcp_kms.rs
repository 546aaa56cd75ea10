//! GCP KMS.

use std::sync::Arc;

use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;

use crate::service::{KeyAccess, UnwrapError, WrapError, Wrapped};
use crate::session::Session;

/// Clients and credentials, had once.
#[derive(Debug)]
pub(crate) struct GcpKms {
    session: Arc<Session>,
}

impl GcpKms {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self { session }
    }

    pub(crate) fn access<'k>(&'k self, key: &'k MasterKey) -> Access<'k> {
        Access { provider: self, key }
    }
}

/// One key of this kind.
pub(crate) struct Access<'k> {
    provider: &'k GcpKms,
    key: &'k MasterKey,
}

impl KeyAccess for Access<'_> {
    fn check(&self) -> Result<(), WrapError> {
        let _ = &self.provider.session;
        Err(WrapError::NotSupported { kind: "keys of this kind", key: self.key.to_string() })
    }

    fn wrap(&self, _: &SecretBytes) -> Result<Wrapped, WrapError> {
        Err(WrapError::NotSupported { kind: "keys of this kind", key: self.key.to_string() })
    }

    fn unwrap(&self, _: &str) -> Result<SecretBytes, UnwrapError> {
        Err(UnwrapError::NotSupported { kind: "keys of this kind", key: self.key.to_string() })
    }
}
