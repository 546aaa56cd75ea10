//! Writes an object in lines, as YAML, out of the lines of another one.

use super::chunk::{Chunk, is_block};
use super::target::{Entry, New};
use crate::document::{Content, Document, NodeId, Scalar, Style};
use crate::format::layout::members;
use crate::format::yaml::edit::{double_quoted, single_quoted};
use crate::format::yaml::placement::{column, line_break};
use crate::format::yaml::quoting::{Quoting, quoting};

/// Blanks per level where the source shows none.
const DEFAULT_STEP: usize = 2;

/// Writes the entries of one object.
pub(super) struct Writer<'w, 's> {
    source: &'w [u8],
    document: &'w Document<'s>,
    /// The mapping of the object.
    top: NodeId,
    step: usize,
    line_break: &'static str,
    /// Comments of the secret part that may not be written, by their text.
    forbidden: &'w dyn Fn(&str) -> bool,
    /// How many of those there were.
    pub(super) left_out: usize,
}

impl<'w, 's> Writer<'w, 's> {
    pub(super) fn new(
        source: &'w [u8],
        document: &'w Document<'s>,
        top: NodeId,
        forbidden: &'w dyn Fn(&str) -> bool,
    ) -> Self {
        Self {
            source,
            document,
            top,
            step: step(source, document, top),
            line_break: line_break(source),
            forbidden,
            left_out: 0,
        }
    }

    /// The column at which the entries of the object stand.
    pub(super) fn column(&self) -> usize {
        column(self.source, self.document.node(self.top).span.start)
    }

    /// Whole lines.
    pub(super) fn write(&mut self, entries: &[Entry]) -> Vec<u8> {
        let mut out = Vec::new();
        let column = self.column();
        for entry in entries {
            self.entry(&mut out, entry, column);
        }
        out
    }

    fn entry(&mut self, out: &mut Vec<u8>, entry: &Entry, column: usize) {
        let chunk = entry.origin.and_then(|id| Chunk::of(self.source, self.document, self.top, id));
        for joined in &entry.joined {
            if let Some(joined) = Chunk::of(self.source, self.document, self.top, *joined) {
                self.comments(out, &joined.lead, column, joined.column, entry.from_region);
                self.comment_of_head(out, &joined, column, entry.from_region);
            }
        }
        let Some((origin, chunk)) = entry.origin.zip(chunk.as_ref()) else {
            return self.without_lines(out, entry, column);
        };
        if !entry.without_comments {
            self.comments(out, &chunk.lead, column, chunk.column, entry.from_region);
        }
        match &entry.value {
            New::Same => {
                self.indent(out, column);
                let text = match entry.without_comments {
                    true => self.value_alone(origin, chunk),
                    false => self.source[chunk.text.clone()].to_vec(),
                };
                moved(out, &text, column as isize - chunk.column as isize, true);
                self.end_line(out);
            }
            New::Text(text) => {
                self.indent(out, column);
                out.extend_from_slice(self.key(origin, &entry.key).as_bytes());
                out.extend_from_slice(b": ");
                out.extend_from_slice(self.spelled(Some(origin), text).as_bytes());
                if !entry.without_comments {
                    self.inline_comment(out, origin, entry.from_region);
                }
                out.extend_from_slice(self.line_break.as_bytes());
            }
            New::Map(entries) => {
                self.indent(out, column);
                out.extend_from_slice(self.key(origin, &entry.key).as_bytes());
                out.push(b':');
                self.map(out, entries, column, |writer, out| {
                    if !entry.without_comments {
                        writer.inline_comment(out, origin, entry.from_region);
                    }
                });
            }
        }
        if !entry.without_comments {
            self.comments(out, &chunk.tail, column, chunk.column, entry.from_region);
        }
    }

