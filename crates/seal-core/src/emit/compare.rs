//! The check that a printed tree is read as the same tree.

use super::error::EmitError;
use super::ini;
use super::name;
use super::text::plain_form;
use super::trail::Trail;
use super::tree::{Entry, Item, Node, Tree};
use crate::document::{Path, Value};
use crate::format::Format;

/// Reads `text` and compares.
///
/// # Errors
/// Names the first place where the two differ.
pub(super) fn check(format: Format, tree: &Tree, text: &[u8]) -> Result<(), EmitError> {
    let stream = format
        .parse(text)
        .map_err(|error| EmitError::Unreadable { format: name(format), problem: error.problem })?;
    let back = Tree::read(format, &stream)?;
    match difference(format, tree, &back) {
        None => Ok(()),
        Some(path) => Err(EmitError::Lost { path, format: name(format) }),
    }
}

/// The first place at which two trees hold different values for a reader of `format`. Comments do not count.
pub(super) fn difference(format: Format, before: &Tree, after: &Tree) -> Option<Path> {
    // No document is read as an empty one.
    let lengths = [before, after].map(|tree| tree.documents.len().max(1));
    if lengths[0] != lengths[1] {
        return Some(Path::default());
    }
    let mut comparison = Comparison { format, trail: Trail::default() };
    let pairs = before.documents.iter().zip(&after.documents);
    for (before, after) in pairs {
        if comparison.entries(before, after).is_err() {
            return Some(comparison.trail.path());
        }
    }
    None
}

/// The trail has the place.
struct Different;

struct Comparison {
    format: Format,
    trail: Trail,
}

impl Comparison {
    fn entries(&mut self, before: &[Entry], after: &[Entry]) -> Result<(), Different> {
        let of_default = self.format == Format::Ini && self.trail.depth() == 0;
        // The default section of INI is always there.
        let counts = |(key, node): &(&str, &Node)| {
            !of_default
                || *key != ini::DEFAULT
                || !matches!(node, Node::Mapping(entries) if entries.is_empty())
        };
        let mut after = pairs(after).filter(counts);
        for (key, value) in pairs(before).filter(counts) {
            self.trail.enter_key(key).map_err(|_| Different)?;
            match after.next() {
                Some((same, there)) if same == key => self.nodes(value, there)?,
                _ => return Err(Different),
            }
            self.trail.leave();
        }
        match after.next() {
            None => Ok(()),
            Some(_) => Err(Different),
        }
    }

    fn nodes(&mut self, before: &Node, after: &Node) -> Result<(), Different> {
        match (before, after) {
            (Node::Mapping(before), Node::Mapping(after)) => self.entries(before, after),
            (Node::Sequence(before), Node::Sequence(after)) => {
                let mut after = nodes(after);
                for (index, node) in nodes(before).enumerate() {
                    self.trail.enter_index(index).map_err(|_| Different)?;
                    self.nodes(node, after.next().ok_or(Different)?)?;
                    self.trail.leave();
                }
                after.next().map_or(Ok(()), |_| Err(Different))
            }
            (Node::Scalar(before), Node::Scalar(after)) => {
                match same(self.format, before.value(), after.value()) {
                    true => Ok(()),
                    false => Err(Different),
                }
            }
            _ => Err(Different),
        }
    }
}

/// Whether a value is still the same once the format had it. SOPS writes `1.0` as `1`, so numbers are compared as such.
fn same(format: Format, before: &Value<'_>, after: &Value<'_>) -> bool {
    match (before, after) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(before), Value::Bool(after)) => before == after,
        (Value::Int(before), Value::Int(after)) => before == after,
        (Value::UInt(before), Value::UInt(after)) => before == after,
        (Value::Int(_) | Value::UInt(_), Value::Int(_) | Value::UInt(_)) => false,
        (Value::Time(before), Value::Time(after)) => before == after,
        (Value::String(before), Value::String(after)) => before == after,
        (Value::Bytes(before), Value::Bytes(after)) => before == after,
        (before, Value::String(_) | Value::Bytes(_)) => match format {
            Format::Yaml => false,
            // Only times are texts there.
            Format::Json => {
                matches!(before, Value::Time(_)) && before.canonical() == after.canonical()
            }
            Format::Dotenv | Format::Ini | Format::Binary => {
                plain_form(before, false).is_some_and(|text| text == after.canonical())
            }
        },
        (before, after) => match (number(before), number(after)) {
            (Some(before), Some(after)) => before == after || (before.is_nan() && after.is_nan()),
            _ => false,
        },
    }
}

fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Int(int) => Some(*int as f64),
        Value::UInt(int) => Some(*int as f64),
        Value::Float(float) => Some(*float),
        _ => None,
    }
}

fn pairs(entries: &[Entry]) -> impl Iterator<Item = (&str, &Node)> {
    entries.iter().filter_map(|entry| match entry {
        Entry::Pair { key, value } => Some((&**key, value)),
        Entry::Comment(_) => None,
    })
}

fn nodes(items: &[Item]) -> impl Iterator<Item = &Node> {
    items.iter().filter_map(|item| match item {
        Item::Node(node) => Some(node),
        Item::Comment(_) => None,
    })
}
