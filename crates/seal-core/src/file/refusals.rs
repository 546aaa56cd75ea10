//! What is not encrypted as it stands, because the result would not protect it.

use std::collections::HashSet;

use super::Member;
use super::encrypt::settings;
use super::error::FileError;
use super::selectors::Selectors;
use crate::cipher::{EncText, is_enc_text};
use crate::document::{Content, Document, Node, NodeId, Scalar, Style, Value};
use crate::envelope::{Metadata, Rule};
use crate::format::Format;
use crate::kubernetes::{self, AsWritten, PROFILE_REGEX};
use crate::select::Selector;

/// An object that has an envelope has nothing in clear where it should not. Returns the envelope.
pub(crate) fn check_encrypted(
    member: Member<'_, '_>,
    sops: NodeId,
    selectors: &Selectors,
) -> Result<Metadata, FileError> {
    let document = member.document();
    let metadata = Metadata::read(document, sops).map_err(|error| {
        let problem = format!("it has a `sops` entry that is no envelope: {error}");
        member
            .at(FileError::input(problem), sops)
            .hint("a file with a top-level key `sops` cannot be encrypted")
    })?;
    let rule = metadata.rule.clone().unwrap_or_else(Rule::implied);
    let selected = selectors.compiled(&rule).map_err(settings)?.select(document, member.object);
    let first = member.object.index();
    let envelope = sops.index()..document.node(sops).end.index();
    let mut in_region = vec![false; selected.len()];
    for secret in kubernetes::secrets_within(&AsWritten, document, member.object) {
        for entry in kubernetes::region(document, secret) {
            in_region[entry.index() - first..document.node(entry).end.index() - first].fill(true);
        }
    }
    for index in first..document.node(member.object).end.index() {
        let is_secret = in_region[index - first] || selected[index - first];
        if !is_secret || envelope.contains(&index) {
            continue;
        }
        let id = NodeId(index as u32);
        let clear = match &document.node(id).content {
            Content::Scalar(Scalar { value: Value::String(text), .. }) => {
                !text.is_empty() && !is_enc_text(text)
            }
            Content::Scalar(scalar) => !scalar.value.is_empty(),
            _ => false,
        };
        if clear {
            let error = FileError::input("a value in clear stands in an encrypted document");
            return Err(member.at(error, id).hint(
                "decrypt the file, change it, and encrypt it again; or take the value out and decrypt to see what else \
                 changed",
            ));
        }
    }
    Ok(metadata)
}

/// What a Secret in clear may not have.
pub(crate) fn check_secret(
    format: Format,
    member: Member<'_, '_>,
    secret: NodeId,
) -> Result<(), FileError> {
    let document = member.document();
    if let Some(annotation) = kubernetes::copying_annotations(document, secret).first() {
        let error = FileError::input("this annotation holds a copy of the Secret in clear");
        let node = document.node(*annotation);
        let start = node.key.as_ref().map_or(node.span, |key| key.span).start;
        let error = member.near(member.at(error, *annotation), start);
        return Err(error.hint("`--strip` takes it away"));
    }
    if let Some(merge) = document.entry(secret, "<<") {
        let error = FileError::input("a merge key at the top of a Secret can bring values in");
        return Err(member.at(error, merge).hint("write out what it merges"));
    }
    for entry in kubernetes::region(document, secret) {
        for index in entry.index()..document.node(entry).end.index() {
            let id = NodeId(index as u32);
            let Content::Scalar(scalar) = &document.node(id).content else { continue };
            check_empty(member, id, scalar)?;
            let (problem, hint) = match &scalar.value {
                // `data:` with nothing below it is the same as no `data`.
                Value::Null if id != entry => {
                    let error = FileError::input("null stands in the secret part");
                    return Err(member.at_null(error, id).hint(
                        "take the key out, or make the value \"\"; a value needs a blank behind the `:`",
                    ));
                }
                Value::String(text) if is_enc_text(text) => (
                    "an encrypted value stands in a Secret that has no `sops` block",
                    "the block was lost; get it back from the file's history",
                ),
                // SOPS's format has one spelling for a point in time, and kubectl reads one without quotes as text:
                // with another spelling it would get another text.
                Value::Time(time)
                    if format.plain_text(member.source, document, id) != time.to_rfc3339() =>
                {
                    ("this date would not come back as it is spelled", "put it in quotes")
                }
                _ => continue,
            };
            return Err(member.at(FileError::input(problem), id).hint(hint));
        }
    }
    Ok(())
}

/// Refuses a value that is empty because YAML takes all of it for a tag: a password that begins with `!` and has no
/// quotes would stay in clear.
pub(crate) fn check_empty(
    member: Member<'_, '_>,
    id: NodeId,
    scalar: &Scalar<'_>,
) -> Result<(), FileError> {
    let span = member.document().node(id).span;
    if scalar.style != Style::Plain || !scalar.value.is_empty() || span.start < span.end {
        return Ok(());
    }
    let before = member.source[..span.start].trim_ascii_end();
    let is_blank = |byte: &u8| byte.is_ascii_whitespace();
    let word = before.rsplit(is_blank).next().unwrap_or_default();
    if !word.starts_with(b"!") || word.starts_with(b"!!") {
        return Ok(());
    }
    let problem = "to YAML this is a tag with nothing behind it, which stays in clear";
    Err(member
        .at(FileError::input(problem), id)
        .hint("put a value that begins with `!` in quotes; an empty one is \"\""))
}

