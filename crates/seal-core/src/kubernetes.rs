//! Kubernetes objects in a document: what they are, and which part of a Secret is secret.

use crate::document::{Content, Document, NodeId, Scalar, Value};
use crate::envelope::binding::Identity;
use crate::envelope::{Rule, RuleKind};

mod hidden;

pub(crate) use hidden::{
    hidden_kind, indirect_identity, indirect_item, secret_shapes, unprotected_secrets,
};

/// Top-level keys whose leaves are the region of a Secret.
pub const REGION_KEYS: [&str; 2] = ["data", "stringData"];

/// The rule of the manifest profile, written into every envelope that it makes.
pub const PROFILE_REGEX: &str = "^(data|stringData)$";

/// Annotations in which tools keep a copy of the whole object, its plaintext included.
pub const COPYING_ANNOTATIONS: [&str; 2] =
    ["kubectl.kubernetes.io/last-applied-configuration", "kapp.k14s.io/original"];

/// Whether a text that cannot be read may have a Secret in it, or something encrypted. One in another encoding may.
pub fn may_hold_secret(text: &[u8]) -> bool {
    // The word, and the ways to spell it otherwise.
    const SIGNS: [&str; 8] =
        ["Secret", "ENC[AES256_GCM", "\\u", "\\U", "\\x", "\\\n", "\\\r", "!!binary"];
    match std::str::from_utf8(text) {
        Ok(text) => text.contains('\0') || SIGNS.iter().any(|sign| text.contains(sign)),
        Err(_) => true,
    }
}

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
        if !document.is_manifest {
            return None;
        }
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
    /// `metadata.namespace`
    pub namespace: Option<&'a str>,
    /// It is a Secret of the core group.
    pub is_secret: bool,
}

/// The Kubernetes objects of a document in clear: itself, or the items of a `List`.
pub fn named<'a>(document: &'a Document<'_>) -> Vec<Named<'a>> {
    let read = |mapping| {
        let object = Object::read(&AsWritten, document, mapping)?;
        let is_secret = object.is_secret();
        let (name, namespace) = (object.name, object.namespace);
        Some(Named { mapping, kind: object.kind, name, namespace, is_secret })
    };
    objects(document).into_iter().filter_map(read).collect()
}

/// The mappings of a document that are objects of their own: the items of a `List`, else its root.
pub(crate) fn objects(document: &Document<'_>) -> Vec<NodeId> {
    // Wrapped as a whole, as SOPS does it, a `List` has no objects of their own in it.
    let is_wrapped = |mapping| document.entry(mapping, "sops").is_some();
    descend(&AsWritten, document, document.root(), &is_wrapped)
}

/// The Secrets that a mapping is or, as a `List` under one envelope, holds.
pub(crate) fn secrets_within(
    strings: &dyn Strings,
    document: &Document<'_>,
    mapping: NodeId,
) -> Vec<NodeId> {
    let mut found = descend(strings, document, mapping, &|_| false);
    found.retain(|mapping| {
        Object::read(strings, document, *mapping).is_some_and(|object| object.is_secret())
    });
    found
}

fn descend(
    strings: &dyn Strings,
    document: &Document<'_>,
    top: NodeId,
    ends_here: &dyn Fn(NodeId) -> bool,
) -> Vec<NodeId> {
    let mut found = Vec::new();
    let mut open = vec![top];
    while let Some(mapping) = open.pop() {
        match list_items(strings, document, mapping).filter(|_| !ends_here(mapping)) {
            Some(items) => open.extend(items.into_iter().rev()),
            None => found.push(mapping),
        }
    }
    found
}

/// The items of a list; `None` for anything else. kubectl takes whatever has `items` for a list, so the kind does not
/// matter if any of the items is an object.
pub(crate) fn list_items(
    strings: &dyn Strings,
    document: &Document<'_>,
    mapping: NodeId,
) -> Option<Vec<NodeId>> {
    let object = Object::read(strings, document, mapping)?;
    let items = document.entry(mapping, "items")?;
    if !matches!(document.node(items).content, Content::Sequence { .. }) {
        return None;
    }
    let mappings = document
        .children(items)
        .filter(|item| matches!(document.node(*item).content, Content::Mapping { .. }));
    let mappings: Vec<NodeId> = mappings.collect();
    let is_object = |item: &NodeId| Object::read(strings, document, *item).is_some();
    let is_list = object.kind == "List" && object.group().is_empty();
    // Items that do not say what they are mean Secrets there; that is refused as a whole.
    let is_untyped = object.kind == "SecretList" && !mappings.iter().all(is_object);
    (!is_untyped && (is_list || mappings.iter().any(is_object))).then_some(mappings)
}

/// The entries of a Secret that hold its region, as they stand.
pub(crate) fn region(document: &Document<'_>, secret: NodeId) -> Vec<NodeId> {
    let mut entries: Vec<NodeId> =
        REGION_KEYS.iter().filter_map(|key| document.entry(secret, key)).collect();
    entries.sort_unstable();
    entries
}

/// Annotations of a Secret that hold a copy of it.
pub(crate) fn copying_annotations(document: &Document<'_>, object: NodeId) -> Vec<NodeId> {
    COPYING_ANNOTATIONS.iter().filter_map(|key| annotation(document, object, key)).collect()
}

/// An annotation by its key.
pub(crate) fn annotation(document: &Document<'_>, object: NodeId, key: &str) -> Option<NodeId> {
    let metadata = document.entry(object, "metadata")?;
    document.entry(document.entry(metadata, "annotations")?, key)
}
