//! The only file that prints.
//!
//! Documents go to stdout, in one piece once all of them are verified; everything for people goes to stderr. Colour adds
//! to words, it never replaces them. All foreign text is escaped here, so that no message can drive the terminal.
//!
//! With `--json` a run ends with one JSON object on one line: on stdout, unless documents go there; then it is all that
//! stderr gets. A machine can so always read one stream that holds nothing else.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use clap::error::ContextValue;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value, json};

use crate::args::{Color, GlobalArgs};
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::inputs::is_stdin;

mod escape;
mod recipients_summary;
mod summary;
mod wrong_use;

pub(crate) use escape::escape;
pub(crate) use recipients_summary::{FilesDone, Found};
pub(crate) use summary::{Counts, Report, count, with_rest};

/// Everything that a run says; may be shared by threads.
#[derive(Debug)]
pub(crate) struct Ui {
    quiet: bool,
    color: ColorChoice,
    json: Json,
    said: Mutex<Said>,
}

/// Where the JSON object goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Json {
    No,
    Stdout,
    /// Alone: people get nothing.
    Stderr,
}

#[derive(Debug, Default)]
struct Said {
    warnings: Vec<String>,
    errors: Vec<CommandError>,
    bar: Option<ProgressBar>,
}

/// What a line of a result tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Plain,
    /// It comes.
    Added,
    /// It goes.
    Removed,
}

/// Shows how far a run over many files is, as long as it lives.
#[derive(Debug)]
pub(crate) struct Progress<'u>(&'u Ui);

impl Ui {
    /// Prepares output as the options want it.
    pub(crate) fn new(options: &GlobalArgs, stdout_carries_documents: bool) -> Self {
        let json = match (options.json, stdout_carries_documents) {
            (false, _) => Json::No,
            (true, false) => Json::Stdout,
            (true, true) => Json::Stderr,
        };
        let color = match options.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        Self { quiet: options.quiet, color, json, said: Mutex::default() }
    }

