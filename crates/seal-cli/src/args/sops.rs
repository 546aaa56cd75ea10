//! `seal sops`

use std::ffi::OsString;

use clap::Args;

use super::examples;

/// Answer as `sops` does
///
/// Commands, flags, variables and exit codes are those of SOPS 3.13; so does the binary when it is called `sops`. What
/// differs is in docs/sops.md.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = examples::SOPS, disable_help_flag = true)]
pub(crate) struct SopsArgs {
    /// What follows `sops`; `seal sops --help` lists it
    #[arg(value_name = "ARGUMENTS", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<OsString>,
}
