//! Opens SealedSecrets with sealing keys from files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use seal_api::sealed_secret::SealedSecret;
use seal_api::sealing::diagnosis::{DEFAULT_BUDGET, Diagnosis, Place, Question, diagnose};
use seal_api::sealing::{Fingerprint, KeyRing, SealedValue};
use seal_api::unseal::{UnsealError, Unsealed, assemble, assemble_whole, describe, sealed_whole};
use seal_core::file::DecryptedObject;
use seal_core::format::Format;
use seal_core::sealed_secret::{self, Opening, SealedManifest};
use seal_core::secret::SecretBytes;

use super::about;
use super::keys::{SealingKeys, base64};
use crate::commands::file_error;
use crate::error::CommandError;
use crate::reason::Reason;
use crate::ui::escape;

/// A text whose SealedSecrets are Secrets now.
#[derive(Debug, Default)]
pub(in crate::commands) struct Opened {
    /// `None` where there was none.
    pub(in crate::commands) bytes: Option<SecretBytes>,
    /// What was opened.
    pub(in crate::commands) objects: Vec<DecryptedObject>,
}

/// The opened values of one object, and the keys that did it.
pub(super) struct Values {
    pub(super) values: BTreeMap<String, SecretBytes>,
    pub(super) by: BTreeSet<Fingerprint>,
}

/// A SealedSecret as the controller reads it.
pub(super) fn object_of(manifest: &SealedManifest) -> Result<SealedSecret, String> {
    serde_json::from_str(&manifest.json).map_err(|error| {
        // Its text may quote a value.
        format!("it is no SealedSecret as Kubernetes takes them ({:?})", error.classify())
            .to_lowercase()
    })
}

impl SealingKeys {
    /// Opens all SealedSecrets of a text.
    ///
    /// # Errors
    /// One does not open, or its template cannot be rendered.
    pub(in crate::commands) fn open(
        &self,
        path: &Path,
        format: Format,
        source: &[u8],
    ) -> Result<Opened, CommandError> {
        if !self.are_there() {
            return Ok(Opened::default());
        }
        let manifests =
            sealed_secret::read(format, source).map_err(|error| file_error(path, &error))?;
        if manifests.is_empty() {
            return Ok(Opened::default());
        }
        let ring = self.ring()?;
        let mut openings = Vec::new();
        let mut objects = Vec::new();
        for manifest in &manifests {
            let opening = open(ring, path, manifest)?;
            objects.push(DecryptedObject {
                description: Some(manifest.description.clone()),
                bound: true,
                reordered: false,
                values: opening.data.len(),
                unverified: None,
            });
            openings.push(Some(opening));
        }
        let rewritten = sealed_secret::unseal(format, source, &openings)
            .map_err(|error| file_error(path, &error))?;
        Ok(Opened { bytes: rewritten.bytes, objects })
    }
}

fn open(ring: &KeyRing, path: &Path, manifest: &SealedManifest) -> Result<Opening, CommandError> {
    let here = |error| about(error, path, &manifest.description, manifest.position);
    let failed = |errors: Vec<UnsealError>| {
        here(CommandError::failed(escape(&describe(&errors)).into_owned()))
    };
    let object = object_of(manifest).map_err(|problem| here(CommandError::failed(problem)))?;
    let unsealed = match sealed_whole(&object) {
        Some(whole) => {
            let whole = whole.map_err(failed)?;
            let Some(opened) = ring.open(&whole, &object.label(), None) else {
                return Err(here(not_opened(ring, manifest, &[("spec.data".to_owned(), whole)])));
            };
            let unsealed = assemble_whole(&object, &opened.plaintext).map_err(failed)?;
            check_whole(&object, &unsealed).map_err(here)?;
            unsealed
        }
        None => assemble(&object, &values(ring, path, manifest)?.values).map_err(failed)?,
    };
    let data = unsealed.secret.data.unwrap_or_default();
    Ok(Opening { data: data.into_iter().map(|(key, value)| (key, base64(&value.0))).collect() })
}

