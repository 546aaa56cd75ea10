//! Letters, words and lines: what sprig takes from `goutils` and `xstrings`.

use super::super::quote::characters;

/// Go maps one character to one; where Rust's rules give several, it stays.
fn simple(mut mapped: impl Iterator<Item = char>, character: char) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => character,
    }
}

fn to_upper(character: char) -> char {
    simple(character.to_uppercase(), character)
}

fn to_lower(character: char) -> char {
    // The only one for which Go's one character differs from the first of Rust's two.
    if character == 'İ' { 'i' } else { simple(character.to_lowercase(), character) }
}

/// Characters changed one by one. What is no UTF-8 becomes U+FFFD, as in Go, but only where anything is not ASCII.
fn map(text: &[u8], mut change: impl FnMut(char) -> char) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for (character, _) in characters(text) {
        push(&mut out, change(character.unwrap_or(char::REPLACEMENT_CHARACTER)));
    }
    out
}

fn push(out: &mut Vec<u8>, character: char) {
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

pub(super) fn upper(text: &[u8]) -> Vec<u8> {
    map(text, to_upper)
}

pub(super) fn lower(text: &[u8]) -> Vec<u8> {
    map(text, to_lower)
}

/// The first letter of every word large.
pub(super) fn title(text: &[u8]) -> Vec<u8> {
    let mut before = ' ';
    map(text, |character| {
        let begins = if before.is_ascii() {
            !before.is_ascii_alphanumeric() && before != '_'
        } else {
            !before.is_alphanumeric() && before.is_whitespace()
        };
        before = character;
        if begins { to_upper(character) } else { character }
    })
}

/// The first letter of every word small.
pub(super) fn untitle(text: &[u8]) -> Vec<u8> {
    let mut begins = true;
    map(text, |character| {
        if character.is_whitespace() {
            begins = true;
            return character;
        }
        if std::mem::take(&mut begins) { to_lower(character) } else { character }
    })
}

pub(super) fn swap_case(text: &[u8]) -> Vec<u8> {
    map(
        text,
        |character| {
            if character.is_uppercase() { to_lower(character) } else { to_upper(character) }
        },
    )
}

/// Without spaces. As soon as there is one, Go takes every byte for a character of Latin-1 here.
pub(super) fn without_spaces(text: &[u8]) -> Vec<u8> {
    if !text.iter().any(|byte| char::from(*byte).is_whitespace()) {
        return text.to_vec();
    }
    let mut out = Vec::with_capacity(text.len());
    for character in text.iter().map(|byte| char::from(*byte)) {
        if !character.is_whitespace() {
            push(&mut out, character);
        }
    }
    out
}

/// The first byte of every word, as a character of Latin-1.
pub(super) fn initials(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut begins = true;
    for character in text.iter().map(|byte| char::from(*byte)) {
        if character.is_whitespace() {
            begins = true;
        } else if std::mem::take(&mut begins) {
            push(&mut out, character);
        }
    }
    out
}

/// At most `width` bytes, with dots for what is left out: at the end, and at the beginning too where `left` is large
/// enough.
pub(super) fn abbreviate(text: &[u8], left: i64, width: i64) -> Vec<u8> {
    if width < 4 || (left > 0 && width < 7) {
        return text.to_vec();
    }
    let width = usize::try_from(width).unwrap_or(usize::MAX);
    if text.len() <= width {
        return text.to_vec();
    }
    let mut left = usize::try_from(left).unwrap_or(0).min(text.len());
    if text.len() - left < width - 3 {
        left = text.len() - (width - 3);
    }
    if left <= 4 {
        return [&text[..width - 3], b"..."].concat();
    }
    if width < 7 {
        // Go has an error here and forgets it.
        return Vec::new();
    }
    if left + width - 3 < text.len() {
        return [b"...".as_slice(), &abbreviate(&text[left..], 0, width as i64 - 3)].concat();
    }
    [b"...", &text[text.len() - (width - 3)..]].concat()
}

/// Lines of at most `width` bytes, broken at spaces; in the middle of longer words only if they may be cut.
pub(super) fn wrap(text: &[u8], width: i64, line_break: &[u8], cuts_words: bool) -> Vec<u8> {
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while text.len().saturating_sub(at) > width {
        if text[at] == b' ' {
            at += 1;
            continue;
        }
        let line = &text[at..at + width + 1];
        if let Some(space) = line.iter().rposition(|byte| *byte == b' ') {
            out.extend_from_slice(&text[at..at + space]);
            out.extend_from_slice(line_break);
            at += space + 1;
        } else if cuts_words {
            out.extend_from_slice(&text[at..at + width]);
            out.extend_from_slice(line_break);
            at += width;
        } else if let Some(space) = text[at + width..].iter().position(|byte| *byte == b' ') {
            out.extend_from_slice(&text[at..at + width + space]);
            out.extend_from_slice(line_break);
            at += width + space + 1;
        } else {
            out.extend_from_slice(&text[at..]);
            at = text.len();
        }
    }
    out.extend_from_slice(&text[at..]);
    out
}

fn is_connector(character: char) -> bool {
    character == '-' || character == '_' || character.is_whitespace()
}

/// `some_words here` becomes `SomeWordsHere`.
pub(super) fn camel_case(text: &[u8]) -> Vec<u8> {
    let text: Vec<char> = characters(text)
        .map(|(character, _)| character.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    let mut out = Vec::with_capacity(text.len());
    let Some(first) = text.iter().position(|character| !is_connector(*character)) else {
        // Of connectors alone the last one comes twice; so it does in Go.
        text.iter().chain(text.last()).for_each(|character| push(&mut out, *character));
        return out;
    };
    text[..first].iter().for_each(|character| push(&mut out, *character));
    let mut current = to_upper(text[first]);
    if first + 1 == text.len() {
        push(&mut out, current);
        return out;
    }
    for next in &text[first + 1..] {
        let before = std::mem::replace(&mut current, *next);
        if is_connector(current) && is_connector(before) {
            push(&mut out, before);
        } else if is_connector(before) {
            current = to_upper(current);
        } else {
            current = to_lower(current);
            push(&mut out, before);
        }
    }
    push(&mut out, current);
    out
}

#[derive(Clone, Copy, PartialEq)]
enum Word {
    None,
    Number,
    Upper,
    Letters,
    Connector,
    Punctuation,
    Other,
}

/// `SomeWords` becomes `some_words`, by the rules of `xstrings`.
pub(super) fn joined_words(text: &[u8], connector: char) -> Vec<u8> {
    // Bytes that are no UTF-8 stay where they are.
    let text: Vec<(Option<char>, &[u8])> = characters(text).collect();
    let mut reader = Reader { rest: &text };
    let mut out = Vec::new();
    let (mut kind, mut word) = reader.next();
    while !reader.rest.is_empty() {
        if kind != Word::Connector {
            write(&mut out, kind, word, connector);
        }
        let (before, last) = (kind, word);
        (kind, word) = reader.next();
        match before {
            Word::Number => {
                while matches!(kind, Word::Letters | Word::Number) {
                    write(&mut out, kind, word, connector);
                    (kind, word) = reader.next();
                }
                if !matches!(kind, Word::None | Word::Punctuation | Word::Connector) {
                    push(&mut out, connector);
                }
            }
            Word::Connector => write(&mut out, before, last, connector),
            Word::Punctuation => {}
            _ if kind != Word::Number => {
                if !matches!(kind, Word::Connector | Word::Punctuation) {
                    push(&mut out, connector);
                }
            }
            _ if reader.rest.is_empty() => {}
            _ => {
                let number = word;
                (kind, word) = reader.next();
                if kind != Word::Letters {
                    write(&mut out, Word::Number, number, connector);
                    if !matches!(kind, Word::Connector | Word::Punctuation) {
                        push(&mut out, connector);
                    }
                    continue;
                }
                push(&mut out, connector);
                write(&mut out, Word::Number, number, connector);
                while matches!(kind, Word::Letters | Word::Number) {
                    write(&mut out, kind, word, connector);
                    (kind, word) = reader.next();
                }
                if !matches!(kind, Word::None | Word::Connector | Word::Punctuation) {
                    push(&mut out, connector);
                }
            }
        }
    }
    write(&mut out, kind, word, connector);
    out
}

type Piece<'t> = (Option<char>, &'t [u8]);

struct Reader<'t> {
    rest: &'t [Piece<'t>],
}