    /// An entry that the source has inside brackets, or not at all.
    fn without_lines(&mut self, out: &mut Vec<u8>, entry: &Entry, column: usize) {
        if let Some(origin) = entry.origin.filter(|_| !entry.without_comments) {
            self.comments_in_brackets(out, origin, column, entry.from_region);
        }
        self.indent(out, column);
        let key = match entry.origin {
            Some(origin) => self.key(origin, &entry.key),
            None => spelled(&entry.key),
        };
        out.extend_from_slice(key.as_bytes());
        out.push(b':');
        match &entry.value {
            New::Map(entries) => return self.map(out, entries, column, |_, _| {}),
            New::Text(text) => {
                out.push(b' ');
                out.extend_from_slice(self.spelled(entry.origin, text).as_bytes());
            }
            New::Same => {
                let node = entry.origin.map(|origin| self.document.node(origin));
                let text = node.and_then(|node| {
                    let from = node.key.as_ref()?.span.end;
                    let text = self.source[from..node.span.end.max(from)].trim_ascii_start();
                    Some(text.strip_prefix(b":").unwrap_or(text).trim_ascii_start())
                });
                out.push(b' ');
                out.extend_from_slice(text.unwrap_or_default());
            }
        }
        out.extend_from_slice(self.line_break.as_bytes());
    }

    /// What stands behind the `:` of a mapping.
    fn map(
        &mut self,
        out: &mut Vec<u8>,
        entries: &[Entry],
        column: usize,
        comment: impl FnOnce(&mut Self, &mut Vec<u8>),
    ) {
        if entries.is_empty() {
            out.extend_from_slice(b" {}");
        }
        comment(self, out);
        out.extend_from_slice(self.line_break.as_bytes());
        for entry in entries {
            self.entry(out, entry, column + self.step);
        }
    }

    /// Comment lines and empty lines, at another column.
    fn comments(
        &mut self,
        out: &mut Vec<u8>,
        lines: &std::ops::Range<usize>,
        column: usize,
        from: usize,
        from_region: bool,
    ) {
        for line in self.source[lines.clone()].split_inclusive(|byte| *byte == b'\n') {
            let text = line.trim_ascii();
            if from_region && text.starts_with(b"#") && self.is_forbidden(text) {
                continue;
            }
            moved(out, line, column as isize - from as isize, false);
            self.end_line(out);
        }
    }

    /// The comment behind the key of a mapping that becomes part of another one, on a line of its own.
    fn comment_of_head(
        &mut self,
        out: &mut Vec<u8>,
        chunk: &Chunk,
        column: usize,
        from_region: bool,
    ) {
        let line = first_line(&self.source[chunk.text.clone()]);
        let Some(at) = line.windows(2).position(|pair| pair == b" #") else { return };
        let text = line[at + 1..].trim_ascii();
        if line[..at].trim_ascii().ends_with(b":") && !(from_region && self.is_forbidden(text)) {
            self.indent(out, column);
            out.extend_from_slice(text);
            out.extend_from_slice(self.line_break.as_bytes());
        }
    }

    /// The comments in front of a member of brackets, each on a line of its own.
    fn comments_in_brackets(
        &mut self,
        out: &mut Vec<u8>,
        origin: NodeId,
        column: usize,
        from_region: bool,
    ) {
        let Some(parent) = self.document.node(origin).parent else { return };
        let mut above = Vec::new();
        for child in self.document.children(parent).take_while(|child| *child < origin) {
            match &self.document.node(child).content {
                Content::Comment(_) => above.push(self.document.node(child).span),
                _ => above.clear(),
            }
        }
        for span in above {
            let text = self.source[span.range()].trim_ascii();
            let text = text.strip_prefix(b"#").unwrap_or(text);
            let text = [b"#", text].concat();
            if from_region && self.is_forbidden(&text) {
                continue;
            }
            self.indent(out, column);
            out.extend_from_slice(&text);
            out.extend_from_slice(self.line_break.as_bytes());
        }
    }

    /// The comment that stands behind the value of an entry, or behind its key where the value begins on the next line.
    fn inline_comment(&mut self, out: &mut Vec<u8>, origin: NodeId, from_region: bool) {
        let node = self.document.node(origin);
        let rest = match &node.content {
            Content::Scalar(Scalar { style: Style::Literal | Style::Folded, .. }) => {
                let header = first_line(&self.source[node.span.start..]);
                header.windows(2).position(|pair| pair == b" #").map(|at| &header[at..])
            }
            Content::Mapping { flow: false } | Content::Sequence { flow: false } => {
                let Some(key) = &node.key else { return };
                let head = first_line(&self.source[key.span.end..]);
                head.windows(2).position(|pair| pair == b" #").map(|at| &head[at..])
            }
            _ => {
                let end =
                    node.key.as_ref().map_or(node.span.end, |key| node.span.end.max(key.span.end));
                let rest = first_line(&self.source[end..]);
                let rest = if node.span.end <= end {
                    rest.strip_prefix(b":").unwrap_or(rest)
                } else {
                    rest
                };
                rest.trim_ascii_start().starts_with(b"#").then_some(rest)
            }
        };
        let Some(rest) = rest else { return };
        let rest = rest.trim_ascii_end();
        if !(from_region && self.is_forbidden(rest.trim_ascii())) {
            out.extend_from_slice(rest);
        }
    }

