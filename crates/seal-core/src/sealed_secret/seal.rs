//! Secret → SealedSecret.

use super::object::SecretManifest;
use super::rewrite::{Change, Rewritten, rewrite};
use super::target::{Entry, New};
use super::{API_VERSION, COPIES, KIND, holds_manifests, may_hold};
use crate::document::{Content, Document, NodeId, Scalar, Stream, Value};
use crate::file::encrypt::syntax;
use crate::file::{FileError, Member, check_lost_block, members};
use crate::format::Format;
use crate::format::layout::members as entries_of;
use crate::kubernetes::{self, AsWritten, Object, REGION_KEYS};

/// Metadata that the API server sets and a SealedSecret has no use for.
const SET_BY_THE_SERVER: [&str; 9] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// A plaintext that is shorter than this may stand in a comment by chance.
const TELLING_LENGTH: usize = 5;

/// The Secrets in clear of a source.
#[derive(Debug, Default)]
pub struct Secrets {
    /// In order. Those without a value are among them.
    pub list: Vec<SecretManifest>,
    /// How many others have an envelope of SOPS.
    pub with_envelope: usize,
    /// How many SealedSecrets there are.
    pub sealed: usize,
}

/// What a Secret becomes.
#[derive(Debug, Clone, Default)]
pub struct Sealing {
    /// The sealed text of each value, by key.
    pub values: Vec<(String, String)>,
    /// The namespace, where the Secret does not say it.
    pub namespace: Option<String>,
    /// Annotations that the SealedSecret and its template get, or with `None` lose: those that say the scope.
    pub annotations: Vec<(&'static str, Option<&'static str>)>,
}

/// The Secrets of a source.
///
/// # Errors
/// The source is not of its format, holds a Secret where nothing would find it, or one that is none for Kubernetes.
pub fn secrets(format: Format, source: &[u8]) -> Result<Secrets, FileError> {
    if !holds_manifests(format) || !may_hold(source) {
        return Ok(Secrets::default());
    }
    let stream = format.parse(source).map_err(syntax)?;
    let mut found = Secrets::default();
    let mut covered: Vec<Vec<NodeId>> = vec![Vec::new(); stream.documents.len()];
    for member in members(&[], source, &stream) {
        match kind_of(member)? {
            Kind::Secret => {
                check(member)?;
                found
                    .list
                    .push(SecretManifest::read(member).map_err(|error| named(error, member))?);
            }
            Kind::WithEnvelope => found.with_envelope += 1,
            Kind::Sealed => found.sealed += 1,
            Kind::Other => continue,
        }
        covered[member.document].push(member.object);
    }
    check_hidden(source, &stream, &covered)?;
    Ok(found)
}

/// Writes SealedSecrets in the place of Secrets; `sealings` are for what [`secrets`] gave, in that order, and `None`
/// leaves one as it is.
///
/// # Errors
/// As for [`secrets`]; a Secret that cannot be rewritten as it is spelled.
pub fn seal(
    format: Format,
    source: &[u8],
    sealings: &[Option<Sealing>],
) -> Result<Rewritten, FileError> {
    if sealings.iter().all(Option::is_none) {
        return Ok(Rewritten::default());
    }
    let stream = format.parse(source).map_err(syntax)?;
    let mut changes = Vec::new();
    let mut next = sealings.iter();
    for member in members(&[], source, &stream) {
        if !matches!(kind_of(member)?, Kind::Secret) {
            continue;
        }
        let Some(Some(sealing)) = next.next() else { continue };
        let secret = SecretManifest::read(member)?;
        let texts: Vec<_> = secret.values.into_iter().map(|value| value.plaintext).collect();
        let forbidden = move |comment: &str| {
            looks_like_a_value(comment)
                || texts.iter().filter(|text| text.expose().len() >= TELLING_LENGTH).any(|text| {
                    memchr::memmem::find(comment.as_bytes(), text.expose().trim_ascii()).is_some()
                })
        };
        let entries = sealed_secret(member.document(), member.object, sealing);
        changes.push(Change { member, entries, forbidden: Box::new(forbidden) });
    }
    rewrite(format, source, &stream, &changes)
}

enum Kind {
    Secret,
    WithEnvelope,
    Sealed,
    Other,
}

fn kind_of(member: Member<'_, '_>) -> Result<Kind, FileError> {
    let document = member.document();
    if let Some(entry) = kubernetes::hidden_kind(member.documents, document, member.object) {
        let error = FileError::input(
            "an alias or a merge key says what this document is: it may be a Secret",
        );
        return Err(member.at(error, entry).hint("write out what it stands for"));
    }
    if let Some(item) = kubernetes::indirect_item(member.documents, document, member.object) {
        let error = FileError::input("an alias stands for an item of a list: it may be a Secret");
        return Err(member.at(error, item).hint("write out what it stands for"));
    }
    let Some(object) = Object::read(&AsWritten, document, member.object) else {
        return Ok(Kind::Other);
    };
    Ok(match () {
        () if document.entry(member.object, "sops").is_some() => Kind::WithEnvelope,
        () if super::is_sealed_secret(document, member.object) => Kind::Sealed,
        () if object.is_secret() => Kind::Secret,
        () if object.kind == "SecretList" && object.group().is_empty() => {
            let error = FileError::input("the items of a SecretList do not say what they are");
            return Err(member
                .at(error, member.object)
                .hint("make it a List whose items have `apiVersion` and `kind`"));
        }
        () => Kind::Other,
    })
}

