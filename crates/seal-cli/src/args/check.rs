//! `seal check`, and how findings are reported.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum, ValueHint};
use seal_core::check::Lint;

use super::{FileType, examples};

/// Look for secrets in clear, without any key
///
/// Every Secret, and whatever a rule of .sops.yaml selects, has to be encrypted; envelopes have to be usable, and for
/// the recipients that the rule names. What has the form of a private key or a token is a warning, wherever it stands.
/// No value is ever printed.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = examples::CHECK)]
pub(crate) struct CheckArgs {
    /// Files, directories and patterns (`**/*.yaml`); `-` is standard input
    /// [default: the working directory]
    #[arg(value_name = "PATHS", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
    /// Take warnings for errors
    #[arg(long)]
    pub(crate) strict: bool,
    /// Leave a kind of findings out (can be repeated, or separated by commas)
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = lint)]
    pub(crate) ignore: Vec<&'static Lint>,
    /// Format of the input [default: by the file's name; by its text for standard input, YAML for pipes]
    #[arg(long = "input-type", visible_alias = "type", value_name = "TYPE")]
    pub(crate) file_type: Option<FileType>,
    /// Name that the rules of .sops.yaml and the format go by, for standard input or instead of the file's own
    #[arg(long, value_name = "PATH")]
    pub(crate) filename_override: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
}

/// How findings are reported.
#[derive(Clone, Debug, PartialEq, Args)]
pub(crate) struct ReportArgs {
    /// Lines for people, or SARIF 2.1.0 for code scanning; `--json` has them in our own form
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: ReportFormat,
    /// Write the findings to this file [default: stdout]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
}

/// A form of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    Text,
    Sarif,
}

impl ReportArgs {
    /// Whether a document for machines goes to stdout.
    pub(super) fn takes_stdout(&self) -> bool {
        self.format == ReportFormat::Sarif && self.file().is_none()
    }

    /// The output, if it is a file; `-` is none.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.output.as_deref().filter(|path| *path != Path::new("-"))
    }
}

fn lint(id: &str) -> Result<&'static Lint, String> {
    let unknown = || {
        let known: Vec<_> = seal_core::check::lint::ALL.iter().map(|lint| lint.id).collect();
        format!("no such rule; there are {}", known.join(", "))
    };
    Lint::of_id(id).ok_or_else(unknown)
}
