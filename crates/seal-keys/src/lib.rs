//! Master keys: wraps and unwraps the data key of an envelope.
//!
//! ```text
//! data key ─wrap_for→ each master key's `enc` text          (all of them, or an error)
//! `enc` texts ─Unwrapper→ Providers ─kind of key→ age, …  ─→ data key   (the first that fits)
//! ```
//!
//! A provider is one file and one arm in [`Providers`]. Nothing is read, and no program or server is asked, before the
//! first data key has to be wrapped or unwrapped. The environment is an argument, see [`Environment`].

#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod age;
mod attempts;
mod aws_kms;
mod azure_key_vault;
mod calls;
mod environment;
mod failure;
mod gcp_kms;
mod huawei_kms;
mod identities;
mod identity_text;
pub mod keygen;
mod order;
mod pgp;
mod prompt;
mod providers;
pub mod publish;
pub mod remote;
mod rest;
mod service;
mod session;
mod trust;
mod unavailable;
mod unwrap;
mod vault;
pub mod words;
mod wrap;

pub use attempts::{Attempts, GroupAttempt, NoDataKey};
pub use calls::{InvalidLimit, Limits};
pub use environment::{Environment, NotAPath, is_rather_a_path, looks_like_path};
pub use failure::{Failure, FailureKind, Subject};
pub use identities::{SourceOutcome, SourceReport, Warning};
pub use identity_text::{Ignored, IgnoredReason};
pub use order::{DecryptionOrder, OrderError};
pub use prompt::{Nobody, Prompt};
pub use providers::{Providers, check};
pub use service::{KeyService, UnwrapError, WrapError, Wrapped};
pub use session::Settings;
pub use trust::Trust;
pub use unwrap::Unwrapper;
pub use wrap::wrap_for;
