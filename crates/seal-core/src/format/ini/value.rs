//! Values: how they are read, and how a text is written so that it is read as it is.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::line::{MARKERS, line};
use crate::document::{Span, Style};

/// What stands around a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quote {
    None,
    Single,
    Double,
    Backtick,
    Triple,
}

impl Quote {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Single => "'",
            Self::Double => "\"",
            Self::Backtick => "`",
            Self::Triple => "\"\"\"",
        }
    }

    pub(super) fn style(self) -> Style {
        match self {
            Self::None => Style::Plain,
            Self::Single => Style::SingleQuoted,
            Self::Double | Self::Backtick | Self::Triple => Style::DoubleQuoted,
        }
    }

    /// The quotes of a value whose text, quotes included, is this.
    pub(super) fn of(style: Style, text: &str) -> Self {
        match style {
            Style::SingleQuoted => Self::Single,
            Style::DoubleQuoted if text.starts_with('`') => Self::Backtick,
            Style::DoubleQuoted if text.starts_with("\"\"\"") => Self::Triple,
            Style::DoubleQuoted => Self::Double,
            _ => Self::None,
        }
    }
}

/// A value of the source.
pub(super) struct ReadValue<'s> {
    /// Where it stands, with its quotes.
    pub(super) span: Span,
    pub(super) quote: Quote,
    pub(super) text: Cow<'s, str>,
    /// Where a comment behind it begins.
    pub(super) comment: Option<usize>,
    /// SOPS's reader does not see that comment.
    pub(super) is_dropped: bool,
    /// Where the next line begins.
    pub(super) next: usize,
}

/// A value that cannot be read, and where.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) at: usize,
    pub(super) text: &'static str,
}

/// Reads the value that begins behind the delimiter at `at`.
///
/// # Errors
/// Quotes that do not close, and what SOPS would take for a comment although it belongs to the value by the look of it:
/// comments are judged by their section, not by their key, so a part of a secret would stay in clear.
pub(super) fn read(text: &str, at: usize) -> Result<ReadValue<'_>, Problem> {
    let rest_of_line = line(text, at);
    let next = at + rest_of_line.len();
    let start = at + rest_of_line.len() - rest_of_line.trim_start().len();
    let body = &text[start..next];
    if body.is_empty() {
        let at = at + usize::from(rest_of_line.starts_with(' '));
        let span = Span::new(at, at);
        let text = Cow::Borrowed("");
        return Ok(ReadValue {
            span,
            quote: Quote::None,
            text,
            comment: None,
            is_dropped: false,
            next,
        });
    }
    if body.len() > 3 && body.starts_with("\"\"\"") {
        quoted(text, start, next, Quote::Triple)
    } else if body.starts_with('`') {
        quoted(text, start, next, Quote::Backtick)
    } else if body.trim_end().ends_with('\\') {
        continued(text, start, next)
    } else {
        plain(text, start, next)
    }
}

/// A value that ends at the last quote of its line, or at that of the first line below that has one.
fn quoted(text: &str, start: usize, next: usize, quote: Quote) -> Result<ReadValue<'_>, Problem> {
    let mark = quote.text();
    let first = start + mark.len();
    let mut from = first;
    let mut next = next;
    let end = loop {
        if let Some(at) = text[from..next].rfind(mark) {
            break from + at;
        }
        if next == text.len() {
            return Err(Problem { at: start, text: "the quotes of this value do not close" });
        }
        from = next;
        next += line(text, next).len();
    };
    let span = Span::new(start, end + mark.len());
    let tail = &text[span.end..next];
    let at = span.end + tail.len() - tail.trim_start().len();
    let comment = match tail.trim_start().chars().next() {
        None => None,
        Some(marker) if MARKERS.contains(&marker) => Some(at),
        Some(_) => {
            let text = "text stands behind the closing quote, which sops would drop";
            return Err(Problem { at, text });
        }
    };
    // SOPS looks for a comment there only if the value has several lines.
    let is_dropped = from == first;
    let text = Cow::Borrowed(&text[first..end]);
    Ok(ReadValue { span, quote, text, comment, is_dropped, next })
}

/// A value that goes on in the next line, as each line does that ends with a backslash.
fn continued(text: &str, start: usize, next: usize) -> Result<ReadValue<'_>, Problem> {
    let mut next = next;
    let first = text[start..next].trim_end();
    let mut end = start + first.len();
    let mut value = Zeroizing::new(first.to_owned());
    while value.ends_with('\\') {
        value.pop();
        if !text[..next].ends_with('\n') {
            // Whatever is put behind it would become a part of it.
            let text = "the file ends with a backslash, which asks for another line";
            return Err(Problem { at: start, text });
        }
        let more = line(text, next);
        let own = more.trim();
        if !own.is_empty() {
            end = next + more.trim_end().len();
        }
        next += more.len();
        if own.is_empty() {
            break;
        }
        value.push_str(own);
    }
    let text = Cow::Owned(std::mem::take(&mut *value));
    let span = Span::new(start, end);
    Ok(ReadValue { span, quote: Quote::None, text, comment: None, is_dropped: false, next })
}

