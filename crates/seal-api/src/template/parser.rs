//! Reads tokens into a tree, by the grammar of Go's `text/template`.

use std::collections::BTreeMap;

use super::error::{Fallible, Limit, Problem};
use super::functions;
use super::lexer::{Kind, Token, tokens};
use super::literals;
use super::tree::{Branch, Command, Node, Operand, OperandKind, Pipeline, Templates};
use super::{MAX_DEPTH, MAX_TEXT, MAX_VARIABLES};

/// Reads a template called `name`. What is wrong comes with the byte at which it was noticed.
pub(super) fn parse(name: &str, text: &str) -> Result<Templates, (usize, Problem)> {
    if text.len() > MAX_TEXT {
        return Err((0, Problem::Limit(Limit::Text)));
    }
    let mut parser = Parser {
        tokens: tokens(text),
        next: 0,
        variables: vec![String::new()],
        ranges: 0,
        depth: 0,
        templates: BTreeMap::new(),
    };
    match parser.file(name) {
        Ok(()) => Ok(Templates { by_name: parser.templates }),
        Err(problem) => Err((parser.at(), problem)),
    }
}

struct Parser<'t> {
    tokens: Vec<Token<'t>>,
    next: usize,
    /// In scope, innermost last; the first is `$`.
    variables: Vec<String>,
    /// How many `range`s are open.
    ranges: usize,
    depth: usize,
    templates: BTreeMap<String, Vec<Node>>,
}

/// How a list of nodes ends.
enum Ending {
    End,
    /// `{{else}}`, or `{{else if`/`{{else with` whose keyword comes next.
    Else(Option<Chained>),
}

#[derive(Clone, Copy, PartialEq)]
enum Chained {
    If,
    With,
}

#[derive(Clone, Copy, PartialEq)]
enum Control {
    If,
    With,
    Range,
}

impl<'t> Parser<'t> {
    /// Where the token stands that was read last.
    fn at(&self) -> usize {
        let last = self.next.saturating_sub(1).min(self.tokens.len() - 1);
        self.tokens[last].at
    }

