//! As `sops updatekeys` goes about it: one file after the other, with its words on stdout and its question on stdin.

use seal_core::envelope::MasterKey;
use serde_json::Value;

use super::{Update, report};
use crate::commands::recipients::Drift;
use crate::commands::rewrapping::{Change, Plan};
use crate::commands::{Context, Outcome};
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::inputs::{Files, Input};
use crate::terminal::StandardInput;
use crate::ui::{FilesDone, Found, Mark};
use crate::write::Writer;

impl Update<'_> {
    /// A single file fails with its own error. Of several, failures are reported at once, and the others go on.
    pub(super) fn as_sops(
        &self,
        files: &Files,
        context: &Context<'_>,
    ) -> Result<Outcome, CommandError> {
        let is_single = files.list.len() + files.failures.len() == 1;
        let mut tally = FilesDone::of(files);
        let mut code = ExitCode::Done;
        let mut fail = |error: &CommandError| {
            context.ui.error(error);
            code = code.worst(error.kind);
        };
        for failure in &files.failures {
            match CommandError::from(failure) {
                error if is_single => return Err(error),
                error => fail(&error),
            }
        }
        let writer = Writer::default();
        for input in &files.list {
            let path = input.path.display();
            context.ui.note(&format!("Syncing keys for file {path}"));
            match self.one_as_sops(input, &writer, context) {
                Ok(Done::Changed) => {
                    tally.changed += 1;
                    context.ui.note(&format!("File {path} synced with new keys"));
                }
                Ok(Done::Same) => {
                    tally.same += 1;
                    context.ui.note(&format!("File {path} already up to date"));
                }
                Ok(Done::Left) => {
                    tally.left += 1;
                    context.ui.note(&format!("File {path} left unchanged"));
                }
                Err(error) if is_single => return Err(error),
                Err(error) => {
                    tally.failed += 1;
                    fail(&error);
                }
            }
        }
        writer.finish();
        let report = crate::ui::Report { line: None, ..report(&tally, Value::Null) };
        Ok(Outcome { report, code })
    }

    fn one_as_sops(
        &self,
        input: &Input,
        writer: &Writer,
        context: &Context<'_>,
    ) -> Result<Done, CommandError> {
        let input = Input { explicit: true, ..input.clone() };
        let plan = self.plan(&input).map_err(|error| match error.place {
            Some(_) => error,
            None => error.in_file(&input.path),
        })?;
        let Found::ToDo(plan) = plan else { return Ok(Done::Same) };
        context.ui.print(&lines(&plan));
        if !self.arguments.yes && !confirmed(context)? {
            return Ok(Done::Left);
        }
        self.apply(&plan, writer)?;
        Ok(Done::Changed)
    }
}

enum Done {
    Changed,
    Same,
    Left,
}

fn lines(plan: &Plan) -> Vec<(Mark, String)> {
    let heading = "The following changes will be made to the file's groups:";
    let mut lines = vec![(Mark::Plain, heading.to_owned())];
    for Change { metadata, wanted, drift } in &plan.changes {
        lines.extend(threshold_lines(metadata.shamir_threshold, wanted.threshold));
        lines.extend(group_lines(drift));
    }
    lines
}

fn threshold_lines(there: Option<u32>, wanted: Option<u32>) -> Vec<(Mark, String)> {
    if there == wanted {
        let same = there.map(|threshold| (Mark::Plain, format!("shamir_threshold: {threshold}")));
        return same.into_iter().collect();
    }
    let line =
        |mark, sign: &str, threshold: u32| (mark, format!("{sign} shamir_threshold: {threshold}"));
    let added = wanted.map(|threshold| line(Mark::Added, "+++", threshold));
    let removed = there.map(|threshold| line(Mark::Removed, "---", threshold));
    added.into_iter().chain(removed).collect()
}

fn group_lines(drift: &Drift) -> Vec<(Mark, String)> {
    let mut lines = Vec::new();
    for (index, group) in drift.groups.iter().enumerate() {
        lines.push((Mark::Plain, format!("Group {}", index + 1)));
        for (mark, sign, keys) in [
            (Mark::Plain, "   ", &group.kept),
            (Mark::Added, "+++", &group.missing),
            (Mark::Removed, "---", &group.superfluous),
        ] {
            let line = |key: &MasterKey| (mark, format!("{sign} {}", key.text()));
            lines.extend(keys.iter().map(line));
        }
    }
    lines
}

/// Asks until the answer is one of the two.
fn confirmed(context: &Context<'_>) -> Result<bool, CommandError> {
    loop {
        context.ui.write_stdout(b"Is this okay? (y/n):")?;
        match StandardInput.line().as_deref().map(str::trim) {
            Some("y") => return Ok(true),
            Some("n") => return Ok(false),
            Some(_) => {}
            None => {
                return Err(CommandError::failed("standard input ended before the answer")
                    .hint("`--yes` goes on without asking"));
            }
        }
    }
}
