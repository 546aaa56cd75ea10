//! The earlier version: which object of the new text each belongs to.

use std::collections::{HashMap, HashSet};

use super::super::error::FileError;
use super::super::open::Demands;
use super::super::pieces::Piece;
use super::super::previous::{ObjectName, object_name};
use super::super::seal::Tie;
use super::super::{Member, members};
use super::earlier::{Earlier, Found, Reader};
use super::opened::OpenPiece;
use super::pairing::pair;
use super::{Fresh, ReviseOptions};
use crate::document::{Document, NodeId, Stream};
use crate::envelope::Rule;
use crate::format::Format;
use crate::kubernetes::{self, AsWritten};

/// The envelopes of the earlier version, for the objects of the new text.
pub(crate) struct Version<'a> {
    envelopes: Vec<Earlier>,
    /// By what stands before each piece of the new text.
    pieces: HashMap<usize, NewPiece<'a>>,
    is_shared: bool,
    holds_kubernetes: bool,
    options: &'a ReviseOptions<'a>,
}

/// A piece of the new text.
#[derive(Default)]
struct NewPiece<'a> {
    /// Envelope, and member of it, by document and object.
    owners: HashMap<(usize, NodeId), (usize, usize)>,
    /// Documents that are one object, although they are lists.
    whole: HashSet<usize>,
    /// The encrypted text that it has already.
    unchanged: Option<&'a [u8]>,
}

/// Which envelope, and which member of it, by piece, document and place of the earlier version.
type Owners = HashMap<(usize, usize, usize), (usize, usize)>;

impl<'a> Version<'a> {
    /// Reads the earlier version for a new text. `shared` says that all its documents have one envelope.
    ///
    /// # Errors
    /// A leaf that could not be encrypted again.
    pub(super) fn new(
        format: Format,
        (opened, streams): (&'a [OpenPiece<'_, '_>], &[Stream<'_>]),
        shared: bool,
        new: &[Piece<'_>],
        options: &'a ReviseOptions<'a>,
    ) -> Result<Self, FileError> {
        let reader = Reader::new(format, options);
        let objects: Vec<Vec<Vec<NodeId>>> = (streams.iter())
            .map(|stream| stream.documents.iter().map(kubernetes::objects).collect())
            .collect();
        let pieces = opened.iter().zip(streams).zip(&objects).enumerate();
        let all: Vec<Found<'_, '_, '_>> = pieces
            .flat_map(|(number, ((open, stream), objects))| {
                let found = move |envelope| Found { number, envelope, open, stream, objects };
                open.envelopes.iter().map(found)
            })
            .collect();
        let (mut envelopes, mut by_place) = (Vec::new(), Owners::new());
        for found in all.chunks(if shared { all.len() } else { 1 }) {
            let members = found.iter().flat_map(|found| {
                let members = found.envelope.members.iter();
                members.map(|member| (found.number, member.document, member.place))
            });
            by_place.extend(members.enumerate().map(|(at, place)| (place, (envelopes.len(), at))));
            envelopes.push(reader.earlier(found)?);
        }
        let old_texts: Vec<Text<'_, '_>> = (opened.iter().zip(streams))
            .map(|(piece, stream)| (piece.shown(), stream.documents.as_slice()))
            .collect();
        let new_texts: Vec<Text<'_, '_>> = (new.iter())
            .map(|piece| {
                let documents = piece.stream.as_ref().map(|stream| stream.documents.as_slice());
                (piece.text, documents.unwrap_or_default())
            })
            .collect();
        let (old_documents, new_documents) = (numbered(&old_texts), numbered(&new_texts));
        let binds = options.fresh == Fresh::Unbound;
        let is_alone = |envelopes: &[Earlier]| matches!(envelopes, [one] if one.bound.is_none());
        let is_alone = old_documents.len() == 1 && is_alone(&envelopes);
        let is_shared = (shared || is_alone) && !binds;

        let roots = roots(&all);
        // Without a name that tells, a document is the one in the same place.
        let is_whole = |ordinal: usize, document: &Document<'_>| {
            let before = old_documents.get(ordinal).filter(|_| !binds);
            new_documents.len() == old_documents.len()
                && before.is_some_and(|before| roots.contains(before))
                && kubernetes::list_items(&AsWritten, document, document.root()).is_some()
        };
        let old_objects =
            places(&old_texts, &|ordinal, _| is_shared || roots.contains(&old_documents[ordinal]));
        let new_objects =
            places(&new_texts, &|ordinal, document| is_shared || is_whole(ordinal, document));
        let names = |objects: &[Place<'_>]| -> Vec<ObjectName> {
            objects.iter().map(|object| object.name.clone()).collect()
        };
        let same = |old: usize, new: usize| old_objects[old].text == new_objects[new].text;
        let pairs = pair(&names(&old_objects), &names(&new_objects), &same);