    fn peek(&self) -> &Kind<'t> {
        &self.tokens[self.next.min(self.tokens.len() - 1)].kind
    }

    fn take(&mut self) -> Fallible<Kind<'t>> {
        let kind = self.peek().clone();
        self.next += 1;
        match kind {
            Kind::Broken(problem) => Err(problem),
            kind => Ok(kind),
        }
    }

    fn skip_space(&mut self) {
        if *self.peek() == Kind::Space {
            self.next += 1;
        }
    }

    fn take_word(&mut self) -> Fallible<Kind<'t>> {
        self.skip_space();
        self.take()
    }

    fn enter(&mut self) -> Fallible<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(Problem::Limit(Limit::Depth)) } else { Ok(()) }
    }

    fn file(&mut self, name: &str) -> Fallible<()> {
        let mut nodes = Vec::new();
        loop {
            if *self.peek() == Kind::End {
                return self.add(name.to_owned(), nodes);
            }
            if self.is_define() {
                self.define()?;
                continue;
            }
            if self.node(&mut nodes)?.is_some() {
                return Err(Problem::Syntax("`end` or `else` without its beginning"));
            }
        }
    }

    fn is_define(&mut self) -> bool {
        let mut ahead = self.tokens[self.next..].iter().map(|token| &token.kind);
        if ahead.next() != Some(&Kind::Open) {
            return false;
        }
        let second = ahead.find(|kind| **kind != Kind::Space);
        second == Some(&Kind::Word("define"))
    }

    fn define(&mut self) -> Fallible<()> {
        self.take()?;
        self.take_word()?;
        let name = self.template_name()?;
        self.expect_close()?;
        self.template_body(name)
    }

    /// What stands up to `end` becomes a template of its own, which sees no variables from outside.
    fn template_body(&mut self, name: String) -> Fallible<()> {
        self.enter()?;
        let outer = std::mem::replace(&mut self.variables, vec![String::new()]);
        let ranges = std::mem::take(&mut self.ranges);
        let (nodes, ending) = self.list()?;
        if !matches!(ending, Ending::End) {
            return Err(Problem::Syntax("`else` belongs to no `if`, `with` or `range` here"));
        }
        self.variables = outer;
        self.ranges = ranges;
        self.depth -= 1;
        self.add(name, nodes)
    }

    fn add(&mut self, name: String, nodes: Vec<Node>) -> Fallible<()> {
        let replaces = self.templates.get(&name).is_none_or(|there| is_empty(there));
        if replaces {
            self.templates.insert(name, nodes);
        } else if !is_empty(&nodes) {
            return Err(Problem::Syntax("a template of this name is defined already"));
        }
        Ok(())
    }

    fn template_name(&mut self) -> Fallible<String> {
        let bytes = match self.take_word()? {
            Kind::Quoted(literal) => literals::quoted(literal)?,
            Kind::Raw(text) => raw(text),
            _ => return Err(Problem::Syntax("the name of a template has to be a string")),
        };
        String::from_utf8(bytes).map_err(|_| Problem::Syntax("the name of a template is no text"))
    }

    fn expect_close(&mut self) -> Fallible<()> {
        match self.take_word()? {
            Kind::Close => Ok(()),
            _ => Err(Problem::Syntax("the action has to end here")),
        }
    }

    /// Nodes up to `end` or `else`.
    fn list(&mut self) -> Fallible<(Vec<Node>, Ending)> {
        let mut nodes = Vec::new();
        loop {
            if *self.peek() == Kind::End {
                self.next += 1;
                return Err(Problem::Unclosed(
                    "a block (`if`, `with`, `range`, `define`, `block`)",
                ));
            }
            if let Some(ending) = self.node(&mut nodes)? {
                return Ok((nodes, ending));
            }
        }
    }

    /// Text or an action.
    fn node(&mut self, nodes: &mut Vec<Node>) -> Fallible<Option<Ending>> {
        match self.take()? {
            Kind::Text(text) => nodes.push(Node::Text(text.to_owned())),
            Kind::Open => return self.action(nodes),
            _ => return Err(Problem::Syntax("this cannot stand here")),
        }
        Ok(None)
    }

    fn action(&mut self, nodes: &mut Vec<Node>) -> Fallible<Option<Ending>> {
        self.skip_space();
        let word = match self.peek() {
            Kind::Word(word) => *word,
            _ => "",
        };
        let at = self.tokens[self.next.min(self.tokens.len() - 1)].at;
        if matches!(
            word,
            "if" | "with"
                | "range"
                | "block"
                | "template"
                | "break"
                | "continue"
                | "end"
                | "else"
                | "define"
        ) {
            self.next += 1;
        }
        match word {
            "if" => nodes.push(self.control(at, Control::If)?),
            "with" => nodes.push(self.control(at, Control::With)?),
            "range" => nodes.push(self.control(at, Control::Range)?),
            "template" => {
                let name = self.template_name()?;
                self.skip_space();
                let argument = match self.peek() {
                    Kind::Close => {
                        self.next += 1;
                        None
                    }
                    _ => Some(self.pipeline(Kind::Close, false)?),
                };
                nodes.push(Node::Template { at, name, argument });
            }
            "block" => {
                let name = self.template_name()?;
                let argument = Some(self.pipeline(Kind::Close, false)?);
                self.template_body(name.clone())?;
                nodes.push(Node::Template { at, name, argument });
            }
            "break" | "continue" => {
                self.expect_close()?;
                if self.ranges == 0 {
                    return Err(Problem::Syntax("`break` and `continue` stand inside of `range`"));
                }
                nodes.push(if word == "break" { Node::Break } else { Node::Continue });
            }
            "end" => {
                self.expect_close()?;
                return Ok(Some(Ending::End));
            }
            "else" => {
                self.skip_space();
                let chained = match self.peek() {
                    Kind::Word("if") => Some(Chained::If),
                    Kind::Word("with") => Some(Chained::With),
                    _ => None,
                };
                match chained {
                    Some(_) => self.next += 1,
                    None => self.expect_close()?,
                }
                return Ok(Some(Ending::Else(chained)));
            }
            "define" => {
                return Err(Problem::Syntax("`define` cannot stand inside of another block"));
            }
            _ => nodes.push(Node::Action(self.pipeline(Kind::Close, false)?)),
        }
        Ok(None)
    }

    fn control(&mut self, at: usize, control: Control) -> Fallible<Node> {
        self.enter()?;
        let scope = self.variables.len();
        let pipeline = self.pipeline(Kind::Close, control == Control::Range)?;
        self.ranges += usize::from(control == Control::Range);
        let (body, ending) = self.list()?;
        self.ranges -= usize::from(control == Control::Range);
        let otherwise = match (ending, control) {
            (Ending::End, _) => Vec::new(),
            (Ending::Else(None), _) => {
                let (otherwise, ending) = self.list()?;
                if !matches!(ending, Ending::End) {
                    return Err(Problem::Syntax("a second `else`"));
                }
                otherwise
            }
            // The `end` of the inner one ends this one too.
            (Ending::Else(Some(Chained::If)), Control::If) => {
                vec![self.control(self.at(), Control::If)?]
            }
            (Ending::Else(Some(Chained::With)), Control::With) => {
                vec![self.control(self.at(), Control::With)?]
            }
            (Ending::Else(Some(_)), _) => {
                return Err(Problem::Syntax("`else if` belongs to `if`, `else with` to `with`"));
            }
        };
        self.variables.truncate(scope);
        self.depth -= 1;
        let branch = Branch { at, pipeline, body, otherwise };
        Ok(match control {
            Control::If => Node::If(branch),
            Control::With => Node::With(branch),
            Control::Range => Node::Range(branch),
        })
    }

    /// `$x := a b | c`, up to and with `end`.
    fn pipeline(&mut self, end: Kind<'t>, is_range: bool) -> Fallible<Pipeline> {
        self.enter()?;
        self.skip_space();
        if self.variables.len() > MAX_VARIABLES {
            return Err(Problem::Limit(Limit::Variables));
        }
        let at = self.tokens[self.next.min(self.tokens.len() - 1)].at;
        let mut pipeline =
            Pipeline { at, assigns: false, variables: Vec::new(), commands: Vec::new() };
        self.declarations(&mut pipeline, is_range)?;
        loop {
            let kind = self.take_word()?;
            if kind == end {
                break;
            }
            self.next -= 1;
            pipeline.commands.push(self.command()?);
        }
        if pipeline.commands.is_empty() {
            return Err(Problem::Syntax("a value is missing"));
        }
        for later in &pipeline.commands[1..] {
            let first = later.operands.first().map(|operand| &operand.kind);
            if matches!(
                first,
                Some(
                    OperandKind::Bool(_)
                        | OperandKind::Dot
                        | OperandKind::Nil
                        | OperandKind::Number(_)
                        | OperandKind::Text(_)
                )
            ) {
                return Err(Problem::Syntax("behind `|` has to be a function"));
            }
        }
        self.depth -= 1;
        Ok(pipeline)
    }

    fn declarations(&mut self, pipeline: &mut Pipeline, is_range: bool) -> Fallible<()> {
        loop {
            self.skip_space();
            let Kind::Variable(name) = *self.peek() else { return Ok(()) };
            let begin = self.next;
            self.next += 1;
            self.skip_space();
            match self.peek() {
                Kind::Assign | Kind::Declare => {
                    pipeline.assigns = *self.peek() == Kind::Assign;
                    self.next += 1;
                    pipeline.variables.push(name.to_owned());
                    self.variables.push(name.to_owned());
                    return Ok(());
                }
                Kind::Comma if is_range && pipeline.variables.is_empty() => {
                    self.next += 1;
                    pipeline.variables.push(name.to_owned());
                    self.variables.push(name.to_owned());
                    self.skip_space();
                    if !matches!(self.peek(), Kind::Variable(_) | Kind::Close | Kind::RightParen) {
                        return Err(Problem::Syntax("behind `,` in `range` has to be a variable"));
                    }
                }
                Kind::Comma => return Err(Problem::Syntax("too many variables")),
                _ => {
                    self.next = begin;
                    return Ok(());
                }
            }
        }
    }

    /// Operands up to `|`, which is taken, or to what ends the pipeline, which is not.
    fn command(&mut self) -> Fallible<Command> {
        let mut operands = Vec::new();
        self.skip_space();
        let at = self.tokens[self.next.min(self.tokens.len() - 1)].at;
        loop {
            self.skip_space();
            if let Some(operand) = self.operand()? {
                operands.push(operand);
            }
            match self.take()? {
                Kind::Space => {}
                Kind::Close | Kind::RightParen => {
                    self.next -= 1;
                    break;
                }
                Kind::Pipe => break,
                _ => return Err(Problem::Syntax("a space or `|` is missing here")),
            }
        }
        if operands.is_empty() {
            return Err(Problem::Syntax("a value is missing"));
        }
        Ok(Command { at, operands })
    }

    fn operand(&mut self) -> Fallible<Option<Operand>> {
        let Some(mut operand) = self.term()? else { return Ok(None) };
        let mut fields = Vec::new();
        while let Kind::Field(name) = *self.peek() {
            fields.push(name.to_owned());
            self.next += 1;
        }
        if fields.is_empty() {
            return Ok(Some(operand));
        }
        operand.kind = match operand.kind {
            OperandKind::Field(mut names) => {
                names.extend(fields);
                OperandKind::Field(names)
            }
            OperandKind::Variable(name, mut names) => {
                names.extend(fields);
                OperandKind::Variable(name, names)
            }
            OperandKind::Pipeline(_) | OperandKind::Function(_) => {
                let at = operand.at;
                OperandKind::Chain(Box::new(Operand { at, kind: operand.kind }), fields)
            }
            _ => return Err(Problem::Syntax("`.` behind something that has no fields")),
        };
        Ok(Some(operand))
    }

    fn term(&mut self) -> Fallible<Option<Operand>> {
        let kind = self.take()?;
        let at = self.at();
        let kind = match kind {
            Kind::Word("nil") => OperandKind::Nil,
            Kind::Word("true") => OperandKind::Bool(true),
            Kind::Word("false") => OperandKind::Bool(false),
            Kind::Word(
                "if" | "with" | "range" | "block" | "template" | "break" | "continue" | "end"
                | "else" | "define",
            ) => return Err(Problem::Syntax("a keyword cannot stand here")),
            Kind::Word(name) => {
                functions::exists(name)?;
                OperandKind::Function(name.to_owned())
            }
            Kind::Dot => OperandKind::Dot,
            Kind::Field(name) => OperandKind::Field(vec![name.to_owned()]),
            Kind::Variable(name) => {
                if !self.variables.iter().any(|known| known == name) {
                    return Err(Problem::UnknownVariable(format!("${name}")));
                }
                OperandKind::Variable(name.to_owned(), Vec::new())
            }
            Kind::Number(text) => OperandKind::Number(literals::number(text)?),
            Kind::Character(literal) => {
                let code = literals::rune(literal)?;
                let (int, float) = (Some(code), Some(code as f64));
                OperandKind::Number(super::tree::Number { int, float, looks_like_a_float: false })
            }
            Kind::Quoted(literal) => OperandKind::Text(literals::quoted(literal)?),
            Kind::Raw(text) => OperandKind::Text(raw(text)),
            Kind::LeftParen => {
                OperandKind::Pipeline(Box::new(self.pipeline(Kind::RightParen, false)?))
            }
            _ => {
                self.next -= 1;
                return Ok(None);
            }
        };
        Ok(Some(Operand { at, kind }))
    }
}

/// Go drops carriage returns from what stands between backquotes.
fn raw(text: &str) -> Vec<u8> {
    text.bytes().filter(|byte| *byte != b'\r').collect()
}

/// Whether it prints nothing but spaces, which does not count as a definition.
fn is_empty(nodes: &[Node]) -> bool {
    nodes.iter().all(|node| matches!(node, Node::Text(text) if text.trim().is_empty()))
}