impl<'t> Reader<'t> {
    /// The next word and its kind.
    fn next(&mut self) -> (Word, &'t [Piece<'t>]) {
        let all = self.rest;
        let Some(first) = all.iter().find_map(|(character, _)| *character) else {
            self.rest = &[];
            return (Word::None, all);
        };
        let begin = all.iter().position(|(character, _)| character.is_some()).unwrap_or(0) + 1;
        // Bytes that are no UTF-8 count as what stands before them.
        let run = |from: usize, is_part: &dyn Fn(char) -> bool| {
            let mut end = from;
            for (index, (character, _)) in all.iter().enumerate().skip(from) {
                match character {
                    Some(character) if !is_part(*character) => return end,
                    _ => end = index + 1,
                }
            }
            end
        };
        let (kind, end) = if is_connector(first) {
            (Word::Connector, run(begin, &is_connector))
        } else if is_punctuation(first) {
            (Word::Punctuation, run(begin, &is_punctuation))
        } else if first.is_uppercase() {
            let uppers = run(begin, &char::is_uppercase);
            let follows = all.get(uppers).and_then(|(character, _)| *character);
            let end = if uppers > begin {
                // `HTTPServer` is `HTTP` and `Server`.
                if follows.is_some_and(is_letter) { uppers - 1 } else { uppers }
            } else {
                run(begin, &|character| is_letter(character) && !character.is_uppercase())
            };
            (Word::Upper, end)
        } else if is_letter(first) {
            let end = run(begin, &|character| is_letter(character) && !character.is_uppercase());
            (Word::Letters, end)
        } else if first.is_numeric() {
            (Word::Number, run(begin, &char::is_numeric))
        } else {
            let end = run(begin, &|character| {
                !is_connector(character)
                    && !is_letter(character)
                    && !character.is_numeric()
                    && !is_punctuation(character)
            });
            (Word::Other, end)
        };
        let (word, rest) = all.split_at(end);
        self.rest = rest;
        (kind, word)
    }
}

