//! The rule that says what is secret, and what it is good for.

use std::sync::{Mutex, PoisonError};

use seal_core::envelope::{Rule, RuleKind};
use seal_core::select::Selector;

use crate::args::SelectionArgs;
use crate::error::CommandError;

/// The flag that says what is secret, checked once for all files.
pub(super) fn selection(arguments: &SelectionArgs) -> Result<Option<Rule>, CommandError> {
    let settings = [
        (RuleKind::UnencryptedSuffix, &arguments.unencrypted_suffix),
        (RuleKind::EncryptedSuffix, &arguments.encrypted_suffix),
        (RuleKind::UnencryptedRegex, &arguments.unencrypted_regex),
        (RuleKind::EncryptedRegex, &arguments.encrypted_regex),
        (RuleKind::UnencryptedCommentRegex, &arguments.unencrypted_comment_regex),
        (RuleKind::EncryptedCommentRegex, &arguments.encrypted_comment_regex),
    ];
    let rule =
        settings.into_iter().find_map(|(kind, text)| Some(Rule { kind, text: text.clone()? }));
    if let Some(rule) = &rule {
        Selector::new(rule).map_err(|error| {
            let excerpt =
                error.excerpt().map_or_else(String::new, |excerpt| format!("\n{excerpt}"));
            CommandError::usage(format!("{error}{excerpt}")).hint(error.hint())
        })?;
    }
    Ok(rule)
}

/// The rules that were applied in a run, and whether they selected anything in any file.
///
/// A file that is met in a directory need not have anything for a rule to select. But a rule that selects nothing in all
/// of them is mistyped, and would leave secrets in clear.
#[derive(Debug, Default)]
pub(super) struct AppliedRules(Mutex<Vec<(Rule, bool)>>);

impl AppliedRules {
    /// Notes that a rule was applied to a file, and whether it selected anything in it.
    pub(super) fn note(&self, rule: Option<Rule>, selected: bool) {
        let Some(rule) = rule else { return };
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match rules.iter_mut().find(|(known, _)| *known == rule) {
            Some((_, any)) => *any |= selected,
            None => rules.push((rule, selected)),
        }
    }

    /// One error for each rule that selected nothing.
    pub(super) fn in_vain(&self) -> Vec<CommandError> {
        let rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rules.iter().filter(|(_, any)| !any).map(|(rule, _)| selects_nothing(rule)).collect()
    }
}

fn selects_nothing(rule: &Rule) -> CommandError {
    let (kind, text) = (rule.kind.name(), &rule.text);
    CommandError::usage(format!("the rule `{kind}: {text}` selects nothing in any of these files"))
        .hint("nothing is encrypted by it; correct the rule, or leave the files out")
}

#[cfg(test)]
mod tests {
    use seal_core::envelope::{Rule, RuleKind};

    use super::{AppliedRules, selection};
    use crate::args::SelectionArgs;

    #[test]
    fn a_rule_is_in_vain_unless_one_file_has_something_for_it() {
        let rule =
            |text: &str| Some(Rule { kind: RuleKind::EncryptedRegex, text: text.to_owned() });
        let rules = AppliedRules::default();
        for (text, selected) in
            [("a", false), ("b", false), ("a", true), ("b", false), ("a", false)]
        {
            rules.note(rule(text), selected);
        }
        rules.note(None, false);
        let errors = rules.in_vain();
        assert_eq!(errors.len(), 1);
        assert!(errors[0].message.contains("`encrypted_regex: b`"));
    }

    #[test]
    fn every_setting_is_taken_for_what_it_is() {
        let text = || Some("x".to_owned());
        let none = SelectionArgs::default;
        for (arguments, kind) in [
            (SelectionArgs { encrypted_regex: text(), ..none() }, RuleKind::EncryptedRegex),
            (SelectionArgs { unencrypted_regex: text(), ..none() }, RuleKind::UnencryptedRegex),
            (SelectionArgs { encrypted_suffix: text(), ..none() }, RuleKind::EncryptedSuffix),
            (SelectionArgs { unencrypted_suffix: text(), ..none() }, RuleKind::UnencryptedSuffix),
            (
                SelectionArgs { encrypted_comment_regex: text(), ..none() },
                RuleKind::EncryptedCommentRegex,
            ),
            (
                SelectionArgs { unencrypted_comment_regex: text(), ..none() },
                RuleKind::UnencryptedCommentRegex,
            ),
        ] {
            assert_eq!(selection(&arguments), Ok(Some(Rule { kind, text: "x".to_owned() })));
        }
        assert_eq!(selection(&none()), Ok(None));
        assert!(selection(&SelectionArgs { encrypted_regex: Some("(".into()), ..none() }).is_err());
    }
}
