//! What Secrets and SealedSecrets say, as far as sealing asks.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::is_sealed_secret;
use crate::document::{Content, Document, NodeId, Path, Position, Scalar, Value};
use crate::file::{FileError, Member};
use crate::format::json::edit::string_literal;
use crate::format::layout::members;
use crate::kubernetes::{AsWritten, Object, REGION_KEYS, Strings};
use crate::secret::SecretBytes;

/// A Secret in clear.
#[derive(Debug)]
pub struct SecretManifest {
    /// `metadata.name`
    pub name: Option<String>,
    /// `metadata.namespace`
    pub namespace: Option<String>,
    /// `metadata.annotations`, as far as they are texts.
    pub annotations: BTreeMap<String, String>,
    /// Its values, each key once: `stringData` wins over `data`, as for Kubernetes.
    pub values: Vec<SecretValue>,
    /// Where it stands.
    pub position: Position,
    /// `Secret shop/db`
    pub description: String,
}

/// A value of a Secret.
#[derive(Debug)]
pub struct SecretValue {
    /// Its key.
    pub key: String,
    /// What it stands for: of `data` the decoded bytes.
    pub plaintext: SecretBytes,
}

/// A SealedSecret.
#[derive(Debug)]
pub struct SealedManifest {
    /// `metadata.name`
    pub name: Option<String>,
    /// `metadata.namespace`
    pub namespace: Option<String>,
    /// The entries of `spec.encryptedData`, in order.
    pub entries: Vec<SealedEntry>,
    /// The deprecated `spec.data`: one sealed text.
    pub blob: Option<SealedEntry>,
    /// All of it as JSON.
    pub json: Zeroizing<String>,
    /// Index of its document.
    pub document: usize,
    /// From the root of the document to the object: of an item of a list.
    pub path: Path,
    /// Where it stands.
    pub position: Position,
    /// `SealedSecret shop/db`
    pub description: String,
}

/// An entry of `spec.encryptedData`.
#[derive(Debug)]
pub struct SealedEntry {
    /// Its key.
    pub key: String,
    /// The text that stands there; `None` where something else does.
    pub text: Option<Zeroizing<String>>,
    /// From the root of the document.
    pub path: Path,
    /// Where it stands.
    pub position: Position,
}

/// Which part of a SealedSecret a value of the Secret comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedPart {
    /// `spec.encryptedData`
    EncryptedData,
    /// `spec.template.data`
    Template,
}

impl SealedPart {
    /// The entry of a key, seen from the object.
    pub(super) fn entry(
        self,
        document: &Document<'_>,
        object: NodeId,
        key: &str,
    ) -> Option<NodeId> {
        let spec = document.entry(object, "spec")?;
        let part = match self {
            Self::EncryptedData => document.entry(spec, "encryptedData")?,
            Self::Template => document.entry(document.entry(spec, "template")?, "data")?,
        };
        document.entry(part, key)
    }
}

impl SecretManifest {
    /// Reads the Secret that a member is.
    pub(super) fn read(member: Member<'_, '_>) -> Result<Self, FileError> {
        let document = member.document();
        let object = Object::read(&AsWritten, document, member.object);
        let mut values: Vec<SecretValue> = Vec::new();
        for region in REGION_KEYS {
            let Some(region_node) = document.entry(member.object, region) else { continue };
            match &document.node(region_node).content {
                Content::Mapping { .. } => {}
                Content::Scalar(scalar) if matches!(scalar.value, Value::Null) => continue,
                _ => {
                    let error = FileError::input(format!("`{region}` of a Secret is a mapping"));
                    return Err(member.at(error, region_node));
                }
            }
            for entry in members(document, region_node) {
                let Some(key) = &document.node(entry).key else { continue };
                check_key(member, entry, &key.text)?;
                let plaintext = plaintext(member, entry, region == "data")?;
                values.retain(|value| value.key != *key.text);
                values.push(SecretValue { key: key.text.to_string(), plaintext });
            }
        }
        let annotations = document
            .entry(member.object, "metadata")
            .and_then(|metadata| document.entry(metadata, "annotations"))
            .map(|annotations| texts(document, annotations))
            .unwrap_or_default();
        Ok(Self {
            name: object.and_then(|object| object.name).map(str::to_owned),
            namespace: object.and_then(|object| object.namespace).map(str::to_owned),
            annotations,
            values,
            position: position(member, member.object),
            description: member.describe().unwrap_or_else(|| "Secret".to_owned()),
        })
    }
}

impl SealedManifest {
    /// Reads the SealedSecret that a member is; `None` for all other objects.
    pub(super) fn read(member: Member<'_, '_>) -> Option<Self> {
        let document = member.document();
        if !is_sealed_secret(document, member.object) {
            return None;
        }
        let object = Object::read(&AsWritten, document, member.object)?;
        let entry = |id: NodeId| {
            let key = document.node(id).key.as_ref()?.text.to_string();
            let text = AsWritten.string(document, id).map(|text| Zeroizing::new(text.to_owned()));
            Some(SealedEntry { key, text, path: document.path(id), position: position(member, id) })
        };
        let spec = document.entry(member.object, "spec");
        let below = |key: &str| spec.and_then(|spec| document.entry(spec, key));
        let entries = below("encryptedData").into_iter().flat_map(|id| members(document, id));
        let blob = below("data").filter(|id| AsWritten.string(document, *id).is_some());
        let mut json = Zeroizing::new(String::new());
        write_json(member.documents, document, member.object, &mut json, 0);
        Some(Self {
            name: object.name.map(str::to_owned),
            namespace: object.namespace.map(str::to_owned),
            entries: entries.filter_map(entry).collect(),
            blob: blob.and_then(entry),
            json,
            document: member.document,
            path: document.path(member.object),
            position: position(member, member.object),
            description: member.describe().unwrap_or_else(|| "SealedSecret".to_owned()),
        })
    }
}

