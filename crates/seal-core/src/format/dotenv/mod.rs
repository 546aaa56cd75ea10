//! dotenv, as SOPS reads it: `KEY=value` with nothing trimmed and no quotes, comments in the first column, and `\n` for
//! line breaks. The metadata are the keys with the prefix `sops_`.

pub(crate) mod change;
pub mod edit;
mod parser;

pub use parser::parse;

/// What the keys of the metadata begin with.
const PREFIX: &str = "sops_";
