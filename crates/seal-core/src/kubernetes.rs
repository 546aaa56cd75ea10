//! Kubernetes objects in a document: what they are, and which part of a Secret is secret.

use crate::document::{Content, Document, NodeId, Scalar, Value};
use crate::envelope::binding::Identity;
use crate::envelope::{Rule, RuleKind};

/// Top-level keys whose leaves are the region of a Secret.
pub const REGION_KEYS: [&str; 2] = ["data", "stringData"];

/// The rule of the manifest profile, written into every envelope that it makes.
pub const PROFILE_REGEX: &str = "^(data|stringData)$";

/// Annotations in which tools keep a copy of the whole object, its plaintext included.
pub const COPYING_ANNOTATIONS: [&str; 2] =
    ["kubectl.kubernetes.io/last-applied-configuration", "kapp.k14s.io/original"];

/// The rule of the manifest profile.
pub fn profile_rule() -> Rule {
    Rule { kind: RuleKind::EncryptedRegex, text: PROFILE_REGEX.to_owned() }
}

/// How the strings of a document are read: as they stand, or decrypted.
pub(crate) trait Strings {
    /// The string at a node.
    fn string<'a>(&'a self, document: &'a Document<'_>, node: NodeId) -> Option<&'a str>;
}

/// Strings as they stand in the document.
pub(crate) struct AsWritten;

impl Strings for AsWritten {
    fn string<'a>(&'a self, document: &'a Document<'_>, node: NodeId) -> Option<&'a str> {
        match &document.node(node).content {
            Content::Scalar(Scalar { value: Value::String(text), .. }) => Some(text),
            _ => None,
        }
    }
}

/// An object with `apiVersion` and `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Object<'a> {
    pub(crate) api_version: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) type_: &'a str,
    pub(crate) name: Option<&'a str>,
    pub(crate) namespace: Option<&'a str>,
}

impl<'a> Object<'a> {
    /// Reads the object at a mapping; `None` where it has no `apiVersion` and `kind`.
    pub(crate) fn read(
        strings: &'a dyn Strings,
        document: &'a Document<'_>,
        mapping: NodeId,
    ) -> Option<Self> {
        let string = |from: NodeId, key: &str| {
            document.entry(from, key).and_then(|node| strings.string(document, node))
        };
        let metadata = document.entry(mapping, "metadata");
        let in_metadata = |key: &str| metadata.and_then(|node| string(node, key));
        Some(Self {
            api_version: string(mapping, "apiVersion")?,
            kind: string(mapping, "kind")?,
            type_: string(mapping, "type").unwrap_or_default(),
            name: in_metadata("name").filter(|name| !name.is_empty()),
            namespace: in_metadata("namespace").filter(|namespace| !namespace.is_empty()),
        })
    }

    /// The API group, empty for the core group.
    pub(crate) fn group(&self) -> &'a str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// A Secret of the core group.
    pub(crate) fn is_secret(&self) -> bool {
        self.kind == "Secret" && self.group().is_empty()
    }

    pub(crate) fn identity(&self) -> Identity<'a> {
        Identity {
            group: self.group(),
            kind: self.kind,
            type_: self.type_,
            name: self.name,
            namespace: self.namespace,
        }
    }

    /// `Secret prod/db`, for messages.
    pub(crate) fn describe(&self) -> String {
        let name = self.name.unwrap_or("without a name");
        match self.namespace {
            Some(namespace) => format!("{} {namespace}/{name}", self.kind),
            None => format!("{} {name}", self.kind),
        }
    }
}

/// An object of a document, by what it says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named<'a> {
    /// The mapping.
    pub mapping: NodeId,
    /// `kind`
    pub kind: &'a str,
    /// `metadata.name`
    pub name: Option<&'a str>,
}

/// The Kubernetes objects of a document in clear: itself, or the items of a `List`.
pub fn named<'a>(document: &'a Document<'_>) -> Vec<Named<'a>> {
    let read = |mapping| {
        let object = Object::read(&AsWritten, document, mapping)?;
        Some(Named { mapping, kind: object.kind, name: object.name })
    };
    objects(document).into_iter().filter_map(read).collect()
}

/// The mappings of a document that are objects of their own: the items of a `List`, else its root.
pub(crate) fn objects(document: &Document<'_>) -> Vec<NodeId> {
    let mut found = Vec::new();
    let mut open = vec![document.root()];
    while let Some(mapping) = open.pop() {
        match list_items(document, mapping) {
            Some(items) => open.extend(items.into_iter().rev()),
            None => found.push(mapping),
        }
    }
    found
}

/// The items of a `List`; `None` for anything else.
pub(crate) fn list_items(document: &Document<'_>, mapping: NodeId) -> Option<Vec<NodeId>> {
    let object = Object::read(&AsWritten, document, mapping)?;
    // Wrapped as a whole, as SOPS does it: then its items are no objects of their own.
    if !object.kind.ends_with("List") || document.entry(mapping, "sops").is_some() {
        return None;
    }
    let items = document.entry(mapping, "items")?;
    if !matches!(document.node(items).content, Content::Sequence { .. }) {
        return None;
    }
    let mappings = document
        .children(items)
        .filter(|item| matches!(document.node(*item).content, Content::Mapping { .. }));
    Some(mappings.collect())
}

/// The entries of a Secret that hold its region.
pub(crate) fn region(document: &Document<'_>, secret: NodeId) -> Vec<NodeId> {
    REGION_KEYS.iter().filter_map(|key| document.entry(secret, key)).collect()
}

/// Annotations of a Secret that hold a copy of it.
pub(crate) fn copying_annotations(document: &Document<'_>, object: NodeId) -> Vec<NodeId> {
    let annotations = document
        .entry(object, "metadata")
        .and_then(|metadata| document.entry(metadata, "annotations"));
    let Some(annotations) = annotations else { return Vec::new() };
    COPYING_ANNOTATIONS.iter().filter_map(|key| document.entry(annotations, key)).collect()
}
