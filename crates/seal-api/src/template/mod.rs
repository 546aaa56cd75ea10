//! Go templates of SealedSecrets, with the functions of sprig that need neither network nor environment.
//!
//! The engine is our own: strings are bytes, as in Go, and are wiped; steps, memory, output and nesting have limits; an
//! error holds a place and names of the template, never a value.

mod arguments;
mod error;
mod functions;
mod lexer;
mod literals;
mod machine;
mod parser;
mod print;
mod printf;
mod quote;
mod tree;
mod value;

use std::collections::BTreeMap;

use jiff::Timestamp;
use seal_core::secret::SecretBytes;

pub use error::{Limit, Problem, TemplateError};

use machine::{Machine, Spent};
use value::{Entries, Value};

/// Bytes of a template.
pub const MAX_TEXT: usize = 1024 * 1024;
/// Bytes that the templates of an object print, together: what a Secret can hold.
pub const MAX_OUTPUT: usize = 1024 * 1024;
/// Bytes of all values that the templates of an object make while they run, together.
pub const MAX_MEMORY: usize = 32 * 1024 * 1024;
/// Blocks, parentheses, calls and values within one another.
pub const MAX_DEPTH: usize = 200;
/// Variables in scope at one place.
pub const MAX_VARIABLES: usize = 1_000;
/// Steps of evaluation of all templates of an object.
pub const MAX_STEPS: u64 = 500_000;
/// Weights of slow functions: 1 for a password hash, 4 for an RSA key.
const MAX_SLOW: u32 = 16;
/// Enough for the deepest nesting, in a build without optimisation too.
const STACK: usize = 64 * 1024 * 1024;

/// What came out of a template.
#[derive(Debug)]
pub struct Rendered {
    /// The text.
    pub text: SecretBytes,
    /// Whether another run may give another text: a function that draws or asks the clock was used.
    pub changing: bool,
}

/// Renders one template; its fields are `fields`. `name` is what the template is called.
pub fn render(
    name: &str,
    text: &str,
    fields: &BTreeMap<String, SecretBytes>,
) -> Result<Rendered, TemplateError> {
    render_at(name, text, fields, Timestamp::now())
}

/// The same, where `now` is the time.
pub fn render_at(
    name: &str,
    text: &str,
    fields: &BTreeMap<String, SecretBytes>,
    now: Timestamp,
) -> Result<Rendered, TemplateError> {
    let mut rendered = render_all([(name, text)], fields, now).map_err(|errors| {
        let first = errors.into_iter().next().map(|(_, error)| error);
        first.unwrap_or_else(|| TemplateError::new(text, 0, Problem::Engine))
    })?;
    rendered.pop().ok_or_else(|| TemplateError::new(text, 0, Problem::Engine))
}

/// Renders the templates of one object, named and in order; all limits are of the object, not of each template. The errors of
/// all that fail, by name; where a limit is reached, no further one is looked at.
pub fn render_all<'t>(
    texts: impl IntoIterator<Item = (&'t str, &'t str)>,
    fields: &BTreeMap<String, SecretBytes>,
    now: Timestamp,
) -> Result<Vec<Rendered>, Vec<(String, TemplateError)>> {
    let texts: Vec<(&str, &str)> = texts.into_iter().collect();
    // A stack of its own: how deep a template may nest then does not depend on who renders it.
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("template".to_owned()).stack_size(STACK);
        let handle = thread.spawn_scoped(scope, || run(&texts, fields, now));
        let result = handle.ok().and_then(|handle| handle.join().ok());
        result.unwrap_or_else(|| {
            let broken = |(name, text): &(&str, &str)| {
                ((*name).to_owned(), TemplateError::new(text, 0, Problem::Engine))
            };
            Err(texts.first().map(broken).into_iter().collect())
        })
    })
}

fn run(
    texts: &[(&str, &str)],
    fields: &BTreeMap<String, SecretBytes>,
    now: Timestamp,
) -> Result<Vec<Rendered>, Vec<(String, TemplateError)>> {
    let mut entries = Entries::new();
    for (key, value) in fields {
        entries.insert(key.as_bytes().to_vec(), Value::text(value.expose()));
    }
    let (mut all, mut errors) = (Vec::new(), Vec::new());
    let (mut spent, mut printed) = (Spent::default(), 0_usize);
    for (name, text) in texts {
        let rendered = one(name, text, &entries, now, &mut spent).and_then(|rendered| {
            printed = printed.saturating_add(rendered.text.expose().len());
            if printed > MAX_OUTPUT {
                return Err(TemplateError::new(text, 0, Problem::Limit(Limit::Output)));
            }
            Ok(rendered)
        });
        match rendered {
            Ok(rendered) => all.push(rendered),
            Err(error) => {
                let at_limit = matches!(error.problem, Problem::Limit(_));
                errors.push(((*name).to_owned(), error));
                if at_limit {
                    break;
                }
            }
        }
    }
    if errors.is_empty() { Ok(all) } else { Err(errors) }
}

fn one(
    name: &str,
    text: &str,
    entries: &Entries,
    now: Timestamp,
    spent: &mut Spent,
) -> Result<Rendered, TemplateError> {
    if !text.contains("{{") && text.len() <= MAX_OUTPUT {
        return Ok(Rendered { text: SecretBytes::new(text.into()), changing: false });
    }
    let templates =
        parser::parse(name, text).map_err(|(at, problem)| TemplateError::new(text, at, problem))?;
    let mut machine = Machine::new(&templates, now, *spent);
    let result = machine.run(name, entries.clone());
    *spent = machine.spent();
    match result {
        Ok(mut out) => Ok(Rendered {
            text: SecretBytes::new(std::mem::take(&mut *out)),
            changing: machine.changing,
        }),
        Err(problem) => Err(TemplateError::new(text, machine.at, problem)),
    }
}
