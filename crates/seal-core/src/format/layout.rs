//! How the members of `{…}` and `[…]` are laid out, and values written like those that are there.

use crate::document::{Content, Document, NodeId};

/// Longest indentation that is taken over: a block repeats it on a hundred lines.
const MAX_INDENT: usize = 32;

/// Indentation inside a collection that shows none.
const DEFAULT_UNIT: &str = "  ";

/// A value to be written.
pub(crate) trait Nested: Sized {
    /// What it is made of.
    fn parts(&self) -> Parts<'_, Self>;
}

/// What a value is made of.
#[derive(Debug)]
pub(crate) enum Parts<'v, T> {
    Scalar,
    List(&'v [T]),
    Map(&'v [(String, T)]),
}

/// How a format spells keys and scalars.
pub(crate) struct Words<'w, T> {
    pub(crate) key: &'w dyn Fn(&str) -> String,
    pub(crate) scalar: &'w dyn Fn(&T) -> String,
}

impl<T> std::fmt::Debug for Words<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Words")
    }
}

/// How the members of a collection are laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Layout<'s> {
    /// On one line, with or without a blank behind each colon and each comma.
    Compact { colon_blank: bool, comma_blank: bool },
    /// Each on a line of its own, behind `outer`, one `unit`, and one `nested` for each further level.
    Lines { line_break: &'static str, outer: &'s str, unit: &'s str, nested: &'s str },
}

impl<'s> Layout<'s> {
    /// The layout of a collection.
    pub(crate) fn of(source: &'s [u8], document: &Document<'_>, collection: NodeId) -> Self {
        let span = document.node(collection).span;
        let mut before = span.start + 1;
        let mut own_line = None;
        let mut first = None;
        for member in members(document, collection) {
            first = first.or(Some(member));
            let gap = &source[before..start(document, member).max(before)];
            own_line = last_line(gap).or(own_line);
            before = end(document, member);
        }
        match (own_line, first) {
            (Some((line_break, indent)), _) => {
                // An indented object: its own indentation is no part of the unit.
                let outer = first_indent(&source[..span.start]);
                match indent.strip_prefix(outer) {
                    Some(unit) => Self::Lines { line_break, outer, unit, nested: unit },
                    None => Self::Lines { line_break, outer: "", unit: indent, nested: indent },
                }
            }
            (None, Some(first)) => Self::compact(source, document, collection, first),
            (None, None) => match last_line(&source[before..span.end.max(before + 1) - 1]) {
                Some((line_break, outer)) => {
                    Self::Lines { line_break, outer, unit: DEFAULT_UNIT, nested: DEFAULT_UNIT }
                }
                None => Self::Compact { colon_blank: false, comma_blank: false },
            },
        }
    }

    fn compact(source: &[u8], document: &Document<'_>, collection: NodeId, first: NodeId) -> Self {
        let comma = members(document, collection)
            .nth(1)
            .map(|second| source[start(document, second) - 1] != b',');
        let colon_blank = match document.node(first).key {
            Some(_) => source[document.node(first).span.start - 1] != b':',
            None => comma.unwrap_or(true),
        };
        Self::Compact { colon_blank, comma_blank: comma.unwrap_or(colon_blank) }
    }

    /// The same with another indentation below the first level.
    pub(crate) fn nesting(mut self, wanted: Option<&'s str>) -> Self {
        if let (Self::Lines { nested, .. }, Some(wanted)) = (&mut self, wanted) {
            *nested = wanted;
        }
        self
    }

    /// The same with a blank behind each colon, where the format needs one.
    pub(crate) fn with_colon_blank(mut self) -> Self {
        if let Self::Compact { colon_blank, .. } = &mut self {
            *colon_blank = true;
        }
        self
    }

    pub(crate) fn comma(&self) -> &'static str {
        if matches!(self, Self::Compact { comma_blank: true, .. }) { ", " } else { "," }
    }

    fn colon(&self) -> &'static str {
        if matches!(self, Self::Compact { colon_blank: false, .. }) { ":" } else { ": " }
    }

    pub(crate) fn begin_line(&self, text: &mut String, depth: usize) {
        if let Self::Lines { line_break, outer, unit, nested } = self {
            text.push_str(line_break);
            text.push_str(outer);
            if depth > 0 {
                text.push_str(unit);
                text.push_str(&nested.repeat(depth - 1));
            }
        }
    }

    pub(crate) fn write_member<T: Nested>(
        &self,
        text: &mut String,
        key: &str,
        value: &T,
        depth: usize,
        words: &Words<'_, T>,
    ) {
        text.push_str(&(words.key)(key));
        text.push_str(self.colon());
        self.write(text, value, depth, words);
    }

    /// Writes a value; `depth` counts from the collection that has this layout, whose members are at 1.
    pub(crate) fn write<T: Nested>(
        &self,
        text: &mut String,
        value: &T,
        depth: usize,
        words: &Words<'_, T>,
    ) {
        match value.parts() {
            Parts::Scalar => text.push_str(&(words.scalar)(value)),
            Parts::List(items) => {
                self.write_all(text, ['[', ']'], items, depth, |text, item| {
                    self.write(text, item, depth + 1, words);
                });
            }
            Parts::Map(members) => {
                self.write_all(text, ['{', '}'], members, depth, |text, (key, value)| {
                    self.write_member(text, key, value, depth + 1, words);
                });
            }
        }
    }

    fn write_all<T>(
        &self,
        text: &mut String,
        [open, close]: [char; 2],
        items: &[T],
        depth: usize,
        mut write_one: impl FnMut(&mut String, &T),
    ) {
        text.push(open);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                text.push_str(self.comma());
            }
            self.begin_line(text, depth + 1);
            write_one(text, item);
        }
        if !items.is_empty() {
            self.begin_line(text, depth);
        }
        text.push(close);
    }
}

/// The members of a collection, comments not among them.
pub(crate) fn members<'d>(
    document: &'d Document<'_>,
    collection: NodeId,
) -> impl Iterator<Item = NodeId> + 'd {
    document
        .children(collection)
        .filter(|id| !matches!(document.node(*id).content, Content::Comment(_)))
}

/// First byte of a member, which is its key's where it has one.
pub(crate) fn start(document: &Document<'_>, member: NodeId) -> usize {
    let node = document.node(member);
    node.key.as_ref().map_or(node.span.start, |key| key.span.start)
}

/// Behind the last byte of a member; one without a value ends with its key.
pub(crate) fn end(document: &Document<'_>, member: NodeId) -> usize {
    let node = document.node(member);
    match &node.key {
        Some(key) if node.span.start == node.span.end => key.span.end,
        _ => node.span.end,
    }
}

/// The line break in a gap between two members and the indentation behind it, where the second one stands on its own
/// line.
fn last_line(gap: &[u8]) -> Option<(&'static str, &str)> {
    let newline = memchr::memrchr(b'\n', gap)?;
    let line_break = if gap[..newline].ends_with(b"\r") { "\r\n" } else { "\n" };
    Some((line_break, indent(&gap[newline + 1..])?))
}

/// The indentation of the line on which a collection begins.
fn first_indent(before: &[u8]) -> &str {
    let line = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    let blanks = before[line..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    indent(&before[line..line + blanks]).unwrap_or("")
}

fn indent(text: &[u8]) -> Option<&str> {
    let blank = text.iter().all(|byte| matches!(byte, b' ' | b'\t'));
    (blank && text.len() <= MAX_INDENT).then(|| std::str::from_utf8(text).ok())?
}
