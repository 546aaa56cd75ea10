//! JSON as SOPS reads it: one object per file.

pub(crate) mod change;
pub mod edit;
pub mod metadata_block;
mod number;
mod parser;

pub use parser::parse;
