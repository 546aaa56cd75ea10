//! `seal set` and `seal unset` on a SealedSecret: one value is sealed, all others keep their ciphertext.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use seal_api::sealing::{Label, Scope, SealedValue};
use seal_core::change::{self, NewValue, Target};
use seal_core::document::{Path as LeafPath, PathElement};
use seal_core::format::Format;
use seal_core::sealed_secret::{self, SealedManifest};
use seal_core::secret::SecretBytes;
use zeroize::Zeroizing;

use super::certificate::Certificate;
use super::keys::SealingKeys;
use super::{about, scope_of};
use crate::args::{DocumentChoice, ValueChangeArgs};
use crate::commands::file_error;
use crate::commands::value_change::change_error;
use crate::error::CommandError;
use crate::reason::Reason;

/// What becomes of a value.
pub(in crate::commands) enum Change<'c> {
    /// It is sealed anew.
    Set { value: &'c NewValue, certificate: &'c Certificate, keys: &'c SealingKeys },
    /// It goes.
    Unset {
        /// That it is gone already is no error.
        idempotent: bool,
    },
}

/// Changes one value, where the file and the path mean one of a SealedSecret; the outer `None` is that they do not, the
/// inner one that nothing is to be done.
///
/// # Errors
/// It is not clear which object is meant, the value does not fit, or it cannot be sealed.
pub(in crate::commands) fn change(
    arguments: &ValueChangeArgs,
    path: &Path,
    format: Format,
    source: &[u8],
    change: &Change<'_>,
) -> Result<Option<Option<SecretBytes>>, CommandError> {
    let Ok(manifests) = sealed_secret::read(format, source) else { return Ok(None) };
    let typed = crate::commands::documents::path(&arguments.path)?;
    let meant = meant(format, source, &manifests, arguments.document.as_ref());
    if meant.is_empty() {
        return Ok(None);
    }
    let Some(place) = Place::of(&typed) else {
        return Err(CommandError::usage(format!("{typed} is no value of a SealedSecret"))
            .in_file(path)
            .because(Reason::BadPath)
            .hint("name it as in the Secret, `stringData/password`, or as it stands, `spec/encryptedData/password`; for anything else use a text editor"));
    };
    let having: Vec<_> = meant
        .iter()
        .filter(|manifest| manifest.entries.iter().any(|entry| entry.key == place.key))
        .collect();
    let manifest = match (&having[..], &meant[..]) {
        ([one], _) => *one,
        ([], [one]) => one,
        _ => {
            let names: Vec<_> =
                meant.iter().map(|manifest| manifest.description.as_str()).collect();
            return Err(CommandError::usage(format!(
                "{} SealedSecrets of this file could be meant: {}",
                names.len(),
                crate::ui::escape(&names.join(", "))
            ))
            .in_file(path)
            .because(Reason::NotFound)
            .hint("say which with `--document SealedSecret/NAME`"));
        }
    };
    let mut steps = manifest.path.0.clone();
    let below = ["spec", "encryptedData", place.key];
    steps.extend(below.map(|key| PathElement::Key(key.into())));
    let at = LeafPath(steps);
    let target = Target { document: manifest.document, path: &at, as_sops: false };
    let here = |error| about(error, path, &manifest.description, manifest.position);
    match change {
        Change::Unset { idempotent } => {
            if *idempotent && having.is_empty() {
                return Ok(Some(None));
            }
            let text = change::unset(format, source, &target)
                .map_err(|error| change_error(error, &at).in_file(path))?;
            Ok(Some(Some(text)))
        }
        Change::Set { value, certificate, keys } => {
            let plaintext = plaintext(value, place.is_base64).map_err(here)?;
            let (scope, mut label) =
                scope_of(manifest).map_err(|problem| here(CommandError::failed(problem)))?;
            if let Some(namespace) = namespace(arguments, manifest, scope).map_err(here)? {
                label = scope.label(&namespace, manifest.name.as_deref().unwrap_or_default());
            }
            if is_there(keys, manifest, place.key, &label, &plaintext)? {
                return Ok(Some(None));
            }
            let sealed = SealedValue::seal(plaintext.expose(), &label, certificate.get()?)
                .map_err(|error| here(CommandError::failed(error.to_string())))?;
            let sealed = NewValue::string(sealed.to_base64());
            let text = change::set(format, source, &target, &sealed)
                .map_err(|error| change_error(error, &at).in_file(path))?;
            Ok(Some(text))
        }
    }
}

/// Where a value stands once its SealedSecret is a Secret, for a path that names it otherwise.
pub(in crate::commands) fn below_data(path: &LeafPath) -> Option<LeafPath> {
    let place = Place::of(path).filter(|place| !place.is_base64)?;
    Some(LeafPath(["data", place.key].map(|key| PathElement::Key(key.into())).into()))
}

