//! Makes a sealing key: an RSA key, its certificate, and the Secret that holds both.
//!
//! Two replicas never make two keys. The name of the Secret says which key it follows, so whoever comes second gets 409,
//! even a leader that was stopped for an hour between the decision and the request.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::PostParams;
use seal_api::sealing::{CertificateError, KeyError, KeySize, SealingCertificate, SealingKey};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use zeroize::Zeroize as _;

use super::key_secret::{CERTIFICATE, KEY_TYPE, PRIVATE_KEY};
use super::renewal::Reason;
use super::{ACTIVE, KEY_LABEL, KeySet};
use crate::api_failure::{ApiFailure, Cause};
use crate::context::Context;
use crate::settings::Settings;

/// Names that may be taken by Secrets that are no sealing keys any more.
const MOST_NAMES: usize = 50;
/// As in names that Kubernetes generates: no vowels, nothing that looks like something else.
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
/// How many of them; half as many keys as there are grains of sand still have names of their own.
const SUFFIX: usize = 10;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There is a new key.
    Made,
    /// Somebody else has made it, and the watch has not shown it yet.
    Exists,
    /// The lease was lost meanwhile.
    NotLeading,
}

/// Why there is no new key.
#[derive(Debug, Error)]
pub(super) enum GenerationError {
    #[error(transparent)]
    Api(#[from] ApiFailure),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error("RSA keys of {0} bits are not offered (2048, 3072, 4096 or 8192)")]
    Size(u32),
    #[error("the thread that made the key has failed")]
    Thread,
    #[error(
        "{MOST_NAMES} Secrets have names that a new key could get and are no active keys; remove those that are not needed"
    )]
    NoName,
}

/// Makes the key that follows the newest of `keys`, unless somebody else has.
pub(super) async fn generate(
    context: &Context,
    keys: &KeySet,
    reason: Reason,
) -> Result<Outcome, GenerationError> {
    let settings = &context.settings;
    let namespace = &settings.key_namespace;
    let secrets: Api<Secret> = Api::namespaced(context.client.clone(), namespace);
    let follows = keys.sealing(Timestamp::now()).map_or("", |newest| newest.secret_uid.as_str());
    let mut passed_over: Vec<String> = Vec::new();
    let mut made = None;
    while passed_over.len() < MOST_NAMES {
        let name = name(&settings.key_prefix, follows, &passed_over);
        let place = format!("{namespace}/{name}");
        let existing = secrets
            .get_metadata_opt(&name)
            .await
            .map_err(|error| ApiFailure::new("get", "secrets", &place, &error))?;
        if let Some(existing) = existing {
            let metadata = existing.metadata;
            let uid = metadata.uid.unwrap_or_default();
            let active = metadata
                .labels
                .is_some_and(|labels| labels.get(KEY_LABEL).is_some_and(|state| state == ACTIVE));
            // One that the watch has shown was looked at when a key was found to be due, and did not help.
            if active
                && metadata.deletion_timestamp.is_none()
                && !keys.uids().any(|known| known == uid)
            {
                return Ok(Outcome::Exists);
            }
            passed_over.push(uid);
            continue;
        }
        let (secret, certificate) = match &mut made {
            Some(made) => made,
            None => made.insert(new_key(settings).await?),
        };
        secret.metadata.name = Some(name);
        // Making an RSA key takes seconds, in which the lease may have gone to another replica.
        if !context.lead.holds() {
            return Ok(Outcome::NotLeading);
        }
        let parameters = PostParams {
            field_manager: Some("seal-controller".to_owned()),
            ..PostParams::default()
        };
        match secrets.create(&parameters, secret).await {
            Ok(mut created) => {
                wipe(&mut created);
                wipe(secret);
                tracing::info!(
                    secret = %place,
                    fingerprint = %certificate.fingerprint(),
                    reason = reason.as_str(),
                    certificate = certificate.to_pem(),
                    "new sealing key"
                );
                return Ok(Outcome::Made);
            }
            Err(error) => {
                let failure = ApiFailure::new("create", "secrets", &place, &error);
                // Taken meanwhile: look what it is.
                if *failure.cause() != Cause::Conflict {
                    wipe(secret);
                    return Err(failure.into());
                }
            }
        }
    }
    Err(GenerationError::NoName)
}

