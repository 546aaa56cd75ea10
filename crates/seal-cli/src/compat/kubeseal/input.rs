//! The objects of an input: YAML with several documents, JSON one behind the other, and Lists.

use std::borrow::Cow;
use std::io::IsTerminal as _;
use std::path::Path;

use seal_core::document::{Content, Document, NodeId, Scalar, Stream, Style, Value};
use seal_core::format::Format;
use seal_core::secret::SecretBytes;

use crate::error::CommandError;
use crate::ui::Ui;
use crate::write::{self, Stamp};

/// How deep aliases of aliases may go.
const MAX_ALIASES: usize = 16;

/// A text that was read.
pub(super) struct Input {
    /// `-` for standard input.
    pub(super) name: std::path::PathBuf,
    pub(super) bytes: SecretBytes,
    /// Of the file, to see whether somebody else changes it meanwhile.
    pub(super) stamp: Option<Stamp>,
}

/// A part of a text that is read by itself.
pub(super) struct Part<'t> {
    pub(super) format: Format,
    /// Where it stands in the text.
    pub(super) start: usize,
    pub(super) bytes: &'t [u8],
}

/// An object of a stream: a document, or an item of a List.
#[derive(Clone, Copy)]
pub(super) struct Object<'p, 's> {
    source: &'p [u8],
    stream: &'p Stream<'s>,
    document: usize,
    node: NodeId,
}

/// Reads standard input, or the file that takes its place.
///
/// # Errors
/// What kubeseal says of a file that is not there; the system's words for the rest.
pub(super) fn read(file: Option<&Path>, ui: &Ui) -> Result<Input, CommandError> {
    match file {
        Some(path) => {
            let read = write::read(path).map_err(|error| {
                let cause = CommandError::from(error);
                let mut this =
                    CommandError::failed("Could not read file specified with --secret-file");
                let first = format!("{}: {}", path.display(), cause.message);
                this.causes = std::iter::once(first).chain(cause.causes).collect();
                this
            })?;
            Ok(Input { name: path.to_owned(), bytes: read.bytes, stamp: read.stamp })
        }
        None => {
            if std::io::stdin().is_terminal() {
                ui.note("(tty detected: expecting json/yaml k8s resource in stdin)");
            }
            Ok(Input { name: "-".into(), bytes: write::read_stdin()?, stamp: None })
        }
    }
}

/// Cuts a text into parts that are read by themselves: YAML is one, JSON one per object.
///
/// # Errors
/// A text that begins like JSON and is none.
pub(super) fn parts(text: &[u8]) -> Result<Vec<Part<'_>>, CommandError> {
    let is_json = text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if !is_json {
        return Ok(vec![Part { format: Format::Yaml, start: 0, bytes: text }]);
    }
    let mut objects =
        serde_json::Deserializer::from_slice(text).into_iter::<serde::de::IgnoredAny>();
    let mut found = Vec::new();
    loop {
        let start = objects.byte_offset();
        match objects.next() {
            None => return Ok(found),
            Some(Ok(_)) => {
                let end = objects.byte_offset();
                let blanks =
                    text[start..end].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                let start = start + blanks;
                found.push(Part { format: Format::Json, start, bytes: &text[start..end] });
            }
            // `{a: 1}` is YAML; what is wrong with it is said by that reader.
            Some(Err(_)) if found.is_empty() => {
                return Ok(vec![Part { format: Format::Yaml, start: 0, bytes: text }]);
            }
            Some(Err(error)) => {
                let (line, column) = (error.line(), error.column());
                return Err(CommandError::failed(format!(
                    "the input is no JSON from line {line}, column {column} on"
                )));
            }
        }
    }
}

impl<'t> Part<'t> {
    /// Reads it.
    ///
    /// # Errors
    /// Not of its format; says where, and nothing of the text.
    pub(super) fn parse(&self, name: &Path) -> Result<Stream<'t>, CommandError> {
        self.format
            .parse(self.bytes)
            .map_err(|error| CommandError::failed(error.problem.clone()).at(name, error.position))
    }
}

/// The objects of a stream, those in Lists by themselves; empty documents are none.
pub(super) fn objects<'p, 's>(source: &'p [u8], stream: &'p Stream<'s>) -> Vec<Object<'p, 's>> {
    let mut found = Vec::new();
    for (document, tree) in stream.documents.iter().enumerate() {
        let root = Object { source, stream, document, node: tree.root() };
        if matches!(root.scalar(), Some(Value::Null)) {
            continue;
        }
        match root.entry("items").map(|items| items.items()).filter(|items| !items.is_empty()) {
            Some(items) if root.text("kind").is_some_and(|kind| kind.ends_with("List")) => {
                found.extend(items);
            }
            _ => found.push(root),
        }
    }
    found
}

