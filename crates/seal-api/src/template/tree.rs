//! What a template says, read.

use std::collections::BTreeMap;

/// A template and those that it defines.
pub(super) struct Templates {
    pub(super) by_name: BTreeMap<String, Vec<Node>>,
}

/// One piece of a template.
pub(super) enum Node {
    /// Printed as it stands.
    Text(String),
    /// Printed, unless it declares or assigns.
    Action(Pipeline),
    If(Branch),
    With(Branch),
    Range(Branch),
    /// Another template, with this as its dot.
    Template {
        at: usize,
        name: String,
        argument: Option<Pipeline>,
    },
    Break,
    Continue,
}

/// `if`, `with` and `range`: what decides, and the two ways.
pub(super) struct Branch {
    pub(super) at: usize,
    pub(super) pipeline: Pipeline,
    pub(super) body: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

/// Commands, each of which gets the value of the one before it as its last argument.
pub(super) struct Pipeline {
    pub(super) at: usize,
    /// `$x = …` instead of `$x := …`.
    pub(super) assigns: bool,
    pub(super) variables: Vec<String>,
    pub(super) commands: Vec<Command>,
}

/// An operand, or a function with its arguments.
pub(super) struct Command {
    pub(super) at: usize,
    pub(super) operands: Vec<Operand>,
}

/// An operand and where it stands.
pub(super) struct Operand {
    pub(super) at: usize,
    pub(super) kind: OperandKind,
}

pub(super) enum OperandKind {
    Function(String),
    /// `.a.b`, from the dot.
    Field(Vec<String>),
    /// `$x.a.b`; the name without `$`.
    Variable(String, Vec<String>),
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    Text(Vec<u8>),
    Pipeline(Box<Pipeline>),
    /// `(…).a.b`.
    Chain(Box<Operand>, Vec<String>),
}

/// A number as it is written, which is an integer, a float, or either.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Number {
    pub(super) int: Option<i64>,
    pub(super) float: Option<f64>,
    /// A point or an exponent was written.
    pub(super) looks_like_a_float: bool,
}
