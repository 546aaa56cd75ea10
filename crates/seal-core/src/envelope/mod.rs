//! The `sops` block: data key, metadata, MAC, binding.

pub mod field;

pub use field::Field;
