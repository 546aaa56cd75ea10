//! Go's `Sprintf`: verbs, flags, widths and its way of saying what does not fit.

use super::error::Fallible;
use super::machine::Machine;
use super::print::{self, push};
use super::quote;
use super::value::{Value, Width};

/// Wider than any line, and small enough to pad with: Rust's own formatting panics above 65,535, where Go takes a million.
const MAX_WIDTH: i64 = 65_000;

#[derive(Default, Clone)]
struct Verb {
    letter: char,
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// Formats `values` by `format`.
pub(super) fn sprintf(
    machine: &mut Machine<'_>,
    format: &[u8],
    values: &[Value],
) -> Fallible<Vec<u8>> {
    let mut out = Vec::new();
    let mut reader = Reader { format, at: 0, next: 0, count: values.len(), reordered: false };
    while reader.at < format.len() {
        let rest = &format[reader.at..];
        let plain = rest.iter().position(|byte| *byte == b'%').unwrap_or(rest.len());
        push(machine, &mut out, &rest[..plain])?;
        reader.at += plain;
        if reader.at >= format.len() {
            break;
        }
        reader.at += 1;
        directive(machine, &mut reader, values, &mut out)?;
    }
    if !reader.reordered && reader.next < values.len() {
        push(machine, &mut out, b"%!(EXTRA ")?;
        for (index, value) in values[reader.next..].iter().enumerate() {
            if index > 0 {
                push(machine, &mut out, b", ")?;
            }
            push(machine, &mut out, value.type_name().as_bytes())?;
            if !value.is_nil() {
                push(machine, &mut out, b"=")?;
                print::plain(machine, value, &mut out)?;
            }
        }
        push(machine, &mut out, b")")?;
    }
    Ok(out)
}

struct Reader<'f> {
    format: &'f [u8],
    at: usize,
    /// The argument that is next.
    next: usize,
    count: usize,
    /// An index (`%[2]d`) was used.
    reordered: bool,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    fn number(&mut self) -> Option<usize> {
        let mut number = None;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            let so_far: usize = number.unwrap_or(0);
            number = Some((so_far * 10 + usize::from(digit - b'0')).min(MAX_WIDTH as usize + 1));
            self.at += 1;
        }
        number
    }

    /// `[2]`: whether there was none or a good one.
    fn index(&mut self) -> bool {
        if self.peek() != Some(b'[') {
            return true;
        }
        self.reordered = true;
        self.at += 1;
        let number = self.number();
        let closes = self.peek() == Some(b']');
        if closes {
            self.at += 1;
        } else if let Some(end) = self.format[self.at..].iter().position(|byte| *byte == b']') {
            self.at += end + 1;
        }
        match number {
            Some(number) if closes && (1..=self.count).contains(&number) => {
                self.next = number - 1;
                true
            }
            _ => false,
        }
    }

    fn take<'v>(&mut self, values: &'v [Value]) -> Option<&'v Value> {
        let value = values.get(self.next);
        self.next += usize::from(value.is_some());
        value
    }
}