/// A choice of a SealedSecret, for a text in which it is a Secret.
pub(in crate::commands) fn as_opened(choice: &DocumentChoice) -> DocumentChoice {
    match choice {
        DocumentChoice::Named { kind, namespace, name }
            if kind.eq_ignore_ascii_case(sealed_secret::KIND) =>
        {
            let (namespace, name) = (namespace.clone(), name.clone());
            DocumentChoice::Named { kind: "Secret".to_owned(), namespace, name }
        }
        other => other.clone(),
    }
}

/// A value of a Secret, as it is named.
struct Place<'p> {
    key: &'p str,
    /// Below `data`, so it is given in Base64.
    is_base64: bool,
}

impl<'p> Place<'p> {
    fn of(path: &'p LeafPath) -> Option<Self> {
        let keys: Option<Vec<&str>> = path
            .0
            .iter()
            .map(|step| match step {
                PathElement::Key(key) => Some(&**key),
                PathElement::Index(_) => None,
            })
            .collect();
        match keys?[..] {
            ["data", key] => Some(Self { key, is_base64: true }),
            ["stringData", key] | ["spec", "encryptedData", key] => {
                Some(Self { key, is_base64: false })
            }
            _ => None,
        }
    }
}

/// The SealedSecrets that a choice means; without one all of them, if nothing else in the file is secret.
fn meant<'m>(
    format: Format,
    source: &[u8],
    manifests: &'m [SealedManifest],
    choice: Option<&DocumentChoice>,
) -> Vec<&'m SealedManifest> {
    let is_meant = |manifest: &&SealedManifest| match choice {
        None => true,
        Some(DocumentChoice::Index(index)) => manifest.document == *index,
        Some(DocumentChoice::Named { kind, namespace, name }) => {
            ["Secret", sealed_secret::KIND].iter().any(|known| kind.eq_ignore_ascii_case(known))
                && manifest.name.as_ref() == Some(name)
                && (namespace.is_none() || manifest.namespace == *namespace)
        }
    };
    let others = || {
        sealed_secret::secrets(format, source)
            .map_or(true, |found| found.with_envelope > 0 || !found.list.is_empty())
    };
    if choice.is_none() && others() {
        return Vec::new();
    }
    manifests.iter().filter(is_meant).collect()
}

/// The namespace that was given for an object that names none.
fn namespace(
    arguments: &ValueChangeArgs,
    manifest: &SealedManifest,
    scope: Scope,
) -> Result<Option<String>, CommandError> {
    match (&manifest.namespace, &arguments.namespace) {
        (Some(own), Some(asked)) if own != asked => Err(CommandError::failed(format!(
            "it names the namespace {own:?}, and `--namespace` says {asked:?}"
        ))
        .hint("leave `--namespace` out")),
        (Some(_), _) => Ok(None),
        (None, Some(asked)) => Ok(Some(asked.clone())),
        (None, None) if scope == Scope::ClusterWide => Ok(None),
        (None, None) => {
            Err(CommandError::failed("it names no namespace, and what is sealed opens in one only")
                .hint("say it with `--namespace`"))
        }
    }
}

fn plaintext(value: &NewValue, is_base64: bool) -> Result<SecretBytes, CommandError> {
    let NewValue::String(text) = value else {
        return Err(CommandError::usage("values of a Secret are texts, and this is none")
            .because(Reason::BadValue)
            .hint("`--string` makes a text of it"));
    };
    if !is_base64 {
        return Ok(SecretBytes::new(text.as_bytes().to_vec()));
    }
    let compact: Zeroizing<Vec<u8>> =
        Zeroizing::new(text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect());
    BASE64_STANDARD.decode(&*compact).map(SecretBytes::new).map_err(|_| {
        CommandError::usage("values below `data` of a Secret are Base64, and this one is not")
            .because(Reason::BadValue)
            .hint("`--encode` encodes it; or set it below `stringData`")
    })
}

/// Whether a sealing key shows that the value is there already.
fn is_there(
    keys: &SealingKeys,
    manifest: &SealedManifest,
    key: &str,
    label: &Label,
    plaintext: &SecretBytes,
) -> Result<bool, CommandError> {
    if !keys.are_there() {
        return Ok(false);
    }
    let text = manifest.entries.iter().find(|entry| entry.key == key);
    let value = text.and_then(|entry| SealedValue::from_base64(entry.text.as_ref()?).ok());
    let Some(value) = value else { return Ok(false) };
    let opened = keys.ring()?.open(&value, label, None);
    Ok(opened.is_some_and(|opened| opened.plaintext.expose() == plaintext.expose()))
}

/// Reads a text whose SealedSecrets are to be shown or changed.
pub(super) fn manifests(
    path: &Path,
    format: Format,
    source: &[u8],
) -> Result<Vec<SealedManifest>, CommandError> {
    sealed_secret::read(format, source).map_err(|error| file_error(path, &error))
}
