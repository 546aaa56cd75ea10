//! Functions on strings. They are bytes, as in Go; what asks for characters takes them for UTF-8.

use super::super::arguments::{Arguments, Type};
use super::super::error::Fallible;
use super::super::machine::Machine;
use super::super::value::{Elements, Entries, Text, Value};
use super::super::{print, quote};
use super::words;
use super::{Function, Outcome};

const TEXT: &[Type] = &[Type::Text];
const TWO: &[Type] = &[Type::Text, Type::Text];
const THREE: &[Type] = &[Type::Text, Type::Text, Type::Text];
const COUNTED: &[Type] = &[Type::Int, Type::Text];

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("hello", &[], |machine, _| Ok(machine.text("Hello!")?)),
    Function::new("trim", TEXT, |machine, arguments| {
        mapped(machine, &arguments, |text| trim_space(text).to_vec())
    }),
    Function::new("upper", TEXT, |machine, arguments| mapped(machine, &arguments, words::upper)),
    Function::new("lower", TEXT, |machine, arguments| mapped(machine, &arguments, words::lower)),
    Function::new("title", TEXT, |machine, arguments| mapped(machine, &arguments, words::title)),
    Function::new("untitle", TEXT, |machine, arguments| {
        mapped(machine, &arguments, words::untitle)
    }),
    Function::new("swapcase", TEXT, |machine, arguments| {
        mapped(machine, &arguments, words::swap_case)
    }),
    Function::new("snakecase", TEXT, |machine, arguments| {
        mapped(machine, &arguments, |text| words::joined_words(text, '_'))
    }),
    Function::new("kebabcase", TEXT, |machine, arguments| {
        mapped(machine, &arguments, |text| words::joined_words(text, '-'))
    }),
    Function::new("camelcase", TEXT, |machine, arguments| {
        mapped(machine, &arguments, words::camel_case)
    }),
    Function::new("nospace", TEXT, |machine, arguments| {
        mapped(machine, &arguments, words::without_spaces)
    }),
    Function::new("initials", TEXT, |machine, arguments| {
        mapped(machine, &arguments, words::initials)
    }),
    Function::new("substr", &[Type::Int, Type::Int, Type::Text], substring),
    Function::new("trunc", COUNTED, truncate),
    Function::new("abbrev", COUNTED, |machine, arguments| {
        let text = arguments.text(1)?;
        Ok(machine.text(words::abbreviate(text.bytes(), 0, arguments.int(0)?))?)
    }),
    Function::new("abbrevboth", &[Type::Int, Type::Int, Type::Text], |machine, arguments| {
        let text = arguments.text(2)?;
        let (left, right) = (arguments.int(0)?, arguments.int(1)?);
        Ok(machine.text(words::abbreviate(text.bytes(), left, right))?)
    }),
    Function::new("repeat", COUNTED, repeat),
    Function::new("trimall", TWO, trim_all),
    Function::new("trimAll", TWO, trim_all),
    Function::new("trimSuffix", TWO, |machine, arguments| {
        let (cut, text) = (arguments.text(0)?, arguments.text(1)?);
        let text = text.bytes();
        Ok(machine.text(text.strip_suffix(cut.bytes()).unwrap_or(text))?)
    }),
    Function::new("trimPrefix", TWO, |machine, arguments| {
        let (cut, text) = (arguments.text(0)?, arguments.text(1)?);
        let text = text.bytes();
        Ok(machine.text(text.strip_prefix(cut.bytes()).unwrap_or(text))?)
    }),
    Function::new("contains", TWO, |machine, arguments| {
        let (part, text) = (arguments.text(0)?, arguments.text(1)?);
        machine.read(text.bytes().len())?;
        Ok(Value::Bool(find(text.bytes(), part.bytes()).is_some()))
    }),
    Function::new("hasPrefix", TWO, |machine, arguments| {
        let (part, text) = (arguments.text(0)?, arguments.text(1)?);
        machine.read(part.bytes().len())?;
        Ok(Value::Bool(text.bytes().starts_with(part.bytes())))
    }),
    Function::new("hasSuffix", TWO, |machine, arguments| {
        let (part, text) = (arguments.text(0)?, arguments.text(1)?);
        machine.read(part.bytes().len())?;
        Ok(Value::Bool(text.bytes().ends_with(part.bytes())))
    }),
    Function::new("quote", &[], |machine, arguments| {
        quoted(machine, &arguments, |text| quote::quote(text, false))
    })
    .and(Type::Any),
    Function::new("squote", &[], |machine, arguments| {
        quoted(machine, &arguments, |text| [b"'", text, b"'"].concat())
    })
    .and(Type::Any),
    Function::new("cat", &[], cat).and(Type::Any),
    Function::new("indent", COUNTED, |machine, arguments| {
        let text = indented(machine, &arguments, b"")?;
        Ok(machine.text(text)?)
    }),
    Function::new("nindent", COUNTED, |machine, arguments| {
        let text = indented(machine, &arguments, b"\n")?;
        Ok(machine.text(text)?)
    }),
    Function::new("replace", THREE, |machine, arguments| {
        let (old, new, text) = (arguments.text(0)?, arguments.text(1)?, arguments.text(2)?);
        Ok(Value::Text(replaced(machine, text.bytes(), old.bytes(), new.bytes())?))
    }),
    Function::new("plural", &[Type::Text, Type::Text, Type::Int], |_, arguments| {
        Ok(arguments.value(usize::from(arguments.int(2)? != 1)).clone())
    }),
    Function::new("wrap", COUNTED, |machine, arguments| {
        let text = arguments.text(1)?;
        machine.reserve(text.bytes().len())?;
        Ok(machine.text(words::wrap(text.bytes(), arguments.int(0)?, b"\n", false))?)
    }),
    Function::new("wrapWith", &[Type::Int, Type::Text, Type::Text], |machine, arguments| {
        let (separator, text) = (arguments.text(1)?, arguments.text(2)?);
        let separator = if separator.bytes().is_empty() { b"\n" } else { separator.bytes() };
        machine.reserve(text.bytes().len().saturating_mul(1 + separator.len()))?;
        Ok(machine.text(words::wrap(text.bytes(), arguments.int(0)?, separator, true))?)
    }),
    Function::new("toString", &[Type::Any], |machine, arguments| match arguments.value(0) {
        text @ Value::Text(_) => Ok(text.clone()),
        other => {
            let text = print::to_text(machine, other)?;
            Ok(machine.text(text)?)
        }
    }),
    Function::new("split", TWO, |machine, arguments| {
        let (separator, text) = (arguments.text(0)?, arguments.text(1)?);
        let parts = split(machine, text.bytes(), separator.bytes(), None)?;
        numbered(machine, parts)
    }),
    Function::new("splitn", &[Type::Text, Type::Int, Type::Text], |machine, arguments| {
        let (separator, text) = (arguments.text(0)?, arguments.text(2)?);
        let parts = split(machine, text.bytes(), separator.bytes(), Some(arguments.int(1)?))?;
        numbered(machine, parts)
    }),
    Function::new("splitList", TWO, |machine, arguments| {
        let (separator, text) = (arguments.text(0)?, arguments.text(1)?);
        let parts = split(machine, text.bytes(), separator.bytes(), None)?;
        Ok(machine.list(Elements::Strings, parts)?)
    }),
    Function::new("toStrings", &[Type::Any], |machine, arguments| {
        let items = to_strings(machine, arguments.value(0))?;
        Ok(machine.list(Elements::Strings, items)?)
    }),
    Function::new("join", &[Type::Text, Type::Any], |machine, arguments| {
        let separator = arguments.text(0)?;
        let items = to_strings(machine, arguments.value(1))?;
        let mut out = Vec::new();
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                print::push(machine, &mut out, separator.bytes())?;
            }
            print::plain(machine, item, &mut out)?;
        }
        Ok(machine.text(out)?)
    }),
    Function::new("sortAlpha", &[Type::Any], |machine, arguments| {
        let mut items = to_strings(machine, arguments.value(0))?;
        // Each string is compared about so often.
        let times = items.len().checked_ilog2().unwrap_or(0) as usize + 1;
        for item in &items {
            machine.step(times)?;
            if let Value::Text(text) = item {
                machine.read(text.bytes().len().saturating_mul(times))?;
            }
        }
        items.sort_by(|one, other| match (one, other) {
            (Value::Text(one), Value::Text(other)) => one.cmp(other),
            _ => std::cmp::Ordering::Equal,
        });
        Ok(machine.list(Elements::Strings, items)?)
    }),
];

