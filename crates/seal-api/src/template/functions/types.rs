//! What a value is, whether it is there, and what takes its place.

use super::super::arguments::{Arguments, Type};
use super::super::error::Fallible;
use super::super::machine::Machine;
use super::super::value::{List, Value};
use super::{Function, Outcome};
use std::rc::Rc;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("default", &[Type::Any], |_, arguments| {
        let given = arguments.value(1);
        Ok(if given.is_true() { given } else { arguments.value(0) }.clone())
    })
    .and(Type::Any),
    Function::new("empty", &[Type::Any], |_, arguments| {
        Ok(Value::Bool(!arguments.value(0).is_true()))
    }),
    Function::new("coalesce", &[], |_, arguments| {
        Ok(arguments.all().iter().find(|value| value.is_true()).cloned().unwrap_or(Value::Nil))
    })
    .and(Type::Any),
    Function::new("all", &[], |_, arguments| {
        Ok(Value::Bool(arguments.all().iter().all(Value::is_true)))
    })
    .and(Type::Any),
    Function::new("any", &[], |_, arguments| {
        Ok(Value::Bool(arguments.all().iter().any(Value::is_true)))
    })
    .and(Type::Any),
    Function::new("ternary", &[Type::Any, Type::Any, Type::Bool], |_, arguments| {
        Ok(arguments.value(usize::from(!arguments.bool(2)?)).clone())
    }),
    Function::new("typeOf", &[Type::Any], |machine, arguments| {
        Ok(machine.text(arguments.value(0).type_name())?)
    }),
    Function::new("typeIs", &[Type::Text, Type::Any], |_, arguments| {
        let name = arguments.value(1).type_name();
        Ok(Value::Bool(arguments.text(0)?.bytes() == name.as_bytes()))
    }),
    Function::new("typeIsLike", &[Type::Text, Type::Any], |_, arguments| {
        let name = arguments.value(1).type_name().as_bytes();
        let wanted = arguments.text(0)?;
        Ok(Value::Bool(wanted.bytes() == name || [b"*", wanted.bytes()].concat() == name))
    }),
    Function::new("kindOf", &[Type::Any], |machine, arguments| {
        Ok(machine.text(arguments.value(0).kind_name())?)
    }),
    Function::new("kindIs", &[Type::Text, Type::Any], |_, arguments| {
        let name = arguments.value(1).kind_name();
        Ok(Value::Bool(arguments.text(0)?.bytes() == name.as_bytes()))
    }),
    Function::new("deepEqual", &[Type::Any, Type::Any], |machine, arguments| {
        Ok(Value::Bool(deep_equal(machine, arguments.value(0), arguments.value(1))?))
    }),
    Function::new("deepCopy", &[Type::Any], copy_all),
    Function::new("mustDeepCopy", &[Type::Any], copy_all),
    Function::new("fail", &[Type::Text], |_, _| {
        // What the template says here may be made of values.
        Err("the template says so".into())
    }),
];

/// Go's `reflect.DeepEqual`: the types have to be the same too.
pub(super) fn deep_equal(machine: &mut Machine<'_>, one: &Value, other: &Value) -> Fallible<bool> {
    machine.step(1)?;
    Ok(match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => one == other,
        (Value::Int(width, one), Value::Int(other_width, other)) => {
            width == other_width && one == other
        }
        (Value::Float(one), Value::Float(other)) => one == other,
        (Value::Text(one), Value::Text(other)) => {
            machine.read(one.bytes().len().min(other.bytes().len()))?;
            one == other
        }
        (Value::List(one), Value::List(other)) => {
            if one.elements != other.elements || one.items.len() != other.items.len() {
                return Ok(false);
            }
            return machine.deeper(|machine| {
                for (one, other) in one.items.iter().zip(&other.items) {
                    if !deep_equal(machine, one, other)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            });
        }
        (Value::Map(one), Value::Map(other)) => {
            if Rc::ptr_eq(one, other) {
                return Ok(true);
            }
            let (entries, others) = (one.entries.borrow(), other.entries.borrow());
            if one.of_strings != other.of_strings || entries.len() != others.len() {
                return Ok(false);
            }
            return machine.deeper(|machine| {
                for ((key, one), (other_key, other)) in entries.iter().zip(others.iter()) {
                    if key != other_key || !deep_equal(machine, one, other)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            });
        }
        (Value::Time(one), Value::Time(other)) => one == other,
        (Value::Certificate(one), Value::Certificate(other)) => {
            one.cert == other.cert && one.key == other.key
        }
        (Value::Version(one), Value::Version(other)) => one == other,
        (one, other) => one.is_nil() && other.is_nil(),
    })
}

fn copy_all(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    Ok(deep_copy(machine, arguments.value(0))?)
}

/// A copy that shares no map with the original.
pub(super) fn deep_copy(machine: &mut Machine<'_>, value: &Value) -> Fallible<Value> {
    machine.step(1)?;
    match value {
        Value::List(list) => machine.deeper(|machine| {
            let List { elements, items, .. } = &**list;
            let mut copies = Vec::new();
            for item in items {
                copies.push(deep_copy(machine, item)?);
            }
            machine.list(*elements, copies)
        }),
        Value::Map(map) => machine.deeper(|machine| {
            let mut copies = super::super::value::Entries::new();
            for (key, item) in map.entries.borrow().iter() {
                machine.reserve(key.len())?;
                copies.insert(key.clone(), deep_copy(machine, item)?);
            }
            machine.map(map.of_strings, copies)
        }),
        other => Ok(other.clone()),
    }
}