fn named(error: FileError, member: Member<'_, '_>) -> FileError {
    error.object(member.describe())
}

/// What would be lost, or stay in clear.
fn check(member: Member<'_, '_>) -> Result<(), FileError> {
    let document = member.document();
    check_lost_block(member, |_| true).map_err(|error| named(error, member))?;
    if let Some(entry) = kubernetes::indirect_identity(&AsWritten, document, member.object) {
        let error = FileError::input("what the Secret is called has to be written out, as texts");
        return Err(
            named(member.at(error, entry), member).hint("write it without aliases and merge keys")
        );
    }
    for entry in entries_of(document, member.object) {
        let Some(key) = document.node(entry).key.as_ref() else { continue };
        let known =
            ["apiVersion", "kind", "metadata", "type", "immutable", "data", "stringData", "status"];
        if !known.contains(&&*key.text) {
            let error = FileError::input(
                "a Secret has no such field, so a SealedSecret has no place for it",
            );
            return Err(
                named(member.at(error, entry), member).hint("take it out, or correct its name")
            );
        }
    }
    let region = REGION_KEYS.iter().filter_map(|key| document.entry(member.object, key));
    for region in region {
        if let Some(merge) = document.entry(region, "<<") {
            let error = FileError::input("a merge key stands in the secret part");
            return Err(named(member.at(error, merge), member)
                .hint("write out what it merges: that would stay in clear elsewhere"));
        }
    }
    Ok(())
}

/// Refuses Secrets that stand where no object is looked for, and aliases that repeat a value elsewhere.
fn check_hidden(
    source: &[u8],
    stream: &Stream<'_>,
    covered: &[Vec<NodeId>],
) -> Result<(), FileError> {
    let mut regions: Vec<(usize, std::ops::Range<u32>)> = Vec::new();
    for (index, (document, covered)) in stream.documents.iter().zip(covered).enumerate() {
        if let Some(secret) = kubernetes::unprotected_secrets(document, covered).next() {
            let start = document.node(secret).span.start;
            return Err(FileError::input(
                "a Secret stands here in clear where nothing looks for one",
            )
            .at(&[], source, start)
            .hint("make it a document of its own, with `apiVersion` and `kind`"));
        }
        let secrets = covered.iter().flat_map(|object| kubernetes::region(document, *object));
        regions.extend(secrets.map(|id| (index, id.0..document.node(id).end.0)));
    }
    for document in &stream.documents {
        for node in &document.nodes {
            let Content::Alias { document: target, node: to, .. } = &node.content else { continue };
            let tree = &stream.documents[*target];
            let (first, end) = (to.0, tree.node(*to).end.0);
            let repeats = regions
                .iter()
                .any(|(of, range)| of == target && first < range.end && range.start < end);
            if repeats {
                return Err(FileError::input("this alias repeats a secret value in clear")
                    .at(&[], source, node.span.start)
                    .hint("write the value out where it is not secret"));
            }
        }
    }
    Ok(())
}

/// A comment that is an entry which somebody took out: its value is not encrypted.
fn looks_like_a_value(comment: &str) -> bool {
    let entry = comment.trim_start_matches(['#', '-', ' ']);
    let Some(at) = entry.find([':', '=']) else { return false };
    let key = entry[..at].trim().trim_matches(['"', '\'']);
    let value = entry[at + 1..].trim();
    let is_key =
        !key.is_empty() && !key.contains(char::is_whitespace) && !entry[at..].starts_with("://");
    let is_one_word = !value.is_empty() && !value.contains(char::is_whitespace);
    is_key && (is_one_word || value.starts_with(['"', '\'', '|', '>']))
}

fn sealed_secret(document: &Document<'_>, secret: NodeId, sealing: &Sealing) -> Vec<Entry> {
    let mut entries = Vec::new();
    for id in entries_of(document, secret) {
        let Some(key) = &document.node(id).key else { continue };
        match &*key.text {
            "apiVersion" => entries.push(Entry::of("apiVersion", New::text(API_VERSION), id)),
            "kind" => entries.push(Entry::of("kind", New::text(KIND), id)),
            "metadata" => {
                let metadata = New::Map(metadata(document, id, sealing));
                entries.push(Entry::of("metadata", metadata, id));
            }
            _ => {}
        }
    }
    let mut spec = vec![encrypted_data(document, secret, sealing)];
    let mut template = Vec::new();
    if let Some(metadata) = document.entry(secret, "metadata") {
        let metadata = template_metadata(document, metadata, sealing);
        template.push(Entry::new("metadata", New::Map(metadata)));
    }
    for key in ["type", "immutable"] {
        let entry = document.entry(secret, key).filter(|id| !is_null(document, *id));
        template.extend(entry.map(|id| Entry::same(document, id)));
    }
    spec.push(Entry::new("template", New::Map(template)));
    entries.push(Entry::new("spec", New::Map(spec)));
    entries
}

