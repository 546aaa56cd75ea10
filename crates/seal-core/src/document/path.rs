//! Paths inside a document, as users write them and as messages show them.

use std::fmt;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PathElement {
    /// Key of a mapping.
    Key(Box<str>),
    /// Index in a sequence, comments not counted.
    Index(usize),
}

/// The way from the root of a document (or of an item of a `List`) to a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Path(pub Vec<PathElement>);

/// A text that is no path. It names places, never text: an argument in the wrong order may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Nothing was given.
    #[error("the path is empty")]
    Empty,
    /// A step of the bracket form is not closed.
    #[error("a `[` has no matching `]`, at character {at} of the path")]
    Unclosed {
        /// The opening bracket, counted in characters from 1.
        at: usize,
    },
    /// A step of the bracket form is neither a quoted key nor a number.
    #[error(
        "neither a quoted key like [\"a\"] nor an index like [0], at character {at} of the path"
    )]
    NotAnElement {
        /// The opening bracket, counted in characters from 1.
        at: usize,
    },
    /// Something stands between two steps of the bracket form.
    #[error("expected `[`, at character {at} of the path")]
    ExpectedBracket {
        /// The place, counted in characters from 1.
        at: usize,
    },
    /// A `~` that is not followed by `0` or `1`.
    #[error("`~` must be written as `~0`, and `/` inside a key as `~1`, at character {at}")]
    BadEscape {
        /// The `~`, counted in characters from 1.
        at: usize,
    },
}

impl Path {
    /// Reads `["a"]["b"][0]` as SOPS does (either kind of quotes, no escapes inside), or `a/b/0` with the escapes of
    /// JSON Pointer and an optional `/` in front.
    ///
    /// Digits in the second form stay a key here; whether they mean an index is decided by what stands at that place
    /// in a document, in [`super::Document::lookup`].
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.is_empty() {
            Err(PathError::Empty)
        } else if text.starts_with('[') {
            parse_brackets(text)
        } else {
            parse_pointer(text)
        }
    }
}

impl fmt::Display for Path {
    /// SOPS's form: `["data"]["list"][0]`. What a terminal would act on is escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for element in &self.0 {
            match element {
                PathElement::Key(key) => {
                    let quote = if key.contains('"') { '\'' } else { '"' };
                    write!(f, "[{quote}{}{quote}]", Printable(key))?;
                }
                PathElement::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Text of a document's key for a message: control and other unprintable characters are escaped.
pub(super) struct Printable<'t>(pub(super) &'t str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '"' | '\'' | '\\' => write!(f, "{character}")?,
                _ => write!(f, "{}", character.escape_debug())?,
            }
        }
        Ok(())
    }
}

fn parse_brackets(text: &str) -> Result<Path, PathError> {
    let mut elements = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let at = character(text, text.len() - rest.len());
        let inner = rest.strip_prefix('[').ok_or(PathError::ExpectedBracket { at })?;
        let (element, after) = match inner.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let (key, after) =
                    split_quoted(&inner[1..], quote).ok_or(PathError::Unclosed { at })?;
                (PathElement::Key(key.into()), after)
            }
            _ => {
                let (digits, after) = inner.split_once(']').ok_or(PathError::Unclosed { at })?;
                let index = index(digits).ok_or(PathError::NotAnElement { at })?;
                (PathElement::Index(index), after)
            }
        };
        elements.push(element);
        rest = after;
    }
    Ok(Path(elements))
}

/// Splits behind the first closing quote that ends a step, so that quotes and brackets may stand inside a key.
fn split_quoted(text: &str, quote: char) -> Option<(&str, &str)> {
    let closings = || {
        text.match_indices(quote)
            .filter_map(|(end, _)| Some((&text[..end], text[end + 1..].strip_prefix(']')?)))
    };
    closings()
        .find(|(_, after)| after.is_empty() || after.starts_with('['))
        .or_else(|| closings().next())
}

fn parse_pointer(text: &str) -> Result<Path, PathError> {
    let steps = text.strip_prefix('/').unwrap_or(text);
    let mut offset = text.len() - steps.len();
    let mut elements = Vec::new();
    for step in steps.split('/') {
        let key = unescape(step)
            .map_err(|tilde| PathError::BadEscape { at: character(text, offset + tilde) })?;
        elements.push(PathElement::Key(key.into()));
        offset += step.len() + 1;
    }
    Ok(Path(elements))
}

