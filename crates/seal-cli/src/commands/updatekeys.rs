//! `seal updatekeys`

use std::collections::BTreeSet;
use std::path::Path;

use seal_core::envelope::{GroupedKeys, MasterKey, Metadata};
use seal_keys::Prompt;
use serde_json::Value;

use super::files::each;
use super::recipients::shown::{plan_fields, plan_lines};
use super::recipients::{self, of_rule_with};
use super::rewrapping::{EncryptedFile, Plan, Rewrapping, encrypted_files};
use super::{Context, Outcome};
use crate::args::{Manners, UpdatekeysArgs};
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::inputs::{Files, Input};
use crate::reason::Reason;
use crate::terminal::Terminal;
use crate::ui::{FilesDone, Found, Report};
use crate::write::Writer;

mod sops;

pub(super) fn run(
    arguments: &UpdatekeysArgs,
    context: &Context<'_>,
) -> Result<Outcome, CommandError> {
    let files = encrypted_files(&arguments.paths)?;
    let typed: [&MasterKey; 0] = [];
    let mut rewrapping = Rewrapping::new(context, &arguments.key_access, typed, arguments.manners)?;
    rewrapping.namespace.clone_from(&arguments.namespace);
    let update = Update { arguments, rewrapping };
    let outcome = match arguments.manners {
        Manners::Seal => update.run(&files, context),
        Manners::Sops => update.as_sops(&files, context),
    };
    update.rewrapping.warn(context);
    outcome
}

struct Update<'a> {
    arguments: &'a UpdatekeysArgs,
    rewrapping: Rewrapping,
}

impl Update<'_> {
    fn run(&self, files: &Files, context: &Context<'_>) -> Result<Outcome, CommandError> {
        let (plans, mut code) =
            each(files, context, "reading", |index| self.plan(&files.list[index]));
        let mut done = FilesDone::of(files);
        let drifted = done.sorted(plans);
        context.ui.show(&plan_lines(&drifted), !self.arguments.yes);
        if self.arguments.dry_run && !drifted.is_empty() {
            code = code.worst(ExitCode::Findings);
        }
        let goes_on = !self.arguments.dry_run && !drifted.is_empty();
        if goes_on && self.is_confirmed(drifted.len(), context)? {
            let writer = Writer::default();
            let todo = Plan::files(&drifted);
            let (results, of_writing) =
                each(&todo, context, "updating", |index| self.apply(&drifted[index], &writer));
            writer.finish();
            code = code.worst(of_writing);
            done.written(&results);
            let written = results.iter().zip(&drifted).filter(|(done, _)| done.is_some());
            let drifts = written.flat_map(|(_, plan)| plan.drifts());
            warn_of_removal(context, &drifts.flat_map(|d| d.superfluous().cloned()).collect());
        }
        Ok(Outcome { report: report(&done, plan_fields(&drifted)), code })
    }

    fn plan(&self, input: &Input) -> Result<Found<Plan>, CommandError> {
        let Some(file) = EncryptedFile::read(input, self.arguments.file_type)? else {
            return Ok(Found::NotEncrypted);
        };
        let wanted = self.wanted(&file.path)?;
        Plan::of(file, |metadata| Ok(self.with_threshold(metadata, &wanted))).map(Found::of)
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

    fn is_confirmed(&self, files: usize, context: &Context<'_>) -> Result<bool, CommandError> {
        if self.arguments.yes {
            return Ok(true);
        }
        // Who sees only an object for machines cannot judge it.
        if !Terminal::is_there() || context.ui.is_for_machines() {
            return Err(CommandError::usage("nobody can be asked whether this is as it should be")
                .hint("`--yes` goes on without asking; `--dry-run` only shows what would change"));
        }
        let what = if files == 1 { "this file".to_owned() } else { format!("these {files} files") };
        let question = format!("change the recipients of {what}?");
        Ok(Terminal.confirm(&question, "yes", None).unwrap_or(false))
    }

    fn apply(&self, plan: &Plan, writer: &Writer) -> Result<(), CommandError> {
        let bytes = self.rewrapping.rewrapped(plan)?;
        plan.file.replace(bytes.as_deref(), writer)
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

fn report(done: &FilesDone, drift: Value) -> Report {
    let words = ["not as the rules say", "as the rules say"];
    Report::of_recipients(done, words, [("drift".to_owned(), drift)])
}