fn plain(text: &str, start: usize, next: usize) -> Result<ReadValue<'_>, Problem> {
    let body = text[start..next].trim_end();
    let marker = body.find(MARKERS);
    let own = body[..marker.unwrap_or(body.len())].trim_end();
    if let Some(marker) = marker {
        let problem = |text| Err(Problem { at: start + marker, text });
        let is_apart = match body[..marker].chars().next_back() {
            Some(before) => before.is_whitespace(),
            None => body[1..].is_empty() || body[1..].starts_with(char::is_whitespace),
        };
        if !is_apart {
            return problem(
                "`#` and `;` begin a comment wherever they stand; put the value in backticks",
            );
        }
        if own.starts_with(['"', '\'']) && quote_around(own) == Quote::None {
            return problem(
                "`#` and `;` begin a comment even in these quotes; use backticks instead",
            );
        }
    }
    if own == Quote::Triple.text() {
        return Err(Problem { at: start, text: "the quotes of this value do not close" });
    }
    let quote = quote_around(own);
    let width = quote.text().len();
    Ok(ReadValue {
        span: Span::new(start, start + own.len()),
        quote,
        text: Cow::Borrowed(&own[width..own.len() - width]),
        comment: marker.map(|marker| start + marker),
        is_dropped: false,
        next,
    })
}

/// Quotes count if they are the only ones of their kind.
fn quote_around(text: &str) -> Quote {
    for quote in [Quote::Single, Quote::Double] {
        let mark = quote.text();
        let is_around = text.len() >= 2
            && text.starts_with(mark)
            && text[1..].find(mark) == Some(text.len() - 2);
        if is_around {
            return quote;
        }
    }
    Quote::None
}

/// A text with the quotes that it needs, those around it now first; `None` if INI has no way to write it. `tail` is what
/// follows on its line.
pub(super) fn written(value: &str, quote: Quote, tail: &str) -> Option<Zeroizing<String>> {
    let wanted = if value.contains(['\n', '`']) {
        Quote::Triple
    } else if value.contains(MARKERS) {
        Quote::Backtick
    } else if value.trim() != value {
        Quote::Double
    } else {
        Quote::None
    };
    let candidates = [quote, wanted, Quote::Backtick, Quote::Triple];
    let attempt = |quote: Quote| {
        let mark = quote.text();
        let length = value.len() + 2 * mark.len();
        let mut text = Zeroizing::new(String::with_capacity(length + tail.len() + 1));
        for part in [mark, value, mark] {
            text.push_str(part);
        }
        text.push_str(tail);
        let read = read(&text, 0).ok()?;
        let same = read.text == value && read.span == Span::new(0, length) && read.quote == quote;
        if !same {
            return None;
        }
        text.truncate(length);
        Some(text)
    };
    candidates.into_iter().find_map(attempt)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quotes(value: &str, quote: Quote) -> Option<String> {
        written(value, quote, "").map(|text| text.to_string())
    }

    #[test]
    fn a_text_gets_the_quotes_that_sops_gives_it() {
        for (value, expected) in [
            ("x", "x"),
            ("two words", "two words"),
            (" x", "\" x\""),
            ("a#b", "`a#b`"),
            ("a;b", "`a;b`"),
            ("a\nb", "\"\"\"a\nb\"\"\""),
            ("a`\n", "\"\"\"a`\n\"\"\""),
            ("a=b", "a=b"),
            ("it's", "it's"),
        ] {
            assert_eq!(quotes(value, Quote::None).as_deref(), Some(expected), "{value:?}");
        }
    }

    #[test]
    fn what_those_quotes_would_change_gets_others() {
        for (value, expected) in [
            ("'x'", "`'x'`"),
            ("\"x\"", "`\"x\"`"),
            ("x\\", "`x\\`"),
            (" \"x ", "` \"x `"),
            ("a\n\"\"\"\nb", "`a\n\"\"\"\nb`"),
        ] {
            assert_eq!(quotes(value, Quote::None).as_deref(), Some(expected), "{value:?}");
        }
        assert_eq!(quotes("`\n\"\"\"\n`", Quote::None), None);
    }

    #[test]
    fn the_quotes_that_stand_there_are_kept() {
        assert_eq!(quotes("x", Quote::Single).as_deref(), Some("'x'"));
        assert_eq!(quotes("x", Quote::Triple).as_deref(), Some("\"\"\"x\"\"\""));
        assert_eq!(quotes("it's", Quote::Single).as_deref(), Some("it's"));
        assert_eq!(quotes("a\nb", Quote::Backtick).as_deref(), Some("`a\nb`"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_it_was(
            value in "[a \n`\"'#;\\\\=\r\u{a0}é]{0,12}",
            quote in prop::sample::select(vec![
                Quote::None, Quote::Single, Quote::Double, Quote::Backtick, Quote::Triple,
            ]),
        ) {
            if let Some(text) = written(&value, quote, "") {
                let line = format!("{}\nnext = line\n", *text);
                let read = read(&line, 0).unwrap();
                prop_assert_eq!(read.text, value.as_str());
                prop_assert_eq!(read.next, text.len() + 1);
            } else {
                prop_assert!(value.contains('\n'), "one line always has a way");
            }
        }
    }
}
