//! `seal keys add`

use seal_core::envelope::{GroupedKeys, MasterKey, Metadata};

use super::typed_keys;
use crate::args::{KeysAddArgs, Manners};
use crate::commands::files::each;
use crate::commands::groups::without_rule;
use crate::commands::recipients::shown::{plan_fields, plan_lines};
use crate::commands::recipients::{check_strangers, of_rule, strangers};
use crate::commands::rewrapping::{EncryptedFile, Plan, Rewrapping, encrypted_files};
use crate::commands::{Context, Outcome};
use crate::error::CommandError;
use crate::inputs::Input;
use crate::ui::{FilesDone, Found, Report};
use crate::write::Writer;

pub(super) fn run(arguments: &KeysAddArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    let keys = typed_keys(&arguments.keys)?;
    let files = encrypted_files(&arguments.files.paths)?;
    let mut rewrapping = Rewrapping::new(context, &arguments.key_access, &keys, Manners::Seal)?;
    rewrapping.namespace.clone_from(&arguments.files.namespace);
    let adding = Adding { arguments, keys, rewrapping };
    let (plans, mut code) =
        each(&files, context, "reading", |index| adding.plan(&files.list[index]));
    let mut done = FilesDone::of(&files);
    let plans = done.sorted(plans);
    context.ui.show(&plan_lines(&plans), arguments.files.dry_run);
    if !arguments.files.dry_run {
        let writer = Writer::default();
        let (results, of_writing) = each(&Plan::files(&plans), context, "updating", |index| {
            let bytes = adding.rewrapping.rewrapped(&plans[index])?;
            plans[index].file.replace(bytes.as_deref(), &writer)
        });
        writer.finish();
        code = code.worst(of_writing);
        done.written(&results);
    }
    adding.rewrapping.warn(context);
    let details = [("changes".to_owned(), plan_fields(&plans))];
    Ok(Outcome {
        report: Report::of_recipients(&done, ["to be updated", "unchanged"], details),
        code,
    })
}

struct Adding<'a> {
    arguments: &'a KeysAddArgs,
    keys: Vec<MasterKey>,
    rewrapping: Rewrapping,
}

impl Adding<'_> {
    fn plan(&self, input: &Input) -> Result<Found<Plan>, CommandError> {
        let path = &input.path;
        let Some(file) = EncryptedFile::read(input, self.arguments.files.file_type)? else {
            return Ok(Found::NotEncrypted);
        };
        let rule = of_rule(&self.rewrapping.configs, path).or_else(without_rule)?;
        let plan = Plan::of(file, |metadata| self.wanted(metadata))
            .map_err(|error| error.in_file(path))?;
        if let Some(plan) = &plan {
            let keys = plan.changes.iter().flat_map(|change| change.wanted.groups.iter().flatten());
            let accepted = self.arguments.files.accept_recipients;
            check_strangers(path, &strangers(keys, rule.as_ref()), "changing", accepted)?;
        }
        Ok(Found::of(plan))
    }

    fn wanted(&self, metadata: &Metadata) -> Result<GroupedKeys, CommandError> {
        let mut wanted = GroupedKeys::of(metadata);
        let count = wanted.groups.len();
        let number = self.arguments.group;
        let group = number.checked_sub(1).and_then(|index| wanted.groups.get_mut(index));
        let Some(group) = group else {
            let groups = if count == 1 { "group" } else { "groups" };
            return Err(CommandError::usage(format!(
                "there is no key group {number}: the file has {count} {groups}, counted from 1"
            ))
            .hint("`seal groups add` makes one"));
        };
        for key in &self.keys {
            if !group.iter().any(|there| key.stands_for(there)) {
                group.push(key.clone());
            }
        }
        Ok(wanted)
    }
}
