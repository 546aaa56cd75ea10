//! Master keys: wraps and unwraps the data key of an envelope.
//!
//! ```text
//! data key ─wrap_for→ each master key's `enc` text          (all of them, or an error)
//! `enc` texts ─Unwrapper→ Providers ─kind of key→ age, …  ─→ data key   (the first that fits)
//! ```
//!
//! A provider is one file and one arm in [`Providers`]. Nothing is read, and no program or server is asked, before the
//! first data key has to be unwrapped. The environment is an argument, see [`Environment`].

#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod age;
mod environment;
mod identities;
mod identity_text;
pub mod keygen;
mod providers;
mod recover;
mod service;
mod words;
mod wrap;

pub use environment::Environment;
pub use identities::{SourceOutcome, SourceReport, Warning};
pub use identity_text::{Ignored, IgnoredReason};
pub use providers::{Providers, check};
pub use recover::{Attempts, NoDataKey, Unwrapper};
pub use service::{KeyService, UnwrapError, WrapError};
pub use wrap::wrap_for;
