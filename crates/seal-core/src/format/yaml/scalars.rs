//! Scanning of scalars: plain, quoted and block.

use std::borrow::Cow;

use super::characters::{self, DOUBLE_QUOTED, PLAIN, PLAIN_IN_FLOW, SINGLE_QUOTED};
use super::scanner::{Scan, Scanner};
use super::token::{Mark, Token, TokenKind};
use crate::document::Style;

/// Text of a scalar while it is read: a slice of the source as long as nothing has to be changed.
struct Text<'s> {
    source: &'s str,
    /// What is final and differs from the source; empty until something does.
    changed: Option<String>,
    /// Start of the slice that is not copied yet.
    start: usize,
}

impl<'s> Text<'s> {
    fn new(source: &'s str, start: usize) -> Self {
        Self { source, changed: None, start }
    }

    /// Ends the present slice at `end`, appends `insert`, and goes on at `resume`.
    fn replace(&mut self, end: usize, insert: &str, resume: usize) {
        let slice = &self.source[self.start..end];
        let changed = self.changed.get_or_insert_with(String::new);
        changed.push_str(slice);
        changed.push_str(insert);
        self.start = resume;
    }

    fn finish(mut self, end: usize) -> Cow<'s, str> {
        let slice = &self.source[self.start..end];
        match self.changed.take() {
            None => Cow::Borrowed(slice),
            Some(mut changed) => {
                changed.push_str(slice);
                Cow::Owned(changed)
            }
        }
    }
}

/// Line breaks between two pieces of a flow scalar.
#[derive(Default)]
struct Breaks {
    first: &'static str,
    rest: String,
}

impl Breaks {
    fn push(&mut self, meaning: &str, is_first: bool) {
        if is_first {
            // Only LS and PS keep their identity.
            self.first = match meaning {
                "\n" => "\n",
                "\u{2028}" => "\u{2028}",
                _ => "\u{2029}",
            };
        } else {
            self.rest.push_str(meaning);
        }
    }

    /// One break folds to a blank, further ones stand for themselves; LS and PS are never folded.
    fn folded(&mut self) -> String {
        let first = std::mem::take(&mut self.first);
        let rest = std::mem::take(&mut self.rest);
        match (first, rest.is_empty()) {
            ("\n", true) => " ".to_owned(),
            ("\n", false) => rest,
            (other, _) => format!("{other}{rest}"),
        }
    }
}

