//! The `sops` block: data key, metadata, MAC, binding.

pub mod binding;
mod block;
pub mod field;
pub mod mac;
pub mod master_key;
pub mod metadata;
pub mod rule;

#[cfg(test)]
pub(crate) mod fixtures;

pub use field::Field;
pub use master_key::{MasterKey, WrappedKey};
pub use metadata::{KeyGroup, Metadata, MetadataError};
pub use rule::{Rule, RuleKind};
