//! Rewrites Secrets as SealedSecrets and back, and changes single values of SealedSecrets, in the text that the user wrote:
//! comments, order, quotes, indentation and line breaks stay where they still have a place.
//!
//! ```text
//! Secret       ─seal──→ SealedSecret    data, stringData → spec.encryptedData; the rest → spec.template
//! SealedSecret ─unseal→ Secret
//! SealedSecret ─replace_values→ SealedSecret
//! ```
//!
//! Nothing here encrypts: the caller gets the values of an object and comes back with texts. What is written is read
//! again and compared with what it should say; what does not read back so is an error, never a damaged file.

use crate::document::{Document, NodeId, Stream};
use crate::file::FileError;
use crate::file::encrypt::syntax;
use crate::file::{Member, members};
use crate::format::Format;
use crate::kubernetes::{AsWritten, Object};

mod block;
mod chunk;
mod flow;
mod object;
mod rewrite;
mod seal;
mod target;
mod unseal;
mod values;

pub use object::{SealedEntry, SealedManifest, SealedPart, SecretManifest, SecretValue};
pub use rewrite::Rewritten;
pub use seal::{Sealing, Secrets, seal, secrets};
pub use unseal::{Opening, unseal};
pub use values::{NewText, replace_values};

/// `apiVersion` of a SealedSecret.
pub const API_VERSION: &str = "bitnami.com/v1alpha1";
/// `kind` of a SealedSecret.
pub const KIND: &str = "SealedSecret";

/// Annotations in which tools keep a copy of the whole object: they would carry the plaintext along.
const COPIES: [&str; 3] = [
    crate::kubernetes::COPYING_ANNOTATIONS[0],
    crate::kubernetes::COPYING_ANNOTATIONS[1],
    "kubecfg.ksonnet.io/last-applied-configuration",
];

/// Whether a text may hold a SealedSecret, or a Secret: what has none of the signs need not be read.
pub fn may_hold(source: &[u8]) -> bool {
    crate::kubernetes::may_hold_secret(source)
}

/// The SealedSecrets of a source, in order.
///
/// # Errors
/// The source is not of its format.
pub fn read(format: Format, source: &[u8]) -> Result<Vec<SealedManifest>, FileError> {
    if !may_hold(source) || !holds_manifests(format) {
        return Ok(Vec::new());
    }
    let stream = format.parse(source).map_err(syntax)?;
    Ok(of_stream(source, &stream).into_iter().map(|(_, manifest)| manifest).collect())
}

/// The objects of a stream that are SealedSecrets.
fn of_stream<'p, 's>(
    source: &'p [u8],
    stream: &'p Stream<'s>,
) -> Vec<(Member<'p, 's>, SealedManifest)> {
    let all = members(&[], source, stream).into_iter();
    all.filter_map(|member| Some((member, SealedManifest::read(member)?))).collect()
}

fn holds_manifests(format: Format) -> bool {
    matches!(format, Format::Yaml | Format::Json)
}

/// The mapping at a node is a SealedSecret.
fn is_sealed_secret(document: &Document<'_>, mapping: NodeId) -> bool {
    Object::read(&AsWritten, document, mapping)
        .is_some_and(|object| object.kind == KIND && object.group() == "bitnami.com")
}

#[cfg(test)]
mod tests;
