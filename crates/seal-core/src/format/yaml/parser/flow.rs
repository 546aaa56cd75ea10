//! Flow collections: `[…]` and `{…}`.

use super::{Parser, State};
use crate::format::yaml::event::{Event, EventKind, empty_scalar, plain_event};
use crate::format::yaml::scanner::Scan;
use crate::format::yaml::token::TokenKind;

impl<'s> Parser<'s> {
    pub(super) fn flow_sequence_entry(&mut self, first: bool) -> Scan<Event<'s>> {
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
                    let kind = EventKind::MappingStart { properties: None, flow: true };
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

    pub(super) fn flow_pair_key(&mut self) -> Scan<Event<'s>> {
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

    pub(super) fn flow_pair_value(&mut self) -> Scan<Event<'s>> {
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

    pub(super) fn flow_mapping_key(&mut self, first: bool) -> Scan<Event<'s>> {
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

    pub(super) fn flow_mapping_value(&mut self, empty: bool) -> Scan<Event<'s>> {
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
