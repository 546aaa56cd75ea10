//! INI into a [`Document`](crate::document::Document): a mapping of sections, in the order that SOPS gives them.
//!
//! SOPS puts the comment above a section into the section as its first entry, and the comment above a key behind that
//! key. So the nodes are in another order than the bytes.

use std::borrow::Cow;
use std::collections::HashSet;

use super::line::{KeyName, MARKERS, comment_text, key_name, line, stands_alone};
use super::value::{self, ReadValue};
use crate::document::{Comment, Content, Key, Position, Span, Stream, Value};
use crate::format::flattened::{self, ENVELOPE, Line};
use crate::format::tree::Tree;
use crate::format::{SyntaxError, check_size};

/// The section of the keys that stand before any other.
const DEFAULT: &str = "DEFAULT";

/// Reads an INI file. The section `sops` becomes the last entry, with its keys as the tree that they stand for.
///
/// Lines of a comment that follow one another are one comment. Sections may repeat, keys in a section may not: SOPS
/// would keep only the last one.
///
/// # Errors
/// What go-ini does not read, or reads so that a part of the file is lost. No message holds any text of the source.
pub fn parse(source: &[u8]) -> Result<Stream<'_>, SyntaxError> {
    let error = |at: usize, problem: &str| SyntaxError {
        position: Position::of(source, at),
        problem: problem.to_owned(),
    };
    check_size(source)?;
    let text = std::str::from_utf8(source)
        .map_err(|problem| error(problem.valid_up_to(), "this is not valid UTF-8"))?;
    let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut file = File::new(text, at);
    file.read(at).map_err(|problem| error(problem.at, problem.text))?;
    let mut tree = Tree::new(source.len());
    for section in file.sections {
        section.write(text, &mut tree);
    }
    if let Some(envelope) = file.envelope {
        let span = Span::new(envelope.start, envelope.end);
        flattened::add_envelope(&mut tree, source, envelope.lines, span)?;
    }
    Ok(tree.finish(source.len()))
}

struct File<'s> {
    text: &'s str,
    sections: Vec<Section<'s>>,
    envelope: Option<Envelope<'s>>,
    /// The lines that follow belong to the envelope.
    in_envelope: bool,
    /// Comments above whatever comes next.
    above: Vec<Remark>,
    /// Where the line of a comment ended that the next one continues.
    goes_on: Option<usize>,
}

struct Section<'s> {
    name: &'s str,
    name_span: Span,
    /// From its first key to its last value.
    span: Span,
    entries: Vec<Entry<'s>>,
    keys: HashSet<Cow<'s, str>>,
    /// Keys without a name are numbered.
    unnamed: usize,
}

enum Entry<'s> {
    Comment(Remark),
    Value { key: Key<'s>, value: ReadValue<'s> },
}

/// A comment: where its text stands.
struct Remark {
    span: Span,
    inline: bool,
    dropped: bool,
}

struct Envelope<'s> {
    /// Where its header begins.
    start: usize,
    /// Where its last key ends, or the file if nothing but blanks is behind it.
    end: usize,
    lines: Vec<Line<'s>>,
}

impl<'s> File<'s> {
    fn new(text: &'s str, at: usize) -> Self {
        Self {
            text,
            sections: vec![Section::new(DEFAULT, Span::new(at, at))],
            envelope: None,
            in_envelope: false,
            above: Vec::new(),
            goes_on: None,
        }
    }

    fn read(&mut self, start: usize) -> Result<(), value::Problem> {
        let mut at = start;
        while at < self.text.len() {
            let own = line(self.text, at);
            let begin = at + own.len() - own.trim_start().len();
            let next = at + own.len();
            let problem = |text| value::Problem { at: begin, text };
            match self.text[begin..next].chars().next() {
                None => self.goes_on = None,
                Some(marker) if MARKERS.contains(&marker) => self.comment(at, begin),
                Some('[') => self.section(begin).map_err(problem)?,
                Some(_) => {
                    let key = key_name(self.text, begin).map_err(problem)?;
                    let value = value::read(self.text, key.behind)?;
                    at = value.next;
                    self.key(begin, key, value).map_err(problem)?;
                    continue;
                }
            }
            at = next;
        }
        self.leave_comments();
        if let Some(envelope) = &mut self.envelope
            && self.text[envelope.end..].trim().is_empty()
        {
            envelope.end = self.text.len();
        }
        Ok(())
    }

