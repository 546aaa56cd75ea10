//! What a byte may be to the scanner, in one table.

/// Ends neither a word of a plain scalar nor the scalar; `:` does not belong here, its neighbour decides.
pub(super) const PLAIN: u8 = 1;
/// The same inside `[…]` and `{…}`.
pub(super) const PLAIN_IN_FLOW: u8 = 1 << 1;
/// Stands for itself inside `"…"`, blanks aside.
pub(super) const DOUBLE_QUOTED: u8 = 1 << 2;
/// Stands for itself inside `'…'`, blanks aside.
pub(super) const SINGLE_QUOTED: u8 = 1 << 3;
/// Belongs to a line of a comment or block scalar.
pub(super) const LINE: u8 = 1 << 4;
/// May stand in the name of an anchor or in the handle of a tag.
pub(super) const WORD: u8 = 1 << 5;
/// May stand in a tag.
pub(super) const URI: u8 = 1 << 6;

/// The classes of each byte.
///
/// 0xC2 and 0xE2 are in none, because U+0085, U+2028 and U+2029 begin so, which break lines; other bytes of longer
/// characters are ordinary text.
static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = classes_of(byte as u8);
        byte += 1;
    }
    classes
}

const fn classes_of(byte: u8) -> u8 {
    const TEXT: u8 = PLAIN | PLAIN_IN_FLOW | DOUBLE_QUOTED | SINGLE_QUOTED | LINE;
    match byte {
        b' ' | b'\t' => LINE,
        b'_' | b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => TEXT | WORD | URI,
        b';' | b'/' | b'@' | b'&' | b'=' | b'+' | b'$' | b'.' | b'!' | b'~' | b'*' | b'('
        | b')' | b'%' => TEXT | URI,
        b',' | b'?' | b'[' | b']' => (TEXT ^ PLAIN_IN_FLOW) | URI,
        b'{' | b'}' => TEXT ^ PLAIN_IN_FLOW,
        b':' => (TEXT ^ PLAIN ^ PLAIN_IN_FLOW) | URI,
        b'\'' => (TEXT ^ SINGLE_QUOTED) | URI,
        b'"' | b'\\' => TEXT ^ DOUBLE_QUOTED,
        0xC2 | 0xE2 => 0,
        b'!'..=b'~' | 0x80.. => TEXT,
        _ => 0,
    }
}

/// True when the byte is in that class.
pub(super) fn is(byte: u8, class: u8) -> bool {
    CLASSES[usize::from(byte)] & class != 0
}

/// Bytes in front of the first one that is not in that class.
pub(super) fn run(bytes: &[u8], class: u8) -> usize {
    bytes.iter().position(|byte| !is(*byte, class)).unwrap_or(bytes.len())
}

/// Bytes of the character that begins with `byte`.
pub(super) fn width(byte: u8) -> usize {
    match byte {
        0..=0x7F => 1,
        0x80..=0xDF => 2,
        0xE0..=0xEF => 3,
        _ => 4,
    }
}

/// Characters of a text.
pub(super) fn count(bytes: &[u8]) -> usize {
    if bytes.is_ascii() {
        return bytes.len();
    }
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

/// Bytes of the line break that a text begins with, CR LF counted as its first byte only; 0 where it begins with none.
pub(super) fn break_width(text: &[u8]) -> usize {
    match text {
        [b'\n' | b'\r', ..] => 1,
        [0xC2, 0x85, ..] => 2,
        [0xE2, 0x80, 0xA8 | 0xA9, ..] => 3,
        _ => 0,
    }
}
