//! What the sources of identities held, for messages; never a private half.

use crate::age::printable;
use crate::identity_text::Ignored;

/// What one source held. Its name and what of it may be shown; never a private half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceReport {
    /// The variable or the file, or both.
    pub source: String,
    /// What was found there.
    pub outcome: SourceOutcome,
}

/// What was found in a source of identities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceOutcome {
    /// The variable is not set.
    NotSet,
    /// There is no such file.
    NotFound,
    /// It is protected by a passphrase, for which nobody was asked.
    Locked,
    /// It could not be read.
    Failed(String),
    /// It was read.
    Read {
        /// The public halves of the identities.
        recipients: Vec<String>,
        /// The plugins that the other identities belong to; only they know the public halves.
        plugins: Vec<String>,
        /// What else stood there.
        ignored: Vec<Ignored>,
    },
}

impl SourceOutcome {
    /// Whether something does not work that whoever configured it expects to.
    pub(super) fn is_broken(&self) -> bool {
        match self {
            Self::NotFound | Self::Failed(_) => true,
            Self::Read { ignored, .. } => !ignored.is_empty(),
            Self::NotSet | Self::Locked => false,
        }
    }
}

impl std::fmt::Display for SourceReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.source)?;
        match &self.outcome {
            SourceOutcome::NotSet => f.write_str("not set"),
            SourceOutcome::NotFound => f.write_str("no such file"),
            SourceOutcome::Locked => f.write_str("protected by a passphrase, not asked for"),
            SourceOutcome::Failed(reason) => f.write_str(reason),
            SourceOutcome::Read { recipients, plugins, ignored } => {
                match recipients.len() + plugins.len() {
                    0 => f.write_str("no identity")?,
                    1 => f.write_str("1 identity: ")?,
                    count => write!(f, "{count} identities: ")?,
                }
                let recipients = recipients.iter().map(|recipient| printable(recipient));
                let plugins = plugins.iter().map(|plugin| format!("of age-plugin-{plugin}"));
                f.write_str(&recipients.chain(plugins).collect::<Vec<_>>().join(", "))?;
                ignored.iter().try_for_each(|ignored| write!(f, "; {ignored}"))
            }
        }
    }
}

/// Something about the sources that does not stop a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// A key file that not only its owner can read.
    #[error(
        "the key file {path} can be read by others than its owner (mode {mode:04o}); run: chmod 600 {path}"
    )]
    Permissions {
        /// The file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// A source that somebody configured and that cannot be used, or not all of it.
    #[error("{0}")]
    Source(SourceReport),
    /// A server that was asked though nobody knows who it is.
    #[error(
        "the certificate of {server} is not checked (VAULT_SKIP_VERIFY): whoever is on the way can take the token and the data keys; VAULT_CACERT names an authority to trust"
    )]
    Unverified {
        /// Its address.
        server: String,
    },
}
