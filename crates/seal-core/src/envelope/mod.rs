//! The `sops` block: data key, metadata, MAC, binding.

pub mod field;
pub mod rule;

pub use field::Field;
pub use rule::{Rule, RuleKind};
