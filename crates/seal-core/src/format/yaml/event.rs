//! Events of the parser.

use std::borrow::Cow;

use super::comments::Rows;
use super::token::Mark;
use crate::document::{Span, Style};

/// Comments around one node. Few nodes have any, so they are boxed wherever they are passed on.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    pub(super) head: Rows,
    pub(super) line: Rows,
    pub(super) foot: Rows,
}

impl Remarks {
    pub(super) fn is_empty(&self) -> bool {
        self.head.is_empty() && self.line.is_empty() && self.foot.is_empty()
    }

    /// At least as many as there are comment lines.
    pub(super) fn rows(&self) -> usize {
        self.head.len() + self.line.len() + self.foot.len()
    }
}

/// Takes the foot out of what may not be there.
pub(super) fn take_foot(remarks: &mut Option<Box<Remarks>>) -> Rows {
    remarks.as_mut().map(|remarks| std::mem::take(&mut remarks.foot)).unwrap_or_default()
}

#[derive(Debug)]
pub(super) struct Event<'s> {
    pub(super) kind: EventKind<'s>,
    pub(super) span: Span,
    pub(super) mark: Mark,
    pub(super) remarks: Option<Box<Remarks>>,
}

/// Anchor and tag of a node; the tag in its short form. Few nodes have any.
#[derive(Debug, Default)]
pub(super) struct Properties<'s> {
    pub(super) anchor: Option<&'s str>,
    pub(super) tag: Option<Box<str>>,
}

#[derive(Debug)]
pub(super) enum EventKind<'s> {
    StreamStart,
    StreamEnd,
    DocumentStart,
    DocumentEnd,
    Alias(&'s str),
    Scalar { properties: Option<Box<Properties<'s>>>, value: Cow<'s, str>, style: Style },
    SequenceStart { properties: Option<Box<Properties<'s>>>, flow: bool },
    SequenceEnd,
    MappingStart { properties: Option<Box<Properties<'s>>>, flow: bool },
    MappingEnd,
}

pub(super) fn plain_event(kind: EventKind<'_>, start: Mark, end: Mark) -> Event<'_> {
    let span = Span { start: start.index, end: end.index.max(start.index) };
    Event { kind, span, mark: start, remarks: None }
}

pub(super) fn empty_scalar<'s>(mark: Mark) -> Event<'s> {
    let kind =
        EventKind::Scalar { properties: None, value: Cow::Borrowed(""), style: Style::Plain };
    plain_event(kind, mark, mark)
}
