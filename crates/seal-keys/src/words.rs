//! Splits a command line into words as Go's `shlex` does, which SOPS uses for `SOPS_AGE_KEY_CMD`. No shell is
//! involved: no variables, no globs, no pipes.

/// A quote or a backslash has no end. The text is not repeated: it may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a quote or a backslash in it has no end")]
pub struct Unterminated;

/// The words of a command line. `'…'` is literal, `\` quotes one character elsewhere, a word that begins with `#` is a
/// comment up to the end of its line.
pub fn split(line: &str) -> Result<Vec<String>, Unterminated> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars();
    while let Some(character) = rest.next() {
        match character {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '#' if word.is_none() => {
                rest.by_ref().find(|c| *c == '\n');
            }
            '\\' => word.get_or_insert_default().push(rest.next().ok_or(Unterminated)?),
            '\'' | '"' => quoted(character, &mut rest, word.get_or_insert_default())?,
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Appends what stands up to the closing quote.
fn quoted(
    quote: char,
    rest: &mut std::str::Chars<'_>,
    word: &mut String,
) -> Result<(), Unterminated> {
    loop {
        match rest.next().ok_or(Unterminated)? {
            character if character == quote => return Ok(()),
            '\\' if quote == '"' => word.push(rest.next().ok_or(Unterminated)?),
            character => word.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn splits_at_blanks_outside_of_quotes() {
        for (line, words) in [
            ("pass show  age", vec!["pass", "show", "age"]),
            ("cat 'my key' \"a \\\"b\\\"\"", vec!["cat", "my key", "a \"b\""]),
            (r"cat my\ key 'a\b'", vec!["cat", "my key", r"a\b"]),
            ("a''b '' \"\"", vec!["ab", "", ""]),
            ("op read x # my key\nmore a#b", vec!["op", "read", "x", "more", "a#b"]),
            ("  ", vec![]),
        ] {
            assert_eq!(split(line).unwrap(), words, "{line}");
        }
    }

    #[test]
    fn rejects_what_does_not_end() {
        for line in ["a 'b", "a \"b", "a \\", "\"a\\"] {
            assert_eq!(split(line), Err(Unterminated), "{line}");
        }
    }

    proptest! {
        #[test]
        fn single_quotes_carry_any_text(words in prop::collection::vec("[^']*", 0..5)) {
            let line: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
            prop_assert_eq!(split(&line.join(" ")).unwrap(), words);
        }
    }
}
