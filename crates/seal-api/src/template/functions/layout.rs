//! Go's layouts of times (`2006-01-02 15:04:05`): formatting by them, and reading.

use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

pub(in crate::template) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(in crate::template) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A piece of a layout.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Piece<'l> {
    Literal(&'l str),
    Month,
    ShortMonth,
    MonthNumber {
        zero: bool,
    },
    Weekday,
    ShortWeekday,
    Day {
        filler: Option<char>,
    },
    YearDay {
        filler: char,
    },
    Hour,
    Hour12 {
        zero: bool,
    },
    Minute {
        zero: bool,
    },
    Second {
        zero: bool,
    },
    Year,
    ShortYear,
    Half {
        upper: bool,
    },
    ZoneName,
    /// `-07:00` and its like, or with `Z` for UTC.
    Offset {
        utc_is_z: bool,
        minutes: bool,
        seconds: bool,
        colons: bool,
    },
    /// Digits behind a point or comma.
    Fraction {
        point: char,
        digits: usize,
        drops_zeros: bool,
    },
}

/// What stands for something, and as which piece; longer texts before their beginnings.
const WORDS: &[(&str, Piece<'static>)] = &[
    ("January", Piece::Month),
    ("Jan", Piece::ShortMonth),
    ("Monday", Piece::Weekday),
    ("Mon", Piece::ShortWeekday),
    ("MST", Piece::ZoneName),
    ("002", Piece::YearDay { filler: '0' }),
    ("01", Piece::MonthNumber { zero: true }),
    ("02", Piece::Day { filler: Some('0') }),
    ("03", Piece::Hour12 { zero: true }),
    ("04", Piece::Minute { zero: true }),
    ("05", Piece::Second { zero: true }),
    ("06", Piece::ShortYear),
    ("15", Piece::Hour),
    ("1", Piece::MonthNumber { zero: false }),
    ("2006", Piece::Year),
    ("2", Piece::Day { filler: None }),
    ("__2", Piece::YearDay { filler: ' ' }),
    ("_2", Piece::Day { filler: Some(' ') }),
    ("3", Piece::Hour12 { zero: false }),
    ("4", Piece::Minute { zero: false }),
    ("5", Piece::Second { zero: false }),
    ("PM", Piece::Half { upper: true }),
    ("pm", Piece::Half { upper: false }),
    ("-07:00:00", offset(false, true, true, true)),
    ("-070000", offset(false, true, true, false)),
    ("-07:00", offset(false, true, false, true)),
    ("-0700", offset(false, true, false, false)),
    ("-07", offset(false, false, false, false)),
    ("Z07:00:00", offset(true, true, true, true)),
    ("Z070000", offset(true, true, true, false)),
    ("Z07:00", offset(true, true, false, true)),
    ("Z0700", offset(true, true, false, false)),
    ("Z07", offset(true, false, false, false)),
];

const fn offset(utc_is_z: bool, minutes: bool, seconds: bool, colons: bool) -> Piece<'static> {
    Piece::Offset { utc_is_z, minutes, seconds, colons }
}

/// The piece at the beginning of a layout and its length, unless that is a literal.
fn piece(layout: &str) -> Option<(Piece<'_>, usize)> {
    if let Some(point @ ('.' | ',')) = layout.chars().next() {
        let digits = &layout[1..];
        let digit = digits.chars().next().filter(|digit| matches!(digit, '0' | '9'))?;
        let count = digits.len() - digits.trim_start_matches(digit).len();
        // Digits of another kind behind them make it a number.
        if digits[count..].starts_with(|next: char| next.is_ascii_digit()) {
            return None;
        }
        let drops_zeros = digit == '9';
        return Some((Piece::Fraction { point, digits: count, drops_zeros }, count + 1));
    }
    let (word, piece) = WORDS.iter().find(|(word, piece)| {
        let is_short = matches!(piece, Piece::ShortMonth | Piece::ShortWeekday);
        layout.strip_prefix(word).is_some_and(|rest| {
            let goes_on = rest.starts_with(|next: char| next.is_ascii_lowercase());
            !(is_short && goes_on || *word == "_2" && rest.starts_with("006"))
        })
    })?;
    Some((*piece, word.len()))
}

