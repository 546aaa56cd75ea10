//! `sops filestatus`: whether a file is encrypted, without any key.

use std::path::Path;

use seal_core::envelope::Metadata;
use seal_core::format::Format;

use crate::error::CommandError;
use crate::write;

/// `{"encrypted":true}` or `{"encrypted":false}`. As in SOPS, the first document decides, and an envelope needs a version
/// and a MAC.
pub(super) fn status(path: &Path, format: Format) -> Result<String, CommandError> {
    let source = write::read(path)?.bytes;
    let stream = format
        .parse(source.expose())
        .map_err(|error| CommandError::failed(error.problem).at(path, error.position))?;
    let envelope = stream.documents.first().and_then(|document| {
        Metadata::read(document, document.entry(document.root(), "sops")?).ok()
    });
    let encrypted =
        envelope.is_some_and(|envelope| !envelope.version.is_empty() && !envelope.mac.is_empty());
    Ok(format!("{{\"encrypted\":{encrypted}}}\n"))
}
