//! Decrypts a file: finds its envelopes, verifies each, and gives the plaintext back in place.

use zeroize::Zeroizing;

use super::encrypt::{may_hold, syntax};
use super::error::{Class, Fault, FileError};
use super::open::{Demands, Opened, open};
use super::pieces::{self, Piece};
use super::selectors::Selectors;
use super::tree::documents;
use super::write_back::{Envelope, written};
use super::{BoxError, Member, members};
use crate::cipher::{Cipher, is_enc_text};
use crate::document::{Content, NodeId, Value};
use crate::emit::Entry;
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
    let (pieces, parts) = parts(format, source, options, unwrap, Target::Text)?;
    let mut objects = Vec::new();
    let mut bytes = Zeroizing::new(Vec::new());
    let changed = parts.iter().any(|part| part.bytes.is_some());
    if changed {
        // The exact capacity: a buffer that grows leaves copies of the plaintext behind.
        let length = |(piece, part): (&Piece<'_>, &Part)| {
            part.bytes.as_ref().map_or(piece.text.len(), |bytes| bytes.len())
        };
        bytes.reserve_exact(pieces.iter().zip(&parts).map(length).sum());
    }
    for (piece, part) in pieces.iter().zip(parts) {
        objects.extend(part.objects);
        if changed {
            match part.bytes {
                Some(part) => bytes.extend_from_slice(&part),
                None => bytes.extend_from_slice(piece.text),
            }
        }
    }
    let bytes = changed.then(|| SecretBytes::new(std::mem::take(&mut *bytes)));
    Ok(Decrypted { bytes, objects })
}

/// Opens and verifies every envelope of a source.
pub(super) fn parts<'s>(
    format: Format,
    source: &'s [u8],
    options: &DecryptOptions<'_>,
    unwrap: Unwrap<'_>,
    target: Target,
) -> Result<(Vec<Piece<'s>>, Vec<Part>), FileError> {
    let wanted = |text: &[u8]| {
        may_hold(text, b"sops")
            || memchr::memmem::find(text, b"ENC[AES256_GCM").is_some()
            || (options.require_encrypted && memchr::memmem::find(text, b"Secret").is_some())
    };
    let wanted = |text: &[u8]| target == Target::Tree || wanted(text);
    let mut pieces = pieces::read(format, source, wanted).map_err(syntax)?;
    if target == Target::Tree && !has_own_envelopes(&pieces) {
        // Read in one, comments stand where SOPS's reader puts them.
        pieces = pieces::whole(format, source).map_err(syntax)?;
    }
    if format == Format::Binary && !pieces.iter().all(is_binary) {
        return Err(FileError::input("this is no file that was encrypted as a binary one")
            .hint("say which format it has: `--type yaml`, `json`, `dotenv` or `ini`"));
    }
    if shares_one_envelope(&pieces) {
        // Documents without an envelope would make it another layout, so all have to be looked at.
        pieces::read_rest(format, source, &mut pieces).map_err(syntax)?;
    }
    let run = Run { format, options, unwrap, selectors: Selectors::default(), target };
    let shared = shares_one_envelope(&pieces);
    let parts: Vec<Part> = if shared && !run.is_bound(&pieces) {
        run.shared(&pieces)?
    } else {
        pieces::each(source, &pieces, |piece| run.piece(piece)).map_err(|error| {
            match shared && error.class == Class::Refused {
                true => error.hint(REWRITTEN_BY_SOPS),
                false => error,
            }
        })?
    };
    let is_clear = parts.iter().all(|part| part.objects.is_empty());
    if (options.require_encrypted || options.as_data) && is_clear {
        return Err(
            FileError::refused("nothing in this file is encrypted").fault(Fault::NotEncrypted)
        );
    }
    Ok((pieces, parts))
}

/// For documents that all carry one bound envelope and are not all the same.
const REWRITTEN_BY_SOPS: &str = "all documents carry the envelope of one of them: sops wrote this file (updatekeys, set, rotate, edit); get it back \
     from git, and let sops write only files of ours that hold one document";

