//! What a provider of master keys does, and how it fails.

use seal_core::envelope::MasterKey;
use seal_core::secret::DataKey;

use crate::identities::SourceReport;

/// Wraps and unwraps data keys by master keys.
///
/// # Guarantees
///
/// `unwrap(key, wrap(key, d)) == d` for whoever holds the private half of `key`. Implementations may be called from
/// several threads at once, and start clients, programs or reading files only when called.
pub trait KeyService: Send + Sync {
    /// Wraps a data key and returns the text of the envelope's `enc`, in SOPS's form for that kind of key.
    ///
    /// # Errors
    ///
    /// The key is not valid, or cannot be used: the caller must then write nothing.
    fn wrap(&self, key: &MasterKey, data_key: &DataKey) -> Result<String, WrapError>;

    /// Unwraps the text of an envelope's `enc`.
    ///
    /// # Errors
    ///
    /// The key could not be used here, or the text is damaged; other keys of the group may still open.
    fn unwrap(&self, key: &MasterKey, enc: &str) -> Result<DataKey, UnwrapError>;

    /// The places where private keys were looked for so far, for the message when none fits.
    fn sources(&self) -> Vec<SourceReport> {
        Vec::new()
    }
}

/// A data key could not be wrapped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrapError {
    /// There is nothing to wrap with.
    #[error("no master key is given")]
    NoKeys,
    /// A kind of key that a later version will know.
    #[error("{key}: {kind} are not supported yet by this version")]
    NotSupported {
        /// The kind, in the plural.
        kind: &'static str,
        /// The key.
        key: String,
    },
    /// Text that begins like a recipient and is none.
    #[error("not a valid age recipient (mistyped or cut off?): {recipient}")]
    InvalidRecipient {
        /// The text.
        recipient: String,
    },
    /// Text that looks like nothing known. It is not repeated, because it may be a secret.
    #[error("a text of {length} characters is no age recipient, which would begin with age1")]
    NoRecipient {
        /// Its length.
        length: usize,
    },
    /// The private half stands where the public one belongs. It is not repeated.
    #[error("an age identity (a secret) stands where a recipient (age1…) belongs")]
    IdentityAsRecipient,
    /// The provider failed.
    #[error("failed to wrap the data key with {key}")]
    Failed {
        /// The key.
        key: String,
    },
}

/// A data key could not be unwrapped by one master key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnwrapError {
    /// A kind of key that a later version will know.
    #[error("{key}: {kind} are not supported yet by this version")]
    NotSupported {
        /// The kind, in the plural.
        kind: &'static str,
        /// The key.
        key: String,
    },
    /// Nobody here holds the private half.
    #[error("{key}: no identity fits")]
    NoIdentity {
        /// The key.
        key: String,
    },
    /// The private half is here and does not open it.
    #[error(
        "{key}: its identity is here and does not open the wrapped data key, which is damaged or was made for somebody else"
    )]
    NotForThisKey {
        /// The key.
        key: String,
    },
    /// The text is no wrapped key, or was altered.
    #[error("{key}: the wrapped data key is damaged")]
    Damaged {
        /// The key.
        key: String,
    },
    /// What was wrapped is no data key.
    #[error("{key}: what it opens has {found} bytes instead of the 32 of a data key")]
    Length {
        /// The key.
        key: String,
        /// How many bytes there are.
        found: usize,
    },
}
