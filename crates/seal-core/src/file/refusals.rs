//! What is not encrypted as it stands, because the result would not protect it.

use std::collections::HashSet;

use super::Member;
use super::encrypt::compile;
use super::error::FileError;
use super::open::relative_path;
use crate::cipher::is_enc_text;
use crate::document::{Content, Document, NodeId, Scalar, Value};
use crate::envelope::{Metadata, Rule};
use crate::kubernetes::{self, PROFILE_REGEX};

/// An object that has an envelope has nothing in clear where it should not.
pub(crate) fn check_encrypted(
    member: Member<'_, '_>,
    sops: NodeId,
    is_secret: bool,
) -> Result<(), FileError> {
    let document = member.document();
    let metadata = Metadata::read(document, sops).map_err(|error| {
        FileError::input(format!("it has a `sops` entry that is no envelope: {error}"))
            .at(member.source, document.node(sops).span.start)
            .hint("a file with a top-level key `sops` cannot be encrypted")
    })?;
    let rule = metadata.rule.unwrap_or_else(Rule::implied);
    let selected = compile(&rule)?.select(document, member.object);
    let region: Vec<_> =
        if is_secret { kubernetes::region(document, member.object) } else { Vec::new() };
    for index in member.object.index()..document.node(member.object).end.index() {
        let id = NodeId(index as u32);
        let in_region = region.iter().any(|entry| *entry <= id && id < document.node(*entry).end);
        if !in_region && !selected[index - member.object.index()] {
            continue;
        }
        let clear = match &document.node(id).content {
            Content::Scalar(Scalar { value: Value::String(text), .. }) => {
                !text.is_empty() && !is_enc_text(text)
            }
            Content::Scalar(scalar) => !scalar.value.is_empty(),
            _ => false,
        };
        if clear {
            return Err(FileError::input("a value in clear stands in an encrypted document")
                .path(relative_path(document, member.object, id))
                .at(member.source, document.node(id).span.start)
                .hint(
                    "decrypt the file, change it, and encrypt it again; or take the value out and decrypt to see \
                     what else changed",
                ));
        }
    }
    Ok(())
}

/// What a Secret in clear may not have.
pub(crate) fn check_secret(member: Member<'_, '_>) -> Result<(), FileError> {
    let document = member.document();
    if let Some(annotation) = kubernetes::copying_annotations(document, member.object).first() {
        let node = document.node(*annotation);
        return Err(FileError::input("this annotation holds a copy of the Secret in clear")
            .path(relative_path(document, member.object, *annotation))
            .at(member.source, node.key.as_ref().map_or(node.span, |key| key.span).start)
            .hint("`--strip` takes it away"));
    }
    if let Some(merge) = document.entry(member.object, "<<") {
        return Err(FileError::input("a merge key at the top of a Secret can bring values in")
            .at(member.source, document.node(merge).span.start)
            .hint("write out what it merges"));
    }
    for entry in kubernetes::region(document, member.object) {
        for index in entry.index()..document.node(entry).end.index() {
            let id = NodeId(index as u32);
            let node = document.node(id);
            let Content::Scalar(scalar) = &node.content else { continue };
            let place = |error: FileError| {
                error
                    .path(relative_path(document, member.object, id))
                    .at(member.source, node.span.start)
            };
            match &scalar.value {
                Value::Null => {
                    return Err(place(FileError::input("null stands in the secret part"))
                        .hint("take the key out, or make the value \"\""));
                }
                Value::String(text) if is_enc_text(text) => {
                    return Err(place(FileError::input(
                        "an encrypted value stands in a Secret that has no `sops` block",
                    ))
                    .hint("the block was lost; get it back from the file's history"));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// A rule that leaves a part of a Secret in clear makes a file that nobody accepts.
pub(crate) fn check_region_is_selected(
    member: Member<'_, '_>,
    selected: &[bool],
    rule: &Rule,
) -> Result<(), FileError> {
    let document = member.document();
    for entry in kubernetes::region(document, member.object) {
        for index in entry.index()..document.node(entry).end.index() {
            let node = &document.nodes[index];
            let filled =
                matches!(&node.content, Content::Scalar(scalar) if !scalar.value.is_empty());
            if filled && !selected[index - member.object.index()] {
                let id = NodeId(index as u32);
                return Err(FileError::settings(format!(
                    "the rule `{}: {}` leaves a value of a Secret in clear",
                    rule.kind.name(),
                    rule.text
                ))
                .path(relative_path(document, member.object, id))
                .at(member.source, node.span.start)
                .hint(format!("Secrets are encrypted whole: `encrypted_regex: {PROFILE_REGEX}`")));
            }
        }
    }
    Ok(())
}

/// An alias outside of a secret part that points into one would repeat the secret in clear.
pub(crate) fn check_aliases(
    source: &[u8],
    chosen: &[(Member<'_, '_>, Rule)],
    documents: &[Document<'_>],
) -> Result<(), FileError> {
    let has_alias = documents.iter().any(|document| {
        document.nodes.iter().any(|node| matches!(node.content, Content::Alias { .. }))
    });
    if !has_alias {
        return Ok(());
    }
    let mut secret: HashSet<(usize, u32)> = HashSet::new();
    for (member, rule) in
        chosen.iter().filter(|(member, _)| std::ptr::eq(member.documents, documents))
    {
        let selected = compile(rule)?.select(member.document(), member.object);
        for (offset, flag) in selected.iter().enumerate() {
            if *flag {
                secret.insert((member.document, member.object.0 + offset as u32));
            }
        }
    }
    for (index, document) in documents.iter().enumerate() {
        for (number, node) in document.nodes.iter().enumerate() {
            let Content::Alias { document: target, node: to, of_key } = &node.content else {
                continue;
            };
            let reaches = !of_key
                && (to.0..documents[*target].node(*to).end.0)
                    .any(|id| secret.contains(&(*target, id)));
            let inside = secret.contains(&(index, number as u32));
            if reaches && !inside {
                return Err(FileError::input("this alias repeats a secret value in clear")
                    .at(source, node.span.start)
                    .hint("write the value out where it is not secret, or encrypt both places"));
            }
        }
    }
    Ok(())
}