/// The Secret without its name, and the certificate in it. RSA is made on a thread of its own: it takes seconds.
async fn new_key(settings: &Settings) -> Result<(Secret, SealingCertificate), GenerationError> {
    let size =
        KeySize::of_bits(settings.key_size).ok_or(GenerationError::Size(settings.key_size))?;
    let (common_name, valid_for) = (settings.my_cn.clone(), settings.key_ttl);
    let pair = tokio::task::spawn_blocking(move || {
        let key = SealingKey::generate(size)?;
        let certificate =
            SealingCertificate::self_signed(&key, &common_name, Timestamp::now(), valid_for)?;
        Ok::<_, GenerationError>((key.to_pem()?, certificate))
    });
    let (private, certificate) = pair.await.map_err(|_| GenerationError::Thread)??;
    let data = BTreeMap::from([
        (PRIVATE_KEY.to_owned(), ByteString(private.expose().to_vec())),
        (CERTIFICATE.to_owned(), ByteString(certificate.to_pem().as_bytes().to_vec())),
    ]);
    Ok((secret(settings, data), certificate))
}

/// As sealed-secrets makes it. The key label is ours, whatever the flags say.
fn secret(settings: &Settings, data: BTreeMap<String, ByteString>) -> Secret {
    let mut labels: BTreeMap<String, String> =
        settings.private_key_labels.iter().cloned().collect();
    labels.insert(KEY_LABEL.to_owned(), ACTIVE.to_owned());
    let annotations: BTreeMap<String, String> =
        settings.private_key_annotations.iter().cloned().collect();
    Secret {
        metadata: ObjectMeta {
            namespace: Some(settings.key_namespace.clone()),
            labels: Some(labels),
            annotations: Some(annotations).filter(|annotations| !annotations.is_empty()),
            ..ObjectMeta::default()
        },
        type_: Some(KEY_TYPE.to_owned()),
        data: Some(data),
        ..Secret::default()
    }
}

/// The name of the key that follows the one with this uid (empty: there is none). `passed_over` are Secrets that have the
/// names before.
fn name(prefix: &str, follows: &str, passed_over: &[String]) -> String {
    let mut hash = Sha256::new();
    hash.update("seal-controller sealing key\0");
    for part in std::iter::once(follows).chain(passed_over.iter().map(String::as_str)) {
        hash.update(part);
        hash.update([0]);
    }
    let suffix: String = hash
        .finalize()
        .iter()
        .take(SUFFIX)
        .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]))
        .collect();
    format!("{prefix}{suffix}")
}

fn wipe(secret: &mut Secret) {
    for value in secret.data.iter_mut().flat_map(|data| data.values_mut()) {
        value.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_which_key_it_follows() {
        let first = name("sealed-secrets-key", "", &[]);
        assert!(
            first.starts_with("sealed-secrets-key")
                && first.len() == "sealed-secrets-key".len() + SUFFIX
        );
        assert_eq!(first, name("sealed-secrets-key", "", &[]));
        assert_ne!(first, name("sealed-secrets-key", "a", &[]));
        assert_ne!(name("p", "a", &[]), name("p", "", &["a".to_owned()]));
        assert_ne!(
            name("p", "a", &["b".to_owned()]),
            name("p", "a", &["b".to_owned(), "c".to_owned()])
        );
    }

    #[test]
    fn the_suffix_is_legal_in_a_name() {
        let name = name("k", "some-uid", &[]);
        assert!(
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()),
            "{name}"
        );
    }
}
