//! Tokens → events: the grammar of YAML 1.1 as go-yaml v3 accepts it, with the comments each event takes along.

use std::borrow::Cow;
use std::collections::HashMap;

use super::comments::{Place, Rows};
use super::event::{Event, EventKind, Remarks, empty_scalar, plain_event};
use super::scanner::{Scan, Scanner};
use super::token::{Mark, Token, TokenKind};
use crate::document::Style;

mod flow;
mod tags;

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
    /// What the handles stand for that this document declares.
    tag_prefixes: HashMap<&'s str, Cow<'s, str>>,
    remarks: Option<Box<Remarks>>,
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
            tag_prefixes: HashMap::new(),
            remarks: None,
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
    #[inline]
    fn peek(&mut self) -> Scan<&Token<'s>> {
        self.scanner.fetch()?;
        if !self.scanner.comments.is_empty() {
            self.take_up_comments();
        }
        Ok(self.scanner.head())
    }

    #[inline(never)]
    fn take_up_comments(&mut self) {
        let token = self.scanner.head();
        let (start, ends_block) = (token.start.index, matches!(token.kind, TokenKind::BlockEnd));
        // No head on an end: it waits for the token behind it.
        while let Some(comment) = self.scanner.comments.pop_front_if(|comment| {
            comment.token <= start && !(comment.place == Place::Head && ends_block)
        }) {
            let remarks = self.remarks.get_or_insert_default();
            match comment.place {
                Place::Head => remarks.head.extend(comment.rows),
                Place::Line => remarks.line.extend(comment.rows),
                Place::Foot => remarks.foot.extend(comment.rows),
            }
        }
    }

    fn take_remarks(&mut self) -> Option<Box<Remarks>> {
        self.stem = None;
        self.remarks.take()
    }

    /// The head of a block collection behind a `-`.
    fn take_stem(&mut self) -> Option<Box<Remarks>> {
        self.stem.take().map(|head| Box::new(Remarks { head, ..Remarks::default() }))
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
            let mut event = plain_event(EventKind::DocumentStart, mark, end);
            event.remarks = self.split_document_head();
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
    fn split_document_head(&mut self) -> Option<Box<Remarks>> {
        let head = &mut self.remarks.as_mut()?.head;
        let empty = head.iter().rposition(Option::is_none)?;
        let rest = head.split_off(empty + 1);
        let mut head = std::mem::replace(head, rest);
        head.truncate(empty);
        Some(Box::new(Remarks { head, ..Remarks::default() }))
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
        self.tag_prefixes.clear();
        self.state = State::DocumentStart;
        let mut event = plain_event(EventKind::DocumentEnd, mark, end);
        event.remarks = self.take_remarks();
        if let Some(remarks) = &mut event.remarks
            && remarks.foot.is_empty()
        {
            remarks.foot = std::mem::take(&mut remarks.head);
        }
        Ok(event)
    }

    fn node(&mut self, block: bool, indentless_sequence: bool) -> Scan<Event<'s>> {
        let (mut properties, mut properties_end) = (None, None);
        if matches!(self.peek()?.kind, TokenKind::Anchor(_) | TokenKind::Tag(_))
            && let Some((found, end)) = self.properties()?
        {
            (properties, properties_end) = (Some(found), Some(end));
        }
        let token = self.peek()?;
        let (start, end) = (token.start, token.end);
        let kind = match token.kind {
            TokenKind::Scalar { .. } => {
                let TokenKind::Scalar { value, style } = self.scanner.take().kind else {
                    return self.fail("a value is expected here", start);
                };
                self.pop_state();
                let kind = EventKind::Scalar { properties, value, style };
                return Ok(Event { remarks: self.take_remarks(), ..plain_event(kind, start, end) });
            }
            TokenKind::Alias(name) if properties_end.is_none() => {
                self.scanner.take();
                self.pop_state();
                let kind = EventKind::Alias(name);
                return Ok(Event { remarks: self.take_remarks(), ..plain_event(kind, start, end) });
            }
            TokenKind::BlockEntry if indentless_sequence => {
                self.state = State::IndentlessSequenceEntry;
                let kind = EventKind::SequenceStart { properties, flow: false };
                return Ok(plain_event(kind, start, end));
            }
            TokenKind::FlowSequenceStart => {
                self.state = State::FlowSequenceFirst;
                let kind = EventKind::SequenceStart { properties, flow: true };
                return Ok(Event { remarks: self.take_remarks(), ..plain_event(kind, start, end) });
            }
            TokenKind::FlowMappingStart => {
                self.state = State::FlowMappingFirst;
                let kind = EventKind::MappingStart { properties, flow: true };
                return Ok(Event { remarks: self.take_remarks(), ..plain_event(kind, start, end) });
            }
            TokenKind::BlockSequenceStart if block => {
                self.state = State::BlockSequenceFirst;
                let kind = EventKind::SequenceStart { properties, flow: false };
                return Ok(Event { remarks: self.take_stem(), ..plain_event(kind, start, end) });
            }
            TokenKind::BlockMappingStart if block => {
                self.state = State::BlockMappingFirst;
                let kind = EventKind::MappingStart { properties, flow: false };
                return Ok(Event { remarks: self.take_stem(), ..plain_event(kind, start, end) });
            }
            _ => EventKind::Scalar { properties, value: Cow::Borrowed(""), style: Style::Plain },
        };
        // Anchor and tag make a value even where nothing follows them.
        let Some(end) = properties_end else {
            return self.fail("a value is expected here", start);
        };
        self.pop_state();
        Ok(plain_event(kind, end, end))
    }

    /// Takes the `-` and moves the comments that stood before it aside if a block collection follows.
    fn take_block_entry(&mut self) -> Scan<Mark> {
        let rows_before = self.remarks.as_ref().map_or(0, |remarks| remarks.head.len());
        let mark = self.scanner.take().end;
        if rows_before > 0 {
            let collection = matches!(
                self.peek()?.kind,
                TokenKind::BlockSequenceStart | TokenKind::BlockMappingStart
            );
            if collection && let Some(remarks) = &mut self.remarks {
                let rest = remarks.head.split_off(rows_before);
                self.stem = Some(std::mem::replace(&mut remarks.head, rest));
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
}
