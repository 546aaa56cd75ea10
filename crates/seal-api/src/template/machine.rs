//! Runs a template: walks its tree, evaluates pipelines, calls functions, and keeps to the limits.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use jiff::Timestamp;
use regex::bytes::Regex;
use zeroize::{Zeroize, Zeroizing};

use super::arguments::{self, Arguments, Type};
use super::error::{Fallible, Limit, Problem};
use super::functions::{self, Function, Work};
use super::print;
use super::tree::{Branch, Command, Node, Operand, OperandKind, Pipeline, Templates};
use super::value::{Elements, Entries, List, Map, Value, Width};
use super::{MAX_DEPTH, MAX_MEMORY, MAX_OUTPUT, MAX_SLOW, MAX_STEPS};

/// What the templates of an object have used of what they may use together.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spent {
    steps: u64,
    memory: usize,
    slow: u32,
}

/// A run of one template.
pub(super) struct Machine<'t> {
    templates: &'t Templates,
    now: Timestamp,
    variables: Vec<(String, Value)>,
    out: Zeroizing<Vec<u8>>,
    /// The byte of the template that is being evaluated.
    pub(super) at: usize,
    /// Whether the clock was asked, or anything drawn.
    pub(super) changing: bool,
    depth: usize,
    spent: Spent,
    /// Regular expressions of this run, compiled.
    pub(super) regexes: HashMap<Vec<u8>, Rc<Regex>>,
    /// Every map of this run, so that none is dropped before the end, see [`Map`].
    maps: Vec<Rc<Map>>,
}

/// How a list of nodes was left.
#[derive(Clone, Copy, PartialEq)]
enum Flow {
    Next,
    Break,
    Continue,
}

impl Drop for Machine<'_> {
    fn drop(&mut self) {
        self.variables.clear();
        for map in &self.maps {
            let entries = map.entries.take();
            // Maps are owned by `self.maps` still, so that nothing recurses from map to map here.
            for (mut key, value) in entries {
                key.zeroize();
                drop(value);
            }
        }
    }
}

impl<'t> Machine<'t> {
    pub(super) fn new(templates: &'t Templates, now: Timestamp, spent: Spent) -> Self {
        Self {
            templates,
            now,
            variables: Vec::new(),
            out: Zeroizing::default(),
            at: 0,
            changing: false,
            depth: 0,
            spent,
            regexes: HashMap::new(),
            maps: Vec::new(),
        }
    }

    /// Runs the template called `name`.
    pub(super) fn run(&mut self, name: &str, fields: Entries) -> Fallible<Zeroizing<Vec<u8>>> {
        let dot = self.map(true, fields)?;
        self.template(name, dot)?;
        Ok(std::mem::take(&mut self.out))
    }

    /// What was used so far, by the templates before this one too.
    pub(super) fn spent(&self) -> Spent {
        self.spent
    }

    /// Counts work. All that takes time is counted somewhere.
    pub(super) fn step(&mut self, steps: usize) -> Fallible<()> {
        self.spent.steps = self.spent.steps.saturating_add(steps as u64);
        if self.spent.steps > MAX_STEPS { Err(Problem::Limit(Limit::Steps)) } else { Ok(()) }
    }

    /// Counts the reading of bytes, which is faster than a step.
    pub(super) fn read(&mut self, bytes: usize) -> Fallible<()> {
        self.step(bytes / 64)
    }

    /// Counts memory before it is taken.
    pub(super) fn reserve(&mut self, bytes: usize) -> Fallible<()> {
        self.spent.memory = self.spent.memory.saturating_add(bytes);
        if self.spent.memory > MAX_MEMORY { Err(Problem::Limit(Limit::Memory)) } else { Ok(()) }
    }

    /// Counts calls of functions that take long by their nature.
    pub(super) fn slow(&mut self, weight: u32) -> Fallible<()> {
        self.spent.slow = self.spent.slow.saturating_add(weight);
        if self.spent.slow > MAX_SLOW { Err(Problem::Limit(Limit::Slow)) } else { Ok(()) }
    }

