//! What a provider of master keys does, and how it fails.

use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;

use crate::failure::Failure;
use crate::identities::{SourceReport, Warning};

/// Wraps and unwraps data keys, or shares of them, by master keys.
///
/// # Guarantees
///
/// `unwrap(key, wrap(key, d)) == d` for whoever may use `key`. Implementations may be called from several threads at
/// once, and start clients, programs or reading files only when called.
pub trait KeyService: Send + Sync {
    /// Wraps a data key or a share of it.
    ///
    /// # Errors
    ///
    /// The key is not valid, or cannot be used: the caller must then write nothing.
    fn wrap(&self, key: &MasterKey, secret: &SecretBytes) -> Result<Wrapped, WrapError>;

    /// Unwraps the text of an envelope's `enc`.
    ///
    /// # Errors
    ///
    /// The key could not be used here, or the text is damaged; other keys of the group may still open.
    fn unwrap(&self, key: &MasterKey, enc: &str) -> Result<SecretBytes, UnwrapError>;

    /// The places where private keys were looked for so far, for the message when none fits.
    fn sources(&self) -> Vec<SourceReport> {
        Vec::new()
    }

    /// What the user should know about the sources of keys that were used so far, such as a key file that others can
    /// read. Complete only after the last key was unwrapped.
    fn warnings(&self) -> Vec<Warning> {
        Vec::new()
    }
}

/// A wrapped data key, or a wrapped share of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// The master key, as the envelope has to name it: with the version that Azure used.
    pub key: MasterKey,
    /// The text of the envelope's `enc`, in SOPS's form for that kind of key.
    pub enc: String,
}

/// One master key, with all that it takes to use it. Each provider has one such type.
pub(crate) trait KeyAccess {
    /// What can be said about the key without asking anybody.
    fn check(&self) -> Result<(), WrapError>;

    /// See [`KeyService::wrap`].
    fn wrap(&self, secret: &SecretBytes) -> Result<Wrapped, WrapError>;

    /// See [`KeyService::unwrap`].
    fn unwrap(&self, enc: &str) -> Result<SecretBytes, UnwrapError>;
}

/// A data key could not be wrapped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrapError {
    /// There is nothing to wrap with.
    #[error("no master key is given")]
    NoKeys,
    /// A key group without keys.
    #[error("a key group has no keys")]
    EmptyGroup,
    /// The data key cannot be shared among the groups as asked.
    #[error(transparent)]
    Shares(#[from] seal_core::envelope::shamir::ShamirError),
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    Random,
    /// Text that begins like a recipient and is none.
    #[error("not a valid age recipient (mistyped or cut off?): {recipient}")]
    InvalidRecipient {
        /// The text.
        recipient: String,
    },
    /// A recipient that is in order, and that age cannot wrap to.
    #[error("{recipient}: {reason}")]
    UnusableRecipient {
        /// The text.
        recipient: String,
        /// Why.
        reason: &'static str,
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
    /// The key service did not do it.
    #[error(transparent)]
    Service(#[from] Box<Failure>),
}

/// A data key could not be unwrapped by one master key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnwrapError {
    /// Nobody here holds the private half.
    #[error("{key}: no identity fits")]
    NoIdentity {
        /// The key.
        key: String,
    },
    /// The private half may be among identities that stayed closed.
    #[error("{key}: not known: {closed} could not be opened")]
    NotKnown {
        /// The key.
        key: String,
        /// What was not opened, and is protected by a passphrase.
        closed: String,
        /// What to do about it.
        hint: String,
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
    /// What was wrapped is no data key, or no share of one.
    #[error("{key}: what it opens has {found} bytes instead of the {}", wanted(*expected))]
    Length {
        /// The key.
        key: String,
        /// How many bytes there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// The key service did not do it.
    #[error(transparent)]
    Service(#[from] Box<Failure>),
}

fn wanted(expected: usize) -> String {
    match expected {
        32 => "32 of a data key".to_owned(),
        other => format!("{other} of a share of a data key"),
    }
}

impl WrapError {
    /// What the user can do next, where that is known.
    pub fn next_step(&self) -> Option<String> {
        match self {
            Self::Service(failure) => failure.next_step(),
            _ => None,
        }
    }
}

impl UnwrapError {
    /// What the user can do next, where that is known.
    pub fn next_step(&self) -> Option<String> {
        match self {
            Self::Service(failure) => failure.next_step(),
            Self::NotKnown { hint, .. } => Some(hint.clone()),
            Self::Damaged { .. } | Self::NotForThisKey { .. } | Self::Length { .. } => {
                Some("restore the `sops` block from an older version of the file".to_owned())
            }
            _ => None,
        }
    }
}

impl From<Failure> for WrapError {
    fn from(failure: Failure) -> Self {
        Self::Service(Box::new(failure))
    }
}

impl From<Failure> for UnwrapError {
    fn from(failure: Failure) -> Self {
        Self::Service(Box::new(failure))
    }
}
