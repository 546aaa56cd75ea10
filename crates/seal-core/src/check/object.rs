//! Objects without an envelope: nothing that has to be encrypted may be in them.

use super::sink::Sink;
use super::{Run, copies, lint, sealed};
use crate::cipher::is_enc_text;
use crate::document::{Content, Document, NodeId, Scalar, Style, Value};
use crate::envelope::Rule;
use crate::file::Member;
use crate::kubernetes::{self, AsWritten, Object, profile_rule};

/// Checks one; true where it holds a secret in clear as a whole, so that its parts need no finding of their own.
pub(super) fn check(run: &Run<'_>, member: Member<'_, '_>, sink: &mut Sink) -> bool {
    let document = member.document();
    let object = Object::read(&AsWritten, document, member.object);
    check_shape(member, object.as_ref(), sink);
    let is_secret = object.as_ref().is_some_and(Object::is_secret);
    let mut reported = false;
    if is_secret {
        copies::check(member, member.object, sink);
        check_merge(member, member.object, sink);
        reported = check_secret(run, member, sink);
    } else if object.as_ref().is_some_and(sealed::is_sealed_secret) {
        sealed::check(member, sink);
    }
    check_rule(run, member, reported, sink) || reported
}

/// The nearest object that holds a node: the item of a list, or the document.
pub(super) fn around(document: &Document<'_>, node: NodeId) -> NodeId {
    let mut objects = kubernetes::objects(document);
    objects.retain(|object| *object <= node && node < document.node(*object).end);
    objects.first().copied().unwrap_or_else(|| document.root())
}

/// What says by an alias, a merge key or not at all that it may be a Secret.
pub(super) fn check_shape(member: Member<'_, '_>, object: Option<&Object<'_>>, sink: &mut Sink) {
    let document = member.document();
    if let Some(entry) = kubernetes::hidden_kind(member.documents, document, member.object) {
        let message = "an alias or a merge key says what this document is: it may be a Secret";
        sink.at_key(member, entry, &lint::HIDDEN_SECRET, message);
    } else if let Some(item) = kubernetes::indirect_item(member.documents, document, member.object)
    {
        let message = "an alias stands for an item of a list: it may be a Secret";
        sink.at(member, item, &lint::HIDDEN_SECRET, message);
    } else if object.is_some_and(|object| object.kind == "SecretList" && object.group().is_empty())
    {
        let message = "the items of a SecretList do not say what they are";
        sink.at(member, member.object, &lint::HIDDEN_SECRET, message);
    }
}

/// A merge key brings values in that stand elsewhere.
pub(super) fn check_merge(member: Member<'_, '_>, secret: NodeId, sink: &mut Sink) {
    if let Some(merge) = member.document().entry(secret, "<<") {
        let message = "a merge key at the top of a Secret can bring values in";
        sink.at_key(member, merge, &lint::HIDDEN_SECRET, message);
    }
}

/// A leaf of a document, as far as checks ask.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaf {
    /// Nothing to protect.
    Empty,
    Null,
    Enc,
    Clear,
    Alias,
}

impl Leaf {
    /// What stands at a node; `None` for collections and comments.
    pub(super) fn of(content: &Content<'_>) -> Option<Self> {
        Some(match content {
            Content::Scalar(scalar) if is_tag_alone(scalar) => Self::Clear,
            Content::Scalar(Scalar { value: Value::Null, .. }) => Self::Null,
            Content::Scalar(Scalar { value: Value::String(text), .. }) if is_enc_text(text) => {
                Self::Enc
            }
            Content::Scalar(scalar) if scalar.value.is_empty() => Self::Empty,
            Content::Scalar(_) => Self::Clear,
            Content::Alias { .. } => Self::Alias,
            Content::Mapping { .. } | Content::Sequence { .. } | Content::Comment(_) => {
                return None;
            }
        })
    }

    /// Whether there is something to see.
    pub(super) fn is_clear(self) -> bool {
        matches!(self, Self::Clear | Self::Alias)
    }
}

/// A text without quotes that begins with `!` is a tag with nothing behind it.
fn is_tag_alone(scalar: &Scalar<'_>) -> bool {
    let is_own = |tag: &str| !tag.starts_with("!!");
    let is_plain = scalar.style == Style::Plain && scalar.value.is_empty();
    is_plain && scalar.tag.as_deref().is_some_and(is_own)
}

