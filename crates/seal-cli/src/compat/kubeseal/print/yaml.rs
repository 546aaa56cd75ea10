//! YAML as `sigs.k8s.io/yaml` prints it: go-yaml v2, which writes like libyaml, with sorted keys.
//!
//! Two blanks per level, lists at the column of their key, plain texts wherever they read back as the same text, lines
//! that break at a blank behind column 80, texts with line breaks as literals.

use std::cmp::Ordering;
use std::fmt::Write as _;

use super::Printed;

/// Where libyaml begins to look for a blank to break the line at.
const BEST_WIDTH: usize = 80;

pub(super) fn print(object: &Printed, out: &mut String) {
    match object {
        Printed::Map(entries) if !entries.is_empty() => mapping(entries, 0, true, out),
        other => {
            value(other, 0, out);
            out.push('\n');
        }
    }
}

/// `at_line_start` is false for the first key behind `- `, which stands there already.
fn mapping(entries: &[(String, Printed)], indent: usize, at_line_start: bool, out: &mut String) {
    let mut sorted: Vec<_> = entries.iter().collect();
    sorted.sort_by(|(one, _), (other, _)| by_key(one, other));
    for (index, (key, entry)) in sorted.into_iter().enumerate() {
        if index > 0 || at_line_start {
            blanks(indent, out);
        }
        scalar(key, indent, true, out);
        out.push(':');
        match entry {
            Printed::Map(inner) if !inner.is_empty() => {
                out.push('\n');
                mapping(inner, indent + 2, true, out);
            }
            Printed::List(items) if !items.is_empty() => {
                out.push('\n');
                list(items, indent, out);
            }
            other => {
                out.push(' ');
                value(other, indent, out);
                out.push('\n');
            }
        }
    }
}

fn list(items: &[Printed], indent: usize, out: &mut String) {
    for item in items {
        blanks(indent, out);
        out.push_str("- ");
        match item {
            Printed::Map(inner) if !inner.is_empty() => mapping(inner, indent + 2, false, out),
            other => {
                value(other, indent, out);
                out.push('\n');
            }
        }
    }
}

fn value(value: &Printed, indent: usize, out: &mut String) {
    match value {
        Printed::Text(text) => scalar(text, indent, false, out),
        Printed::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Printed::Number(number) => {
            let _ = write!(out, "{number}");
        }
        Printed::Map(_) => out.push_str("{}"),
        Printed::List(_) => out.push_str("[]"),
    }
}

fn blanks(count: usize, out: &mut String) {
    (0..count).for_each(|_| out.push(' '));
}

/// go-yaml's order: numbers inside of keys by their value, letters behind everything else.
fn by_key(one: &str, other: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(one, other)| one != other) else {
        return a.len().cmp(&b.len());
    };
    match (a[at].is_alphabetic(), b[at].is_alphabetic()) {
        (true, true) => return a[at].cmp(&b[at]),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let follows_number = a[..at]
        .iter()
        .rev()
        .take_while(|letter| letter.is_ascii_digit())
        .any(|digit| *digit != '0');
    let start = u64::from(follows_number && (a[at] == '0' || b[at] == '0'));
    let number = |letters: &[char]| {
        let digits = letters[at..].iter().map_while(|letter| letter.to_digit(10));
        digits.fold((start, 0), |(value, count), digit| {
            (value.wrapping_mul(10).wrapping_add(u64::from(digit)), count + 1)
        })
    };
    number(&a).cmp(&number(&b)).then_with(|| a[at].cmp(&b[at]))
}

/// What libyaml finds out about a text before it writes it.
#[derive(Default)]
struct Found {
    multiline: bool,
    plain: bool,
    single_quoted: bool,
    literal: bool,
}