/// In the deprecated form all of the Secret was sealed, and what the text would be made of is only the template.
fn check_whole(object: &SealedSecret, unsealed: &Unsealed) -> Result<(), CommandError> {
    let template = object.spec.template.clone().unwrap_or_default();
    let metadata = template.metadata.unwrap_or_default();
    let secret = &unsealed.secret;
    let is_said = secret.type_ == template.type_
        && secret.immutable == template.immutable
        && secret.metadata.labels == metadata.labels
        && secret.metadata.annotations == metadata.annotations;
    match is_said {
        true => Ok(()),
        false => Err(CommandError::failed(
            "type, labels or annotations were sealed as well (`spec.data`, the deprecated form), and have no place in this text",
        )
        .hint("`seal kubeseal --recovery-unseal` prints the whole Secret")),
    }
}

/// Opens the values of one SealedSecret.
///
/// # Errors
/// No key fits, or a value is malformed.
pub(super) fn values(
    ring: &KeyRing,
    path: &Path,
    manifest: &SealedManifest,
) -> Result<Values, CommandError> {
    let here = |error| about(error, path, &manifest.description, manifest.position);
    let object = object_of(manifest).map_err(|problem| here(CommandError::failed(problem)))?;
    let label = object.label();
    let mut opened = Values { values: BTreeMap::new(), by: BTreeSet::new() };
    let mut closed: Vec<(String, SealedValue)> = Vec::new();
    let mut last: Option<Fingerprint> = None;
    for entry in &manifest.entries {
        let problem = |error: CommandError| {
            let message = format!("{}: {}", entry.path, error.message);
            about(CommandError { message, ..error }, path, &manifest.description, entry.position)
        };
        let Some(text) = &entry.text else {
            return Err(problem(CommandError::failed(
                "a sealed value is a text, and this is none",
            )));
        };
        let value = SealedValue::from_base64(text).map_err(|error| {
            problem(CommandError::failed(format!("this is no sealed value: {error}")))
        })?;
        match ring.open(&value, &label, last.as_ref()) {
            Some(found) => {
                last = Some(found.by.clone());
                opened.by.insert(found.by);
                opened.values.insert(entry.key.clone(), found.plaintext);
            }
            None => closed.push((entry.key.clone(), value)),
        }
    }
    match closed.is_empty() {
        true => Ok(opened),
        false => Err(here(not_opened(ring, manifest, &closed))),
    }
}

/// The error for values that no key opens, with the reason as far as the keys can tell it.
pub(super) fn not_opened(
    ring: &KeyRing,
    manifest: &SealedManifest,
    closed: &[(String, SealedValue)],
) -> CommandError {
    let keys: Vec<&str> = closed.iter().map(|(key, _)| key.as_str()).collect();
    let message = format!("no key could decrypt secret ({})", escape(&keys.join(", ")));
    let ([(_, value), ..], Ok(object)) = (closed, object_of(manifest)) else {
        return CommandError::no_key(message).because(Reason::NoDataKey);
    };
    let named = |namespace: Option<&String>, name: Option<&String>| {
        let text = |text: Option<&String>| text.cloned().unwrap_or_default();
        Place::new(text(namespace), text(name))
    };
    let metadata = object.spec.template.as_ref().and_then(|template| template.metadata.as_ref());
    let template =
        metadata.map(|metadata| named(metadata.namespace.as_ref(), metadata.name.as_ref()));
    let diagnosis = diagnose(&Question {
        value,
        scope: object.scope(),
        place: &named(manifest.namespace.as_ref(), manifest.name.as_ref()),
        template: template.as_ref(),
        others: &[],
        active: ring.keys(),
        retired: &[],
        budget: DEFAULT_BUDGET,
    });
    let mut error = match diagnosis {
        Diagnosis::Changed { .. } => CommandError::refused(message).because(Reason::Value),
        _ => CommandError::no_key(message).because(Reason::NoDataKey),
    };
    error.causes.push(diagnosis.to_string());
    error
}