/// Decodes one step of a JSON Pointer; the error is the offset of a `~` that begins no escape.
fn unescape(step: &str) -> Result<String, usize> {
    let mut key = String::with_capacity(step.len());
    let mut rest = step;
    while let Some((before, after)) = rest.split_once('~') {
        key.push_str(before);
        key.push(match after.as_bytes().first() {
            Some(b'0') => '~',
            Some(b'1') => '/',
            _ => return Err(step.len() - after.len() - 1),
        });
        rest = &after[1..];
    }
    key.push_str(rest);
    Ok(key)
}

/// The number that a text of decimal digits stands for.
pub(super) fn index(digits: &str) -> Option<usize> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| digits.parse().ok())?
}

/// The place of the byte at `offset`, in characters from 1.
fn character(text: &str, offset: usize) -> usize {
    1 + text[..offset].chars().count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> PathElement {
        PathElement::Key(text.into())
    }

    fn parsed(text: &str) -> Vec<PathElement> {
        Path::parse(text).unwrap().0
    }

    #[test]
    fn reads_sops_form() {
        assert_eq!(parsed(r#"["a"]["b"][0]"#), [key("a"), key("b"), PathElement::Index(0)]);
        assert_eq!(parsed("['a'][\"b c\"]"), [key("a"), key("b c")]);
        assert_eq!(parsed(r#"[""]"#), [key("")]);
        assert_eq!(parsed(r#"["a\n"]"#), [key(r"a\n")]);
    }

    #[test]
    fn quotes_brackets_and_slashes_may_stand_inside_a_quoted_key() {
        assert_eq!(parsed(r#"["a"b"]['c"]["d']"#), [key(r#"a"b"#), key(r#"c"]["d"#)]);
        assert_eq!(parsed(r#"["x[0]"]["a/b~1"]"#), [key("x[0]"), key("a/b~1")]);
    }

    #[test]
    fn reads_pointer_form_with_and_without_a_leading_slash() {
        assert_eq!(parsed("a/b/0"), [key("a"), key("b"), key("0")]);
        assert_eq!(parsed("/a/b"), [key("a"), key("b")]);
        assert_eq!(parsed("a~1b/~0~01"), [key("a/b"), key("~~1")]);
        assert_eq!(parsed("a//b"), [key("a"), key(""), key("b")]);
        assert_eq!(parsed("data/ä/[x]"), [key("data"), key("ä"), key("[x]")]);
    }

    #[test]
    fn refuses_what_is_no_path_and_says_where() {
        let error = |text| Path::parse(text).unwrap_err();
        assert_eq!(error(""), PathError::Empty);
        assert_eq!(error(r#"["a"#), PathError::Unclosed { at: 1 });
        assert_eq!(error(r#"["a"]["b]"#), PathError::Unclosed { at: 6 });
        assert_eq!(error(r#"["a"][0"#), PathError::Unclosed { at: 6 });
        assert_eq!(error(r#"["ä"].b"#), PathError::ExpectedBracket { at: 6 });
        assert_eq!(error(r#"[a]"#), PathError::NotAnElement { at: 1 });
        assert_eq!(error(r#"["a"][-1]"#), PathError::NotAnElement { at: 6 });
        assert_eq!(error("[]"), PathError::NotAnElement { at: 1 });
        assert_eq!(error("[99999999999999999999999]"), PathError::NotAnElement { at: 1 });
        assert_eq!(error("ä/b~2"), PathError::BadEscape { at: 4 });
        assert_eq!(error("/a~"), PathError::BadEscape { at: 3 });
    }

    #[test]
    fn display_escapes_what_a_terminal_would_act_on() {
        let path = Path(vec![key("a\u{1b}[2J\nb"), key(r#"say "hi""#), PathElement::Index(7)]);
        assert_eq!(path.to_string(), r#"["a\u{1b}[2J\nb"]['say "hi"'][7]"#);
    }

    fn element() -> impl Strategy<Value = PathElement> {
        // A key of the bracket form cannot hold both kinds of quotes; Display escapes what is not printable.
        prop_oneof![
            "[ -!#-~äß世]{0,6}".prop_map(|text| PathElement::Key(text.into())),
            "[ -&(-~äß世]{0,6}".prop_map(|text| PathElement::Key(text.into())),
            any::<usize>().prop_map(PathElement::Index),
        ]
    }

    proptest! {
        #[test]
        fn parse_reads_what_display_writes(elements in prop::collection::vec(element(), 1..5)) {
            let path = Path(elements);
            prop_assert_eq!(Path::parse(&path.to_string()), Ok(path));
        }

        #[test]
        fn no_text_panics(text in r#"[\[\]"'a0~/ä]{0,12}"#) {
            let _ = Path::parse(&text);
        }
    }
}