fn pieces(layout: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut literal, mut at) = (0, 0);
    while at < layout.len() {
        let Some((piece, length)) = piece(&layout[at..]) else {
            at += layout[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        };
        if literal < at {
            pieces.push(Piece::Literal(&layout[literal..at]));
        }
        pieces.push(piece);
        at += length;
        literal = at;
    }
    if literal < layout.len() {
        pieces.push(Piece::Literal(&layout[literal..]));
    }
    pieces
}

/// A time in its zone, as far as layouts show it.
pub(super) struct Shown<'z> {
    pub(super) civil: DateTime,
    pub(super) offset: Offset,
    /// Empty where only the offset is known.
    pub(super) zone: &'z str,
}

/// Formats a time by a layout.
pub(super) fn format(layout: &str, time: &Shown<'_>) -> String {
    use std::fmt::Write as _;

    let mut out = String::new();
    let civil = time.civil;
    for piece in pieces(layout) {
        let month = usize::from(civil.month().unsigned_abs()) - 1;
        let weekday = usize::from(civil.weekday().to_sunday_zero_offset().unsigned_abs());
        let hour12 = match civil.hour() % 12 {
            0 => 12,
            hour => hour,
        };
        let number = |out: &mut String, number: i8, zero: bool| {
            if zero { write!(out, "{number:02}") } else { write!(out, "{number}") }
        };
        let _ = match piece {
            Piece::Literal(text) => out.write_str(text),
            Piece::Month => out.write_str(MONTHS[month]),
            Piece::ShortMonth => out.write_str(&MONTHS[month][..3]),
            Piece::MonthNumber { zero } => number(&mut out, civil.month(), zero),
            Piece::Weekday => out.write_str(WEEKDAYS[weekday]),
            Piece::ShortWeekday => out.write_str(&WEEKDAYS[weekday][..3]),
            Piece::Day { filler: Some(' ') } => write!(out, "{:2}", civil.day()),
            Piece::Day { filler } => number(&mut out, civil.day(), filler.is_some()),
            Piece::YearDay { filler: ' ' } => write!(out, "{:3}", civil.day_of_year()),
            Piece::YearDay { .. } => write!(out, "{:03}", civil.day_of_year()),
            Piece::Hour => number(&mut out, civil.hour(), true),
            Piece::Hour12 { zero } => number(&mut out, hour12, zero),
            Piece::Minute { zero } => number(&mut out, civil.minute(), zero),
            Piece::Second { zero } => number(&mut out, civil.second(), zero),
            Piece::Year => write!(out, "{:04}", civil.year()),
            Piece::ShortYear => write!(out, "{:02}", civil.year().rem_euclid(100)),
            Piece::Half { upper: true } => {
                out.write_str(if civil.hour() < 12 { "AM" } else { "PM" })
            }
            Piece::Half { upper: false } => {
                out.write_str(if civil.hour() < 12 { "am" } else { "pm" })
            }
            Piece::ZoneName if !time.zone.is_empty() => out.write_str(time.zone),
            Piece::ZoneName => out.write_str(&zone_offset(time.offset, true, false, false)),
            Piece::Offset { utc_is_z: true, .. } if time.offset.seconds() == 0 => {
                out.write_str("Z")
            }
            Piece::Offset { minutes, seconds, colons, .. } => {
                out.write_str(&zone_offset(time.offset, minutes, seconds, colons))
            }
            Piece::Fraction { point, digits, drops_zeros } => {
                let nanoseconds = format!("{:09}", civil.subsec_nanosecond());
                let shown = &nanoseconds[..digits.min(9)];
                let shown = if drops_zeros { shown.trim_end_matches('0') } else { shown };
                if drops_zeros && shown.is_empty() { Ok(()) } else { write!(out, "{point}{shown}") }
            }
        };
    }
    out
}

