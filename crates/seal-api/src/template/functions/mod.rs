//! The functions of templates: Go's own, and sprig's but for those that reach out of the process.

mod builtins;
pub(super) mod dates;
mod decimal;
mod dicts;
mod encodings;
mod json;
mod keys;
pub(super) mod layout;
mod lists;
mod numbers;
mod passwords;
mod paths;
mod random;
mod regexes;
mod strings;
mod types;
mod urls;
pub(super) mod versions;
mod words;

use std::collections::HashMap;
use std::sync::LazyLock;

use super::arguments::{Arguments, Type};
use super::error::{Fallible, Problem};
use super::machine::Machine;
use super::value::Value;

/// A function, as templates see it.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// The types of the parameters that have to be there.
    pub(super) parameters: &'static [Type],
    /// The type of any more.
    pub(super) rest: Option<Type>,
    pub(super) work: Work,
}

/// What a function does.
#[derive(Clone, Copy)]
pub(super) enum Work {
    /// The first argument that is true, or that is not; the others are not evaluated.
    First {
        stops_at: bool,
    },
    Call(fn(&mut Machine<'_>, Arguments) -> Outcome),
}

/// The value of a function.
pub(super) type Outcome = Result<Value, Failure>;

/// Why a function gives none.
pub(super) enum Failure {
    /// In words, which the function's name precedes.
    Why(&'static str),
    Problem(Problem),
}

impl Failure {
    pub(super) fn of(self, function: &str) -> Problem {
        match self {
            Self::Why(why) => Problem::Failed { function: function.to_owned(), why },
            Self::Problem(problem) => problem,
        }
    }
}

impl From<&'static str> for Failure {
    fn from(why: &'static str) -> Self {
        Self::Why(why)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl Function {
    const fn new(
        name: &'static str,
        parameters: &'static [Type],
        call: fn(&mut Machine<'_>, Arguments) -> Outcome,
    ) -> Self {
        Self { name, parameters, rest: None, work: Work::Call(call) }
    }

    /// The same with any number of arguments more.
    const fn and(mut self, rest: Type) -> Self {
        self.rest = Some(rest);
        self
    }

    /// The type of the parameter at `index`.
    pub(super) fn parameter(&self, index: usize) -> Type {
        self.parameters.get(index).copied().or(self.rest).unwrap_or(Type::Any)
    }
}

static FUNCTIONS: LazyLock<HashMap<&'static str, &'static Function>> = LazyLock::new(|| {
    let tables: &[&'static [Function]] = &[
        builtins::FUNCTIONS,
        dates::FUNCTIONS,
        dicts::FUNCTIONS,
        encodings::FUNCTIONS,
        json::FUNCTIONS,
        keys::FUNCTIONS,
        lists::FUNCTIONS,
        numbers::FUNCTIONS,
        passwords::FUNCTIONS,
        paths::FUNCTIONS,
        random::FUNCTIONS,
        regexes::FUNCTIONS,
        strings::FUNCTIONS,
        types::FUNCTIONS,
        urls::FUNCTIONS,
        versions::FUNCTIONS,
    ];
    tables.iter().flat_map(|table| table.iter()).map(|function| (function.name, function)).collect()
});

/// Functions of sprig that templates of a cluster do not get, and those that are not written here.
const NOT_OFFERED: &[&str] = &["call", "env", "expandenv", "getHostByName"];

/// The function of that name.
pub(super) fn find(name: &str) -> Fallible<&'static Function> {
    match FUNCTIONS.get(name) {
        Some(function) => Ok(function),
        None if NOT_OFFERED.contains(&name) => Err(Problem::NotOffered(name.to_owned())),
        None => Err(Problem::UnknownFunction(name.to_owned())),
    }
}

/// Whether there is one: asked while the template is read.
pub(super) fn exists(name: &str) -> Fallible<()> {
    find(name).map(|_| ())
}

/// A field or method of something that is no map.
pub(super) fn method(
    machine: &mut Machine<'_>,
    receiver: &Value,
    name: &str,
    arguments: Vec<Value>,
) -> Fallible<Value> {
    let no_field = || Problem::NoField { field: name.to_owned(), of: receiver.type_name() };
    match receiver {
        Value::Certificate(certificate) if arguments.is_empty() => match name {
            "Cert" => Ok(Value::Text(certificate.cert.clone())),
            "Key" => Ok(Value::Text(certificate.key.clone())),
            _ => Err(no_field()),
        },
        Value::Time(time) => dates::method(machine, time, name, &arguments)?.ok_or_else(no_field),
        Value::Version(version) if arguments.is_empty() => {
            versions::method(machine, version, name)?.ok_or_else(no_field)
        }
        _ => Err(no_field()),
    }
}
