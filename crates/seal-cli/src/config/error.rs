//! What can be wrong with a configuration file.

use std::io;
use std::path::{Path, PathBuf};

use seal_core::document::Position;
use seal_keys::WrapError;

use crate::reason::Reason;

/// The configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfigError {
    /// It cannot be read.
    #[error("{}: cannot be read: {}", file.display(), reason(*kind))]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        kind: io::ErrorKind,
    },
    /// It is no YAML, or a setting has another type.
    #[error("{}{}: {problem}", file.display(), position(*line, *column))]
    Syntax {
        /// The file.
        file: PathBuf,
        /// From 1; 0 if not known.
        line: usize,
        /// From 1; 0 if not known.
        column: usize,
        /// What is wrong, without texts of the file.
        problem: String,
    },
    /// A creation rule cannot be meant so, or cannot be used.
    #[error("{}: creation rule {rule}: {problem}", file.display())]
    Rule {
        /// The file.
        file: PathBuf,
        /// Which rule, from 1.
        rule: usize,
        /// What is wrong.
        problem: RuleProblem,
    },
    /// There are creation rules, and none is for this file.
    #[error("no creation rule in {} matches {}", file.display(), shown(path))]
    NoRule {
        /// The configuration.
        file: PathBuf,
        /// The text that was compared.
        path: String,
    },
    /// A destination rule cannot be meant so.
    #[error("{}: destination rule {rule}: {problem}", file.display())]
    Destination {
        /// The file.
        file: PathBuf,
        /// Which rule, from 1.
        rule: usize,
        /// What is wrong.
        problem: DestinationProblem,
    },
    /// No destination rule is for this file.
    #[error("no destination rule in {} matches {path}", file.display())]
    NoDestination {
        /// The configuration.
        file: PathBuf,
        /// The text that was compared.
        path: String,
    },
    /// An indentation that SOPS refuses.
    #[error("{}: stores.{store}.indent cannot be {indent}", file.display())]
    Indent {
        /// The file.
        file: PathBuf,
        /// Which store.
        store: &'static str,
        /// The number.
        indent: i64,
    },
}

/// What is wrong with a destination rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DestinationProblem {
    /// It names no place, or more than one.
    #[error("it names {places} places; one of s3_bucket, gcs_bucket and vault_path is needed")]
    Places {
        /// How many.
        places: usize,
    },
    /// An engine that nobody has.
    #[error("vault_kv_version is {0}; it is 1 or 2")]
    Version(u8),
    /// The old name, which SOPS does not read either: the file would be published for the wrong people.
    #[error("reencryption_rule is not read, by sops neither; its name is recreation_rule")]
    OldName,
    /// The rule for encrypting anew, or the path_regex.
    #[error("{0}")]
    Rule(RuleProblem),
}

/// What is wrong with a creation rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RuleProblem {
    /// A regular expression that does not compile.
    #[error("{setting} is not a valid regular expression: {problem}")]
    Regex {
        /// The setting.
        setting: &'static str,
        /// Why not.
        problem: String,
    },
    /// More than one selection setting.
    #[error("{first} and {second} are both set; at most one selection setting may be")]
    SeveralSelections {
        /// One.
        first: &'static str,
        /// Another.
        second: &'static str,
    },
    /// A key that does not have the form of its kind. It is not repeated: an URL may hold a password.
    #[error("entry {entry} of {setting} is not of the form {form}")]
    Key {
        /// The setting.
        setting: &'static str,
        /// Which entry, from 1.
        entry: usize,
        /// What was expected.
        form: &'static str,
    },
    /// A private key in a file that is meant for git. It is not repeated.
    #[error(
        "entry {entry} of {setting} is an identity (a secret); put its recipient (age1…) there, and make a new identity if others may have seen it"
    )]
    IdentityAsRecipient {
        /// The setting.
        setting: &'static str,
        /// Which entry, from 1.
        entry: usize,
    },
    /// A key group without keys.
    #[error("key group {group} has no keys")]
    EmptyGroup {
        /// Which group, from 1.
        group: usize,
    },
    /// A key that this version cannot wrap with.
    #[error("{0}")]
    Unusable(WrapError),
}

/// Something in the configuration that has no effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfigWarning {
    /// A key that nothing reads.
    #[error("{}: {}unknown key {key} is ignored{}", file.display(), prefix(place), meant(*similar))]
    UnknownKey {
        /// The file.
        file: PathBuf,
        /// Where in it; empty at the top.
        place: String,
        /// The key.
        key: String,
        /// What was probably meant.
        similar: Option<&'static str>,
    },
    /// Keys that SOPS ignores because of groups.
    #[error("{}: creation rule {rule}: keys beside key_groups are ignored", file.display())]
    KeysBesideGroups {
        /// The file.
        file: PathBuf,
        /// Which rule, from 1.
        rule: usize,
    },
    /// A configuration that cannot be used, where it is not needed.
    #[error("{0}; it is ignored")]
    Unusable(ConfigError),
    /// A file that looks like a configuration and is none.
    #[error("{} is ignored: the name must be .sops.yaml", file.display())]
    Misnamed {
        /// The file.
        file: PathBuf,
    },
}

