//! `seal updatekeys`

use std::collections::BTreeSet;
use std::path::Path;

use seal_core::envelope::{GroupedKeys, MasterKey, Metadata};
use seal_keys::Prompt;
use serde_json::{Map, Value, json};

use self::shown::{drift_fields, drift_lines};
use super::files::{self, each};
use super::recipients::{self, Drift, of_rule_with};
use super::rewrapping::{Change, EncryptedFile, Rewrapping};
use super::{Context, Outcome};
use crate::args::{Manners, UpdatekeysArgs};
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::inputs::{self, Files, Inputs};
use crate::reason::Reason;
use crate::terminal::Terminal;
use crate::ui::{Mark, Report};
use crate::write::Writer;

pub(super) mod shown;
mod sops;

pub(super) fn run(
    arguments: &UpdatekeysArgs,
    context: &Context<'_>,
) -> Result<Outcome, CommandError> {
    let files = encrypted_files(&arguments.paths)?;
    let typed: [&MasterKey; 0] = [];
    let rewrapping = Rewrapping::new(context, &arguments.key_access, typed, arguments.manners)?;
    let update = Update { arguments, rewrapping };
    let outcome = match arguments.manners {
        Manners::Seal => update.run(&files, context),
        Manners::Sops => Ok(update.as_sops(&files, context)),
    };
    files::warn_at_end(context, &update.rewrapping.configs, &update.rewrapping.key_access);
    outcome
}

/// The files that the paths stand for; standard input has no recipients to be changed.
pub(super) fn encrypted_files(paths: &[std::path::PathBuf]) -> Result<Files, CommandError> {
    match inputs::expand(paths, true)? {
        Inputs::Files(files) => Ok(files),
        Inputs::Stdin => Err(CommandError::usage("standard input cannot be changed in place")
            .because(Reason::Conflict)
            .hint("name files or directories")),
    }
}

struct Update<'a> {
    arguments: &'a UpdatekeysArgs,
    rewrapping: Rewrapping,
}

/// What was found out about a file.
enum Plan {
    /// It is not encrypted.
    Passed,
    /// Its recipients are those of its rule.
    AsTheRuleSays,
    Drifted(Box<Drifted>),
}

struct Drifted {
    file: EncryptedFile,
    /// Its envelopes that differ.
    changes: Vec<(Drift, Change)>,
}

/// What happened to the files of a run.
#[derive(Default)]
struct Tally {
    changed: usize,
    same: usize,
    left: usize,
    skipped: usize,
    failed: usize,
}

impl Update<'_> {
    fn run(&self, files: &Files, context: &Context<'_>) -> Result<Outcome, CommandError> {
        let (plans, mut code) = each(files, context, "reading", |index| {
            let input = &files.list[index];
            match EncryptedFile::read(input, self.arguments.file_type)? {
                None => Ok(Plan::Passed),
                Some(file) => self.plan(file),
            }
        });
        let mut tally =
            Tally { skipped: files.skipped, failed: files.failures.len(), ..Tally::default() };
        let mut drifted = Vec::new();
        for plan in plans {
            match plan {
                None => tally.failed += 1,
                Some(Plan::Passed) => tally.skipped += 1,
                Some(Plan::AsTheRuleSays) => tally.same += 1,
                Some(Plan::Drifted(plan)) => drifted.push(plan),
            }
        }
        context.ui.print(&lines(&drifted));
        let drift = drifted.iter().map(|plan| plan.fields()).collect();
        if self.arguments.dry_run {
            if !drifted.is_empty() {
                code = code.worst(ExitCode::Findings);
            }
            tally.left = drifted.len();
            return Ok(Outcome { report: report(&tally, drift), code });
        }
        if !drifted.is_empty() && !self.is_confirmed(drifted.len())? {
            tally.left = drifted.len();
            return Ok(Outcome { report: report(&tally, drift), code });
        }
        let writer = Writer::default();
        let todo = Files {
            list: drifted.iter().map(|plan| plan.input()).collect(),
            several: files.several,
            ..Files::default()
        };
        let (results, of_writing) =
            each(&todo, context, "updating", |index| self.apply(&drifted[index], &writer));
        writer.finish();
        code = code.worst(of_writing);
        let done = || results.iter().zip(&drifted).filter(|(done, _)| done.is_some());
        tally.changed = done().count();
        tally.failed += drifted.len() - tally.changed;
        let out: BTreeSet<_> = done().flat_map(|(_, plan)| plan.taken_out()).collect();
        warn_of_removal(context, &out);
        Ok(Outcome { report: report(&tally, drift), code })
    }

    fn plan(&self, file: EncryptedFile) -> Result<Plan, CommandError> {
        let wanted = self.wanted(&file.path)?;
        let changes = file.envelopes.iter().filter_map(|metadata| {
            let wanted = self.with_threshold(metadata, &wanted);
            let drift = Drift::of(metadata, &wanted);
            (!drift.is_none()).then(|| (drift, (metadata.clone(), wanted)))
        });
        let changes: Vec<_> = changes.collect();
        match changes.is_empty() {
            true => Ok(Plan::AsTheRuleSays),
            false => Ok(Plan::Drifted(Box::new(Drifted { changes, file }))),
        }
    }

    fn wanted(&self, path: &Path) -> Result<GroupedKeys, CommandError> {
        let typed = self.arguments.shamir_secret_sharing_threshold;
        let found = of_rule_with(&self.rewrapping.configs, path, typed).map_err(|mut error| {
            if error.reason == Some(Reason::NoRule) {
                // Keys that are typed would not be those of the rule.
                error.hints = vec![
                    "add a rule whose path_regex matches, or one without path_regex at the end"
                        .to_owned(),
                ];
            }
            error
        })?;
        match found {
            Some(wanted) => Ok(wanted),
            None => {
                Err(CommandError::usage("there is no .sops.yaml that says for whom it should be")
                    .because(Reason::Config)
                    .hint("`seal init` makes one; `--config` names one that is elsewhere"))
            }
        }
    }

    fn with_threshold(&self, metadata: &Metadata, wanted: &GroupedKeys) -> GroupedKeys {
        let mut wanted = wanted.clone();
        if self.arguments.manners == Manners::Sops {
            let most = u32::try_from(wanted.groups.len()).unwrap_or(u32::MAX);
            wanted.threshold = metadata.shamir_threshold.map(|threshold| threshold.min(most));
        }
        wanted
    }

    fn is_confirmed(&self, files: usize) -> Result<bool, CommandError> {
        if self.arguments.yes {
            return Ok(true);
        }
        if !Terminal::is_there() {
            return Err(CommandError::usage("nobody can be asked whether this is as it should be")
                .hint("`--yes` goes on without asking; `--dry-run` only shows what would change"));
        }
        let what = if files == 1 { "this file".to_owned() } else { format!("these {files} files") };
        let question = format!("change the recipients of {what}?");
        Ok(Terminal.confirm(&question, "yes", None).unwrap_or(false))
    }

    fn apply(&self, plan: &Drifted, writer: &Writer) -> Result<(), CommandError> {
        let changes: Vec<_> = plan.changes.iter().map(|(_, change)| change.clone()).collect();
        let bytes = self.rewrapping.rewrapped(&plan.file, &changes)?;
        plan.file.replace(bytes.as_deref(), writer)
    }
}