fn directive(
    machine: &mut Machine<'_>,
    reader: &mut Reader<'_>,
    values: &[Value],
    out: &mut Vec<u8>,
) -> Fallible<()> {
    machine.step(1)?;
    let mut verb = Verb::default();
    reader.reordered = false;
    while let Some(flag) = reader.peek() {
        match flag {
            b'+' => verb.plus = true,
            b'-' => verb.minus = true,
            b'#' => verb.sharp = true,
            b' ' => verb.space = true,
            b'0' => verb.zero = true,
            _ => break,
        }
        reader.at += 1;
    }
    let mut good = reader.index();
    if reader.peek() == Some(b'*') {
        reader.at += 1;
        match reader.take(values) {
            Some(Value::Int(_, width)) if width.abs() <= MAX_WIDTH => {
                verb.minus |= *width < 0;
                verb.width = Some(width.unsigned_abs() as usize);
            }
            _ => push(machine, out, b"%!(BADWIDTH)")?,
        }
    } else if let Some(width) = reader.number() {
        if width as i64 > MAX_WIDTH {
            push(machine, out, b"%!(BADWIDTH)")?;
        } else {
            verb.width = Some(width);
        }
    }
    if reader.peek() == Some(b'.') {
        reader.at += 1;
        good &= reader.index();
        if reader.peek() == Some(b'*') {
            reader.at += 1;
            match reader.take(values) {
                Some(Value::Int(_, precision)) if (0..=MAX_WIDTH).contains(precision) => {
                    verb.precision = Some(*precision as usize);
                }
                Some(Value::Int(_, precision)) if *precision < 0 => {}
                _ => push(machine, out, b"%!(BADPREC)")?,
            }
        } else {
            let precision = reader.number().unwrap_or(0);
            if precision as i64 > MAX_WIDTH {
                push(machine, out, b"%!(BADPREC)")?;
            } else {
                verb.precision = Some(precision);
            }
        }
    }
    good &= reader.index();
    let rest = &reader.format[reader.at..];
    let Some((letter, raw)) = quote::first(rest) else {
        return push(machine, out, b"%!(NOVERB)");
    };
    reader.at += raw.len();
    verb.letter = letter.unwrap_or(char::REPLACEMENT_CHARACTER);
    if verb.letter == '%' {
        return push(machine, out, b"%");
    }
    if !good {
        return push(machine, out, format!("%!{}(BADINDEX)", verb.letter).as_bytes());
    }
    match reader.take(values) {
        Some(value) => formatted(machine, value, &verb, out, 0),
        None => push(machine, out, format!("%!{}(MISSING)", verb.letter).as_bytes()),
    }
}

fn formatted(
    machine: &mut Machine<'_>,
    value: &Value,
    verb: &Verb,
    out: &mut Vec<u8>,
    depth: usize,
) -> Fallible<()> {
    machine.step(1)?;
    if verb.letter == 'T' {
        return pad(machine, value.type_name().as_bytes(), verb, out);
    }
    if verb.letter == 'p' {
        return misfit(machine, value, verb, out);
    }
    match value {
        Value::Missing | Value::Nil => match verb.letter {
            'v' if verb.sharp && depth > 0 => pad(machine, b"interface {}(nil)", verb, out),
            'v' => pad(machine, b"<nil>", verb, out),
            _ if depth > 0 => push(machine, out, format!("%!{}(<nil>)", verb.letter).as_bytes()),
            _ => misfit(machine, value, verb, out),
        },
        Value::Bool(flag) => match verb.letter {
            't' | 'v' => pad(machine, flag.to_string().as_bytes(), verb, out),
            _ => misfit(machine, value, verb, out),
        },
        Value::Int(width @ (Width::Month | Width::Weekday), number)
            if matches!(verb.letter, 's' | 'v' | 'q' | 'x' | 'X') && !verb.sharp =>
        {
            let name = print::integer(*width, *number);
            string(machine, value, name.as_bytes(), verb, out)
        }
        Value::Int(_, number) => integer(machine, value, *number, verb, out),
        Value::Float(number) => float(machine, value, *number, verb, out),
        Value::Text(text) => string(machine, value, text.bytes(), verb, out),
        Value::Time(time) => string(machine, value, time.to_string().as_bytes(), verb, out),
        Value::Version(version) => {
            string(machine, value, version.to_string().as_bytes(), verb, out)
        }
        Value::Certificate(certificate) => {
            push(machine, out, b"{")?;
            string(machine, value, certificate.cert.bytes(), verb, out)?;
            push(machine, out, b" ")?;
            string(machine, value, certificate.key.bytes(), verb, out)?;
            push(machine, out, b"}")
        }
        Value::List(list) => machine.deeper(|machine| {
            let source = verb.letter == 'v' && verb.sharp;
            let (open, between, close): (_, &[u8], &[u8]) = if source {
                (format!("{}{{", value.type_name()), b", ", b"}")
            } else {
                ("[".to_owned(), b" ", b"]")
            };
            push(machine, out, open.as_bytes())?;
            for (index, item) in list.items.iter().enumerate() {
                if index > 0 {
                    push(machine, out, between)?;
                }
                formatted(machine, item, verb, out, depth + 1)?;
            }
            push(machine, out, close)
        }),
        Value::Map(map) => machine.deeper(|machine| {
            let source = verb.letter == 'v' && verb.sharp;
            let (open, between, close): (_, &[u8], &[u8]) = if source {
                (format!("{}{{", value.type_name()), b", ", b"}")
            } else {
                ("map[".to_owned(), b" ", b"]")
            };
            push(machine, out, open.as_bytes())?;
            for (index, (key, item)) in map.entries.borrow().iter().enumerate() {
                if index > 0 {
                    push(machine, out, between)?;
                }
                string(machine, value, key, verb, out)?;
                push(machine, out, b":")?;
                formatted(machine, item, verb, out, depth + 1)?;
            }
            push(machine, out, close)
        }),
    }
}

