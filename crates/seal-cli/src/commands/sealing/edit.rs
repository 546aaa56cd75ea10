//! `seal edit` of SealedSecrets: the values that a sealing key opens are shown in clear, the others by a mark; what is
//! changed is sealed anew, everything else keeps its ciphertext.

use std::path::Path;

use seal_api::sealing::{Label, SealedValue};
use seal_core::format::Format;
use seal_core::sealed_secret::{self, NewText, SealedManifest, replace_values};
use seal_core::secret::SecretBytes;
use zeroize::Zeroizing;

use super::certificate::Certificate;
use super::keys::SealingKeys;
use super::set::manifests;
use super::{about, scope_of};
use crate::commands::value_change::change_error;
use crate::error::CommandError;
use crate::reason::Reason;

/// A file whose SealedSecrets are edited.
pub(in crate::commands) struct Editing {
    format: Format,
    /// What the editor gets.
    pub(in crate::commands) shown: SecretBytes,
    values: Vec<Shown>,
    /// How many values no key opened.
    pub(in crate::commands) closed: usize,
}

/// A value as it is shown.
struct Shown {
    label: Label,
    key: String,
    text: Zeroizing<String>,
    sealed: Zeroizing<String>,
    is_mark: bool,
}

impl Editing {
    /// Prepares a file; `None` where there is no SealedSecret in it, or something else that is secret.
    ///
    /// # Errors
    /// The text cannot be read, or a sealing key cannot.
    pub(in crate::commands) fn of(
        path: &Path,
        format: Format,
        source: &[u8],
        keys: &SealingKeys,
    ) -> Result<Option<Self>, CommandError> {
        if !super::is_sealed(format, source) {
            return Ok(None);
        }
        let ring = match keys.are_there() {
            true => Some(keys.ring()?),
            false => None,
        };
        let mut values = Vec::new();
        let mut texts = Vec::new();
        let mut closed = 0;
        for manifest in manifests(path, format, source)? {
            let (_, label) = scope_of(&manifest).map_err(|problem| {
                about(CommandError::failed(problem), path, &manifest.description, manifest.position)
            })?;
            for entry in manifest.entries {
                let Some(sealed) = entry.text else { continue };
                let opened = ring.and_then(|ring| {
                    let value = SealedValue::from_base64(&sealed).ok()?;
                    let opened = ring.open(&value, &label, None)?;
                    String::from_utf8(opened.plaintext.expose().to_vec()).ok().map(Zeroizing::new)
                });
                let is_mark = opened.is_none();
                closed += usize::from(is_mark);
                let text = opened.unwrap_or_else(|| {
                    Zeroizing::new(format!("<sealed value {}>", values.len() + 1))
                });
                texts.push(NewText {
                    document: manifest.document,
                    path: entry.path,
                    text: text.clone(),
                });
                values.push(Shown { label: label.clone(), key: entry.key, text, sealed, is_mark });
            }
        }
        let shown = replace_values(format, source, &texts).map_err(|error| {
            change_error(error, &seal_core::document::Path::default()).in_file(path)
        })?;
        Ok(Some(Self { format, shown, values, closed }))
    }

    /// The edited text with sealed values again, and how many are new.
    ///
    /// # Errors
    /// It cannot be read, a value is no text, or one that no key opened would have to be sealed for another place.
    pub(in crate::commands) fn sealed(
        &self,
        path: &Path,
        text: &[u8],
        certificate: &Certificate,
    ) -> Result<(SecretBytes, usize), CommandError> {
        let found = sealed_secret::secrets(self.format, text)
            .map_err(|error| crate::commands::file_error(path, &error))?;
        if found.list.iter().any(|secret| !secret.values.is_empty()) {
            return Err(CommandError::failed("there is a Secret in clear in it now")
                .in_file(path)
                .because(Reason::BadValue)
                .hint("keep `kind: SealedSecret` and the values below `spec.encryptedData`"));
        }
        let mut texts = Vec::new();
        for manifest in manifests(path, self.format, text)? {
            texts.extend(self.texts_of(path, &manifest, certificate)?);
        }
        let is_new = |new: &&NewText| !self.values.iter().any(|shown| *shown.sealed == *new.text);
        let changed = texts.iter().filter(is_new).count();
        let sealed = replace_values(self.format, text, &texts).map_err(|error| {
            change_error(error, &seal_core::document::Path::default()).in_file(path)
        })?;
        Ok((sealed, changed))
    }

    fn texts_of(
        &self,
        path: &Path,
        manifest: &SealedManifest,
        certificate: &Certificate,
    ) -> Result<Vec<NewText>, CommandError> {
        let (_, label) = scope_of(manifest).map_err(|problem| {
            about(CommandError::failed(problem), path, &manifest.description, manifest.position)
        })?;
        let mut texts = Vec::new();
        for entry in &manifest.entries {
            let wrong = |message: &str, hint: &str| {
                let error = CommandError::failed(format!("{}: {message}", entry.path));
                Err(about(
                    error.because(Reason::BadValue).hint(hint),
                    path,
                    &manifest.description,
                    entry.position,
                ))
            };
            let Some(text) = &entry.text else {
                return wrong("values of a Secret are texts, and this is none", "put it in quotes");
            };
            // A value keeps its ciphertext under its key; a mark also under another key, as keys are not sealed.
            let stays = |shown: &&Shown| {
                *shown.text == **text
                    && (shown.is_mark || (shown.key == entry.key && shown.label == label))
            };
            let sealed = match self.values.iter().find(stays) {
                Some(shown) if shown.label != label => {
                    return wrong(
                        "this value is sealed for another name, namespace or scope, and no key opens it",
                        "give the private key with `--sealing-key`, or write the value itself",
                    );
                }
                Some(shown) => shown.sealed.clone(),
                // Sealed by somebody else, and put in.
                None if SealedValue::from_base64(text).is_ok() => text.clone(),
                None if text.starts_with("<sealed value ") => {
                    return wrong("no value has this mark", "write the value itself");
                }
                None => {
                    let value = SealedValue::seal(text.as_bytes(), &label, certificate.get()?);
                    match value {
                        Ok(value) => Zeroizing::new(value.to_base64()),
                        Err(error) => return wrong(&error.to_string(), "try again"),
                    }
                }
            };
            texts.push(NewText {
                document: manifest.document,
                path: entry.path.clone(),
                text: sealed,
            });
        }
        Ok(texts)
    }
}