impl<'s> Scanner<'s> {
    pub(super) fn scan_plain_scalar(&mut self) -> Scan<Token<'s>> {
        let start = self.at;
        let mut end = start;
        let indent = self.indent + 1;
        let mut text = Text::new(self.text, start.index);
        let mut breaks = Breaks::default();
        let mut after_break = false;
        let class = if self.flow_level > 0 { PLAIN_IN_FLOW } else { PLAIN };
        loop {
            if self.at_document_indicator() || self.byte(0) == b'#' {
                break;
            }
            loop {
                let byte = self.byte(0);
                let ordinary = characters::is(byte, class);
                let goes_on = match byte {
                    _ if ordinary => true,
                    b':' => !self.is_blank_or_break_or_end(1),
                    0x80.. => !self.is_break(0),
                    _ => false,
                };
                if !goes_on {
                    break;
                }
                if after_break {
                    text.replace(end.index, &breaks.folded(), self.at.index);
                    after_break = false;
                }
                if ordinary {
                    self.skip_run(class);
                } else {
                    self.skip();
                }
                end = self.at;
            }
            if !(self.is_blank(0) || self.is_break(0)) {
                break;
            }
            loop {
                if self.is_blank(0) {
                    let in_indentation = after_break && i64::from(self.at.column) < indent;
                    if in_indentation && self.byte(0) == b'\t' {
                        return self.error(start, "a tab indents this value; use blanks");
                    }
                    self.skip();
                } else if self.is_break(0) {
                    let meaning = self.skip_line();
                    breaks.push(meaning, !after_break);
                    after_break = true;
                } else {
                    break;
                }
            }
            if self.flow_level == 0 && i64::from(self.at.column) < indent {
                break;
            }
        }
        if after_break {
            self.simple_key_allowed = true;
        }
        let value = text.finish(end.index);
        Ok(Token { kind: TokenKind::Scalar { value, style: Style::Plain }, start, end })
    }

    pub(super) fn scan_quoted_scalar(&mut self, single: bool) -> Scan<Token<'s>> {
        let start = self.at;
        self.skip();
        let (quote, class) = if single { (b'\'', SINGLE_QUOTED) } else { (b'"', DOUBLE_QUOTED) };
        let mut text = Text::new(self.text, self.at.index);
        let mut breaks = Breaks::default();
        let end_of_text = loop {
            if self.at_document_indicator() {
                return self.error(start, "a document marker stands inside this quoted value");
            }
            if self.byte(0) == 0 {
                return self.error(start, "this quoted value does not end");
            }
            let mut after_break = false;
            let mut escaped_break = false;
            while !self.is_blank_or_break_or_end(0) {
                let byte = self.byte(0);
                if byte == b'\'' && single && self.byte(1) == b'\'' {
                    text.replace(self.at.index, "'", self.at.index + 2);
                    self.skip_ascii(2);
                } else if byte == quote {
                    break;
                } else if byte == b'\\' && !single {
                    let backslash = self.at.index;
                    if self.is_break(1) {
                        self.skip();
                        self.skip_line();
                        text.replace(backslash, "", self.at.index);
                        after_break = true;
                        escaped_break = true;
                        break;
                    }
                    let mut buffer = [0; 4];
                    let character = self.scan_escape(start)?.encode_utf8(&mut buffer);
                    text.replace(backslash, character, self.at.index);
                } else if characters::is(byte, class) {
                    self.skip_run(class);
                } else {
                    self.skip();
                }
            }
            if self.byte(0) == quote {
                break self.at.index;
            }
            let blanks = self.at.index;
            loop {
                if self.is_blank(0) {
                    self.skip();
                } else if self.is_break(0) {
                    let meaning = self.skip_line();
                    breaks.push(meaning, !after_break);
                    after_break = true;
                } else {
                    break;
                }
            }
            if after_break {
                // Behind an escaped break the text already ends at the backslash.
                let end = if escaped_break { text.start } else { blanks };
                let folded =
                    if escaped_break { std::mem::take(&mut breaks.rest) } else { breaks.folded() };
                text.replace(end, &folded, self.at.index);
            }
        };
        self.skip();
        let value = text.finish(end_of_text);
        let style = if single { Style::SingleQuoted } else { Style::DoubleQuoted };
        Ok(Token { kind: TokenKind::Scalar { value, style }, start, end: self.at })
    }

    /// Reads `\…` and returns what it stands for.
    fn scan_escape(&mut self, start: Mark) -> Scan<char> {
        let digits = match self.byte(1) {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            other => {
                let character = match other {
                    b'0' => '\0',
                    b'a' => '\x07',
                    b'b' => '\x08',
                    b't' | b'\t' => '\t',
                    b'n' => '\n',
                    b'v' => '\x0B',
                    b'f' => '\x0C',
                    b'r' => '\r',
                    b'e' => '\x1B',
                    b' ' | b'"' | b'\'' | b'\\' => other as char,
                    b'N' => '\u{85}',
                    b'_' => '\u{A0}',
                    b'L' => '\u{2028}',
                    b'P' => '\u{2029}',
                    _ => return self.error(self.at, "YAML has no such escape in `\"…\"`"),
                };
                self.skip();
                self.skip();
                return Ok(character);
            }
        };
        let escape = self.at;
        self.skip();
        self.skip();
        let mut code = 0u32;
        for _ in 0..digits {
            let Some(digit) = (self.byte(0) as char).to_digit(16) else {
                return self.error(start, "an escape in this value lacks hexadecimal digits");
            };
            // Eight digits fill the 32 bits exactly.
            code = (code << 4) | digit;
            self.skip();
        }
        match char::from_u32(code) {
            Some(character) => Ok(character),
            None => self.error(escape, "this escape is no Unicode character"),
        }
    }

    pub(super) fn scan_block_scalar(&mut self, literal: bool) -> Scan<Token<'s>> {
        let start = self.at;
        self.skip();
        let (keep, strip, increment) = self.scan_block_header(start)?;
        self.skip_blanks();
        if self.byte(0) == b'#' {
            self.scan_line_comment(start);
        }
        if !self.is_break_or_end(0) {
            return self.error(start, "only a comment may follow the head of a block value");
        }
        if self.is_break(0) {
            self.skip_line();
        }

        let mut end = self.at;
        let mut indent = (increment > 0).then(|| increment + self.indent.max(0));
        let mut value = String::new();
        let mut leading_break = "";
        let mut trailing_breaks = String::new();
        self.scan_block_breaks(&mut indent, &mut trailing_breaks, start, &mut end)?;
        let mut after_blank = false;
        while Some(i64::from(self.at.column)) == indent && self.byte(0) != 0 {
            let blank = self.is_blank(0);
            if !literal && !after_blank && !blank && leading_break == "\n" {
                if trailing_breaks.is_empty() {
                    value.push(' ');
                }
            } else {
                value.push_str(leading_break);
            }
            leading_break = "";
            value.push_str(&trailing_breaks);
            trailing_breaks.clear();
            after_blank = blank;

            let line = self.at.index;
            self.skip_to_break();
            value.push_str(&self.text[line..self.at.index]);
            if self.is_break(0) {
                leading_break = self.skip_line();
            }
            self.scan_block_breaks(&mut indent, &mut trailing_breaks, start, &mut end)?;
        }
        if !strip {
            value.push_str(leading_break);
        }
        if keep {
            value.push_str(&trailing_breaks);
        }
        let style = if literal { Style::Literal } else { Style::Folded };
        Ok(Token { kind: TokenKind::Scalar { value: Cow::Owned(value), style }, start, end })
    }

    /// Chomping and indentation indicators in either order: (keep, strip, indentation or 0).
    fn scan_block_header(&mut self, start: Mark) -> Scan<(bool, bool, i64)> {
        let (mut keep, mut strip, mut increment) = (false, false, 0);
        for _ in 0..2 {
            match self.byte(0) {
                b'+' if !keep && !strip => keep = true,
                b'-' if !keep && !strip => strip = true,
                b'0' if increment == 0 => {
                    return self.error(start, "a block value cannot be indented by 0");
                }
                digit @ b'1'..=b'9' if increment == 0 => increment = i64::from(digit - b'0'),
                _ => break,
            }
            self.skip();
        }
        Ok((keep, strip, increment))
    }

    /// Steps over indentation and empty lines; finds the indentation where it is not given. `end` is left behind the
    /// last line break.
    fn scan_block_breaks(
        &mut self,
        indent: &mut Option<i64>,
        breaks: &mut String,
        start: Mark,
        end: &mut Mark,
    ) -> Scan<()> {
        *end = self.at;
        let mut deepest = 0;
        loop {
            let missing =
                |column: u32| indent.map_or(i64::MAX, |indent| indent - i64::from(column));
            self.skip_spaces(missing(self.at.column).max(0) as usize);
            deepest = deepest.max(i64::from(self.at.column));
            if missing(self.at.column) > 0 && self.byte(0) == b'\t' {
                return self.error(start, "a tab indents this block value; use blanks");
            }
            if !self.is_break(0) {
                break;
            }
            breaks.push_str(self.skip_line());
            *end = self.at;
        }
        if indent.is_none() {
            *indent = Some(deepest.max(self.indent + 1).max(1));
        }
        Ok(())
    }
}
