//! Texts in quotes as Go writes them, and texts escaped for HTML, JavaScript and URLs.

use std::fmt::Write as _;

/// The characters of bytes that need not be UTF-8: each with its bytes, none where a byte belongs to no character.
pub(super) fn characters(bytes: &[u8]) -> impl Iterator<Item = (Option<char>, &[u8])> {
    bytes.utf8_chunks().flat_map(|chunk| {
        let valid = chunk.valid();
        let good = valid.char_indices().map(move |(at, character)| {
            (Some(character), &valid.as_bytes()[at..at + character.len_utf8()])
        });
        // Go goes on at the next byte behind one that is no UTF-8.
        good.chain(chunk.invalid().chunks(1).map(|byte| (None, byte)))
    })
}

/// The first of them, found without looking at the rest.
pub(super) fn first(bytes: &[u8]) -> Option<(Option<char>, &[u8])> {
    characters(&bytes[..bytes.len().min(4)]).next()
}

/// Whether Go prints the character as it is.
fn is_printable(character: char) -> bool {
    if character == ' ' {
        return true;
    }
    // `escape_debug` escapes what is not printable, marks that extend a character, and these quotes.
    if matches!(character, '\'' | '"' | '\\') {
        return true;
    }
    !character.is_whitespace()
        && !character.is_control()
        && !character.escape_debug().to_string().starts_with("\\u{")
}

/// Go's `strconv.Quote`, or `QuoteToASCII`.
pub(super) fn quote(bytes: &[u8], ascii_only: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 2);
    out.push(b'"');
    for (character, raw) in characters(bytes) {
        escape(character, raw, '"', ascii_only, &mut out);
    }
    out.push(b'"');
    out
}

/// Go's `strconv.QuoteRune`.
pub(super) fn quote_rune(code: i64, ascii_only: bool) -> Vec<u8> {
    let code = u32::try_from(code).ok().and_then(char::from_u32);
    let character = code.unwrap_or(char::REPLACEMENT_CHARACTER);
    let mut out = vec![b'\''];
    let mut raw = [0; 4];
    let raw = character.encode_utf8(&mut raw).as_bytes();
    escape(Some(character), raw, '\'', ascii_only, &mut out);
    out.push(b'\'');
    out
}

fn escape(character: Option<char>, raw: &[u8], quote: char, ascii_only: bool, out: &mut Vec<u8>) {
    let Some(character) = character else {
        for byte in raw {
            out.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        }
        return;
    };
    let short = match character {
        '\\' => Some("\\\\"),
        '\u{7}' => Some("\\a"),
        '\u{8}' => Some("\\b"),
        '\u{c}' => Some("\\f"),
        '\n' => Some("\\n"),
        '\r' => Some("\\r"),
        '\t' => Some("\\t"),
        '\u{b}' => Some("\\v"),
        _ => None,
    };
    if let Some(short) = short {
        out.extend_from_slice(short.as_bytes());
    } else if character == quote {
        out.push(b'\\');
        out.extend_from_slice(raw);
    } else if is_printable(character) && (character.is_ascii() || !ascii_only) {
        out.extend_from_slice(raw);
    } else {
        let code = u32::from(character);
        let mut text = String::new();
        let _ = match code {
            0..=0x1f | 0x7f => write!(text, "\\x{code:02x}"),
            0..=0xffff => write!(text, "\\u{code:04x}"),
            _ => write!(text, "\\U{code:08x}"),
        };
        out.extend_from_slice(text.as_bytes());
    }
}

/// Whether a text can stand between backquotes.
pub(super) fn can_backquote(bytes: &[u8]) -> bool {
    characters(bytes).all(|(character, _)| {
        character.is_some_and(|character| {
            character != '`'
                && character != '\u{feff}'
                && character != '\u{7f}'
                && (character >= ' ' || character == '\t')
        })
    })
}

/// Escapes for HTML.
pub(super) fn html(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            0 => out.extend_from_slice("\u{fffd}".as_bytes()),
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            _ => out.push(*byte),
        }
    }
    out
}

/// Escapes for a string of JavaScript.
pub(super) fn javascript(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for (character, raw) in characters(bytes) {
        let escaped = match character {
            Some('\\') => "\\\\".to_owned(),
            Some('\'') => "\\'".to_owned(),
            Some('"') => "\\\"".to_owned(),
            Some(special @ ('<' | '>' | '&' | '=')) => format!("\\u{:04X}", u32::from(special)),
            Some(control) if control < ' ' => format!("\\u{:04X}", u32::from(control)),
            Some(wide) if !wide.is_ascii() && !is_printable(wide) => {
                format!("\\u{:04X}", u32::from(wide))
            }
            // Go takes the replacement character, which is printable, for a byte that is no UTF-8, and prints the byte.
            _ => {
                out.extend_from_slice(raw);
                continue;
            }
        };
        out.extend_from_slice(escaped.as_bytes());
    }
    out
}

/// Escapes for the query of a URL.
pub(super) fn url_query(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b' ' => out.push(b'+'),
            b'-' | b'_' | b'.' | b'~' => out.push(*byte),
            _ if byte.is_ascii_alphanumeric() => out.push(*byte),
            _ => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    out
}
