//! `sops filestatus`: whether a file is encrypted, without any key.

use std::path::Path;

use seal_core::envelope::Metadata;
use seal_core::envelope::mac::{MacError, aad_of_last_modified};
use seal_core::format::Format;

use crate::error::CommandError;
use crate::write;

/// `{"encrypted":true}` or `{"encrypted":false}`. As in SOPS, the first document decides, and an envelope needs a version
/// and a MAC.
pub(super) fn status(path: &Path, format: Format) -> Result<String, CommandError> {
    let source = write::read(path)?.bytes;
    // A binary file is JSON once it is encrypted, and SOPS reads it as nothing else.
    let format = if format == Format::Binary { Format::Json } else { format };
    let stream = format
        .parse(source.expose())
        .map_err(|error| CommandError::failed(error.problem).at(path, error.position))?;
    let Some(document) = stream.documents.first() else { return Ok(answer(false)) };
    let Some(entry) = document.entry(document.root(), "sops") else { return Ok(answer(false)) };
    let unreadable = || CommandError::failed("the `sops` block cannot be read").in_file(path);
    let envelope =
        Metadata::read(document, entry).map_err(|error| unreadable().caused_by(&error))?;
    if aad_of_last_modified(&envelope.last_modified).is_none() {
        return Err(unreadable().caused_by(&MacError::LastModified));
    }
    Ok(answer(!envelope.version.is_empty() && !envelope.mac.is_empty()))
}

fn answer(encrypted: bool) -> String {
    format!("{{\"encrypted\":{encrypted}}}\n")
}
