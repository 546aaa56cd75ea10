//! Other recipients for the same values: only `sops` blocks change, and of those only the wrapped keys.

use super::decrypt::{envelopes_of, metadata_of, shares_one_envelope};
use super::encrypt::{may_hold, syntax};
use super::error::{Class, FileError};
use super::pieces::{self, Piece};
use super::{BoxError, Member};
use crate::document::{Content, Document, Edit, NodeId, Span, Stream, apply};
use crate::envelope::{KeyGroup, MasterKey, Metadata, WrappedKey};
use crate::format::{BlockIndent, Format};

/// The wrapped keys that an envelope gets and how many groups open it; `None` for an envelope that stays.
pub type Rewrapped = Option<(Vec<KeyGroup>, Option<u32>)>;

/// Reads the metadata of each envelope, in order; of SOPS's stream layout, whose documents share one, it is one. Needs
/// no key and verifies nothing.
///
/// # Errors
/// A source that cannot be read, or a `sops` block that is none.
pub fn envelopes(format: Format, source: &[u8]) -> Result<Vec<Metadata>, FileError> {
    let pieces = read(format, source)?;
    let found = pieces.iter().flat_map(envelopes_of);
    let found = found.take(if shares_one_envelope(&pieces) { 1 } else { usize::MAX });
    found.map(|(member, sops)| metadata_of(member, sops)).collect()
}

/// Replaces the wrapped keys of envelopes. `change` is asked for each envelope, once for one that documents share.
///
/// Nothing is verified: a caller who wants that decrypts first. Values, MAC, date, rule and version stay, and so a
/// binding does; blocks stay where they are, with the indentation that they have. `None` where nothing changes.
///
/// # Guarantees
/// The result was read again: without its blocks it is the source without its blocks, byte for byte, and each block says
/// what it should.
///
/// # Errors
/// As [`envelopes`], and what `change` returns (as [`Class::NoKey`]).
pub fn rewrap(
    format: Format,
    source: &[u8],
    indent: &BlockIndent,
    change: &(dyn Fn(&Metadata) -> Result<Rewrapped, BoxError> + Sync),
) -> Result<Option<Vec<u8>>, FileError> {
    let format = match format {
        // Encrypted, a file of any content is an object of JSON, whose content stays as it is here.
        Format::Binary if !envelopes(format, source)?.is_empty() => Format::Json,
        format => format,
    };
    let pieces = read(format, source)?;
    let changed = |member: Member<'_, '_>, sops: NodeId| -> Result<Option<Metadata>, FileError> {
        let mut metadata = metadata_of(member, sops)?;
        let change = change(&metadata).map_err(|cause| {
            let mut error = FileError::new(Class::NoKey, "the data key could not be wrapped");
            error.source = Some(cause);
            error.object(member.describe())
        })?;
        let Some((key_groups, shamir_threshold)) = change else { return Ok(None) };
        (metadata.key_groups, metadata.shamir_threshold) = (key_groups, shamir_threshold);
        Ok(Some(metadata))
    };
    let shared = match shares_one_envelope(&pieces) {
        false => None,
        true => match pieces.iter().flat_map(envelopes_of).next() {
            Some((member, sops)) => Some(changed(member, sops)?),
            None => None,
        },
    };
    let parts = pieces::each(source, &pieces, |piece| {
        let mut blocks = Vec::new();
        for (member, sops) in envelopes_of(piece) {
            let metadata = match &shared {
                Some(shared) => shared.clone(),
                None => changed(member, sops)?,
            };
            blocks.extend(metadata.map(|metadata| Block { member, sops, metadata }));
        }
        replaced(format, piece, &blocks, indent)
    })?;
    if parts.iter().all(Option::is_none) {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(source.len());
    for (piece, part) in pieces.iter().zip(parts) {
        bytes.extend_from_slice(part.as_deref().unwrap_or(piece.text));
    }
    Ok(Some(bytes))
}

fn read(format: Format, source: &[u8]) -> Result<Vec<Piece<'_>>, FileError> {
    if !may_hold(source, b"sops") {
        return Ok(Vec::new());
    }
    let mut pieces =
        pieces::read(format, source, |text| may_hold(text, b"sops")).map_err(syntax)?;
    if shares_one_envelope(&pieces) {
        // Documents without an envelope would make it another layout, so all have to be looked at.
        pieces::read_rest(format, source, &mut pieces).map_err(syntax)?;
    }
    Ok(pieces)
}

/// A block to be written, and where it stands.
struct Block<'p, 's> {
    member: Member<'p, 's>,
    sops: NodeId,
    metadata: Metadata,
}

/// The piece with other blocks: each in its place, or, where that does not come out right, in the place where a new one
/// goes.
fn replaced(
    format: Format,
    piece: &Piece<'_>,
    blocks: &[Block<'_, '_>],
    indent: &BlockIndent,
) -> Result<Option<Vec<u8>>, FileError> {
    if blocks.is_empty() {
        return Ok(None);
    }
    let bare = without_blocks(format, piece.text, blocks);
    let candidates = [in_place, moved];
    for candidate in candidates {
        let bytes = candidate(format, piece.text, &bare, blocks, indent);
        if let Some(bytes) = bytes.filter(|bytes| comes_out_right(format, bytes, &bare, blocks)) {
            return Ok(Some(bytes));
        }
    }
    Err(FileError::input("the `sops` block could not be replaced without changing something else")
        .hint("please report this; decrypt and encrypt the file to go on"))
}