/// Of the SealedSecret itself.
fn metadata(document: &Document<'_>, metadata: NodeId, sealing: &Sealing) -> Vec<Entry> {
    let mut entries: Vec<Entry> = ["name", "namespace"]
        .into_iter()
        .filter_map(|key| document.entry(metadata, key).filter(|id| !is_null(document, *id)))
        .map(|id| Entry::same(document, id))
        .collect();
    entries.sort_by_key(|entry| entry.origin);
    if let Some(namespace) = &sealing.namespace {
        entries.push(Entry::new("namespace", New::text(namespace)));
    }
    let set: Vec<Entry> = set_annotations(sealing).collect();
    if !set.is_empty() {
        entries.push(Entry::new("annotations", New::Map(set)));
    }
    entries
}

/// Of the Secret that the controller makes.
fn template_metadata(document: &Document<'_>, metadata: NodeId, sealing: &Sealing) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut has_annotations = false;
    for id in entries_of(document, metadata).filter(|id| !is_null(document, *id)) {
        let Some(key) = &document.node(id).key else { continue };
        match &*key.text {
            key if SET_BY_THE_SERVER.contains(&key) => {}
            // Their comments stay with those of the SealedSecret.
            "name" | "namespace" => {
                entries.push(Entry { without_comments: true, ..Entry::same(document, id) });
            }
            "annotations" => {
                has_annotations = true;
                entries.extend(template_annotations(document, id, sealing));
            }
            _ => entries.push(Entry::same(document, id)),
        }
    }
    if let Some(namespace) = &sealing.namespace {
        entries.push(Entry::new("namespace", New::text(namespace)));
    }
    let set: Vec<Entry> = set_annotations(sealing).collect();
    if !has_annotations && !set.is_empty() {
        entries.push(Entry::new("annotations", New::Map(set)));
    }
    entries
}

fn template_annotations(
    document: &Document<'_>,
    annotations: NodeId,
    sealing: &Sealing,
) -> Option<Entry> {
    let says_scope = |key: &str| sealing.annotations.iter().find(|(name, _)| *name == key);
    let all: Vec<NodeId> = entries_of(document, annotations).collect();
    let mut stay = Vec::new();
    for id in &all {
        let Some(key) = &document.node(*id).key else { continue };
        let is_as_it_should = match says_scope(&key.text) {
            Some((_, Some(value))) => is_text(document, *id, value),
            Some((_, None)) => false,
            None => !COPIES.contains(&&*key.text),
        };
        if is_as_it_should {
            stay.push(Entry::same(document, *id));
        }
    }
    let missing: Vec<Entry> = set_annotations(sealing)
        .filter(|entry| !stay.iter().any(|there| there.key == entry.key))
        .collect();
    if stay.len() == all.len() && missing.is_empty() {
        return (!all.is_empty()).then(|| Entry::same(document, annotations));
    }
    stay.extend(missing);
    (!stay.is_empty()).then(|| Entry::of("annotations", New::Map(stay), annotations))
}

fn set_annotations(sealing: &Sealing) -> impl Iterator<Item = Entry> {
    let set = sealing.annotations.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
    set.map(|(name, value)| Entry::new(name, New::text(value)))
}

fn encrypted_data(document: &Document<'_>, secret: NodeId, sealing: &Sealing) -> Entry {
    let mut regions: Vec<NodeId> =
        REGION_KEYS.iter().filter_map(|key| document.entry(secret, key)).collect();
    regions.sort_unstable();
    let mut entries: Vec<Entry> = Vec::new();
    let string_data = document.entry(secret, "stringData");
    for (index, region) in regions.iter().enumerate() {
        let mut joined: Vec<NodeId> = if index > 0 { vec![*region] } else { Vec::new() };
        for id in entries_of(document, *region) {
            let Some(key) = &document.node(id).key else { continue };
            // The same key in `stringData` wins, and its line and comments with it.
            let overruled = string_data
                .filter(|winner| winner != region)
                .is_some_and(|winner| document.entry(winner, &key.text).is_some());
            let sealed = sealing.values.iter().find(|(name, _)| *name == key.text);
            let Some((_, text)) = sealed.filter(|_| !overruled) else { continue };
            let entry = Entry::of(key.text.to_string(), New::text(text.as_str()), id);
            let joined = std::mem::take(&mut joined);
            entries.push(Entry { from_region: true, joined, ..entry });
        }
    }
    let first = regions.first().copied();
    Entry {
        key: "encryptedData".to_owned(),
        value: New::Map(entries),
        origin: first,
        joined: Vec::new(),
        without_comments: false,
        from_region: true,
    }
}

fn is_null(document: &Document<'_>, id: NodeId) -> bool {
    matches!(&document.node(id).content, Content::Scalar(Scalar { value: Value::Null, .. }))
}

fn is_text(document: &Document<'_>, id: NodeId, text: &str) -> bool {
    matches!(&document.node(id).content,
        Content::Scalar(Scalar { value: Value::String(there), .. }) if there == text)
}
