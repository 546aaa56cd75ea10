//! `seal keys remove`

use std::collections::BTreeSet;

use seal_core::envelope::{GroupedKeys, MasterKey, Metadata};
use seal_core::file::{DecryptOptions, Fresh};

use super::typed_keys;
use crate::args::KeysRemoveArgs;
use crate::commands::files::each;
use crate::commands::groups::without_rule;
use crate::commands::recipients::shown::{plan_fields, plan_lines, shown};
use crate::commands::recipients::{check_strangers, list, of_rule, strangers};
use crate::commands::revision::{NewKeysFor, Revision};
use crate::commands::rewrapping::{EncryptedFile, Plan, encrypted_files};
use crate::commands::{Context, Outcome};
use crate::error::CommandError;
use crate::inputs::Input;
use crate::reason::Reason;
use crate::ui::{FilesDone, Found, Report};
use crate::write::Writer;

pub(super) fn run(
    arguments: &KeysRemoveArgs,
    context: &Context<'_>,
) -> Result<Outcome, CommandError> {
    let keys = typed_keys(&arguments.keys)?;
    let files = encrypted_files(&arguments.files.paths)?;
    let namespace = arguments.files.namespace.as_deref();
    let options = DecryptOptions { namespace, ..DecryptOptions::default() };
    let revision = Revision::new(context, options, &arguments.key_access)?;
    let removing = Removing { arguments, keys, revision };
    let (plans, mut code) =
        each(&files, context, "reading", |index| removing.plan(&files.list[index]));
    let mut done = FilesDone::of(&files);
    let plans = done.sorted(plans);
    let taken_out: BTreeSet<_> =
        plans.iter().flat_map(Plan::drifts).flat_map(|d| d.superfluous()).collect();
    for key in &removing.keys {
        if !taken_out.iter().any(|there| is_meant(key, there)) {
            let error =
                CommandError::failed(format!("no such recipient in these files: {}", shown(key)))
                    .because(Reason::NotFound)
                    .hint("`seal keys list` shows who reads what");
            context.ui.error(&error);
            code = code.worst(error.kind);
        }
    }
    context.ui.show(&plan_lines(&plans), arguments.files.dry_run);
    if !arguments.files.dry_run {
        let writer = Writer::default();
        let (results, of_writing) = each(&Plan::files(&plans), context, "encrypting", |index| {
            let bytes = removing.renewed(&plans[index])?;
            plans[index].file.replace(bytes.as_deref(), &writer)
        });
        writer.finish();
        code = code.worst(of_writing);
        done.written(&results);
        removing.warn(&plans, &results, context);
    }
    removing.revision.warn_at_end(context);
    let details = [("changes".to_owned(), plan_fields(&plans))];
    let report = Report::of_recipients(&done, ["to be updated", "unchanged"], details);
    Ok(Outcome { report, code })
}

struct Removing<'a> {
    arguments: &'a KeysRemoveArgs,
    keys: Vec<MasterKey>,
    revision: Revision<'a>,
}

