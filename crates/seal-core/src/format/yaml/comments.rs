//! Which token a comment belongs to, by the rules of go-yaml v3.
//!
//! A comment is the *head* of what follows, the *line* comment of what precedes it on its line, or the *foot* of what
//! precedes it. That decides the container in which SOPS sees an encrypted comment, and the container's path
//! authenticates it, so the same decisions have to be made here, odd ones included.

use super::scanner::Scanner;
use super::token::{Mark, TokenKind};
use crate::document::Span;

/// go-yaml looks this many bytes ahead for a comment, no further.
const LOOK_AHEAD: usize = 512;

/// The lines of one comment; `None` is an empty line between them.
pub(super) type Rows = Vec<Option<Span>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Head,
    Line,
    Foot,
}

/// A comment that no token has taken yet.
#[derive(Debug)]
pub(super) struct PendingComment {
    pub(super) place: Place,
    pub(super) rows: Rows,
    /// Where the search for it began; 0 for line comments, as in go-yaml.
    pub(super) scan_start: usize,
    /// The first token at or behind this byte takes it.
    pub(super) token: usize,
    /// Its columns count from 1, except for line comments, as in go-yaml.
    pub(super) start: Mark,
    /// Where the search for it ended; 0 for line comments, as in go-yaml.
    pub(super) end: usize,
}

impl Scanner<'_> {
    /// Records a comment behind the token that was just scanned, on its line.
    #[inline]
    pub(super) fn scan_line_comment(&mut self, token: Mark) {
        if self.newlines == 0 && matches!(self.byte(0), b' ' | b'\t' | b'#') {
            self.look_for_line_comment(token);
        }
    }

    fn look_for_line_comment(&mut self, token: Mark) {
        let Some(blanks) = (0..LOOK_AHEAD).find(|ahead| !self.is_blank(*ahead)) else {
            return;
        };
        if self.byte(blanks) != b'#' {
            return;
        }
        self.skip_blanks();
        let start = self.at;
        let row = self.consume_comment_line();
        self.comments.push_back(PendingComment {
            place: Place::Line,
            rows: vec![Some(row)],
            scan_start: 0,
            token: token.index,
            start,
            end: 0,
        });
    }

    /// `- # comment` with content on the next line: the comment heads that content.
    pub(super) fn turn_dash_comment_into_head(&mut self) {
        let tokens = self.tokens.len();
        if tokens < 2 || self.is_break(0) {
            return;
        }
        let under_first_dash =
            matches!(self.tokens[tokens - 2].kind, TokenKind::BlockSequenceStart)
                && matches!(self.tokens[tokens - 1].kind, TokenKind::BlockEntry);
        if !under_first_dash {
            return;
        }
        let at = self.at;
        if let Some(comment) = self.comments.back_mut()
            && comment.place == Place::Line
        {
            comment.place = Place::Head;
            if comment.start.line + 1 == at.line {
                comment.token = at.index;
            }
        }
    }

    /// Records the comments that begin here, in whole lines, and splits them into feet of the past and the head of
    /// what comes. Stops in front of the first token or after the last comment.
    pub(super) fn scan_comments(&mut self, scan_start: Mark) {
        let last = self.tokens.len() - 1;
        let before = match self.tokens[last].kind {
            TokenKind::FlowEntry if last > 0 => &self.tokens[last - 1],
            _ => &self.tokens[last],
        };
        let after_value_indicator = matches!(before.kind, TokenKind::Value);
        let mut token = before.start.index;
        let mut search_start = scan_start.index;
        let mut start = Mark::default();
        let mut rows = Rows::new();
        let mut next_indent = self.indent.max(0);
        let mut recent_empty = false;
        let mut first_empty = self.newlines <= 1;
        let (mut line, mut column) = (self.at.line, self.at.column);

        // On this line a comment is still a foot of what precedes it.
        let mut foot_line = None;
        if scan_start.line > 0 {
            let shared_line = u32::from(self.newlines == 0 && self.at.column > 1);
            foot_line = Some(self.at.line + 1 + shared_line - self.newlines);
        }

        let mut ahead = 0;
        while ahead < LOOK_AHEAD {
            column += 1;
            if self.is_blank(ahead) {
                ahead += 1;
                continue;
            }
            let byte = self.byte(ahead);
            let closes_flow = self.flow_level > 0 && matches!(byte, b']' | b'}');
            if closes_flow || self.is_break_or_end(ahead) {
                if closes_flow || !recent_empty {
                    let dedented = i64::from(start.column) - 1 < next_indent;
                    let foot_of_token = Some(start.line) == foot_line && !after_value_indicator;
                    if closes_flow || (first_empty && (foot_of_token || dedented)) {
                        if !rows.is_empty() {
                            if dedented {
                                token = start.index;
                            }
                            let end = self.at.index + ahead;
                            self.push_foot(&mut rows, search_start, token, start, end);
                            search_start = end;
                            token = end;
                        }
                    } else if !rows.is_empty() && byte != 0 {
                        rows.push(None);
                    }
                }
                if !self.is_break(ahead) {
                    break;
                }
                first_empty = false;
                recent_empty = true;
                column = 0;
                line += 1;
                ahead += 1;
                continue;
            }
            if !rows.is_empty() && i64::from(column) - 1 < next_indent && column != start.column {
                let end = self.at.index + ahead;
                self.push_foot(&mut rows, search_start, token, start, end);
                search_start = end;
                token = end;
            }
            if byte != b'#' {
                break;
            }
            if rows.is_empty() {
                start = Mark { index: self.at.index + ahead, line, column };
            }
            recent_empty = false;
            let comment = self.at.index + ahead;
            while self.at.index < comment {
                if self.is_break(0) {
                    self.skip_line();
                } else {
                    self.skip();
                }
            }
            rows.push(Some(self.consume_comment_line()));
            // The break behind the comment is not looked at; of CR LF only CR is passed over, so that LF counts as
            // an empty line: go-yaml does the same.
            ahead = 1;
            column = 0;
            line = self.at.line;
            next_indent = self.indent.max(0);
        }
        if !rows.is_empty() {
            self.comments.push_back(PendingComment {
                place: Place::Head,
                rows,
                scan_start: search_start,
                token: start.index,
                start,
                end: self.at.index + ahead - 1,
            });
        }
    }

    fn push_foot(
        &mut self,
        rows: &mut Rows,
        scan_start: usize,
        token: usize,
        start: Mark,
        end: usize,
    ) {
        let rows = std::mem::take(rows);
        let place = Place::Foot;
        self.comments.push_back(PendingComment { place, rows, scan_start, token, start, end });
    }

    /// From `#` to the end of the line.
    fn consume_comment_line(&mut self) -> Span {
        let start = self.at.index;
        self.skip_to_break();
        let span = Span::new(start, self.at.index);
        self.comment_lines.push(span);
        span
    }
}