/// One string made of another that is not much longer.
fn mapped(
    machine: &mut Machine<'_>,
    arguments: &Arguments,
    map: impl FnOnce(&[u8]) -> Vec<u8>,
) -> Outcome {
    let text = arguments.text(0)?;
    machine.read(text.bytes().len().saturating_mul(8))?;
    machine.reserve(text.bytes().len().saturating_mul(2))?;
    Ok(machine.text(map(text.bytes()))?)
}

/// Without Unicode's spaces at both ends.
fn trim_space(text: &[u8]) -> &[u8] {
    let mut rest = text;
    loop {
        match quote::first(rest) {
            Some((Some(character), raw)) if character.is_whitespace() => rest = &rest[raw.len()..],
            _ => break,
        }
    }
    loop {
        // The last character: at most four bytes back.
        let begin = rest.len().saturating_sub(4);
        let last = (begin..rest.len()).find_map(|at| {
            let character = std::str::from_utf8(&rest[at..]).ok()?;
            let mut characters = character.chars();
            characters.next_back().filter(|last| last.is_whitespace()).map(char::len_utf8)
        });
        match last {
            Some(length) => rest = &rest[..rest.len() - length],
            None => return rest,
        }
    }
}

fn trim_all(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let (set, text) = (arguments.text(0)?, arguments.text(1)?);
    let set: Vec<&[u8]> = quote::characters(set.bytes()).map(|(_, raw)| raw).collect();
    let pieces: Vec<&[u8]> = quote::characters(text.bytes()).map(|(_, raw)| raw).collect();
    machine.step(pieces.len() / 8)?;
    machine.step(set.len())?;
    let mut kept = pieces.as_slice();
    while let [first, rest @ ..] = kept {
        machine.read(set.len())?;
        if !set.contains(first) {
            break;
        }
        kept = rest;
    }
    while let [rest @ .., last] = kept {
        machine.read(set.len())?;
        if !set.contains(last) {
            break;
        }
        kept = rest;
    }
    Ok(machine.text(kept.concat())?)
}

