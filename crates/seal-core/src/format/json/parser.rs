//! Strict RFC 8259 into a [`Document`], with the span of every key and value.
//!
//! What SOPS's reader lets pass and we refuse: duplicate keys, text after the object, invalid UTF-8 and lone
//! surrogates (both of which Go replaces silently), numbers beyond 64-bit floats.

use std::borrow::Cow;
use std::collections::HashSet;

use memchr::memchr2;

use super::number;
use crate::document::{
    Content, Document, Key, Node, NodeId, Position, Scalar, Span, Stream, Style, Value,
};
use crate::format::{SyntaxError, check_size};

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 1_000;

/// Objects with fewer members look for duplicates one by one, others keep a set.
const FEW_MEMBERS: u32 = 16;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Reads the one object of a JSON file. The stream has one document, whose span is the whole source, a byte order
/// mark included.
///
/// # Errors
///
/// Anything that is not exactly one JSON object, with its position. No message holds any text of the source but keys.
pub fn parse(source: &[u8]) -> Result<Stream<'_>, SyntaxError> {
    check_size(source)?;
    let text = std::str::from_utf8(source).map_err(|error| SyntaxError {
        position: Position::of(source, error.valid_up_to()),
        problem: "this is not valid UTF-8".to_owned(),
    })?;
    let at = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let parser = Parser { text, mark: at, at, nodes: Vec::new(), open: Vec::new() };
    let nodes = parser.run()?;
    let span = Span::new(0, source.len());
    Ok(Stream { documents: vec![Document { span, nodes, is_manifest: true }] })
}

struct Parser<'s> {
    text: &'s str,
    /// Length of the byte order mark, which is no column of the first line.
    mark: usize,
    at: usize,
    nodes: Vec<Node<'s>>,
    /// The collections around the current place, outermost first. On the heap, so that no input overflows the stack.
    open: Vec<Open<'s>>,
}

/// A collection whose end has not been seen.
struct Open<'s> {
    node: NodeId,
    is_object: bool,
    members: u32,
    /// Filled once there are many members.
    keys: HashSet<Cow<'s, str>>,
}