impl Drifted {
    fn input(&self) -> inputs::Input {
        inputs::Input { path: self.file.path.clone(), explicit: true }
    }

    fn taken_out(&self) -> impl Iterator<Item = MasterKey> {
        self.changes.iter().flat_map(|(drift, _)| drift.superfluous().cloned())
    }

    fn fields(&self) -> Value {
        let drifts: Vec<_> = self.changes.iter().map(|(drift, _)| drift_fields(drift)).collect();
        json!({ "file": self.file.path.display().to_string(), "envelopes": drifts })
    }
}

/// Whoever had the data key may have it still.
pub(super) fn warn_of_removal(context: &Context<'_>, taken_out: &BTreeSet<MasterKey>) {
    if taken_out.is_empty() {
        return;
    }
    context.ui.warn(&format!(
        "the data keys are the same as before, and whoever was taken out may have kept them ({}): `seal rotate` draws new ones, and what was readable should be changed itself",
        recipients::list(taken_out)
    ));
}

/// What would change: files that differ in the same way together.
fn lines(drifted: &[Box<Drifted>]) -> Vec<(Mark, String)> {
    const NAMED: usize = 10;
    let drifts = |plan: &Drifted| -> Vec<Drift> {
        plan.changes.iter().map(|(drift, _)| drift.clone()).collect()
    };
    let mut kinds: Vec<(Vec<Drift>, Vec<&Path>)> = Vec::new();
    for plan in drifted {
        let path = plan.file.path.as_path();
        let of_plan = drifts(plan);
        match kinds.iter_mut().find(|(known, _)| *known == of_plan) {
            Some((_, paths)) => paths.push(path),
            None => kinds.push((of_plan, vec![path])),
        }
    }
    let mut lines = Vec::new();
    for (drifts, paths) in kinds {
        let named = paths.iter().take(NAMED);
        lines.extend(named.map(|path| (Mark::Plain, path.display().to_string())));
        if paths.len() > NAMED {
            lines.push((Mark::Plain, format!("… and {} more files", paths.len() - NAMED)));
        }
        for drift in &drifts {
            lines.extend(drift_lines(drift));
        }
    }
    lines
}

fn report(tally: &Tally, drift: Vec<Value>) -> Report {
    let files = |count: usize| format!("{count} file{}", if count == 1 { "" } else { "s" });
    let mut parts = Vec::new();
    for (count, what) in [
        (tally.changed, "updated"),
        (tally.left, "not as the rules say"),
        (tally.same, "as the rules say"),
        (tally.skipped, "skipped"),
        (tally.failed, "failed"),
    ] {
        if count > 0 {
            let count = if parts.is_empty() { files(count) } else { count.to_string() };
            parts.push(format!("{count} {what}"));
        }
    }
    let line = if parts.is_empty() { "no file is encrypted".to_owned() } else { parts.join(", ") };
    let details = [
        ("files", json!(tally.changed)),
        ("as_the_rules_say", json!(tally.same)),
        ("not_as_the_rules_say", json!(tally.left)),
        ("skipped", json!(tally.skipped)),
        ("failed", json!(tally.failed)),
        ("drift", Value::Array(drift)),
    ];
    let details = details.into_iter().map(|(name, value)| (name.to_owned(), value));
    Report { line: Some(line), details: details.collect::<Map<_, _>>() }
}
