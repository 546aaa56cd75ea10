//! The values of a file, as Vault gets them.

use std::path::Path;

use seal_core::emit::{Entry, Style, Tree, emit};
use seal_core::format::Format;
use seal_core::secret::SecretBytes;

use super::super::decrypt::Decryption;
use crate::error::CommandError;

/// One object of JSON with the entries at the top of all documents. Of two with one key the later one counts, as SOPS has
/// it.
pub(super) fn of(
    path: &Path,
    format: Format,
    source: &SecretBytes,
    decryption: &Decryption<'_>,
) -> Result<SecretBytes, CommandError> {
    let decrypted = decryption.decrypt(path, format, source.expose())?;
    let text = decrypted.bytes.as_ref().unwrap_or(source);
    let stream = format
        .parse(text.expose())
        .map_err(|error| CommandError::failed(error.problem).at(path, error.position))?;
    let failed = |problem: String| CommandError::failed(problem).in_file(path);
    let tree = Tree::read(format, &stream).map_err(|error| failed(error.to_string()))?;
    let mut entries: Vec<Entry> = Vec::new();
    for entry in tree.documents.into_iter().flatten() {
        // Vault has no comments.
        if let Entry::Pair { key, value } = entry {
            entries
                .retain(|there| !matches!(there, Entry::Pair { key: other, .. } if *other == key));
            entries.push(Entry::Pair { key, value });
        }
    }
    let tree = Tree { documents: vec![entries], comments_follow: false };
    // As SOPS does it: comments further down are left out.
    let style = Style { as_sops: true, ..Style::default() };
    emit(Format::Json, &tree, &style).map_err(|error| failed(error.to_string()))
}
