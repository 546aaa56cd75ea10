//! Text → tokens, by the rules of go-yaml v3.
//!
//! go-yaml descends from libyaml: a YAML 1.1 scanner with one token of look-ahead per possible simple key. What makes
//! files readable by SOPS is that very dialect (a `|` at the end of the file without a line break, tabs in odd
//! places, U+2028 as a line break), so this follows its decisions one by one; a differential test against go-yaml
//! holds it to that. Comments are recorded while scanning, since where one belongs depends on the tokens around it
//! (`comments.rs`).

use std::collections::VecDeque;

use super::BYTE_ORDER_MARK;
use super::comments::PendingComment;
use super::token::{Mark, Token, TokenKind};
use crate::document::{Position, Span};
use crate::format::SyntaxError;

mod simple_key;

use simple_key::SimpleKey;

/// go-yaml's own limit for flow collections and for indentation; deeper input is hostile.
const MAX_DEPTH: usize = 10_000;

/// The error is boxed, so that results of the many small steps fit into registers.
pub(super) type Scan<T> = Result<T, Box<SyntaxError>>;

pub(super) struct Scanner<'s> {
    pub(super) text: &'s str,
    pub(super) bytes: &'s [u8],
    pub(super) at: Mark,
    /// Line breaks since the last character that was neither blank nor break: the measure for comments.
    pub(super) newlines: u32,
    pub(super) flow_level: usize,
    pub(super) indent: i64,
    indents: Vec<i64>,
    pub(super) simple_key_allowed: bool,
    simple_keys: Vec<SimpleKey>,
    pub(super) tokens: VecDeque<Token<'s>>,
    tokens_taken: usize,
    token_ready: bool,
    pub(super) comments: VecDeque<PendingComment>,
    /// Every comment line that was scanned, attached later or not.
    pub(super) comment_lines: Vec<Span>,
}

impl<'s> Scanner<'s> {
    /// `text` has no characters that YAML forbids.
    pub(super) fn new(text: &'s str) -> Self {
        // The mark of the byte order is no part of the first line.
        let skipped = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        let at = Mark { index: skipped, line: 0, column: 0 };
        let mut tokens = VecDeque::with_capacity(16);
        tokens.push_back(Token { kind: TokenKind::StreamStart, start: at, end: at });
        Self {
            text,
            bytes: text.as_bytes(),
            at,
            newlines: 0,
            flow_level: 0,
            indent: -1,
            indents: Vec::new(),
            simple_key_allowed: true,
            simple_keys: vec![SimpleKey::default()],
            tokens,
            tokens_taken: 0,
            token_ready: false,
            comments: VecDeque::new(),
            comment_lines: Vec::new(),
        }
    }

    /// Sees to it that [`Self::head`] is the next token for certain.
    #[inline]
    pub(super) fn fetch(&mut self) -> Scan<()> {
        if self.token_ready { Ok(()) } else { self.fetch_more() }
    }

