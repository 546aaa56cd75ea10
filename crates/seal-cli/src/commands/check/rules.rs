//! What `.sops.yaml` says of the files that are checked, and what is wrong with it: once for a run, not once per file.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use seal_core::check::{Lint, lint};
use seal_core::document::Position;
use seal_core::envelope::{GroupedKeys, MasterKey, Metadata, Rule};

use super::super::recipients::Drift;
use super::super::report::{Found, shown};
use crate::config::{Config, ConfigError, Configs, CreationRule};

/// The configurations of a run.
#[derive(Debug)]
pub(super) struct Rules {
    configs: Configs,
    working_directory: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The keys of each rule, where it names any that can be used; by file and number of the rule.
    keys: HashMap<(PathBuf, usize), Option<Arc<GroupedKeys>>>,
    found: Vec<Found>,
    /// Configurations whose rules have been looked at.
    seen: BTreeSet<PathBuf>,
}

/// The rule for one file.
#[derive(Debug)]
pub(super) struct RuleOfFile {
    config: Arc<Config>,
    number: usize,
    keys: Option<Arc<GroupedKeys>>,
}

impl Rules {
    pub(super) fn new(chosen: Option<PathBuf>, working_directory: PathBuf) -> Self {
        let configs = Configs::new(chosen, working_directory.clone());
        Self { configs, working_directory, state: Mutex::default() }
    }

    /// The rule for a file. What is wrong with its configuration is noted, and the file is checked without.
    pub(super) fn of(&self, path: &Path) -> Option<RuleOfFile> {
        let config = match self.configs.for_file(path) {
            Ok(config) => config?,
            Err(error) => {
                self.note(&error);
                return None;
            }
        };
        self.check(&config);
        // A file for which there is no rule was not meant to be encrypted here.
        let number = config.rule_for(path).ok()??.number;
        let keys = self.keys(&config, number);
        Some(RuleOfFile { config, number, keys })
    }

    /// Whether a rule is for files of such a name, as `\.pem$` is, and not for all that stands in a directory: there
    /// are pages and scripts too.
    pub(super) fn name_kind_of(&self, path: &Path) -> bool {
        let Ok(Some(config)) = self.configs.for_file(path) else { return false };
        let number = |path: &Path| config.rule_for(path).ok().flatten().map(|rule| rule.number);
        let named = number(path)
            .filter(|number| config.rule(*number).is_some_and(CreationRule::is_for_certain_paths));
        named.is_some() && named != number(&path.with_file_name("_"))
    }

    /// Checks a configuration that was named or met.
    pub(super) fn check_file(&self, path: &Path) {
        match Config::load(path) {
            Ok(config) => {
                for warning in &config.warnings {
                    self.add(warning.file(), None, &lint::CONFIG_IGNORED, warning.problem());
                }
                self.check(&config);
            }
            Err(error) => self.note(&error),
        }
    }

    /// What is wrong with the configurations that were used or met.
    pub(super) fn found(&self) -> Vec<Found> {
        for warning in self.configs.warnings() {
            self.add(warning.file(), None, &lint::CONFIG_IGNORED, warning.problem());
        }
        self.state.lock().unwrap_or_else(PoisonError::into_inner).found.clone()
    }

    fn check(&self, config: &Config) {
        let is_new = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.seen.insert(config.path().to_owned())
        };
        if is_new {
            config.unusable().iter().for_each(|error| self.note(error));
        }
    }

    fn keys(&self, config: &Config, number: usize) -> Option<Arc<GroupedKeys>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (config.path().to_owned(), number);
        let of_rule = || config.rule(number).and_then(|rule| rule.keys(None).ok()).map(Arc::new);
        state.keys.entry(key).or_insert_with(of_rule).clone()
    }

    fn note(&self, error: &ConfigError) {
        self.add(error.file(), error.position(), &lint::CONFIG, error.problem());
    }

    fn add(&self, file: &Path, position: Option<Position>, lint: &'static Lint, message: String) {
        let file = file.strip_prefix(&self.working_directory).unwrap_or(file);
        let found = Found {
            file: shown(file).to_owned(),
            position,
            lint,
            severity: lint.severity,
            object: None,
            path: None,
            message,
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.found.contains(&found) {
            state.found.push(found);
        }
    }
}

impl RuleOfFile {
    /// The selection setting.
    pub(super) fn selection(&self) -> Option<&Rule> {
        self.rule()?.selection.as_ref()
    }

    pub(super) fn is_for_certain_paths(&self) -> bool {
        self.rule().is_some_and(CreationRule::is_for_certain_paths)
    }

    /// How the recipients of an envelope differ from those of the rule, in words.
    pub(super) fn drift(&self, metadata: &Metadata) -> Option<String> {
        let drift = Drift::of(metadata, self.keys.as_deref()?);
        if drift.is_none() {
            return None;
        }
        let list = |keys: BTreeSet<&MasterKey>| {
            keys.into_iter().map(MasterKey::to_string).collect::<Vec<_>>().join(", ")
        };
        let missing: BTreeSet<_> = drift.missing().collect();
        let superfluous: BTreeSet<_> = drift.superfluous().collect();
        let mut parts = Vec::new();
        if !missing.is_empty() {
            parts.push(format!("not for {}", list(missing)));
        }
        if !superfluous.is_empty() {
            parts.push(format!("also for {}", list(superfluous)));
        }
        if let Some((there, wanted)) = drift.threshold {
            parts.push(format!("{there} key groups open it instead of {wanted}"));
        }
        let rule = self.number;
        Some(format!("other recipients than creation rule {rule} names: {}", parts.join("; ")))
    }

    fn rule(&self) -> Option<&CreationRule> {
        self.config.rule(self.number)
    }
}
