//! Runs a program of the user's: in our place, or waited for, with the signals that we get passed on.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};

use zeroize::Zeroizing;

use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::hardening;

mod signals;
mod user;

pub(crate) use signals::Signals;
pub(crate) use user::User;

/// What stands for the path of a file in the words of a program.
pub(crate) const PLACEHOLDER: &str = "{}";

/// What to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// A program and its arguments, without a shell in between. Never empty.
    Words(Vec<OsString>),
    /// A text for `/bin/sh -c`.
    Shell(OsString),
}

/// What a program is given beside its arguments.
#[derive(Debug, Default)]
pub(crate) struct Surroundings<'v> {
    /// Nothing of our own environment.
    pub(crate) pristine: bool,
    /// Variables in addition to the environment; they win over it.
    pub(crate) variables: Vec<(&'v OsStr, &'v [u8])>,
    /// Who we have become, whose name and home it is told.
    pub(crate) user: Option<&'v User>,
}

/// A program that was started.
#[derive(Debug)]
pub(crate) struct Running(Child);

impl Running {
    /// Waits for its end, and passes signals on until then.
    pub(crate) fn wait(mut self, signals: &Signals) -> Result<ExitCode, CommandError> {
        let status = signals.wait(&mut self.0);
        let status = status.map_err(|error| {
            CommandError::failed("the end of the command cannot be waited for").caused_by(&error)
        })?;
        Ok(code(status))
    }
}

impl Program {
    /// Whether the placeholder stands in it.
    pub(crate) fn names_a_file(&self) -> bool {
        let is_in = |text: &OsString| find(text.as_encoded_bytes()).is_some();
        match self {
            Self::Words(words) => words.iter().any(is_in),
            Self::Shell(text) => is_in(text),
        }
    }

    /// The same with a path for each placeholder.
    pub(crate) fn with_file(&self, path: &OsStr) -> Self {
        let put = |text: &OsString| put(text, path);
        match self {
            Self::Words(words) => Self::Words(words.iter().map(put).collect()),
            Self::Shell(text) => Self::Shell(put(text)),
        }
    }

    /// Starts it; `signals` are watched since before anything was prepared for it.
    ///
    /// The variables can then leave our memory, as far as the standard library lets go of them: it has copies of its own
    /// until the program is started, and frees them without wiping.
    pub(crate) fn spawn(
        &self,
        surroundings: Surroundings<'_>,
        signals: &Signals,
    ) -> Result<Running, CommandError> {
        let child = self.child(surroundings)?;
        signals.pass_on_to(&child);
        Ok(Running(child))
    }

    /// Starts it and leaves it alone.
    pub(crate) fn start(&self, surroundings: Surroundings<'_>) -> Result<(), CommandError> {
        self.child(surroundings).map(drop)
    }

    /// Becomes it: this process is no more, nothing of its memory is left.
    pub(crate) fn replace_us(
        &self,
        surroundings: Surroundings<'_>,
    ) -> Result<Infallible, CommandError> {
        let mut command = self.command(surroundings);
        Err(self.not_started(&hardening::with_own_limits(|| command.exec())))
    }

    fn child(&self, surroundings: Surroundings<'_>) -> Result<Child, CommandError> {
        let mut command = self.command(surroundings);
        hardening::with_own_limits(|| command.spawn()).map_err(|error| self.not_started(&error))
    }

    fn command(&self, surroundings: Surroundings<'_>) -> Command {
        let mut command = match self {
            Self::Words(words) => {
                let mut command = Command::new(&words[0]);
                command.args(&words[1..]);
                command
            }
            Self::Shell(text) => {
                let mut command = Command::new("/bin/sh");
                command.arg("-c").arg(text);
                command
            }
        };
        if surroundings.pristine {
            command.env_clear();
        }
        if let Some(user) = surroundings.user {
            command.env("HOME", user.home()).env("USER", user.name()).env("LOGNAME", user.name());
        }
        for (name, value) in surroundings.variables {
            command.env(name, text(value));
        }
        command
    }

    fn not_started(&self, error: &io::Error) -> CommandError {
        let name = match self {
            Self::Words(words) => words[0].to_string_lossy().into_owned(),
            Self::Shell(_) => "/bin/sh".to_owned(),
        };
        let (code, why) = match error.kind() {
            io::ErrorKind::NotFound => (127, "there is no such program"),
            io::ErrorKind::PermissionDenied => (126, "it may not be executed"),
            io::ErrorKind::ArgumentListTooLong => (126, "the variables and arguments are too long"),
            _ => (126, "the system refused it"),
        };
        let mut this = CommandError::failed(format!("`{name}` cannot be started: {why}"));
        this.kind = ExitCode::Program(code);
        match error.kind() {
            io::ErrorKind::ArgumentListTooLong => {
                this.hint("`seal exec-file` hands over a file instead")
            }
            io::ErrorKind::NotFound if name.contains(' ') => {
                this.hint("behind `--` each word is one argument; for a shell say `-- sh -c '…'`")
            }
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => this,
            _ => this.caused_by(error),
        }
    }
}

/// Values by the names of variables; sorted, so that errors do not depend on chance.
pub(crate) type Variables = BTreeMap<String, Zeroizing<Vec<u8>>>;

fn code(status: ExitStatus) -> ExitCode {
    let of_signal = || 128 + status.signal().unwrap_or(0);
    match status.code().unwrap_or_else(of_signal) {
        0 => ExitCode::Done,
        code => ExitCode::Program(u8::try_from(code).unwrap_or(255)),
    }
}

fn text(bytes: &[u8]) -> &OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(bytes)
}

fn find(text: &[u8]) -> Option<usize> {
    text.windows(PLACEHOLDER.len()).position(|bytes| bytes == PLACEHOLDER.as_bytes())
}

fn put(text: &OsStr, path: &OsStr) -> OsString {
    use std::os::unix::ffi::OsStringExt;

    let mut out = Vec::new();
    let mut rest = text.as_encoded_bytes();
    while let Some(at) = find(rest) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(path.as_encoded_bytes());
        rest = &rest[at + PLACEHOLDER.len()..];
    }
    out.extend_from_slice(rest);
    OsString::from_vec(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_becomes_the_path() {
        let program =
            Program::Words(["cp", "{}", "--to={}.bak", "{", "{}{}"].map(Into::into).into());
        assert!(program.names_a_file());
        let expected = ["cp", "/p", "--to=/p.bak", "{", "/p/p"].map(Into::into).into();
        assert_eq!(program.with_file("/p".as_ref()), Program::Words(expected));
        let shell = Program::Shell("cat < {}".into());
        assert_eq!(shell.with_file("/p".as_ref()), Program::Shell("cat < /p".into()));
        assert!(!Program::Shell("cat".into()).names_a_file());
    }

    #[test]
    fn the_code_of_a_program_is_told_as_shells_tell_it() {
        for (raw, expected) in [
            (0, ExitCode::Done),
            (7 << 8, ExitCode::Program(7)),
            (255 << 8, ExitCode::Program(255)),
            (15, ExitCode::Program(143)),
        ] {
            assert_eq!(code(ExitStatus::from_raw(raw)), expected);
        }
    }
}
