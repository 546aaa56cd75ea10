//! Which files, of which format, which document in them, and where results go.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum, ValueHint};

/// What the commands read and write that give a version of each file.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(crate) struct FileArgs {
    /// Files, directories (all YAML, JSON, dotenv and INI below) and patterns (`**/*.yaml`); none or `-` is standard input
    #[arg(value_name = "PATHS", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
    /// Replace the files
    #[arg(short, long, conflicts_with = "output")]
    pub(crate) in_place: bool,
    /// Write to this file [default: stdout]; one that is the input is replaced
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Format of the input [default: by the file's name; by its text for standard input, YAML for pipes]
    #[arg(long = "input-type", visible_alias = "type", value_name = "TYPE")]
    pub(crate) file_type: Option<FileType>,
}

/// A format of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileType {
    Yaml,
    Json,
    Dotenv,
    Ini,
    Binary,
}

/// One document of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DocumentChoice {
    /// Counted from 0.
    Index(usize),
    /// By kind and name, and by namespace where that is said.
    Named { kind: String, namespace: Option<String>, name: String },
}

impl From<FileType> for seal_core::format::Format {
    fn from(told: FileType) -> Self {
        match told {
            FileType::Yaml => Self::Yaml,
            FileType::Json => Self::Json,
            FileType::Dotenv => Self::Dotenv,
            FileType::Ini => Self::Ini,
            FileType::Binary => Self::Binary,
        }
    }
}

impl FileArgs {
    /// Whether the result goes to stdout.
    pub(super) fn go_to_stdout(&self) -> bool {
        !self.in_place && self.output_file().is_none()
    }

    /// The output, if it is a file; `-` and `/dev/stdout` are none.
    pub(crate) fn output_file(&self) -> Option<&Path> {
        self.output.as_deref().filter(|path| !is_stdout(path))
    }
}

/// Whether an output that is named like that is stdout.
pub(super) fn is_stdout(path: &Path) -> bool {
    path == Path::new("-") || path == Path::new("/dev/stdout")
}

/// Text that is neither a number nor `KIND/NAME` nor `KIND/NAMESPACE/NAME`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected KIND/NAME, as in Secret/database, KIND/NAMESPACE/NAME or a number")]
pub(crate) struct NoDocumentChoice;

impl FromStr for DocumentChoice {
    type Err = NoDocumentChoice;

    fn from_str(text: &str) -> Result<Self, NoDocumentChoice> {
        if let Ok(index) = text.parse() {
            return Ok(Self::Index(index));
        }
        let parts: Vec<&str> = text.split('/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(NoDocumentChoice);
        }
        let (kind, namespace, name) = match parts[..] {
            [kind, name] => (kind, None, name),
            [kind, namespace, name] => (kind, Some(namespace.to_owned()), name),
            _ => return Err(NoDocumentChoice),
        };
        Ok(Self::Named { kind: kind.to_owned(), namespace, name: name.to_owned() })
    }
}
