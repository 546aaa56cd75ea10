//! The `sops` block: data key, key groups, metadata, MAC, binding.

pub mod binding;
mod block;
pub mod field;
pub mod grouped_keys;
pub mod mac;
pub mod master_key;
pub mod metadata;
pub mod rule;
mod same_key;
pub mod shamir;

#[cfg(test)]
pub(crate) mod fixtures;

pub use field::Field;
pub use grouped_keys::GroupedKeys;
pub use master_key::{MasterKey, WrappedKey};
pub use metadata::{KeyGroup, Metadata, MetadataError};
pub use rule::{Rule, RuleKind};
