//! What exactly failed, finer than an exit code of `seal`.

/// A failure by its cause. Those who answer as another program have an exit code of that program for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    /// No file was named, or the one that was named does not exist.
    NoFile,
    /// A file or standard input cannot be read.
    CannotRead,
    /// A result cannot be written.
    CannotWrite,
    /// The configuration cannot be used.
    Config,
    /// The configuration has no rule for the file.
    NoRule,
    /// Nobody says for which master keys to encrypt.
    NoMasterKeys,
    /// The encryption context of AWS KMS is malformed.
    EncryptionContext,
    /// The order of key types is malformed, or names one twice.
    DecryptionOrder,
    /// Options or inputs exclude each other.
    Conflict,
    /// The text is not of its format.
    Syntax,
    /// The file holds no document.
    NoDocument,
    /// The file is encrypted already.
    AlreadyEncrypted,
    /// Nothing in the file is encrypted.
    NotEncrypted,
    /// The MAC or the binding does not hold.
    MacMismatch,
    /// A value does not open.
    Value,
    /// The data key could not be unwrapped.
    NoDataKey,
    /// A path in a document is malformed.
    BadPath,
    /// There is no such document, or several are meant.
    NotFound,
    /// There is nothing at a path.
    NoValue,
    /// A value to set is malformed.
    BadValue,
    /// The content has no form in the output format.
    Conversion,
    /// The editor left the file as it was.
    Unchanged,
    /// The editor could not be started, or failed.
    Editor,
}
