//! Options of `completion` and `man`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::examples;

/// Print the completions of a shell
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = examples::COMPLETION)]
pub(crate) struct CompletionArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// Write the manual pages
#[derive(Clone, Debug, PartialEq, Args)]
pub(crate) struct ManArgs {
    /// Directory that gets seal.1 and a page for each command; it is made if it is not there
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) directory: PathBuf,
}

/// A shell that completes what is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}