        let mut version = Self {
            envelopes,
            pieces: HashMap::new(),
            is_shared,
            holds_kubernetes: old_objects.iter().any(Place::is_kubernetes),
            options,
        };
        for (object, old) in new_objects.iter().zip(&pairs) {
            let piece = version.pieces.entry(new[object.piece].before.len()).or_default();
            if object.is_whole {
                piece.whole.insert(object.document);
            }
            let old = old.map(|old| &old_objects[old]).filter(|_| !(shared && binds));
            let owner = old.and_then(|old| by_place.get(&(old.piece, old.document, old.place)));
            piece.owners.extend(owner.map(|owner| ((object.document, object.object), *owner)));
        }
        for (number, piece) in new.iter().enumerate().filter(|_| !is_shared) {
            let objects = in_piece(&new_objects, number);
            let before: Option<Vec<usize>> = objects.map(|object| pairs[object]).collect();
            let Some(before) = before else { continue };
            let Some(first) = before.first() else { continue };
            let open = &opened[old_objects[*first].piece];
            if open.shown() == piece.text
                && before.iter().copied().eq(in_piece(&old_objects, old_objects[*first].piece))
            {
                version.leave(piece.before.len(), open.encrypted());
            }
        }
        Ok(version)
    }

    /// Lets a piece stay as it is encrypted, unless one of its envelopes has to be made again.
    fn leave(&mut self, offset: usize, encrypted: &'a [u8]) {
        let Some(piece) = self.pieces.get(&offset) else { return };
        let stays = |(envelope, _): &(usize, usize)| {
            let earlier = &self.envelopes[*envelope];
            !earlier.is_unverified && !self.renews(earlier)
        };
        if piece.owners.values().all(stays) && !piece.owners.is_empty() {
            self.pieces.entry(offset).or_default().unchanged = Some(encrypted);
        }
    }

    /// The encrypted text of a piece in which nothing changed, and how many envelopes it has.
    pub(crate) fn unchanged(&self, piece: &Piece<'_>) -> Option<(&'a [u8], usize)> {
        let piece = self.pieces.get(&piece.before.len())?;
        Some((piece.unchanged?, piece.owners.len()))
    }

    /// The objects of a piece of the new text.
    pub(crate) fn members<'p, 's>(
        &self,
        piece: &'p Piece<'s>,
        stream: &'p Stream<'s>,
    ) -> Vec<Member<'p, 's>> {
        let found = members(piece.before, piece.text, stream);
        let Some(known) = self.pieces.get(&piece.before.len()) else { return found };
        let mut done = HashSet::new();
        let as_whole = |member: Member<'p, 's>| {
            if !known.whole.contains(&member.document) {
                return Some(member);
            }
            let object = member.document().root();
            done.insert(member.document).then_some(Member { object, place: 0, ..member })
        };
        found.into_iter().filter_map(as_whole).collect()
    }

    /// Whether a document of a piece has one envelope whatever it holds.
    pub(crate) fn is_whole(&self, piece: &Piece<'_>, document: usize) -> bool {
        let piece = self.pieces.get(&piece.before.len());
        piece.is_some_and(|piece| piece.whole.contains(&document))
    }

    /// The envelope that an object of the new text had, and which of its members it was.
    pub(crate) fn earlier(&self, member: Member<'_, '_>) -> Option<(&Earlier, usize)> {
        let piece = self.pieces.get(&member.before.len())?;
        let (envelope, which) = piece.owners.get(&(member.document, member.object))?;
        Some((&self.envelopes[*envelope], *which))
    }

    /// The only envelope, where all documents share one.
    pub(super) fn shared(&self) -> Option<&Earlier> {
        self.envelopes.first().filter(|_| self.is_shared)
    }

    /// Whether the source had a Kubernetes object.
    pub(super) fn holds_kubernetes(&self) -> bool {
        self.holds_kubernetes
    }

    /// The rule and the `mac_only_encrypted` of all envelopes; `None` where they are not the same.
    pub(super) fn common_rule(&self) -> Option<(Rule, bool)> {
        let settings = |earlier: &Earlier| (earlier.rule(), earlier.metadata.mac_only_encrypted);
        let first = self.envelopes.first().map(settings)?;
        self.envelopes.iter().all(|earlier| settings(earlier) == first).then_some(first)
    }

    /// Whether an envelope gets a new data key.
    pub(super) fn renews(&self, earlier: &Earlier) -> bool {
        match self.options.fresh {
            Fresh::Added => false,
            Fresh::All => true,
            Fresh::Unbound => earlier.bound.is_none(),
        }
    }

    /// Whether an envelope is tied to its document that was not before.
    pub(crate) fn binds(&self, earlier: &Earlier) -> bool {
        earlier.bound.is_none() && self.tie(earlier) != Tie::Nothing
    }

    /// What an envelope is to be tied to.
    pub(super) fn tie(&self, earlier: &Earlier) -> Tie<'a> {
        match earlier.bound {
            Some((flags, scope)) => {
                Tie::Document(scope, self.namespace().filter(|_| flags.namespace))
            }
            None if self.options.fresh == Fresh::Unbound => Tie::Document(self.options.scope, None),
            None => Tie::Nothing,
        }
    }

    /// What the result is verified with.
    pub(crate) fn demands(&self) -> Demands<'a> {
        let as_data = self.options.decrypt.as_data;
        Demands { namespace: self.namespace(), as_data, ..Demands::default() }
    }

    /// The namespace of objects that do not carry one.
    pub(super) fn namespace(&self) -> Option<&'a str> {
        self.options.decrypt.namespace
    }
}

