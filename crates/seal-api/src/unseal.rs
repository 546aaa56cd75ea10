//! A SealedSecret and its opened values become a Secret. Pure: which keys open the values, and on which threads, is the
//! caller's business.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use seal_core::secret::SecretBytes;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::sealed_secret::SealedSecret;
use crate::sealing::{MalformedValue, SealedValue};
use crate::template::{self, TemplateError};

/// The most entries of `spec.template.data`.
pub const MAX_TEMPLATES: usize = 500;
/// The most keys, and the most characters of each, that an error names: the API server takes a status of 2 MiB at most.
const MOST_KEYS: usize = 20;
const LONGEST_KEY: usize = 253;

/// The Secret that a SealedSecret stands for.
pub struct Unsealed {
    /// With name, namespace, labels, annotations, type and data; without owner references.
    pub secret: Secret,
    /// Keys whose template may give another text each time (`randAlphaNum`, `now`, …).
    pub changing: Vec<String>,
}

impl fmt::Debug for Unsealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsealed").field("changing", &self.changing).finish_non_exhaustive()
    }
}

/// Why a SealedSecret gives no Secret. Names keys, never values.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnsealError {
    /// An entry that no key could ever open.
    #[error("{key}: {problem}")]
    Malformed {
        /// The key in `spec.encryptedData`; empty for `spec.encryptedData` as a whole, and for `spec.data`.
        key: String,
        /// What is wrong with it.
        problem: MalformedValue,
    },
    /// No key that was tried fits.
    #[error("{key}: no key could decrypt secret")]
    NotOpened {
        /// The key in `spec.encryptedData`.
        key: String,
    },
    /// A template that cannot be rendered.
    #[error("{key}: {problem}")]
    Template {
        /// The key in `spec.template.data`.
        key: String,
        /// What is wrong with it.
        problem: TemplateError,
    },
    /// `spec.encryptedData` is no map.
    #[error("spec.encryptedData is not an object of texts")]
    NoMap,
    /// More templates than anybody writes; each sees all fields, so the work grows with the square.
    #[error("spec.template.data has {how_many} templates, of which {MAX_TEMPLATES} are the most")]
    TooManyTemplates {
        /// How many there are.
        how_many: usize,
    },
    /// The deprecated form beside the usual one.
    #[error(
        "spec.data and spec.encryptedData are both set, of which only one can count; remove spec.data, which is deprecated"
    )]
    BothForms,
    /// What was sealed in the deprecated form is no Secret in JSON.
    #[error("spec.data opens, but what was sealed in it is no Secret in JSON")]
    NoSecretInData,
}

impl UnsealError {
    /// The key that it speaks of, and what it says.
    fn parts(&self) -> (Option<&str>, String) {
        match self {
            Self::Malformed { key, problem } => (Some(key), problem.to_string()),
            Self::Template { key, problem } => (Some(key), problem.to_string()),
            Self::NotOpened { key } => (Some(key), "no key could decrypt secret".to_owned()),
            Self::NoMap
            | Self::BothForms
            | Self::NoSecretInData
            | Self::TooManyTemplates { .. } => (None, self.to_string()),
        }
    }
}

/// The keys with commas between, as far as a status has room for them.
fn named(keys: &[&str]) -> String {
    let cut = |key: &&str| key.chars().take(LONGEST_KEY).collect::<String>();
    let mut text = keys.iter().take(MOST_KEYS).map(cut).collect::<Vec<_>>().join(", ");
    if keys.len() > MOST_KEYS {
        text.push_str(&format!(", and {} more", keys.len() - MOST_KEYS));
    }
    text
}

