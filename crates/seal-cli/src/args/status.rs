//! `seal status`

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{FileType, examples};

/// Say whether files are encrypted, and for whom
///
/// Needs no key, so it is what the files say of themselves; `verify` proves it.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = examples::STATUS)]
pub(crate) struct StatusArgs {
    /// Files, directories and patterns (`**/*.yaml`); `-` is standard input
    #[arg(value_name = "PATHS", required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
    /// Format of the input [default: by the file's name; by its text for standard input, YAML for pipes]
    #[arg(long = "input-type", visible_alias = "type", value_name = "TYPE")]
    pub(crate) file_type: Option<FileType>,
}
