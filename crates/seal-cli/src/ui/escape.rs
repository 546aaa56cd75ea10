//! Makes foreign text harmless for a terminal.

use std::borrow::Cow;
use std::fmt::Write;

/// Returns the text with everything written out (`\n`, `\u{1b}`) that a terminal would obey or not show: control
/// characters, invisible ones, and those that turn the direction of writing.
///
/// File names and keys of a document come from whoever wrote them; an escape sequence in one could rewrite what stands
/// on the screen. Applying it twice changes nothing more.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_dangerous) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_dangerous(character) {
            let _ = write!(escaped, "{}", character.escape_debug());
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

fn is_dangerous(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::{any, proptest};

    use super::{escape, is_dangerous};

    #[test]
    fn plain_text_of_any_script_stays_as_it_is() {
        for text in ["a/b.yaml", "größe 名前.yaml", "it's \"quoted\" \\ and 100 %"] {
            assert!(matches!(escape(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn what_a_terminal_obeys_is_written_out() {
        for (text, escaped) in [
            ("a\u{1b}]0;title\u{7}", "a\\u{1b}]0;title\\u{7}"),
            ("two\nlines\r\ttab", "two\\nlines\\r\\ttab"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{202e}lmay.a", "\\u{202e}lmay.a"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
        ] {
            assert_eq!(escape(text), escaped);
        }
    }

    proptest! {
        #[test]
        fn nothing_dangerous_is_left_and_twice_is_as_once(text in any::<String>()) {
            let once = escape(&text).into_owned();
            assert!(!once.chars().any(is_dangerous));
            assert_eq!(escape(&once), once);
        }
    }
}
