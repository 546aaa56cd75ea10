//! Decrypts a file: finds its envelopes, verifies each, and gives the plaintext back in place.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::encrypt::{may_hold, syntax};
use super::error::{Class, Fault, FileError};
use super::open::{Demands, Opened, open};
use super::pieces::{self, Piece};
use super::refusals::check_lost_block;
use super::selectors::Selectors;
use super::write_back::{Envelope, written};
use super::{BoxError, Member, members};
use crate::cipher::{Cipher, is_enc_text};
use crate::document::{Content, NodeId, Value};
use crate::envelope::binding::{BindingKeys, Recognised};
use crate::envelope::mac::open_mac;
use crate::envelope::{Metadata, MetadataError, Rule};
use crate::format::{Format, binary};
use crate::kubernetes::{self, AsWritten, Object};
use crate::secret::{DataKey, SecretBytes};

/// How to decrypt.
#[derive(Clone, Copy, Debug, Default)]
pub struct DecryptOptions<'a> {
    /// Refuse a source without any envelope, and a Secret in clear.
    pub require_encrypted: bool,
    /// Refuse envelopes that are not bound to their document.
    pub require_bound: bool,
    /// The namespace that objects go to which carry none.
    pub namespace: Option<&'a str>,
    /// Give the values back although the MAC or the binding does not hold them together, or there is no MAC. Each
    /// value has to open all the same. What was passed over is in [`DecryptedObject::unverified`].
    pub ignore_mac: bool,
    /// Take Kubernetes objects for mere data where the envelope is not bound, as SOPS does: it then only has to hold what
    /// its own rule and MAC say. Without any envelope the source is refused.
    pub as_data: bool,
}

/// One envelope that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecryptedObject {
    /// `Secret prod/db`, where it is a Kubernetes object.
    pub description: Option<String>,
    /// The envelope is tied to its document; else SOPS wrote or re-wrote it.
    pub bound: bool,
    /// The leaves stand in another order than when they were encrypted.
    pub reordered: bool,
    /// Values that were decrypted.
    pub values: usize,
    /// Why nobody can say that the values belong together, where [`DecryptOptions::ignore_mac`] let that pass.
    pub unverified: Option<String>,
}

/// The result of [`decrypt`].
#[derive(Debug)]
pub struct Decrypted {
    /// The plaintext; `None` where nothing was encrypted.
    pub bytes: Option<SecretBytes>,
    /// What was opened, in order.
    pub objects: Vec<DecryptedObject>,
}

/// Unwraps the data key of an envelope.
pub type Unwrap<'a> = &'a (dyn Fn(&Metadata) -> Result<DataKey, BoxError> + Sync);

/// Decrypts a source, whichever layout it has.
///
/// Nothing of the plaintext is returned before every envelope is verified and the result was read again and found to
/// hold the decrypted values.
///
/// # Errors
/// [`Class::Refused`] for whatever was altered, [`Class::NoKey`] where `unwrap` fails.
pub fn decrypt(
    format: Format,
    source: &[u8],
    options: &DecryptOptions<'_>,
    unwrap: Unwrap<'_>,
) -> Result<Decrypted, FileError> {
    let made = |piece: &Piece<'_>, envelopes: &[Envelope<'_, '_>]| match envelopes.is_empty() {
        true => Ok(None),
        false => Ok(Some(written(format, piece, envelopes)?)),
    };
    let Made { pieces, parts, objects } = make(format, source, options, unwrap, false, made)?;
    let mut bytes = Zeroizing::new(Vec::new());
    let changed = parts.iter().any(Option::is_some);
    if changed {
        // The exact capacity: a buffer that grows leaves copies of the plaintext behind.
        let length = |(piece, part): (&Piece<'_>, &Option<Zeroizing<Vec<u8>>>)| {
            part.as_ref().map_or(piece.text.len(), |part| part.len())
        };
        bytes.reserve_exact(pieces.iter().zip(&parts).map(length).sum());
        for (piece, part) in pieces.iter().zip(&parts) {
            bytes.extend_from_slice(part.as_ref().map_or(piece.text, |part| part));
        }
    }
    let bytes = changed.then(|| SecretBytes::new(std::mem::take(&mut *bytes)));
    Ok(Decrypted { bytes, objects })
}

/// What was made of a source.
pub(super) struct Made<'s, T> {
    pub(super) pieces: Vec<Piece<'s>>,
    /// What became of each piece.
    pub(super) parts: Vec<T>,
    pub(super) objects: Vec<DecryptedObject>,
}

