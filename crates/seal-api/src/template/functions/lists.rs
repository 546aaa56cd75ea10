//! Functions on lists.

use std::rc::Rc;

use super::super::arguments::{Arguments, Type};
use super::super::machine::Machine;
use super::super::value::{Elements, List, Value};
use super::builtins::position;
use super::types::deep_equal;
use super::{Failure, Function, Outcome};

const ANY: &[Type] = &[Type::Any];
const PAIR: &[Type] = &[Type::Any, Type::Any];
const SIZED: &[Type] = &[Type::Int, Type::Any];

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("list", &[], list).and(Type::Any),
    Function::new("tuple", &[], list).and(Type::Any),
    Function::new("append", PAIR, append),
    Function::new("push", PAIR, append),
    Function::new("mustAppend", PAIR, append),
    Function::new("mustPush", PAIR, append),
    Function::new("prepend", PAIR, prepend),
    Function::new("mustPrepend", PAIR, prepend),
    Function::new("first", ANY, first),
    Function::new("mustFirst", ANY, first),
    Function::new("last", ANY, last),
    Function::new("mustLast", ANY, last),
    Function::new("rest", ANY, rest),
    Function::new("mustRest", ANY, rest),
    Function::new("initial", ANY, initial),
    Function::new("mustInitial", ANY, initial),
    Function::new("reverse", ANY, reverse),
    Function::new("mustReverse", ANY, reverse),
    Function::new("compact", ANY, compact),
    Function::new("mustCompact", ANY, compact),
    Function::new("uniq", ANY, uniq),
    Function::new("mustUniq", ANY, uniq),
    Function::new("without", ANY, without).and(Type::Any),
    Function::new("mustWithout", ANY, without).and(Type::Any),
    Function::new("has", PAIR, has),
    Function::new("mustHas", PAIR, has),
    Function::new("mustSlice", ANY, slice).and(Type::Any),
    Function::new("concat", &[], concat).and(Type::Any),
    Function::new("chunk", SIZED, chunk),
    Function::new("mustChunk", SIZED, chunk),
];

const NO_LIST: &str = "it works on lists only";

fn items(arguments: &Arguments, index: usize) -> Result<Rc<List>, Failure> {
    Ok(arguments.list(index).ok_or(NO_LIST)?)
}

fn list(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    Ok(machine.list(Elements::Any, arguments.all().to_vec())?)
}

/// A list of anything made of elements that are there already.
fn of(machine: &mut Machine<'_>, items: Vec<Value>) -> Outcome {
    Ok(machine.list(Elements::Any, items)?)
}

fn append(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let list = items(&arguments, 0)?;
    machine.reserve(list.items.len() * size_of::<Value>())?;
    of(machine, list.items.iter().chain([arguments.value(1)]).cloned().collect())
}

fn prepend(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let list = items(&arguments, 0)?;
    machine.reserve(list.items.len() * size_of::<Value>())?;
    of(machine, [arguments.value(1)].into_iter().chain(&list.items).cloned().collect())
}

fn first(_: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    Ok(items(&arguments, 0)?.items.first().cloned().unwrap_or(Value::Nil))
}

fn last(_: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    Ok(items(&arguments, 0)?.items.last().cloned().unwrap_or(Value::Nil))
}

fn rest(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let list = items(&arguments, 0)?;
    of(machine, list.items.get(1..).unwrap_or_default().to_vec())
}

fn initial(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let list = items(&arguments, 0)?;
    let kept = list.items.len().saturating_sub(1);
    of(machine, list.items[..kept].to_vec())
}

fn reverse(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let list = items(&arguments, 0)?;
    of(machine, list.items.iter().rev().cloned().collect())
}

fn compact(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let list = items(&arguments, 0)?;
    of(machine, list.items.iter().filter(|item| item.is_true()).cloned().collect())
}

fn holds(machine: &mut Machine<'_>, list: &[Value], wanted: &Value) -> Result<bool, Failure> {
    for item in list {
        if deep_equal(machine, wanted, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn uniq(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let list = items(&arguments, 0)?;
    let mut kept: Vec<Value> = Vec::new();
    for item in &list.items {
        if !holds(machine, &kept, item)? {
            kept.push(item.clone());
        }
    }
    of(machine, kept)
}

fn without(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let list = items(&arguments, 0)?;
    let mut kept = Vec::new();
    for item in &list.items {
        if !holds(machine, arguments.from(1), item)? {
            kept.push(item.clone());
        }
    }
    of(machine, kept)
}

fn has(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    if arguments.value(1).is_nil() {
        return Ok(Value::Bool(false));
    }
    let list = items(&arguments, 1)?;
    Ok(Value::Bool(holds(machine, &list.items, arguments.value(0))?))
}

/// sprig's, which takes lists, and Go's own for strings, which sprig hides.
pub(super) fn slice(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    const TURNED: &str = "the end lies before the beginning";
    let bounds = |length: usize| {
        let start = match arguments.from(1).first() {
            Some(start) => position(start, length)?,
            None => 0,
        };
        let end = match arguments.from(2).first() {
            Some(end) => position(end, length)?,
            None => length,
        };
        if start <= end { Ok(start..end) } else { Err(TURNED) }
    };
    match arguments.value(0) {
        Value::List(list) if list.items.is_empty() => Ok(Value::Nil),
        Value::List(list) => {
            let part = list.items[bounds(list.items.len())?].to_vec();
            Ok(machine.list(list.elements, part)?)
        }
        Value::Text(text) => {
            let part = &text.bytes()[bounds(text.bytes().len())?];
            Ok(machine.text(part)?)
        }
        _ => Err("it works on lists and strings only".into()),
    }
}

fn concat(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let mut all = Vec::new();
    for index in 0..arguments.len() {
        let list = items(&arguments, index)?;
        machine.reserve(list.items.len() * size_of::<Value>())?;
        all.extend_from_slice(&list.items);
    }
    of(machine, all)
}

fn chunk(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let size = usize::try_from(arguments.int(0)?).ok().filter(|size| *size > 0);
    let size = size.ok_or("a chunk has one element at least")?;
    let list = items(&arguments, 1)?;
    let mut chunks = Vec::new();
    for part in list.items.chunks(size) {
        chunks.push(machine.list(Elements::Any, part.to_vec())?);
    }
    Ok(machine.list(Elements::Lists, chunks)?)
}
