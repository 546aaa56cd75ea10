//! All kinds of master keys: the only place that tells them apart.

use std::sync::Arc;

use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;

use crate::age::Age;
use crate::aws_kms::AwsKms;
use crate::azure_key_vault::AzureKeyVault;
use crate::environment::Environment;
use crate::gcp_kms::GcpKms;
use crate::huawei_kms::HuaweiKms;
use crate::identities::{SourceReport, Warning};
use crate::pgp::Pgp;
use crate::service::{KeyAccess, KeyService, UnwrapError, WrapError, Wrapped};
use crate::session::{Session, Settings};
use crate::unavailable::Unavailable;
use crate::vault::Vault;

/// The providers of this machine, as its environment configures them.
#[derive(Debug)]
pub struct Providers {
    age: Age,
    aws_kms: AwsKms,
    azure_key_vault: AzureKeyVault,
    gcp_kms: GcpKms,
    huawei_kms: HuaweiKms,
    pgp: Pgp,
    vault: Vault,
    unavailable: Unavailable,
}

impl Providers {
    /// Prepares every provider; nothing is read, started or asked yet.
    pub fn new(settings: Settings) -> Self {
        Self::of(&Session::new(settings))
    }

    fn of(session: &Arc<Session>) -> Self {
        let shared = || Arc::clone(session);
        Self {
            age: Age::new(shared()),
            aws_kms: AwsKms::new(shared()),
            azure_key_vault: AzureKeyVault::new(shared()),
            gcp_kms: GcpKms::new(shared()),
            huawei_kms: HuaweiKms::new(shared()),
            pgp: Pgp::new(shared()),
            vault: Vault::new(shared()),
            unavailable: Unavailable::default(),
        }
    }

    fn access<'k>(&'k self, key: &'k MasterKey) -> Box<dyn KeyAccess + 'k> {
        match key {
            MasterKey::Age { recipient } => Box::new(self.age.access(recipient)),
            MasterKey::AwsKms { .. } => Box::new(self.aws_kms.access(key)),
            MasterKey::AzureKeyVault { .. } => Box::new(self.azure_key_vault.access(key)),
            MasterKey::GcpKms { .. } => Box::new(self.gcp_kms.access(key)),
            MasterKey::HuaweiKms { .. } => Box::new(self.huawei_kms.access(key)),
            MasterKey::Pgp { .. } => Box::new(self.pgp.access(key)),
            MasterKey::VaultTransit { .. } => Box::new(self.vault.access(key)),
        }
    }
}

impl KeyService for Providers {
    fn wrap(&self, key: &MasterKey, secret: &SecretBytes) -> Result<Wrapped, WrapError> {
        self.unavailable.unless(key, || self.access(key).wrap(secret))
    }

    fn unwrap(&self, key: &MasterKey, enc: &str) -> Result<SecretBytes, UnwrapError> {
        self.unavailable.unless(key, || self.access(key).unwrap(enc))
    }

    fn sources(&self) -> Vec<SourceReport> {
        self.age.sources()
    }

    fn warnings(&self) -> Vec<Warning> {
        let mut warnings = self.age.warnings();
        warnings.extend(self.vault.warnings());
        warnings
    }
}

/// Says whether a key can be wrapped with, as far as that shows without asking anybody.
///
/// # Errors
///
/// What [`KeyService::wrap`] would say.
pub fn check(key: &MasterKey) -> Result<(), WrapError> {
    let nothing = Environment::of::<String, String>([]);
    Providers::new(Settings::of(nothing)).access(key).check()
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn local_keys_start_no_runtime() {
        let identity = age::x25519::Identity::generate();
        let text = identity.to_string().expose_secret().to_owned();
        let environment = Environment::of([("SOPS_AGE_KEY", text)]);
        let session = Session::new(Settings::of(environment));
        let providers = Providers::of(&session);
        let key = MasterKey::Age { recipient: identity.to_public().to_string() };
        let wrapped = providers.wrap(&key, &SecretBytes::new(vec![7; 32])).unwrap();
        providers.unwrap(&key, &wrapped.enc).unwrap();
        assert!(!session.calls.have_started());
    }
}
