//! `.sops.yaml`: which master keys and settings a new file gets.
//!
//! ```text
//! Configs ─lookup→ path ─raw (serde)→ ─keys, checks→ Config ─rule_for(file)→ CreationRule
//! ```
//!
//! Read as SOPS reads it, with three differences: it is looked for from the file's own directory first, what would be
//! ignored in silence is a warning, and what would fail open is an error.

use std::path::{Path, PathBuf};

use seal_core::envelope::{GroupedKeys, MasterKey, Rule};
use seal_core::format::BlockIndent;
use seal_core::select::Pattern;
use seal_keys::WrapError;

use crate::scope::Scope;

mod arguments;
mod destination;
mod error;
mod keys;
mod lookup;
mod raw;
mod rule;
mod unknown;

pub(crate) use arguments::TypedKeys;
pub(crate) use destination::DestinationRule;
pub(crate) use error::{ConfigError, ConfigWarning, RuleProblem};
pub(crate) use lookup::{Configs, search};

/// One configuration file, checked as a whole.
#[derive(Debug)]
pub(crate) struct Config {
    file: PathBuf,
    rules: Vec<CreationRule>,
    /// Checked when a file is published: no other verb has to do with them.
    destinations: Vec<raw::RawDestination>,
    options: Options,
    /// `stores.yaml.indent`; `None` for SOPS's default.
    pub(crate) yaml_indent: Option<usize>,
    /// `stores.json.indent`; `None` for SOPS's default.
    pub(crate) json_indent: Option<JsonIndent>,
    /// What was ignored.
    pub(crate) warnings: Vec<ConfigWarning>,
}

/// How JSON is indented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonIndent {
    /// One tab for each level.
    Tab,
    /// So many spaces for each level.
    Spaces(usize),
}

/// Settings of our own, under the key `seal`, which SOPS ignores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// What new envelopes are bound to.
    pub(crate) scope: Scope,
    /// Refuse to decrypt envelopes that are not bound.
    pub(crate) require_bound: bool,
}

/// One of the `creation_rules`.
#[derive(Clone, Debug)]
pub(crate) struct CreationRule {
    file: PathBuf,
    path_regex: Option<Pattern>,
    /// Its place in the list, from 1.
    pub(crate) number: usize,
    /// Each group's keys, without duplicates, as they are written.
    keys: GroupedKeys,
    /// The selection setting, where there is one.
    pub(crate) selection: Option<Rule>,
    /// `mac_only_encrypted`, where it is set.
    pub(crate) mac_only_encrypted: Option<bool>,
    /// Settings of our own; the file's where the rule has none.
    pub(crate) options: Options,
}

impl Config {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    ///
    /// Anything in it that cannot be meant so: a setting of the wrong type, an invalid regular expression, two
    /// selection settings in one rule, a key that is none. All rules are checked, not only the one that will be used.
    pub(crate) fn load(path: &Path) -> Result<Self, ConfigError> {
        let file = lookup::absolute(path);
        let text = std::fs::read_to_string(&file)
            .map_err(|error| ConfigError::Read { file: file.clone(), kind: error.kind() })?;
        Self::parse(file, &text)
    }

    fn parse(file: PathBuf, text: &str) -> Result<Self, ConfigError> {
        let (raw, mut warnings) = raw::read(&file, text)?;
        let options = raw.seal.unwrap_or_default().over(Options::default());
        let mut rules = Vec::new();
        for (index, raw_rule) in raw.creation_rules.unwrap_or_default().into_iter().enumerate() {
            let number = index + 1;
            let rule = CreationRule::new(&file, number, raw_rule, options);
            let (rule, ignored) = rule.map_err(|problem| ConfigError::Rule {
                file: file.clone(),
                rule: number,
                problem,
            })?;
            warnings.extend(ignored);
            rules.push(rule);
        }
        let stores = raw.stores.unwrap_or_default();
        let yaml_indent = stores.yaml_indent(&file)?;
        let json_indent = stores.json_indent(&file)?;
        let destinations = raw.destination_rules.unwrap_or_default();
        Ok(Self { file, rules, destinations, options, yaml_indent, json_indent, warnings })
    }

