//! What a file says of itself: encrypted or not, for whom, by which rule. Needs no key, so nothing of it is proven.

use super::lines::Lines;
use crate::document::{NodeId, Position};
use crate::envelope::mac::{MacError, aad_of_last_modified};
use crate::envelope::{Metadata, MetadataError};
use crate::file::decrypt::shares_one_envelope;
use crate::file::encrypt::syntax;
use crate::file::pieces::Piece;
use crate::file::{FileError, Layout, Member, members};
use crate::format::Format;

/// What is known of a file without a key.
#[derive(Debug)]
pub struct Status {
    /// Documents of the stream.
    pub documents: usize,
    /// Where envelopes lie; `None` where there is none.
    pub layout: Option<Layout>,
    /// Each envelope, in order; that of SOPS's stream layout once.
    pub envelopes: Vec<EnvelopeStatus>,
}

/// One envelope.
#[derive(Debug)]
pub struct EnvelopeStatus {
    /// Which document, counted from 0.
    pub document: usize,
    /// Where its block stands.
    pub position: Position,
    /// `Secret prod/db`, where it is a Kubernetes object that says so in clear.
    pub object: Option<String>,
    /// What the block holds.
    pub metadata: Result<Metadata, MetadataError>,
}

impl Status {
    /// Whether there is an envelope that can be read.
    pub fn is_encrypted(&self) -> bool {
        self.envelopes.iter().any(|envelope| envelope.metadata.is_ok())
    }
}

/// Reads what a file says of itself.
///
/// # Errors
/// The source is not of its format. A block that cannot be read is no error of the file.
pub fn status(format: Format, source: &[u8]) -> Result<Status, FileError> {
    let stream = Some(format.parse(source).map_err(syntax)?);
    let pieces = [Piece { before: &[], text: source, stream }];
    let stream = pieces[0].stream.as_ref();
    let found = stream.into_iter().flat_map(|stream| members(&[], source, stream));
    let mut lines = Lines::new(source);
    let mut envelopes: Vec<EnvelopeStatus> =
        found.filter_map(|member| envelope(member, &mut lines)).collect();
    let is_shared = shares_one_envelope(&pieces);
    if is_shared {
        envelopes.truncate(1);
    }
    let layout = match envelopes.is_empty() {
        true => None,
        false if is_shared => Some(Layout::Sops),
        false => Some(Layout::Documents),
    };
    let documents = stream.map_or(0, |stream| stream.documents.len());
    Ok(Status { documents, layout, envelopes })
}

/// Whether SOPS would say that a file is encrypted: the first document has a block that can be read, with any version and a
/// MAC.
///
/// # Errors
/// The source is not of its format, or it has a block that SOPS could not read.
pub fn is_sops_file(format: Format, source: &[u8]) -> Result<bool, FileError> {
    // SOPS reads an encrypted binary file as JSON, and nothing else as one.
    let stream = format.of_encrypted().parse(source).map_err(syntax)?;
    let Some(document) = stream.documents.first() else { return Ok(false) };
    let Some(sops) = document.entry(document.root(), "sops") else { return Ok(false) };
    let unreadable = |error: &dyn std::error::Error| {
        let problem = format!("the `sops` block cannot be read: {error}");
        FileError::input(problem).at(&[], source, document.node(sops).span.start)
    };
    let metadata =
        Metadata::read_of_any_version(document, sops).map_err(|error| unreadable(&error))?;
    match aad_of_last_modified(&metadata.last_modified) {
        Some(_) => Ok(!metadata.version.is_empty() && !metadata.mac.is_empty()),
        None => Err(unreadable(&MacError::LastModified)),
    }
}

fn envelope(member: Member<'_, '_>, lines: &mut Lines<'_>) -> Option<EnvelopeStatus> {
    let document = member.document();
    let sops: NodeId = document.entry(member.object, "sops")?;
    if !super::envelope::is_meant(member, sops) {
        return None;
    }
    let key = document.node(sops).key.as_ref().map_or(document.node(sops).span, |key| key.span);
    Some(EnvelopeStatus {
        document: member.document,
        position: lines.position(key.start),
        object: member.describe(),
        metadata: Metadata::read(document, sops),
    })
}
