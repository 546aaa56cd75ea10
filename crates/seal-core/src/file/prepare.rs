//! Changes to the source that the user asked for, before anything is encrypted.

use super::encrypt::{EncryptOptions, may_hold, syntax};
use super::error::FileError;
use crate::document::{Content, Document, Edit, apply};
use crate::format::Format;
use crate::format::yaml;
use crate::kubernetes::{self, AsWritten, Object};

/// Takes copying annotations away and writes aliases out, as far as the options say so; `None` where nothing changes.
pub(crate) fn prepare(
    format: Format,
    source: &[u8],
    options: &EncryptOptions,
) -> Result<Option<Vec<u8>>, FileError> {
    if !(options.strip || options.expand_aliases) || !may_hold(source, b"Secret") {
        return Ok(None);
    }
    let stream = format.parse(source).map_err(syntax)?;
    let mut edits = Vec::new();
    for document in &stream.documents {
        for object in kubernetes::objects(document) {
            let is_secret =
                Object::read(&AsWritten, document, object).is_some_and(|object| object.is_secret());
            if !is_secret || document.entry(object, "sops").is_some() {
                continue;
            }
            if options.strip {
                for annotation in kubernetes::copying_annotations(document, object) {
                    edits.push(format.removed(source, document, annotation));
                }
            }
            if options.expand_aliases {
                for entry in kubernetes::region(document, object) {
                    expand(source, &stream.documents, document, entry, &mut edits)?;
                }
            }
        }
    }
    Ok((!edits.is_empty()).then(|| apply(source, 0..source.len(), edits)))
}

fn expand(
    source: &[u8],
    documents: &[Document<'_>],
    document: &Document<'_>,
    entry: crate::document::NodeId,
    edits: &mut Vec<Edit>,
) -> Result<(), FileError> {
    for index in entry.index()..document.node(entry).end.index() {
        let node = &document.nodes[index];
        if !matches!(node.content, Content::Alias { .. }) {
            continue;
        }
        let edit = yaml::edit::expanded_alias(source, documents, node).ok_or_else(|| {
            FileError::input("this alias stands for too much to be written out")
                .at(source, node.span.start)
        })?;
        edits.push(edit);
    }
    Ok(())
}