fn scalar(text: &str, indent: usize, is_key: bool, out: &mut String) {
    let found = analyze(text);
    let breaks = !is_key;
    let width = indent + 2;
    if text.contains('\n') {
        match found.literal && !is_key {
            true => literal(text, width, out),
            false => double_quoted(text, width, breaks, out),
        }
    } else if !reads_as_text(text) {
        double_quoted(text, width, breaks, out);
    } else if found.plain && !(is_key && found.multiline) {
        flowing(text, width, breaks, false, out);
    } else if found.single_quoted && !(is_key && found.multiline) {
        out.push('\'');
        flowing(text, width, breaks, true, out);
        out.push('\'');
    } else {
        double_quoted(text, width, breaks, out);
    }
}

fn analyze(text: &str) -> Found {
    if text.is_empty() {
        return Found { single_quoted: true, ..Found::default() };
    }
    let letters: Vec<char> = text.chars().collect();
    let is_blank_or_end = |at: usize| {
        letters.get(at).is_none_or(|c| {
            matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
        })
    };
    let mut indicator = text.starts_with("---") || text.starts_with("...");
    let mut special = false;
    let (mut line_breaks, mut space_break, mut break_space) = (false, false, false);
    let (mut previous_space, mut previous_break) = (false, false);
    for (at, letter) in letters.iter().copied().enumerate() {
        let followed = is_blank_or_end(at + 1);
        if at == 0 {
            indicator |= matches!(
                letter,
                '#' | ','
                    | '['
                    | ']'
                    | '{'
                    | '}'
                    | '&'
                    | '*'
                    | '!'
                    | '|'
                    | '>'
                    | '\''
                    | '"'
                    | '%'
                    | '@'
                    | '`'
            ) || (matches!(letter, '?' | ':' | '-') && followed);
        } else {
            indicator |= (letter == ':' && followed) || (letter == '#' && is_blank_or_end(at - 1));
        }
        let is_break = matches!(letter, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
        special |= !is_printable(letter) && !is_break;
        line_breaks |= is_break;
        if letter == ' ' {
            break_space |= previous_break;
        } else if is_break {
            space_break |= previous_space;
        }
        (previous_space, previous_break) = (letter == ' ', is_break);
    }
    let first_is_space = letters[0] == ' ';
    let last_is_space = letters[letters.len() - 1] == ' ';
    let edge_is_break =
        |letter: char| matches!(letter, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let edges = first_is_space
        || last_is_space
        || edge_is_break(letters[0])
        || edge_is_break(letters[letters.len() - 1]);
    let unfit = space_break || special;
    Found {
        multiline: line_breaks,
        plain: !(edges || unfit || break_space || line_breaks || indicator),
        single_quoted: !(unfit || break_space),
        literal: !(unfit || last_is_space),
    }
}

/// As libyaml has it; a tab is not printable to it.
fn is_printable(letter: char) -> bool {
    matches!(letter, '\n' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
        && letter != '\u{feff}'
}

/// Plain text, or what stands between single quotes.
fn flowing(text: &str, indent: usize, breaks: bool, quoted: bool, out: &mut String) {
    let letters: Vec<char> = text.chars().collect();
    let mut after_space = false;
    for (at, letter) in letters.iter().copied().enumerate() {
        if letter == ' ' {
            let next_is_space = letters.get(at + 1) == Some(&' ');
            let inside = !quoted || (at > 0 && at + 1 < letters.len());
            if breaks && !after_space && column(out) > BEST_WIDTH && inside && !next_is_space {
                out.push('\n');
                blanks(indent, out);
            } else {
                out.push(' ');
            }
            after_space = true;
            continue;
        }
        if quoted && letter == '\'' {
            out.push('\'');
        }
        out.push(letter);
        after_space = false;
    }
}

fn double_quoted(text: &str, indent: usize, breaks: bool, out: &mut String) {
    let letters: Vec<char> = text.chars().collect();
    let mut after_space = false;
    out.push('"');
    for (at, letter) in letters.iter().copied().enumerate() {
        let escape = match letter {
            '\0' => Some('0'),
            '\u{7}' => Some('a'),
            '\u{8}' => Some('b'),
            '\t' => Some('t'),
            '\n' => Some('n'),
            '\u{b}' => Some('v'),
            '\u{c}' => Some('f'),
            '\r' => Some('r'),
            '\u{1b}' => Some('e'),
            '"' => Some('"'),
            '\\' => Some('\\'),
            '\u{85}' => Some('N'),
            '\u{2028}' => Some('L'),
            '\u{2029}' => Some('P'),
            _ => None,
        };
        if let Some(escape) = escape {
            out.push('\\');
            out.push(escape);
            after_space = false;
        } else if !is_printable(letter) {
            let code = u32::from(letter);
            let _ = match code {
                0..=0xff => write!(out, "\\x{code:02X}"),
                0x100..=0xffff => write!(out, "\\u{code:04X}"),
                _ => write!(out, "\\U{code:08X}"),
            };
            after_space = false;
        } else if letter == ' ' {
            let inside = at > 0 && at + 1 < letters.len();
            if breaks && !after_space && column(out) > BEST_WIDTH && inside {
                out.push('\n');
                blanks(indent, out);
                if letters[at + 1] == ' ' {
                    out.push('\\');
                }
            } else {
                out.push(' ');
            }
            after_space = true;
        } else {
            out.push(letter);
            after_space = false;
        }
    }
    out.push('"');
}

fn literal(text: &str, indent: usize, out: &mut String) {
    out.push('|');
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    match text.strip_suffix('\n') {
        None => out.push('-'),
        Some(rest) if rest.is_empty() || rest.ends_with('\n') => out.push('+'),
        Some(_) => {}
    }
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            blanks(indent, out);
            out.push_str(line);
        }
    }
}

fn column(out: &str) -> usize {
    out.rsplit('\n').next().map_or(0, |line| line.chars().count())
}

/// Whether a plain text means itself, and not null, a truth, a number, a time or a merge key, to YAML 1.1.
fn reads_as_text(text: &str) -> bool {
    match text {
        "" | "~" | "null" | "Null" | "NULL" | "<<" => return false,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return false,
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return false,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return false,
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF"
        | "-.inf" | "-.Inf" | "-.INF" => return false,
        _ => {}
    }
    !(is_number(text) || is_base_60(text) || is_time(text))
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return false;
    }
    let plain: String = unsigned.chars().filter(|c| *c != '_').collect();
    let digits = |text: &str, radix| !text.is_empty() && text.chars().all(|c| c.is_digit(radix));
    let lower = plain.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(rest) = lower.strip_prefix(prefix) {
            let bits = match radix {
                16 => rest.trim_start_matches('0').len() * 4,
                8 => rest.trim_start_matches('0').len() * 3,
                _ => rest.trim_start_matches('0').len(),
            };
            return digits(rest, radix) && bits <= 64;
        }
    }
    is_float(&plain)
}

