//! Why a template gives nothing: a place and a class, and names that stand in the template itself. Never a value.

use std::fmt;

use thiserror::Error;

/// Why a template gives nothing. Holds names that the template itself spells (functions, fields, variables), never text
/// that could quote a value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct TemplateError {
    /// Line of the template, from 1.
    pub line: usize,
    /// Character of that line, from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: Problem,
}

impl TemplateError {
    /// The class in one word, for reason codes and metrics.
    pub fn class(&self) -> &'static str {
        match self.problem {
            Problem::Syntax(_) | Problem::Unclosed(_) => "syntax",
            Problem::UnknownFunction(_)
            | Problem::NotOffered(_)
            | Problem::UnknownVariable(_)
            | Problem::UnknownTemplate(_) => "unknown-name",
            Problem::ArgumentCount { .. } | Problem::ArgumentType { .. } | Problem::Misuse(_) => {
                "type-mismatch"
            }
            Problem::NoField { .. } => "type-mismatch",
            Problem::Failed { .. } => "function-failed",
            Problem::Limit(_) => "limit-exceeded",
            Problem::Engine => "engine",
        }
    }

    /// The place of byte `at` of `text`.
    pub(super) fn new(text: &str, at: usize, problem: Problem) -> Self {
        let mut at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let before = &text[..at];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { line, column, problem }
    }
}

/// What is wrong with a template, or with what it does.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// It is not written as Go's templates are.
    #[error("{0}")]
    Syntax(&'static str),
    /// The text ends inside of something.
    #[error("{0} is not closed")]
    Unclosed(&'static str),
    /// Neither Go nor sprig has such a function.
    #[error("there is no function {}", Name(.0))]
    UnknownFunction(String),
    /// Go or sprig has it, but it is not offered in templates of a cluster.
    #[error("function {} is not offered in templates here", Name(.0))]
    NotOffered(String),
    /// A variable that is not in scope.
    #[error("there is no variable {}", Name(.0))]
    UnknownVariable(String),
    /// `{{ template "…" }}` of one that is not defined.
    #[error("there is no template {}", Name(.0))]
    UnknownTemplate(String),
    /// A function got too few arguments, or too many.
    #[error("function {} takes {wanted}, not {got} arguments", Name(.function))]
    ArgumentCount {
        /// The function.
        function: String,
        /// How many it takes, in words.
        wanted: String,
        /// How many it got.
        got: usize,
    },
    /// An argument is of a type that the function does not take.
    #[error("argument {argument} of {} has to be {wanted}, not {got}", Name(.function))]
    ArgumentType {
        /// The function.
        function: String,
        /// Which argument, from 1.
        argument: usize,
        /// The type that it takes.
        wanted: &'static str,
        /// The type that it got.
        got: &'static str,
    },
    /// A value is used as what it is not.
    #[error("{0}")]
    Misuse(&'static str),
    /// A field of something that has none of this name.
    #[error("{of} has no field or method {}", Name(.field))]
    NoField {
        /// The field.
        field: String,
        /// The type that was asked for it.
        of: &'static str,
    },
    /// A function could not do its work.
    #[error("function {} failed: {why}", Name(.function))]
    Failed {
        /// The function.
        function: String,
        /// Why, without any value.
        why: &'static str,
    },
    /// The template wants more than templates get.
    #[error("{0}")]
    Limit(Limit),
    /// A mistake in this engine, not in the template.
    #[error("the template engine itself failed; please report this template without its values")]
    Engine,
}

/// What templates get no more of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Limit {
    /// Steps of evaluation.
    #[error("the template takes too many steps (limit {})", super::MAX_STEPS)]
    Steps,
    /// Bytes that the template prints.
    #[error("the template prints more than a Secret can hold ({} bytes)", super::MAX_OUTPUT)]
    Output,
    /// Bytes of all values that are made while it runs.
    #[error(
        "the values that the template makes are too large (limit {} bytes together)",
        super::MAX_MEMORY
    )]
    Memory,
    /// Blocks, parentheses, calls or values within one another.
    #[error("the template nests too deeply (limit {})", super::MAX_DEPTH)]
    Depth,
    /// Bytes of the template itself.
    #[error("the template is too long (limit {} bytes)", super::MAX_TEXT)]
    Text,
    /// Variables in scope.
    #[error("the template has too many variables (limit {} at one place)", super::MAX_VARIABLES)]
    Variables,
    /// Slow functions: password hashes, new keys.
    #[error("the template calls slow functions (password hashes, new keys) too often")]
    Slow,
}

/// A name of the template in quotes, cut where it is too long for a message.
struct Name<'a>(&'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut short: String = self.0.chars().take(64).collect();
        if short.len() < self.0.len() {
            short.push('…');
        }
        write!(f, "{short:?}")
    }
}

/// What went wrong while a template ran; the machine knows where.
pub(super) type Fallible<T> = Result<T, Problem>;