/// The values of a Secret without an envelope.
fn check_secret(run: &Run<'_>, member: Member<'_, '_>, sink: &mut Sink) -> bool {
    let document = member.document();
    // Of the same name in another place, as in the metadata, a value is encrypted too.
    let Ok(selector) = run.selectors.compiled(&profile_rule()) else { return false };
    let selected = selector.select(document, member.object);
    let (mut clear, mut to_render) = (0, 0);
    for (node, _) in document.nodes[member.object.index()..]
        .iter()
        .zip(selected)
        .filter(|(node, selected)| *selected && Leaf::of(&node.content).is_some_and(Leaf::is_clear))
    {
        clear += 1;
        let is_to_render = matches!(&node.content,
            Content::Scalar(Scalar { value: Value::String(text), .. }) if text.contains("{{"));
        to_render += usize::from(is_to_render);
    }
    for entry in kubernetes::region(document, member.object) {
        sink.note_reported(document.node(entry).span);
    }
    if clear == 0 {
        return false;
    }
    let kind = document.entry(member.object, "kind").unwrap_or(member.object);
    if clear == to_render {
        let message = "its values are those of a template";
        sink.at_object(member, kind, &lint::TEMPLATE, message);
    } else {
        let values =
            if clear == 1 { "1 value is".to_owned() } else { format!("{clear} values are") };
        sink.at_object(member, kind, &lint::SECRET_IN_CLEAR, format!("{values} in clear"));
    }
    true
}

/// What the rule selects, and encrypted values without an envelope.
fn check_rule(run: &Run<'_>, member: Member<'_, '_>, reported: bool, sink: &mut Sink) -> bool {
    let document = member.document();
    let rule = run.rule();
    let is_mapping = matches!(document.node(member.object).content, Content::Mapping { .. });
    let selected = match rule {
        Some((_, selector)) if is_mapping => selector.select(document, member.object),
        _ => Vec::new(),
    };
    let first = member.object.index();
    let (mut count, mut place) = (0, None);
    let mut lost = (0, None);
    let mut foreign = with_envelope(document, member.object).into_iter().peekable();
    let mut foreign_until = 0;
    for index in first..document.node(member.object).end.index() {
        let id = NodeId(index as u32);
        let node = document.node(id);
        while foreign.next_if(|mapping| *mapping <= id).is_some_and(|mapping| {
            foreign_until = foreign_until.max(document.node(mapping).end.index());
            true
        }) {}
        match Leaf::of(&node.content) {
            Some(Leaf::Enc) if index >= foreign_until => {
                lost = (lost.0 + 1, lost.1.or(Some(id)));
            }
            Some(leaf) if leaf.is_clear() => {
                sink.has_values = true;
                // At the top of a file that a rule means, a list has no place for an envelope.
                let is_selected = match is_mapping {
                    true => selected.get(index - first).is_some_and(|selected| *selected),
                    false => rule.is_some(),
                };
                if is_selected {
                    sink.has_selected = true;
                    (count, place) = (count + 1, place.or(Some(id)));
                    sink.note_reported(node.span);
                }
            }
            _ => {}
        }
    }
    if let (lost, Some(id)) = lost {
        let message = match lost {
            1 => "an encrypted value stands in a document without a `sops` block".to_owned(),
            lost => format!("{lost} encrypted values stand in a document without a `sops` block"),
        };
        sink.at(member, id, &lint::LOST_ENVELOPE, message);
    }
    let (Some((rule, _)), Some(place)) = (rule, place) else { return false };
    if !reported {
        let message = rule_in_clear(rule, count);
        sink.at_key(member, place, &lint::RULE_IN_CLEAR, message);
    }
    true
}

/// What is said of values that a creation rule selects.
pub(super) fn rule_in_clear(rule: &Rule, count: usize) -> String {
    let (kind, text) = (rule.kind.name(), &rule.text);
    match count {
        1 => format!("1 value that `{kind}: {text}` selects is in clear"),
        count => format!("{count} values that `{kind}: {text}` selects are in clear"),
    }
}

/// Mappings below a node that have a `sops` entry, in order. What is encrypted inside of them is none of ours.
fn with_envelope(document: &Document<'_>, top: NodeId) -> Vec<NodeId> {
    let nodes = &document.nodes[top.index()..document.node(top).end.index()];
    let is_sops = |key: &crate::document::Key<'_>| key.text == "sops";
    let mut above: Vec<NodeId> = nodes
        .iter()
        .filter(|node| node.key.as_ref().is_some_and(is_sops))
        .filter_map(|node| node.parent)
        .collect();
    above.sort_unstable();
    above
}
