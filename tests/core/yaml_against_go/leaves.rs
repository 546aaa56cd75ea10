//! The leaves of a source in one form, from our reader and from the oracle's line.

use std::panic::{AssertUnwindSafe, catch_unwind};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use seal_core::document::{Content, Document, NodeId, Value};
use seal_core::format::yaml;

/// The documents of a source, or why it was refused.
pub(crate) type Answer = Result<Vec<Vec<Leaf>>, String>;

/// Stands for the reason where our reader panicked.
pub(crate) const PANICKED: &str = "PANICKED";

/// A scalar, a comment, an alias or an empty collection.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Leaf {
    path: Vec<Step>,
    kind: String,
    value: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Key(String),
    Index(u64),
    /// A key that is no string, by its text.
    OddKey(Vec<u8>),
}

/// What our reader makes of a source.
pub(crate) fn ours(source: &[u8]) -> Answer {
    let parsed = catch_unwind(AssertUnwindSafe(|| {
        yaml::parse(source)
            .map(|stream| stream.documents.iter().map(document_leaves).collect())
            .map_err(|error| format!("{}: {error}", error.position))
    }));
    parsed.unwrap_or_else(|_| Err(PANICKED.to_owned()))
}

fn document_leaves(document: &Document<'_>) -> Vec<Leaf> {
    let ids = 0..document.nodes.len() as u32;
    comparable(ids.filter_map(|id| leaf(document, NodeId(id))).collect())
}

/// Comments around and inside an empty outermost collection have the same path, and an empty collection has no
/// inside among the leaves: there the order means nothing.
fn comparable(mut leaves: Vec<Leaf>) -> Vec<Leaf> {
    if leaves.iter().any(|leaf| leaf.path.is_empty() && matches!(leaf.kind.as_str(), "map" | "seq"))
    {
        leaves.sort_by(|one, other| one.kind.cmp(&other.kind));
    }
    leaves
}

fn leaf(document: &Document<'_>, id: NodeId) -> Option<Leaf> {
    let empty = || {
        let is_comment = |id| matches!(document.node(id).content, Content::Comment(_));
        document.children(id).all(is_comment)
    };
    let (kind, value) = match &document.node(id).content {
        Content::Mapping { .. } if empty() => ("map", Vec::new()),
        Content::Sequence { .. } if empty() => ("seq", Vec::new()),
        Content::Mapping { .. } | Content::Sequence { .. } => return None,
        // go-yaml does not see it, so neither does the oracle.
        Content::Comment(comment) if comment.dropped => return None,
        Content::Comment(comment) => ("comment", comment.text.as_bytes().to_vec()),
        Content::Alias { .. } => ("alias", Vec::new()),
        Content::Scalar(scalar) => match &scalar.value {
            Value::Null => ("null", Vec::new()),
            Value::Bool(bool) => ("bool", if *bool { b"True".to_vec() } else { b"False".to_vec() }),
            Value::Int(int) => ("int", int.to_string().into_bytes()),
            Value::UInt(int) => ("uint", int.to_string().into_bytes()),
            Value::Float(float) => ("float", float_bits(*float)),
            Value::Time(time) => ("time", time.to_rfc3339().into_bytes()),
            Value::String(text) => ("str", text.as_bytes().to_vec()),
            Value::Bytes(bytes) => ("bytes", bytes.to_vec()),
        },
    };
    Some(Leaf { path: path(document, id), kind: kind.to_owned(), value })
}

fn path(document: &Document<'_>, id: NodeId) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut node = document.node(id);
    while let Some(parent) = node.parent {
        match (&node.key, &node.content) {
            (_, Content::Comment(_)) => {}
            (Some(key), _) if key.is_string => steps.push(Step::Key(key.text.to_string())),
            (Some(key), _) => steps.push(Step::OddKey(key.text.as_bytes().to_vec())),
            (None, _) => steps.push(Step::Index(node.position.into())),
        }
        node = document.node(parent);
    }
    steps.reverse();
    steps
}

/// Floats are compared as numbers, by their bits, not by Go's way of printing them.
fn float_bits(float: f64) -> Vec<u8> {
    let bits = if float.is_nan() { f64::NAN.to_bits() } else { float.to_bits() };
    format!("{bits:016x}").into_bytes()
}

/// Reads one line of the oracle.
pub(crate) fn theirs(line: &str) -> Answer {
    let answer: serde_json::Value = serde_json::from_str(line).expect("the oracle writes JSON");
    if answer["ok"] != true {
        return Err(answer["error"].as_str().unwrap_or("no reason").to_owned());
    }
    let documents = answer["docs"].as_array().expect("docs is a list");
    Ok(documents
        .iter()
        .map(|leaves| comparable(list(leaves).iter().map(their_leaf).collect()))
        .collect())
}

fn their_leaf(leaf: &serde_json::Value) -> Leaf {
    let kind = text(&leaf["t"]).to_owned();
    let mut value = BASE64_STANDARD.decode(text(&leaf["v"])).expect("values are base64");
    if kind == "float" {
        let number = String::from_utf8(value).expect("numbers are ASCII");
        value = float_bits(number.parse().expect("Rust reads the numbers that Go prints"));
    }
    Leaf { path: list(&leaf["p"]).iter().map(their_step).collect(), kind, value }
}

fn their_step(step: &serde_json::Value) -> Step {
    match step {
        serde_json::Value::String(key) => Step::Key(key.clone()),
        serde_json::Value::Number(index) => Step::Index(index.as_u64().expect("an index")),
        odd => Step::OddKey(BASE64_STANDARD.decode(text(&odd["v"])).expect("keys are base64")),
    }
}

fn list(value: &serde_json::Value) -> &[serde_json::Value] {
    value.as_array().expect("a list")
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().expect("a string")
}

/// For a person: one leaf a line.
pub(crate) fn describe(answer: &Answer) -> String {
    match answer {
        Err(reason) => format!("refused: {reason}"),
        Ok(documents) => documents
            .iter()
            .enumerate()
            .flat_map(|(index, leaves)| leaves.iter().map(move |leaf| (index, leaf)))
            .map(|(index, leaf)| {
                let Leaf { path, kind, value } = leaf;
                format!("\n  [{index}] {path:?} {kind} {:?}", String::from_utf8_lossy(value))
            })
            .collect(),
    }
}