/// `%!d(string=hi)`: Go's word for a verb that does not fit.
fn misfit(
    machine: &mut Machine<'_>,
    value: &Value,
    verb: &Verb,
    out: &mut Vec<u8>,
) -> Fallible<()> {
    push(machine, out, format!("%!{}(", verb.letter).as_bytes())?;
    if value.is_nil() {
        push(machine, out, b"<nil>")?;
    } else {
        push(machine, out, value.type_name().as_bytes())?;
        push(machine, out, b"=")?;
        // Width and flags are kept, as Go does.
        let plain = Verb { letter: 'v', ..verb.clone() };
        formatted(machine, value, &plain, out, 1)?;
    }
    push(machine, out, b")")
}

fn pad(machine: &mut Machine<'_>, text: &[u8], verb: &Verb, out: &mut Vec<u8>) -> Fallible<()> {
    let length = match verb.width {
        Some(_) => quote::characters(text).count(),
        None => 0,
    };
    let missing = verb.width.unwrap_or(0).saturating_sub(length);
    machine.reserve(missing)?;
    let filler = if verb.zero && !verb.minus { b'0' } else { b' ' };
    if verb.minus {
        push(machine, out, text)?;
    }
    out.resize(out.len() + missing, filler);
    if verb.minus { Ok(()) } else { push(machine, out, text) }
}

fn string(
    machine: &mut Machine<'_>,
    value: &Value,
    text: &[u8],
    verb: &Verb,
    out: &mut Vec<u8>,
) -> Fallible<()> {
    machine.reserve(text.len())?;
    let cut = |text: &[u8]| match verb.precision {
        Some(precision) => {
            let length: usize =
                quote::characters(text).take(precision).map(|(_, raw)| raw.len()).sum();
            text[..length].to_vec()
        }
        None => text.to_vec(),
    };
    match verb.letter {
        'v' if verb.sharp => pad(machine, &quote::quote(text, false), verb, out),
        's' | 'v' => pad(machine, &cut(text), verb, out),
        'q' => {
            let text = cut(text);
            if verb.sharp && quote::can_backquote(&text) {
                let quoted = [b"`", text.as_slice(), b"`"].concat();
                return pad(machine, &quoted, verb, out);
            }
            pad(machine, &quote::quote(&text, verb.plus), verb, out)
        }
        'x' | 'X' => {
            // The precision counts bytes here.
            let end = verb.precision.unwrap_or(text.len()).min(text.len());
            machine.reserve(text.len().saturating_mul(5))?;
            let mut hex = String::with_capacity(end * 2);
            for (index, byte) in text[..end].iter().enumerate() {
                if verb.space && index > 0 {
                    hex.push(' ');
                }
                if verb.sharp && (index == 0 || verb.space) {
                    hex.push_str(if verb.letter == 'x' { "0x" } else { "0X" });
                }
                hex.push_str(&if verb.letter == 'x' {
                    format!("{byte:02x}")
                } else {
                    format!("{byte:02X}")
                });
            }
            pad(machine, hex.as_bytes(), verb, out)
        }
        _ => misfit(machine, value, verb, out),
    }
}

