//! Findings as they are reported: lines for people, objects of `--json`, SARIF.

use std::path::{Path, PathBuf};

use seal_core::check::{Lint, Severity};
use seal_core::document::Position;
use serde_json::{Value, json};

use super::Context;
use crate::args::{ReportArgs, ReportFormat};
use crate::error::CommandError;
use crate::inputs::is_stdin;
use crate::ui::{Mark, escape};
use crate::write::{NewFile, Writer};

mod sarif;

/// Something that was found in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// As the user named it; `-` for standard input.
    pub(super) file: PathBuf,
    pub(super) position: Option<Position>,
    pub(super) lint: &'static Lint,
    /// As it counts in this run.
    pub(super) severity: Severity,
    /// `Secret prod/db`
    pub(super) object: Option<String>,
    /// `["stringData"]["password"]`
    pub(super) path: Option<String>,
    pub(super) message: String,
}

/// All that a run found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Sorted by file and position.
    pub(super) list: Vec<Found>,
    /// Files that could not be looked at.
    pub(super) failures: Vec<CommandError>,
}

impl Findings {
    /// How many weigh so much.
    pub(super) fn count(&self, severity: Severity) -> usize {
        self.list.iter().filter(|found| found.severity == severity).count()
    }

    /// Writes them where the options say; `lints` are all kinds that the command knows.
    pub(super) fn report(
        &self,
        arguments: &ReportArgs,
        lints: &[&'static Lint],
        context: &Context<'_>,
    ) -> Result<(), CommandError> {
        let lines = || self.list.iter().map(Found::line);
        let sarif = || format!("{:#}\n", sarif::log(self, lints));
        match (arguments.file(), arguments.format) {
            (Some(path), format) => {
                let text = match format {
                    ReportFormat::Text => lines().map(|line| format!("{line}\n")).collect(),
                    ReportFormat::Sarif => sarif(),
                };
                let writer = Writer::default();
                writer.put(path, text.as_bytes(), NewFile::Shared)?;
                writer.finish();
            }
            (None, ReportFormat::Text) => {
                let lines: Vec<_> = lines().map(|line| (Mark::Plain, line)).collect();
                context.ui.print(&lines);
            }
            (None, ReportFormat::Sarif) => context.ui.write_stdout(sarif().as_bytes())?,
        }
        let mut hinted: Vec<&str> = Vec::new();
        for found in self.list.iter().filter(|_| arguments.format == ReportFormat::Text) {
            if !hinted.contains(&found.lint.id) {
                hinted.push(found.lint.id);
                context.ui.note(&format!("hint [{}]: {}", found.lint.id, found.lint.help));
            }
        }
        Ok(())
    }

    /// For `--json`.
    pub(super) fn objects(&self) -> Value {
        self.list.iter().map(object).collect()
    }
}

impl Found {
    /// `FILE:LINE:COLUMN: SEVERITY: MESSAGE [RULE]`, on one line whatever the file holds.
    fn line(&self) -> String {
        let file = match is_stdin(&self.file) {
            true => "<stdin>".into(),
            false => self.file.to_string_lossy(),
        };
        let position = self.position.map_or_else(String::new, |position| format!(":{position}"));
        let (severity, text, id) = (self.severity, self.text(), self.lint.id);
        escape(&format!("{file}{position}: {severity}: {text} [{id}]")).into_owned()
    }

    /// Object, path and message.
    fn text(&self) -> String {
        let parts = [self.object.as_deref(), self.path.as_deref(), Some(&*self.message)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
    }
}

fn object(found: &Found) -> Value {
    json!({
        "file": found.file.display().to_string(),
        "line": found.position.map(|position| position.line),
        "column": found.position.map(|position| position.column),
        "severity": found.severity.to_string(),
        "rule": found.lint.id,
        "object": found.object,
        "path": found.path,
        "message": found.message,
        "help": found.lint.help,
    })
}

/// A path without the `./` that the walk through the working directory puts in front.
pub(super) fn shown(path: &Path) -> &Path {
    path.strip_prefix("./").unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use seal_core::check::{Severity, lint};
    use seal_core::document::Position;

    use super::Found;

    #[test]
    fn a_finding_is_one_line_whatever_its_names_are() {
        let found = Found {
            file: "a\nb.yaml".into(),
            position: Some(Position { line: 3, column: 7 }),
            lint: &lint::TOKEN,
            severity: Severity::Error,
            object: Some("Secret \u{1b}[2Jdb".to_owned()),
            path: Some(r#"["a"]"#.to_owned()),
            message: "a token of GitHub".to_owned(),
        };
        assert_eq!(
            found.line(),
            r#"a\nb.yaml:3:7: error: Secret \u{1b}[2Jdb: ["a"]: a token of GitHub [token]"#
        );
        let bare = Found { position: None, object: None, path: None, file: "-".into(), ..found };
        assert_eq!(bare.line(), "<stdin>: error: a token of GitHub [token]");
    }
}
