//! Asks at the terminal of the process, whatever stdin and stdout are connected to: those may carry documents.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};

use seal_keys::Prompt;
use zeroize::Zeroizing;

use crate::ui::escape;

/// `/dev/tty`, opened for each question. Where there is none, as in CI, nobody can be asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal;

/// Answers that come on stdin, where a script types them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StandardInput;

/// What a person types in one line, and more than any passphrase.
const LONGEST_ANSWER: u64 = 64 * 1024;

impl Terminal {
    /// Whether somebody can be asked.
    pub(crate) fn is_there() -> bool {
        open().is_some()
    }
}

impl StandardInput {
    /// The next line; `None` at the end.
    pub(crate) fn line(self) -> Option<String> {
        let mut line = String::new();
        // Locked over lines: what is read ahead stays with the process.
        let read = std::io::stdin().lock().take(LONGEST_ANSWER).read_line(&mut line).ok()?;
        (read > 0).then_some(line)
    }
}

impl Prompt for Terminal {
    fn passphrase(&self, question: &str) -> Option<Zeroizing<String>> {
        // It reads from the terminal, without echo, and puts the terminal back as it was.
        let answer = rpassword::prompt_password(format!("{}: ", escape(question))).ok()?;
        Some(Zeroizing::new(answer)).filter(|answer| !answer.is_empty())
    }

    fn text(&self, question: &str) -> Option<String> {
        let mut terminal = open()?;
        write!(terminal, "{}: ", escape(question)).ok()?;
        line(terminal)
    }

    fn confirm(&self, question: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        let mut terminal = open()?;
        let no = no.unwrap_or("no");
        let (question, yes, no) = (escape(question), escape(yes), escape(no));
        write!(terminal, "{question} [y = {yes}, n = {no}] ").ok()?;
        match line(terminal)?.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Some(true),
            "" => None,
            _ => Some(false),
        }
    }

    fn tell(&self, message: &str) {
        if let Some(mut terminal) = open() {
            let _ = writeln!(terminal, "{}", escape(message));
        }
    }
}

fn open() -> Option<File> {
    OpenOptions::new().read(true).write(true).open("/dev/tty").ok()
}

/// One line; `None` at the end of the input.
fn line(terminal: File) -> Option<String> {
    let mut line = String::new();
    BufReader::new(terminal.take(LONGEST_ANSWER)).read_line(&mut line).ok()?;
    let line = line.strip_suffix('\n')?;
    Some(line.trim_end_matches('\r').to_owned())
}
