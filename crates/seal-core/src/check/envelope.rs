//! Objects with an envelope: the block is one that can be used, and all that its rule selects is encrypted.

use super::object::{Leaf, check_merge, check_shape, rule_in_clear};
use super::sink::Sink;
use super::{Run, copies, lint};
use crate::cipher::{EncText, ValueType, is_enc_text};
use crate::document::{Content, Document, NodeId, Scalar, Value};
use crate::envelope::grouped_keys::needed;
use crate::envelope::{Metadata, Rule};
use crate::file::Member;
use crate::kubernetes::{self, AsWritten, Object};

/// Whether a `sops` entry is meant as an envelope. Configurations have keys of that name too.
pub(super) fn is_meant(member: Member<'_, '_>, sops: NodeId) -> bool {
    let document = member.document();
    let is_field = |id: NodeId| {
        document.node(id).key.as_ref().is_some_and(|key| {
            ["mac", "lastmodified"].iter().any(|name| key.text.eq_ignore_ascii_case(name))
        })
    };
    let is_mapping = matches!(document.node(sops).content, Content::Mapping { .. });
    let nodes = member.object.index()..document.node(member.object).end.index();
    is_mapping && document.children(sops).any(is_field)
        || document.nodes[nodes]
            .iter()
            .any(|node| matches!(Leaf::of(&node.content), Some(Leaf::Enc)))
}

pub(super) fn check(run: &Run<'_>, member: Member<'_, '_>, sops: NodeId, sink: &mut Sink) {
    sink.envelopes += 1;
    let document = member.document();
    let object = Object::read(&AsWritten, document, member.object);
    check_shape(member, object.as_ref(), sink);
    let secrets = kubernetes::secrets_within(&AsWritten, document, member.object);
    if secrets.contains(&member.object)
        && let Some(entry) = kubernetes::indirect_identity(&AsWritten, document, member.object)
            .filter(|entry| document.node(*entry).key.as_ref().is_none_or(|key| key.text != "<<"))
    {
        let message =
            "an alias, a merge key or another type stands where the document says what it is";
        sink.at_key(member, entry, &lint::HIDDEN_SECRET, message);
    }
    for secret in &secrets {
        copies::check(member, *secret, sink);
        check_merge(member, *secret, sink);
    }
    let metadata = metadata(run, member, sops, sink);
    let is_readable = metadata.is_some();
    let rule = metadata.and_then(|metadata| metadata.rule).unwrap_or_else(Rule::implied);
    let selected = match run.selectors.compiled(&rule) {
        Ok(selector) => is_readable.then(|| selector.select(document, member.object)),
        Err(error) => {
            let message = format!("the rule of the envelope is unusable: {error}");
            sink.at_object(member, sops, &lint::ENVELOPE, message);
            None
        }
    };
    check_leaves(member, sops, selected.as_deref(), &rule, &secrets, sink);
    if let Some(selected) = selected {
        check_creation_rule(run, member, sops, (&rule, &selected), sink);
    }
    check_nested(member, &secrets, sink);
}

/// The block, as far as it can be judged without a key.
fn metadata(
    run: &Run<'_>,
    member: Member<'_, '_>,
    sops: NodeId,
    sink: &mut Sink,
) -> Option<Metadata> {
    let metadata = match Metadata::read(member.document(), sops) {
        Ok(metadata) => metadata,
        Err(error) => {
            sink.at_object(member, sops, &lint::ENVELOPE, error.to_string());
            return None;
        }
    };
    let mut problem = |problem: String| sink.at_object(member, sops, &lint::ENVELOPE, problem);
    match EncText::parse(&metadata.mac) {
        _ if metadata.mac.is_empty() => problem("the envelope has no `mac`".to_owned()),
        Err(error) => problem(format!("the `mac` is {error}")),
        Ok(mac) if mac.value_type() != ValueType::Str || !mac.tail().is_empty() => {
            problem("the `mac` is not an encrypted text and nothing else".to_owned());
        }
        Ok(_) => {}
    }
    let wrapped = metadata.key_groups.iter().flat_map(|group| &group.keys);
    if wrapped.into_iter().any(|wrapped| wrapped.enc.is_empty()) {
        problem("an entry of a master key holds no wrapped data key".to_owned());
    }
    let groups = metadata.key_groups.len();
    let threshold = needed(groups, metadata.shamir_threshold);
    if groups > 1 && !(2..=groups).contains(&threshold) {
        problem(format!("{threshold} of {groups} key groups cannot be needed to decrypt"));
    }
    if let Some(drift) = (run.options.recipients)(&metadata) {
        sink.at_object(member, sops, &lint::RECIPIENTS, drift);
    }
    Some(metadata)
}

