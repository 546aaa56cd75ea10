//! What can go wrong with a file, with the place and a way out.

use crate::document::{Path, Position};

/// Which of the documented outcomes an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The file cannot be read or encrypted as it is.
    Input,
    /// The text is not of its format.
    Syntax,
    /// The settings do not fit the file.
    Settings,
    /// The rule selects nothing in the file. An error for a file that was named; not for one met in a directory.
    NothingSelected,
    /// Verification refused the file: altered, moved, added or removed parts.
    Refused,
    /// No data key could be had.
    NoKey,
}

/// What exactly was found to be wrong, where a caller may have to tell it apart from the rest of its [`Class`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The MAC is missing, does not open, or does not fit the values.
    Mac,
    /// A value or comment is not what the data key encrypted there, or one that SOPS's format cannot hold.
    Value,
    /// There is no document.
    NoDocument,
    /// A document has no place for an envelope: it is no mapping.
    NoMapping,
    /// There is an envelope, or something in its place, where none may be.
    AlreadyEncrypted,
    /// There is no envelope where one is needed.
    NotEncrypted,
}

/// A file that was not encrypted or decrypted. Never holds a value of it.
#[derive(Debug)]
pub struct FileError(Box<Details>);

/// What a [`FileError`] says; reached through it.
#[derive(Debug)]
pub struct Details {
    /// Which outcome.
    pub class: Class,
    /// What exactly, for some of them.
    pub fault: Option<Fault>,
    /// Where in the file.
    pub position: Option<Position>,
    /// Which object, as `Secret prod/db`.
    pub object: Option<String>,
    /// Which leaf.
    pub path: Option<Path>,
    /// What.
    pub problem: String,
    /// What to do.
    pub hint: Option<String>,
    /// Why, where another part says so.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl std::ops::Deref for FileError {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

impl std::ops::DerefMut for FileError {
    fn deref_mut(&mut self) -> &mut Details {
        &mut self.0
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.source {
            Some(source) => Some(&**source),
            None => None,
        }
    }
}

impl std::fmt::Display for FileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        if let Some(path) = &self.path {
            write!(f, "{path}: ")?;
        }
        f.write_str(&self.problem)
    }
}

impl FileError {
    pub(crate) fn new(class: Class, problem: impl Into<String>) -> Self {
        Self(Box::new(Details {
            class,
            fault: None,
            position: None,
            object: None,
            path: None,
            problem: problem.into(),
            hint: None,
            source: None,
        }))
    }

    pub(crate) fn input(problem: impl Into<String>) -> Self {
        Self::new(Class::Input, problem)
    }

    pub(crate) fn settings(problem: impl Into<String>) -> Self {
        Self::new(Class::Settings, problem)
    }

    pub(crate) fn refused(problem: impl Into<String>) -> Self {
        Self::new(Class::Refused, problem)
    }

    pub(crate) fn fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn path(mut self, path: Path) -> Self {
        if !path.0.is_empty() {
            self.path = Some(path);
        }
        self
    }

    /// At an offset of a text that stands behind another one in its file.
    pub(crate) fn at(mut self, before: &[u8], text: &[u8], offset: usize) -> Self {
        let mut position = Position::of(text, offset);
        position.line += memchr::memchr_iter(b'\n', before).count();
        self.position = Some(position);
        self
    }

    pub(crate) fn object(mut self, object: Option<String>) -> Self {
        let known = self.object.take();
        self.object = known.or(object);
        self
    }
}
