//! The `sops` block: data key, metadata, MAC, binding.

pub mod field;
pub mod master_key;
pub mod rule;

pub use field::Field;
pub use master_key::{KeyGroup, MasterKey, WrappedKey};
pub use rule::{Rule, RuleKind};
