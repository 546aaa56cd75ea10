//! Go's regular expressions.

use std::rc::Rc;

use regex::bytes::{Captures, Regex, RegexBuilder};
use seal_core::select::translate;

use super::super::arguments::{Arguments, Type};
use super::super::machine::Machine;
use super::super::print::push;
use super::super::value::{Elements, Value};
use super::{Failure, Function, Outcome};

const TWO: &[Type] = &[Type::Text, Type::Text];
const THREE: &[Type] = &[Type::Text, Type::Text, Type::Text];
const LIMITED: &[Type] = &[Type::Text, Type::Text, Type::Int];

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("regexMatch", TWO, |machine, arguments| match is_match(machine, arguments) {
        // What is no expression matches nothing, as in sprig; `mustRegexMatch` fails.
        Err(Failure::Why(_)) => Ok(Value::Bool(false)),
        outcome => outcome,
    }),
    Function::new("mustRegexMatch", TWO, is_match),
    Function::new("regexFind", TWO, find),
    Function::new("mustRegexFind", TWO, find),
    Function::new("regexFindAll", LIMITED, find_all),
    Function::new("mustRegexFindAll", LIMITED, find_all),
    Function::new("regexReplaceAll", THREE, replace_all),
    Function::new("mustRegexReplaceAll", THREE, replace_all),
    Function::new("regexReplaceAllLiteral", THREE, replace_all_literally),
    Function::new("mustRegexReplaceAllLiteral", THREE, replace_all_literally),
    Function::new("regexSplit", LIMITED, split),
    Function::new("mustRegexSplit", LIMITED, split),
    Function::new("regexQuoteMeta", &[Type::Text], |machine, arguments| {
        let text = arguments.text(0)?;
        machine.reserve(text.bytes().len() * 2)?;
        let mut out = Vec::with_capacity(text.bytes().len());
        for byte in text.bytes() {
            if b"\\.+*?()|[]{}^$".contains(byte) {
                out.push(b'\\');
            }
            out.push(*byte);
        }
        Ok(machine.text(out)?)
    }),
];

/// Bytes of a compiled expression: enough for any that people write, and compiled in no time.
const MAX_SIZE: usize = 512 * 1024;

/// The compiled expression of the first argument.
fn compiled(machine: &mut Machine<'_>, arguments: &Arguments) -> Result<Rc<Regex>, Failure> {
    let pattern = arguments.text(0)?;
    if let Some(known) = machine.regexes.get(pattern.bytes()) {
        return Ok(Rc::clone(known));
    }
    // Far slower than other steps.
    machine.step(10_000 + pattern.bytes().len())?;
    let text = std::str::from_utf8(pattern.bytes()).map_err(|_| "its expression is no text")?;
    let translated =
        translate(text).map_err(|_| "its first argument is no regular expression of Go")?;
    let regex = RegexBuilder::new(&translated).size_limit(MAX_SIZE).build();
    let regex = Rc::new(regex.map_err(|_| "its regular expression is too large")?);
    machine.regexes.insert(pattern.bytes().to_vec(), Rc::clone(&regex));
    Ok(regex)
}

fn is_match(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let regex = compiled(machine, &arguments)?;
    let text = arguments.text(1)?;
    machine.read(text.bytes().len().saturating_mul(16))?;
    // Not `is_match`, for the reason that `seal_core::select` has.
    Ok(Value::Bool(regex.find(text.bytes()).is_some()))
}

fn find(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let regex = compiled(machine, &arguments)?;
    let text = arguments.text(1)?;
    machine.read(text.bytes().len().saturating_mul(16))?;
    let found = regex.find(text.bytes()).map(|found| found.as_bytes());
    Ok(machine.text(found.unwrap_or_default())?)
}