fn zone_offset(offset: Offset, minutes: bool, seconds: bool, colons: bool) -> String {
    let total = offset.seconds();
    let sign = if total < 0 { '-' } else { '+' };
    let total = total.unsigned_abs();
    let colon = if colons { ":" } else { "" };
    let mut out = format!("{sign}{:02}", total / 3600);
    if minutes {
        out.push_str(&format!("{colon}{:02}", total / 60 % 60));
    }
    if seconds {
        out.push_str(&format!("{colon}{:02}", total % 60));
    }
    out
}

/// What a text says by a layout: the time of day and the date, and the offset if it names one.
pub(super) struct Read {
    pub(super) civil: DateTime,
    pub(super) offset: Option<Offset>,
    /// The name of a zone that stood there.
    pub(super) zone: Option<String>,
}

/// Reads a time by a layout.
pub(super) fn read(layout: &str, text: &str) -> Option<Read> {
    let mut rest = text;
    let (mut year, mut month, mut day) = (None::<i16>, None::<i8>, None::<i8>);
    let mut year_day = None;
    let (mut hour, mut minute, mut second, mut nanosecond) = (0_i8, 0_i8, 0_i8, 0_i32);
    let (mut afternoon, mut offset, mut zone) = (None, None, None);
    let pieces = pieces(layout);
    for (index, piece) in pieces.iter().enumerate() {
        match *piece {
            Piece::Literal(literal) => rest = skip(rest, literal)?,
            Piece::Month => month = Some(1 + name(&mut rest, &MONTHS, usize::MAX)?),
            Piece::ShortMonth => month = Some(1 + name(&mut rest, &MONTHS, 3)?),
            Piece::Weekday => drop(name(&mut rest, &WEEKDAYS, usize::MAX)?),
            Piece::ShortWeekday => drop(name(&mut rest, &WEEKDAYS, 3)?),
            Piece::MonthNumber { zero } => month = Some(pair(&mut rest, zero)?),
            Piece::Day { filler } => {
                if filler == Some(' ') {
                    rest = rest.strip_prefix(' ').unwrap_or(rest);
                }
                day = Some(pair(&mut rest, filler == Some('0'))?);
            }
            Piece::YearDay { .. } => {
                while let Some(shorter) = rest.strip_prefix(' ') {
                    rest = shorter;
                }
                year_day = Some(digits(&mut rest, 3)? as i16);
            }
            Piece::Hour => hour = pair(&mut rest, false)?,
            Piece::Hour12 { zero } => hour = pair(&mut rest, zero).filter(|hour| *hour <= 12)?,
            Piece::Minute { zero } => minute = pair(&mut rest, zero)?,
            Piece::Second { zero } => {
                second = pair(&mut rest, zero)?;
                // Digits behind the second are read even where the layout has none.
                let has_own = matches!(pieces.get(index + 1), Some(Piece::Fraction { .. }));
                if !has_own && is_fraction(rest) {
                    nanosecond = fraction(&mut rest, None)?;
                }
            }
            Piece::Year => year = Some(digits(&mut rest, 4)? as i16),
            Piece::ShortYear => {
                let short = digits(&mut rest, 2)? as i16;
                year = Some(short + if short >= 69 { 1900 } else { 2000 });
            }
            Piece::Half { upper } => {
                let half = rest.get(..2)?;
                rest = &rest[2..];
                afternoon = Some(match (half, upper) {
                    ("PM", true) | ("pm", false) => true,
                    ("AM", true) | ("am", false) => false,
                    _ => return None,
                });
            }
            Piece::ZoneName => {
                let length = rest.bytes().take_while(u8::is_ascii_uppercase).count();
                if !(3..=5).contains(&length) {
                    return None;
                }
                zone = Some(rest[..length].to_owned());
                rest = &rest[length..];
            }
            Piece::Offset { utc_is_z: true, .. } if rest.starts_with('Z') => {
                rest = &rest[1..];
                offset = Some(Offset::UTC);
                zone = Some("UTC".to_owned());
            }
            Piece::Offset { minutes, seconds, colons, .. } => {
                offset = Some(read_offset(&mut rest, minutes, seconds, colons)?);
            }
            Piece::Fraction { drops_zeros: true, .. } if !is_fraction(rest) => {}
            Piece::Fraction { digits, drops_zeros, .. } => {
                nanosecond = fraction(&mut rest, (!drops_zeros).then_some(digits))?;
            }
        }
    }
    if !rest.is_empty() {
        return None;
    }
    hour = match (afternoon, hour) {
        (Some(true), 1..=11) => hour + 12,
        (Some(false), 12) => 0,
        _ => hour,
    };
    // Go's zero: January 1 of year 0.
    let year = year.unwrap_or(0);
    let date = match year_day {
        Some(year_day) => {
            let date = Date::new(year, 1, 1).ok()?.with().day_of_year(year_day).build().ok()?;
            let fits = month.is_none_or(|month| month == date.month())
                && day.is_none_or(|day| day == date.day());
            Some(date).filter(|_| fits)?
        }
        None => Date::new(year, month.unwrap_or(1), day.unwrap_or(1)).ok()?,
    };
    let time = jiff::civil::Time::new(hour, minute, second, nanosecond).ok()?;
    Some(Read { civil: date.to_datetime(time), offset, zone })
}