/// Opens and verifies every envelope of a source, and lets `finish` make something of each piece with its envelopes.
/// With `everything`, pieces that hold nothing encrypted are read too.
pub(super) fn make<'s, T: Send>(
    format: Format,
    source: &'s [u8],
    options: &DecryptOptions<'_>,
    unwrap: Unwrap<'_>,
    everything: bool,
    finish: impl Fn(&Piece<'s>, &[Envelope<'_, 's>]) -> Result<T, FileError> + Sync,
) -> Result<Made<'s, T>, FileError> {
    let wanted = |text: &[u8]| {
        everything
            || may_hold(text, b"sops")
            || memchr::memmem::find(text, b"ENC[AES256_GCM").is_some()
            || (options.require_encrypted && memchr::memmem::find(text, b"Secret").is_some())
    };
    let mut pieces = pieces::read(format, source, wanted).map_err(syntax)?;
    if everything && !has_own_envelopes(&pieces) {
        // Read in one, comments stand where SOPS's reader puts them.
        pieces = pieces::whole(format, source).map_err(syntax)?;
    }
    if format == Format::Binary && !pieces.iter().all(is_binary) {
        return Err(FileError::input("this is no file that was encrypted as a binary one")
            .hint("say which format it has with `--input-type yaml`, `json`, `dotenv` or `ini`; `seal encrypt` encrypts a file for the first time"));
    }
    if shares_one_envelope(&pieces) {
        // Documents without an envelope would make it another layout, so all have to be looked at.
        pieces::read_rest(format, source, &mut pieces).map_err(syntax)?;
    }
    let run = Run::new(options, unwrap);
    let (done, shared) = run.each(source, &pieces, |piece, envelopes| {
        let objects: Vec<_> = envelopes.iter().map(Envelope::report).collect();
        Ok((finish(piece, &envelopes)?, objects))
    })?;
    let mut objects: Vec<DecryptedObject> = Vec::new();
    let mut parts = Vec::with_capacity(done.len());
    for (part, of_piece) in done {
        parts.push(part);
        for object in of_piece {
            match objects.last_mut().filter(|_| shared) {
                // Of one envelope, whose pieces each report their own values.
                Some(DecryptedObject { values, .. }) => *values += object.values,
                None => objects.push(object),
            }
        }
    }
    if (options.require_encrypted || options.as_data) && objects.is_empty() {
        return Err(
            FileError::refused("nothing in this file is encrypted").fault(Fault::NotEncrypted)
        );
    }
    Ok(Made { pieces, parts, objects })
}

/// For documents that all carry one bound envelope and are not all the same.
const REWRITTEN_BY_SOPS: &str = "all documents carry the envelope of one of them: sops wrote this file (updatekeys, set, rotate, edit); get it back \
     from git, and let sops write only files of ours that hold one document";

/// What is the same for all envelopes of a file.
pub(crate) struct Run<'a> {
    options: &'a DecryptOptions<'a>,
    unwrap: Unwrap<'a>,
    pub(crate) selectors: Selectors,
}

/// The objects of a piece that have an envelope, with its entry.
pub(crate) fn envelopes_of<'p, 's>(piece: &'p Piece<'s>) -> Vec<(Member<'p, 's>, NodeId)> {
    let Some(stream) = &piece.stream else { return Vec::new() };
    let with_entry = |member: Member<'p, 's>| {
        member.document().entry(member.object, "sops").map(|entry| (member, entry))
    };
    members(piece.before, piece.text, stream).into_iter().filter_map(with_entry).collect()
}

/// The content of a `sops` block.
pub(crate) fn metadata_of(member: Member<'_, '_>, sops: NodeId) -> Result<Metadata, FileError> {
    let document = member.document();
    Metadata::read(document, sops).map_err(|error| {
        let class = match error {
            // Somebody added what contradicts the rest.
            MetadataError::Doubled { .. } | MetadataError::Rules { .. } => Class::Refused,
            _ => Class::Input,
        };
        let error = FileError::new(class, format!("the `sops` block cannot be read: {error}"));
        member.near(error.object(member.describe()), document.node(sops).span.start)
    })
}

/// A binary file in its encrypted form; a text in clear is not.
fn is_binary(piece: &Piece<'_>) -> bool {
    piece.stream.iter().flat_map(|stream| &stream.documents).all(binary::is_encrypted)
}

