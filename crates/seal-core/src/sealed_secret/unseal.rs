//! SealedSecret → Secret.

use zeroize::Zeroizing;

use super::object::SealedPart;
use super::rewrite::{Change, Rewritten, rewrite};
use super::target::{Entry, New};
use super::{is_sealed_secret, of_stream};
use crate::document::{Content, Document, NodeId, Scalar, Value};
use crate::file::FileError;
use crate::file::encrypt::syntax;
use crate::format::Format;
use crate::format::layout::members as entries_of;

/// What a SealedSecret becomes.
#[derive(Clone, Default)]
pub struct Opening {
    /// `data` of the Secret by key, in Base64. Each takes the place and the comments of the entry that it comes from.
    pub data: Vec<(String, Zeroizing<String>)>,
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.data.iter().map(|(key, _)| key)).finish()
    }
}

/// Writes Secrets in the place of SealedSecrets; `openings` are for what [`read`](super::read) gave, in that order, and
/// `None` leaves one as it is.
///
/// # Errors
/// The source is not of its format; an object cannot be rewritten as it is spelled.
pub fn unseal(
    format: Format,
    source: &[u8],
    openings: &[Option<Opening>],
) -> Result<Rewritten, FileError> {
    if openings.iter().all(Option::is_none) {
        return Ok(Rewritten::default());
    }
    let stream = format.parse(source).map_err(syntax)?;
    let found = of_stream(source, &stream);
    let mut changes = Vec::new();
    for ((member, _), opening) in found.iter().zip(openings) {
        let Some(opening) = opening else { continue };
        debug_assert!(is_sealed_secret(member.document(), member.object));
        let entries = secret(member.document(), member.object, opening);
        changes.push(Change { member: *member, entries, forbidden: Box::new(|_| false) });
    }
    rewrite(format, source, &stream, &changes)
}

fn secret(document: &Document<'_>, sealed: NodeId, opening: &Opening) -> Vec<Entry> {
    let spec = document.entry(sealed, "spec");
    let template = spec.and_then(|spec| document.entry(spec, "template"));
    let mut entries = Vec::new();
    for id in entries_of(document, sealed) {
        let Some(key) = &document.node(id).key else { continue };
        match &*key.text {
            "apiVersion" => entries.push(Entry::of("apiVersion", New::text("v1"), id)),
            "kind" => entries.push(Entry::of("kind", New::text("Secret"), id)),
            "metadata" => {
                let metadata = New::Map(metadata(document, id, template));
                entries.push(Entry::of("metadata", metadata, id));
            }
            _ => {}
        }
    }
    for key in ["type", "immutable"] {
        let entry = template.and_then(|template| document.entry(template, key));
        let entry = entry.filter(|id| !is_null(document, *id));
        entries.extend(entry.map(|id| Entry::same(document, id)));
    }
    entries.push(data(document, sealed, spec, opening));
    entries
}

/// Name and namespace are the SealedSecret's own, everything else is the template's.
fn metadata(document: &Document<'_>, metadata: NodeId, template: Option<NodeId>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = ["name", "namespace"]
        .into_iter()
        .filter_map(|key| document.entry(metadata, key))
        .map(|id| Entry::same(document, id))
        .collect();
    entries.sort_by_key(|entry| entry.origin);
    let of_template = template.and_then(|template| document.entry(template, "metadata"));
    for id in of_template.into_iter().flat_map(|of| entries_of(document, of)) {
        let Some(key) = &document.node(id).key else { continue };
        let is_taken = ["labels", "annotations", "finalizers"].contains(&&*key.text);
        if is_taken && !is_null(document, id) {
            entries.push(Entry::same(document, id));
        }
    }
    entries
}

fn data(document: &Document<'_>, sealed: NodeId, spec: Option<NodeId>, opening: &Opening) -> Entry {
    let mut entries: Vec<Entry> = opening
        .data
        .iter()
        .map(|(key, text)| {
            let origin = [SealedPart::EncryptedData, SealedPart::Template]
                .into_iter()
                .find_map(|part| part.entry(document, sealed, key));
            // Of a template the quotes mean nothing, and its block style less.
            Entry { origin, ..Entry::new(key.as_str(), New::Text(text.clone())) }
        })
        .collect();
    // As they stood; what comes out of an old single blob has no place of its own.
    entries.sort_by_key(|entry| entry.origin.map_or(u32::MAX, |id| id.0));
    let origin = spec.and_then(|spec| document.entry(spec, "encryptedData"));
    Entry { origin, ..Entry::new("data", New::Map(entries)) }
}

fn is_null(document: &Document<'_>, id: NodeId) -> bool {
    matches!(&document.node(id).content, Content::Scalar(Scalar { value: Value::Null, .. }))
}
