//! Changes to the source that the user asked for, before anything is encrypted.

use super::encrypt::{EncryptOptions, may_hold, syntax};
use super::error::FileError;
use super::{Member, members};
use crate::document::{Content, Edit, NodeId, apply};
use crate::format::{Format, yaml};
use crate::kubernetes::{self, AsWritten, COPYING_ANNOTATIONS, Object};

/// Takes copying annotations away and writes aliases out, as far as the options say so; `None` where nothing changes.
pub(crate) fn prepare(
    format: Format,
    source: &[u8],
    options: &EncryptOptions,
) -> Result<Option<Vec<u8>>, FileError> {
    if options.as_data {
        let has_alias = options.expand_aliases && memchr::memchr(b'&', source).is_some();
        return if has_alias { without_aliases(format, source) } else { Ok(None) };
    }
    if !may_hold(source, b"Secret") {
        return Ok(None);
    }
    let mut prepared = None;
    if options.strip {
        // One key after the other: in a flow mapping the removals of neighbours would overlap.
        for key in COPYING_ANNOTATIONS {
            let source = prepared.as_deref().unwrap_or(source);
            prepared = changed(format, source, &|member, edits| {
                if let Some(annotation) =
                    kubernetes::annotation(member.document(), member.object, key)
                {
                    edits.extend(format.removed(member.source, member.document(), annotation));
                }
                Ok(())
            })?
            .or(prepared);
        }
    }
    if options.expand_aliases {
        let source = prepared.as_deref().unwrap_or(source);
        prepared = changed(format, source, &|member, edits| {
            for entry in kubernetes::region(member.document(), member.object) {
                expand(member, entry, edits)?;
            }
            Ok(())
        })?
        .or(prepared);
    }
    Ok(prepared)
}

type Outcome = Result<(), FileError>;

/// The source after the edits that `edit` makes to its Secrets in clear; `None` where there are none.
fn changed(
    format: Format,
    source: &[u8],
    edit: &dyn Fn(Member<'_, '_>, &mut Vec<Edit>) -> Outcome,
) -> Result<Option<Vec<u8>>, FileError> {
    let stream = format.parse(source).map_err(syntax)?;
    let mut edits = Vec::new();
    for member in members(&[], source, &stream) {
        let document = member.document();
        let is_secret = Object::read(&AsWritten, document, member.object)
            .is_some_and(|object| object.is_secret());
        if is_secret && document.entry(member.object, "sops").is_none() {
            edit(member, &mut edits)?;
        }
    }
    Ok((!edits.is_empty()).then(|| apply(source, 0..source.len(), edits)))
}

/// The source with all its aliases written out; `None` where there are none.
fn without_aliases(format: Format, source: &[u8]) -> Result<Option<Vec<u8>>, FileError> {
    let stream = format.parse(source).map_err(syntax)?;
    let mut edits = Vec::new();
    let documents = &stream.documents;
    for (document, tree) in documents.iter().enumerate() {
        let object = tree.root();
        let member = Member { before: &[], source, documents, document, object, place: 0 };
        expand(member, object, &mut edits)?;
    }
    Ok((!edits.is_empty()).then(|| apply(source, 0..source.len(), edits)))
}

fn expand(member: Member<'_, '_>, entry: NodeId, edits: &mut Vec<Edit>) -> Result<(), FileError> {
    let document = member.document();
    for index in entry.index()..document.node(entry).end.index() {
        let node = &document.nodes[index];
        if !matches!(node.content, Content::Alias { .. }) {
            continue;
        }
        let edit = yaml::edit::expanded_alias(member.source, member.documents, node);
        edits.push(edit.ok_or_else(|| {
            let error = FileError::input("this alias stands for too much to be written out");
            member.at(error, NodeId(index as u32))
        })?);
    }
    Ok(())
}
