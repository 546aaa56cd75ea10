//! Changes one value of a plaintext, and nothing else of its bytes.
//!
//! A change is written like its surroundings (indentation, quotes, brackets, line breaks), read again and compared: every
//! other value and every comment is as it was, and the value is what was asked for. What does not read back so is an
//! error, never a damaged file.

use crate::document::{Edit, LookupError, Path, Span, Stream, apply};
use crate::format::{Format, SyntaxError, dotenv, ini, json, yaml};
use crate::secret::SecretBytes;

mod place;
mod proof;
mod value;

use place::Place;
use proof::Expected;
pub use value::{NewValue, NoValue};

/// Longest path that is made: as deep as documents may be.
const MAX_STEPS: usize = 1_000;

/// Which value.
#[derive(Clone, Copy, Debug)]
pub struct Target<'t> {
    /// Index of the document.
    pub document: usize,
    /// From the root of the document.
    pub path: &'t Path,
    /// As SOPS: an index behind the end of a list appends, and a value on the way is replaced by what the path needs.
    /// Otherwise both are errors, but for the index that follows the last one.
    pub as_sops: bool,
}

/// Why a value was not changed. Keys are named, values never.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The text is not what its format allows.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// The stream is shorter.
    #[error("there is no document {index}: the file has {documents}")]
    NoDocument {
        /// What was looked for.
        index: usize,
        /// How many there are.
        documents: usize,
    },
    /// Nothing stands there, or nothing can.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The path has no steps, or very many.
    #[error("the path has {steps} steps; 1 to {MAX_STEPS} are possible")]
    Steps {
        /// How many it has.
        steps: usize,
    },
    /// The name of the envelope.
    #[error("`sops` at the top is the name of the envelope, which is no value of the file")]
    Envelope,
    /// The value is an alias, or an alias repeats it.
    #[error("{path} {}", if *is_alias { "is an alias" } else { "is repeated by an alias" })]
    Aliased {
        /// The node that an alias has to do with.
        path: Path,
        /// It is the alias itself.
        is_alias: bool,
    },
    /// The format has no way to write that there.
    #[error("{problem}")]
    NotWritable {
        /// What and why.
        problem: String,
    },
}

/// Puts a value in, and what of the path is missing. A last step `-`, or the number of items, appends to a list.
/// `None` where the value is there already.
///
/// # Errors
/// See [`ChangeError`].
pub fn set(
    format: Format,
    source: &[u8],
    target: &Target<'_>,
    value: &NewValue,
) -> Result<Option<SecretBytes>, ChangeError> {
    let text;
    let value = match format {
        Format::Yaml | Format::Json => value,
        Format::Dotenv | Format::Ini | Format::Binary => {
            text = value.as_text().ok_or_else(|| ChangeError::NotWritable {
                problem: format!("{format} files hold text, no lists and no null"),
            })?;
            &text
        }
    };
    let stream = format.parse(source)?;
    let change = Change { format, source, stream: &stream, document: target.document };
    if stream.documents.is_empty() && target.document == 0 {
        let value = place::alone(target, value)?;
        let candidates = yaml::change::first(source, &value);
        let changed = change.first_proved(&Expected::First { value: &value }, candidates)?;
        return Ok(changed.map(SecretBytes::new));
    }
    let (place, value) = place::to_set(&stream, target, value)?;
    let document = &stream.documents[target.document];
    let changed = match place {
        Place::At(node) if proof::is(document, node, &value) => None,
        Place::At(node) => {
            place::check_aliases(&stream, target.document, node, true)?;
            let candidates = match format {
                Format::Yaml => yaml::change::replaced(source, document, node, &value),
                Format::Json => json::change::replaced(source, document, node, &value),
                Format::Dotenv => dotenv::change::replaced(source, document, node, &value),
                Format::Ini => ini::change::replaced(source, document, node, &value),
                Format::Binary => content(source, &value),
            };
            change.first_proved(&Expected::Replaced { node, value: &value }, candidates)?
        }
        Place::In { container, key } => {
            place::check_aliases(&stream, target.document, container, false)?;
            let key = key.as_deref();
            let candidates = match (format, key) {
                (Format::Yaml, _) => {
                    yaml::change::inserted(source, document, container, key, &value)
                }
                (Format::Json, _) => {
                    json::change::inserted(source, document, container, key, &value)
                }
                (Format::Dotenv, Some(key)) => {
                    dotenv::change::inserted(source, document, key, &value)
                }
                (Format::Ini, Some(key)) => {
                    ini::change::inserted(source, document, container, key, &value)
                }
                (Format::Dotenv | Format::Ini | Format::Binary, _) => Vec::new(),
            };
            let expected = Expected::Inserted { container, key, value: &value };
            change.first_proved(&expected, candidates)?
        }
    };
    Ok(changed.map(SecretBytes::new))
}