impl Removing<'_> {
    fn plan(&self, input: &Input) -> Result<Found<Plan>, CommandError> {
        let path = &input.path;
        let Some(file) = EncryptedFile::read(input, self.arguments.files.file_type)? else {
            return Ok(Found::NotEncrypted);
        };
        let all: Vec<_> = file.envelopes.iter().map(|metadata| self.left(metadata)).collect();
        let plan = Plan::of(file, |metadata| Ok(self.left(metadata)))?;
        let Some(plan) = plan else { return Ok(Found::AsItShouldBe) };
        for keys in &all {
            if let Some(empty) = keys.groups.iter().position(Vec::is_empty) {
                return Err(nobody_left(keys.groups.len(), empty).in_file(path));
            }
        }
        if all.iter().any(|keys| *keys != all[0]) {
            return Err(CommandError::failed("its documents are for different recipients")
                .in_file(path)
                .hint("`seal updatekeys` gives all of them those that the rule names; then take somebody out"));
        }
        let rule = of_rule(&self.revision.decryption.configs, path).or_else(without_rule)?;
        let strangers = strangers(all[0].groups.iter().flatten(), rule.as_ref());
        check_strangers(path, &strangers, "changing", self.arguments.files.accept_recipients)?;
        Ok(Found::ToDo(plan))
    }

    /// Whom an envelope is for without them.
    fn left(&self, metadata: &Metadata) -> GroupedKeys {
        let mut keys = GroupedKeys::of(metadata);
        for group in &mut keys.groups {
            group.retain(|there| !self.keys.iter().any(|key| is_meant(key, there)));
        }
        keys
    }

    /// The file under a new data key.
    fn renewed(&self, plan: &Plan) -> Result<Option<Vec<u8>>, CommandError> {
        let EncryptedFile { path, format, original, .. } = &plan.file;
        let Some(change) = plan.changes.first() else { return Ok(None) };
        let (source, keys_for) = (original.bytes.expose(), NewKeysFor::These(&change.wanted));
        Ok(self.revision.renew(path, (*format, source), Fresh::All, keys_for)?.bytes)
    }

    /// What the user has to do beside it.
    fn warn(&self, plans: &[Plan], results: &[Option<()>], context: &Context<'_>) {
        let done = || results.iter().zip(plans).filter(|(done, _)| done.is_some());
        if done().next().is_none() {
            return;
        }
        let mut named = BTreeSet::new();
        for (_, plan) in done() {
            let rule = of_rule(&self.revision.decryption.configs, &plan.file.path).ok().flatten();
            let of_rule = rule.iter().flat_map(|rule| rule.groups.iter().flatten());
            named.extend(of_rule.filter(|k| self.keys.iter().any(|key| is_meant(key, k))).cloned());
        }
        if !named.is_empty() {
            context.ui.warn(&format!(
                "the rules still name {}: take it out of .sops.yaml, or new files and `seal updatekeys` let it in again",
                list(&named)
            ));
        }
        context.ui.note(
            "what these files held could be read and may be in git's history: change the secrets themselves, too",
        );
    }
}

/// Whether a key that was typed means one in a file: whatever its role, profile and context, where none was typed.
fn is_meant(typed: &MasterKey, there: &MasterKey) -> bool {
    match (typed, there) {
        (
            MasterKey::AwsKms { arn, role, context, aws_profile },
            MasterKey::AwsKms {
                arn: of_there,
                role: there_role,
                context: there_context,
                aws_profile: there_profile,
            },
        ) => {
            arn == of_there
                && (role.is_none() || role == there_role)
                && (context.is_empty() || context == there_context)
                && (aws_profile.is_none() || aws_profile == there_profile)
        }
        _ => typed.stands_for(there),
    }
}

fn nobody_left(groups: usize, empty: usize) -> CommandError {
    match groups {
        1 => CommandError::usage("nobody would be left who can decrypt it")
            .hint("add somebody first, with `seal keys add`"),
        _ => CommandError::usage(format!("key group {} would have no keys", empty + 1))
            .hint("`seal groups delete` takes a whole group away"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_key_of_aws_is_meant_by_its_arn_whatever_its_role_and_context() {
        let kms = |arn: &str, role: Option<&str>, context: &[(&str, &str)]| {
            let context = context.iter().map(|(name, value)| ((*name).into(), (*value).into()));
            MasterKey::AwsKms {
                arn: arn.to_owned(),
                role: role.map(str::to_owned),
                context: context.collect::<BTreeMap<_, _>>(),
                aws_profile: None,
            }
        };
        let there = kms("arn:a", Some("role"), &[("app", "shop")]);
        assert!(is_meant(&kms("arn:a", None, &[]), &there));
        assert!(is_meant(&kms("arn:a", Some("role"), &[]), &there));
        assert!(!is_meant(&kms("arn:b", None, &[]), &there));
        assert!(!is_meant(&kms("arn:a", Some("other"), &[]), &there));
        assert!(!is_meant(&kms("arn:a", None, &[("app", "x")]), &there));
    }
}