    /// The next token, which was fetched.
    pub(super) fn head(&self) -> &Token<'s> {
        &self.tokens[0]
    }

    /// Takes the token that [`Self::head`] shows.
    pub(super) fn take(&mut self) -> Token<'s> {
        self.token_ready = false;
        self.tokens_taken += 1;
        self.tokens.pop_front().expect("a token was fetched")
    }

    pub(super) fn error<T>(&self, mark: Mark, problem: &str) -> Scan<T> {
        let (line, column) = (mark.line as usize + 1, mark.column as usize + 1);
        let position = Position { line, column };
        Err(Box::new(SyntaxError { position, problem: problem.to_owned() }))
    }

    fn push(&mut self, kind: TokenKind<'s>, start: Mark, end: Mark) {
        self.tokens.push_back(Token { kind, start, end });
    }

    /// Fills the queue until its head is certain. go-yaml looks two tokens further than libyaml, because the feet of
    /// comments are known only then.
    #[inline(never)]
    fn fetch_more(&mut self) -> Scan<()> {
        while self.tokens.len() <= 2 || self.head_may_become_key()? {
            self.fetch_next()?;
        }
        self.token_ready = true;
        Ok(())
    }

    /// Opens a block collection when the column lies deeper than the present one. `token` is the number of the
    /// token in front of which the start belongs, none for the end of the queue.
    fn roll_indent(&mut self, token: Option<usize>, kind: TokenKind<'s>, mark: Mark) -> Scan<()> {
        let column = i64::from(mark.column);
        if self.flow_level > 0 || self.indent >= column {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = column;
        if self.indents.len() > MAX_DEPTH {
            return self.error(mark, "nested deeper than 10000 levels");
        }
        let token_start = Token { kind, start: mark, end: mark };
        match token {
            Some(number) => self.tokens.insert(number - self.tokens_taken, token_start),
            None => self.tokens.push_back(token_start),
        }
        Ok(())
    }

    /// Closes the block collections that lie deeper than `column`.
    fn unroll_indent(&mut self, column: i64, scan_start: Mark) {
        if self.flow_level == 0 && self.indent > column {
            self.close_blocks(column, scan_start);
        }
    }

    /// Closes at least one block collection. The end is put in front of comments that already stand at the indentation
    /// of a parent, so that they become feet of the parent's entry.
    fn close_blocks(&mut self, column: i64, scan_start: Mark) {
        let mut mark = scan_start;
        let mut mark_index = scan_start.index as i64 - 1;
        let comments = self.comments_back_to(mark_index);
        while self.indent > column {
            // Columns of comments count from 1.
            let column_of = |comment: &Mark| i64::from(comment.column) - 1;
            let first = comments.partition_point(|comment| column_of(comment) < self.indent);
            if let Some(comment) = comments.get(first)
                && column_of(comment) == self.indent
            {
                mark = *comment;
                mark_index = comment.index as i64;
            }
            let start = Mark { index: mark_index.max(0) as usize, ..mark };
            self.push(TokenKind::BlockEnd, start, start);
            self.indent = self.indents.pop().expect("one per block collection");
        }
    }

    /// Where the comments begin that stand between `stop` and here, by column; of the same column in their order.
    fn comments_back_to(&self, mut stop: i64) -> Vec<Mark> {
        let mut starts = Vec::new();
        for comment in self.comments.iter().rev() {
            if (comment.end as i64) < stop {
                break;
            }
            starts.push(comment.start);
            stop = comment.scan_start as i64;
        }
        starts.reverse();
        starts.sort_by_key(|start| start.column);
        starts
    }

    fn fetch_next(&mut self) -> Scan<()> {
        let scan_start = self.at;
        self.skip_to_next_token();
        self.unroll_indent(i64::from(self.at.column), scan_start);

        let byte = self.byte(0);
        if byte == 0 {
            return self.fetch_stream_end();
        }
        if self.at.column == 0 && byte == b'%' {
            self.reset_to_document_level()?;
            let token = self.scan_directive()?;
            self.tokens.push_back(token);
            return Ok(());
        }
        if self.at_document_indicator() {
            self.reset_to_document_level()?;
            let start = self.at;
            self.skip_ascii(3);
            let kind = if byte == b'-' { TokenKind::DocumentStart } else { TokenKind::DocumentEnd };
            self.push(kind, start, self.at);
            return Ok(());
        }

        // A comment on the line of a `:` or `,` belongs to what stands before that indicator.
        let mut comment_token = self.at;
        if ((self.flow_level == 0 && byte == b':') || (self.flow_level > 0 && byte == b','))
            && let Some(last) = self.tokens.back()
        {
            comment_token = last.start;
        }
        self.fetch_content(byte)?;
        // A lone `-` has no comment of its own: it becomes the head of whatever follows.
        let after_dash =
            matches!(self.tokens.back(), Some(Token { kind: TokenKind::BlockEntry, .. }));
        if !after_dash {
            self.scan_line_comment(comment_token);
        }
        Ok(())
    }

    fn fetch_content(&mut self, byte: u8) -> Scan<()> {
        let in_flow = self.flow_level > 0;
        match byte {
            b'[' => self.fetch_flow_start(TokenKind::FlowSequenceStart),
            b'{' => self.fetch_flow_start(TokenKind::FlowMappingStart),
            b']' => self.fetch_flow_end(TokenKind::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(TokenKind::FlowMappingEnd),
            b',' => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                self.push_indicator(TokenKind::FlowEntry);
                Ok(())
            }
            b'-' if self.is_blank_or_break_or_end(1) => self.fetch_block_entry(),
            b'?' if in_flow || self.is_blank_or_break_or_end(1) => self.fetch_key(),
            b':' if in_flow || self.is_blank_or_break_or_end(1) => self.fetch_value(),
            b'*' => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                let (name, start) = self.scan_anchor_name("an alias")?;
                self.push(TokenKind::Alias(name), start, self.at);
                Ok(())
            }
            b'&' => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                let (name, start) = self.scan_anchor_name("an anchor")?;
                self.push(TokenKind::Anchor(name), start, self.at);
                Ok(())
            }
            b'!' => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                let token = self.scan_tag()?;
                self.tokens.push_back(token);
                Ok(())
            }
            b'|' | b'>' if !in_flow => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                let token = self.scan_block_scalar(byte == b'|')?;
                self.tokens.push_back(token);
                Ok(())
            }
            b'\'' | b'"' => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                let token = self.scan_quoted_scalar(byte == b'\'')?;
                self.tokens.push_back(token);
                Ok(())
            }
            _ if self.may_start_plain_scalar(byte) => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                let token = self.scan_plain_scalar()?;
                self.tokens.push_back(token);
                Ok(())
            }
            _ => self.error(self.at, "this character cannot begin a value"),
        }
    }

    fn may_start_plain_scalar(&self, byte: u8) -> bool {
        match byte {
            b'-' => !self.is_blank(1),
            b'?' | b':' => self.flow_level == 0 && !self.is_blank_or_break_or_end(1),
            b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\''
            | b'"' | b'%' | b'@' | b'`' => false,
            _ => !self.is_blank_or_break_or_end(0),
        }
    }

    fn push_indicator(&mut self, kind: TokenKind<'s>) {
        let start = self.at;
        self.skip();
        self.push(kind, start, self.at);
    }

    fn fetch_stream_end(&mut self) -> Scan<()> {
        if self.at.column != 0 {
            self.at.column = 0;
            self.at.line += 1;
        }
        self.reset_to_document_level()?;
        self.push(TokenKind::StreamEnd, self.at, self.at);
        Ok(())
    }

    fn reset_to_document_level(&mut self) -> Scan<()> {
        self.unroll_indent(-1, self.at);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        Ok(())
    }

    fn fetch_flow_start(&mut self, kind: TokenKind<'s>) -> Scan<()> {
        self.save_simple_key()?;
        self.simple_keys
            .push(SimpleKey { token: self.next_token_number(), ..SimpleKey::default() });
        self.flow_level += 1;
        if self.flow_level > MAX_DEPTH {
            return self.error(self.at, "nested deeper than 10000 levels");
        }
        self.simple_key_allowed = true;
        self.push_indicator(kind);
        Ok(())
    }

    fn fetch_flow_end(&mut self, kind: TokenKind<'s>) -> Scan<()> {
        self.remove_simple_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            self.simple_keys.pop();
        }
        self.simple_key_allowed = false;
        self.push_indicator(kind);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Scan<()> {
        // In a flow collection `-` is wrong, but the parser knows better where to point.
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return self.error(self.at, "a list item `-` is not allowed here");
            }
            self.roll_indent(None, TokenKind::BlockSequenceStart, self.at)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.push_indicator(TokenKind::BlockEntry);
        Ok(())
    }

    fn fetch_key(&mut self) -> Scan<()> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return self.error(self.at, "a key `?` is not allowed here");
            }
            self.roll_indent(None, TokenKind::BlockMappingStart, self.at)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = self.flow_level == 0;
        self.push_indicator(TokenKind::Key);
        Ok(())
    }

    fn fetch_value(&mut self) -> Scan<()> {
        let level = self.simple_keys.len() - 1;
        if self.simple_key_is_valid(level)? {
            let key = self.simple_keys[level];
            let token = Token { kind: TokenKind::Key, start: key.mark, end: key.mark };
            self.tokens.insert(key.token - self.tokens_taken, token);
            self.roll_indent(Some(key.token), TokenKind::BlockMappingStart, key.mark)?;
            self.simple_keys[level].possible = false;
            self.simple_key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.simple_key_allowed {
                    return self.error(self.at, "a value `:` is not allowed here");
                }
                self.roll_indent(None, TokenKind::BlockMappingStart, self.at)?;
            }
            self.simple_key_allowed = self.flow_level == 0;
        }
        self.push_indicator(TokenKind::Value);
        Ok(())
    }

    fn skip_to_next_token(&mut self) {
        let scan_start = self.at;
        loop {
            // A tab may not indent a block, but it may stand wherever no key can begin.
            loop {
                match self.byte(0) {
                    b' ' => self.skip_spaces(usize::MAX),
                    b'\t' if self.flow_level > 0 || !self.simple_key_allowed => self.skip(),
                    _ => break,
                }
            }
            self.turn_dash_comment_into_head();
            if self.byte(0) == b'#' {
                self.scan_comments(scan_start);
            }
            if !self.is_break(0) {
                return;
            }
            self.skip_line();
            if self.flow_level == 0 {
                self.simple_key_allowed = true;
            }
        }
    }
}
