//! Which texts may stand in YAML without quotes: go-yaml's decision for a value in a block mapping.

use crate::document::Timestamp;

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quoting {
    /// As it is.
    Plain,
    /// `'…'`
    Single,
    /// `"…"`
    Double,
    /// `|`
    Literal,
}

/// How go-yaml writes a text so that it reads back as this very string. Dates that do not exist are quoted as well: other
/// readers stumble over them.
pub(crate) fn quoting(text: &str) -> Quoting {
    chosen(text, is_date)
}

/// The same, with no more quotes than go-yaml needs.
pub(crate) fn quoting_for_go(text: &str) -> Quoting {
    // Go's newer versions take any number of digits for a fraction of a second.
    let has_long_fraction = |text: &str| {
        let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
        fraction.bytes().take_while(u8::is_ascii_digit).count() > 9
    };
    chosen(text, |text| {
        Timestamp::parse_yaml(text).is_some() || (is_date(text) && has_long_fraction(text))
    })
}

fn chosen(text: &str, is_date: impl Fn(&str) -> bool) -> Quoting {
    if text.contains('\n') {
        return if is_literal(text) { Quoting::Literal } else { Quoting::Double };
    }
    if !text.chars().all(is_printable) || resolves(text) || is_date(text) {
        Quoting::Double
    } else if has_syntax(text) {
        Quoting::Single
    } else {
        Quoting::Plain
    }
}

/// True for what go-yaml's emitter does not escape.
pub(crate) fn is_printable(char: char) -> bool {
    match char {
        '\u{FEFF}' | '\u{2028}' | '\u{2029}' => false,
        ' '..='~' | '\u{A0}'..='\u{FFFD}' => true,
        _ => false,
    }
}

/// Hands `"…"` to `write` in parts, with the escapes that go-yaml chooses.
pub(crate) fn write_double_quoted(text: &str, write: &mut dyn FnMut(&str)) {
    write("\"");
    let mut written = 0;
    for (at, character) in text.char_indices() {
        let escape = match character {
            '"' => "\\\"",
            '\\' => "\\\\",
            _ if is_printable(character) => continue,
            '\0' => "\\0",
            '\x07' => "\\a",
            '\x08' => "\\b",
            '\t' => "\\t",
            '\n' => "\\n",
            '\x0B' => "\\v",
            '\x0C' => "\\f",
            '\r' => "\\r",
            '\x1B' => "\\e",
            '\u{85}' => "\\N",
            '\u{2028}' => "\\L",
            '\u{2029}' => "\\P",
            other => &match u32::from(other) {
                code @ ..=0xFF => format!("\\x{code:02X}"),
                code @ ..=0xFFFF => format!("\\u{code:04X}"),
                code => format!("\\U{code:08X}"),
            },
        };
        write(&text[written..at]);
        write(escape);
        written = at + character.len_utf8();
    }
    write(&text[written..]);
    write("\"");
}

/// True for armoured keys: the plain kind of text with several lines.
fn is_literal(text: &str) -> bool {
    !text.starts_with([' ', '\n'])
        && !text.ends_with([' ', '\t'])
        && !text.ends_with("\n\n")
        && !text.contains(" \n")
        && text.chars().all(|char| char == '\n' || is_printable(char))
}

/// True if some of the characters would mean something without quotes.
fn has_syntax(text: &str) -> bool {
    let blank_at = |at: usize| text.as_bytes().get(at).is_none_or(|byte| *byte == b' ');
    let first = match text.as_bytes() {
        [] => return true,
        [b'-' | b'?', ..] => blank_at(1),
        [first, ..] => b" #,[]{}&*!|>'\"%@`".contains(first),
    };
    first
        || text.ends_with(' ')
        || text.starts_with("---")
        || text.starts_with("...")
        || text.contains(" #")
        || text.match_indices(':').any(|(at, _)| blank_at(at + 1))
}

/// True if the text without quotes would be no string: for go-yaml, or for a reader of YAML 1.1.
fn resolves(text: &str) -> bool {
    is_word(text) || is_number(text) || is_sexagesimal(text)
}

fn is_word(text: &str) -> bool {
    matches!(
        text,
        "" | "~"
            | "null"
            | "Null"
            | "NULL"
            | "<<"
            | "true"
            | "True"
            | "TRUE"
            | "false"
            | "False"
            | "FALSE"
            | "y"
            | "Y"
            | "yes"
            | "Yes"
            | "YES"
            | "on"
            | "On"
            | "ON"
            | "n"
            | "N"
            | "no"
            | "No"
            | "NO"
            | "off"
            | "Off"
            | "OFF"
            | ".nan"
            | ".NaN"
            | ".NAN"
            | ".inf"
            | ".Inf"
            | ".INF"
            | "+.inf"
            | "+.Inf"
            | "+.INF"
            | "-.inf"
            | "-.Inf"
            | "-.INF"
    )
}

