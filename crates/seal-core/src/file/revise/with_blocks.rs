//! The plaintext together with its `sops` blocks, for those who want to edit both.

use zeroize::Zeroizing;

use super::super::decrypt::{self, Unwrap, envelopes_of, metadata_of};
use super::super::encrypt::syntax;
use super::super::error::FileError;
use super::super::pieces;
use super::super::seal::block;
use super::ReviseOptions;
use super::earlier::{Found, decrypted};
use super::opened::OpenPiece;
use crate::document::{NodeId, apply};
use crate::envelope::Metadata;
use crate::format::Format;
use crate::kubernetes;
use crate::secret::SecretBytes;

/// Decrypts a source and leaves the `sops` blocks in it. The blocks no longer hold for what stands there: their MAC is
/// that of the encrypted values.
///
/// # Errors
/// Those of [`decrypt`](super::super::decrypt()). A binary file has no place for a block.
pub fn with_blocks(
    format: Format,
    source: &[u8],
    options: &ReviseOptions<'_>,
    unwrap: Unwrap<'_>,
) -> Result<SecretBytes, FileError> {
    if format == Format::Binary {
        return Err(FileError::settings("a binary file has no place for its envelope in clear"));
    }
    let pieces = pieces::read(format, source, |_| true).map_err(syntax)?;
    let opening = decrypt::Run::new(&options.decrypt, unwrap);
    let (parts, _) = opening.each(source, &pieces, |piece, envelopes| {
        let open = OpenPiece::new(format, piece, envelopes)?;
        let stream = format.parse(open.shown()).map_err(syntax)?;
        let objects: Vec<Vec<NodeId>> = stream.documents.iter().map(kubernetes::objects).collect();
        let mut edits = Vec::new();
        for envelope in &open.envelopes {
            let (open, stream, objects) = (&open, &stream, &objects[..]);
            let found = Found { number: 0, envelope, open, stream, objects };
            let fields = envelope.metadata.fields();
            for member in &envelope.members {
                edits.push(block(format, decrypted(*member, &found), &fields, &options.indent));
            }
        }
        let shown = open.shown();
        Ok(Zeroizing::new(apply(shown, 0..shown.len(), edits)))
    })?;
    Ok(joined(&parts))
}

/// Takes the `sops` blocks out of such a text again: the plaintext, and what the blocks say, in order.
///
/// # Errors
/// A text that cannot be read, or a block that is none.
pub fn without_blocks(
    format: Format,
    text: &[u8],
) -> Result<(SecretBytes, Vec<Metadata>), FileError> {
    let pieces = pieces::read(format, text, |_| true).map_err(syntax)?;
    let mut parts = Vec::with_capacity(pieces.len());
    let mut blocks = Vec::new();
    for piece in &pieces {
        let mut edits = Vec::new();
        for (member, sops) in envelopes_of(piece) {
            blocks.push(metadata_of(member, sops)?);
            edits.extend(format.removed(member.source, member.document(), sops));
        }
        parts.push(Zeroizing::new(apply(piece.text, 0..piece.text.len(), edits)));
    }
    Ok((joined(&parts), blocks))
}

fn joined(parts: &[Zeroizing<Vec<u8>>]) -> SecretBytes {
    // The exact capacity: a buffer that grows leaves copies of the plaintext behind.
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    SecretBytes::new(bytes)
}