    /// An entry without the comment behind it.
    fn value_alone(&self, origin: NodeId, chunk: &Chunk) -> Vec<u8> {
        let end = self.document.node(origin).span.end.max(chunk.text.start);
        self.source[chunk.text.start..end.min(chunk.text.end)].to_vec()
    }

    fn is_forbidden(&mut self, comment: &[u8]) -> bool {
        let text = String::from_utf8_lossy(comment);
        let is_forbidden = (self.forbidden)(text.trim_start_matches('#').trim());
        self.left_out += usize::from(is_forbidden);
        is_forbidden
    }

    /// The key as the source spells it, if it stays the same key.
    fn key(&self, origin: NodeId, key: &str) -> String {
        let there = self.document.node(origin).key.as_ref().filter(|there| there.text == key);
        let text =
            there.and_then(|there| std::str::from_utf8(&self.source[there.span.range()]).ok());
        text.map_or_else(|| spelled(key), str::to_owned)
    }

    /// A text in the quotes of the value that it replaces.
    fn spelled(&self, origin: Option<NodeId>, text: &str) -> String {
        let style = origin.and_then(|origin| match &self.document.node(origin).content {
            Content::Scalar(scalar) => Some(scalar.style),
            _ => None,
        });
        let written = match style {
            Some(Style::DoubleQuoted) => Some(double_quoted(text)),
            Some(Style::SingleQuoted) => single_quoted(text).filter(|_| !text.contains('\n')),
            _ => None,
        };
        written.unwrap_or_else(|| spelled(text))
    }

    fn indent(&self, out: &mut Vec<u8>, column: usize) {
        out.extend(std::iter::repeat_n(b' ', column));
    }

    fn end_line(&self, out: &mut Vec<u8>) {
        if !out.is_empty() && !matches!(out.last(), Some(b'\n' | b'\r')) {
            out.extend_from_slice(self.line_break.as_bytes());
        }
    }
}

/// A text in a line of its own, with the quotes that it needs.
fn spelled(text: &str) -> String {
    match quoting(text) {
        Quoting::Plain => text.to_owned(),
        Quoting::Single => format!("'{}'", text.replace('\'', "''")),
        Quoting::Double | Quoting::Literal => double_quoted(text),
    }
}

/// Adds lines that stand further right or left than before. Of the first one the caller has written the blanks already,
/// where `is_begun`.
fn moved(out: &mut Vec<u8>, lines: &[u8], by: isize, is_begun: bool) {
    for (number, line) in lines.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let is_blank = matches!(line, [] | b"\n" | b"\r\n");
        if (number == 0 && is_begun) || is_blank {
            out.extend_from_slice(line);
            continue;
        }
        let blanks = line.iter().take_while(|byte| **byte == b' ').count();
        let gone = blanks.min(by.min(0).unsigned_abs());
        out.extend(std::iter::repeat_n(b' ', by.max(0).unsigned_abs()));
        out.extend_from_slice(&line[gone..]);
    }
}

fn first_line(text: &[u8]) -> &[u8] {
    let end = memchr::memchr2(b'\n', b'\r', text).unwrap_or(text.len());
    &text[..end]
}

/// Blanks per level: those of the first mapping below the object that shows them.
fn step(source: &[u8], document: &Document<'_>, top: NodeId) -> usize {
    let below = (top.index() + 1..document.node(top).end.index()).map(|index| NodeId(index as u32));
    let mut nested =
        below.filter(|id| is_block(document, *id) && members(document, *id).next().is_some());
    let shown = nested.find_map(|id| {
        let parent = document.node(id).parent.filter(|parent| is_block(document, *parent))?;
        let at = |id| column(source, document.node(id).span.start);
        at(id).checked_sub(at(parent)).filter(|step| *step > 0)
    });
    shown.unwrap_or(DEFAULT_STEP)
}
