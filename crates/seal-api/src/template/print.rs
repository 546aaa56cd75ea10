//! How Go prints values: `fmt`'s `%v`, and what stands between several of them.

use super::error::Fallible;
use super::machine::Machine;
use super::value::{Value, Width};

/// What an action prints.
pub(super) fn top_level(machine: &mut Machine<'_>, value: &Value) -> Fallible<Vec<u8>> {
    if value.is_nil() {
        return Ok(b"<no value>".to_vec());
    }
    let mut out = Vec::new();
    plain(machine, value, &mut out)?;
    Ok(out)
}

/// Values behind one another, with a space between two of which neither is a string: Go's `Sprint`.
pub(super) fn sprint(machine: &mut Machine<'_>, values: &[Value]) -> Fallible<Vec<u8>> {
    let mut out = Vec::new();
    let mut after_text = true;
    for (index, value) in values.iter().enumerate() {
        let is_text = matches!(value, Value::Text(_));
        if index > 0 && !is_text && !after_text {
            out.push(b' ');
        }
        plain(machine, value, &mut out)?;
        after_text = is_text;
    }
    Ok(out)
}

/// Values with a space between each two, and a line break at the end: Go's `Sprintln`.
pub(super) fn sprintln(machine: &mut Machine<'_>, values: &[Value]) -> Fallible<Vec<u8>> {
    let mut out = Vec::new();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        plain(machine, value, &mut out)?;
    }
    out.push(b'\n');
    Ok(out)
}

/// One value as text; a string as it is.
pub(super) fn to_text(machine: &mut Machine<'_>, value: &Value) -> Fallible<Vec<u8>> {
    let mut out = Vec::new();
    plain(machine, value, &mut out)?;
    Ok(out)
}

/// `%v`.
pub(super) fn plain(machine: &mut Machine<'_>, value: &Value, out: &mut Vec<u8>) -> Fallible<()> {
    machine.step(1)?;
    match value {
        Value::Missing | Value::Nil => push(machine, out, b"<nil>"),
        Value::Bool(flag) => push(machine, out, flag.to_string().as_bytes()),
        Value::Int(width, number) => push(machine, out, integer(*width, *number).as_bytes()),
        Value::Float(number) => push(machine, out, shortest(*number).as_bytes()),
        Value::Text(text) => push(machine, out, text.bytes()),
        Value::List(list) => machine.deeper(|machine| {
            push(machine, out, b"[")?;
            for (index, item) in list.items.iter().enumerate() {
                if index > 0 {
                    push(machine, out, b" ")?;
                }
                plain(machine, item, out)?;
            }
            push(machine, out, b"]")
        }),
        Value::Map(map) => machine.deeper(|machine| {
            push(machine, out, b"map[")?;
            for (index, (key, item)) in map.entries.borrow().iter().enumerate() {
                if index > 0 {
                    push(machine, out, b" ")?;
                }
                push(machine, out, key)?;
                push(machine, out, b":")?;
                plain(machine, item, out)?;
            }
            push(machine, out, b"]")
        }),
        Value::Time(time) => push(machine, out, time.to_string().as_bytes()),
        Value::Certificate(certificate) => {
            push(machine, out, b"{")?;
            push(machine, out, certificate.cert.bytes())?;
            push(machine, out, b" ")?;
            push(machine, out, certificate.key.bytes())?;
            push(machine, out, b"}")
        }
        Value::Version(version) => push(machine, out, version.to_string().as_bytes()),
    }
}

/// Appends, and counts what it takes.
pub(super) fn push(machine: &mut Machine<'_>, out: &mut Vec<u8>, bytes: &[u8]) -> Fallible<()> {
    machine.reserve(bytes.len())?;
    out.extend_from_slice(bytes);
    Ok(())
}

/// An integer, of which months and weekdays print as names.
pub(super) fn integer(width: Width, number: i64) -> String {
    let names: &[&str] = match width {
        Width::Month => &super::functions::layout::MONTHS,
        Width::Weekday => &super::functions::layout::WEEKDAYS,
        _ => return number.to_string(),
    };
    let index = if width == Width::Month { number - 1 } else { number };
    let name = usize::try_from(index).ok().and_then(|index| names.get(index));
    name.map_or_else(|| number.to_string(), |name| (*name).to_owned())
}

/// The shortest digits that give this float back, in Go's `%g`: with an exponent below -4 and from 6 on.
pub(super) fn shortest(number: f64) -> String {
    shortest_until(number, 6)
}

/// The same with another exponent from which on it is written.
pub(super) fn shortest_until(number: f64, limit: i32) -> String {
    if let Some(odd) = not_finite(number) {
        return odd.to_owned();
    }
    if number == 0.0 {
        return if number.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..limit).contains(&exponent) {
        return format!("{number}");
    }
    format!("{digits}e{}", two_digits(exponent))
}

/// An exponent as Go writes it: a sign and two digits at least.
pub(super) fn two_digits(exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{sign}{:02}", exponent.unsigned_abs())
}

/// Go's words for what is no number.
pub(super) fn not_finite(number: f64) -> Option<&'static str> {
    if number.is_nan() {
        Some("NaN")
    } else if number.is_infinite() {
        Some(if number > 0.0 { "+Inf" } else { "-Inf" })
    } else {
        None
    }
}
