//! Puts new texts in the place of texts, several at once, and changes nothing else.

use zeroize::Zeroizing;

use crate::change::{self, ChangeError, NewValue, Target};
use crate::document::{Content, Edit, NodeId, Path, Scalar, Stream, Value, apply};
use crate::format::{Format, json, yaml};
use crate::secret::SecretBytes;

/// A text for a place where another one stands.
#[derive(Clone)]
pub struct NewText {
    /// Index of the document.
    pub document: usize,
    /// From the root of the document.
    pub path: Path,
    /// The text.
    pub text: Zeroizing<String>,
}

impl std::fmt::Debug for NewText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewText({}, {}, <redacted>)", self.document, self.path)
    }
}

/// Puts the texts into a source. Each is written like the one that it replaces.
///
/// # Errors
/// A place that is not there, or that an alias has to do with.
pub fn replace_values(
    format: Format,
    source: &[u8],
    texts: &[NewText],
) -> Result<SecretBytes, ChangeError> {
    match at_once(format, source, texts)? {
        Some(bytes) => Ok(bytes),
        None => one_by_one(format, source, texts),
    }
}

/// All in one pass over the text; `None` where that does not read back, as with an alias in between.
fn at_once(
    format: Format,
    source: &[u8],
    texts: &[NewText],
) -> Result<Option<SecretBytes>, ChangeError> {
    let stream = format.parse(source)?;
    let mut edits: Vec<Edit> = Vec::new();
    for new in texts {
        let Some(document) = stream.documents.get(new.document) else { return Ok(None) };
        let Ok(node) = document.lookup(&new.path) else { return Ok(None) };
        let value = NewValue::String(new.text.clone());
        let candidates = match format {
            Format::Yaml => yaml::change::replaced(source, document, node, &value),
            _ => json::change::replaced(source, document, node, &value),
        };
        let Some(edit) = candidates.into_iter().next() else { return Ok(None) };
        edits.extend(edit);
    }
    let overlap = {
        let mut spans: Vec<_> = edits.iter().map(|edit| edit.span).collect();
        spans.sort_unstable_by_key(|span| (span.start, span.end));
        spans.windows(2).any(|pair| pair[0].end > pair[1].start)
    };
    let has_alias = stream
        .documents
        .iter()
        .flat_map(|document| &document.nodes)
        .any(|node| matches!(node.content, Content::Alias { .. }));
    if overlap || has_alias {
        return Ok(None);
    }
    let changed = SecretBytes::new(apply(source, 0..source.len(), edits));
    let is_proved = format.parse(changed.expose()).is_ok_and(|after| {
        texts.iter().all(|new| {
            let text = after.documents.get(new.document).and_then(|document| {
                let node = document.lookup(&new.path).ok()?;
                match &document.node(node).content {
                    Content::Scalar(Scalar { value: Value::String(text), .. }) => Some(text),
                    _ => None,
                }
            });
            text.is_some_and(|text| **text == **new.text)
        }) && all_else_is_the_same(&stream, &after, texts)
    });
    Ok(is_proved.then_some(changed))
}

fn all_else_is_the_same(before: &Stream<'_>, after: &Stream<'_>, texts: &[NewText]) -> bool {
    before.documents.len() == after.documents.len()
        && before.documents.iter().zip(&after.documents).enumerate().all(|(index, (one, other))| {
            let replaced: Vec<NodeId> = texts
                .iter()
                .filter(|new| new.document == index)
                .filter_map(|new| one.lookup(&new.path).ok())
                .collect();
            one.nodes.len() == other.nodes.len()
                && one.nodes.iter().zip(&other.nodes).enumerate().all(|(at, (one, other))| {
                    let same_key = one.key.as_ref().map(|key| &key.text)
                        == other.key.as_ref().map(|key| &key.text);
                    let same_content = match (&one.content, &other.content) {
                        _ if replaced.contains(&NodeId(at as u32)) => true,
                        (Content::Mapping { .. }, Content::Mapping { .. })
                        | (Content::Sequence { .. }, Content::Sequence { .. }) => true,
                        (Content::Comment(one), Content::Comment(other)) => one.text == other.text,
                        (Content::Scalar(one), Content::Scalar(other)) => {
                            one.tag == other.tag
                                && one.value.value_type() == other.value.value_type()
                                && *one.value.canonical() == *other.value.canonical()
                        }
                        _ => false,
                    };
                    one.parent == other.parent && same_key && same_content
                })
        })
}

fn one_by_one(
    format: Format,
    source: &[u8],
    texts: &[NewText],
) -> Result<SecretBytes, ChangeError> {
    let mut text = SecretBytes::new(source.to_vec());
    for new in texts {
        let target = Target { document: new.document, path: &new.path, as_sops: false };
        let value = NewValue::String(new.text.clone());
        if let Some(changed) = change::set(format, text.expose(), &target, &value)? {
            text = changed;
        }
    }
    Ok(text)
}
