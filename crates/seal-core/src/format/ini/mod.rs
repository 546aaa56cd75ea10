//! INI as go-ini reads it for SOPS: sections of keys, all values text, and the metadata in a section `sops`.

pub(crate) mod change;
pub mod edit;
mod line;
mod parser;
mod value;

pub use parser::parse;
