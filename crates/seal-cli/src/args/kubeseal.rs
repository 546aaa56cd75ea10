//! `seal kubeseal`

use std::ffi::OsString;

use clap::Args;

use super::examples;

/// Answer as `kubeseal` does
///
/// Flags, variables, output and exit codes are those of kubeseal 0.38; so does the binary when it is called `kubeseal`.
/// What differs is in docs/kubeseal.md.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = examples::KUBESEAL, disable_help_flag = true)]
pub(crate) struct KubesealArgs {
    /// What follows `kubeseal`; `seal kubeseal --help` lists it
    #[arg(value_name = "ARGUMENTS", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<OsString>,
}
