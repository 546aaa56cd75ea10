//! Why a tree cannot be printed.

use crate::document::{LookupError, Path};

/// A tree that a format has no form for. Keys are named, values never.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmitError {
    /// A document is a list or a single value.
    #[error("only a mapping at the top of a document can be converted")]
    NotAMapping,
    /// A key is a number or the like.
    #[error("{path}: a key that is no text cannot be converted")]
    KeyNoText {
        /// The entry.
        path: Path,
    },
    /// Collections inside collections.
    #[error("the document is nested deeper than {limit} levels")]
    TooDeep {
        /// How many levels there may be.
        limit: usize,
    },
    /// Aliases whose expansion grows without bound.
    #[error("the aliases of the document multiply without end")]
    Aliases,
    /// The format holds one document.
    #[error("the file has {count} documents, and {format} holds only one")]
    SeveralDocuments {
        /// How many there are.
        count: usize,
        /// The format.
        format: &'static str,
    },
    /// A mapping or list where the format has only values.
    #[error("{path}: {format} has no place for {what}")]
    Nested {
        /// The entry.
        path: Path,
        /// The format.
        format: &'static str,
        /// What it is.
        what: &'static str,
    },
    /// A value at the top of what is to be INI.
    #[error("{path}: ini holds values only in sections; this stands in none")]
    NoSection {
        /// The entry.
        path: Path,
    },
    /// A value of a kind that the format does not have.
    #[error("{path}: {format} has no form for {what}")]
    NoForm {
        /// The entry.
        path: Path,
        /// The format.
        format: &'static str,
        /// What it is.
        what: &'static str,
    },
    /// No text stands at `data`.
    #[error("binary output is the text at [\"data\"], and there is none")]
    NoData,
    /// The printed text would not be read as the same value.
    #[error("{path}: {format} cannot carry this: it would be read as something else")]
    Lost {
        /// The entry.
        path: Path,
        /// The format.
        format: &'static str,
    },
    /// The printed text would not be read at all.
    #[error("what this file holds cannot be written as {format}: {problem}")]
    Unreadable {
        /// The format.
        format: &'static str,
        /// What its reader says.
        problem: String,
    },
    /// There is nothing at the path that was asked for.
    #[error(transparent)]
    NotFound(#[from] LookupError),
}

impl EmitError {
    /// What the user can do.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NotAMapping | Self::TooDeep { .. } | Self::Aliases => {
                "leave out the output type to get the file as it is"
            }
            Self::KeyNoText { .. } => "put the key in quotes",
            Self::SeveralDocuments { .. } => {
                "choose yaml, or take one document with `seal get --document`"
            }
            Self::NoForm { format: "json", .. } => "choose yaml as the output type",
            Self::Nested { .. } | Self::NoSection { .. } | Self::NoForm { .. } => {
                "choose yaml or json as the output type"
            }
            Self::NoData => {
                "this is probably no encrypted binary file; choose its own type as the output type"
            }
            Self::Lost { .. } | Self::Unreadable { .. } => {
                "choose another output type, or leave it out to get the file as it is"
            }
            Self::NotFound(_) => return None,
        })
    }
}