/// `[0-9]+`, `[0-9]+\.[0-9]*` or `\.[0-9]+`, with an exponent or without.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty()) && exponent_fits
}

/// `1:30`, `190:20:30.15`
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = unsigned.split(':');
    let first = parts.next().unwrap_or_default();
    let first_fits = first.starts_with(|c: char| c.is_ascii_digit())
        && first.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let rest: Vec<&str> = parts.collect();
    let Some((last, middle)) = rest.split_last() else { return false };
    let part = |part: &str| match part.as_bytes() {
        [one] => one.is_ascii_digit(),
        [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
        _ => false,
    };
    let (seconds, fraction) = last.split_once('.').unwrap_or((last, ""));
    first_fits
        && middle.iter().all(|middle| part(middle))
        && part(seconds)
        && fraction.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
}

/// `2026-11-20`, and with a time behind it.
fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| {
        bytes.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    // go-yaml tries only texts that begin with four digits and a dash.
    if !digits(0..4) || bytes.get(4) != Some(&b'-') {
        return false;
    }
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let mut parts = date.split('-').skip(1);
    let one_or_two = |part: Option<&str>, most: u32| {
        part.is_some_and(|part| {
            (1..=2).contains(&part.len())
                && part.bytes().all(|byte| byte.is_ascii_digit())
                && part.parse().is_ok_and(|number: u32| (1..=most).contains(&number))
        })
    };
    let is_date =
        one_or_two(parts.next(), 12) && one_or_two(parts.next(), 31) && parts.next().is_none();
    let is_clock = |time: &str| {
        let clock = time.trim_start();
        let mut parts = clock.splitn(3, ':');
        let two = |part: Option<&str>| {
            part.is_some_and(|part| {
                !part.is_empty() && part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit())
            })
        };
        two(parts.next())
            && two(parts.next())
            && parts.next().is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    is_date && (time.is_some() || date.len() == 10) && time.is_none_or(is_clock)
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::super::Printed;
    use super::{by_key, print};

    fn value(text: &str) -> String {
        let mut out = String::new();
        print(&Printed::Map(vec![("k".to_owned(), Printed::text(text))]), &mut out);
        out.strip_prefix("k: ").unwrap().strip_suffix('\n').unwrap().to_owned()
    }

    #[test]
    fn plain_texts_stay_plain_and_what_reads_as_something_else_is_quoted() {
        for plain in ["a", "a b", "a:b", "x=y", "-a", "1.2.3", "0x", "AgB/+=", "ü", "12-1", "1_a"]
        {
            assert_eq!(value(plain), plain);
        }
        for quoted in [
            "",
            "~",
            "true",
            "y",
            "off",
            "1",
            "+1",
            "0x1f",
            "0o17",
            "1e3",
            ".5",
            "1:30",
            "2026-11-20",
            "2026-11-20T10:00:00Z",
            ".inf",
            "1_000",
            "<<",
        ] {
            assert_eq!(value(quoted), format!("\"{quoted}\""), "{quoted}");
        }
    }

    #[test]
    fn what_cannot_be_plain_is_in_single_quotes_and_else_in_double_ones() {
        assert_eq!(value("a: b"), "'a: b'");
        assert_eq!(value("# it's"), "'# it''s'");
        assert_eq!(value(" a"), "' a'");
        assert_eq!(value("{}"), "'{}'");
        assert_eq!(value("a\tb"), "\"a\\tb\"");
        assert_eq!(value("\u{1}"), "\"\\x01\"");
    }

    #[test]
    fn line_breaks_make_literals() {
        assert_eq!(value("a\nb\n"), "|\n  a\n  b");
        assert_eq!(value("a\n\nb"), "|-\n  a\n\n  b");
        assert_eq!(value("a\n\n"), "|+\n  a\n");
        assert_eq!(value(" a\nb"), "|2-\n   a\n  b");
        assert_eq!(value("a \nb"), "\"a \\nb\"");
    }

    #[test]
    fn long_lines_break_at_a_blank() {
        let word = "x".repeat(79);
        assert_eq!(value(&format!("{word} y z")), format!("{word}\n  y z"));
        assert_eq!(value(&format!("{word}  y")), format!("{word}  y"));
        assert_eq!(value(&"x".repeat(200)), "x".repeat(200));
        assert_eq!(value(&format!("# {word} y")), format!("'# {word}\n  y'"));
    }

    #[test]
    fn keys_are_sorted_with_their_numbers_by_value() {
        assert_eq!(by_key("a2", "a10"), Ordering::Less);
        assert_eq!(by_key("a", "B"), Ordering::Greater);
        assert_eq!(by_key("a-b", "ab"), Ordering::Less);
        assert_eq!(by_key("a", "a1"), Ordering::Less);
        assert_eq!(by_key("x", "x"), Ordering::Equal);
    }

    #[test]
    fn lists_stand_at_the_column_of_their_key() {
        let mut out = String::new();
        let item = Printed::Map(vec![
            ("name".into(), Printed::text("n")),
            ("controller".into(), Printed::Bool(true)),
        ]);
        let list = Printed::List(vec![item, Printed::text("t")]);
        print(&Printed::Map(vec![("m".into(), Printed::Map(vec![("l".into(), list)]))]), &mut out);
        assert_eq!(out, "m:\n  l:\n  - controller: true\n    name: n\n  - t\n");
    }
}
