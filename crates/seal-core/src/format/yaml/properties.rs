//! Scanning of anchors, tags and directives.

use std::borrow::Cow;

use super::characters::{self, URI, WORD, width};
use super::scanner::{Scan, Scanner};
use super::token::{Mark, TagText, Token, TokenKind};

impl<'s> Scanner<'s> {
    fn take_word(&mut self) -> &'s str {
        let start = self.at.index;
        self.skip_run(WORD);
        &self.text[start..self.at.index]
    }

    /// Reads `&name` or `*name`.
    pub(super) fn scan_anchor_name(&mut self, what: &str) -> Scan<(&'s str, Mark)> {
        let start = self.at;
        self.skip();
        let name = self.take_word();
        let ends_well = self.is_blank_or_break_or_end(0)
            || matches!(self.byte(0), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !ends_well {
            let problem = format!("the name of {what} is made of letters, digits, `-` and `_`");
            return self.error(start, &problem);
        }
        Ok((name, start))
    }

    pub(super) fn scan_tag(&mut self) -> Scan<Token<'s>> {
        let start = self.at;
        let (handle, rest);
        if self.byte(1) == b'<' {
            self.skip_ascii(2);
            handle = "";
            rest = self.scan_tag_uri(None, start)?;
            if self.byte(0) != b'>' {
                return self.error(start, "this tag lacks its `>`");
            }
            self.skip();
        } else {
            let first = self.scan_tag_handle(false, start)?;
            if first.len() > 1 && first.ends_with('!') {
                handle = first;
                rest = self.scan_tag_uri(None, start)?;
            } else {
                let suffix = self.scan_tag_uri(Some(first), start)?;
                // A lone `!` is the tag itself, not a handle.
                (handle, rest) =
                    if suffix.is_empty() { ("", Cow::Borrowed("!")) } else { ("!", suffix) };
            }
        }
        if !self.is_blank_or_break_or_end(0) {
            return self.error(start, "a blank has to follow a tag");
        }
        let kind = TokenKind::Tag(Box::new(TagText { handle, rest }));
        Ok(Token { kind, start, end: self.at })
    }

    fn scan_tag_handle(&mut self, directive: bool, start: Mark) -> Scan<&'s str> {
        let first = self.at.index;
        if self.byte(0) != b'!' {
            return self.error(start, "a tag begins with `!`");
        }
        self.skip();
        self.take_word();
        if self.byte(0) == b'!' {
            self.skip();
        } else if directive && self.at.index - first > 1 {
            return self.error(start, "the handle of a %TAG directive ends with `!`");
        }
        Ok(&self.text[first..self.at.index])
    }

    /// Reads the rest of a tag; `head` is what was read of it, its `!` not counted.
    fn scan_tag_uri(&mut self, head: Option<&'s str>, start: Mark) -> Scan<Cow<'s, str>> {
        let first = match head {
            Some(head) => self.at.index - (head.len() - 1),
            None => self.at.index,
        };
        let mut decoded: Option<Vec<u8>> = None;
        while characters::is(self.byte(0), URI) {
            if self.byte(0) == b'%' {
                let so_far = &self.bytes[first..self.at.index];
                let bytes = decoded.get_or_insert_with(|| so_far.to_vec());
                let mut escaped = Vec::with_capacity(4);
                self.scan_uri_escape(&mut escaped, start)?;
                bytes.extend_from_slice(&escaped);
            } else {
                if let Some(decoded) = &mut decoded {
                    decoded.push(self.byte(0));
                }
                self.skip();
            }
        }
        if head.is_none() && self.at.index == first {
            return self.error(start, "this tag is empty");
        }
        match decoded {
            None => Ok(Cow::Borrowed(&self.text[first..self.at.index])),
            Some(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Ok(Cow::Owned(text)),
                Err(_) => self.error(start, "the escapes of this tag are no UTF-8"),
            },
        }
    }

    /// Reads the `%xx` of one character.
    fn scan_uri_escape(&mut self, out: &mut Vec<u8>, start: Mark) -> Scan<()> {
        let mut left = None;
        loop {
            let digits = ((self.byte(1) as char).to_digit(16), (self.byte(2) as char).to_digit(16));
            let (b'%', (Some(high), Some(low))) = (self.byte(0), digits) else {
                return self.error(start, "`%` in a tag needs two hexadecimal digits");
            };
            let octet = (high * 16 + low) as u8;
            match left {
                None if octet & 0xC0 == 0x80 || octet >= 0xF8 => {
                    return self.error(start, "the escapes of this tag are no UTF-8");
                }
                None => left = Some(if octet < 0x80 { 1 } else { width(octet) }),
                Some(_) if octet & 0xC0 != 0x80 => {
                    return self.error(start, "the escapes of this tag are no UTF-8");
                }
                Some(_) => {}
            }
            out.push(octet);
            self.skip_ascii(3);
            left = left.map(|left| left - 1);
            if left == Some(0) {
                return Ok(());
            }
        }
    }

    pub(super) fn scan_directive(&mut self) -> Scan<Token<'s>> {
        let start = self.at;
        self.skip();
        let name = self.take_word();
        if name.is_empty() || !self.is_blank_or_break_or_end(0) {
            return self.error(start, "a directive is `%YAML` or `%TAG`");
        }
        self.skip_blanks();
        let kind = match name {
            "YAML" => {
                let major = self.scan_version_number(start)?;
                if self.byte(0) != b'.' {
                    return self.error(start, "the version of a %YAML directive is like 1.1");
                }
                self.skip();
                TokenKind::VersionDirective { major, minor: self.scan_version_number(start)? }
            }
            "TAG" => {
                let handle = self.scan_tag_handle(true, start)?;
                if !self.is_blank(0) {
                    return self.error(start, "a %TAG directive has a handle and a prefix");
                }
                self.skip_blanks();
                let rest = self.scan_tag_uri(None, start)?;
                if !self.is_blank_or_break_or_end(0) {
                    return self.error(start, "a blank has to follow the prefix of a %TAG");
                }
                TokenKind::TagDirective(Box::new(TagText { handle, rest }))
            }
            _ => return self.error(start, "a directive is `%YAML` or `%TAG`"),
        };
        let end = self.at;
        self.skip_blanks();
        if self.byte(0) == b'#' {
            self.skip_to_break();
        }
        if !self.is_break_or_end(0) {
            return self.error(start, "only a comment may follow a directive");
        }
        if self.is_break(0) {
            self.skip_line();
        }
        Ok(Token { kind, start, end })
    }

    fn scan_version_number(&mut self, start: Mark) -> Scan<u8> {
        let first = self.at.index;
        while self.byte(0).is_ascii_digit() {
            if self.at.index - first == 2 {
                return self.error(start, "the version of a %YAML directive is too long");
            }
            self.skip();
        }
        match self.text[first..self.at.index].parse() {
            Ok(number) => Ok(number),
            Err(_) => self.error(start, "the version of a %YAML directive is like 1.1"),
        }
    }
}
