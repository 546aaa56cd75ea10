//! Collects findings, bounded, and gives them their places at the end in one walk over the source.

use std::borrow::Cow;

use super::allow::Allowed;
use super::lines::Lines;
use super::shapes::Leak;
use super::{Finding, Lint};
use crate::document::{NodeId, Path, Position, Span};
use crate::file::Member;

/// More findings of one source, errors and warnings each, are only counted.
const MOST: usize = 1_000;

/// How many bytes of paths and names are kept for one source: keys can be long, and paths deep.
const TEXTS: usize = 1 << 20;

/// What was found in a piece, or in the whole source.
#[derive(Default)]
pub(super) struct Sink {
    found: Vec<Found>,
    more: usize,
    texts: usize,
    /// Spans of values that are reported as secrets in clear.
    reported: Vec<Span>,
    pub(super) envelopes: usize,
    /// A value that is not empty, in a document without an envelope.
    pub(super) has_values: bool,
    /// One that the rule selects.
    pub(super) has_selected: bool,
}

struct Found {
    lint: &'static Lint,
    place: Place,
    object: Option<String>,
    path: Option<Path>,
    message: Cow<'static, str>,
}

enum Place {
    Known(Position),
    /// Offsets in the whole source: of what was found, and of the key it stands at.
    Offset {
        at: usize,
        key: usize,
    },
}

impl Sink {
    /// Something at a node of a member.
    pub(super) fn at(
        &mut self,
        member: Member<'_, '_>,
        node: NodeId,
        lint: &'static Lint,
        message: impl Into<Cow<'static, str>>,
    ) {
        let start = member.document().node(node).span.start;
        self.at_offset(member, node, start, lint, message.into());
    }

    /// Something at the key of an entry.
    pub(super) fn at_key(
        &mut self,
        member: Member<'_, '_>,
        entry: NodeId,
        lint: &'static Lint,
        message: impl Into<Cow<'static, str>>,
    ) {
        let node = member.document().node(entry);
        let start = node.key.as_ref().map_or(node.span, |key| key.span).start;
        self.at_offset(member, entry, start, lint, message.into());
    }

    /// Something about an object as a whole; the entry only says where.
    pub(super) fn at_object(
        &mut self,
        member: Member<'_, '_>,
        entry: NodeId,
        lint: &'static Lint,
        message: impl Into<Cow<'static, str>>,
    ) {
        let room = self.found.len();
        self.at_key(member, entry, lint, message);
        if let Some(found) = self.found.get_mut(room) {
            found.path = None;
        }
    }

    /// Something of the source as a whole, or where it cannot be read.
    pub(super) fn at_position(&mut self, lint: &'static Lint, at: Position, message: String) {
        let place = Place::Known(at);
        self.push(Found { lint, place, object: None, path: None, message: message.into() });
    }

    /// A text that gives itself away.
    pub(super) fn leak(&mut self, leak: &Leak, place: Option<(Member<'_, '_>, NodeId)>) {
        let message = Cow::Borrowed(leak.what);
        match place {
            Some((member, node)) => {
                let offset = leak.range.start - member.before.len();
                self.at_offset(member, node, offset, leak.lint, message);
            }
            None => {
                let place = Place::Offset { at: leak.range.start, key: leak.range.start };
                self.push(Found { lint: leak.lint, place, object: None, path: None, message });
            }
        }
    }

    /// Notes that what stands there is reported as a secret in clear, whatever it looks like.
    pub(super) fn note_reported(&mut self, span: Span) {
        self.reported.push(span);
    }

    /// Whether that is so for an offset of the piece.
    pub(super) fn reported(&self, offset: usize) -> bool {
        self.reported.iter().any(|span| span.range().contains(&offset))
    }

    /// Takes over what was found in a later piece.
    pub(super) fn add(&mut self, part: Self) {
        self.more += part.more;
        part.found.into_iter().for_each(|found| self.push(found));
        self.envelopes += part.envelopes;
        self.has_values |= part.has_values;
        self.has_selected |= part.has_selected;
    }

    /// Forgets all but the first finding of each of these kinds: what is said of an envelope is the same in every document
    /// that shares it.
    pub(super) fn keep_first_of(&mut self, lints: &[&'static Lint]) {
        for lint in lints {
            let mut seen = 0;
            self.found.retain(|found| {
                seen += usize::from(found.lint == *lint);
                found.lint != *lint || seen == 1
            });
        }
    }

    /// The findings that no comment allows, in the order of the source, and how many more there are.
    pub(super) fn finish(mut self, source: &[u8]) -> (Vec<Finding>, usize) {
        if self.found.is_empty() {
            return (Vec::new(), 0);
        }
        let allowed = Allowed::read(source);
        let found = std::mem::take(&mut self.found);
        let mut places: Vec<(Found, Position, usize)> = Vec::with_capacity(found.len());
        let mut lines = Lines::new(source);
        let start = Position { line: 1, column: 1 };
        let mut found: Vec<Found> = found;
        found.sort_by_key(|found| found.place.at());
        for found in found {
            let position = match &found.place {
                Place::Known(position) => *position,
                Place::Offset { at, .. } => lines.position(*at),
            };
            places.push((found, position, start.line));
        }
        places.sort_by_key(|(found, ..)| found.place.key());
        let mut lines = Lines::new(source);
        for (found, position, of_key) in &mut places {
            *of_key = match found.place {
                Place::Known(_) => position.line,
                Place::Offset { key, .. } => lines.position(key).line,
            };
        }
        places.retain(|(found, position, of_key)| {
            !allowed.covers(found.lint, [position.line, *of_key])
        });
        places.sort_by_key(|(_, position, _)| *position);
        let finding = |(found, position, _): (Found, Position, usize)| {
            let Found { lint, object, path, message, .. } = found;
            Finding { lint, position, object, path, message: message.into_owned() }
        };
        (places.into_iter().map(finding).collect(), self.more)
    }

    fn at_offset(
        &mut self,
        member: Member<'_, '_>,
        node: NodeId,
        offset: usize,
        lint: &'static Lint,
        message: Cow<'static, str>,
    ) {
        if !self.has_room(lint) {
            self.more += 1;
            return;
        }
        let document = member.document();
        let (mut path, mut object) = (None, None);
        if self.texts <= TEXTS {
            let whole = document.path_below(member.object, node);
            object = member.describe();
            self.texts += whole.to_string().len() + object.as_ref().map_or(0, String::len);
            path = Some(whole).filter(|path| !path.0.is_empty());
        }
        let key = document.node(node).key.as_ref().map_or(offset, |key| key.span.start);
        let before = member.before.len();
        let place = Place::Offset { at: before + offset, key: before + key.min(offset) };
        self.push(Found { lint, place, object, path, message });
    }

    /// Warnings may not crowd errors out.
    fn has_room(&self, lint: &Lint) -> bool {
        self.found.len() < MOST
            || self.found.iter().filter(|found| found.lint.severity == lint.severity).count() < MOST
    }

    fn push(&mut self, found: Found) {
        match self.has_room(found.lint) {
            true => self.found.push(found),
            false => self.more += 1,
        }
    }
}

impl Place {
    fn at(&self) -> usize {
        match self {
            Self::Known(_) => 0,
            Self::Offset { at, .. } => *at,
        }
    }

    fn key(&self) -> usize {
        match self {
            Self::Known(_) => 0,
            Self::Offset { key, .. } => *key,
        }
    }
}
