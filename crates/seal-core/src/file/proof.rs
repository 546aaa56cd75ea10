//! The proof that what was made can be had back: it is decrypted and compared before it leaves.

use super::Member;
use super::compare::{first_difference, values};
use super::decrypt::{DecryptOptions, decrypt, written};
use super::encrypt::{settings, syntax};
use super::error::FileError;
use super::open::{Demands, open, relative_path};
use super::pieces::Piece;
use super::run::Run;
use super::selectors::Selectors;
use crate::envelope::{Metadata, Rule};
use crate::format::Format;
use crate::kubernetes;
use crate::secret::DataKey;

/// Decrypts what was made and compares: nothing leaves that cannot be had back.
pub(crate) fn check_back(
    format: Format,
    piece: &Piece<'_>,
    bytes: &[u8],
    made: &[(Member<'_, '_>, DataKey)],
    selectors: &Selectors,
) -> Result<(), FileError> {
    let stream = format.parse(bytes).map_err(syntax)?;
    let documents = &stream.documents;
    let lost = || FileError::input("the encrypted file would not hold the same documents");
    let mut opened = Vec::with_capacity(made.len());
    for (member, data_key) in made {
        let place = kubernetes::objects(member.document())
            .iter()
            .position(|object| *object == member.object);
        let document = documents.get(member.document).ok_or_else(lost)?;
        // An envelope around a `List` as a whole hides that it is one.
        let object = match place {
            Some(0) | None if document.entry(document.root(), "sops").is_some() => document.root(),
            place => kubernetes::objects(document)
                .get(place.unwrap_or_default())
                .copied()
                .ok_or_else(lost)?,
        };
        let there = Member { source: bytes, documents, document: member.document, object };
        let sops = document.entry(object, "sops").ok_or_else(lost)?;
        let metadata =
            Metadata::read(document, sops).map_err(|error| FileError::input(error.to_string()))?;
        let rule = metadata.rule.clone().unwrap_or_else(Rule::implied);
        let selector = selectors.compiled(&rule).map_err(settings)?;
        let envelope = open(&[there], &metadata, &selector, data_key, Demands::default())?;
        opened.push((vec![there], vec![sops], envelope));
    }
    let whole = Piece { start: 0, text: bytes, stream: None };
    let back = written(format, &whole, &opened)?;
    if *back == piece.text {
        return Ok(());
    }
    let stream = format.parse(&back).map_err(syntax)?;
    for (member, _) in made {
        let there = Member { source: &back, documents: &stream.documents, ..*member };
        compare_back(*member, there)?;
    }
    Ok(())
}

fn compare_back(member: Member<'_, '_>, there: Member<'_, '_>) -> Result<(), FileError> {
    let before = values(member, None)?;
    let objects = kubernetes::objects(member.document());
    let place = objects.iter().position(|object| *object == member.object).unwrap_or(0);
    let back = there.documents.get(member.document);
    let object = back.and_then(|document| kubernetes::objects(document).get(place).copied());
    let Some(object) = object else {
        return Err(FileError::input("the encrypted file would not decrypt to the same documents"));
    };
    let after = values(Member { object, ..there }, None)?;
    match first_difference(&before, &after) {
        None => Ok(()),
        Some(at) => {
            let error = FileError::input("this value could not be had back as it is")
                .hint("please report this; put the value in double quotes to go on");
            Err(match before.get(at) {
                Some(leaf) => error
                    .path(relative_path(member.document(), member.object, leaf.node))
                    .at(member.source, member.document().node(leaf.node).span.start),
                None => error,
            })
        }
    }
}

pub(crate) fn check_whole(
    format: Format,
    source: &[u8],
    pieces: &[Piece<'_>],
    parts: &[Option<Vec<u8>>],
    run: &Run<'_>,
) -> Result<(), FileError> {
    if parts.iter().all(Option::is_none) {
        return Ok(());
    }
    let mut bytes = Vec::new();
    for (piece, part) in pieces.iter().zip(parts) {
        bytes.extend_from_slice(part.as_deref().unwrap_or(piece.text));
    }
    let data_key = run.file_key()?.data_key.clone();
    let back = decrypt(format, &bytes, &DecryptOptions::default(), &|_| Ok(data_key.clone()))?;
    let back = back.bytes.as_ref().map_or(bytes.as_slice(), |bytes| bytes.expose());
    if back == source {
        return Ok(());
    }
    let before = format.parse(source).map_err(syntax)?;
    let after = format.parse(back).map_err(syntax)?;
    for index in 0..before.documents.len() {
        let object = before.documents[index].root();
        let member = Member { source, documents: &before.documents, document: index, object };
        let there = Member { source: back, documents: &after.documents, document: index, object };
        compare_back(member, there)?;
    }
    Ok(())
}