    /// Says what was done.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.say(&self.said(), &escape(text));
        }
    }

    /// Says what the user should know although it stops nothing.
    pub(crate) fn warn(&self, text: &str) {
        match self.quiet {
            true => self.said().warnings.push(text.to_owned()),
            false => self.warn_loudly(text),
        }
    }

    /// As [`Self::warn`], for what nobody may be kept from seeing, `--quiet` or not.
    pub(crate) fn warn_loudly(&self, text: &str) {
        let mut said = self.said();
        let style = AnsiColor::Yellow.on_default().bold();
        self.say(&said, &format!("{style}warning:{style:#} {}", escape(text)));
        said.warnings.push(text.to_owned());
    }

    /// Reports a failure. Its exit code is the caller's to remember.
    pub(crate) fn error(&self, error: &CommandError) {
        let mut said = self.said();
        self.say(&said, &rendered(error));
        said.errors.push(error.clone());
    }

    /// Shows a failure that is not the end: the user can still do something about it.
    pub(crate) fn shown(&self, error: &CommandError) {
        self.say(&self.said(), &rendered(error));
    }

    /// Reports a failure whose causes and hints were just shown with another file.
    pub(crate) fn error_of_same_cause(&self, error: &CommandError) {
        let mut said = self.said();
        let mut short = CommandError { causes: Vec::new(), hints: Vec::new(), ..error.clone() };
        if !error.causes.is_empty() {
            short.message.push_str(" (the cause is the one above)");
        }
        self.say(&said, &rendered(&short));
        said.errors.push(error.clone());
    }

    /// Reports failures of which people have seen enough; machines get them all.
    pub(crate) fn errors_in_short(&self, errors: &[CommandError]) {
        let mut said = self.said();
        let files = if errors.len() == 1 { "file" } else { "files" };
        self.say(&said, &format!("… and {} more {files} with the same cause", errors.len()));
        said.errors.extend(errors.iter().cloned());
    }

    /// The failure that was reported first.
    pub(crate) fn first_error(&self) -> Option<CommandError> {
        self.said().errors.first().cloned()
    }

    /// Shows a bar on a terminal, where there are more files than a glance takes.
    pub(crate) fn progress(&self, files: usize, doing: &'static str) -> Progress<'_> {
        const A_GLANCE: usize = 8;
        let shown = files > A_GLANCE && !self.quiet && self.json != Json::Stderr;
        if shown && io::stderr().is_terminal() {
            let target = ProgressDrawTarget::stderr();
            let bar = ProgressBar::with_draw_target(Some(files as u64), target);
            let style = ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(doing);
            self.said().bar = Some(bar);
        }
        Progress(self)
    }

    /// Writes documents to stdout, in one call when all are verified.
    ///
    /// A reader that has gone away is no failure: it has what it wanted, and its own exit code says whether that was
    /// enough.
    pub(crate) fn write_stdout(&self, bytes: &[u8]) -> Result<(), CommandError> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(CommandError::failed("cannot write to stdout").caused_by(&error))
            }
            _ => Ok(()),
        }
    }

    /// Shows what a command does, or, with `is_result`, what it was run to find out: only that is shown in spite of
    /// `--quiet`.
    pub(crate) fn show(&self, lines: &[(Mark, String)], is_result: bool) {
        if is_result || !self.quiet {
            self.print(lines);
        }
    }

    /// Whether the result is an object for machines.
    pub(crate) fn is_for_machines(&self) -> bool {
        self.json != Json::No
    }

    /// Prints a result for people to stdout; machines get theirs in the JSON object.
    pub(crate) fn print(&self, lines: &[(Mark, String)]) {
        if self.json != Json::No {
            return;
        }
        let mut stdout = AutoStream::new(io::stdout(), self.color).lock();
        for (mark, line) in lines {
            let style = match mark {
                Mark::Plain => Style::new(),
                Mark::Added => AnsiColor::Green.on_default(),
                Mark::Removed => AnsiColor::Red.on_default(),
            };
            // A reader that has gone away has what it wanted.
            let _ = writeln!(stdout, "{style}{}{style:#}", escape(line));
        }
    }

    /// Ends the run: the summary line, or the JSON object. `report` is missing where the command failed as a whole.
    pub(crate) fn finish(&self, command: &'static str, report: Option<Report>, code: ExitCode) {
        let said = self.said();
        if let Some(line) = report.as_ref().and_then(|report| report.line.as_ref())
            && !self.quiet
        {
            self.say(&said, &escape(line));
        }
        let details = report.map(|report| report.details).unwrap_or_default();
        let object = format!("{}\n", json_object(command, details, code, &said));
        // Nobody is left to tell when this cannot be written.
        let _ = match self.json {
            Json::No => Ok(()),
            Json::Stdout => io::stdout().lock().write_all(object.as_bytes()),
            Json::Stderr => io::stderr().lock().write_all(object.as_bytes()),
        };
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prints to stderr; `text` is escaped but for our own colours.
    fn say(&self, said: &Said, text: &str) {
        if self.json == Json::Stderr {
            return;
        }
        let print = || {
            let mut stderr = AutoStream::new(io::stderr(), self.color).lock();
            // A closed stderr is the user's choice.
            let _ = writeln!(stderr, "{text}");
        };
        match &said.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

impl Progress<'_> {
    /// One more file is done.
    pub(crate) fn advance(&self) {
        if let Some(bar) = &self.0.said().bar {
            bar.inc(1);
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Some(bar) = self.0.said().bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// Says that the program itself failed, and where in its source.
pub(crate) fn print_crash(place: &str) {
    let _ = writeln!(
        io::stderr(),
        "error: seal is wrong somewhere: it had to stop at {}\nhint: please report this place, and what you ran; files that were not written yet are as they were",
        escape(place)
    );
}

/// Prints what clap has to say: help and version to stdout, wrong use to stderr.
pub(crate) fn print_clap(message: clap::Error) -> ExitCode {
    if !message.use_stderr() {
        let text = message.render();
        let mut stdout = AutoStream::new(io::stdout(), ColorChoice::Auto);
        let _ = write!(stdout, "{}", text.ansi());
        return ExitCode::Done;
    }
    // Arguments are quoted in it. A line break in one must not begin a line of ours, and clap's colours could not be
    // told from foreign ones, so it goes without.
    let message = match wrong_use::hint(&message) {
        Some((problem, hint)) => {
            clap::Error::raw(message.kind(), format!("{problem}\nhint: {hint}\n"))
        }
        None => message,
    };
    let text = with_escaped_arguments(message).render().to_string();
    let lines: Vec<_> = text.trim_end().split('\n').map(escape).collect();
    let _ = writeln!(io::stderr(), "{}", lines.join("\n"));
    ExitCode::Usage
}

fn with_escaped_arguments(mut message: clap::Error) -> clap::Error {
    let arguments = message.context().filter_map(|(kind, value)| match value {
        ContextValue::String(text) => Some((kind, ContextValue::String(escape(text).into_owned()))),
        _ => None,
    });
    for (kind, value) in arguments.collect::<Vec<_>>() {
        message.insert(kind, value);
    }
    message
}

/// `error: FILE:LINE:COLUMN: message`, then causes, then hints. Messages and causes may have several lines: the second
/// and later ones are indented, so that none of them can pass for a heading.
fn rendered(error: &CommandError) -> String {
    let mut text = String::new();
    let heading = |text: &mut String, style: Style, heading: &str, content: &str| {
        let separator = if text.is_empty() { "" } else { "\n" };
        let _ = write!(text, "{separator}{style}{heading}:{style:#} {content}");
    };
    let lines = |text: &str| text.split('\n').map(escape).collect::<Vec<_>>().join("\n  ");
    let mut message = String::new();
    if let Some(place) = &error.place {
        let file = match is_stdin(&place.file) {
            true => "<stdin>".into(),
            false => place.file.to_string_lossy(),
        };
        let _ = write!(message, "{}:", escape(&file));
        if let Some(position) = place.position {
            let _ = write!(message, "{position}:");
        }
        message.push(' ');
    }
    message.push_str(&lines(&error.message));

    heading(&mut text, AnsiColor::Red.on_default().bold(), "error", &message);
    for cause in &error.causes {
        heading(&mut text, Style::new().bold(), "caused by", &lines(cause));
    }
    for hint in &error.hints {
        heading(&mut text, AnsiColor::Cyan.on_default().bold(), "hint", &escape(hint));
    }
    text
}

fn json_object(command: &str, details: Map<String, Value>, code: ExitCode, said: &Said) -> Value {
    let mut object = Map::new();
    object.insert("command".into(), json!(command));
    object.extend(details);
    object.insert("warnings".into(), json!(said.warnings));
    object.insert("errors".into(), said.errors.iter().map(error_object).collect());
    object.insert("exit_code".into(), json!(code.number()));
    Value::Object(object)
}

fn error_object(error: &CommandError) -> Value {
    let position = error.place.as_ref().and_then(|place| place.position);
    json!({
        "file": error.place.as_ref().map(|place| place.file.display().to_string()),
        "line": position.map(|position| position.line),
        "column": position.map(|position| position.column),
        "message": error.message,
        "causes": error.causes,
        "hints": error.hints,
        "exit_code": error.kind.number(),
    })
}

#[cfg(test)]
mod tests {
    use seal_core::document::Position;
    use serde_json::{Map, json};

    use super::{Said, json_object, rendered};
    use crate::error::CommandError;
    use crate::exit_code::ExitCode;

    fn plain(error: &CommandError) -> String {
        anstream::adapter::strip_str(&rendered(error)).to_string()
    }

    #[test]
    fn an_error_names_its_place_causes_and_hints() {
        let error = CommandError::failed("the text ends inside a quoted scalar")
            .at("a.yaml", Position { line: 3, column: 7 })
            .caused_by(&std::io::Error::other("reason"))
            .hint("close the quote");
        assert_eq!(
            plain(&error),
            "error: a.yaml:3:7: the text ends inside a quoted scalar\ncaused by: reason\nhint: close the quote"
        );
        assert_eq!(plain(&CommandError::failed("no").in_file("b")), "error: b: no");
        assert_eq!(plain(&CommandError::failed("no")), "error: no");
    }

    #[test]
    fn foreign_text_cannot_drive_the_terminal() {
        let error = CommandError::failed("key \u{1b}[2J").in_file("\u{1b}]0;x\u{7}\nerror: y");
        assert_eq!(plain(&error), "error: \\u{1b}]0;x\\u{7}\\nerror: y: key \\u{1b}[2J");
    }

    #[test]
    fn further_lines_are_indented_and_escaped_each_by_itself() {
        let report = std::io::Error::other("none fits\n  tried:\nerror: \u{1b}[2J");
        let error = CommandError::failed("a(b\n ^").caused_by(&report).hint("one\nline");
        assert_eq!(
            plain(&error),
            "error: a(b\n   ^\ncaused by: none fits\n    tried:\n  error: \\u{1b}[2J\nhint: one\\nline"
        );
    }

    #[test]
    fn the_object_for_machines_holds_every_error_with_its_place() {
        let error = CommandError::refused("was changed").at("a", Position { line: 1, column: 2 });
        let said = Said { warnings: vec!["w".into()], errors: vec![error], ..Said::default() };
        let details = Map::from_iter([("files".to_owned(), json!(2))]);
        let object = json_object("decrypt", details, ExitCode::Refused, &said);
        assert_eq!(
            object,
            json!({
                "command": "decrypt",
                "files": 2,
                "warnings": ["w"],
                "errors": [{
                    "file": "a", "line": 1, "column": 2, "message": "was changed",
                    "causes": [], "hints": [], "exit_code": 3,
                }],
                "exit_code": 3,
            })
        );
    }
}