fn integer(
    machine: &mut Machine<'_>,
    value: &Value,
    number: i64,
    verb: &Verb,
    out: &mut Vec<u8>,
) -> Fallible<()> {
    let magnitude = number.unsigned_abs();
    let (digits, prefix) = match verb.letter {
        'v' | 'd' => (magnitude.to_string(), ""),
        'b' => (format!("{magnitude:b}"), if verb.sharp { "0b" } else { "" }),
        'o' => (format!("{magnitude:o}"), if verb.sharp { "0" } else { "" }),
        'O' => (format!("{magnitude:o}"), "0o"),
        'x' => (format!("{magnitude:x}"), if verb.sharp { "0x" } else { "" }),
        'X' => (format!("{magnitude:X}"), if verb.sharp { "0X" } else { "" }),
        'c' => {
            let code = u32::try_from(number).ok().and_then(char::from_u32);
            let character = code.unwrap_or(char::REPLACEMENT_CHARACTER);
            return pad(machine, character.to_string().as_bytes(), verb, out);
        }
        'q' => return pad(machine, &quote::quote_rune(number, verb.plus), verb, out),
        'U' => {
            let digits = verb.precision.unwrap_or(4).max(4);
            machine.reserve(digits)?;
            let mut text = format!("U+{number:0digits$X}");
            let character = u32::try_from(number).ok().and_then(char::from_u32);
            if let (true, Some(character)) = (verb.sharp, character) {
                text.push_str(&format!(" '{character}'"));
            }
            return pad(machine, text.as_bytes(), verb, out);
        }
        _ => return misfit(machine, value, verb, out),
    };
    let sign = if number < 0 {
        "-"
    } else if verb.plus {
        "+"
    } else if verb.space {
        " "
    } else {
        ""
    };
    let mut least = 0;
    match verb.precision {
        Some(0) if number == 0 => {
            return pad(machine, b"", &Verb { zero: false, ..verb.clone() }, out);
        }
        Some(precision) => least = precision,
        None => {
            if let (true, false, Some(width)) = (verb.zero, verb.minus, verb.width) {
                least = width.saturating_sub(sign.len());
            }
        }
    }
    machine.reserve(least)?;
    let text = format!("{sign}{prefix}{digits:0>least$}");
    pad(machine, text.as_bytes(), &Verb { zero: false, ..verb.clone() }, out)
}

fn float(
    machine: &mut Machine<'_>,
    value: &Value,
    number: f64,
    verb: &Verb,
    out: &mut Vec<u8>,
) -> Fallible<()> {
    let magnitude = number.abs();
    if let Some(precision) = verb.precision {
        machine.reserve(precision.saturating_mul(2))?;
    }
    let mut text = match (print::not_finite(magnitude), verb.letter) {
        (_, letter) if !matches!(letter, 'v' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G') => {
            return misfit(machine, value, verb, out);
        }
        (Some(odd), _) => odd.trim_start_matches('+').to_owned(),
        (None, 'f' | 'F') => format!("{magnitude:.*}", verb.precision.unwrap_or(6)),
        (None, 'e' | 'E') => scientific(magnitude, verb.precision.unwrap_or(6)),
        (None, _) => match verb.precision {
            Some(precision) => general(magnitude, precision.max(1)),
            None => print::shortest(magnitude),
        },
    };
    if matches!(verb.letter, 'E' | 'G') {
        text = text.to_uppercase().replace("INF", "Inf").replace("NAN", "NaN");
    }
    let sign = if number.is_sign_negative() && !number.is_nan() {
        "-"
    } else if verb.plus || number.is_infinite() {
        "+"
    } else if verb.space {
        " "
    } else {
        ""
    };
    let is_finite = number.is_finite();
    if let (true, true, false, Some(width)) = (is_finite, verb.zero, verb.minus, verb.width) {
        let digits = width.saturating_sub(sign.len());
        machine.reserve(digits)?;
        text = format!("{text:0>digits$}");
    }
    let text = format!("{sign}{text}");
    pad(machine, text.as_bytes(), &Verb { zero: false, ..verb.clone() }, out)
}

fn scientific(magnitude: f64, precision: usize) -> String {
    let text = format!("{magnitude:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{digits}e{}", print::two_digits(exponent.parse().unwrap_or(0)))
}

/// `%.3g`: so many digits, without zeros at the end.
fn general(magnitude: f64, precision: usize) -> String {
    let rounded = format!("{magnitude:.*e}", precision - 1);
    let (digits, exponent) = rounded.split_once('e').unwrap_or((&rounded, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let without_zeros = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    let limit = i32::try_from(precision).unwrap_or(i32::MAX);
    if exponent < -4 || exponent >= limit {
        return format!("{}e{}", without_zeros(digits), print::two_digits(exponent));
    }
    let decimals = usize::try_from(limit - 1 - exponent).unwrap_or(0).min(MAX_WIDTH as usize);
    without_zeros(&format!("{magnitude:.decimals$}"))
}
