//! Tokens → events: the grammar of YAML 1.1 as go-yaml v3 accepts it, with the comments each event takes along.

use std::borrow::Cow;

use super::comments::{Place, Rows};
use super::scanner::{Scan, Scanner};
use super::token::{Mark, Token, TokenKind};
use crate::document::{Span, Style};

/// Comments around one node.
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
}

#[derive(Debug)]
pub(super) struct Event<'s> {
    pub(super) kind: EventKind<'s>,
    pub(super) span: Span,
    pub(super) mark: Mark,
    pub(super) remarks: Remarks,
}

/// Anchor and tag of a node; the tag in its long form.
#[derive(Debug, Default)]
pub(super) struct Properties<'s> {
    pub(super) anchor: Option<&'s str>,
    pub(super) tag: Option<Cow<'s, str>>,
}

#[derive(Debug)]
pub(super) enum EventKind<'s> {
    StreamStart,
    StreamEnd,
    DocumentStart,
    DocumentEnd,
    Alias(&'s str),
    Scalar { properties: Properties<'s>, value: Cow<'s, str>, style: Style },
    SequenceStart { properties: Properties<'s>, flow: bool },
    SequenceEnd,
    MappingStart { properties: Properties<'s>, flow: bool },
    MappingEnd,
}

#[derive(Clone, Copy, Debug)]
enum State {
    StreamStart,
    ImplicitDocumentStart,
    DocumentStart,
    DocumentContent,
    DocumentEnd,
    BlockNode,
    BlockSequenceFirst,
    BlockSequenceEntry,
    IndentlessSequenceEntry,
    BlockMappingFirst,
    BlockMappingKey,
    BlockMappingValue,
    FlowSequenceFirst,
    FlowSequenceEntry,
    FlowPairKey,
    FlowPairValue,
    FlowPairEnd,
    FlowMappingFirst,
    FlowMappingKey,
    FlowMappingValue,
    FlowMappingEmptyValue,
    End,
}

pub(super) struct Parser<'s> {
    pub(super) scanner: Scanner<'s>,
    state: State,
    states: Vec<State>,
    marks: Vec<Mark>,
    tag_directives: Vec<(Cow<'s, str>, Cow<'s, str>)>,
    remarks: Remarks,
    /// Head of a collection that begins right behind a `-`: it belongs to the collection, not to its first entry.
    stem: Option<Rows>,
}

impl<'s> Parser<'s> {
    pub(super) fn new(text: &'s str) -> Self {
        Self {
            scanner: Scanner::new(text),
            state: State::StreamStart,
            states: Vec::new(),
            marks: Vec::new(),
            tag_directives: Vec::new(),
            remarks: Remarks::default(),
            stem: None,
        }
    }

    pub(super) fn next_event(&mut self) -> Scan<Event<'s>> {
        match self.state {
            State::StreamStart => {
                let mark = self.peek()?.start;
                self.scanner.take();
                self.state = State::ImplicitDocumentStart;
                Ok(plain_event(EventKind::StreamStart, mark, mark))
            }
            State::ImplicitDocumentStart => self.document_start(true),
            State::DocumentStart => self.document_start(false),
            State::DocumentContent => self.document_content(),
            State::DocumentEnd => self.document_end(),
            State::BlockNode => self.node(true, false),
            State::BlockSequenceFirst => self.block_sequence_entry(true),
            State::BlockSequenceEntry => self.block_sequence_entry(false),
            State::IndentlessSequenceEntry => self.indentless_sequence_entry(),
            State::BlockMappingFirst => self.block_mapping_key(true),
            State::BlockMappingKey => self.block_mapping_key(false),
            State::BlockMappingValue => self.block_mapping_value(),
            State::FlowSequenceFirst => self.flow_sequence_entry(true),
            State::FlowSequenceEntry => self.flow_sequence_entry(false),
            State::FlowPairKey => self.flow_pair_key(),
            State::FlowPairValue => self.flow_pair_value(),
            State::FlowPairEnd => {
                let mark = self.peek()?.start;
                self.state = State::FlowSequenceEntry;
                Ok(plain_event(EventKind::MappingEnd, mark, mark))
            }
            State::FlowMappingFirst => self.flow_mapping_key(true),
            State::FlowMappingKey => self.flow_mapping_key(false),
            State::FlowMappingValue => self.flow_mapping_value(false),
            State::FlowMappingEmptyValue => self.flow_mapping_value(true),
            State::End => {
                let mark = self.scanner.at;
                Ok(plain_event(EventKind::StreamEnd, mark, mark))
            }
        }
    }

    /// The next token; comments that stand before it are taken up on the way.
    fn peek(&mut self) -> Scan<&Token<'s>> {
        let (start, ends_block) = {
            let token = self.scanner.peek()?;
            (token.start.index, matches!(token.kind, TokenKind::BlockEnd))
        };
        while let Some(comment) = self.scanner.comments.front() {
            // No head on an end: it waits for the token behind it.
            if comment.token > start || (comment.place == Place::Head && ends_block) {
                break;
            }
            if let Some(comment) = self.scanner.comments.pop_front() {
                match comment.place {
                    Place::Head => self.remarks.head.extend(comment.rows),
                    Place::Line => self.remarks.line.extend(comment.rows),
                    Place::Foot => self.remarks.foot.extend(comment.rows),
                }
            }
        }
        self.scanner.peek()
    }

    fn take_remarks(&mut self) -> Remarks {
        self.stem = None;
        std::mem::take(&mut self.remarks)
    }

    fn pop_state(&mut self) {
        self.state = self.states.pop().expect("a state was pushed for every open node");
    }

    fn close(&mut self, kind: EventKind<'s>) -> Event<'s> {
        self.pop_state();
        self.marks.pop();
        let token = self.scanner.take();
        plain_event(kind, token.start, token.end)
    }

    fn open(&mut self) -> Scan<()> {
        let mark = self.peek()?.start;
        self.marks.push(mark);
        self.scanner.take();
        Ok(())
    }

    fn fail<T>(&self, problem: &str, mark: Mark) -> Scan<T> {
        let inside = self.marks.last().map_or(String::new(), |outer| {
            format!(" (inside the collection that begins on line {})", outer.line + 1)
        });
        self.scanner.error(mark, &format!("{problem}{inside}"))
    }

    fn document_start(&mut self, implicit: bool) -> Scan<Event<'s>> {
        if !implicit {
            while matches!(self.peek()?.kind, TokenKind::DocumentEnd) {
                self.scanner.take();
            }
        }
        let (mark, end, explicit, stream_end) = {
            let token = self.peek()?;
            let explicit = matches!(
                token.kind,
                TokenKind::VersionDirective { .. }
                    | TokenKind::TagDirective { .. }
                    | TokenKind::DocumentStart
            );
            (token.start, token.end, explicit, matches!(token.kind, TokenKind::StreamEnd))
        };
        if stream_end {
            self.state = State::End;
            return Ok(plain_event(EventKind::StreamEnd, mark, end));
        }
        if implicit && !explicit {
            self.process_directives()?;
            self.states.push(State::DocumentEnd);
            self.state = State::BlockNode;
            let head = self.split_document_head();
            let mut event = plain_event(EventKind::DocumentStart, mark, end);
            event.remarks.head = head;
            return Ok(event);
        }
        self.process_directives()?;
        let (is_start, end) = {
            let token = self.peek()?;
            (matches!(token.kind, TokenKind::DocumentStart), token.end)
        };
        if !is_start {
            let mark = self.peek()?.start;
            return self.fail("a document begins with `---` here", mark);
        }
        self.states.push(State::DocumentEnd);
        self.state = State::DocumentContent;
        self.scanner.take();
        Ok(plain_event(EventKind::DocumentStart, mark, end))
    }

    /// Of a comment at the very start, the part up to its last empty line belongs to the document as a whole.
    fn split_document_head(&mut self) -> Rows {
        let head = &mut self.remarks.head;
        match head.iter().rposition(Option::is_none) {
            Some(empty) => {
                let rest = head.split_off(empty + 1);
                let mut before = std::mem::replace(head, rest);
                before.truncate(empty);
                before
            }
            None => Rows::new(),
        }
    }

    fn document_content(&mut self) -> Scan<Event<'s>> {
        let token = self.peek()?;
        let mark = token.start;
        let empty = matches!(
            token.kind,
            TokenKind::VersionDirective { .. }
                | TokenKind::TagDirective { .. }
                | TokenKind::DocumentStart
                | TokenKind::DocumentEnd
                | TokenKind::StreamEnd
        );
        if empty {
            self.pop_state();
            return Ok(empty_scalar(mark));
        }
        self.node(true, false)
    }

    fn document_end(&mut self) -> Scan<Event<'s>> {
        let token = self.peek()?;
        let mark = token.start;
        let mut end = mark;
        if matches!(token.kind, TokenKind::DocumentEnd) {
            end = token.end;
            self.scanner.take();
        }
        self.tag_directives.clear();
        self.state = State::DocumentStart;
        let mut event = plain_event(EventKind::DocumentEnd, mark, end);
        event.remarks = self.take_remarks();
        if !event.remarks.head.is_empty() && event.remarks.foot.is_empty() {
            event.remarks.foot = std::mem::take(&mut event.remarks.head);
        }
        Ok(event)
    }

    fn process_directives(&mut self) -> Scan<()> {
        let mut has_version = false;
        loop {
            let (mark, kind) = {
                let token = self.peek()?;
                (token.start, token.kind.clone())
            };
            match kind {
                TokenKind::VersionDirective { .. } if has_version => {
                    return self.fail("there is a second %YAML directive", mark);
                }
                TokenKind::VersionDirective { major: 1, minor: 1 } => has_version = true,
                TokenKind::VersionDirective { .. } => {
                    return self.fail("only YAML 1.1 is read when %YAML is given", mark);
                }
                TokenKind::TagDirective { handle, prefix } => {
                    if self.tag_directives.iter().any(|(known, _)| known == handle) {
                        return self.fail("there is a second %TAG directive of that name", mark);
                    }
                    self.tag_directives.push((Cow::Borrowed(handle), prefix));
                }
                _ => break,
            }
            self.scanner.take();
        }
        for (handle, prefix) in [("!", "!"), ("!!", "tag:yaml.org,2002:")] {
            if !self.tag_directives.iter().any(|(known, _)| known == handle) {
                self.tag_directives.push((Cow::Borrowed(handle), Cow::Borrowed(prefix)));
            }
        }
        Ok(())
    }

    fn properties(&mut self) -> Scan<(Properties<'s>, Option<(Mark, Mark)>)> {
        let mut properties = Properties::default();
        let mut marks: Option<(Mark, Mark)> = None;
        let (mut has_tag, mut has_anchor) = (false, false);
        loop {
            let token = self.peek()?;
            match token.kind {
                TokenKind::Anchor(_) if !has_anchor => {}
                TokenKind::Tag { .. } if !has_tag => {}
                _ => break,
            }
            let token = self.scanner.take();
            let first = marks.map_or(token.start, |(first, _)| first);
            marks = Some((first, token.end));
            match token.kind {
                TokenKind::Anchor(name) => {
                    has_anchor = true;
                    properties.anchor = Some(name);
                }
                TokenKind::Tag { handle, suffix } => {
                    has_tag = true;
                    properties.tag = Some(self.resolve_tag(handle, suffix, token.start)?);
                }
                _ => {}
            }
        }
        Ok((properties, marks))
    }

    fn resolve_tag(&self, handle: &str, suffix: Cow<'s, str>, mark: Mark) -> Scan<Cow<'s, str>> {
        if handle.is_empty() {
            return Ok(suffix);
        }
        match self.tag_directives.iter().find(|(known, _)| known == handle) {
            Some((_, prefix)) => Ok(Cow::Owned(format!("{prefix}{suffix}"))),
            None => self.fail("this tag's handle was never declared by %TAG", mark),
        }
    }

    fn node(&mut self, block: bool, indentless_sequence: bool) -> Scan<Event<'s>> {
        if let TokenKind::Alias(name) = self.peek()?.kind {
            self.pop_state();
            let remarks = self.take_remarks();
            let token = self.scanner.take();
            let mut event = plain_event(EventKind::Alias(name), token.start, token.end);
            event.remarks = remarks;
            return Ok(event);
        }
        let (properties, property_marks) = self.properties()?;
        let (start, end, kind) = {
            let token = self.peek()?;
            let kind = match &token.kind {
                TokenKind::BlockEntry if indentless_sequence => Opening::Indentless,
                TokenKind::Scalar { .. } => Opening::Scalar,
                TokenKind::FlowSequenceStart => Opening::FlowSequence,
                TokenKind::FlowMappingStart => Opening::FlowMapping,
                TokenKind::BlockSequenceStart if block => Opening::BlockSequence,
                TokenKind::BlockMappingStart if block => Opening::BlockMapping,
                _ => Opening::Nothing,
            };
            (token.start, token.end, kind)
        };
        let sequence = |properties, flow| EventKind::SequenceStart { properties, flow };
        let mapping = |properties, flow| EventKind::MappingStart { properties, flow };
        match kind {
            Opening::Indentless => {
                self.state = State::IndentlessSequenceEntry;
                Ok(plain_event(sequence(properties, false), start, end))
            }
            Opening::Scalar => {
                self.pop_state();
                let remarks = self.take_remarks();
                let token = self.scanner.take();
                let TokenKind::Scalar { value, style } = token.kind else {
                    return self.fail("a value is expected here", start);
                };
                let kind = EventKind::Scalar { properties, value, style };
                let mut event = plain_event(kind, start, end);
                event.remarks = remarks;
                Ok(event)
            }
            Opening::FlowSequence => {
                self.state = State::FlowSequenceFirst;
                let mut event = plain_event(sequence(properties, true), start, end);
                event.remarks = self.take_remarks();
                Ok(event)
            }
            Opening::FlowMapping => {
                self.state = State::FlowMappingFirst;
                let mut event = plain_event(mapping(properties, true), start, end);
                event.remarks = self.take_remarks();
                Ok(event)
            }
            Opening::BlockSequence => {
                self.state = State::BlockSequenceFirst;
                let mut event = plain_event(sequence(properties, false), start, end);
                event.remarks.head = self.stem.take().unwrap_or_default();
                Ok(event)
            }
            Opening::BlockMapping => {
                self.state = State::BlockMappingFirst;
                let mut event = plain_event(mapping(properties, false), start, end);
                event.remarks.head = self.stem.take().unwrap_or_default();
                Ok(event)
            }
            Opening::Nothing => match property_marks {
                Some((_, end)) => {
                    self.pop_state();
                    let (value, style) = (Cow::Borrowed(""), Style::Plain);
                    let kind = EventKind::Scalar { properties, value, style };
                    Ok(plain_event(kind, end, end))
                }
                None => self.fail("a value is expected here", start),
            },
        }
    }

    /// Takes the `-` and moves the comments that stood before it aside if a block collection follows.
    fn take_block_entry(&mut self) -> Scan<Mark> {
        let rows_before = self.remarks.head.len();
        let mark = self.scanner.take().end;
        if rows_before > 0 {
            let collection = matches!(
                self.peek()?.kind,
                TokenKind::BlockSequenceStart | TokenKind::BlockMappingStart
            );
            if collection {
                let rest = self.remarks.head.split_off(rows_before);
                self.stem = Some(std::mem::replace(&mut self.remarks.head, rest));
            }
        }
        Ok(mark)
    }

    fn block_sequence_entry(&mut self, first: bool) -> Scan<Event<'s>> {
        if first {
            self.open()?;
        }
        match self.peek()?.kind {
            TokenKind::BlockEntry => {
                let mark = self.take_block_entry()?;
                self.state = State::BlockSequenceEntry;
                if matches!(self.peek()?.kind, TokenKind::BlockEntry | TokenKind::BlockEnd) {
                    return Ok(empty_scalar(mark));
                }
                self.states.push(State::BlockSequenceEntry);
                self.node(true, false)
            }
            TokenKind::BlockEnd => Ok(self.close(EventKind::SequenceEnd)),
            _ => {
                let mark = self.peek()?.start;
                self.fail("a list item `-` is expected here", mark)
            }
        }
    }

    fn indentless_sequence_entry(&mut self) -> Scan<Event<'s>> {
        let token = self.peek()?;
        let start = token.start;
        if !matches!(token.kind, TokenKind::BlockEntry) {
            self.pop_state();
            return Ok(plain_event(EventKind::SequenceEnd, start, start));
        }
        let mark = self.take_block_entry()?;
        self.state = State::IndentlessSequenceEntry;
        let empty = matches!(
            self.peek()?.kind,
            TokenKind::BlockEntry | TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd
        );
        if empty {
            return Ok(empty_scalar(mark));
        }
        self.states.push(State::IndentlessSequenceEntry);
        self.node(true, false)
    }

    fn block_mapping_key(&mut self, first: bool) -> Scan<Event<'s>> {
        if first {
            self.open()?;
        }
        match self.peek()?.kind {
            TokenKind::Key => {
                let mark = self.scanner.take().end;
                self.block_mapping_node(State::BlockMappingValue, mark)
            }
            TokenKind::BlockEnd => {
                let remarks = self.take_remarks();
                let mut event = self.close(EventKind::MappingEnd);
                event.remarks = remarks;
                Ok(event)
            }
            _ => {
                let mark = self.peek()?.start;
                self.fail("a key is expected here", mark)
            }
        }
    }

    fn block_mapping_value(&mut self) -> Scan<Event<'s>> {
        let token = self.peek()?;
        let start = token.start;
        if !matches!(token.kind, TokenKind::Value) {
            self.state = State::BlockMappingKey;
            return Ok(empty_scalar(start));
        }
        let mark = self.scanner.take().end;
        self.block_mapping_node(State::BlockMappingKey, mark)
    }

    fn block_mapping_node(&mut self, then: State, mark: Mark) -> Scan<Event<'s>> {
        let empty =
            matches!(self.peek()?.kind, TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd);
        if empty {
            self.state = then;
            return Ok(empty_scalar(mark));
        }
        self.states.push(then);
        self.node(true, true)
    }

    fn flow_sequence_entry(&mut self, first: bool) -> Scan<Event<'s>> {
        if first {
            self.open()?;
        }
        if !matches!(self.peek()?.kind, TokenKind::FlowSequenceEnd) {
            if !first {
                self.take_flow_entry("`,` or `]` is expected here")?;
            }
            match self.peek()?.kind {
                TokenKind::Key => {
                    self.state = State::FlowPairKey;
                    let token = self.scanner.take();
                    let properties = Properties::default();
                    let kind = EventKind::MappingStart { properties, flow: true };
                    return Ok(plain_event(kind, token.start, token.end));
                }
                TokenKind::FlowSequenceEnd => {}
                _ => {
                    self.states.push(State::FlowSequenceEntry);
                    return self.node(false, false);
                }
            }
        }
        let remarks = self.take_remarks();
        let mut event = self.close(EventKind::SequenceEnd);
        event.remarks = remarks;
        Ok(event)
    }

    fn take_flow_entry(&mut self, expected: &str) -> Scan<()> {
        let token = self.peek()?;
        let mark = token.start;
        if !matches!(token.kind, TokenKind::FlowEntry) {
            return self.fail(expected, mark);
        }
        self.scanner.take();
        Ok(())
    }

    fn flow_pair_key(&mut self) -> Scan<Event<'s>> {
        let token = self.peek()?;
        let mark = token.end;
        let empty = matches!(
            token.kind,
            TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowSequenceEnd
        );
        if !empty {
            self.states.push(State::FlowPairValue);
            return self.node(false, false);
        }
        // go-yaml drops the token that it looked at, and so reads `[? : x]` as it does.
        self.scanner.take();
        self.state = State::FlowPairValue;
        Ok(empty_scalar(mark))
    }

    fn flow_pair_value(&mut self) -> Scan<Event<'s>> {
        if matches!(self.peek()?.kind, TokenKind::Value) {
            self.scanner.take();
            let last =
                matches!(self.peek()?.kind, TokenKind::FlowEntry | TokenKind::FlowSequenceEnd);
            if !last {
                self.states.push(State::FlowPairEnd);
                return self.node(false, false);
            }
        }
        let mark = self.peek()?.start;
        self.state = State::FlowPairEnd;
        Ok(empty_scalar(mark))
    }

    fn flow_mapping_key(&mut self, first: bool) -> Scan<Event<'s>> {
        if first {
            self.open()?;
        }
        if !matches!(self.peek()?.kind, TokenKind::FlowMappingEnd) {
            if !first {
                self.take_flow_entry("`,` or `}` is expected here")?;
            }
            match self.peek()?.kind {
                TokenKind::Key => {
                    self.scanner.take();
                    let token = self.peek()?;
                    let mark = token.start;
                    let empty = matches!(
                        token.kind,
                        TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowMappingEnd
                    );
                    if empty {
                        self.state = State::FlowMappingValue;
                        return Ok(empty_scalar(mark));
                    }
                    self.states.push(State::FlowMappingValue);
                    return self.node(false, false);
                }
                TokenKind::FlowMappingEnd => {}
                _ => {
                    self.states.push(State::FlowMappingEmptyValue);
                    return self.node(false, false);
                }
            }
        }
        let remarks = self.take_remarks();
        let mut event = self.close(EventKind::MappingEnd);
        event.remarks = remarks;
        Ok(event)
    }

    fn flow_mapping_value(&mut self, empty: bool) -> Scan<Event<'s>> {
        self.state = State::FlowMappingKey;
        if !empty && matches!(self.peek()?.kind, TokenKind::Value) {
            self.scanner.take();
            let last =
                matches!(self.peek()?.kind, TokenKind::FlowEntry | TokenKind::FlowMappingEnd);
            if !last {
                self.states.push(State::FlowMappingKey);
                return self.node(false, false);
            }
        }
        let mark = self.peek()?.start;
        Ok(empty_scalar(mark))
    }
}

/// What the first token of a node's content opens.
#[derive(Clone, Copy)]
enum Opening {
    Indentless,
    Scalar,
    FlowSequence,
    FlowMapping,
    BlockSequence,
    BlockMapping,
    Nothing,
}

fn plain_event(kind: EventKind<'_>, start: Mark, end: Mark) -> Event<'_> {
    let span = Span { start: start.index, end: end.index.max(start.index) };
    Event { kind, span, mark: start, remarks: Remarks::default() }
}

fn empty_scalar<'s>(mark: Mark) -> Event<'s> {
    let properties = Properties::default();
    let kind = EventKind::Scalar { properties, value: Cow::Borrowed(""), style: Style::Plain };
    plain_event(kind, mark, mark)
}