/// Letters of alphabets; not those of scripts without words of letters.
fn is_letter(character: char) -> bool {
    let is_ideograph = matches!(
        u32::from(character),
        0x2e80..=0x2fff | 0x3005 | 0x3007 | 0x3021..=0x3029 | 0x3038..=0x303b | 0x3400..=0x4dbf
            | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff
            | 0x3040..=0x30ff | 0xac00..=0xd7af
    );
    character.is_alphabetic() && !is_ideograph
}

fn is_punctuation(character: char) -> bool {
    match character {
        '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~' => false,
        _ if character.is_ascii() => character.is_ascii_punctuation(),
        '\u{a1}' | '\u{a7}' | '\u{ab}' | '\u{b6}' | '\u{b7}' | '\u{bb}' | '\u{bf}' => true,
        '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}' => {
            !matches!(character, '\u{2044}' | '\u{2052}')
        }
        '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '\u{3014}'..='\u{301f}' => true,
        _ => false,
    }
}

fn write(out: &mut Vec<u8>, kind: Word, word: &[Piece<'_>], connector: char) {
    for (character, raw) in word {
        match character {
            Some(character) if matches!(kind, Word::Upper | Word::Connector) => {
                if is_connector(*character) {
                    push(out, connector);
                } else {
                    push(out, to_lower(*character));
                }
            }
            _ => out.extend_from_slice(raw),
        }
    }
}
