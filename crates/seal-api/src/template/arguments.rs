//! What functions take, and the arguments that they get.

use super::error::{Fallible, Problem};
use super::functions::Function;
use super::machine::Machine;
use super::value::{List, Map, Text, Value, Width};
use std::rc::Rc;

use super::functions::dates::Time;

/// The type of a parameter, as Go's reflection checks it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Type {
    /// `interface{}`: everything.
    Any,
    /// Everything, and what a map without that key gives.
    Value,
    Text,
    Int,
    Float,
    Bool,
    Dict,
    Time,
}

impl Type {
    fn words(self) -> &'static str {
        match self {
            Self::Any | Self::Value => "anything",
            Self::Text => "a string",
            Self::Int => "an int",
            Self::Float => "a float64",
            Self::Bool => "a bool",
            Self::Dict => "a dict",
            Self::Time => "a time",
        }
    }
}

/// Refuses too few arguments and too many.
pub(super) fn check_count(function: &Function, got: usize) -> Fallible<()> {
    let fixed = function.parameters.len();
    let wanted = match function.rest {
        Some(_) if got < fixed => format!("at least {fixed}"),
        None if got != fixed => fixed.to_string(),
        _ => return Ok(()),
    };
    Err(Problem::ArgumentCount { function: function.name.to_owned(), wanted, got })
}

/// Makes sure that a value is what the parameter takes.
pub(super) fn coerce(
    machine: &mut Machine<'_>,
    function: &Function,
    index: usize,
    value: Value,
) -> Fallible<Value> {
    let wanted = function.parameter(index);
    match (wanted, value) {
        (Type::Value, value) => Ok(value),
        (Type::Any, Value::Missing) => Ok(Value::Nil),
        (Type::Any, value) => Ok(value),
        (Type::Text, value @ Value::Text(_)) => Ok(value),
        (Type::Int, value @ Value::Int(Width::Int, _)) => Ok(value),
        (Type::Float, value @ Value::Float(_)) => Ok(value),
        (Type::Bool, value @ Value::Bool(_)) => Ok(value),
        (Type::Time, value @ Value::Time(_)) => Ok(value),
        (Type::Dict, Value::Missing | Value::Nil) => machine.map(false, Default::default()),
        // Upstream's dot is a `map[string]string`, which its dict functions refuse. Ours get a copy.
        (Type::Dict, Value::Map(map)) if map.of_strings => {
            let entries = machine.entries(&map)?;
            machine.map(false, entries)
        }
        (Type::Dict, value @ Value::Map(_)) => Ok(value),
        (_, value) => Err(Problem::ArgumentType {
            function: function.name.to_owned(),
            argument: index + 1,
            wanted: wanted.words(),
            got: if value.is_nil() { "nothing" } else { value.type_name() },
        }),
    }
}

/// The arguments of one call, which have the types of the parameters.
pub(super) struct Arguments(Vec<Value>);

impl Arguments {
    pub(super) fn new(values: Vec<Value>) -> Self {
        Self(values)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn all(&self) -> &[Value] {
        &self.0
    }

    pub(super) fn from(&self, index: usize) -> &[Value] {
        self.0.get(index..).unwrap_or_default()
    }

    /// Any argument; nothing where there is none.
    pub(super) fn value(&self, index: usize) -> &Value {
        self.0.get(index).unwrap_or(&Value::Nil)
    }

    pub(super) fn text(&self, index: usize) -> Fallible<Text> {
        match self.0.get(index) {
            Some(Value::Text(text)) => Ok(text.clone()),
            _ => Err(Problem::Engine),
        }
    }

    pub(super) fn int(&self, index: usize) -> Fallible<i64> {
        match self.0.get(index) {
            Some(Value::Int(_, number)) => Ok(*number),
            _ => Err(Problem::Engine),
        }
    }

    pub(super) fn bool(&self, index: usize) -> Fallible<bool> {
        match self.0.get(index) {
            Some(Value::Bool(flag)) => Ok(*flag),
            _ => Err(Problem::Engine),
        }
    }

    pub(super) fn dict(&self, index: usize) -> Fallible<Rc<Map>> {
        match self.0.get(index) {
            Some(Value::Map(map)) => Ok(Rc::clone(map)),
            _ => Err(Problem::Engine),
        }
    }

    pub(super) fn time(&self, index: usize) -> Fallible<Rc<Time>> {
        match self.0.get(index) {
            Some(Value::Time(time)) => Ok(Rc::clone(time)),
            _ => Err(Problem::Engine),
        }
    }

    /// A list, of a parameter that takes anything.
    pub(super) fn list(&self, index: usize) -> Option<Rc<List>> {
        match self.0.get(index) {
            Some(Value::List(list)) => Some(Rc::clone(list)),
            _ => None,
        }
    }
}
