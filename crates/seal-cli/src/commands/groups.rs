//! `seal groups`

use seal_core::envelope::{GroupedKeys, Metadata};

use super::keys::typed_keys;
use super::recipients::{check_strangers, of_rule, strangers};
use super::rewrapping::{EncryptedFile, Plan, Rewrapping};
use super::updatekeys::warn_of_removal;
use super::{Context, Outcome};
use crate::args::{
    GroupsAction, GroupsAddArgs, GroupsArgs, GroupsDeleteArgs, GroupsFileArgs, Manners,
};
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::inputs::{Input, check_file, is_stdin};
use crate::reason::Reason;
use crate::ui::Report;
use crate::write::Writer;

pub(super) fn run(arguments: &GroupsArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    match &arguments.action {
        GroupsAction::Add(arguments) => add(arguments, context),
        GroupsAction::Delete(arguments) => delete(arguments, context),
    }
}

fn add(arguments: &GroupsAddArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    let keys = typed_keys(&arguments.keys)?;
    let mut rewrapping =
        Rewrapping::new(context, &arguments.key_access, &keys, arguments.file.manners)?;
    rewrapping.namespace.clone_from(&arguments.file.namespace);
    change(&arguments.file, &rewrapping, context, "added", |metadata| {
        let mut wanted = GroupedKeys::of(metadata);
        wanted.groups.push(keys.clone());
        Ok(wanted)
    })
}

fn delete(arguments: &GroupsDeleteArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    let mut rewrapping =
        Rewrapping::new(context, &arguments.key_access, [], arguments.file.manners)?;
    rewrapping.namespace.clone_from(&arguments.file.namespace);
    change(&arguments.file, &rewrapping, context, "deleted", |metadata| {
        let mut wanted = GroupedKeys::of(metadata);
        let count = wanted.groups.len();
        if arguments.index >= count {
            let groups = if count == 1 { "group" } else { "groups" };
            return Err(CommandError::usage(format!(
                "there is no key group {}: the file has {count} {groups}, counted from 0",
                arguments.index
            )));
        }
        if count == 1 {
            return Err(CommandError::usage("the only key group of a file cannot be deleted")
                .hint("nobody could decrypt it any more"));
        }
        wanted.groups.remove(arguments.index);
        Ok(wanted)
    })
}

/// Gives each envelope other groups; `done` as in `added`.
fn change(
    arguments: &GroupsFileArgs,
    rewrapping: &Rewrapping,
    context: &Context<'_>,
    done: &str,
    wanted: impl Fn(&Metadata) -> Result<GroupedKeys, CommandError>,
) -> Result<Outcome, CommandError> {
    let path = &arguments.file;
    if is_stdin(path) {
        return Err(CommandError::usage("the key groups of standard input cannot be changed")
            .because(Reason::NoFile)
            .hint("name a file"));
    }
    check_file(path)?;
    let input = Input { path: path.clone(), explicit: true };
    let Some(file) = EncryptedFile::read(&input, arguments.file_type)? else {
        return Ok(Outcome { report: Report::silent(), code: ExitCode::Done });
    };
    let with_threshold = |metadata: &Metadata| {
        let wanted = wanted(metadata)?;
        let wanted =
            GroupedKeys { threshold: threshold(arguments, &wanted)?, groups: wanted.groups };
        if arguments.manners == Manners::Seal {
            let rule = of_rule(&rewrapping.configs, path).or_else(without_rule)?;
            let strangers = strangers(wanted.groups.iter().flatten(), rule.as_ref());
            check_strangers(path, &strangers, "changing", arguments.accept_recipients)?;
        }
        Ok(wanted)
    };
    let plan = Plan::of(file, with_threshold).map_err(|error| match error.place {
        Some(_) => error,
        None => error.in_file(path),
    })?;
    // A group more or less is always a change.
    let Some(plan) = plan else {
        return Ok(Outcome { report: Report::silent(), code: ExitCode::Done });
    };
    let bytes = rewrapping.rewrapped(&plan)?;
    match (&bytes, arguments.in_place) {
        (Some(bytes), false) => context.ui.write_stdout(bytes)?,
        (bytes, _) => {
            let writer = Writer::default();
            plan.file.replace(bytes.as_deref(), &writer)?;
            writer.finish();
        }
    }
    rewrapping.warn(context);
    if done == "deleted" {
        let out = plan.drifts().flat_map(|drift| drift.superfluous().cloned()).collect();
        warn_of_removal(context, &out);
    }
    Ok(Outcome { report: report(&plan, done), code: ExitCode::Done })
}

/// A file that no rule matches has recipients whom no rule names.
pub(super) fn without_rule(error: CommandError) -> Result<Option<GroupedKeys>, CommandError> {
    match error.reason {
        Some(Reason::NoRule) => Ok(None),
        _ => Err(error),
    }
}

/// The threshold that so many groups get: as typed, else as it was.
fn threshold(
    arguments: &GroupsFileArgs,
    wanted: &GroupedKeys,
) -> Result<Option<u32>, CommandError> {
    let groups = wanted.groups.len();
    let threshold = arguments.shamir_secret_sharing_threshold.or(wanted.threshold);
    let option = "--shamir-secret-sharing-threshold";
    if groups == 1 {
        // Of one group each key opens the whole, which nobody may get by accident.
        return match (threshold, arguments.manners) {
            (Some(1), Manners::Seal) => Ok(None),
            (Some(1) | None, Manners::Sops) => Ok(threshold),
            _ => Err(CommandError::usage(
                "one key group would be left, and each of its keys would open the file by itself",
            )
            .hint(format!("`{option} 1` says that this is meant"))),
        };
    }
    let keys = GroupedKeys { threshold, groups: wanted.groups.clone() };
    keys.check_threshold().map_err(|error| {
        CommandError::usage(error.to_string())
            .hint(format!("say with `{option}` how many of the {groups} groups are needed"))
    })?;
    Ok(threshold)
}

fn report(plan: &Plan, done: &str) -> Report {
    let wanted = plan.changes.iter().map(|change| &change.wanted).next();
    let (groups, needed) = wanted.map_or((0, 0), |keys| (keys.groups.len(), keys.needed()));
    let details = [("groups", groups), ("groups_needed", needed)];
    let details = details.into_iter().map(|(name, count)| (name.to_owned(), count.into()));
    Report {
        line: Some(match groups {
            1 => format!("{done} a key group: each key of the one that is left opens the file"),
            _ => format!("{done} a key group: {needed} of {groups} are needed now"),
        }),
        details: details.collect(),
    }
}
