//! Prints decrypted files in any format, as SOPS prints them.
//!
//! ```text
//! documents (decrypted) ─read→ Tree ─emit→ text of another format
//! ```
//!
//! A [`Tree`] is what SOPS holds of a file: order, types and comments, but no layout. Printing one therefore loses what
//! lossless edits keep, and is only for conversions, and for answering as `sops`.

use crate::document::{Document, NodeId, Stream};
use crate::format::{BlockIndent, Format};
use crate::secret::SecretBytes;

mod binary;
mod compare;
mod dotenv;
mod error;
mod ini;
mod json;
pub(crate) mod read;
mod text;
mod trail;
mod tree;
mod yaml;

pub use error::EmitError;
pub use text::plain_form;
pub use tree::{Comment, Entry, Item, Node, Scalar, Tree};

use text::Text;

/// Collections inside collections, in trees. Less than in files that are encrypted and decrypted: trees are gone through
/// by recursion, on threads with small stacks.
pub(crate) const MAX_DEPTH: usize = 500;

/// How to print.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Indentation of YAML and JSON; for JSON `None` means a tab.
    pub indent: BlockIndent,
    /// Print as SOPS does even where that loses or changes something: further documents, comments, null, bytes that are
    /// no UTF-8, the place of an INI comment. By default such a tree is an error, or printed so that nothing is lost.
    pub as_sops: bool,
}

impl Tree {
    /// Reads documents in clear; `format` is theirs.
    ///
    /// # Errors
    /// A document that is no mapping, a key that is no text, nesting and aliases without bound.
    pub fn read(format: Format, stream: &Stream<'_>) -> Result<Self, EmitError> {
        let documents = &stream.documents;
        let read = |index| read::document(documents, index, &read::InClear);
        Ok(Self {
            documents: (0..documents.len()).map(read).collect::<Result<_, _>>()?,
            comments_follow: Self::comments_follow(format),
        })
    }

    /// Where the reader of a format puts the comment on a key.
    pub(crate) fn comments_follow(format: Format) -> bool {
        match format {
            Format::Ini => true,
            Format::Yaml | Format::Json | Format::Dotenv | Format::Binary => false,
        }
    }
}

impl Node {
    /// Reads a value of a document in clear, with all that is below it.
    ///
    /// # Errors
    /// As for [`Tree::read`].
    pub fn read(documents: &[Document<'_>], index: usize, id: NodeId) -> Result<Self, EmitError> {
        read::node(documents, index, id, &read::InClear)
    }
}

/// Prints a tree in `format`. Unless [`Style::as_sops`], the result was read again and holds the same values.
///
/// # Errors
/// A tree that the format has no form for. No error holds a value.
pub fn emit(format: Format, tree: &Tree, style: &Style) -> Result<SecretBytes, EmitError> {
    let mut out = Text::default();
    match format {
        Format::Yaml => yaml::print(tree, step(style), style.as_sops, &mut out)?,
        Format::Json => {
            let entries = one_document(tree, format, style)?;
            json::print(entries, json_indent(style), style.as_sops, &mut out)?;
            out.push("\n");
        }
        Format::Dotenv => {
            dotenv::print(one_document(tree, format, style)?, style.as_sops, &mut out)?;
        }
        Format::Ini => {
            one_document(tree, format, style)?;
            ini::print(tree, style.as_sops, &mut out)?;
        }
        Format::Binary => {
            binary::print(one_document(tree, format, style)?, style.as_sops, &mut out)?;
        }
    }
    let bytes = out.finish();
    // What a binary file holds may look like anything.
    if !style.as_sops && format != Format::Binary {
        compare::check(format, tree, bytes.expose())?;
    }
    Ok(bytes)
}

/// Prints a single value as SOPS does for `--extract`: a mapping as a document, anything else as the format writes it,
/// which ends with a line break in YAML only.
///
/// # Errors
/// A value that the format has no form for.
pub fn emit_node(format: Format, node: &Node, style: &Style) -> Result<SecretBytes, EmitError> {
    let mut out = Text::default();
    match format {
        Format::Yaml => yaml::print_node(node, step(style), style.as_sops, &mut out)?,
        Format::Json => {
            json::print_node(node, json_indent(style), style.as_sops, &mut out)?;
            if matches!(node, Node::Mapping(_)) {
                out.push("\n");
            }
        }
        Format::Dotenv => dotenv::print_node(node, style.as_sops, &mut out)?,
        Format::Ini => ini::print_node(node, style.as_sops, &mut out)?,
        Format::Binary => binary::print_node(node, style.as_sops, &mut out)?,
    }
    Ok(out.finish())
}

/// Blanks per level, as SOPS takes the setting.
fn step(style: &Style) -> usize {
    match style.indent.yaml {
        0 => BlockIndent::default().yaml,
        step @ 2..=9 => step,
        _ => 2,
    }
}

fn json_indent(style: &Style) -> &str {
    style.indent.json.as_deref().unwrap_or("\t")
}

/// SOPS prints the first document and says nothing of the others.
fn one_document<'t>(
    tree: &'t Tree,
    format: Format,
    style: &Style,
) -> Result<&'t [Entry], EmitError> {
    let count = tree.documents.len();
    if count > 1 && !style.as_sops {
        return Err(EmitError::SeveralDocuments { count, format: name(format) });
    }
    Ok(tree.documents.first().map_or(&[], Vec::as_slice))
}

/// The format's name in messages.
fn name(format: Format) -> &'static str {
    match format {
        Format::Yaml => "yaml",
        Format::Json => "json",
        Format::Dotenv => "dotenv",
        Format::Ini => "ini",
        Format::Binary => "binary",
    }
}
