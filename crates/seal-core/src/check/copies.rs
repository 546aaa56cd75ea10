//! What a Secret's annotations give away: copies of its values, and that Helm treats it as a hook.

use super::envelope::is_in_clear;
use super::lint;
use super::object::Leaf;
use super::sink::Sink;
use crate::document::{Content, NodeId, Scalar, Value};
use crate::file::Member;
use crate::format::Format;
use crate::kubernetes;

/// Checks the annotations of a Secret, encrypted or not.
pub(super) fn check(member: Member<'_, '_>, secret: NodeId, sink: &mut Sink) {
    let document = member.document();
    for annotation in kubernetes::copying_annotations(document, secret) {
        if holds_values(&document.node(annotation).content) {
            let message = "this annotation repeats values of the Secret in clear";
            sink.at_key(member, annotation, &lint::COPY_IN_ANNOTATION, message);
            sink.note_reported(document.node(annotation).span);
        }
    }
    if let Some(hook) = kubernetes::annotation(document, secret, "helm.sh/hook") {
        let message = "the Secret is a hook of Helm";
        sink.at_key(member, hook, &lint::HELM_HOOK, message);
    }
}

/// Whether a copy of an object has values in clear. One that cannot be read may have.
fn holds_values(content: &Content<'_>) -> bool {
    let text = match (Leaf::of(content), content) {
        (Some(Leaf::Empty | Leaf::Null | Leaf::Enc), _) => return false,
        (_, Content::Scalar(Scalar { value: Value::String(text), .. })) => text,
        _ => return true,
    };
    let Ok(copy) = Format::Json.parse(text.as_bytes()) else { return true };
    copy.documents.iter().any(|document| is_in_clear(document, document.root()))
}
