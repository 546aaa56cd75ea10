//! The proof that what was made can be had back: it is decrypted and compared before it leaves.

use std::collections::HashMap;
use std::sync::Arc;

use super::Member;
use super::compare::{Difference, Reading};
use super::decrypt::{DecryptOptions, decrypt};
use super::encrypt::{settings, syntax};
use super::error::{Class, FileError};
use super::open::{Demands, open};
use super::pieces::Piece;
use super::selectors::Selectors;
use super::write_back::{Envelope, written};
use crate::document::{Document, NodeId, Path};
use crate::envelope::{Metadata, Rule};
use crate::format::Format;
use crate::kubernetes;
use crate::secret::DataKey;

/// Decrypts a piece whose `made` members were encrypted, and compares with what it was.
pub(crate) fn check_piece(
    format: Format,
    piece: &Piece<'_>,
    bytes: &[u8],
    made: &[(Member<'_, '_>, DataKey)],
    demands: Demands<'_>,
    selectors: &Selectors,
) -> Result<(), FileError> {
    let Some(before) = &piece.stream else { return Ok(()) };
    let back = decrypted(format, bytes, made, demands, selectors)
        .map_err(|error| as_input(error, made.first().map(|(member, _)| *member)))?;
    compare(format, (piece.before, piece.text), &before.documents, &back)
}

/// The same for a whole source whose documents share one envelope.
pub(crate) fn check_whole(
    format: Format,
    source: &[u8],
    bytes: &[u8],
    data_key: &DataKey,
    as_data: bool,
) -> Result<(), FileError> {
    let options = DecryptOptions { as_data, ..DecryptOptions::default() };
    let back = decrypt(format, bytes, &options, &|_| Ok(data_key.clone()))
        .map_err(|error| as_input(error, None))?;
    let back = back.bytes.as_ref().map_or(bytes, |bytes| bytes.expose());
    if back == source {
        return Ok(());
    }
    let before = format.parse(source).map_err(syntax)?;
    compare(format, (&[], source), &before.documents, back)
}

fn decrypted(
    format: Format,
    bytes: &[u8],
    made: &[(Member<'_, '_>, DataKey)],
    demands: Demands<'_>,
    selectors: &Selectors,
) -> Result<zeroize::Zeroizing<Vec<u8>>, FileError> {
    let stream = format.parse(bytes).map_err(syntax)?;
    let documents = &stream.documents;
    let lost = || FileError::input("the encrypted file would not hold the same documents");
    let mut objects: Option<(usize, Vec<NodeId>)> = None;
    let mut envelopes = Vec::with_capacity(made.len());
    for (member, data_key) in made {
        let document = documents.get(member.document).ok_or_else(lost)?;
        let known = objects.take().filter(|(known, _)| *known == member.document);
        let (_, places) = objects
            .insert(known.unwrap_or_else(|| (member.document, kubernetes::objects(document))));
        let object = *places.get(member.place).ok_or_else(lost)?;
        let there = Member { before: &[], source: bytes, documents, object, ..*member };
        let entry = document.entry(object, "sops").ok_or_else(lost)?;
        let metadata =
            Metadata::read(document, entry).map_err(|error| FileError::input(error.to_string()))?;
        let rule = metadata.rule.clone().unwrap_or_else(Rule::implied);
        let selector = selectors.compiled(&rule).map_err(settings)?;
        let opened = open(&[there], &metadata, &selector, data_key, demands)?;
        let (members, entries) = (vec![there], vec![entry]);
        let (metadata, data_key) = (Arc::new(metadata), data_key.clone());
        envelopes.push(Envelope { members, entries, metadata, data_key, opened });
    }
    let whole = Piece { before: &[], text: bytes, stream: None };
    written(format, &whole, &envelopes)
}

/// What fails here was not altered by anyone: this very source cannot be encrypted. The place is one of the encrypted
/// text, which nobody sees, so only the path stays.
fn as_input(mut error: FileError, member: Option<Member<'_, '_>>) -> FileError {
    error.position = None;
    if let (Some(member), Some(path)) = (member, error.path.clone()) {
        error = member.at_path(error, &path);
    }
    error.class = Class::Input;
    error.problem = format!("once encrypted, it could not be decrypted: {}", error.problem);
    error.hint = Some(REPORT.to_owned());
    error
}

const REPORT: &str = "please report this; put the value in double quotes to go on";

/// Values and comments of all documents are those of the source.
fn compare(
    format: Format,
    (above, source): (&[u8], &[u8]),
    before: &[Document<'_>],
    back: &[u8],
) -> Result<(), FileError> {
    if back == source {
        return Ok(());
    }
    let after = format.parse(back).map_err(syntax)?;
    if before.len() != after.documents.len() {
        return Err(FileError::input("the encrypted file would not decrypt to the same documents")
            .hint("please report this"));
    }
    for (index, document) in before.iter().enumerate() {
        let read = |documents: &[Document<'_>]| {
            Reading::of(format, documents, index, &HashMap::new(), &[])
        };
        let problem = match read(before)?.differs(&read(&after.documents)?) {
            None => continue,
            Some(Difference::Value(Some(node))) => {
                let path = document.path(node);
                FileError::input("this value could not be had back as it is").path(path).at(
                    above,
                    source,
                    document.node(node).span.start,
                )
            }
            Some(Difference::Value(None)) => FileError::input(
                "this document would get another value when it is decrypted",
            )
            .at(above, source, document.span.start),
            Some(Difference::Comment) => FileError::input(
                "a comment of this document could not be had back",
            )
            .at(above, source, document.span.start),
        };
        return Err(problem.hint(REPORT));
    }
    Ok(())
}

impl Member<'_, '_> {
    /// The error, at what stands at a path below the object.
    fn at_path(&self, error: FileError, path: &Path) -> FileError {
        let mut whole = self.document().path(self.object);
        whole.0.extend(path.0.iter().cloned());
        match self.document().lookup(&whole) {
            Ok(node) => self.near(error, self.document().node(node).span.start),
            Err(_) => error,
        }
    }
}