/// SOPS's stream layout: several documents, each with the same envelope.
pub(crate) fn shares_one_envelope(pieces: &[Piece<'_>]) -> bool {
    let mut first = None;
    let mut count = 0;
    for piece in pieces {
        for document in piece.stream.iter().flat_map(|stream| &stream.documents) {
            let mac = document.string_at(&["sops", "mac"]);
            let date = document.string_at(&["sops", "lastmodified"]);
            match (mac, first) {
                (None, _) => return false,
                (Some(_), None) => first = Some((mac, date)),
                (Some(_), Some(first)) if first != (mac, date) => return false,
                _ => {}
            }
            count += 1;
        }
    }
    count > 1
}

/// Several documents with envelopes of their own. A comment between two of them has to stay with the one that it was
/// encrypted with.
fn has_own_envelopes(pieces: &[Piece<'_>]) -> bool {
    pieces.iter().flat_map(envelopes_of).count() > 1 && !shares_one_envelope(pieces)
}

impl<'a> Run<'a> {
    pub(crate) fn new(options: &'a DecryptOptions<'a>, unwrap: Unwrap<'a>) -> Self {
        Self { options, unwrap, selectors: Selectors::default() }
    }

    /// Opens the envelopes of all pieces, whichever layout the source has, and hands those of each piece to `finish`.
    /// Also tells whether all pieces share one envelope.
    ///
    /// # Errors
    /// Where an envelope does not verify or cannot be opened, and those of `finish`.
    pub(crate) fn each<'p, 's, T: Send>(
        &self,
        source: &[u8],
        pieces: &'p [Piece<'s>],
        finish: impl Fn(&'p Piece<'s>, Vec<Envelope<'p, 's>>) -> Result<T, FileError> + Sync,
    ) -> Result<(Vec<T>, bool), FileError> {
        let same = shares_one_envelope(pieces);
        if same && !self.is_bound(pieces) {
            let envelopes = pieces.iter().zip(self.shared(pieces)?);
            let done: Result<_, _> = envelopes.map(|(piece, own)| finish(piece, own)).collect();
            return Ok((done?, true));
        }
        let done = pieces::each(source, pieces, |piece| finish(piece, self.piece(piece)?));
        let done = done.map_err(|error| match same && error.class == Class::Refused {
            true => error.hint(REWRITTEN_BY_SOPS),
            false => error,
        })?;
        Ok((done, false))
    }

    pub(crate) fn demands(&self) -> Demands<'_> {
        Demands {
            require_bound: self.options.require_bound,
            namespace: self.options.namespace,
            ignore_mac: self.options.ignore_mac,
            as_data: self.options.as_data,
        }
    }

    /// The first envelope is bound, so each document has its own: several are the same where their documents are.
    fn is_bound(&self, pieces: &[Piece<'_>]) -> bool {
        let Some((first, entry)) = pieces.iter().flat_map(envelopes_of).next() else {
            return false;
        };
        let Ok(metadata) = Metadata::read(first.document(), entry) else { return false };
        let Ok(data_key) = (self.unwrap)(&metadata) else { return false };
        let mac = open_mac(&Cipher::new(&data_key), &metadata.mac, &metadata.last_modified);
        mac.is_ok_and(|mac| BindingKeys::new(&data_key).recognise(mac.iv()) != Recognised::Unbound)
    }

    fn open<'p, 's>(
        &self,
        found: Vec<(Member<'p, 's>, NodeId)>,
    ) -> Result<Envelope<'p, 's>, FileError> {
        let (members, entries): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let (member, sops) = (members[0], entries[0]);
        let document = member.document();
        let at = |error: FileError| {
            member.near(error.object(member.describe()), document.node(sops).span.start)
        };
        let metadata = metadata_of(member, sops)?;
        let rule = metadata.rule.clone().unwrap_or_else(Rule::implied);
        let selector = self.selectors.compiled(&rule).map_err(|error| {
            at(FileError::refused(format!("the rule of the envelope is unusable: {error}")))
        })?;
        let data_key = (self.unwrap)(&metadata).map_err(|source| {
            let mut error = FileError::new(Class::NoKey, "the data key could not be had");
            error.source = Some(source);
            error.object(member.describe())
        })?;
        let opened = open(&members, &metadata, &selector, &data_key, self.demands())
            .map_err(|error| if error.position.is_some() { error } else { at(error) })?;
        Ok(Envelope { members, entries, metadata: Arc::new(metadata), data_key, opened })
    }

    fn piece<'p, 's>(&self, piece: &'p Piece<'s>) -> Result<Vec<Envelope<'p, 's>>, FileError> {
        if !self.options.as_data {
            check_clear_objects(piece, self.options.require_encrypted)?;
        }
        envelopes_of(piece).into_iter().map(|found| self.open(vec![found])).collect()
    }

    /// For each piece, its part of the one envelope.
    fn shared<'p, 's>(
        &self,
        pieces: &'p [Piece<'s>],
    ) -> Result<Vec<Vec<Envelope<'p, 's>>>, FileError> {
        let found: Vec<_> = pieces.iter().map(envelopes_of).collect();
        let counts: Vec<usize> = found.iter().map(Vec::len).collect();
        let all: Vec<_> = found.into_iter().flatten().collect();
        let mut whole = self.open(all)?;
        let mut plain = std::mem::take(&mut whole.opened.plain).into_iter();
        let mut members = std::mem::take(&mut whole.members).into_iter();
        let mut entries = std::mem::take(&mut whole.entries).into_iter();
        let part = |count: usize| {
            let envelope = Envelope {
                members: members.by_ref().take(count).collect(),
                entries: entries.by_ref().take(count).collect(),
                metadata: Arc::clone(&whole.metadata),
                data_key: whole.data_key.clone(),
                opened: Opened {
                    plain: plain.by_ref().take(count).collect(),
                    ..whole.opened.without_leaves()
                },
            };
            if count == 0 { Vec::new() } else { vec![envelope] }
        };
        Ok(counts.into_iter().map(part).collect())
    }
}

