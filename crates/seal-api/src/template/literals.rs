//! Go's literals: numbers, and texts in quotes.

use super::error::Problem;
use super::tree::Number;

const NO_NUMBER: Problem = Problem::Syntax("this is no number");
const NO_TEXT: Problem = Problem::Syntax("an escape in a string that Go does not know");

/// Reads a number as Go's templates do: an integer where it is one, a float where it looks like one.
pub(super) fn number(text: &str) -> Result<Number, Problem> {
    let looks_like_a_float = {
        let hex = text.len() > 2
            && (text.starts_with("0x") || text.starts_with("0X"))
            && !text.contains(['p', 'P']);
        !hex && text.contains(['.', 'e', 'E', 'p', 'P'])
    };
    let magnitude = integer(text.strip_prefix(['+', '-']).unwrap_or(text));
    if let Some(magnitude) = magnitude {
        let int = if text.starts_with('-') {
            0_i64.checked_sub_unsigned(magnitude)
        } else {
            i64::try_from(magnitude).ok()
        };
        // Go takes numbers up to 2^64 for unsigned parameters, of which no function of ours has any that large.
        let Some(int) = int else { return Err(Problem::Syntax("an integer beyond 64 bits")) };
        return Ok(Number { int: Some(int), float: Some(int as f64), looks_like_a_float });
    }
    if !text.contains(['.', 'e', 'E', 'p', 'P']) {
        return Err(NO_NUMBER);
    }
    let float = float(text).ok_or(NO_NUMBER)?;
    let int = (float as i64 as f64 == float).then_some(float as i64);
    Ok(Number { int, float: Some(float), looks_like_a_float })
}

/// Digits with a prefix that names their base, and with `_` where Go allows it.
fn integer(text: &str) -> Option<u64> {
    let lower = text.get(..2).map(str::to_ascii_lowercase);
    let (radix, digits, prefixed) = match lower.as_deref() {
        Some("0x") => (16, &text[2..], true),
        Some("0o") => (8, &text[2..], true),
        Some("0b") => (2, &text[2..], true),
        _ if text.len() > 1 && text.starts_with('0') => (8, &text[1..], true),
        _ => (10, text, false),
    };
    let digits = without_underscores(digits, prefixed)?;
    u64::from_str_radix(&digits, radix).ok()
}

/// `_` separates digits, or a prefix from the first.
fn without_underscores(digits: &str, prefixed: bool) -> Option<String> {
    let starts_well = !digits.starts_with('_') || prefixed;
    let well = starts_well && !digits.ends_with('_') && !digits.contains("__");
    // `from_str_radix` takes a sign, Go none here.
    (well && !digits.starts_with(['+', '-'])).then(|| digits.replace('_', ""))
}

/// A float in decimal digits. Hexadecimal floats are Go's too, but nobody writes them into a template.
fn float(text: &str) -> Option<f64> {
    if text.to_ascii_lowercase().contains('x') || text.contains('_') {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    value.is_finite().then_some(value)
}

/// What stands between double quotes.
pub(super) fn quoted(literal: &str) -> Result<Vec<u8>, Problem> {
    let mut rest = literal.get(1..literal.len().saturating_sub(1)).ok_or(NO_TEXT)?;
    let mut text = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        rest = character(rest, '"', &mut text)?.1;
    }
    Ok(text)
}

/// The code of the character between single quotes.
pub(super) fn rune(literal: &str) -> Result<i64, Problem> {
    let inner = literal.get(1..literal.len().saturating_sub(1)).ok_or(NO_TEXT)?;
    if inner.is_empty() {
        return Err(NO_TEXT);
    }
    let (code, rest) = character(inner, '\'', &mut Vec::new())?;
    if rest.is_empty() { Ok(i64::from(code)) } else { Err(NO_TEXT) }
}

/// One character, escaped or not: its bytes go to `out`; its code and the rest come back.
fn character<'t>(text: &'t str, quote: char, out: &mut Vec<u8>) -> Result<(u32, &'t str), Problem> {
    let mut chars = text.chars();
    let first = chars.next().ok_or(NO_TEXT)?;
    if first != '\\' {
        out.extend_from_slice(first.encode_utf8(&mut [0; 4]).as_bytes());
        return Ok((u32::from(first), chars.as_str()));
    }
    let escape = chars.next().ok_or(NO_TEXT)?;
    let rest = chars.as_str();
    let byte = match escape {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        _ if escape == quote => quote as u8,
        'x' => {
            let (code, rest) = digits(rest, 2, 16)?;
            out.push(code as u8);
            return Ok((code, rest));
        }
        '0'..='7' => {
            let (code, rest) = digits(&text[1..], 3, 8)?;
            out.push(u8::try_from(code).map_err(|_| NO_TEXT)?);
            return Ok((code, rest));
        }
        'u' | 'U' => {
            let (code, rest) = digits(rest, if escape == 'u' { 4 } else { 8 }, 16)?;
            let code = char::from_u32(code).ok_or(NO_TEXT)?;
            out.extend_from_slice(code.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok((u32::from(code), rest));
        }
        _ => return Err(NO_TEXT),
    };
    out.push(byte);
    Ok((u32::from(byte), rest))
}

fn digits(text: &str, count: usize, radix: u32) -> Result<(u32, &str), Problem> {
    let digits = text.get(..count).ok_or(NO_TEXT)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(NO_TEXT);
    }
    let code = u32::from_str_radix(digits, radix).map_err(|_| NO_TEXT)?;
    Ok((code, &text[count..]))
}
