//! SealedSecrets: what was sealed may be seen, what the template says may not be secret.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::lint;
use super::object::Leaf;
use super::sink::Sink;
use crate::document::{Content, Document, NodeId, Scalar, Value};
use crate::file::Member;
use crate::kubernetes::Object;

/// The sizes of RSA keys that anybody seals with, in bytes.
const MODULUS: std::ops::RangeInclusive<usize> = 128..=2048;
/// The tag of AES-GCM, which is all that is left of an empty value.
const TAG: usize = 16;

pub(super) fn is_sealed_secret(object: &Object<'_>) -> bool {
    object.kind == "SealedSecret" && object.group() == "bitnami.com"
}

/// Checks one without an envelope of its own.
pub(super) fn check(member: Member<'_, '_>, sink: &mut Sink) {
    let document = member.document();
    let Some(spec) = document.entry(member.object, "spec") else { return };
    let below = |from: NodeId, key: &str| document.entry(from, key);
    if let Some(template) = below(spec, "template") {
        // The controller fills `data` as a template: what refers to sealed values is no secret yet.
        for key in ["data", "stringData"] {
            each_leaf(document, below(template, key), &mut |id, leaf| {
                if leaf.is_clear() && !is_template(document, id) {
                    let message =
                        "a value of the template, which goes into the Secret as it stands";
                    sink.at_key(member, id, &lint::SEALED_SECRET, message);
                }
            });
        }
    }
    // The old form is one sealed text; a mapping there is a Secret that nobody sealed.
    let data = below(spec, "data");
    let is_mapping =
        data.is_some_and(|data| matches!(document.node(data).content, Content::Mapping { .. }));
    for entry in [data.filter(|_| is_mapping), below(spec, "stringData")] {
        each_leaf(document, entry, &mut |id, leaf| {
            if leaf.is_clear() {
                sink.at_key(member, id, &lint::SEALED_SECRET, "a value that is not sealed");
            }
        });
    }
    each_leaf(document, below(spec, "encryptedData"), &mut |id, leaf| {
        if leaf.is_clear() && !looks_sealed(document, id) {
            let message = "a value that does not look like one that kubeseal made";
            sink.at_key(member, id, &lint::SEALED_SECRET, message);
        }
    });
}

fn each_leaf(document: &Document<'_>, top: Option<NodeId>, visit: &mut dyn FnMut(NodeId, Leaf)) {
    let Some(top) = top else { return };
    for index in top.index()..document.node(top).end.index() {
        if let Some(leaf) = Leaf::of(&document.nodes[index].content) {
            visit(NodeId(index as u32), leaf);
        }
    }
}

fn text<'d>(document: &'d Document<'_>, id: NodeId) -> Option<&'d str> {
    match &document.node(id).content {
        Content::Scalar(Scalar { value: Value::String(text), .. }) => Some(text),
        _ => None,
    }
}

fn is_template(document: &Document<'_>, id: NodeId) -> bool {
    text(document, id).is_some_and(|text| text.contains("{{"))
}

/// What kubeseal makes: the length of the session key under RSA in two bytes, that key, and the value with its tag.
fn has_form(sealed: &[u8]) -> bool {
    let Some((length, rest)) = sealed.split_first_chunk::<2>() else { return false };
    let length = usize::from(u16::from_be_bytes(*length));
    MODULUS.contains(&length) && rest.len() >= length + TAG
}

fn looks_sealed(document: &Document<'_>, id: NodeId) -> bool {
    let Some(text) = text(document, id) else { return false };
    // A chart fills it in.
    if text.contains("{{") {
        return true;
    }
    let compact: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(compact).is_ok_and(|sealed| has_form(&sealed))
}
