//! The parts of a `|` or `>` scalar in the source, and their replacement.

use super::placement;
use crate::document::{Edit, Span};

/// A block scalar that has content.
pub(super) struct BlockScalar<'s> {
    header: &'s [u8],
    line_break: &'s str,
    /// Columns before the content.
    indent: usize,
    /// From the first byte behind the header's line break to the end of the last line with content.
    content: Span,
    /// Line breaks inside the scalar behind its content.
    breaks_behind: usize,
}

impl<'s> BlockScalar<'s> {
    /// Takes the scalar at `span` with the value `value` apart; `None` if its value is blank, since then no line
    /// shows the indentation.
    pub(super) fn read(source: &'s [u8], span: Span, value: &str) -> Option<Self> {
        let bytes = &source[span.range()];
        let header_end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'))?;
        let line_break = placement::line_break(&bytes[header_end..]);
        let body_start = header_end + line_break.len();

        // The first line with something on it has the indentation in front of what the value shows of it.
        let visible = value.find(|character| !matches!(character, ' ' | '\n'))?;
        let own_blanks = value[..visible].bytes().rev().take_while(|byte| *byte == b' ').count();
        let body = &bytes[body_start..];
        let first = body.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\r'))?;
        let blanks = body[..first].iter().rev().take_while(|byte| **byte == b' ').count();
        let indent = blanks.checked_sub(own_blanks)?;

        let mut content_end = 0;
        let mut offset = 0;
        let mut breaks_behind = 0;
        while offset < body.len() {
            let length = memchr::memchr2(b'\n', b'\r', &body[offset..]);
            let end = length.map_or(body.len(), |length| offset + length);
            if end - offset > indent {
                content_end = end;
                breaks_behind = 0;
            }
            breaks_behind += usize::from(end < body.len());
            offset = match body.get(end) {
                Some(_) => end + placement::line_break(&body[end..]).len(),
                None => end,
            };
        }
        let start = span.start + body_start;
        Some(Self {
            header: &bytes[..header_end],
            line_break,
            indent,
            content: Span::new(start, start + content_end),
            breaks_behind,
        })
    }

    /// One line in the place of the content.
    pub(super) fn replace_content(&self, line: &str) -> Edit {
        Edit { span: self.content, text: format!("{:1$}{line}", "", self.indent).into_bytes() }
    }

    /// Another value in the same style, if the head of the scalar can carry it.
    pub(super) fn replace_value(
        &self,
        value: &str,
        folded: bool,
        unterminated: bool,
    ) -> Option<Edit> {
        let carried = value
            .chars()
            .all(|character| matches!(character, '\n' | '\t') || is_printable_on_a_line(character));
        let text = value.trim_end_matches('\n');
        let breaks = value.len() - text.len();
        let first_line = text.trim_start_matches('\n');
        if !carried || first_line.is_empty() {
            return None;
        }
        let indicators = &self.header[..self.header.len().min(3)];
        let has_indentation = indicators.iter().any(u8::is_ascii_digit);
        if !has_indentation && first_line.starts_with([' ', '\t']) {
            return None;
        }
        let breaks_there = self.breaks_behind.saturating_sub(usize::from(unterminated));
        let fits = if indicators.contains(&b'-') {
            breaks == 0
        } else if indicators.contains(&b'+') {
            breaks == breaks_there
        } else {
            breaks == breaks_there.min(1)
        };
        if !fits {
            return None;
        }
        let out = if folded { self.folded(text) } else { self.literal(text) };
        Some(Edit { span: self.content, text: out.into_bytes() })
    }

    fn literal(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 64);
        for (number, line) in text.split('\n').enumerate() {
            if number > 0 {
                out.push_str(self.line_break);
            }
            if !line.is_empty() {
                out.extend(std::iter::repeat_n(' ', self.indent));
                out.push_str(line);
            }
        }
        out
    }

    /// Between two lines that both begin with text one break folds to a blank, so each needs one more.
    fn folded(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 64);
        let mut previous: Option<&str> = None;
        let mut empty_lines = 0;
        for line in text.split('\n') {
            if line.is_empty() {
                empty_lines += 1;
                continue;
            }
            let breaks = match previous {
                None => empty_lines,
                Some(previous) => {
                    let foldable =
                        !previous.starts_with([' ', '\t']) && !line.starts_with([' ', '\t']);
                    empty_lines + 1 + usize::from(foldable)
                }
            };
            out.extend(std::iter::repeat_n(self.line_break, breaks));
            out.extend(std::iter::repeat_n(' ', self.indent));
            out.push_str(line);
            previous = Some(line);
            empty_lines = 0;
        }
        out
    }
}

fn is_printable_on_a_line(character: char) -> bool {
    matches!(character,
        ' '..='~' | '\u{A0}'..='\u{2027}' | '\u{202A}'..='\u{FEFE}' | '\u{FF00}'..='\u{FFFD}'
        | '\u{10000}'..)
}