/// Refuses an object without an envelope that holds ENC texts: whoever uses it would take the ciphertext for the value, and
/// encrypting it again would bury it. `counts` tells of which nodes.
pub(crate) fn check_lost_block(
    member: Member<'_, '_>,
    counts: impl Fn(usize) -> bool,
) -> Result<(), FileError> {
    let document = member.document();
    let is_enc = |index: &usize| match &document.nodes[*index].content {
        Content::Scalar(Scalar { value: Value::String(text), .. }) => {
            is_enc_text(text) && EncText::parse(text).is_ok()
        }
        _ => false,
    };
    let nodes = member.object.index()..document.node(member.object).end.index();
    match nodes.filter(|index| counts(*index)).find(is_enc) {
        None => Ok(()),
        Some(index) => Err(member
            .at(
                FileError::input(
                    "an encrypted value stands in a document that has no `sops` block",
                ),
                NodeId(index as u32),
            )
            .hint("the block was lost; get it back from the file's history")),
    }
}

/// Outside of its items a `List` gets no envelope, so nothing there may be chosen by the rule.
pub(crate) fn check_list(
    member: Member<'_, '_>,
    list: NodeId,
    selector: &Selector,
) -> Result<(), FileError> {
    let document = member.document();
    let selected = selector.select(document, list);
    let spared = ["apiVersion", "kind", "metadata", "items"];
    for child in document.children(list) {
        let node = document.node(child);
        if node.key.as_ref().is_none_or(|key| spared.contains(&&*key.text)) {
            continue;
        }
        for index in child.index()..node.end.index() {
            let filled = matches!(&document.nodes[index].content,
                Content::Scalar(scalar) if !scalar.value.is_empty());
            if filled && selected[index - list.index()] {
                let error = FileError::settings(
                    "the rule selects a value of a List outside of its items, where no envelope is",
                );
                return Err(member
                    .at(error, NodeId(index as u32))
                    .hint("`--layout sops` puts one envelope over the List"));
            }
        }
    }
    Ok(())
}

/// A rule that leaves a part of a Secret in clear makes a file that nobody accepts.
pub(crate) fn check_region_is_selected(
    member: Member<'_, '_>,
    secret: NodeId,
    selected: &[bool],
    rule: &Rule,
) -> Result<(), FileError> {
    let document = member.document();
    for entry in kubernetes::region(document, secret) {
        for index in entry.index()..document.node(entry).end.index() {
            let node = &document.nodes[index];
            let filled =
                matches!(&node.content, Content::Scalar(scalar) if !scalar.value.is_empty());
            if filled && !selected[index - member.object.index()] {
                let error = FileError::settings(format!(
                    "the rule `{}: {}` leaves a value of a Secret in clear",
                    rule.kind.name(),
                    rule.text
                ));
                return Err(member.at(error, NodeId(index as u32)).hint(format!(
                    "Secrets are encrypted whole: `encrypted_regex: {PROFILE_REGEX}`"
                )));
            }
        }
    }
    Ok(())
}

/// An alias outside of a secret part that points into one would repeat the secret in clear.
pub(crate) fn check_aliases(
    (before, source): (&[u8], &[u8]),
    chosen: &[(Member<'_, '_>, Rule)],
    documents: &[Document<'_>],
    selectors: &Selectors,
) -> Result<(), FileError> {
    let has_alias = documents
        .iter()
        .flat_map(|document| &document.nodes)
        .any(|node| matches!(node.content, Content::Alias { .. }) || is_alias_key(source, node));
    if !has_alias {
        return Ok(());
    }
    // For each node, how many secret ones stand before it: an alias is then judged without a walk.
    let mut counts: Vec<Vec<u32>> =
        documents.iter().map(|document| vec![0; document.nodes.len() + 1]).collect();
    let mut texts = HashSet::new();
    for (member, rule) in chosen {
        let document = member.document();
        let selector = selectors.compiled(rule).map_err(settings)?;
        for (offset, flag) in selector.select(document, member.object).iter().enumerate() {
            let index = member.object.index() + offset;
            counts[member.document][index + 1] |= u32::from(*flag);
            if let (true, Content::Scalar(Scalar { value: Value::String(text), .. })) =
                (*flag, &document.nodes[index].content)
            {
                texts.insert(text.as_ref());
            }
        }
    }
    for counts in &mut counts {
        for index in 1..counts.len() {
            counts[index] += counts[index - 1];
        }
    }
    let holds_secret = |document: usize, first: NodeId, end: NodeId| {
        counts[document][end.index()] > counts[document][first.index()]
    };
    for (index, document) in documents.iter().enumerate() {
        for (number, node) in document.nodes.iter().enumerate() {
            let id = NodeId(number as u32);
            let repeats = match &node.content {
                Content::Alias { document: target, node: to, of_key: false } => {
                    let end = documents[*target].node(*to).end;
                    holds_secret(*target, *to, end) && !holds_secret(index, id, NodeId(id.0 + 1))
                }
                _ => false,
            };
            let key = node.key.as_ref().filter(|_| is_alias_key(source, node));
            if repeats || key.is_some_and(|key| texts.contains(key.text.as_ref())) {
                let start = key.map_or(node.span.start, |key| key.span.start);
                return Err(FileError::input("this alias repeats a secret value in clear")
                    .at(before, source, start)
                    .hint("write the value out where it is not secret, or encrypt both places"));
            }
        }
    }
    Ok(())
}

/// A key written as `*name`.
fn is_alias_key(source: &[u8], node: &Node<'_>) -> bool {
    node.key.as_ref().is_some_and(|key| source.get(key.span.start) == Some(&b'*'))
}