/// All errors in one line, as sealed-secrets groups them: `no key could decrypt secret (key1, key2)`.
pub fn describe(errors: &[UnsealError]) -> String {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for error in errors {
        let (key, text) = error.parts();
        let place = groups.iter().position(|(other, _)| *other == text).unwrap_or_else(|| {
            groups.push((text, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.extend(key.filter(|key| !key.is_empty()));
    }
    let lines: Vec<String> = groups
        .into_iter()
        .map(
            |(text, keys)| {
                if keys.is_empty() { text } else { format!("{text} ({})", named(&keys)) }
            },
        )
        .collect();
    lines.join("; ")
}

/// Reads the sealed values; nothing is opened. The errors of all entries that are malformed, by key.
pub fn sealed_values(
    object: &SealedSecret,
) -> Result<BTreeMap<String, SealedValue>, Vec<UnsealError>> {
    let mut values = BTreeMap::new();
    let mut errors = Vec::new();
    for key in &object.spec.encrypted_data.malformed {
        errors.push(if key.is_empty() {
            UnsealError::NoMap
        } else {
            UnsealError::Malformed { key: key.clone(), problem: MalformedValue::Base64 }
        });
    }
    for (key, text) in &object.spec.encrypted_data.values {
        match SealedValue::from_base64(text) {
            Ok(value) => {
                values.insert(key.clone(), value);
            }
            Err(problem) => errors.push(UnsealError::Malformed { key: key.clone(), problem }),
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}

/// The deprecated form: the one sealed value of `spec.data`, which holds a whole Secret. `None` where there is none.
pub fn sealed_whole(object: &SealedSecret) -> Option<Result<SealedValue, Vec<UnsealError>>> {
    let text = object.spec.data.as_deref().filter(|text| !text.is_empty())?;
    let entries = &object.spec.encrypted_data;
    if !entries.values.is_empty() || !entries.malformed.is_empty() {
        return Some(Err(vec![UnsealError::BothForms]));
    }
    Some(
        SealedValue::from_base64(text)
            .map_err(|problem| vec![UnsealError::Malformed { key: String::new(), problem }]),
    )
}

/// Makes the Secret from the opened values: renders the templates, takes over metadata, forces name and namespace.
///
/// Templates see the opened values, and the texts of `template.data` whose key has none; where both have a key, the opened
/// value wins and the template is not rendered.
pub fn assemble(
    object: &SealedSecret,
    values: &BTreeMap<String, SecretBytes>,
) -> Result<Unsealed, Vec<UnsealError>> {
    let texts = object.spec.template.as_ref().and_then(|template| template.data.as_ref());
    let texts: Vec<(&String, &String)> =
        texts.into_iter().flatten().filter(|(key, _)| !values.contains_key(*key)).collect();
    let mut fields = BTreeMap::new();
    if texts.len() > MAX_TEMPLATES {
        return Err(vec![UnsealError::TooManyTemplates { how_many: texts.len() }]);
    }
    if !texts.is_empty() {
        fields.clone_from(values);
        for (key, text) in &texts {
            fields.insert((*key).clone(), SecretBytes::new(text.as_bytes().to_vec()));
        }
    }
    let mut data: BTreeMap<String, ByteString> = values
        .iter()
        .map(|(key, value)| (key.clone(), ByteString(value.expose().to_vec())))
        .collect();
    let mut changing = Vec::new();
    let named = texts.iter().map(|(key, text)| (key.as_str(), text.as_str()));
    let rendered = template::render_all(named, &fields, Timestamp::now()).map_err(|errors| {
        errors
            .into_iter()
            .map(|(key, problem)| UnsealError::Template { key, problem })
            .collect::<Vec<_>>()
    })?;
    for ((key, _), rendered) in texts.into_iter().zip(rendered) {
        data.insert(key.clone(), ByteString(rendered.text.expose().to_vec()));
        if rendered.changing {
            changing.push(key.clone());
        }
    }
    let mut secret = skeleton(object);
    secret.data = Some(data);
    Ok(Unsealed { secret, changing })
}

/// Makes the Secret from the deprecated form: what was sealed is the Secret, the template gives what it does not say. Name and
/// namespace are forced.
pub fn assemble_whole(
    object: &SealedSecret,
    opened: &SecretBytes,
) -> Result<Unsealed, Vec<UnsealError>> {
    let sealed: Secret =
        serde_json::from_slice(opened.expose()).map_err(|_| vec![UnsealError::NoSecretInData])?;
    let mut secret = skeleton(object);
    let mut data = sealed.data.unwrap_or_default();
    for (key, text) in sealed.string_data.into_iter().flatten() {
        data.insert(key, ByteString(text.into_bytes()));
    }
    secret.data = Some(data);
    secret.type_ = sealed.type_.or(secret.type_);
    secret.immutable = sealed.immutable.or(secret.immutable);
    secret.metadata.labels = sealed.metadata.labels.or(secret.metadata.labels);
    secret.metadata.annotations = sealed.metadata.annotations.or(secret.metadata.annotations);
    Ok(Unsealed { secret, changing: Vec::new() })
}

/// What a Secret is derived from, apart from sealing keys: ciphertexts, template and label. Nothing of it is secret, and
/// neither is the hash.
pub fn inputs_digest(object: &SealedSecret) -> String {
    let inputs = json!([
        object.spec.encrypted_data,
        object.spec.data,
        object.spec.template,
        String::from_utf8_lossy(object.label().as_bytes()),
    ]);
    let hash = Sha256::digest(inputs.to_string());
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// The Secret without its data.
fn skeleton(object: &SealedSecret) -> Secret {
    let template = object.spec.template.clone().unwrap_or_default();
    let metadata = template.metadata.unwrap_or_default();
    Secret {
        metadata: ObjectMeta {
            name: object.metadata.name.clone(),
            namespace: object.metadata.namespace.clone(),
            labels: metadata.labels.filter(|labels| !labels.is_empty()),
            annotations: metadata.annotations.filter(|annotations| !annotations.is_empty()),
            finalizers: metadata.finalizers.filter(|finalizers| !finalizers.is_empty()),
            ..ObjectMeta::default()
        },
        type_: template.type_.filter(|type_| !type_.is_empty()),
        immutable: template.immutable,
        ..Secret::default()
    }
}
