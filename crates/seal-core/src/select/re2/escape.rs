//! Escapes that mean one character, inside and outside of bracket classes.

use super::{Problem, Translated, Translator};

impl Translator<'_> {
    /// Reads an escape, whose backslash is here, that stands for one character.
    pub(super) fn escaped_character(&mut self) -> Translated<char> {
        let start = self.at;
        let text = &self.rest()[1..];
        let Some(letter) = text.chars().next() else {
            return Err(self.error(Problem::TrailingBackslash));
        };
        let rest = &text[letter.len_utf8()..];
        let (code, length) = match letter {
            'a' => (0x07, 0),
            'f' => (0x0C, 0),
            'n' => (0x0A, 0),
            'r' => (0x0D, 0),
            't' => (0x09, 0),
            'v' => (0x0B, 0),
            'x' => hex(rest).ok_or_else(|| self.error(Problem::UnknownEscape))?,
            '1'..='9' if !rest.starts_with(is_octal) || letter > '7' => {
                return Err(self.error(Problem::BackReference));
            }
            '0'..='7' => octal(text),
            _ if letter.is_ascii() && !letter.is_ascii_alphanumeric() => (u32::from(letter), 0),
            _ => return Err(self.error(Problem::UnknownEscape)),
        };
        self.at += 1 + letter.len_utf8() + length;
        char::from_u32(code).ok_or_else(|| self.error_at(start, Problem::Surrogate))
    }
}

/// Reads what follows `\x`: two digits, or any number of them in braces. Returns the code point and the length.
fn hex(text: &str) -> Option<(u32, usize)> {
    let (digits, length) = match text.strip_prefix('{') {
        Some(braced) => {
            let (digits, _) = braced.split_once('}')?;
            (digits, digits.len() + 2)
        }
        None => (text.get(..2)?, 2),
    };
    if digits.is_empty() {
        return None;
    }
    let code = digits.chars().try_fold(0, |code: u32, digit| {
        let code = code * 16 + digit.to_digit(16)?;
        (code <= u32::from(char::MAX)).then_some(code)
    })?;
    Some((code, length))
}

/// Reads up to three octal digits, the first of which stands for the letter of the escape.
fn octal(text: &str) -> (u32, usize) {
    let digits = text.bytes().take(3).take_while(|byte| is_octal(char::from(*byte)));
    let (code, count) =
        digits.fold((0, 0), |(code, count), digit| (code * 8 + u32::from(digit - b'0'), count + 1));
    (code, count - 1)
}

fn is_octal(character: char) -> bool {
    matches!(character, '0'..='7')
}