/// Every leaf but those of the block. Without a rule that can be used, only the region of Secrets is known to be secret.
fn check_leaves(
    member: Member<'_, '_>,
    sops: NodeId,
    selected: Option<&[bool]>,
    rule: &Rule,
    secrets: &[NodeId],
    sink: &mut Sink,
) {
    let document = member.document();
    let first = member.object.index();
    let end = document.node(member.object).end.index();
    let block = sops.index()..document.node(sops).end.index();
    let mut in_region = vec![false; end - first];
    for entry in secrets.iter().flat_map(|secret| kubernetes::region(document, *secret)) {
        let nodes = entry.index() + 1..document.node(entry).end.index();
        in_region[nodes.start - first..nodes.end - first].fill(true);
        // A value in the place of the mapping is one, too; `data:` with nothing behind it is not.
        in_region[entry.index() - first] =
            !matches!(Leaf::of(&document.node(entry).content), Some(Leaf::Null));
    }
    let (mut encrypted, mut clear) = (0, 0);
    for index in (first..end).filter(|index| !block.contains(index)) {
        let id = NodeId(index as u32);
        let content = &document.node(id).content;
        let is_selected = selected.is_some_and(|selected| selected[index - first]);
        let is_secret = is_selected || in_region[index - first];
        if let Content::Comment(comment) = content {
            if is_enc_text(comment.text) {
                encrypted += 1;
                check_enc(member, id, comment.text, true, sink);
            } else if is_selected && !comment.dropped && !comment.text.is_empty() {
                sink.at(member, id, &lint::CLEAR_COMMENT, "a comment in clear");
            }
            continue;
        }
        match (Leaf::of(content), content) {
            (Some(Leaf::Enc), Content::Scalar(Scalar { value: Value::String(text), .. })) => {
                encrypted += 1;
                if selected.is_some() && !is_selected {
                    let message =
                        "an encrypted value that the rule of the envelope does not select";
                    sink.at_key(member, id, &lint::ENC_TEXT, message);
                } else {
                    check_enc(member, id, text, false, sink);
                }
            }
            (Some(Leaf::Clear), _) if is_secret => {
                sink.at_key(member, id, &lint::CLEAR_VALUE, "a value in clear");
                sink.note_reported(document.node(id).span);
            }
            (Some(Leaf::Alias), _) if is_secret => {
                let message = "an alias where an encrypted value belongs";
                sink.at_key(member, id, &lint::CLEAR_VALUE, message);
            }
            (Some(Leaf::Null), _) if in_region[index - first] => {
                let message = "null where an encrypted value belongs";
                sink.at_key(member, id, &lint::CLEAR_VALUE, message);
            }
            (Some(Leaf::Clear), _) => clear += 1,
            _ => {}
        }
    }
    if encrypted == 0 && clear > 0 && selected.is_some() {
        let (kind, text) = (rule.kind.name(), &rule.text);
        let message = format!("`{kind}: {text}` of the envelope selects nothing");
        sink.at_object(member, sops, &lint::SELECTS_NOTHING, message);
    }
}

/// Values that the rule of the envelope leaves in clear and the creation rule does not: whoever changes the envelope says
/// with it what is looked at.
fn check_creation_rule(
    run: &Run<'_>,
    member: Member<'_, '_>,
    sops: NodeId,
    (own, selected): (&Rule, &[bool]),
    sink: &mut Sink,
) {
    let Some((rule, selector)) = run.rule().filter(|(rule, _)| rule != own) else { return };
    let document = member.document();
    let wanted = selector.select(document, member.object);
    let (first, end) = (member.object.index(), document.node(member.object).end.index());
    let block = sops.index()..document.node(sops).end.index();
    let in_clear: Vec<NodeId> = (first..end)
        .filter(|index| !block.contains(index))
        .filter(|index| wanted[index - first] && !selected[index - first])
        .map(|index| NodeId(index as u32))
        .filter(|id| Leaf::of(&document.node(*id).content) == Some(Leaf::Clear))
        .collect();
    let Some(place) = in_clear.first() else { return };
    in_clear.iter().for_each(|id| sink.note_reported(document.node(*id).span));
    let message = rule_in_clear(rule, in_clear.len());
    sink.at_key(member, *place, &lint::RULE_IN_CLEAR, message);
}

fn check_enc(member: Member<'_, '_>, id: NodeId, text: &str, is_comment: bool, sink: &mut Sink) {
    match EncText::parse(text) {
        Err(error) => sink.at_key(member, id, &lint::ENC_TEXT, error.to_string()),
        // The line break that a block scalar leaves is no text.
        Ok(enc) if enc.tail().bytes().any(|byte| byte != b'\n') => {
            let message = "text stands behind the encrypted value";
            sink.at_key(member, id, &lint::ENC_TAIL, message);
        }
        Ok(enc) => {
            let is_value = member.document().node(id).key.is_some() && !is_comment;
            if is_value && enc.value_type() == ValueType::Comment {
                let message = "a comment stands where a value belongs";
                sink.at_key(member, id, &lint::ENC_TEXT, message);
            }
        }
    }
}

/// Secrets inside another object, of which the envelope's rule leaves values in clear.
fn check_nested(member: Member<'_, '_>, known: &[NodeId], sink: &mut Sink) {
    let document = member.document();
    let within = member.object.index()..document.node(member.object).end.index();
    let is_nested = |id: &NodeId| known.binary_search(id).is_err();
    for secret in kubernetes::secret_shapes(document, within).filter(is_nested) {
        if is_in_clear(document, secret) {
            let message =
                "a Secret inside this object is in clear: the rule of the envelope leaves it out";
            sink.at(member, secret, &lint::HIDDEN_SECRET, message);
        }
    }
}

/// Whether the region of a Secret has a value that is not encrypted.
pub(super) fn is_in_clear(document: &Document<'_>, secret: NodeId) -> bool {
    kubernetes::region(document, secret).into_iter().any(|entry| {
        let nodes = entry.index()..document.node(entry).end.index();
        document.nodes[nodes].iter().any(|node| Leaf::of(&node.content).is_some_and(Leaf::is_clear))
    })
}
