//! Tokens of the scanner.

use std::borrow::Cow;

use crate::document::Style;

/// A place between two bytes of the source.
///
/// Tokens are moved often, so lines and columns are kept short; `parse` refuses sources that could overflow them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// Byte offset.
    pub(super) index: usize,
    /// From 0.
    pub(super) line: u32,
    /// In characters, from 0.
    pub(super) column: u32,
}

#[derive(Debug)]
pub(super) struct Token<'s> {
    pub(super) kind: TokenKind<'s>,
    pub(super) start: Mark,
    pub(super) end: Mark,
}

#[derive(Debug)]
pub(super) enum TokenKind<'s> {
    StreamStart,
    StreamEnd,
    VersionDirective { major: u8, minor: u8 },
    TagDirective(Box<TagText<'s>>),
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(&'s str),
    Anchor(&'s str),
    Tag(Box<TagText<'s>>),
    Scalar { value: Cow<'s, str>, style: Style },
}

/// A tag in its parts, or what a `%TAG` directive says.
#[derive(Debug)]
pub(super) struct TagText<'s> {
    /// Empty for `!<…>` and for a lone `!`.
    pub(super) handle: &'s str,
    /// What follows the handle; in a directive what the handle stands for.
    pub(super) rest: Cow<'s, str>,
}