impl ConfigError {
    /// What it is to those who tell failures apart.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::NoRule { .. } | Self::NoDestination { .. } => Reason::NoRule,
            Self::Rule { problem: RuleProblem::Unusable(WrapError::NoKeys), .. } => {
                Reason::NoMasterKeys
            }
            _ => Reason::Config,
        }
    }

    /// What the user can do next.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoRule { .. } => {
                "add a rule whose path_regex matches, or one without path_regex at the end, or name the recipients with --age"
            }
            Self::Rule { problem: RuleProblem::Unusable(WrapError::NoKeys), .. } => {
                "add age: with a list of recipients to the rule, or name them with --age"
            }
            Self::NoDestination { .. } => {
                "path_regex of destination_rules is compared with the path as it is typed"
            }
            Self::Rule { problem: RuleProblem::EmptyGroup { .. }, .. } => {
                "the lists of a group are age, pgp, kms, gcp_kms, hckms, azure_keyvault and hc_vault"
            }
            Self::Rule { problem: RuleProblem::SeveralSelections { .. }, .. } => {
                "use two rules with different path_regex"
            }
            Self::Rule { problem: RuleProblem::Unusable(error), .. } => return error.next_step(),
            _ => return None,
        };
        Some(hint.to_owned())
    }

    /// The configuration.
    pub(crate) fn file(&self) -> &Path {
        match self {
            Self::Read { file, .. }
            | Self::Syntax { file, .. }
            | Self::Rule { file, .. }
            | Self::NoRule { file, .. }
            | Self::Destination { file, .. }
            | Self::NoDestination { file, .. }
            | Self::Indent { file, .. } => file,
        }
    }

    /// Where in it, where that is known.
    pub(crate) fn position(&self) -> Option<Position> {
        match self {
            Self::Syntax { line, column, .. } if *line > 0 => {
                Some(Position { line: *line, column: *column })
            }
            _ => None,
        }
    }

    /// What is wrong, without the place.
    pub(crate) fn problem(&self) -> String {
        match self {
            Self::Syntax { problem, .. } => problem.clone(),
            _ => without_file(self, self.file()),
        }
    }

    /// Whether the configuration may hold settings of our own, which this error keeps from being known.
    pub(crate) fn hides_options(&self) -> bool {
        let file = match self {
            Self::Read { file, .. }
            | Self::Syntax { file, .. }
            | Self::Rule { file, .. }
            | Self::Destination { file, .. }
            | Self::Indent { file, .. } => file,
            Self::NoRule { .. } | Self::NoDestination { .. } => return false,
        };
        let Ok(text) = std::fs::read_to_string(file) else { return true };
        let is_key = |rest: &str| rest.trim_start_matches(['"', '\'', ' ', '\t']).starts_with(':');
        text.match_indices("seal").any(|(at, name)| is_key(&text[at + name.len()..]))
    }

    pub(super) fn syntax(file: &Path, error: &serde_yaml::Error) -> Self {
        let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
        let text = error.to_string();
        let problem = text.split(" at line ").next().unwrap_or(&text);
        Self::Syntax { file: file.to_owned(), line, column, problem: without_values(problem) }
    }
}

impl ConfigWarning {
    /// The file that it is about.
    pub(crate) fn file(&self) -> &Path {
        match self {
            Self::UnknownKey { file, .. }
            | Self::KeysBesideGroups { file, .. }
            | Self::Misnamed { file } => file,
            Self::Unusable(error) => error.file(),
        }
    }

    /// What has no effect, without the file.
    pub(crate) fn problem(&self) -> String {
        without_file(self, self.file())
    }
}

/// Messages name their file first; where that is said already, the rest will do.
fn without_file(message: &impl std::fmt::Display, file: &Path) -> String {
    let (message, file) = (message.to_string(), file.display().to_string());
    let rest = message.strip_prefix(&file).map(|rest| rest.trim_start_matches(':').trim_start());
    rest.map_or_else(|| message.clone(), str::to_owned)
}

/// serde repeats texts that have the wrong type; one of them may be a secret that somebody pasted.
fn without_values(problem: &str) -> String {
    match (problem.find('"'), problem.rfind('"')) {
        (Some(start), Some(end)) if start < end => {
            format!("{}\"…{}", &problem[..start], &problem[end..])
        }
        _ => problem.to_owned(),
    }
}

/// Standard input has the path `-`.
fn shown(path: &str) -> &str {
    if path == "-" { "<stdin>" } else { path }
}

fn reason(kind: io::ErrorKind) -> String {
    match kind {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        other => other.to_string(),
    }
}

fn position(line: usize, column: usize) -> String {
    if line == 0 { String::new() } else { format!(":{line}:{column}") }
}

fn prefix(place: &str) -> String {
    if place.is_empty() { String::new() } else { format!("{place}: ") }
}

fn meant(similar: Option<&str>) -> String {
    similar.map_or_else(String::new, |key| format!(" (did you mean {key}?)"))
}
