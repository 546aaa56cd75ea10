//! Functions on dicts. `set`, `unset` and `merge` change the one that they are given, as in Go. Where Go's order of keys is
//! by chance, ours is sorted.

use std::rc::Rc;

use super::super::arguments::{Arguments, Type};
use super::super::error::Fallible;
use super::super::machine::Machine;
use super::super::print;
use super::super::value::{Elements, Entries, Map, Value};
use super::{Function, Outcome};

const KEYED: &[Type] = &[Type::Dict, Type::Text];

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("dict", &[], dict).and(Type::Any),
    Function::new("get", KEYED, |_, arguments| {
        let (dict, key) = (arguments.dict(0)?, arguments.text(1)?);
        let found = dict.entries.borrow().get(key.bytes()).cloned();
        Ok(found.unwrap_or_else(|| Value::text("")))
    }),
    Function::new("set", &[Type::Dict, Type::Text, Type::Any], |machine, arguments| {
        let key = arguments.text(1)?;
        machine.reserve(key.bytes().len() + 2 * size_of::<Value>())?;
        let dict = arguments.dict(0)?;
        let value = arguments.value(2).clone();
        // What was there is dropped when the borrow is over.
        let _before = dict.entries.borrow_mut().insert(key.bytes().to_vec(), value);
        Ok(arguments.value(0).clone())
    }),
    Function::new("unset", KEYED, |_, arguments| {
        let (dict, key) = (arguments.dict(0)?, arguments.text(1)?);
        let _before = dict.entries.borrow_mut().remove(key.bytes());
        Ok(arguments.value(0).clone())
    }),
    Function::new("hasKey", KEYED, |_, arguments| {
        let (dict, key) = (arguments.dict(0)?, arguments.text(1)?);
        let has = dict.entries.borrow().contains_key(key.bytes());
        Ok(Value::Bool(has))
    }),
    Function::new("pluck", &[Type::Text], |machine, arguments| {
        let key = arguments.text(0)?;
        let mut found = Vec::new();
        for index in 1..arguments.len() {
            found.extend(arguments.dict(index)?.entries.borrow().get(key.bytes()).cloned());
        }
        Ok(machine.list(Elements::Any, found)?)
    })
    .and(Type::Dict),
    Function::new("keys", &[], |machine, arguments| {
        let mut keys = Vec::new();
        for index in 0..arguments.len() {
            for key in arguments.dict(index)?.entries.borrow().keys() {
                keys.push(machine.text(key.clone())?);
            }
        }
        Ok(machine.list(Elements::Strings, keys)?)
    })
    .and(Type::Dict),
    Function::new("values", &[Type::Dict], |machine, arguments| {
        let values = arguments.dict(0)?.entries.borrow().values().cloned().collect();
        Ok(machine.list(Elements::Any, values)?)
    }),
    Function::new("pick", &[Type::Dict], |machine, arguments| {
        let dict = arguments.dict(0)?;
        let mut picked = Entries::new();
        for index in 1..arguments.len() {
            let key = arguments.text(index)?;
            if let Some(value) = dict.entries.borrow().get(key.bytes()) {
                picked.insert(key.bytes().to_vec(), value.clone());
            }
        }
        Ok(machine.map(false, picked)?)
    })
    .and(Type::Text),
    Function::new("omit", &[Type::Dict], |machine, arguments| {
        let mut kept = machine.entries(&*arguments.dict(0)?)?;
        for index in 1..arguments.len() {
            kept.remove(arguments.text(index)?.bytes());
        }
        Ok(machine.map(false, kept)?)
    })
    .and(Type::Text),
    Function::new("merge", &[Type::Dict], |machine, arguments| merged(machine, arguments, false))
        .and(Type::Dict),
    Function::new("mustMerge", &[Type::Dict], |machine, arguments| {
        merged(machine, arguments, false)
    })
    .and(Type::Dict),
    Function::new("mergeOverwrite", &[Type::Dict], |machine, arguments| {
        merged(machine, arguments, true)
    })
    .and(Type::Dict),
    Function::new("mustMergeOverwrite", &[Type::Dict], |machine, arguments| {
        merged(machine, arguments, true)
    })
    .and(Type::Dict),
    Function::new("dig", &[Type::Any, Type::Any, Type::Any], dig).and(Type::Any),
];

fn dict(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let mut entries = Entries::new();
    for pair in arguments.all().chunks(2) {
        let [key, value @ ..] = pair else { continue };
        let key = print::to_text(machine, key)?;
        machine.reserve(key.len())?;
        entries.insert(key, value.first().cloned().unwrap_or_else(|| Value::text("")));
    }
    Ok(machine.map(false, entries)?)
}

fn merged(machine: &mut Machine<'_>, arguments: Arguments, overwrites: bool) -> Outcome {
    let target = arguments.dict(0)?;
    for index in 1..arguments.len() {
        merge(machine, &target, &arguments.dict(index)?, overwrites)?;
    }
    Ok(arguments.value(0).clone())
}

/// By the rules of `mergo`: what is there stays unless it is empty; dicts within dicts are merged.
fn merge(
    machine: &mut Machine<'_>,
    target: &Rc<Map>,
    source: &Rc<Map>,
    overwrites: bool,
) -> Fallible<()> {
    if Rc::ptr_eq(target, source) {
        return Ok(());
    }
    for (key, value) in machine.entries(source)? {
        let there = target.entries.borrow().get(&key).cloned();
        let sets = match (&there, &value) {
            (Some(Value::Map(there)), Value::Map(value)) if !there.entries.borrow().is_empty() => {
                machine.deeper(|machine| merge(machine, there, value, overwrites))?;
                false
            }
            (_, Value::Nil) => overwrites,
            // In Go another kind of value is not replaced by a dict.
            (Some(there), Value::Map(_)) => !there.is_true(),
            (Some(there), _) => overwrites || !there.is_true(),
            (None, _) => true,
        };
        if sets {
            let _before = target.entries.borrow_mut().insert(key, value);
        }
    }
    Ok(())
}

fn dig(_: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let all = arguments.all();
    let [keys @ .., otherwise, dict] = all else {
        return Err("it takes keys, a default and a dict".into());
    };
    let mut value = dict.clone();
    for key in keys {
        let Value::Text(key) = key else { return Err("the keys of a dict are strings".into()) };
        let Value::Map(map) = &value else {
            return Err("there is no dict where one is expected".into());
        };
        let found = map.entries.borrow().get(key.bytes()).cloned();
        match found {
            Some(found) => value = found,
            None => return Ok(otherwise.clone()),
        }
    }
    Ok(value)
}
