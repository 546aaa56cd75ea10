//! Opens the values of a SealedSecret one by one, and seals them again. Nothing else of the object is looked at: no template,
//! no status, no other metadata than what the label of the values is made of.

use std::collections::BTreeMap;

use seal_api::sealing::{
    Fingerprint, KeyRing, Label, MalformedValue, Opened, Scope, SealError, SealedValue,
    SealingCertificate,
};
use seal_core::document::{Content, Position, Scalar, Value};
use seal_core::format::Format;
use seal_core::sealed_secret::{self, NewText, SealedEntry, SealedManifest};
use thiserror::Error;
use zeroize::Zeroizing;

/// RSA operations for one request, some ten seconds: as many values as fit into a Secret, with dozens of keys to try.
const OPERATIONS: usize = 5_000;
/// Keys that a message names at most.
const NAMED: usize = 20;
/// Characters of a key that a message shows at most; Kubernetes takes no longer ones.
const SHOWN: usize = 253;
/// Parts of an object, guessed from above. Each takes far more memory than text.
const PARTS: usize = 100_000;

/// A SealedSecret with values sealed anew.
#[derive(Debug)]
pub(super) struct Resealed {
    /// Its text.
    pub(super) text: Vec<u8>,
    /// What it is written in; YAML otherwise.
    pub(super) is_json: bool,
}

/// Why a request is not answered with yes or no. Names keys of the object that came in, never values.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Refusal {
    /// Neither JSON nor YAML.
    #[error("the body is neither JSON nor YAML: {problem}, at {position}")]
    Syntax {
        /// Where.
        position: Position,
        /// What, without text of the body.
        problem: String,
    },
    /// What only somebody who wants the memory sends.
    #[error("the body has too many parts for a SealedSecret; {PARTS} lines and values can be read")]
    TooManyParts,
    /// A stream.
    #[error("the body holds {documents} documents; one SealedSecret per request")]
    Several {
        /// How many.
        documents: usize,
    },
    /// Another kind.
    #[error("the body is no SealedSecret of bitnami.com/v1alpha1")]
    OtherKind,
    /// The deprecated and the current form at once.
    #[error(
        "spec.data and spec.encryptedData are both there; spec.data is the deprecated form and must go"
    )]
    TwoForms,
    /// The deprecated form, where it is switched off.
    #[error(
        "spec.data is the deprecated form, which this controller does not accept (--accept-deprecated-v1-data=false)"
    )]
    Deprecated,
    /// Values that no key could open.
    #[error("values that were not made by kubeseal or seal: {}", Keys(.0))]
    Malformed(Vec<(String, MalformedValue)>),
    /// Values that no key here opens under this object's label.
    #[error("no key could decrypt secret ({}): they were sealed for another cluster, name, namespace or scope", Keys(.0))]
    NotOpened(Vec<(String, &'static str)>),
    /// More keys and values than one request may cost.
    #[error(
        "too many values for one request: about {OPERATIONS} can be tried, keys times values; split the object, or rotate offline"
    )]
    TooMuchWork,
    /// Sealing failed.
    #[error("{key}: {problem}")]
    Seal {
        /// Which value.
        key: String,
        /// Why.
        problem: SealError,
    },
    /// The values cannot be put into the text.
    #[error("the new values cannot be put into the text: {0}")]
    Write(String),
}