/// How many are wanted; all for a negative number.
fn limit(number: i64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn find_all(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let regex = compiled(machine, &arguments)?;
    let text = arguments.text(1)?;
    machine.read(text.bytes().len().saturating_mul(16))?;
    let mut found = Vec::new();
    for part in regex.find_iter(text.bytes()).take(limit(arguments.int(2)?)) {
        machine.step(1)?;
        machine.reserve(size_of::<Value>())?;
        found.push(machine.text(part.as_bytes())?);
    }
    Ok(machine.list(Elements::Strings, found)?)
}

fn replace_all(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let with = arguments.text(2)?;
    replaced(machine, &arguments, |machine, captures, out| {
        expand(machine, captures, with.bytes(), out)
    })
}

fn replace_all_literally(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let with = arguments.text(2)?;
    replaced(machine, &arguments, |machine, _, out| Ok(push(machine, out, with.bytes())?))
}

fn replaced(
    machine: &mut Machine<'_>,
    arguments: &Arguments,
    mut replace: impl FnMut(&mut Machine<'_>, &Captures<'_>, &mut Vec<u8>) -> Result<(), Failure>,
) -> Outcome {
    let regex = compiled(machine, arguments)?;
    let text = arguments.text(1)?;
    let text = text.bytes();
    machine.read(text.len().saturating_mul(64))?;
    let mut out = Vec::new();
    let mut at = 0;
    for captures in regex.captures_iter(text) {
        machine.step(1)?;
        let Some(all) = captures.get(0) else { continue };
        push(machine, &mut out, &text[at..all.start()])?;
        replace(machine, &captures, &mut out)?;
        at = all.end();
    }
    push(machine, &mut out, &text[at..])?;
    Ok(Value::text(out))
}

/// `$1`, `${name}` and `$$` in a replacement; a name is as long as it can be.
fn expand(
    machine: &mut Machine<'_>,
    captures: &Captures<'_>,
    with: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    let mut rest = with;
    while let Some(dollar) = rest.iter().position(|byte| *byte == b'$') {
        machine.step(1)?;
        push(machine, out, &rest[..dollar])?;
        rest = &rest[dollar + 1..];
        if let Some(behind) = rest.strip_prefix(b"$") {
            push(machine, out, b"$")?;
            rest = behind;
            continue;
        }
        let (inner, braces) = match rest.strip_prefix(b"{") {
            Some(inner) => (inner, true),
            None => (rest, false),
        };
        let is_word = |byte: &u8| *byte == b'_' || byte.is_ascii_alphanumeric();
        let length = inner.iter().take_while(|byte| is_word(byte)).count();
        if length == 0 || (braces && inner.get(length) != Some(&b'}')) {
            push(machine, out, b"$")?;
            continue;
        }
        let name = std::str::from_utf8(&inner[..length]).unwrap_or_default();
        rest = &inner[length + usize::from(braces)..];
        let group = match name.parse::<usize>() {
            Ok(number) if number == 0 || !name.starts_with('0') => captures.get(number),
            _ => captures.name(name),
        };
        push(machine, out, group.map(|group| group.as_bytes()).unwrap_or_default())?;
    }
    Ok(push(machine, out, rest)?)
}

fn split(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let regex = compiled(machine, &arguments)?;
    let text = arguments.text(1)?;
    let text = text.bytes();
    let limit = limit(arguments.int(2)?);
    machine.read(text.len().saturating_mul(16))?;
    let mut parts = Vec::new();
    if limit == 0 {
        return Ok(machine.list(Elements::Strings, parts)?);
    }
    if text.is_empty() && !arguments.text(0)?.bytes().is_empty() {
        return Ok(machine.strings([text])?);
    }
    let (mut begin, mut end) = (0, 0);
    for found in regex.find_iter(text) {
        machine.step(1)?;
        if parts.len() + 1 >= limit {
            break;
        }
        end = found.start();
        if found.end() != 0 {
            machine.reserve(size_of::<Value>())?;
            parts.push(machine.text(&text[begin..end])?);
        }
        begin = found.end();
    }
    if end != text.len() {
        parts.push(machine.text(&text[begin..])?);
    }
    Ok(machine.list(Elements::Strings, parts)?)
}