/// Takes a value out, with its key and the comment behind it. A collection that loses its last value becomes `{}` or
/// `[]`.
///
/// # Errors
/// See [`ChangeError`]; a value that is not there is [`ChangeError::Lookup`].
pub fn unset(
    format: Format,
    source: &[u8],
    target: &Target<'_>,
) -> Result<SecretBytes, ChangeError> {
    let stream = format.parse(source)?;
    let node = place::to_unset(&stream, target)?;
    place::check_aliases(&stream, target.document, node, true)?;
    let document = &stream.documents[target.document];
    let candidates = match format {
        Format::Yaml => yaml::change::removed(source, document, node),
        Format::Json => vec![vec![json::metadata_block::remove(document, node)]],
        Format::Dotenv => dotenv::change::removed(source, document, node),
        Format::Ini => ini::change::removed(source, document, node),
        Format::Binary => Vec::new(),
    };
    let change = Change { format, source, stream: &stream, document: target.document };
    let changed = change.first_proved(&Expected::Removed { node }, candidates)?;
    Ok(SecretBytes::new(changed.unwrap_or_else(|| source.to_vec())))
}

/// The whole content of a binary file.
fn content(source: &[u8], value: &NewValue) -> Vec<Vec<Edit>> {
    let NewValue::String(text) = value else { return Vec::new() };
    let span = Span::new(0, source.len());
    vec![vec![Edit { span, text: text.as_bytes().to_vec() }]]
}

/// What is being changed.
struct Change<'c, 's> {
    format: Format,
    source: &'c [u8],
    stream: &'c Stream<'s>,
    document: usize,
}

impl Change<'_, '_> {
    /// The result of the first of several ways to write a change that reads back as it.
    fn first_proved(
        &self,
        expected: &Expected<'_>,
        candidates: Vec<Vec<Edit>>,
    ) -> Result<Option<Vec<u8>>, ChangeError> {
        if candidates.is_empty() && !matches!(self.format, Format::Yaml | Format::Json) {
            let problem = format!("{} files have no way to hold that there", self.format);
            return Err(ChangeError::NotWritable { problem });
        }
        for edits in candidates {
            let mut spans: Vec<_> = edits.iter().map(|edit| edit.span).collect();
            spans.sort_unstable_by_key(|span| (span.start, span.end));
            if spans.windows(2).any(|pair| pair[0].end > pair[1].start) {
                continue;
            }
            let changed = apply(self.source, 0..self.source.len(), edits);
            let holds = self.format.parse(&changed).is_ok_and(|after| {
                let proof = proof::Proof {
                    before: self.stream,
                    source: self.source,
                    after: &after,
                    changed: &changed,
                    document: self.document,
                    replaced: &spans,
                };
                proof.holds(expected)
            });
            if holds {
                return Ok(Some(changed));
            }
        }
        Err(ChangeError::NotWritable {
            problem: "this cannot be written there without changing anything else".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