    /// A line of a comment, the marker of which is at `begin`.
    fn comment(&mut self, start: usize, begin: usize) {
        let Some(span) = comment_text(self.text, begin) else {
            self.goes_on = None;
            return;
        };
        let alone = stands_alone(&self.text[span.range()]);
        match self.above.last_mut() {
            Some(above) if self.goes_on == Some(start) && !alone => above.span.end = span.end,
            _ => self.above.push(Remark { span, inline: false, dropped: false }),
        }
        self.goes_on = (!alone).then(|| start + line(self.text, start).len());
    }

    /// The header of a section, which begins at `begin`.
    fn section(&mut self, begin: usize) -> Result<(), &'static str> {
        let header = line(self.text, begin);
        let close = header.rfind(']').ok_or("the name of this section is not closed by `]`")?;
        let (name, name_span) = (&header[1..close], Span::new(begin + 1, begin + close));
        if name.is_empty() {
            return Err("this section has no name");
        }
        self.goes_on = None;
        self.in_envelope = name == ENVELOPE;
        if self.in_envelope {
            if self.envelope.is_some() {
                return Err("the section `sops` stands there twice");
            }
            self.leave_comments();
            let (start, end) = (begin, begin + header.len());
            self.envelope = Some(Envelope { start, end, lines: Vec::new() });
            return Ok(());
        }
        let behind = begin + close + 1;
        let inline = self.text[behind..begin + header.len()].find(MARKERS);
        if let Some(span) = inline.and_then(|at| comment_text(self.text, behind + at)) {
            self.above.push(Remark { span, inline: true, dropped: false });
        }
        let mut section = Section::new(name, name_span);
        section.entries.extend(self.above.drain(..).map(Entry::Comment));
        self.sections.push(section);
        Ok(())
    }

    /// A key, the line of which begins at `begin`.
    fn key(
        &mut self,
        begin: usize,
        key: KeyName<'s>,
        value: ReadValue<'s>,
    ) -> Result<(), &'static str> {
        self.goes_on = None;
        if let (true, Some(envelope)) = (self.in_envelope, &mut self.envelope) {
            // Comments among the metadata say nothing to anyone.
            self.above.clear();
            envelope.end = value.next;
            let line =
                Line { key: key.text, key_span: key.span, value: value.text, span: value.span };
            envelope.lines.push(line);
            return Ok(());
        }
        let Some(section) = self.sections.last_mut() else { return Ok(()) };
        let name = match key.text {
            "-" => {
                section.unnamed += 1;
                Cow::Owned(format!("#{}", section.unnamed))
            }
            text => Cow::Borrowed(text),
        };
        if !section.keys.insert(name.clone()) {
            return Err(
                "this key stands twice in its section, and sops would keep only the last one",
            );
        }
        if section.keys.len() == 1 {
            section.span.start = begin;
        }
        section.span.end = value.span.end;
        let comment = value.comment.and_then(|at| comment_text(self.text, at));
        let dropped = value.is_dropped;
        let key = Key { text: name, span: key.span, is_string: true };
        section.entries.push(Entry::Value { key, value });
        section.entries.extend(self.above.drain(..).map(Entry::Comment));
        let remark = comment.map(|span| Remark { span, inline: true, dropped });
        section.entries.extend(remark.map(Entry::Comment));
        Ok(())
    }

    /// Comments that nothing follows: SOPS does not see them.
    fn leave_comments(&mut self) {
        let Some(section) = self.sections.last_mut() else { return };
        let left = self.above.drain(..).map(|remark| Remark { dropped: true, ..remark });
        section.entries.extend(left.map(Entry::Comment));
    }
}