fn substring(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    const OUTSIDE: &str = "its positions lie outside of the string";
    let text = arguments.text(2)?;
    let text = text.bytes();
    let (start, end) = (arguments.int(0)?, arguments.int(1)?);
    let range = if start < 0 {
        0..usize::try_from(end).map_err(|_| OUTSIDE)?
    } else {
        let end = usize::try_from(end).unwrap_or(text.len()).min(text.len());
        usize::try_from(start).map_err(|_| OUTSIDE)?..end
    };
    Ok(machine.text(text.get(range).ok_or(OUTSIDE)?)?)
}

fn truncate(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let (count, text) = (arguments.int(0)?, arguments.text(1)?);
    let text = text.bytes();
    let length = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let kept = match length {
        _ if length >= text.len() => text,
        _ if count < 0 => &text[text.len() - length..],
        _ => &text[..length],
    };
    Ok(machine.text(kept)?)
}

fn repeat(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let (count, text) = (arguments.int(0)?, arguments.text(1)?);
    let count = usize::try_from(count).map_err(|_| "the count is negative")?;
    let size = text.bytes().len().saturating_mul(count);
    machine.reserve(size)?;
    // Of nothing as often as one likes.
    let repeated = if size == 0 { Vec::new() } else { text.bytes().repeat(count) };
    Ok(Value::text(repeated))
}

fn quoted(
    machine: &mut Machine<'_>,
    arguments: &Arguments,
    quoted: impl Fn(&[u8]) -> Vec<u8>,
) -> Outcome {
    let mut out = Vec::new();
    for value in arguments.all().iter().filter(|value| !value.is_nil()) {
        if !out.is_empty() {
            out.push(b' ');
        }
        let text = print::to_text(machine, value)?;
        machine.reserve(text.len().saturating_mul(4))?;
        print::push(machine, &mut out, &quoted(&text))?;
    }
    Ok(machine.text(out)?)
}

