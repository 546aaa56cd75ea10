//! JSON, read and written as Go's `encoding/json` does.

use super::super::arguments::{Arguments, Type};
use super::super::error::{Fallible, Problem};
use super::super::machine::Machine;
use super::super::print::{self, push};
use super::super::quote;
use super::super::value::{Elements, Entries, Value};
use super::{Failure, Function, Outcome};

const ANY: &[Type] = &[Type::Any];
const TEXT: &[Type] = &[Type::Text];

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("fromJson", TEXT, |machine, arguments| match from_json(machine, arguments) {
        // What is no JSON is nothing, as in sprig; `mustFromJson` fails.
        Err(Failure::Why(_)) => Ok(Value::Nil),
        outcome => outcome,
    }),
    Function::new("mustFromJson", TEXT, from_json),
    Function::new("toJson", ANY, |machine, arguments| to_json(machine, &arguments, false, true)),
    Function::new("mustToJson", ANY, |machine, arguments| {
        to_json(machine, &arguments, false, true)
    }),
    Function::new("toPrettyJson", ANY, |machine, arguments| {
        to_json(machine, &arguments, true, true)
    }),
    Function::new("mustToPrettyJson", ANY, |machine, arguments| {
        to_json(machine, &arguments, true, true)
    }),
    Function::new("toRawJson", ANY, |machine, arguments| {
        to_json(machine, &arguments, false, false)
    }),
    Function::new("mustToRawJson", ANY, |machine, arguments| {
        to_json(machine, &arguments, false, false)
    }),
];

fn from_json(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let text = arguments.text(0)?;
    let mut reader = Reader { bytes: text.bytes(), at: 0 };
    let value = reader.value(machine)?;
    reader.spaces();
    if reader.at < reader.bytes.len() { Err(NO_JSON.into()) } else { Ok(value) }
}

