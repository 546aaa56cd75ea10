//! The pieces of the earlier version, verified and decrypted.

use zeroize::Zeroizing;

use super::super::encrypt::syntax;
use super::super::error::FileError;
use super::super::pieces::Piece;
use super::super::write_back::{Envelope, written};
use crate::document::Stream;
use crate::format::Format;

/// A piece of the earlier version, verified.
pub(super) struct OpenPiece<'p, 's> {
    pub(super) envelopes: Vec<Envelope<'p, 's>>,
    source: &'p [u8],
    /// `None` where nothing in it is encrypted.
    decrypted: Option<Zeroizing<Vec<u8>>>,
}

impl<'p, 's> OpenPiece<'p, 's> {
    pub(super) fn new(
        format: Format,
        piece: &'p Piece<'s>,
        envelopes: Vec<Envelope<'p, 's>>,
    ) -> Result<Self, FileError> {
        let decrypted = match envelopes.is_empty() {
            true => None,
            false => Some(written(format, piece, &envelopes)?),
        };
        Ok(Self { envelopes, source: piece.text, decrypted })
    }

    /// The piece as it stands in the file.
    pub(super) fn encrypted(&self) -> &'p [u8] {
        self.source
    }

    /// The piece as a user sees it.
    pub(super) fn shown(&self) -> &[u8] {
        self.decrypted.as_ref().map_or(self.source, |text| text)
    }
}

/// The whole plaintext.
pub(super) fn joined(opened: &[OpenPiece<'_, '_>]) -> Zeroizing<Vec<u8>> {
    // The exact capacity: a buffer that grows leaves copies of the plaintext behind.
    let length = opened.iter().map(|piece| piece.shown().len()).sum();
    let mut bytes = Zeroizing::new(Vec::with_capacity(length));
    for piece in opened {
        bytes.extend_from_slice(piece.shown());
    }
    bytes
}

/// Whether the verification of an envelope was passed over.
pub(super) fn is_unverified(opened: &[OpenPiece<'_, '_>]) -> bool {
    let mut envelopes = opened.iter().flat_map(|piece| &piece.envelopes);
    envelopes.any(|envelope| envelope.opened.unverified.is_some())
}

/// The plaintext of each piece, read.
pub(super) fn streams<'o>(
    format: Format,
    opened: &'o [OpenPiece<'_, '_>],
) -> Result<Vec<Stream<'o>>, FileError> {
    opened.iter().map(|piece| format.parse(piece.shown()).map_err(syntax)).collect()
}