/// Integers of any base, and floats.
fn is_number(text: &str) -> bool {
    if text.starts_with('_') {
        return false;
    }
    let text = text.replace('_', "");
    let magnitude = text.strip_prefix(['+', '-']).unwrap_or(&text);
    let in_radix = |digits: &str, radix| {
        // go-yaml takes a sign behind the prefix, too.
        let digits = digits.strip_prefix(['+', '-']).unwrap_or(digits);
        !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix))
    };
    match magnitude.as_bytes() {
        [b'0', b'x' | b'X', ..] => in_radix(&magnitude[2..], 16),
        [b'0', b'o' | b'O', ..] => in_radix(&magnitude[2..], 8),
        [b'0', b'b' | b'B', ..] => in_radix(&magnitude[2..], 2),
        [b'0'..=b'9' | b'.', ..] => {
            // Rust's grammar is go-yaml's expression; a number out of range is a string.
            magnitude.parse::<f64>().is_ok_and(f64::is_finite)
        }
        _ => false,
    }
}

/// `1:30:05.5`, a number in YAML 1.1.
fn is_sexagesimal(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (text, fraction) = text.split_once('.').unwrap_or((text, ""));
    let Some((first, rest)) = text.split_once(':') else {
        return false;
    };
    first.starts_with(|char: char| char.is_ascii_digit())
        && first.chars().chain(fraction.chars()).all(|char| char.is_ascii_digit() || char == '_')
        && rest.split(':').all(|part| match part.as_bytes() {
            [digit] => digit.is_ascii_digit(),
            [tens, digit] => matches!(tens, b'0'..=b'5') && digit.is_ascii_digit(),
            _ => false,
        })
}

/// `2026-1-2`, alone or with a time behind it.
fn is_date(text: &str) -> bool {
    let date = text.split(['T', 't', ' ']).next().unwrap_or(text);
    let is_part = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let parts: Vec<&str> = date.split('-').collect();
    match parts.as_slice() {
        [year, month, day] => is_part(year, 4..=4) && is_part(month, 1..=2) && is_part(day, 1..=2),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(expected: Quoting, texts: &[&str]) {
        for text in texts {
            assert_eq!(quoting(text), expected, "{text:?}");
        }
    }

    // The expectations of these tests are what go-yaml v3 wrote for the same texts.

    #[test]
    fn ordinary_texts_are_plain() {
        all(
            Quoting::Plain,
            &[
                "age1qqqq",
                "^(data|stringData)$",
                "_unencrypted",
                "_1",
                "3.13.2",
                "arn:aws:kms:eu-west-1:123456789012:key/4d1c-8f",
                "https://vault:8200",
                "projects/p/locations/global/keyRings/r/cryptoKeys/k",
                "-x",
                "?x",
                ":x",
                "a#b",
                "grüße",
                "it's",
                "a b",
                "0x",
                "0o8",
                "1e999",
                "1e",
                "e1",
                "+",
                ".",
                "1.2.3",
                "nullx",
                "yEs",
                "1:60",
                "127.0.0.1:82",
                "2026-11-20-backup",
                "20261-1-1",
                "2026-123-1",
            ],
        );
    }

    #[test]
    fn texts_that_mean_something_else_are_double_quoted() {
        all(
            Quoting::Double,
            &[
                "",
                "~",
                "null",
                "true",
                "FALSE",
                "yes",
                "n",
                "Off",
                "<<",
                ".inf",
                "-.INF",
                ".NaN",
                "0",
                "7",
                "+7",
                "-7",
                "007",
                "0o17",
                "0x1F",
                "-0X1f",
                "0b101",
                "1_000",
                "1.5",
                ".5",
                "5.",
                "1e3",
                "1E-3",
                "12345678901234567890123",
                "1:30",
                "-1:59:59.5",
                "2026-11-20",
                "2026-1-2",
                "2026-11-20T12:49:18Z",
                "2026-11-20 12:49:18",
            ],
        );
    }

    #[test]
    fn texts_with_syntax_in_them_are_single_quoted() {
        all(
            Quoting::Single,
            &[
                "#x",
                ",x",
                "[x",
                "]",
                "{x",
                "&x",
                "*x",
                "!x",
                "|",
                ">x",
                "'x",
                "\"x",
                "%x",
                "@x",
                "`x",
                "-",
                "- x",
                "?",
                "? x",
                ":",
                ": x",
                "a: b",
                "a:",
                "a #b",
                " a",
                "a ",
                "---",
                "---x",
                "-----BEGIN",
                "...",
            ],
        );
    }

    #[test]
    fn texts_with_unprintable_characters_are_double_quoted() {
        all(Quoting::Double, &["a\tb", "\u{1b}", "🔐", "\u{FEFF}x", "a\u{2028}b", "\u{85}", "\r"]);
    }

    #[test]
    fn only_simple_texts_of_several_lines_are_literal() {
        all(Quoting::Literal, &["a\nb", "a\n", "a\n\nb\n", "#a\n b\n"]);
        all(
            Quoting::Double,
            &["\n", "\na", " a\nb", "a \nb", "a\nb ", "a\n\n", "a\r\nb", "a\tb\nc"],
        );
    }
}