impl<'s> Parser<'s> {
    fn run(mut self) -> Result<Vec<Node<'s>>, SyntaxError> {
        self.skip_blanks();
        match self.peek() {
            Some(b'{') => {}
            Some(b'[') => {
                return Err(self.error(
                    "the top level is an array; SOPS's format needs an object there: wrap it in one",
                ));
            }
            Some(_) => {
                return Err(self.error("the top level is no object, which SOPS's format needs"));
            }
            None => return Err(self.error("the file is empty; it needs one object")),
        }
        let mut key = None;
        loop {
            if self.value(key.take())? {
                // A collection was opened and is not empty; its first member follows.
            } else if !self.next_member()? {
                break;
            }
            if self.open.last().is_some_and(|open| open.is_object) {
                key = Some(self.key()?);
            }
        }
        self.skip_blanks();
        if self.at < self.text.len() {
            return Err(self.error("the object ends before this; one file holds one object"));
        }
        Ok(self.nodes)
    }

    /// Reads a value up to its end, or a collection up to its first member. True where a member follows.
    fn value(&mut self, key: Option<Key<'s>>) -> Result<bool, SyntaxError> {
        self.skip_blanks();
        let start = self.at;
        let (style, value) = match self.peek() {
            Some(b'{') => return self.open(key, true),
            Some(b'[') => return self.open(key, false),
            Some(b'"') => (Style::DoubleQuoted, Value::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => (Style::Plain, self.number()?),
            Some(b't') => (Style::Plain, self.word("true", Value::Bool(true))?),
            Some(b'f') => (Style::Plain, self.word("false", Value::Bool(false))?),
            Some(b'n') => (Style::Plain, self.word("null", Value::Null)?),
            Some(_) => return Err(self.error("expected a value")),
            None => return Err(self.error("the file ends where a value should stand")),
        };
        let id = self.push(key, Content::Scalar(Scalar { style, value, tag: None }));
        let node = &mut self.nodes[id.index()];
        node.span = Span::new(start, self.at);
        Ok(false)
    }

    fn open(&mut self, key: Option<Key<'s>>, is_object: bool) -> Result<bool, SyntaxError> {
        if self.open.len() == MAX_DEPTH {
            return Err(self.error("objects and arrays are nested more than 1000 deep"));
        }
        let content = if is_object {
            Content::Mapping { flow: true }
        } else {
            Content::Sequence { flow: true }
        };
        let node = self.push(key, content);
        self.open.push(Open { node, is_object, members: 0, keys: HashSet::new() });
        self.at += 1;
        self.skip_blanks();
        if self.peek() == Some(if is_object { b'}' } else { b']' }) {
            self.close();
            return Ok(false);
        }
        Ok(true)
    }

    /// Adds a node that begins here, as the next member of the innermost collection.
    fn push(&mut self, key: Option<Key<'s>>, content: Content<'s>) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        let (parent, position) = match self.open.last_mut() {
            Some(open) => {
                open.members += 1;
                (Some(open.node), open.members - 1)
            }
            None => (None, 0),
        };
        self.nodes.push(Node {
            parent,
            key,
            position,
            span: Span::new(self.at, self.at),
            end: NodeId(id.0 + 1),
            content,
        });
        id
    }

    /// Ends the innermost collection, whose closing bracket is here.
    fn close(&mut self) {
        self.at += 1;
        if let Some(open) = self.open.pop() {
            let end = NodeId(self.nodes.len() as u32);
            let node = &mut self.nodes[open.node.index()];
            node.span.end = self.at;
            node.end = end;
        }
    }

    /// Goes on behind a value: closes what ends here, and returns whether another member follows.
    fn next_member(&mut self) -> Result<bool, SyntaxError> {
        while let Some(open) = self.open.last() {
            let is_object = open.is_object;
            self.skip_blanks();
            match self.peek() {
                Some(b',') => {
                    let comma = self.at;
                    self.at += 1;
                    self.skip_blanks();
                    if matches!(self.peek(), Some(b'}' | b']')) {
                        self.at = comma;
                        return Err(self.error("a comma with nothing behind it"));
                    }
                    return Ok(true);
                }
                Some(b'}') if is_object => self.close(),
                Some(b']') if !is_object => self.close(),
                None if is_object => return Err(self.error("the file ends inside an object")),
                None => return Err(self.error("the file ends inside an array")),
                Some(_) if is_object => return Err(self.error("expected `,` or `}`")),
                Some(_) => return Err(self.error("expected `,` or `]`")),
            }
        }
        Ok(false)
    }

    /// Reads a key and its colon.
    fn key(&mut self) -> Result<Key<'s>, SyntaxError> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => {}
            Some(_) => return Err(self.error("expected a key in double quotes")),
            None => return Err(self.error("the file ends where a key should stand")),
        }
        let text = self.string()?;
        let span = Span::new(start, self.at);
        if self.is_duplicate(text.clone()) {
            self.at = start;
            return Err(self.error(format!("the key {text:?} stands twice in the same object")));
        }
        self.skip_blanks();
        if self.peek() != Some(b':') {
            return Err(self.error("expected `:` behind the key"));
        }
        self.at += 1;
        Ok(Key { text, span, is_string: true })
    }

    fn is_duplicate(&mut self, key: Cow<'s, str>) -> bool {
        let Some(open) = self.open.last_mut() else {
            return false;
        };
        let earlier = Earlier { nodes: &self.nodes, next: open.node.index() + 1 };
        if open.members < FEW_MEMBERS {
            return earlier.into_iter().any(|earlier| *earlier == key);
        }
        if open.keys.is_empty() {
            open.keys.extend(earlier.cloned());
        }
        !open.keys.insert(key)
    }

    /// Reads a string, borrowing it where it has no escapes.
    fn string(&mut self) -> Result<Cow<'s, str>, SyntaxError> {
        self.at += 1;
        let first = self.run_of_text()?;
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(first));
        }
        let mut decoded = String::with_capacity(first.len() + 16);
        decoded.push_str(first);
        while self.peek() == Some(b'\\') {
            decoded.push(self.escape()?);
            decoded.push_str(self.run_of_text()?);
        }
        self.at += 1;
        Ok(Cow::Owned(decoded))
    }

    /// The text up to the next `"` or `\`, where it stops.
    fn run_of_text(&mut self) -> Result<&'s str, SyntaxError> {
        let rest = &self.text.as_bytes()[self.at..];
        let length = memchr2(b'"', b'\\', rest);
        let run = &rest[..length.unwrap_or(rest.len())];
        // Without an early exit this compiles to vector code; only a broken file is searched again.
        let has_control = run.iter().fold(false, |found, byte| found | (*byte < 0x20));
        if has_control {
            self.at += run.iter().position(|byte| *byte < 0x20).unwrap_or(0);
            return Err(self.error("a line break or control character inside a string"));
        }
        let start = self.at;
        self.at += run.len();
        if length.is_none() {
            return Err(self.error("the file ends inside a string"));
        }
        Ok(&self.text[start..self.at])
    }

    fn escape(&mut self) -> Result<char, SyntaxError> {
        let start = self.at;
        let letter = self.text.as_bytes().get(start + 1).copied();
        self.at += 2;
        let character = match letter {
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => match self.code_point() {
                Some(character) => character,
                None => {
                    self.at = start;
                    return Err(
                        self.error("`\\u` needs four hex digits, and surrogates come in pairs")
                    );
                }
            },
            _ => {
                self.at = start;
                return Err(self.error("a backslash that begins no escape"));
            }
        };
        Ok(character)
    }

    /// Reads the digits behind `\u`, and the second half of a surrogate pair.
    fn code_point(&mut self) -> Option<char> {
        let first = self.code_unit()?;
        if !(0xD800..0xE000).contains(&first) {
            return char::from_u32(first);
        }
        let rest = &self.text.as_bytes()[self.at..];
        if first >= 0xDC00 || !rest.starts_with(b"\\u") {
            return None;
        }
        self.at += 2;
        let second = self.code_unit()?;
        if !(0xDC00..0xE000).contains(&second) {
            return None;
        }
        char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00))
    }

    fn code_unit(&mut self) -> Option<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
    }

    fn number(&mut self) -> Result<Value<'s>, SyntaxError> {
        let rest = &self.text[self.at..];
        let Some(length) = number::length(rest.as_bytes()) else {
            return Err(self.error("this begins like a number, but is none"));
        };
        let Some(value) = number::read(&rest[..length]) else {
            return Err(self.error("the number is too large for a 64-bit float"));
        };
        self.at += length;
        Ok(value)
    }

    fn word(&mut self, word: &str, value: Value<'s>) -> Result<Value<'s>, SyntaxError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.error("expected a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn skip_blanks(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        let blanks = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        self.at += blanks.unwrap_or(rest.len());
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn error(&self, problem: impl Into<String>) -> SyntaxError {
        let source = &self.text.as_bytes()[self.mark..];
        SyntaxError { position: Position::of(source, self.at - self.mark), problem: problem.into() }
    }
}

/// The keys that an unfinished object has so far.
struct Earlier<'p, 's> {
    nodes: &'p [Node<'s>],
    next: usize,
}

impl<'p, 's> Iterator for Earlier<'p, 's> {
    type Item = &'p Cow<'s, str>;

    fn next(&mut self) -> Option<Self::Item> {
        let node = self.nodes.get(self.next)?;
        self.next = node.end.index();
        node.key.as_ref().map(|key| &key.text)
    }
}

#[cfg(test)]
mod tests;