/// Spaces of the layout stand for as many spaces as there are.
fn skip<'t>(mut text: &'t str, literal: &str) -> Option<&'t str> {
    for character in literal.chars() {
        if character == ' ' {
            if !text.is_empty() && !text.starts_with(' ') {
                return None;
            }
            text = text.trim_start_matches(' ');
        } else {
            text = text.strip_prefix(character)?;
        }
    }
    Some(text)
}

fn digits(text: &mut &str, count: usize) -> Option<u32> {
    let digits = text.get(..count).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    *text = &text[count..];
    digits.parse().ok()
}

/// One or two digits, or exactly two.
fn pair(text: &mut &str, exact: bool) -> Option<i8> {
    let two = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let count = if exact && two < 2 { return None } else { two };
    if count == 0 {
        return None;
    }
    digits(text, count).and_then(|number| i8::try_from(number).ok())
}

/// Which of the names stands there, all of it or its first letters.
fn name(text: &mut &str, names: &[&str], letters: usize) -> Option<i8> {
    let found = names.iter().position(|name| {
        let wanted = &name[..letters.min(name.len())];
        text.get(..wanted.len()).is_some_and(|start| start.eq_ignore_ascii_case(wanted))
    })?;
    *text = &text[letters.min(names[found].len())..];
    i8::try_from(found).ok()
}

fn is_fraction(text: &str) -> bool {
    let mut characters = text.chars();
    matches!(characters.next(), Some('.' | ','))
        && characters.next().is_some_and(|next| next.is_ascii_digit())
}

/// Digits behind a point, as nanoseconds: as many as there are, or so many.
fn fraction(text: &mut &str, count: Option<usize>) -> Option<i32> {
    if !is_fraction(text) {
        return None;
    }
    let there = text[1..].bytes().take_while(u8::is_ascii_digit).count();
    let count = count.unwrap_or(there);
    if count > there || count > 9 {
        return None;
    }
    let digits = &text[1..1 + count];
    *text = &text[1 + count..];
    format!("{digits:0<9}").parse().ok()
}

fn read_offset(text: &mut &str, minutes: bool, seconds: bool, colons: bool) -> Option<Offset> {
    let sign = match text.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    *text = &text[1..];
    let mut total = digits(text, 2).filter(|hours| *hours <= 24)? as i32 * 3600;
    for (wanted, weight) in [(minutes, 60), (seconds, 1)] {
        if wanted {
            if colons {
                *text = text.strip_prefix(':')?;
            }
            total += digits(text, 2).filter(|part| *part < 60)? as i32 * weight;
        }
    }
    Offset::from_seconds(sign * total).ok()
}