fn position(member: Member<'_, '_>, node: NodeId) -> Position {
    let node = member.document().node(node);
    let start = node.key.as_ref().map_or(node.span, |key| key.span).start;
    let mut position = Position::of(member.source, start);
    position.line += memchr::memchr_iter(b'\n', member.before).count();
    position
}

/// What Kubernetes would refuse only when it is applied.
fn check_key(member: Member<'_, '_>, entry: NodeId, key: &str) -> Result<(), FileError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_key = !key.is_empty()
        && key.len() <= 253
        && key.bytes().all(allowed)
        && key != "."
        && key != "..";
    if is_key {
        return Ok(());
    }
    let error = FileError::input("this key cannot be one of a Secret");
    Err(member.at(error, entry).hint("keys of a Secret are letters, digits, `-`, `_` and `.`"))
}

fn plaintext(
    member: Member<'_, '_>,
    id: NodeId,
    is_base64: bool,
) -> Result<SecretBytes, FileError> {
    let document = member.document();
    let wrong =
        |problem: &str, hint: &str| Err(member.at(FileError::input(problem), id).hint(hint));
    match &document.node(id).content {
        Content::Scalar(scalar) => {
            crate::file::check_empty(member, id, scalar)?;
            if scalar.tag.as_deref().is_some_and(|tag| tag != "!!str") {
                return wrong(
                    "a tag stands in front of this value",
                    "take the tag away; a value that begins with `!` needs quotes",
                );
            }
            match &scalar.value {
                Value::String(text) if is_base64 => {
                    // As Kubernetes reads it: line breaks do not count.
                    let compact: Zeroizing<Vec<u8>> = Zeroizing::new(
                        text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect(),
                    );
                    match STANDARD.decode(&*compact) {
                        Ok(bytes) => Ok(SecretBytes::new(bytes)),
                        Err(_) => wrong(
                            "values below `data` are Base64, and this one is not",
                            "put a text in clear below `stringData`",
                        ),
                    }
                }
                Value::String(text) => Ok(SecretBytes::new(text.as_bytes().to_vec())),
                Value::Null => Err(member
                    .at_null(FileError::input("null stands in the secret part"), id)
                    .hint("take the key out, or make the value \"\"; a value needs a blank behind the `:`")),
                _ => wrong(
                    "values of a Secret are texts, and this is none",
                    "put it in quotes; Kubernetes refuses it as it is",
                ),
            }
        }
        Content::Alias { .. } => wrong(
            "an alias stands in the secret part",
            "write the value out: what it repeats would stay in clear",
        ),
        _ => wrong(
            "values of a Secret are texts, and this is none",
            "put every value under a key of its own",
        ),
    }
}

/// The texts of a mapping by key.
fn texts(document: &Document<'_>, mapping: NodeId) -> BTreeMap<String, String> {
    let entries = members(document, mapping).filter_map(|id| {
        let key = document.node(id).key.as_ref()?.text.to_string();
        Some((key, AsWritten.string(document, id)?.to_owned()))
    });
    entries.collect()
}

/// Nesting beyond which nothing is written: deeper documents cannot be read, but aliases nest.
const MAX_DEPTH: usize = 1_000;

/// A node as JSON, aliases written out.
fn write_json(
    documents: &[Document<'_>],
    document: &Document<'_>,
    id: NodeId,
    out: &mut String,
    depth: usize,
) {
    if depth > MAX_DEPTH {
        return out.push_str("null");
    }
    let list = |out: &mut String, ends: [char; 2], has_keys: bool| {
        out.push(ends[0]);
        for (index, child) in members(document, id).enumerate() {
            if index > 0 {
                out.push(',');
            }
            if let Some(key) = document.node(child).key.as_ref().filter(|_| has_keys) {
                out.push_str(&string_literal(&key.text));
                out.push(':');
            }
            write_json(documents, document, child, out, depth + 1);
        }
        out.push(ends[1]);
    };
    match &document.node(id).content {
        Content::Mapping { .. } => list(out, ['{', '}'], true),
        Content::Sequence { .. } => list(out, ['[', ']'], false),
        Content::Alias { document: target, node, of_key: false } => match documents.get(*target) {
            Some(target)
                if !matches!(
                    target.node(*node).content,
                    Content::Mapping { .. } | Content::Sequence { .. }
                ) =>
            {
                write_json(documents, target, *node, out, depth + 1);
            }
            // Collections that repeat each other could grow without end.
            _ => out.push_str("null"),
        },
        Content::Alias { .. } | Content::Comment(_) => out.push_str("null"),
        Content::Scalar(Scalar { value, .. }) => match value {
            Value::Null | Value::Bytes(_) => out.push_str("null"),
            Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Value::Int(_) | Value::UInt(_) => {
                out.push_str(&String::from_utf8_lossy(&value.canonical()))
            }
            Value::Float(float) if float.is_finite() => {
                out.push_str(&String::from_utf8_lossy(&value.canonical()));
            }
            Value::Float(_) | Value::Time(_) => {
                out.push_str(&string_literal(&String::from_utf8_lossy(&value.canonical())));
            }
            Value::String(text) => out.push_str(&string_literal(text)),
        },
    }
}
