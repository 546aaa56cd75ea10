//! What Go's `text/template` brings itself.

use super::super::arguments::{Arguments, Type};
use super::super::error::{Fallible, Problem};
use super::super::machine::Machine;
use super::super::value::{Value, Width};
use super::super::{print, printf, quote};
use super::{Function, Outcome, Work, lists};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "and",
        parameters: &[Type::Value],
        rest: Some(Type::Value),
        work: Work::First { stops_at: false },
    },
    Function {
        name: "or",
        parameters: &[Type::Value],
        rest: Some(Type::Value),
        work: Work::First { stops_at: true },
    },
    Function::new("not", &[Type::Value], |_, arguments| {
        Ok(Value::Bool(!arguments.value(0).is_true()))
    }),
    Function::new("len", &[Type::Any], length),
    Function::new("index", &[Type::Value], index).and(Type::Value),
    // sprig's function of this name takes lists only; strings are Go's.
    Function::new("slice", &[Type::Any], lists::slice).and(Type::Any),
    Function::new("print", &[], |machine, arguments| {
        let text = print::sprint(machine, arguments.all())?;
        Ok(machine.text(text)?)
    })
    .and(Type::Any),
    Function::new("println", &[], |machine, arguments| {
        let text = print::sprintln(machine, arguments.all())?;
        Ok(machine.text(text)?)
    })
    .and(Type::Any),
    Function::new("printf", &[Type::Text], |machine, arguments| {
        let text = printf::sprintf(machine, arguments.text(0)?.bytes(), arguments.from(1))?;
        Ok(machine.text(text)?)
    })
    .and(Type::Any),
    Function::new("html", &[], |machine, arguments| escaped(machine, &arguments, quote::html))
        .and(Type::Any),
    Function::new("js", &[], |machine, arguments| escaped(machine, &arguments, quote::javascript))
        .and(Type::Any),
    Function::new("urlquery", &[], |machine, arguments| {
        escaped(machine, &arguments, quote::url_query)
    })
    .and(Type::Any),
    Function::new("eq", &[Type::Value], equal).and(Type::Value),
    Function::new("ne", &[Type::Value, Type::Value], |machine, arguments| {
        let same = same(machine, arguments.value(0), arguments.value(1))?;
        Ok(Value::Bool(!same))
    }),
    Function::new("lt", &[Type::Value, Type::Value], |machine, arguments| {
        Ok(Value::Bool(less(machine, arguments.value(0), arguments.value(1))?))
    }),
    Function::new("le", &[Type::Value, Type::Value], |machine, arguments| {
        let (one, other) = (arguments.value(0), arguments.value(1));
        Ok(Value::Bool(less(machine, one, other)? || same(machine, one, other)?))
    }),
    Function::new("gt", &[Type::Value, Type::Value], |machine, arguments| {
        let (one, other) = (arguments.value(0), arguments.value(1));
        Ok(Value::Bool(!(less(machine, one, other)? || same(machine, one, other)?)))
    }),
    Function::new("ge", &[Type::Value, Type::Value], |machine, arguments| {
        Ok(Value::Bool(!less(machine, arguments.value(0), arguments.value(1))?))
    }),
];

fn escaped(
    machine: &mut Machine<'_>,
    arguments: &Arguments,
    escape: fn(&[u8]) -> Vec<u8>,
) -> Outcome {
    let text = print::sprint(machine, arguments.all())?;
    // The longest escape has six bytes for one.
    machine.reserve(text.len().saturating_mul(6))?;
    Ok(machine.text(escape(&text))?)
}

fn length(_: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let length = match arguments.value(0) {
        Value::Text(text) => text.bytes().len(),
        Value::List(list) => list.items.len(),
        Value::Map(map) => map.entries.borrow().len(),
        _ => return Err("only strings, lists and dicts have a length".into()),
    };
    Ok(Value::int(length as i64))
}

/// A position in something that has `length` elements.
pub(super) fn position(index: &Value, length: usize) -> Result<usize, &'static str> {
    let Value::Int(_, index) = index else { return Err("an index has to be a number") };
    match usize::try_from(*index) {
        Ok(index) if index <= length => Ok(index),
        _ => Err("an index is out of range"),
    }
}

fn index(_: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let mut item = arguments.value(0).clone();
    if item.is_nil() {
        return Err("there is nothing to look into".into());
    }
    for index in arguments.from(1) {
        item = match &item {
            Value::Text(text) => {
                let position = position(index, text.bytes().len())?;
                let byte = text.bytes().get(position).ok_or("an index is out of range")?;
                Value::Int(Width::Uint8, i64::from(*byte))
            }
            Value::List(list) => {
                let position = position(index, list.items.len())?;
                list.items.get(position).ok_or("an index is out of range")?.clone()
            }
            Value::Map(map) => {
                let Value::Text(key) = index else {
                    return Err("the keys of a dict are strings".into());
                };
                let found = map.entries.borrow().get(key.bytes()).cloned();
                // Go gives the zero of the element's type.
                let zero = if map.of_strings { Value::text("") } else { Value::Nil };
                found.unwrap_or(zero)
            }
            Value::Missing | Value::Nil => return Err("there is nothing to look into".into()),
            _ => return Err("only strings, lists and dicts have elements".into()),
        };
    }
    Ok(item)
}

fn equal(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    if arguments.len() < 2 {
        return Err("there is nothing to compare with".into());
    }
    for other in arguments.from(1) {
        if same(machine, arguments.value(0), other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

const INCOMPATIBLE: Problem = Problem::Misuse("values of different types are compared");
const INCOMPARABLE: Problem = Problem::Misuse("values of this type cannot be compared");

fn same(machine: &mut Machine<'_>, one: &Value, other: &Value) -> Fallible<bool> {
    Ok(match (one, other) {
        (one, other) if one.is_nil() || other.is_nil() => one.is_nil() && other.is_nil(),
        (Value::Bool(one), Value::Bool(other)) => one == other,
        (Value::Int(_, one), Value::Int(_, other)) => one == other,
        (Value::Float(one), Value::Float(other)) => one == other,
        (Value::Text(one), Value::Text(other)) => {
            machine.read(one.bytes().len().min(other.bytes().len()))?;
            one == other
        }
        (Value::Time(one), Value::Time(other)) => one == other,
        (Value::Certificate(one), Value::Certificate(other)) => {
            one.cert == other.cert && one.key == other.key
        }
        (Value::List(_), Value::List(_)) | (Value::Map(_), Value::Map(_)) => {
            return Err(INCOMPARABLE);
        }
        (Value::Version(one), Value::Version(other)) => std::rc::Rc::ptr_eq(one, other),
        _ => return Err(INCOMPATIBLE),
    })
}

fn less(machine: &mut Machine<'_>, one: &Value, other: &Value) -> Fallible<bool> {
    Ok(match (one, other) {
        (Value::Int(_, one), Value::Int(_, other)) => one < other,
        (Value::Float(one), Value::Float(other)) => one < other,
        (Value::Text(one), Value::Text(other)) => {
            machine.read(one.bytes().len().min(other.bytes().len()))?;
            one < other
        }
        (
            Value::Int(..) | Value::Float(_) | Value::Text(_),
            Value::Int(..) | Value::Float(_) | Value::Text(_),
        ) => {
            return Err(INCOMPATIBLE);
        }
        _ => return Err(INCOMPARABLE),
    })
}
