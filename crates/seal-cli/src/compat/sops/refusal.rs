//! Failures with the exit codes of SOPS.

use crate::error::CommandError;
use crate::reason::Reason;

/// A number that SOPS ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// Whatever has no code of its own.
    Generic = 1,
    CannotRead = 2,
    CannotWrite = 3,
    CannotDump = 4,
    BadEncryptionContext = 6,
    BadSetFormat = 7,
    Conflict = 8,
    CannotEncryptValue = 23,
    CannotDecryptValue = 25,
    KeysOfMissingFile = 49,
    MacMismatch = 51,
    BadPath = 91,
    NoDocument = 92,
    NoFile = 100,
    DuplicateKeyType = 112,
    NoDataKey = 128,
    Unchanged = 200,
    Editor = 201,
    AlreadyEncrypted = 203,
}

/// What the command is about to do, as far as its exit codes depend on that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Encrypting,
    Decrypting,
    Extracting,
    /// `set` and `unset`.
    Setting,
    /// `filestatus`, `updatekeys`, `publish`, `keyservice`: only one code for all that fails.
    Plain,
    /// `groups`: the same, and no code of its own for a missing key either.
    Grouping,
    /// What else rewrites or runs a file that is there.
    Using,
}

/// A command line that is refused before anything is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: Code,
    pub(super) error: CommandError,
}

impl Refusal {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, error: CommandError::usage(message) }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.error = self.error.hint(hint);
        self
    }
}

/// The exit code of a failed request.
pub(super) fn code(doing: Doing, error: &CommandError) -> Code {
    let Some(reason) = error.reason else { return Code::Generic };
    if doing == Doing::Grouping {
        return Code::Generic;
    }
    if doing == Doing::Plain {
        return match reason {
            Reason::NoDataKey => Code::NoDataKey,
            Reason::MacMismatch => Code::MacMismatch,
            _ => Code::Generic,
        };
    }
    match reason {
        Reason::NoFile | Reason::CannotRead => Code::CannotRead,
        Reason::CannotWrite => Code::CannotWrite,
        Reason::EncryptionContext => Code::BadEncryptionContext,
        Reason::DecryptionOrder => Code::DuplicateKeyType,
        Reason::Conflict => Code::Conflict,
        Reason::Syntax if doing == Doing::Encrypting => Code::CannotRead,
        Reason::NoDocument if doing == Doing::Encrypting => Code::NoDocument,
        Reason::AlreadyEncrypted => Code::AlreadyEncrypted,
        Reason::MacMismatch => Code::MacMismatch,
        Reason::Value if doing == Doing::Encrypting => Code::CannotEncryptValue,
        Reason::Value => Code::CannotDecryptValue,
        Reason::NoDataKey if doing != Doing::Encrypting => Code::NoDataKey,
        Reason::BadPath if doing == Doing::Extracting => Code::BadPath,
        Reason::BadPath | Reason::BadValue => Code::BadSetFormat,
        Reason::Conversion => Code::CannotDump,
        Reason::Unchanged => Code::Unchanged,
        Reason::Editor => Code::Editor,
        Reason::Syntax
        | Reason::NoDocument
        | Reason::NoDataKey
        | Reason::Config
        | Reason::NoRule
        | Reason::NoMasterKeys
        | Reason::NotEncrypted
        | Reason::NotFound
        | Reason::NoValue => Code::Generic,
    }
}