const NO_JSON: &str = "its argument is no JSON";

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Reader<'_> {
    fn spaces(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn accept(&mut self, byte: u8) -> bool {
        self.spaces();
        let accepted = self.peek() == Some(byte);
        self.at += usize::from(accepted);
        accepted
    }

    fn value(&mut self, machine: &mut Machine<'_>) -> Outcome {
        machine.step(1)?;
        self.spaces();
        let rest = &self.bytes[self.at..];
        for (word, value) in [
            (b"null".as_slice(), Value::Nil),
            (b"true", Value::Bool(true)),
            (b"false", Value::Bool(false)),
        ] {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        match self.peek() {
            Some(b'"') => {
                let text = self.string(machine)?;
                Ok(machine.text(text)?)
            }
            Some(b'[' | b'{') => nested(machine, |machine| self.collection(machine)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(NO_JSON.into()),
        }
    }

    fn collection(&mut self, machine: &mut Machine<'_>) -> Outcome {
        if self.accept(b'[') {
            let mut items = Vec::new();
            if !self.accept(b']') {
                loop {
                    machine.reserve(size_of::<Value>())?;
                    items.push(self.value(machine)?);
                    if self.accept(b']') {
                        break;
                    }
                    if !self.accept(b',') {
                        return Err(NO_JSON.into());
                    }
                }
            }
            return Ok(machine.list(Elements::Any, items)?);
        }
        self.accept(b'{');
        let mut entries = Entries::new();
        if !self.accept(b'}') {
            loop {
                self.spaces();
                machine.reserve(2 * size_of::<Value>())?;
                let key = self.string(machine)?;
                if !self.accept(b':') {
                    return Err(NO_JSON.into());
                }
                entries.insert(key, self.value(machine)?);
                if self.accept(b'}') {
                    break;
                }
                if !self.accept(b',') {
                    return Err(NO_JSON.into());
                }
            }
        }
        Ok(machine.map(false, entries)?)
    }

    fn number(&mut self) -> Outcome {
        let begin = self.at;
        let digits = |reader: &mut Self| {
            let from = reader.at;
            while matches!(reader.peek(), Some(b'0'..=b'9')) {
                reader.at += 1;
            }
            reader.at > from
        };
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let starts_with_zero = self.peek() == Some(b'0');
        let first = self.at;
        let mut well = digits(self) && (!starts_with_zero || self.at == first + 1);
        if self.peek() == Some(b'.') {
            self.at += 1;
            well &= digits(self);
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            well &= digits(self);
        }
        let text = std::str::from_utf8(&self.bytes[begin..self.at]).ok().filter(|_| well);
        let number: Option<f64> = text.and_then(|text| text.parse().ok());
        Ok(Value::Float(number.filter(|number| number.is_finite()).ok_or(NO_JSON)?))
    }

    fn string(&mut self, machine: &mut Machine<'_>) -> Result<Vec<u8>, Failure> {
        if self.peek() != Some(b'"') {
            return Err(NO_JSON.into());
        }
        self.at += 1;
        let rest = &self.bytes[self.at..];
        let mut length = 0;
        loop {
            match rest.get(length) {
                Some(b'"') => break,
                Some(b'\\') => length += 2,
                Some(0x20..) => length += 1,
                _ => return Err(NO_JSON.into()),
            }
        }
        let raw = &rest[..length];
        self.at += length + 1;
        machine.reserve(length.saturating_mul(3))?;
        let mut out = Vec::with_capacity(length);
        let mut rest = raw;
        while let Some(escape) = rest.iter().position(|byte| *byte == b'\\') {
            as_text(&rest[..escape], &mut out);
            rest = self.escape(&rest[escape + 1..], &mut out)?;
        }
        as_text(rest, &mut out);
        Ok(out)
    }

    fn escape<'r>(&self, rest: &'r [u8], out: &mut Vec<u8>) -> Result<&'r [u8], Failure> {
        let (letter, mut rest) = rest.split_first().ok_or(NO_JSON)?;
        out.push(match letter {
            b'"' | b'\\' | b'/' => *letter,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let mut code = unit(rest).ok_or(NO_JSON)?;
                rest = &rest[4..];
                if (0xd800..0xdc00).contains(&code) {
                    let low = rest.strip_prefix(b"\\u").and_then(unit);
                    if let Some(low) = low.filter(|low| (0xdc00..0xe000).contains(low)) {
                        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                        rest = &rest[6..];
                    }
                }
                let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(rest);
            }
            _ => return Err(NO_JSON.into()),
        });
        Ok(rest)
    }
}

