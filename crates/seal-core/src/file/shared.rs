//! One envelope over all documents of a file, as SOPS makes it.

use super::Member;
use super::encrypt::EncryptReport;
use super::error::{Fault, FileError};
use super::pieces::Piece;
use super::refusals::{check_aliases, check_region_is_selected, check_secret};
use super::run::{Run, is_null};
use super::seal::{Tie, covered, seal};
use crate::document::{Content, Edit, NodeId, apply};
use crate::envelope::{Metadata, Rule};
use crate::kubernetes::{self, AsWritten, Object, profile_rule};
use crate::select::Selector;

/// Encrypts all pieces under one envelope; no bytes for those in which nothing changes.
pub(crate) fn shared_envelope(
    run: &Run<'_>,
    pieces: &[Piece<'_>],
    report: &mut EncryptReport,
) -> Result<Vec<Option<Vec<u8>>>, FileError> {
    let roots = roots(pieces);
    for (_, member) in &roots {
        let document = member.document();
        report.objects += usize::from(Object::read(&AsWritten, document, member.object).is_some());
        if let Some(sops) = document.entry(member.object, "sops") {
            if run.options.as_data {
                return Err(already_encrypted(*member, sops));
            }
            report.already += 1;
            // One that cannot be read is for whoever decrypts the file to say.
            let envelope = Metadata::read(document, sops).ok();
            report.already_for.extend(envelope.map(|envelope| envelope.master_keys()));
        } else {
            check_root(*member)?;
        }
    }
    let nothing = || pieces.iter().map(|_| None).collect();
    if report.already == roots.len() {
        return Ok(nothing());
    }
    if report.already > 0 {
        return Err(FileError::input(
            "some documents of this stream are encrypted and some are not",
        )
        .hint("decrypt it first, or leave out `--layout sops`"));
    }
    // One rule has to hold for all documents, and no binding is possible: the MAC covers everything by default.
    let rule = match &run.options.rule {
        Some(rule) => rule.clone(),
        None if report.objects > 0 && !run.options.as_data => profile_rule(),
        None => Rule::implied(),
    };
    let selector = run.selector(&rule)?;
    check_roots(run, pieces, &roots, &rule, &selector)?;
    let members: Vec<_> = roots.iter().map(|(_, member)| *member).collect();
    // A single document is bound all the same.
    let tie = match run.options.as_data {
        true => Tie::Nothing,
        false => Tie::Document(run.options.scope, None),
    };
    let sealing = run.sealing(Some(rule), run.mac_only(false), tie)?;
    let covered = covered(run.format, &members, &selector, run.mac_only(false))?;
    let sealed = seal(&sealing, &selector, covered)?;
    if sealed.values == 0 && !run.options.as_data {
        return Ok(nothing());
    }
    report.values = sealed.values;
    report.comments = sealed.comments;
    report.changed = sealed.fresh;
    report.encrypted = members.len();
    Ok(distributed(pieces, roots, sealed.edits))
}

/// The roots of all documents, each with the number of its piece.
pub(crate) fn roots<'p, 's>(pieces: &'p [Piece<'s>]) -> Vec<(usize, Member<'p, 's>)> {
    let of_piece = |(number, piece): (usize, &'p Piece<'s>)| {
        piece_roots(piece).into_iter().map(move |member| (number, member))
    };
    pieces.iter().enumerate().flat_map(of_piece).collect()
}

/// Refuses documents that one envelope with this rule would not protect.
pub(crate) fn check_roots(
    run: &Run<'_>,
    pieces: &[Piece<'_>],
    roots: &[(usize, Member<'_, '_>)],
    rule: &Rule,
    selector: &Selector,
) -> Result<(), FileError> {
    for (_, member) in roots {
        check_root(*member)?;
        let document = member.document();
        if run.options.as_data {
            continue;
        }
        let selected = selector.select(document, member.object);
        for secret in kubernetes::secrets_within(&AsWritten, document, member.object) {
            let describe = || Object::read(&AsWritten, document, secret).map(|o| o.describe());
            check_secret(run.format, *member, secret)
                .and_then(|()| check_region_is_selected(*member, secret, &selected, rule))
                .map_err(|error| error.object(describe()))?;
        }
    }
    for (number, piece) in pieces.iter().enumerate() {
        let Some(stream) = &piece.stream else { continue };
        let own = roots.iter().filter(|(of, _)| *of == number);
        let chosen: Vec<_> = own.map(|(_, member)| (*member, rule.clone())).collect();
        let texts = (piece.before, piece.text);
        check_aliases(texts, &chosen, &stream.documents, &run.selectors)?;
    }
    Ok(())
}

/// The pieces after the edits of each root.
pub(crate) fn distributed(
    pieces: &[Piece<'_>],
    roots: Vec<(usize, Member<'_, '_>)>,
    edits: Vec<Vec<Edit>>,
) -> Vec<Option<Vec<u8>>> {
    let mut by_piece: Vec<Vec<Edit>> = pieces.iter().map(|_| Vec::new()).collect();
    for ((owner, _), edits) in roots.into_iter().zip(edits) {
        by_piece[owner].extend(edits);
    }
    let edited = |(piece, edits): (&Piece<'_>, Vec<Edit>)| {
        (!edits.is_empty()).then(|| apply(piece.text, 0..piece.text.len(), edits))
    };
    pieces.iter().zip(by_piece).map(edited).collect()
}

/// The roots of a piece's documents: under one envelope a `List` is one document.
fn piece_roots<'p, 's>(piece: &'p Piece<'s>) -> Vec<Member<'p, 's>> {
    let Some(stream) = &piece.stream else { return Vec::new() };
    let documents = &stream.documents;
    let root = |(document, tree): (usize, &crate::document::Document<'_>)| Member {
        before: piece.before,
        source: piece.text,
        documents,
        document,
        object: tree.root(),
        place: 0,
    };
    documents.iter().enumerate().map(root).collect()
}

fn already_encrypted(member: Member<'_, '_>, sops: NodeId) -> FileError {
    let error = FileError::input("it has a top-level entry `sops`, where the envelope would go")
        .fault(Fault::AlreadyEncrypted);
    member.at(error, sops).hint(
        "it is probably encrypted already: edit it, or decrypt it first; an entry of your own needs another name",
    )
}

/// An envelope needs a mapping, or nothing in whose place it can be written.
fn check_root(member: Member<'_, '_>) -> Result<(), FileError> {
    let node = member.document().node(member.object);
    let problem = match &node.content {
        Content::Mapping { .. } => return Ok(()),
        content if is_null(content) && node.span.start == node.span.end => return Ok(()),
        content if is_null(content) => "a document that is only null cannot be encrypted",
        _ => "only a mapping can be encrypted at the top",
    };
    Err(member
        .near(FileError::input(problem).fault(Fault::NoMapping), node.span.start)
        .hint("SOPS's format has no place for the envelope there"))
}
