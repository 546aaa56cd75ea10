//! Formats: bytes ⇄ [`crate::document`], one module each.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use crate::document::{Content, Document, Edit, NodeId, Position, Stream, Value};
use crate::envelope::Field;

mod comment_items;
pub mod json;
pub(crate) mod layout;
pub mod yaml;

/// The source is not what its format allows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct SyntaxError {
    /// Where.
    pub position: Position,
    /// What, without any text of the source: that may be a secret.
    pub problem: String,
}

/// A scalar cannot be replaced where it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct EditError {
    /// What and why, without the value.
    pub problem: String,
}

/// Indentation of the `sops` block, where the file's own does not decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockIndent {
    /// Blanks per level in YAML. As for SOPS, 1 and numbers from 10 on mean 2, and 0 means 4.
    pub yaml: usize,
    /// What indents one level inside the block in JSON; `None` for what indents the members of the file. An object on
    /// one line stays on one line.
    pub json: Option<String>,
}

impl Default for BlockIndent {
    /// SOPS's default in YAML, the file's own in JSON.
    fn default() -> Self {
        Self { yaml: 4, json: None }
    }
}

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// YAML, one or several documents.
    Yaml,
    /// JSON, one object.
    Json,
}

impl Format {
    /// The format that a file name's extension tells, as SOPS takes it.
    pub fn of_path(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        if name.ends_with(".yaml") || name.ends_with(".yml") {
            Some(Self::Yaml)
        } else if name.ends_with(".json") {
            Some(Self::Json)
        } else {
            None
        }
    }

    /// Reads a source.
    ///
    /// # Errors
    /// See the modules of the formats.
    pub fn parse(self, source: &[u8]) -> Result<Stream<'_>, SyntaxError> {
        match self {
            Self::Yaml => yaml::parse(source),
            Self::Json => json::parse(source),
        }
    }

    /// Puts an ENC text in the place of a scalar or of a comment's text.
    ///
    /// # Errors
    /// A scalar whose tag an ENC text does not fit.
    pub fn encrypted(
        self,
        source: &[u8],
        document: &Document<'_>,
        node: NodeId,
        enc: &str,
    ) -> Result<Vec<Edit>, EditError> {
        match self {
            Self::Yaml => yaml::edit::encrypted(source, document, node, enc),
            Self::Json => Ok(vec![json::edit::encrypted(document, node, enc)]),
        }
    }

    /// Puts a decrypted value in the place of an ENC text. `text` is the plaintext as it stood inside ENC;
    /// `unterminated` tells that the line break behind the scalar goes away.
    ///
    /// # Errors
    /// A value that the format cannot hold.
    pub fn decrypted(
        self,
        source: &[u8],
        document: &Document<'_>,
        node: NodeId,
        value: &Value<'_>,
        text: &str,
        unterminated: bool,
    ) -> Result<Vec<Edit>, EditError> {
        match self {
            Self::Yaml => {
                Ok(yaml::edit::decrypted(source, document, node, value, text, unterminated))
            }
            Self::Json => json::edit::decrypted(document, node, value, Some(text))
                .map(|edit| vec![edit])
                .map_err(|error| EditError { problem: error.to_string() }),
        }
    }

    /// Adds the `sops` block to a mapping, or to an empty document.
    pub fn inserted(
        self,
        source: &[u8],
        document: &Document<'_>,
        mapping: NodeId,
        fields: &Field,
        indent: &BlockIndent,
    ) -> Edit {
        match self {
            Self::Yaml => yaml::placement::inserted(source, document, mapping, fields, indent.yaml),
            Self::Json => {
                let nested = indent.json.as_deref();
                json::metadata_block::insert(source, document, mapping, fields, nested)
            }
        }
    }

    /// Takes the items of a list away for which `comment` has a text: SOPS writes the comments of lists as items. They
    /// become comment lines where the format has those.
    ///
    /// # Errors
    /// A list that is not written as lists are.
    pub(crate) fn without_comment_items<'t>(
        self,
        source: &[u8],
        document: &Document<'_>,
        list: NodeId,
        comment: &dyn Fn(NodeId) -> Option<Cow<'t, str>>,
    ) -> Result<Vec<Edit>, EditError> {
        comment_items::without(source, document, list, comment)
    }

    /// Takes an entry of a mapping out, for the `sops` block exactly what [`Self::inserted`] put in.
    pub fn removed(self, source: &[u8], document: &Document<'_>, entry: NodeId) -> Edit {
        match self {
            Self::Yaml => yaml::placement::removed(source, document, entry),
            Self::Json => json::metadata_block::remove(document, entry),
        }
    }

    /// The text of a scalar in the source, for spellings such as `1.0`; empty where it has quotes or a block style.
    pub(crate) fn plain_text<'s>(
        self,
        source: &'s [u8],
        document: &Document<'_>,
        node: NodeId,
    ) -> &'s str {
        let node = document.node(node);
        let plain = match &node.content {
            Content::Scalar(scalar) => scalar.style == crate::document::Style::Plain,
            _ => false,
        };
        match std::str::from_utf8(&source[node.span.range()]) {
            Ok(text) if plain => text,
            _ => "",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
        })
    }
}
