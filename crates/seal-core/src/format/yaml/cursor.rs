//! Looking at the bytes in front of the scanner, and stepping over them.

use super::characters::{self, LINE, width};
use super::scanner::Scanner;

impl<'s> Scanner<'s> {
    // Bytes past the end read as NUL, which the text itself cannot hold.
    pub(super) fn byte(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at.index + ahead).copied().unwrap_or(0)
    }

    pub(super) fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), b' ' | b'\t')
    }

    pub(super) fn is_break(&self, ahead: usize) -> bool {
        self.break_width(ahead) > 0
    }

    pub(super) fn is_break_or_end(&self, ahead: usize) -> bool {
        self.byte(ahead) == 0 || self.is_break(ahead)
    }

    pub(super) fn is_blank_or_break_or_end(&self, ahead: usize) -> bool {
        self.is_blank(ahead) || self.is_break_or_end(ahead)
    }

    /// Bytes of the line break there, CR LF counted as its first byte only; 0 where there is none.
    fn break_width(&self, ahead: usize) -> usize {
        characters::break_width(self.bytes.get(self.at.index + ahead..).unwrap_or_default())
    }

    /// Steps over one character that is no line break.
    pub(super) fn skip(&mut self) {
        let byte = self.byte(0);
        if byte != b' ' && byte != b'\t' {
            self.newlines = 0;
        }
        self.at.index += width(byte);
        self.at.column += 1;
    }

    /// Steps over `bytes` bytes of ASCII that are neither blanks nor breaks.
    pub(super) fn skip_ascii(&mut self, bytes: usize) {
        self.newlines = 0;
        self.advance(bytes, bytes);
    }

    /// Steps over the bytes of that class, which holds no blanks.
    pub(super) fn skip_run(&mut self, class: u8) {
        let rest = &self.bytes[self.at.index..];
        let run = characters::run(rest, class);
        if run > 0 {
            self.newlines = 0;
            self.advance(run, characters::count(&rest[..run]));
        }
    }

    /// Steps over spaces, at most so many.
    pub(super) fn skip_spaces(&mut self, most: usize) {
        let rest = &self.bytes[self.at.index..];
        let rest = &rest[..rest.len().min(most)];
        let run = rest.iter().position(|byte| *byte != b' ').unwrap_or(rest.len());
        self.advance(run, run);
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.is_blank(0) {
            self.skip_spaces(usize::MAX);
            if self.byte(0) == b'\t' {
                self.skip();
            }
        }
    }

    /// Steps over the rest of the line.
    pub(super) fn skip_to_break(&mut self) {
        loop {
            let rest = &self.bytes[self.at.index..];
            let run = &rest[..characters::run(rest, LINE)];
            if run.iter().any(|byte| !matches!(byte, b' ' | b'\t')) {
                self.newlines = 0;
            }
            self.advance(run.len(), characters::count(run));
            if self.is_break_or_end(0) {
                return;
            }
            self.skip();
        }
    }

    fn advance(&mut self, bytes: usize, columns: usize) {
        self.at.index += bytes;
        self.at.column += columns as u32;
    }

    /// Steps over one line break, CR LF as one; returns what it means inside a scalar.
    pub(super) fn skip_line(&mut self) -> &'s str {
        let start = self.at.index;
        let (bytes, meaning) = match self.byte(0) {
            b'\r' if self.byte(1) == b'\n' => (2, "\n"),
            b'\r' | b'\n' => (1, "\n"),
            0xC2 => (2, "\n"),
            _ => (3, &self.text[start..start + 3]),
        };
        self.at.index += bytes;
        self.at.column = 0;
        self.at.line += 1;
        self.newlines += 1;
        meaning
    }

    pub(super) fn at_document_indicator(&self) -> bool {
        self.at.column == 0
            && matches!(
                (self.byte(0), self.byte(1), self.byte(2)),
                (b'-', b'-', b'-') | (b'.', b'.', b'.')
            )
            && self.is_blank_or_break_or_end(3)
    }
}
