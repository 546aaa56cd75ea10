//! AWS KMS: Encrypt and Decrypt of the key that an ARN names, with its encryption context; the region is the ARN's, and
//! a role is assumed first. So SOPS does it, and so are the texts: standard Base64 of KMS's ciphertext.
//!
//! ```text
//! ARN ─arn→ region ─sessions→ client (credentials → role) ─Calls→ KMS ─answers→ text, or why not
//! ```
//!
//! SOPS repairs the encryption contexts of files that versions before 3.3.0 wrote by trying variants. That is not done
//! here: such a file is for SOPS to rotate.

mod answers;
mod arn;
mod credentials;
mod endpoint;
mod host;
mod login;
mod longest;
mod roles;
mod sessions;

pub(crate) use login::AwsLogin;

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_kms::primitives::Blob;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;
use zeroize::Zeroizing;

use self::answers::Asked;
use self::arn::KeyArn;
use self::sessions::{Sessions, Way};
use crate::failure::{Failure, FailureKind};
use crate::service::{KeyAccess, UnwrapError, WrapError, Wrapped};
use crate::session::Session;

/// The longest ciphertext that KMS takes.
const LONGEST: usize = 6144;

/// Clients and credentials, had once.
#[derive(Debug)]
pub(crate) struct AwsKms {
    session: Arc<Session>,
    sessions: Sessions,
}

impl AwsKms {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self { session, sessions: Sessions::default() }
    }

    pub(crate) fn access<'k>(&'k self, key: &'k MasterKey) -> Access<'k> {
        Access { provider: self, key }
    }
}

/// One key of this kind.
pub(crate) struct Access<'k> {
    provider: &'k AwsKms,
    key: &'k MasterKey,
}

/// A key whose name is in order.
struct Named<'k> {
    text: &'k str,
    arn: KeyArn,
    way: Way,
    context: Option<HashMap<String, String>>,
}

impl<'k> Access<'k> {
    fn has_context(&self) -> bool {
        matches!(self.key, MasterKey::AwsKms { context, .. } if !context.is_empty())
    }

    fn named(&self) -> Result<Named<'k>, Failure> {
        let wrong = |what: &str, why: &str| {
            Failure::of_name(self.key, format!("{what}: {why}"))
                .hint("a key is named arn:aws:kms:REGION:ACCOUNT:key/ID, a role arn:aws:iam::ACCOUNT:role/NAME")
        };
        let MasterKey::AwsKms { arn: text, role, context, aws_profile } = self.key else {
            return Err(wrong("not a key of AWS KMS", "another kind of key"));
        };
        let arn = arn::key(text).map_err(|why| wrong("not the ARN of a key of AWS KMS", &why))?;
        let filled = |text: &Option<String>| text.as_ref().filter(|text| !text.is_empty()).cloned();
        let (role, profile) = (filled(role), filled(aws_profile));
        if let Some(role) = &role {
            arn::role(role).map_err(|why| wrong("not the ARN of a role of AWS", &why))?;
        }
        // It stands in messages.
        let is_plain = |c: char| c.is_alphanumeric() || "_-/.%@:+ ".contains(c);
        if profile.as_ref().is_some_and(|profile| !profile.chars().all(is_plain)) {
            return Err(wrong("not the name of a profile of AWS", "it has other characters"));
        }
        let context = (!context.is_empty()).then(|| context.clone().into_iter().collect());
        let way = Way { region: arn.region.clone(), role, profile };
        Ok(Named { text, arn, way, context })
    }

    /// A file may name any role and profile, those of other accounts and of production included.
    fn allowed(&self, way: &Way) -> Result<(), Failure> {
        let trust = &self.provider.session.trust;
        let refused = |kind: &str, name: &str, variable: &str| {
            let reason =
                format!("a file names the {kind} {name}, which is not allowed on this machine");
            Failure::new(FailureKind::NotAllowed, self.key, format!("use its {kind}"), reason)
                .hint(how_to_allow(kind, name, variable))
        };
        if let Some(role) = way.role.as_deref().filter(|role| !trust.allows_aws_role(role)) {
            return Err(refused("role", role, "SEAL_ALLOW_AWS_ROLES"));
        }
        match way.profile.as_deref().filter(|profile| !trust.allows_aws_profile(profile)) {
            Some(profile) => Err(refused("profile", profile, "SEAL_ALLOW_AWS_PROFILES")),
            None => Ok(()),
        }
    }

    /// What messages call a request.
    fn operation(&self, name: &str, way: &Way) -> String {
        let at = endpoint::shown("KMS", &self.provider.session.environment);
        let role = way.role.as_ref().map(|role| format!(" as {role}")).unwrap_or_default();
        format!("kms:{name} in {}{at}{role}", way.region)
    }

    fn encrypt(&self, secret: &SecretBytes) -> Result<Vec<u8>, Failure> {
        let named = self.named()?;
        self.allowed(&named.way)?;
        let (session, operation) = (&self.provider.session, self.operation("Encrypt", &named.way));
        let asked = Asked { key: self.key, has_context: self.has_context(), operation: &operation };
        let sent = Sent::of(secret);
        session.calls.run(self.key, &operation, async {
            let client =
                self.provider.sessions.client(session, self.key, &named.arn, &named.way).await?;
            let answer = session.calls.request(self.key, &operation, || async {
                let request = client.kms.encrypt().key_id(named.text);
                let request = request.plaintext(Blob::new(secret.expose()));
                let answer = request.set_encryption_context(named.context.clone()).send().await;
                answer.map_err(|error| {
                    let failure = asked.failed(&error, &client.host);
                    sent.blotted_out(client.without_secrets(failure))
                })
            });
            let blob = answer.await?.ciphertext_blob.map(Blob::into_inner).unwrap_or_default();
            match blob.is_empty() {
                true => Err(asked.failure(FailureKind::Malformed, "the answer has no ciphertext")),
                false => Ok(blob),
            }
        })
    }

    fn decrypt(&self, blob: &[u8]) -> Result<SecretBytes, Failure> {
        let named = self.named()?;
        self.allowed(&named.way)?;
        let (session, operation) = (&self.provider.session, self.operation("Decrypt", &named.way));
        let asked = Asked { key: self.key, has_context: self.has_context(), operation: &operation };
        session.calls.run(self.key, &operation, async {
            let client =
                self.provider.sessions.client(session, self.key, &named.arn, &named.way).await?;
            let answer = session.calls.request(self.key, &operation, || async {
                let request = client.kms.decrypt().key_id(named.text);
                let request = request.ciphertext_blob(Blob::new(blob));
                let sent = request.set_encryption_context(named.context.clone()).send().await;
                sent.map_err(|error| client.without_secrets(asked.failed(&error, &client.host)))
            });
            let plaintext = answer.await?.plaintext.map(Blob::into_inner).unwrap_or_default();
            match plaintext.is_empty() {
                true => Err(asked.failure(FailureKind::Malformed, "the answer has no plaintext")),
                false => Ok(SecretBytes::new(plaintext)),
            }
        })
    }
}