impl Envelope<'_, '_> {
    fn report(&self) -> DecryptedObject {
        DecryptedObject {
            description: self.opened.description.clone(),
            bound: self.opened.bound.is_some(),
            reordered: self.opened.reordered,
            values: self.opened.values(),
            unverified: self.opened.unverified.clone(),
        }
    }
}

/// Objects without an envelope: a Secret among them may not hold ENC texts, nor, if asked so, be there at all.
fn check_clear_objects(piece: &Piece<'_>, require_encrypted: bool) -> Result<(), FileError> {
    let Some(stream) = &piece.stream else { return Ok(()) };
    for member in members(piece.before, piece.text, stream) {
        let document = member.document();
        if document.entry(member.object, "sops").is_some() {
            continue;
        }
        let hidden = || {
            kubernetes::hidden_kind(member.documents, document, member.object)
                .or_else(|| kubernetes::indirect_item(member.documents, document, member.object))
        };
        if require_encrypted && let Some(entry) = hidden() {
            let problem =
                "an alias or a merge key says what this document is: it may be a Secret in clear";
            return Err(member.at(FileError::refused(problem), entry));
        }
        let object = Object::read(&AsWritten, document, member.object);
        let Some(object) = object.filter(Object::is_secret) else {
            check_lost_block(member, |_| true).map_err(|mut error| {
                error.class = Class::Refused;
                error.object(object.map(|object| object.describe()))
            })?;
            continue;
        };
        if require_encrypted && let Some(merge) = document.entry(member.object, "<<") {
            let problem = "a merge key at the top of a Secret in clear can bring values in";
            return Err(member.at(FileError::refused(problem), merge));
        }
        for entry in kubernetes::region(document, member.object) {
            for index in entry.index()..document.node(entry).end.index() {
                let scalar = match &document.nodes[index].content {
                    Content::Scalar(scalar) => scalar,
                    Content::Alias { .. } if require_encrypted => {
                        let problem = "an alias stands in a Secret in clear";
                        return Err(member.at(FileError::refused(problem), NodeId(index as u32)));
                    }
                    _ => continue,
                };
                let enc = matches!(&scalar.value, Value::String(text) if is_enc_text(text));
                let problem = if enc {
                    "an encrypted value stands in a Secret that has no `sops` block"
                } else if require_encrypted && !scalar.value.is_empty() {
                    "a Secret in clear stands in the file"
                } else {
                    continue;
                };
                let error = member.at(FileError::refused(problem), NodeId(index as u32));
                return Err(error.object(Some(object.describe())));
            }
        }
    }
    if !require_encrypted {
        return Ok(());
    }
    let mut covered = vec![Vec::new(); stream.documents.len()];
    for member in members(piece.before, piece.text, stream) {
        if member.document().entry(member.object, "sops").is_some() {
            covered[member.document].push(member.object);
        }
    }
    for (document, covered) in stream.documents.iter().zip(covered) {
        if let Some(secret) = kubernetes::unprotected_secrets(document, &covered).next() {
            let error = FileError::refused("a Secret in clear stands in the file");
            return Err(error.at(piece.before, piece.text, document.node(secret).span.start));
        }
    }
    Ok(())
}
