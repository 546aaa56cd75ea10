//! Formats: bytes ⇄ [`crate::document`], one module each.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::cipher::ValueType;
use crate::document::{Content, Document, Edit, NodeId, Position, Stream, Value};
use crate::envelope::Field;

pub mod binary;
mod comment_items;
pub mod dotenv;
mod flattened;
pub mod ini;
pub mod json;
pub(crate) mod layout;
mod text_value;
mod tree;
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

/// Refuses what is too large for every parser: nodes, lines and columns are counted in 32 bits, and there is at most one
/// of each per byte.
fn check_size(source: &[u8]) -> Result<(), SyntaxError> {
    if source.len() < u32::MAX as usize {
        return Ok(());
    }
    let position = Position { line: 1, column: 1 };
    Err(SyntaxError { position, problem: "the file is larger than 4 GiB".to_owned() })
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
    /// `KEY=value` in lines.
    Dotenv,
    /// Sections of keys.
    Ini,
    /// Any content; encrypted it is JSON.
    Binary,
}

impl Format {
    /// The format that a file name's extension tells, as SOPS takes it. `None` for all others; SOPS takes those for
    /// [`Format::Binary`].
    pub fn of_path(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        if name.ends_with(".yaml") || name.ends_with(".yml") {
            Some(Self::Yaml)
        } else if name.ends_with(".json") {
            Some(Self::Json)
        } else if name.ends_with(".env") {
            Some(Self::Dotenv)
        } else if name.ends_with(".ini") {
            Some(Self::Ini)
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
            Self::Dotenv => dotenv::parse(source),
            Self::Ini => ini::parse(source),
            Self::Binary => binary::parse(source),
        }
    }

    /// The format of an encrypted file: that of a binary one is JSON.
    pub fn of_encrypted(self) -> Self {
        match self {
            Self::Binary => Self::Json,
            other => other,
        }
    }

    /// Whether envelopes name the rule that selects what is secret. In a binary file that is everything.
    pub(crate) fn has_rules(self) -> bool {
        self != Self::Binary
    }

    /// Whether the metadata can hold a text. Where they are flattened, a backslash with an `n` is a line break.
    pub(crate) fn metadata_hold(self, text: &str) -> bool {
        match self {
            Self::Yaml | Self::Json | Self::Binary => true,
            Self::Dotenv | Self::Ini => !text.contains("\\n"),
        }
    }

    /// Puts an ENC text in the place of a scalar or of a comment's text.
    ///
    /// # Errors
    /// A scalar whose tag an ENC text does not fit; a comment where it would end the name of a section.
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
            Self::Dotenv => Ok(vec![dotenv::edit::encrypted(document, node, enc)]),
            Self::Ini => Ok(vec![ini::edit::encrypted(source, document, node, enc)?]),
            Self::Binary => Ok(vec![binary::encrypted(document, node, enc)]),
        }
    }

    /// Puts a decrypted value in the place of an ENC text. `text` is the plaintext as it stood inside ENC;
    /// `unterminated` tells that the line break behind the scalar goes away. A comment that would end before its text
    /// does is left as it is, as SOPS leaves those that it cannot decrypt.
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
        if matches!(document.node(node).content, Content::Comment(_)) && !self.holds_comment(text) {
            return Ok(Vec::new());
        }
        match self {
            Self::Yaml => {
                Ok(yaml::edit::decrypted(source, document, node, value, text, unterminated))
            }
            Self::Json => json::edit::decrypted(document, node, value, Some(text))
                .map(|edit| vec![edit])
                .map_err(|error| EditError { problem: error.to_string() }),
            Self::Dotenv => Ok(vec![dotenv::edit::decrypted(document, node, value, text)]),
            Self::Ini => ini::edit::decrypted(source, document, node, value, text),
            Self::Binary => binary::decrypted(source, document, node, value),
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
            Self::Dotenv => dotenv::edit::inserted(source, fields),
            Self::Ini => ini::edit::inserted(source, fields),
            Self::Binary => {
                let nested = indent.json.as_deref();
                binary::inserted(source, document, mapping, fields, nested)
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

    /// Takes an entry of a mapping out, for the `sops` block exactly what [`Self::inserted`] put in. In formats other
    /// than YAML and JSON only the `sops` block can be taken out.
    pub fn removed(self, source: &[u8], document: &Document<'_>, entry: NodeId) -> Vec<Edit> {
        match self {
            Self::Yaml => vec![yaml::placement::removed(source, document, entry)],
            Self::Json => vec![json::metadata_block::remove(document, entry)],
            Self::Dotenv => dotenv::edit::removed(source, document, entry),
            Self::Ini => ini::edit::removed(source, document, entry),
            Self::Binary => binary::removed(source, document),
        }
    }

    /// The type and the text of a value as they are read back once [`Self::decrypted`] has written it: some formats know
    /// nothing but text.
    pub(crate) fn read_back(self, value: &Value<'_>) -> (Option<ValueType>, Zeroizing<Vec<u8>>) {
        let as_text = value.value_type().map(|_| ValueType::Str);
        match self {
            Self::Yaml | Self::Json | Self::Binary => (value.value_type(), value.canonical()),
            Self::Dotenv => (as_text, dotenv::edit::read_back(value)),
            Self::Ini => (as_text, ini::edit::read_back(value)),
        }
    }

    /// Whether a comment with that text ends where it should, so that nothing of it becomes something else.
    fn holds_comment(self, text: &str) -> bool {
        match self {
            Self::Dotenv => !text.contains('\n'),
            Self::Ini => true,
            Self::Yaml | Self::Json | Self::Binary => !text.chars().any(|character| {
                (character.is_control() && character != '\t')
                    || matches!(character, '\u{2028}' | '\u{2029}')
            }),
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
            Self::Dotenv => "dotenv",
            Self::Ini => "ini",
            Self::Binary => "binary",
        })
    }
}