    /// The first rule that matches a file; `None` where there are no rules at all, which is as good as no
    /// configuration.
    ///
    /// The text that must match is the file's absolute path; below the directory of the configuration, the path from
    /// there. It has `/` on every platform.
    ///
    /// # Errors
    ///
    /// There are rules and none matches.
    pub(crate) fn rule_for(&self, path: &Path) -> Result<Option<&CreationRule>, ConfigError> {
        if self.rules.is_empty() {
            return Ok(None);
        }
        match self.matching(path) {
            Some(rule) => Ok(Some(rule)),
            None => {
                Err(ConfigError::NoRule { file: self.file.clone(), path: self.text_to_match(path) })
            }
        }
    }

    /// Where it lies: absolute.
    pub(crate) fn path(&self) -> &Path {
        &self.file
    }

    /// A rule by its number, from 1.
    pub(crate) fn rule(&self, number: usize) -> Option<&CreationRule> {
        self.rules.get(number.checked_sub(1)?)
    }

    /// Rules whose keys nothing could be encrypted for. One without any is fine: they can be named otherwise.
    pub(crate) fn unusable(&self) -> Vec<ConfigError> {
        let is_fault = |error: &ConfigError| {
            !matches!(
                error,
                ConfigError::Rule { problem: RuleProblem::Unusable(WrapError::NoKeys), .. }
            )
        };
        self.rules.iter().filter_map(|rule| rule.keys(None).err()).filter(is_fault).collect()
    }

    /// Indentation of the `sops` block.
    pub(crate) fn indent(&self) -> BlockIndent {
        let json = self.json_indent.map(|indent| match indent {
            JsonIndent::Tab => "\t".to_owned(),
            JsonIndent::Spaces(count) => " ".repeat(count),
        });
        BlockIndent { yaml: self.yaml_indent.unwrap_or(BlockIndent::default().yaml), json }
    }

    /// Whether any rule is for this age recipient.
    pub(crate) fn names_age(&self, recipient: &str) -> bool {
        let mut keys = self.rules.iter().flat_map(|rule| &rule.keys.groups).flatten();
        keys.any(|key| matches!(key, MasterKey::Age { recipient: named } if named == recipient))
    }

    /// Our own settings for a file, whether or not a rule matches it.
    pub(crate) fn options_for(&self, path: &Path) -> Options {
        self.matching(path).map_or(self.options, |rule| rule.options)
    }

    fn matching(&self, path: &Path) -> Option<&CreationRule> {
        let text = self.text_to_match(path);
        self.rules.iter().find(|rule| rule.matches(&text))
    }

    fn text_to_match(&self, path: &Path) -> String {
        let path = lookup::absolute(path);
        let below = self.file.parent().and_then(|dir| path.strip_prefix(dir).ok());
        let text = below.unwrap_or(&path).to_string_lossy().into_owned();
        if cfg!(windows) { text.replace('\\', "/") } else { text }
    }
}

impl CreationRule {
    /// The keys that a new file is encrypted for.
    ///
    /// # Errors
    ///
    /// There are none, or one cannot be a key, or so many groups cannot have the threshold (`typed`, where the user typed
    /// one, else that of the rule).
    pub(crate) fn keys(&self, typed: Option<u32>) -> Result<GroupedKeys, ConfigError> {
        let unusable = |error| ConfigError::Rule {
            file: self.file.clone(),
            rule: self.number,
            problem: RuleProblem::Unusable(error),
        };
        if self.keys.groups.is_empty() {
            return Err(unusable(WrapError::NoKeys));
        }
        let mut keys = self.keys.clone();
        keys.threshold = typed.or(keys.threshold);
        keys.check_threshold().map_err(|error| unusable(error.into()))?;
        for key in keys.groups.iter().flatten() {
            seal_keys::check(key).map_err(unusable)?;
        }
        Ok(keys)
    }

    /// How many key groups it has.
    pub(crate) fn groups(&self) -> usize {
        self.keys.groups.len()
    }

    /// How many groups are needed, where the rule says it.
    pub(crate) fn shamir_threshold(&self) -> Option<u32> {
        self.keys.threshold
    }

    /// It has a `path_regex`, so what it matches was meant.
    pub(crate) fn is_for_certain_paths(&self) -> bool {
        self.path_regex.is_some()
    }

    fn matches(&self, text: &str) -> bool {
        self.path_regex.as_ref().is_none_or(|pattern| pattern.matches(text))
    }
}

#[cfg(test)]
mod tests;
