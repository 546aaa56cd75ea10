//! What a failed command tells its user: place, message, causes, hints, exit code.

use std::error::Error;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use seal_core::document::Position;

use crate::config::ConfigError;
use crate::exit_code::ExitCode;
use crate::inputs::InputError;
use crate::reason::Reason;
use crate::write::WriteError;

/// A failure as it is shown. No part of it may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommandError {
    /// Decides the exit code.
    pub(crate) kind: ExitCode,
    /// Tells failures of one kind apart, where somebody has to.
    pub(crate) reason: Option<Reason>,
    /// The file, and where in it, that the failure is about.
    pub(crate) place: Option<Box<Place>>,
    /// What failed: lower-case, no period.
    pub(crate) message: String,
    /// Why, from the nearest reason to the deepest.
    pub(crate) causes: Vec<String>,
    /// What the user can do: each one a concrete next step.
    pub(crate) hints: Vec<String>,
}

/// A file and, where known, a position in it. Shown as `FILE:LINE:COLUMN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// As the user named it; `-` for standard input.
    pub(crate) file: PathBuf,
    /// Line and column.
    pub(crate) position: Option<Position>,
}

impl CommandError {
    /// Something failed while it was done (exit code 1).
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Failed, message)
    }

    /// The command line or the configuration is wrong (exit code 2).
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, message)
    }

    /// Verification refused the file (exit code 3).
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Refused, message)
    }

    /// No key could be had (exit code 4).
    pub(crate) fn no_key(message: impl Into<String>) -> Self {
        Self::new(ExitCode::NoKey, message)
    }

    /// Says what exactly it was; what is there already stays.
    pub(crate) fn because(mut self, reason: Reason) -> Self {
        self.reason = self.reason.or(Some(reason));
        self
    }

    /// Names the file; a position that is already there stays.
    pub(crate) fn in_file(mut self, file: impl AsRef<Path>) -> Self {
        let position = self.place.take().and_then(|place| place.position);
        let file = file.as_ref().to_owned();
        self.place = Some(Box::new(Place { file, position }));
        self
    }

    /// Names the file and the position in it.
    pub(crate) fn at(mut self, file: impl AsRef<Path>, position: Position) -> Self {
        let (file, position) = (file.as_ref().to_owned(), Some(position));
        self.place = Some(Box::new(Place { file, position }));
        self
    }

    /// Takes the position away: it is one of a text that the user does not have.
    pub(crate) fn without_position(mut self) -> Self {
        if let Some(place) = &mut self.place {
            place.position = None;
        }
        self
    }

    /// Adds an error and all its sources as causes.
    pub(crate) fn caused_by(mut self, error: &dyn Error) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            self.causes.push(error.to_string());
            next = error.source();
        }
        self
    }

    /// Adds a hint.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    fn new(kind: ExitCode, message: impl Into<String>) -> Self {
        Self {
            kind,
            reason: None,
            place: None,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
        }
    }
}

impl From<&InputError> for CommandError {
    fn from(error: &InputError) -> Self {
        let this = match error {
            InputError::StdinAmongFiles | InputError::NothingNamed => {
                Self::usage(error.to_string())
            }
            InputError::InvalidPattern { source, .. } => {
                Self::usage(error.to_string()).caused_by(source)
            }
            _ => Self::failed(error.to_string()),
        };
        let this = match error {
            InputError::NotFound { .. } | InputError::DanglingLink { .. } => {
                this.because(Reason::NoFile)
            }
            InputError::Unreadable { .. } => this.because(Reason::CannotRead),
            InputError::StdinAmongFiles => this.because(Reason::Conflict),
            InputError::NoMatch { .. }
            | InputError::NothingNamed
            | InputError::InvalidPattern { .. } => this.because(Reason::NoFile),
        };
        let this = match error {
            InputError::NotFound { path } if path.is_relative() => {
                this.hint("the path counts from the working directory; check its spelling")
            }
            InputError::NotFound { .. } => this.hint("check the spelling of the path"),
            InputError::DanglingLink { .. } => this.hint("remove the link or create its target"),
            InputError::Unreadable { source, .. } => this.caused_by(source),
            InputError::NoMatch { .. } => this.hint("`*` does not match across `/`; `**` does"),
            InputError::InvalidPattern { .. } => {
                this.hint("write a bracket that stands for itself as `[[]`")
            }
            InputError::StdinAmongFiles => this.hint("a file named `-` is `./-`"),
            InputError::NothingNamed => this.hint("name files, or `-` to type the text"),
        };
        match error.path() {
            Some(path) => this.in_file(path),
            None => this,
        }
    }
}

impl From<InputError> for CommandError {
    fn from(error: InputError) -> Self {
        Self::from(&error)
    }
}

impl From<&ConfigError> for CommandError {
    fn from(error: &ConfigError) -> Self {
        let this = Self::usage(error.to_string()).because(error.reason());
        match error.hint() {
            Some(hint) => this.hint(hint),
            None => this,
        }
    }
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        Self::from(&error)
    }
}

impl From<WriteError> for CommandError {
    fn from(error: WriteError) -> Self {
        let this = Self::failed(error.to_string()).in_file(error.path()).because(match &error {
            WriteError::Read { source, .. } if source.kind() == ErrorKind::NotFound => {
                Reason::NoFile
            }
            WriteError::Read { .. } => Reason::CannotRead,
            _ => Reason::CannotWrite,
        });
        match &error {
            WriteError::Create { path, source } if source.kind() == ErrorKind::NotFound => {
                let directory = path.parent().unwrap_or(path).display().to_string();
                Self::failed("its directory does not exist")
                    .in_file(path)
                    .because(Reason::CannotWrite)
                    .hint(format!("make it with `mkdir -p {directory}`"))
            }
            WriteError::IsDirectory { .. } => this.hint("name a file"),
            WriteError::NotRegular { .. } => this.hint("leave out `--in-place` to write to stdout"),
            WriteError::DanglingLink { .. } => this.hint("remove the link or create its target"),
            WriteError::WriteProtected { path } => {
                this.hint(format!("allow it with `chmod u+w {}`", path.display()))
            }
            WriteError::Changed { .. } => {
                this.hint("nothing was written to it; run the command again")
            }
            WriteError::Exists { .. } => this.hint("remove it first, or choose another name"),
            WriteError::Read { source, .. } => this.caused_by(source),
            WriteError::Create { source, .. } | WriteError::Write { source, .. } => {
                let this = this.caused_by(source);
                match source.kind() {
                    ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                        this.hint("nothing is lost: a file that was there is as it was")
                    }
                    _ => this,
                }
            }
        }
    }
}

impl std::fmt::Display for CommandError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for CommandError {}

#[cfg(test)]
mod tests {
    use seal_core::document::Position;

    use super::{CommandError, Place};

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("inner")]
    struct Inner;

    #[test]
    fn causes_run_from_the_nearest_to_the_deepest() {
        let error = CommandError::failed("it failed").caused_by(&Outer(Inner));
        assert_eq!(error.causes, ["outer", "inner"]);
    }

    #[test]
    fn naming_the_file_later_keeps_the_position() {
        let position = Position { line: 3, column: 7 };
        let error = CommandError::failed("it failed").at("-", position).in_file("a.yaml");
        let file = "a.yaml".into();
        let position = Some(position);
        assert_eq!(error.place, Some(Box::new(Place { file, position })));
    }
}
