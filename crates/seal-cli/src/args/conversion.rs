//! `--output-type`, for the commands that print documents.

use clap::Args;

use super::FileType;

/// How results are printed.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(crate) struct ConversionArgs {
    /// Format of the output [default: that of the input, in which every other byte stays as it is]
    #[arg(long, value_name = "TYPE")]
    pub(crate) output_type: Option<FileType>,
    /// Print as SOPS does, with what that loses; JSON, dotenv and INI even if the input is of the same type.
    #[arg(skip)]
    pub(crate) reprint: bool,
    /// Blanks per level instead of what .sops.yaml says; only with `reprint`.
    #[arg(skip)]
    pub(crate) indent: Option<usize>,
}