/// What is made of the pieces.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// Their text, with the decrypted values in it.
    Text,
    /// What they hold.
    Tree,
}

/// What became of a piece.
#[derive(Default)]
pub(super) struct Part {
    bytes: Option<Zeroizing<Vec<u8>>>,
    pub(super) objects: Vec<DecryptedObject>,
    /// Its documents, if they are wanted.
    pub(super) documents: Vec<Vec<Entry>>,
}

struct Run<'a> {
    format: Format,
    options: &'a DecryptOptions<'a>,
    unwrap: Unwrap<'a>,
    selectors: Selectors,
    target: Target,
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

impl Run<'_> {
    fn demands(&self) -> Demands<'_> {
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

    fn open(&self, members: &[Member<'_, '_>], sops: NodeId) -> Result<Opened, FileError> {
        let member = members[0];
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
        open(members, &metadata, &selector, &data_key, self.demands())
            .map_err(|error| if error.position.is_some() { error } else { at(error) })
    }

    fn piece(&self, piece: &Piece<'_>) -> Result<Part, FileError> {
        let mut part = Part::default();
        let found = envelopes_of(piece);
        if !self.options.as_data {
            check_clear_objects(piece, self.options.require_encrypted)?;
        }
        if found.is_empty() {
            self.make(&mut part, piece, &[])?;
            return Ok(part);
        }
        let mut opened = Vec::with_capacity(found.len());
        for (member, sops) in found {
            let envelope = self.open(&[member], sops)?;
            part.objects.push(DecryptedObject {
                description: envelope.description.clone(),
                bound: envelope.bound.is_some(),
                reordered: envelope.reordered,
                values: envelope.values(),
                unverified: envelope.unverified.clone(),
            });
            opened.push(Envelope { members: vec![member], entries: vec![sops], opened: envelope });
        }
        self.make(&mut part, piece, &opened)?;
        Ok(part)
    }

    /// Makes of a piece what is wanted.
    fn make(
        &self,
        part: &mut Part,
        piece: &Piece<'_>,
        envelopes: &[Envelope<'_, '_>],
    ) -> Result<(), FileError> {
        match self.target {
            Target::Text if envelopes.is_empty() => {}
            Target::Text => part.bytes = Some(written(self.format, piece, envelopes)?),
            Target::Tree => part.documents = documents(piece, envelopes)?,
        }
        Ok(())
    }

    fn shared(&self, pieces: &[Piece<'_>]) -> Result<Vec<Part>, FileError> {
        let found: Vec<_> = pieces.iter().map(envelopes_of).collect();
        let members: Vec<_> = found.iter().flatten().map(|(member, _)| *member).collect();
        let Some((_, sops)) = found.iter().flatten().next() else {
            return Ok(pieces.iter().map(|_| Part::default()).collect());
        };
        let mut opened = self.open(&members, *sops)?;
        let values = opened.values();
        let mut plain = std::mem::take(&mut opened.plain).into_iter();
        let mut parts = Vec::with_capacity(pieces.len());
        for (piece, found) in pieces.iter().zip(found) {
            let mut part = Part::default();
            if found.is_empty() {
                self.make(&mut part, piece, &[])?;
            } else {
                let (members, entries): (Vec<_>, Vec<_>) = found.into_iter().unzip();
                let opened = Opened {
                    plain: plain.by_ref().take(members.len()).collect(),
                    ..opened.without_leaves()
                };
                let envelope = Envelope { members, entries, opened };
                self.make(&mut part, piece, &[envelope])?;
            }
            parts.push(part);
        }
        if let Some(part) = parts.first_mut() {
            part.objects.push(DecryptedObject {
                description: opened.description.clone(),
                bound: false,
                reordered: false,
                values,
                unverified: opened.unverified.clone(),
            });
        }
        Ok(parts)
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
        let Some(object) = Object::read(&AsWritten, document, member.object) else { continue };
        if !object.is_secret() {
            continue;
        }
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