impl<'s> Section<'s> {
    fn new(name: &'s str, name_span: Span) -> Self {
        Self {
            name,
            name_span,
            span: Span::new(name_span.end, name_span.end),
            entries: Vec::new(),
            keys: HashSet::new(),
            unnamed: 0,
        }
    }

    fn write(self, text: &'s str, tree: &mut Tree<'s>) {
        let key = Key { text: self.name.into(), span: self.name_span, is_string: true };
        tree.open(Some(key), self.span, Content::Mapping { flow: false });
        for entry in self.entries {
            match entry {
                Entry::Comment(Remark { span, inline, dropped }) => {
                    tree.comment(span, Comment { text: &text[span.range()], inline, dropped });
                }
                Entry::Value { key, value } => {
                    let text = Value::String(value.text);
                    tree.scalar(Some(key), value.span, value.quote.style(), text);
                }
            }
        }
        tree.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    /// The tree as lines: sections, keys with values, comments with `;`, `!` before those that SOPS does not see.
    fn shape(document: &Document<'_>) -> Vec<String> {
        let nodes = document.nodes.iter().skip(1);
        nodes
            .map(|node| {
                let key = node.key.as_ref().map_or("", |key| &key.text);
                match &node.content {
                    Content::Comment(comment) => {
                        format!("{};{}", if comment.dropped { "!" } else { "" }, comment.text)
                    }
                    Content::Scalar(scalar) => {
                        let value = scalar.value.canonical().to_vec();
                        format!("{key}={}", String::from_utf8(value).unwrap())
                    }
                    _ => format!("[{key}]"),
                }
            })
            .collect()
    }

    fn lines(source: &str) -> Vec<String> {
        shape(&parse(source.as_bytes()).unwrap().documents[0])
    }

    #[test]
    fn comments_stand_where_sops_puts_them() {
        let source = "; of k\nk = 1 ; inline\n\n; of a\n[a] # and a\n; of l\nl=2\n; end\n";
        assert_eq!(
            lines(source),
            [
                "[DEFAULT]",
                "k=1",
                ";of k",
                ";inline",
                "[a]",
                ";of a",
                ";and a",
                "l=2",
                ";of l",
                "!;end",
            ]
        );
    }

    #[test]
    fn lines_of_a_comment_are_one_until_something_parts_them() {
        let source = "; a\n  # b \n;\n;; c\n\n;d\nk=1\n";
        assert_eq!(lines(source), ["[DEFAULT]", "k=1", ";a\n  # b", ";c", ";d"]);
        let source = "; a\n; ENC[AES256_GCM,data:x]\n; b\n; c\nk=1\n";
        assert_eq!(
            lines(source),
            ["[DEFAULT]", "k=1", ";a", ";ENC[AES256_GCM,data:x]", ";b\n; c",]
        );
    }

    #[test]
    fn the_metadata_are_one_entry_and_comments_above_them_belong_elsewhere() {
        let source =
            "[a]\nk=1\n; end\n[sops]\n; of the metadata\nx__list_0 = y\n\n; of b\n[b]\nl=2\n";
        assert_eq!(
            lines(source),
            ["[DEFAULT]", "[a]", "k=1", "!;end", "[b]", ";of b", "l=2", "[sops]", "[x]", "=y",]
        );
    }

    #[test]
    fn every_node_stands_where_its_text_is() {
        let source = "\u{feff} [ s ] ; c \n\t\"k 1\" = 'x y' # d\n`k:2`:\"\"\"a\nb\"\"\"\n";
        let stream = parse(source.as_bytes()).unwrap();
        let document = &stream.documents[0];
        let spans = document.nodes.iter().skip(3).map(|node| &source[node.span.range()]);
        assert_eq!(spans.collect::<Vec<_>>(), ["c", "'x y'", "d", "\"\"\"a\nb\"\"\""]);
        let keys = document.nodes.iter().skip(2).filter_map(|node| node.key.as_ref());
        assert_eq!(
            keys.map(|key| &source[key.span.range()]).collect::<Vec<_>>(),
            [" s ", "k 1", "k:2"]
        );
    }
}