    /// Does something one level deeper.
    pub(super) fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> Fallible<T>) -> Fallible<T> {
        self.depth += 1;
        let done =
            if self.depth > MAX_DEPTH { Err(Problem::Limit(Limit::Depth)) } else { work(self) };
        self.depth -= 1;
        done
    }

    /// The time of this run.
    pub(super) fn now(&mut self) -> Timestamp {
        self.changing = true;
        self.now
    }

    /// Makes a string.
    pub(super) fn text(&mut self, bytes: impl Into<Vec<u8>>) -> Fallible<Value> {
        let bytes = bytes.into();
        self.reserve(bytes.len())?;
        Ok(Value::text(bytes))
    }

    /// Makes a list.
    pub(super) fn list(&mut self, elements: Elements, items: Vec<Value>) -> Fallible<Value> {
        self.step(items.len() / 8)?;
        self.reserve(items.len() * size_of::<Value>())?;
        let depth = 1 + items.iter().map(Value::depth).max().unwrap_or(0);
        if depth > MAX_DEPTH {
            return Err(Problem::Limit(Limit::Depth));
        }
        Ok(Value::List(Rc::new(List { elements, items, depth })))
    }

    /// Makes a list of strings.
    pub(super) fn strings<'b>(
        &mut self,
        strings: impl IntoIterator<Item = &'b [u8]>,
    ) -> Fallible<Value> {
        let mut items = Vec::new();
        for string in strings {
            self.reserve(size_of::<Value>())?;
            items.push(self.text(string)?);
        }
        self.list(Elements::Strings, items)
    }

    /// Makes a map.
    pub(super) fn map(&mut self, of_strings: bool, entries: Entries) -> Fallible<Value> {
        self.step(entries.len())?;
        self.reserve(64 + entries.len() * 2 * size_of::<Value>())?;
        let map = Rc::new(Map { of_strings, entries: RefCell::new(entries) });
        self.maps.push(Rc::clone(&map));
        Ok(Value::Map(map))
    }

    /// Makes a copy of the entries of a map.
    pub(super) fn entries(&mut self, map: &Map) -> Fallible<Entries> {
        let entries = map.entries.borrow();
        for key in entries.keys() {
            self.step(1)?;
            self.reserve(key.len() + 2 * size_of::<Value>())?;
        }
        Ok(entries.clone())
    }

    fn template(&mut self, name: &str, dot: Value) -> Fallible<()> {
        let templates = self.templates;
        let nodes =
            templates.by_name.get(name).ok_or_else(|| Problem::UnknownTemplate(name.to_owned()))?;
        let outer = std::mem::replace(&mut self.variables, vec![(String::new(), dot.clone())]);
        let walked = self.deeper(|machine| machine.walk(&dot, nodes));
        self.variables = outer;
        walked.map(|_| ())
    }

    fn walk(&mut self, dot: &Value, nodes: &'t [Node]) -> Fallible<Flow> {
        for node in nodes {
            self.step(1)?;
            match node {
                Node::Text(text) => self.print(text.as_bytes())?,
                Node::Action(pipeline) => {
                    let value = self.pipeline(dot, pipeline)?;
                    if pipeline.variables.is_empty() {
                        self.at = pipeline.at;
                        let printed = print::top_level(self, &value)?;
                        self.print(&printed)?;
                    }
                }
                Node::If(branch) | Node::With(branch) => {
                    let is_with = matches!(node, Node::With(_));
                    let flow = self.deeper(|machine| machine.branch(dot, branch, is_with))?;
                    if flow != Flow::Next {
                        return Ok(flow);
                    }
                }
                Node::Range(branch) => {
                    let flow = self.deeper(|machine| machine.range(dot, branch))?;
                    if flow != Flow::Next {
                        return Ok(flow);
                    }
                }
                Node::Template { at, name, argument } => {
                    let argument = match argument {
                        Some(pipeline) => self.pipeline(dot, pipeline)?,
                        None => Value::Missing,
                    };
                    self.at = *at;
                    self.template(name, argument)?;
                }
                Node::Break => return Ok(Flow::Break),
                Node::Continue => return Ok(Flow::Continue),
            }
        }
        Ok(Flow::Next)
    }

    fn print(&mut self, bytes: &[u8]) -> Fallible<()> {
        if self.out.len() + bytes.len() > MAX_OUTPUT {
            return Err(Problem::Limit(Limit::Output));
        }
        let needed = self.out.len() + bytes.len();
        if needed > self.out.capacity() {
            // Not left to `Vec`, which would leave the old bytes behind.
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(1024) * 2));
            larger.extend_from_slice(&self.out);
            self.out = larger;
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn branch(&mut self, dot: &Value, branch: &'t Branch, is_with: bool) -> Fallible<Flow> {
        let scope = self.variables.len();
        let value = self.pipeline(dot, &branch.pipeline)?;
        let flow = if value.is_true() {
            self.walk(if is_with { &value } else { dot }, &branch.body)
        } else {
            self.walk(dot, &branch.otherwise)
        };
        self.variables.truncate(scope);
        flow
    }

    fn range(&mut self, dot: &Value, branch: &'t Branch) -> Fallible<Flow> {
        let scope = self.variables.len();
        let value = self.pipeline(dot, &branch.pipeline)?;
        self.at = branch.at;
        let flow = match &value {
            Value::List(list) if !list.items.is_empty() => {
                self.rounds(branch, list.items.len(), |_, round| {
                    Ok((Value::int(round as i64), list.items[round].clone()))
                })
            }
            Value::Map(map) if !map.entries.borrow().is_empty() => {
                // What is set while it runs is not seen, as in Go.
                let entries: Vec<(Vec<u8>, Value)> = self.entries(map)?.into_iter().collect();
                self.rounds(branch, entries.len(), |machine, round| {
                    let (key, value) = &entries[round];
                    Ok((machine.text(key.clone())?, value.clone()))
                })
            }
            Value::Int(Width::Int | Width::Int64, count) if *count > 0 => {
                if branch.pipeline.variables.len() > 1 {
                    return Err(Problem::Misuse(
                        "`range` over a number gives one variable, not two",
                    ));
                }
                // More rounds than steps are left end by themselves.
                let count = usize::try_from(*count).unwrap_or(usize::MAX);
                self.rounds(branch, count, |_, round| {
                    Ok((Value::Missing, Value::int(round as i64)))
                })
            }
            Value::List(_) | Value::Map(_) | Value::Missing | Value::Nil | Value::Int(..) => {
                self.walk(dot, &branch.otherwise)
            }
            _ => Err(Problem::Misuse("`range` goes over lists, dicts and numbers only")),
        };
        self.variables.truncate(scope);
        flow
    }

    fn rounds(
        &mut self,
        branch: &'t Branch,
        rounds: usize,
        mut round: impl FnMut(&mut Self, usize) -> Fallible<(Value, Value)>,
    ) -> Fallible<Flow> {
        let scope = self.variables.len();
        let declared = branch.pipeline.variables.len();
        for index in 0..rounds {
            self.step(1)?;
            let (key, element) = round(self, index)?;
            if branch.pipeline.assigns {
                match branch.pipeline.variables.as_slice() {
                    [one] => self.assign(one, element.clone())?,
                    [first, second] => {
                        self.assign(first, key)?;
                        self.assign(second, element.clone())?;
                    }
                    _ => {}
                }
            } else {
                if declared > 0 {
                    self.variables[scope - 1].1 = element.clone();
                }
                if declared > 1 {
                    self.variables[scope - 2].1 = key;
                }
            }
            let flow = self.walk(&element, &branch.body);
            self.variables.truncate(scope);
            if flow? == Flow::Break {
                break;
            }
        }
        Ok(Flow::Next)
    }

    fn assign(&mut self, name: &str, value: Value) -> Fallible<()> {
        self.step(self.variables.len() / 8)?;
        match self.variables.iter_mut().rev().find(|(known, _)| known == name) {
            Some((_, place)) => {
                *place = value;
                Ok(())
            }
            None => Err(Problem::UnknownVariable(format!("${name}"))),
        }
    }

    fn pipeline(&mut self, dot: &Value, pipeline: &'t Pipeline) -> Fallible<Value> {
        self.at = pipeline.at;
        let mut value = None;
        for command in &pipeline.commands {
            let result = self.deeper(|machine| machine.command(dot, command, value.take()))?;
            value = Some(if result.is_nil() { Value::Missing } else { result });
        }
        let value = value.unwrap_or(Value::Missing);
        for name in &pipeline.variables {
            if pipeline.assigns {
                self.assign(name, value.clone())?;
            } else {
                self.variables.push((name.clone(), value.clone()));
            }
        }
        Ok(value)
    }

    fn command(
        &mut self,
        dot: &Value,
        command: &'t Command,
        last: Option<Value>,
    ) -> Fallible<Value> {
        self.step(1)?;
        self.at = command.at;
        let Some((first, arguments)) = command.operands.split_first() else {
            return Err(Problem::Engine);
        };
        match &first.kind {
            OperandKind::Function(name) => self.call(dot, name, command.at, arguments, last),
            OperandKind::Field(names) => self.fields(dot, dot.clone(), names, arguments, last),
            OperandKind::Chain(inner, names) => {
                let receiver = self.operand(dot, inner, Type::Any)?;
                self.fields(dot, receiver, names, arguments, last)
            }
            OperandKind::Variable(name, names) if !names.is_empty() => {
                let receiver = self.variable(name)?;
                self.fields(dot, receiver, names, arguments, last)
            }
            _ if !arguments.is_empty() || last.is_some() => {
                Err(Problem::Misuse("only functions take arguments"))
            }
            OperandKind::Nil => Err(Problem::Misuse("`nil` alone is nothing to print")),
            _ => self.operand(dot, first, Type::Value),
        }
    }

    fn variable(&mut self, name: &str) -> Fallible<Value> {
        self.step(self.variables.len() / 8)?;
        let known = self.variables.iter().rev().find(|(known, _)| known == name);
        known
            .map(|(_, value)| value.clone())
            .ok_or_else(|| Problem::UnknownVariable(format!("${name}")))
    }

    /// The value of one operand for a parameter of this type.
    fn operand(&mut self, dot: &Value, operand: &'t Operand, wanted: Type) -> Fallible<Value> {
        self.step(1)?;
        self.at = operand.at;
        match &operand.kind {
            OperandKind::Dot => Ok(dot.clone()),
            OperandKind::Nil => Ok(Value::Nil),
            OperandKind::Bool(flag) => Ok(Value::Bool(*flag)),
            OperandKind::Text(text) => self.text(text.clone()),
            OperandKind::Number(number) => Ok(match (wanted, number.int, number.float) {
                (Type::Float, _, Some(float)) => Value::Float(float),
                (Type::Int, Some(int), _) => Value::int(int),
                (_, _, Some(float)) if number.looks_like_a_float => Value::Float(float),
                (_, Some(int), _) => Value::int(int),
                (_, _, float) => Value::Float(float.unwrap_or(f64::NAN)),
            }),
            OperandKind::Field(names) => self.fields(dot, dot.clone(), names, &[], None),
            OperandKind::Variable(name, names) => {
                let value = self.variable(name)?;
                if names.is_empty() { Ok(value) } else { self.fields(dot, value, names, &[], None) }
            }
            OperandKind::Pipeline(inner) => self.deeper(|machine| machine.pipeline(dot, inner)),
            OperandKind::Function(name) => {
                self.deeper(|machine| machine.call(dot, name, operand.at, &[], None))
            }
            OperandKind::Chain(inner, names) => self.deeper(|machine| {
                let receiver = machine.operand(dot, inner, Type::Any)?;
                machine.fields(dot, receiver, names, &[], None)
            }),
        }
    }

    /// `.a.b` of a value; the last one may be a method and take arguments.
    fn fields(
        &mut self,
        dot: &Value,
        mut receiver: Value,
        names: &'t [String],
        arguments: &'t [Operand],
        last: Option<Value>,
    ) -> Fallible<Value> {
        let Some((final_name, inner)) = names.split_last() else { return Err(Problem::Engine) };
        for name in inner {
            receiver = self.field(&receiver, name, Vec::new())?;
        }
        let at = self.at;
        let mut values = Vec::new();
        for argument in arguments {
            values.push(self.operand(dot, argument, Type::Any)?);
        }
        values.extend(last);
        self.at = at;
        self.field(&receiver, final_name, values)
    }

    fn field(&mut self, receiver: &Value, name: &str, arguments: Vec<Value>) -> Fallible<Value> {
        self.step(1)?;
        match receiver {
            Value::Missing => Ok(Value::Missing),
            Value::Nil => Err(Problem::NoField { field: name.to_owned(), of: "nil" }),
            Value::Map(map) => {
                if !arguments.is_empty() {
                    return Err(Problem::Misuse("only functions take arguments"));
                }
                Ok(map.entries.borrow().get(name.as_bytes()).cloned().unwrap_or(Value::Missing))
            }
            _ => functions::method(self, receiver, name, arguments),
        }
    }

    /// Calls a function with operands, and with what comes through the pipe as its last argument.
    fn call(
        &mut self,
        dot: &Value,
        name: &str,
        at: usize,
        operands: &'t [Operand],
        last: Option<Value>,
    ) -> Fallible<Value> {
        let function = functions::find(name)?;
        let count = operands.len() + usize::from(last.is_some());
        arguments::check_count(function, count)?;
        if let Work::First { stops_at } = function.work {
            return self.first(dot, operands, last, stops_at);
        }
        let mut values = Vec::with_capacity(count);
        for (index, operand) in operands.iter().enumerate() {
            let wanted = function.parameter(index);
            let value = self.operand(dot, operand, wanted)?;
            self.at = operand.at;
            values.push(arguments::coerce(self, function, index, value)?);
        }
        self.at = at;
        if let Some(last) = last {
            values.push(arguments::coerce(self, function, operands.len(), last)?);
        }
        self.work(function, values)
    }

    /// Does the work of a function whose arguments are all there.
    pub(super) fn work(&mut self, function: &Function, values: Vec<Value>) -> Fallible<Value> {
        let Work::Call(work) = function.work else { return Err(Problem::Engine) };
        self.step(1 + values.len())?;
        self.deeper(|machine| {
            work(machine, Arguments::new(values)).map_err(|failure| failure.of(function.name))
        })
    }

    /// `and` and `or`: the first value that decides, or the last one.
    fn first(
        &mut self,
        dot: &Value,
        operands: &'t [Operand],
        last: Option<Value>,
        stops_at: bool,
    ) -> Fallible<Value> {
        let mut value = Value::Missing;
        for operand in operands {
            value = self.operand(dot, operand, Type::Value)?;
            if value.is_true() == stops_at {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }
}
