//! Comments that say that a finding is meant: `# seal:allow`, or `# seal:allow token,private-key -- why`.
//!
//! One stands on the line of the finding or, alone on its line, above it. Without ids it covers warnings; an error has
//! to be named, so that nobody lets a secret pass by habit.

use memchr::memmem;

use super::lint::{Lint, Severity};

const WORD: &[u8] = b"seal:allow";

/// The comments of a source that allow something.
#[derive(Debug, Default)]
pub(super) struct Allowed(Vec<Comment>);

#[derive(Debug)]
struct Comment {
    /// The line it is for, counted from 1.
    line: usize,
    /// Ids; none means every warning.
    ids: Vec<String>,
}

impl Allowed {
    /// Finds the comments.
    pub(super) fn read(source: &[u8]) -> Self {
        let mut found = Vec::new();
        let (mut line, mut counted) = (1, 0);
        for at in memmem::find_iter(source, WORD) {
            line += memchr::memchr_iter(b'\n', &source[counted..at]).count();
            counted = at;
            let start = memchr::memrchr(b'\n', &source[..at]).map_or(0, |newline| newline + 1);
            let Some(before) = comment_start(&source[start..at]) else { continue };
            let rest = &source[at + WORD.len()..];
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let Some(ids) = ids(&rest[..end]) else { continue };
            let is_alone = before.trim_ascii().is_empty();
            found.push(Comment { line: line + usize::from(is_alone), ids });
        }
        Self(found)
    }

    /// Whether a finding on one of these lines is meant.
    pub(super) fn covers(&self, lint: &Lint, lines: [usize; 2]) -> bool {
        self.0.iter().filter(|comment| lines.contains(&comment.line)).any(|comment| {
            match comment.ids.as_slice() {
                [] => lint.severity == Severity::Warning,
                ids => ids.iter().any(|id| id == lint.id),
            }
        })
    }
}

/// What stands before the `#` of a comment, if only blanks are between it and the end of this text.
fn comment_start(text: &[u8]) -> Option<&[u8]> {
    let before = text.trim_ascii_end().strip_suffix(b"#")?;
    matches!(before.last(), None | Some(b' ' | b'\t')).then_some(before)
}

/// The ids behind the word; `None` where the word goes on.
fn ids(rest: &[u8]) -> Option<Vec<String>> {
    let rest = std::str::from_utf8(rest).ok()?;
    if !matches!(rest.chars().next(), None | Some(' ' | '\t' | '\r' | ':')) {
        return None;
    }
    let words = rest.trim_start_matches(':').split(|c: char| c.is_ascii_whitespace() || c == ',');
    let words = words.filter(|word| !word.is_empty()).take_while(|word| *word != "--");
    Some(words.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::Allowed;
    use crate::check::lint::{PRIVATE_KEY, SECRET_IN_CLEAR, TOKEN};

    fn covers(source: &str, line: usize) -> [bool; 3] {
        let allowed = Allowed::read(source.as_bytes());
        [&TOKEN, &PRIVATE_KEY, &SECRET_IN_CLEAR].map(|lint| allowed.covers(lint, [line, line]))
    }

    #[test]
    fn a_comment_is_for_its_line_or_alone_for_the_next() {
        assert_eq!(covers("a: 1\nb: 2 # seal:allow\nc: 3\n", 2), [true, true, false]);
        assert_eq!(covers("a: 1\nb: 2 # seal:allow\nc: 3\n", 3), [false; 3]);
        assert_eq!(covers("a: 1\n  # seal:allow\nc: 3\n", 3), [true, true, false]);
        assert_eq!(covers("a: 1\n  # seal:allow\nc: 3\n", 2), [false; 3]);
    }

    #[test]
    fn ids_narrow_it_and_an_error_has_to_be_named() {
        assert_eq!(covers("a # seal:allow token -- private-key\n", 1), [true, false, false]);
        let named = "a # seal:allow private-key, secret-in-clear -- a test\n";
        assert_eq!(covers(named, 1), [false, true, true]);
    }

    #[test]
    fn only_a_comment_allows() {
        for text in ["a: seal:allow", "a: x#seal:allow", "a: '# seal:allowed'", "# not seal:allow"]
        {
            assert_eq!(covers(text, 1), [false; 3], "{text}");
            assert_eq!(covers(text, 2), [false; 3], "{text}");
        }
    }
}