/// A data key as it was sent, which a server may repeat.
struct Sent([Zeroizing<String>; 2]);

impl Sent {
    fn of(secret: &SecretBytes) -> Self {
        // A server may write it without padding, and slashes of JSON with a backslash before them.
        let plain = Zeroizing::new(STANDARD_NO_PAD.encode(secret.expose()));
        let escaped = Zeroizing::new(plain.replace('/', "\\/"));
        Self([plain, escaped])
    }

    fn blotted_out(&self, failure: Failure) -> Failure {
        failure.without(&[&self.0[0], &self.0[1]])
    }
}

/// How to allow what a file names. The words may end up in a shell, so only a name that means nothing there, and nothing
/// in the list but itself, stands in a command.
fn how_to_allow(kind: &str, name: &str, variable: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.:/@+=-".contains(c);
    match name {
        "all" | "none" => {
            format!(
                "no list can name this {kind}: the word means another thing there; give it another name"
            )
        }
        _ if name.contains(',') => {
            format!("no list can name this {kind}: a comma ends a name there; give it another name")
        }
        _ if name.chars().all(is_plain) => {
            format!("set {variable}={name} if you trust it (a list separated by commas)")
        }
        _ => format!("add it to the list in {variable}, with quotes, if you trust it"),
    }
}

impl KeyAccess for Access<'_> {
    fn check(&self) -> Result<(), WrapError> {
        self.named().map(|_| ()).map_err(WrapError::from)
    }

    fn wrap(&self, secret: &SecretBytes) -> Result<Wrapped, WrapError> {
        let blob = self.encrypt(secret)?;
        Ok(Wrapped { key: self.key.clone(), enc: STANDARD.encode(blob) })
    }

    fn unwrap(&self, enc: &str) -> Result<SecretBytes, UnwrapError> {
        // Go's decoder passes over line breaks.
        let text: String = enc.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
        let blob = STANDARD.decode(text).ok();
        let blob = blob.filter(|blob| (1..=LONGEST).contains(&blob.len()));
        let blob = blob.ok_or_else(|| UnwrapError::Damaged { key: self.key.to_string() })?;
        Ok(self.decrypt(&blob)?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::environment::Environment;
    use crate::session::Settings;

    #[test]
    fn what_can_be_said_without_asking_starts_no_runtime() {
        let provider = AwsKms::new(Session::new(Settings::of(Environment::of([("A", "b")]))));
        let key = |role: Option<&str>| MasterKey::AwsKms {
            arn: "arn:aws:kms:eu-west-1:1:key/k".to_owned(),
            role: role.map(str::to_owned),
            context: BTreeMap::new(),
            aws_profile: Some(String::new()),
        };
        let (plain, with_role) = (key(Some("")), key(Some("arn:aws:iam::1:role/r")));
        assert_eq!(provider.access(&plain).check(), Ok(()));
        assert_eq!(provider.access(&with_role).check(), Ok(()));
        let damaged = provider.access(&plain).unwrap("no Base64").unwrap_err();
        assert!(matches!(damaged, UnwrapError::Damaged { .. }));
        let refused = provider.access(&with_role).wrap(&SecretBytes::new(vec![7; 32]));
        assert!(matches!(refused, Err(WrapError::Service(_))));
        assert!(!provider.session.calls.have_started());
    }
}