/// Whether every value opens.
pub(super) fn opens(
    source: &[u8],
    ring: &KeyRing,
    accept_deprecated: bool,
) -> Result<bool, Refusal> {
    let object = Object::read(source, accept_deprecated)?;
    let mut opening = Opening::new(ring, object.label());
    for entry in object.entries() {
        // What is malformed opens as little as what was sealed for somebody else.
        let Ok(value) = sealed(entry) else { return Ok(false) };
        if opening.open(&value)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Seals every value again; all of them or none. Every other byte of the text stays. YAML becomes JSON, as sealed-secrets
/// answers, unless `as_yaml`.
pub(super) fn reseal(
    source: &[u8],
    ring: &KeyRing,
    certificate: &SealingCertificate,
    accept_deprecated: bool,
    as_yaml: bool,
) -> Result<Resealed, Refusal> {
    let object = Object::read(source, accept_deprecated)?;
    let mut values = Vec::new();
    let mut malformed = Vec::new();
    for entry in object.entries() {
        match sealed(entry) {
            Ok(value) => values.push((entry, value)),
            Err(problem) => malformed.push((entry.key.clone(), problem)),
        }
    }
    if !malformed.is_empty() {
        return Err(Refusal::Malformed(malformed));
    }
    let label = object.label();
    let mut opening = Opening::new(ring, label.clone());
    let mut texts = Vec::new();
    let mut closed = Vec::new();
    for (entry, value) in values {
        let Some(plaintext) = opening.open(&value)? else {
            closed.push((entry.key.clone(), ""));
            continue;
        };
        let resealed = SealedValue::seal(plaintext.plaintext.expose(), &label, certificate)
            .map_err(|problem| Refusal::Seal { key: entry.key.clone(), problem })?;
        // A block of YAML ends with a line break, which base64 lets pass; without it the block would need another form.
        let old = entry.text.as_deref().map_or("", String::as_str);
        let line_breaks = &old[old.trim_end_matches(['\r', '\n']).len()..];
        let text = Zeroizing::new(resealed.to_base64() + line_breaks);
        texts.push(NewText { document: object.manifest.document, path: entry.path.clone(), text });
    }
    if !closed.is_empty() {
        return Err(Refusal::NotOpened(closed));
    }
    let text = sealed_secret::replace_values(object.format, source, &texts)
        .map_err(|problem| Refusal::Write(problem.to_string()))?;
    if object.format == Format::Json || as_yaml {
        return Ok(Resealed {
            text: text.expose().to_vec(),
            is_json: object.format == Format::Json,
        });
    }
    let object = Object::read(text.expose(), accept_deprecated)?;
    Ok(Resealed { text: object.manifest.json.as_bytes().to_vec(), is_json: true })
}

fn sealed(entry: &SealedEntry) -> Result<SealedValue, MalformedValue> {
    SealedValue::from_base64(entry.text.as_deref().ok_or(MalformedValue::Base64)?)
}

/// The one SealedSecret of a request.
struct Object {
    format: Format,
    manifest: SealedManifest,
}

impl Object {
    fn read(source: &[u8], accept_deprecated: bool) -> Result<Self, Refusal> {
        // No part without one of these before it, in JSON and in YAML.
        let parts = source.iter().filter(|byte| b",:[{?-\n\r".contains(byte)).count();
        if parts > PARTS {
            return Err(Refusal::TooManyParts);
        }
        // YAML may begin with a brace as well.
        let is_json =
            source.trim_ascii_start().starts_with(b"{") && Format::Json.parse(source).is_ok();
        let format = if is_json { Format::Json } else { Format::Yaml };
        let stream = format.parse(source).map_err(|error| Refusal::Syntax {
            position: error.position,
            problem: error.problem,
        })?;
        // What stands between two separators or behind the last one may be nothing at all.
        let documents = stream.documents.iter().filter(|document| {
            let root = &document.node(document.root()).content;
            !matches!(
                root,
                Content::Scalar(Scalar { value: Value::Null, .. }) | Content::Comment(_)
            )
        });
        let documents = documents.count();
        drop(stream);
        if documents > 1 {
            return Err(Refusal::Several { documents });
        }
        let manifests = sealed_secret::read(format, source).map_err(|_| Refusal::OtherKind)?;
        let Ok([manifest]) = <[SealedManifest; 1]>::try_from(manifests) else {
            return Err(Refusal::OtherKind);
        };
        // An item of a list.
        if !manifest.path.0.is_empty() {
            return Err(Refusal::OtherKind);
        }
        let object = Self { format, manifest };
        if object.blob().is_some() {
            if !object.manifest.entries.is_empty() {
                return Err(Refusal::TwoForms);
            }
            if !accept_deprecated {
                return Err(Refusal::Deprecated);
            }
        }
        Ok(object)
    }

    /// The sealed values, in order.
    fn entries(&self) -> impl Iterator<Item = &SealedEntry> {
        self.manifest.entries.iter().chain(self.blob())
    }

    /// An empty text is as good as none.
    fn blob(&self) -> Option<&SealedEntry> {
        self.manifest
            .blob
            .as_ref()
            .filter(|blob| blob.text.as_ref().is_none_or(|text| !text.is_empty()))
    }

    /// Of the object's own metadata. What its template says is the sender's word for something that does not exist yet.
    fn label(&self) -> Label {
        #[derive(serde::Deserialize)]
        struct Parts {
            metadata: Option<Metadata>,
        }
        #[derive(serde::Deserialize)]
        struct Metadata {
            annotations: Option<BTreeMap<String, serde_json::Value>>,
        }
        let parts: Option<Parts> = serde_json::from_str(&self.manifest.json).ok();
        let annotations = parts.and_then(|parts| parts.metadata?.annotations).unwrap_or_default();
        let texts = annotations.into_iter().filter_map(|(name, value)| match value {
            serde_json::Value::String(text) => Some((name, text)),
            _ => None,
        });
        let scope = Scope::of_annotations(Some(&texts.collect()));
        let namespace = self.manifest.namespace.as_deref().unwrap_or_default();
        scope.label(namespace, self.manifest.name.as_deref().unwrap_or_default())
    }
}

/// Opens values, and counts what that costs.
struct Opening<'r> {
    ring: &'r KeyRing,
    label: Label,
    /// The key that fitted last.
    likely: Option<Fingerprint>,
    left: usize,
}

impl<'r> Opening<'r> {
    fn new(ring: &'r KeyRing, label: Label) -> Self {
        Self { ring, label, likely: None, left: OPERATIONS }
    }

    fn open(&mut self, value: &SealedValue) -> Result<Option<Opened>, Refusal> {
        if self.left == 0 {
            return Err(Refusal::TooMuchWork);
        }
        let opened = self.ring.open(value, &self.label, self.likely.as_ref());
        let by = opened.as_ref().map(|opened| opened.by.clone());
        // Which keys were tried is the ring's own business; all of them is the most.
        let tried = if by.is_some() && by == self.likely { 1 } else { self.ring.keys().len() };
        self.left = self.left.saturating_sub(tried);
        self.likely = by.or(self.likely.take());
        Ok(opened)
    }
}

/// Keys with what is wrong with each, in a message.
struct Keys<'k, P>(&'k [(String, P)]);

impl<P: std::fmt::Display> std::fmt::Display for Keys<'_, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, (key, problem)) in self.0.iter().take(NAMED).enumerate() {
            let problem = problem.to_string();
            let comma = if index == 0 { "" } else { ", " };
            // Whoever wrote the object chose the key.
            match key.char_indices().nth(SHOWN) {
                None => write!(f, "{comma}{}", key.escape_debug())?,
                Some((end, _)) => write!(f, "{comma}{}…", key[..end].escape_debug())?,
            }
            if !problem.is_empty() {
                write!(f, ": {problem}")?;
            }
        }
        match self.0.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