/// The text of a piece, and its documents.
type Text<'t, 's> = (&'t [u8], &'t [Document<'s>]);

/// Piece and document of each document, counted through.
fn numbered(texts: &[Text<'_, '_>]) -> Vec<(usize, usize)> {
    let of_piece = |(number, (_, documents)): (usize, &Text<'_, '_>)| {
        (0..documents.len()).map(move |document| (number, document))
    };
    texts.iter().enumerate().flat_map(of_piece).collect()
}

/// An object in one of the two texts.
struct Place<'t> {
    piece: usize,
    document: usize,
    object: NodeId,
    /// Among the objects of its document.
    place: usize,
    /// It is its document, although that is a list.
    is_whole: bool,
    text: &'t [u8],
    name: ObjectName,
}

impl Place<'_> {
    fn is_kubernetes(&self) -> bool {
        self.name != ObjectName::default()
    }
}

/// All objects of a text; `is_whole` tells which documents, counted through, are one object whatever they hold.
fn places<'t>(
    texts: &[Text<'t, '_>],
    is_whole: &dyn Fn(usize, &Document<'_>) -> bool,
) -> Vec<Place<'t>> {
    let mut found = Vec::new();
    for (ordinal, (piece, document)) in numbered(texts).into_iter().enumerate() {
        let (text, documents) = texts[piece];
        let tree = &documents[document];
        let whole = is_whole(ordinal, tree);
        let objects = match whole {
            true => vec![tree.root()],
            false => kubernetes::objects(tree),
        };
        let is_whole = whole && kubernetes::list_items(&AsWritten, tree, tree.root()).is_some();
        for (place, object) in objects.into_iter().enumerate() {
            let name = object_name(tree, object);
            let text = &text[tree.node(object).span.range()];
            found.push(Place { piece, document, object, place, is_whole, text, name });
        }
    }
    found
}

/// The indices of a piece's objects.
fn in_piece(objects: &[Place<'_>], piece: usize) -> std::ops::Range<usize> {
    let first = objects.partition_point(|object| object.piece < piece);
    first..objects.partition_point(|object| object.piece <= piece)
}

/// Piece and document of the envelopes that stand over a whole document.
fn roots(found: &[Found<'_, '_, '_>]) -> HashSet<(usize, usize)> {
    let of_envelope = |found: &Found<'_, '_, '_>| -> Vec<(usize, usize)> {
        let members = found.envelope.members.iter();
        let at_root = members.filter(|member| member.object == member.document().root());
        at_root.map(|member| (found.number, member.document)).collect()
    };
    found.iter().flat_map(of_envelope).collect()
}