/// All that is there, with spaces between.
fn cat(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let mut out = Vec::new();
    for (index, value) in arguments.all().iter().filter(|value| !value.is_nil()).enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        print::plain(machine, value, &mut out)?;
    }
    Ok(machine.text(out)?)
}

fn indented(
    machine: &mut Machine<'_>,
    arguments: &Arguments,
    before: &[u8],
) -> Result<Vec<u8>, super::Failure> {
    let (spaces, text) = (arguments.int(0)?, arguments.text(1)?);
    let spaces = usize::try_from(spaces).map_err(|_| "the count is negative")?;
    machine.reserve(spaces)?;
    let padding = vec![b' '; spaces];
    let with_padding = [b"\n".as_slice(), &padding].concat();
    let lines = replaced(machine, text.bytes(), b"\n", &with_padding)?;
    Ok([before, &padding, lines.bytes()].concat())
}

/// Where `part` begins in `text`.
pub(super) fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, part)
}

/// Every `old` becomes `new`; nothing between characters where `old` is empty.
fn replaced(machine: &mut Machine<'_>, text: &[u8], old: &[u8], new: &[u8]) -> Fallible<Text> {
    let mut out = Vec::new();
    if old.is_empty() {
        print::push(machine, &mut out, new)?;
        for (_, raw) in quote::characters(text) {
            print::push(machine, &mut out, raw)?;
            print::push(machine, &mut out, new)?;
        }
        return Ok(out.into());
    }
    machine.read(text.len().saturating_mul(4))?;
    let mut rest = text;
    while let Some(found) = find(rest, old) {
        print::push(machine, &mut out, &rest[..found])?;
        print::push(machine, &mut out, new)?;
        rest = &rest[found + old.len()..];
    }
    print::push(machine, &mut out, rest)?;
    Ok(out.into())
}

/// The parts between separators; at most so many where a limit is given, none for zero.
fn split(
    machine: &mut Machine<'_>,
    text: &[u8],
    separator: &[u8],
    limit: Option<i64>,
) -> Fallible<Vec<Value>> {
    let limit = limit.filter(|limit| *limit >= 0).map_or(usize::MAX, |limit| limit as usize);
    let mut parts = Vec::new();
    machine.read(text.len().saturating_mul(4))?;
    let mut rest = text;
    if limit == 0 {
        return Ok(parts);
    }
    loop {
        let cut = match (separator, rest) {
            _ if parts.len() + 1 >= limit => None,
            // Nothing between separates every character; Go gives none for nothing.
            ([], _) => match quote::first(rest) {
                Some((_, raw)) if raw.len() < rest.len() => Some((raw.len(), raw.len())),
                Some(_) => None,
                None => return Ok(parts),
            },
            _ => find(rest, separator).map(|found| (found, found + separator.len())),
        };
        machine.reserve(size_of::<Value>())?;
        let Some((end, next)) = cut else {
            parts.push(machine.text(rest)?);
            return Ok(parts);
        };
        parts.push(machine.text(&rest[..end])?);
        rest = &rest[next..];
    }
}

/// `_0`, `_1` and so on.
fn numbered(machine: &mut Machine<'_>, parts: Vec<Value>) -> Outcome {
    let mut entries = Entries::new();
    for (index, part) in parts.into_iter().enumerate() {
        machine.reserve(32)?;
        entries.insert(format!("_{index}").into_bytes(), part);
    }
    Ok(machine.map(true, entries)?)
}

/// What is there of a list, as strings; or the one string of anything else.
pub(super) fn to_strings(machine: &mut Machine<'_>, value: &Value) -> Fallible<Vec<Value>> {
    let items: &[Value] = match value {
        Value::List(list) => &list.items,
        Value::Missing | Value::Nil => return Ok(Vec::new()),
        other => std::slice::from_ref(other),
    };
    machine.reserve(size_of_val(items))?;
    let mut strings = Vec::new();
    for item in items.iter().filter(|item| !item.is_nil()) {
        strings.push(match item {
            Value::Text(_) => item.clone(),
            other => {
                let text = print::to_text(machine, other)?;
                machine.text(text)?
            }
        });
    }
    Ok(strings)
}