fn in_place(
    format: Format,
    text: &[u8],
    _bare: &[u8],
    blocks: &[Block<'_, '_>],
    indent: &BlockIndent,
) -> Option<Vec<u8>> {
    let edits = blocks.iter().map(|block| {
        let document = block.member.document();
        // Lines of a flattened block may stand apart: then it goes where a new one would.
        let [removal] = <[Edit; 1]>::try_from(format.removed(text, document, block.sops)).ok()?;
        let indent = indent_of(text, document, block.sops, indent);
        let new =
            format.inserted(text, document, block.member.object, &block.metadata.fields(), &indent);
        // What joins the block to its neighbours stays: line breaks, indentation, a comma.
        let [before, _, after] = parts(&text[removal.span.range()]);
        let [_, body, _] = parts(&new.text);
        Some(Edit { span: removal.span, text: [before, body, after].concat() })
    });
    Some(apply(text, 0..text.len(), edits.collect::<Option<_>>()?))
}

fn moved(
    format: Format,
    text: &[u8],
    bare: &[u8],
    blocks: &[Block<'_, '_>],
    indent: &BlockIndent,
) -> Option<Vec<u8>> {
    let stream = format.parse(bare).ok()?;
    let edits = blocks.iter().map(|block| {
        let (document, object) = there(block, &stream)?;
        let indent = indent_of(text, block.member.document(), block.sops, indent);
        Some(format.inserted(bare, document, object, &block.metadata.fields(), &indent))
    });
    Some(apply(bare, 0..bare.len(), edits.collect::<Option<_>>()?))
}

/// Whether the blocks say what they should, and everything else is as it was.
fn comes_out_right(format: Format, bytes: &[u8], bare: &[u8], blocks: &[Block<'_, '_>]) -> bool {
    let Ok(stream) = format.parse(bytes) else { return false };
    let found = blocks.iter().map(|block| {
        let (document, object) = there(block, &stream)?;
        let sops = document.entry(object, "sops")?;
        let metadata = Metadata::read(document, sops).ok()?;
        (metadata == normal(&block.metadata)).then_some((document, sops))
    });
    let Some(found) = found.collect::<Option<Vec<_>>>() else { return false };
    let removals = found.iter().flat_map(|(document, sops)| format.removed(bytes, document, *sops));
    apply(bytes, 0..bytes.len(), removals.collect()) == bare
}

/// As it is when it is read again: the lists of a group have an order of their own.
fn normal(metadata: &Metadata) -> Metadata {
    let mut metadata = metadata.clone();
    let place =
        |wrapped: &WrappedKey| MasterKey::KINDS.iter().position(|kind| *kind == wrapped.key.kind());
    metadata.key_groups.iter_mut().for_each(|group| group.keys.sort_by_key(place));
    metadata.shamir_threshold = metadata.shamir_threshold.filter(|threshold| *threshold != 0);
    metadata
}

fn without_blocks(format: Format, text: &[u8], blocks: &[Block<'_, '_>]) -> Vec<u8> {
    let removals =
        blocks.iter().flat_map(|block| format.removed(text, block.member.document(), block.sops));
    apply(text, 0..text.len(), removals.collect())
}

/// The object of a block in another reading of its piece.
fn there<'d, 's>(
    block: &Block<'_, '_>,
    stream: &'d Stream<'s>,
) -> Option<(&'d Document<'s>, NodeId)> {
    let document = stream.documents.get(block.member.document)?;
    let path = block.member.document().path(block.member.object);
    Some((document, document.lookup(&path).ok()?))
}

/// The text without the blanks and commas around it, and these.
fn parts(text: &[u8]) -> [&[u8]; 3] {
    let joins = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',');
    let start = text.iter().position(|byte| !joins(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !joins(byte)).map_or(start, |last| last + 1);
    [&text[..start], &text[start..end], &text[end..]]
}

/// How deep the entries of a block stand below its key, where that shows.
fn indent_of(
    text: &[u8],
    document: &Document<'_>,
    sops: NodeId,
    otherwise: &BlockIndent,
) -> BlockIndent {
    let own = || {
        let is_block = matches!(document.node(sops).content, Content::Mapping { flow: false });
        let key = document.node(sops).key.as_ref().filter(|_| is_block)?;
        let first = document.children(sops).find_map(|id| document.node(id).key.as_ref())?;
        column(text, first.span)?.checked_sub(column(text, key.span)?)
    };
    match own() {
        Some(yaml @ 2..=9) => BlockIndent { yaml, ..otherwise.clone() },
        _ => otherwise.clone(),
    }
}

fn column(text: &[u8], key: Span) -> Option<usize> {
    let start = memchr::memrchr2(b'\n', b'\r', &text[..key.start]).map_or(0, |at| at + 1);
    std::str::from_utf8(&text[start..key.start]).ok().map(|before| before.chars().count())
}