impl<'p, 's> Object<'p, 's> {
    fn tree(&self) -> &'p Document<'s> {
        &self.stream.documents[self.document]
    }

    /// The value at a key, behind aliases; with YAML's merge keys.
    pub(super) fn entry(&self, key: &str) -> Option<Self> {
        self.entries().into_iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// All entries of a mapping; none where it is no mapping. The first of equal keys, so that merged ones come last.
    pub(super) fn entries(&self) -> Vec<(String, Self)> {
        let mut found = Vec::new();
        self.collect(&mut found, 0);
        found
    }

    fn collect(&self, found: &mut Vec<(String, Self)>, depth: usize) {
        let tree = self.tree();
        if depth > MAX_ALIASES || !matches!(tree.node(self.node).content, Content::Mapping { .. }) {
            return;
        }
        let mut merged = Vec::new();
        for child in tree.children(self.node) {
            let Some(key) = &tree.node(child).key else { continue };
            let value = self.resolved(child);
            if key.text == "<<" {
                match value.items() {
                    items if items.is_empty() => merged.push(value),
                    items => merged.extend(items),
                }
            } else if found.iter().all(|(name, _)| *name != key.text) {
                found.push((key.text.as_ref().to_owned(), value));
            }
        }
        for mapping in merged {
            mapping.collect(found, depth + 1);
        }
    }

    /// Whether it has entries, or could have.
    pub(super) fn is_mapping(&self) -> bool {
        matches!(self.tree().node(self.node).content, Content::Mapping { .. })
    }

    /// The items of a sequence; none where it is no sequence.
    pub(super) fn items(&self) -> Vec<Self> {
        let tree = self.tree();
        if !matches!(tree.node(self.node).content, Content::Sequence { .. }) {
            return Vec::new();
        }
        let is_item = |child: &NodeId| !matches!(tree.node(*child).content, Content::Comment(_));
        tree.children(self.node).filter(is_item).map(|child| self.resolved(child)).collect()
    }

    fn resolved(&self, node: NodeId) -> Self {
        let mut at = Self { node, ..*self };
        for _ in 0..MAX_ALIASES {
            match &at.tree().node(at.node).content {
                Content::Alias { document, node, of_key: false } => {
                    at = Self { document: *document, node: *node, ..at };
                }
                _ => break,
            }
        }
        at
    }

    /// A scalar as Kubernetes reads it: YAML 1.1 has more words for true and false than our reader knows.
    pub(super) fn scalar(&self) -> Option<Value<'p>> {
        match &self.tree().node(self.node).content {
            Content::Scalar(Scalar {
                style: Style::Plain,
                value: Value::String(text),
                tag: None,
            }) => Some(match text.as_ref() {
                "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Value::Bool(true),
                "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Value::Bool(false),
                text => Value::String(Cow::Borrowed(text)),
            }),
            // Kubernetes has no times: they are texts as they are written.
            Content::Scalar(Scalar { value: Value::Time(_), .. }) => {
                let span = self.tree().node(self.node).span;
                let text = self.source.get(span.range()).unwrap_or_default();
                Some(Value::String(String::from_utf8_lossy(text)))
            }
            Content::Scalar(scalar) => Some(borrowed(&scalar.value)),
            Content::Alias { document, node, of_key: true } => {
                let key = self.stream.documents[*document].node(*node).key.as_ref()?;
                Some(Value::String(Cow::Borrowed(key.text.as_ref())))
            }
            _ => None,
        }
    }

    /// The text at a key; `None` where there is none, or something else.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        match self.entry(key)?.scalar()? {
            Value::String(text) => Some(text.into_owned()),
            _ => None,
        }
    }

    /// Kind and name, for messages.
    pub(super) fn describe(&self) -> String {
        let kind = self.text("kind").unwrap_or_else(|| "object".to_owned());
        let metadata = self.entry("metadata");
        let part = |key| metadata.and_then(|metadata| metadata.text(key));
        match (part("namespace"), part("name")) {
            (Some(namespace), Some(name)) => format!("{kind} {namespace}/{name}"),
            (None, Some(name)) => format!("{kind} {name}"),
            (_, None) => format!("{kind} without a name"),
        }
    }
}

fn borrowed<'p>(value: &'p Value<'_>) -> Value<'p> {
    match value {
        Value::String(text) => Value::String(Cow::Borrowed(text.as_ref())),
        Value::Null => Value::Null,
        Value::Bool(flag) => Value::Bool(*flag),
        Value::Int(number) => Value::Int(*number),
        Value::UInt(number) => Value::UInt(*number),
        Value::Float(number) => Value::Float(*number),
        Value::Time(time) => Value::Time(*time),
        Value::Bytes(bytes) => Value::Bytes(bytes.clone()),
    }
}