/// Four hexadecimal digits.
fn unit(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.get(..4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Strings of JSON are UTF-8: other bytes become U+FFFD.
fn as_text(bytes: &[u8], out: &mut Vec<u8>) {
    for (character, _) in quote::characters(bytes) {
        let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// One level deeper; failures pass through.
fn nested(machine: &mut Machine<'_>, work: impl FnOnce(&mut Machine<'_>) -> Outcome) -> Outcome {
    let mut outcome = Err(Failure::Problem(Problem::Engine));
    machine.deeper(|machine| {
        outcome = work(machine);
        Ok(())
    })?;
    outcome
}

fn to_json(
    machine: &mut Machine<'_>,
    arguments: &Arguments,
    is_pretty: bool,
    escapes_html: bool,
) -> Outcome {
    let mut out = Vec::new();
    let style = Style { is_pretty, escapes_html };
    write(machine, arguments.value(0), style, 0, &mut out)?;
    Ok(Value::text(out))
}

#[derive(Clone, Copy)]
struct Style {
    is_pretty: bool,
    escapes_html: bool,
}

fn line(machine: &mut Machine<'_>, style: Style, level: usize, out: &mut Vec<u8>) -> Fallible<()> {
    if style.is_pretty {
        push(machine, out, b"\n")?;
        for _ in 0..level {
            push(machine, out, b"  ")?;
        }
    }
    Ok(())
}

fn write(
    machine: &mut Machine<'_>,
    value: &Value,
    style: Style,
    level: usize,
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    machine.step(1)?;
    match value {
        Value::Missing | Value::Nil => push(machine, out, b"null")?,
        Value::Bool(flag) => push(machine, out, flag.to_string().as_bytes())?,
        Value::Int(_, number) => push(machine, out, number.to_string().as_bytes())?,
        Value::Float(number) if !number.is_finite() => {
            return Err("JSON has no word for such a number".into());
        }
        Value::Float(number) => push(machine, out, float(*number).as_bytes())?,
        Value::Text(text) => string(machine, text.bytes(), style, out)?,
        Value::Time(time) => string(machine, time.rfc3339().as_bytes(), style, out)?,
        Value::Version(version) => {
            string(machine, version.original().as_bytes(), style, out)?;
        }
        Value::Certificate(certificate) => {
            let mut entries = Entries::new();
            entries.insert(b"Cert".to_vec(), Value::Text(certificate.cert.clone()));
            entries.insert(b"Key".to_vec(), Value::Text(certificate.key.clone()));
            let map = machine.map(true, entries)?;
            write(machine, &map, style, level, out)?;
        }
        Value::List(list) if list.items.is_empty() => push(machine, out, b"[]")?,
        Value::List(list) => {
            push(machine, out, b"[")?;
            for (index, item) in list.items.iter().enumerate() {
                if index > 0 {
                    push(machine, out, b",")?;
                }
                line(machine, style, level + 1, out)?;
                deeper(machine, item, style, level, out)?;
            }
            line(machine, style, level, out)?;
            push(machine, out, b"]")?;
        }
        Value::Map(map) if map.entries.borrow().is_empty() => push(machine, out, b"{}")?,
        Value::Map(map) => {
            push(machine, out, b"{")?;
            for (index, (key, item)) in map.entries.borrow().iter().enumerate() {
                if index > 0 {
                    push(machine, out, b",")?;
                }
                line(machine, style, level + 1, out)?;
                string(machine, key, style, out)?;
                push(machine, out, if style.is_pretty { b": " } else { b":" })?;
                deeper(machine, item, style, level, out)?;
            }
            line(machine, style, level, out)?;
            push(machine, out, b"}")?;
        }
    }
    Ok(())
}

fn deeper(
    machine: &mut Machine<'_>,
    item: &Value,
    style: Style,
    level: usize,
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    nested(machine, |machine| write(machine, item, style, level + 1, out).map(|()| Value::Nil))
        .map(|_| ())
}

/// A float as JSON writes it: with an exponent below 1e-6 and from 1e21 on.
fn float(number: f64) -> String {
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        // `1e-07` is `1e-7` in JSON.
        return print::shortest_until(number, i32::MIN).replace("e-0", "e-");
    }
    if number == 0.0 && number.is_sign_negative() { "-0".to_owned() } else { format!("{number}") }
}

fn string(
    machine: &mut Machine<'_>,
    bytes: &[u8],
    style: Style,
    out: &mut Vec<u8>,
) -> Fallible<()> {
    push(machine, out, b"\"")?;
    machine.read(bytes.len().saturating_mul(8))?;
    machine.reserve(bytes.len().saturating_mul(2))?;
    for (character, raw) in quote::characters(bytes) {
        let escaped = match character {
            None => "\\ufffd".to_owned(),
            Some('"') => "\\\"".to_owned(),
            Some('\\') => "\\\\".to_owned(),
            Some('\n') => "\\n".to_owned(),
            Some('\r') => "\\r".to_owned(),
            Some('\t') => "\\t".to_owned(),
            Some('\u{8}') => "\\b".to_owned(),
            Some('\u{c}') => "\\f".to_owned(),
            Some(character)
                if character < ' '
                    || matches!(character, '\u{2028}' | '\u{2029}')
                    || (style.escapes_html && matches!(character, '<' | '>' | '&')) =>
            {
                format!("\\u{:04x}", u32::from(character))
            }
            Some(_) => {
                out.extend_from_slice(raw);
                continue;
            }
        };
        push(machine, out, escaped.as_bytes())?;
    }
    push(machine, out, b"\"")
}
