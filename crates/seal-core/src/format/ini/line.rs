//! Names and comments: what of a line is text, and what only marks it.

use crate::cipher::is_enc_text;
use crate::document::Span;

/// What begins a comment.
pub(super) const MARKERS: [char; 2] = ['#', ';'];

/// What ends a key.
const DELIMITERS: [char; 2] = ['=', ':'];

/// The line that begins at an offset, with its line break.
pub(super) fn line(text: &str, start: usize) -> &str {
    let rest = &text[start..];
    let end = memchr::memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |at| at + 1);
    &rest[..end]
}

/// A key, and where the value begins.
pub(super) struct KeyName<'s> {
    pub(super) text: &'s str,
    pub(super) span: Span,
    /// Offset behind the delimiter.
    pub(super) behind: usize,
}

/// Reads the key of the line that begins at `start`, blanks left out.
///
/// # Errors
/// What is wrong with it.
pub(super) fn key_name(text: &str, start: usize) -> Result<KeyName<'_>, &'static str> {
    const EXPECTED: &str = "expected `key = value`, a section or a comment";
    let line = line(text, start);
    let quote = match line.as_bytes().first() {
        Some(b'"') if line.len() > 6 && line.starts_with("\"\"\"") => "\"\"\"",
        Some(b'"') => "\"",
        Some(b'`') => "`",
        _ => "",
    };
    let (own, behind) = if quote.is_empty() {
        let end = line.find(DELIMITERS).ok_or(EXPECTED)?;
        (Span::new(0, end), end + 1)
    } else {
        let first = quote.len();
        let end = first + line[first..].find(quote).ok_or("the quotes of this key do not close")?;
        let behind = (end + first).min(line.len());
        (Span::new(first, end), behind + line[behind..].find(DELIMITERS).ok_or(EXPECTED)? + 1)
    };
    let name = line[own.range()].trim();
    if name.is_empty() {
        return Err("there is no key before the delimiter");
    }
    let at = start + own.start + line[own.range()].len() - line[own.range()].trim_start().len();
    Ok(KeyName { text: name, span: Span::new(at, at + name.len()), behind: start + behind })
}

/// Where the text of a comment stands that begins, with its marker, at `start`; `None` for one that has no text. SOPS
/// leaves out all markers and blanks in front.
pub(super) fn comment_text(text: &str, start: usize) -> Option<Span> {
    let line = line(text, start);
    let marker = line.chars().next()?;
    let own = line.trim_start_matches([marker, ' ']).trim_end();
    let at = start + line.len() - line.trim_start_matches([marker, ' ']).len();
    (!own.trim_start().is_empty()).then(|| Span::new(at, at + own.len()))
}

/// Whether a line of a comment stands for a comment of its own, and not for one line of several.
pub(super) fn stands_alone(comment: &str) -> bool {
    is_enc_text(comment)
}
