//! A creation rule as it is written → as it is meant.

use std::path::Path;

use seal_core::envelope::{GroupedKeys, Rule, RuleKind};
use seal_core::select::Pattern;

use super::raw::{RawRule, RawSeal};
use super::{ConfigWarning, CreationRule, Options, RuleProblem, keys};

impl CreationRule {
    /// Checks one rule; the warnings name what it says in vain.
    pub(super) fn new(
        file: &Path,
        number: usize,
        raw: RawRule,
        options: Options,
    ) -> Result<(Self, Option<ConfigWarning>), RuleProblem> {
        let flat = keys::of_rule(&raw)?;
        let groups = raw.key_groups.iter().flatten().map(keys::of_group);
        let key_groups = groups.collect::<Result<Vec<_>, _>>()?;
        let grouped = !key_groups.is_empty();
        let warning = (grouped && !flat.is_empty())
            .then(|| ConfigWarning::KeysBesideGroups { file: file.to_owned(), rule: number });
        let key_groups = if grouped {
            key_groups
        } else if flat.is_empty() {
            Vec::new()
        } else {
            vec![flat]
        };
        if let Some(index) = key_groups.iter().position(Vec::is_empty) {
            return Err(RuleProblem::EmptyGroup { group: index + 1 });
        }

        let path_regex = raw.path_regex.as_deref().filter(|text| !text.is_empty());
        let path_regex = path_regex
            .map(|text| compile(text).map_err(|problem| invalid("path_regex", problem)))
            .transpose()?;
        let selection = selection(&raw)?;
        if let Some(Rule { kind, text }) = &selection
            && is_regex(*kind)
        {
            compile(text).map_err(|problem| invalid(kind.name(), problem))?;
        }

        let rule = Self {
            file: file.to_owned(),
            path_regex,
            number,
            keys: GroupedKeys { groups: key_groups, threshold: raw.shamir_threshold },
            selection,
            mac_only_encrypted: raw.mac_only_encrypted,
            options: raw.seal.unwrap_or_default().over(options),
        };
        Ok((rule, warning))
    }
}

/// Go's syntax, as SOPS takes it.
pub(super) fn compile(text: &str) -> Result<Pattern, String> {
    Pattern::new(text).map_err(|error| error.to_string())
}

impl RawSeal {
    /// These settings, and `base` where they are not set.
    pub(super) fn over(self, base: Options) -> Options {
        Options {
            scope: self.scope.unwrap_or(base.scope),
            require_bound: self.require_bound.unwrap_or(base.require_bound),
        }
    }
}

/// The one selection setting that is set. SOPS takes an empty text for none.
fn selection(raw: &RawRule) -> Result<Option<Rule>, RuleProblem> {
    let settings = [
        (RuleKind::UnencryptedSuffix, &raw.unencrypted_suffix),
        (RuleKind::EncryptedSuffix, &raw.encrypted_suffix),
        (RuleKind::UnencryptedRegex, &raw.unencrypted_regex),
        (RuleKind::EncryptedRegex, &raw.encrypted_regex),
        (RuleKind::UnencryptedCommentRegex, &raw.unencrypted_comment_regex),
        (RuleKind::EncryptedCommentRegex, &raw.encrypted_comment_regex),
    ];
    let mut set = settings.into_iter().filter_map(|(kind, text)| {
        let text = text.clone().filter(|text| !text.is_empty())?;
        Some(Rule { kind, text })
    });
    match (set.next(), set.next()) {
        (Some(first), Some(second)) => Err(RuleProblem::SeveralSelections {
            first: first.kind.name(),
            second: second.kind.name(),
        }),
        (only, _) => Ok(only),
    }
}

fn is_regex(kind: RuleKind) -> bool {
    !matches!(kind, RuleKind::EncryptedSuffix | RuleKind::UnencryptedSuffix)
}

pub(super) fn invalid(setting: &'static str, problem: String) -> RuleProblem {
    RuleProblem::Regex { setting, problem }
}
