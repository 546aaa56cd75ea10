//! Where the configuration of a file is found.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Config, ConfigError, ConfigWarning};

const NAME: &str = ".sops.yaml";
const WRONG_NAME: &str = ".sops.yml";
/// SOPS's limit.
const LEVELS: usize = 100;

/// The configurations of a run: each directory is searched once, each file read once.
#[derive(Debug)]
pub(crate) struct Configs {
    chosen: Option<PathBuf>,
    working_directory: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    searched: HashMap<PathBuf, Option<PathBuf>>,
    loaded: HashMap<PathBuf, Result<Arc<Config>, ConfigError>>,
    warnings: Vec<ConfigWarning>,
}

impl Configs {
    /// `chosen` (`--config`, `SOPS_CONFIG`) replaces the search for every file.
    pub(crate) fn new(chosen: Option<PathBuf>, working_directory: PathBuf) -> Self {
        Self { chosen, working_directory, state: Mutex::default() }
    }

    /// The configuration for a file, if there is one. For a stream, the file is the name that stands for it.
    ///
    /// # Errors
    ///
    /// See [`Config::load`]. A chosen file that does not exist is one.
    pub(crate) fn for_file(&self, path: &Path) -> Result<Option<Arc<Config>>, ConfigError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match &self.chosen {
            Some(chosen) => Some(chosen.clone()),
            None => state.search(path, &self.working_directory),
        };
        found.map(|config| state.load(config)).transpose()
    }

    /// Turns the failure of a configuration that is not needed into a warning.
    pub(crate) fn ignore(&self, error: ConfigError) {
        let warning = ConfigWarning::Unusable(error);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.warnings.contains(&warning) {
            state.warnings.push(warning);
        }
    }

    /// What was ignored in the configurations that were used so far, and beside them; in an order that does not depend
    /// on which file came first.
    pub(crate) fn warnings(&self) -> Vec<ConfigWarning> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut warnings = state.warnings.clone();
        warnings.sort_by_cached_key(ToString::to_string);
        warnings
    }
}

impl State {
    fn search(&mut self, path: &Path, working_directory: &Path) -> Option<PathBuf> {
        let path = absolute(path);
        let directory = path.parent().unwrap_or(working_directory);
        if let Some(found) = self.searched.get(directory) {
            return found.clone();
        }
        let found = search(directory, working_directory);
        for file in found.misnamed {
            let warning = ConfigWarning::Misnamed { file };
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
        self.searched.insert(directory.to_owned(), found.config.clone());
        found.config
    }

    fn load(&mut self, file: PathBuf) -> Result<Arc<Config>, ConfigError> {
        match self.loaded.entry(file) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => {
                let loaded = Config::load(new.key()).map(Arc::new);
                if let Ok(config) = &loaded {
                    self.warnings.extend(config.warnings.iter().cloned());
                }
                new.insert(loaded).clone()
            }
        }
    }
}

/// What a search found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Search {
    /// The configuration.
    pub(crate) config: Option<PathBuf>,
    /// Files on the way that have the wrong name.
    pub(crate) misnamed: Vec<PathBuf>,
}

/// Looks for `.sops.yaml` from one directory upward, and then from another. The first is the file's own, so that a
/// repository's rules hold wherever the command is called; the second is SOPS's place.
pub(crate) fn search(file_directory: &Path, working_directory: &Path) -> Search {
    let mut found = Search::default();
    for start in [file_directory, working_directory] {
        for directory in start.ancestors().take(LEVELS) {
            let candidate = directory.join(NAME);
            if may_exist(&candidate) {
                found.config = Some(candidate);
                return found;
            }
            let misnamed = directory.join(WRONG_NAME);
            if misnamed.is_file() && !found.misnamed.contains(&misnamed) {
                found.misnamed.push(misnamed);
            }
        }
    }
    found
}

/// A file that is there but must not be seen counts: reading it then fails, instead of another one taking its place.
fn may_exist(path: &Path) -> bool {
    match path.metadata() {
        Ok(metadata) => !metadata.is_dir(),
        Err(error) => {
            !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        }
    }
}

/// The absolute path without `.` and `..`, as Go's `filepath.Abs` makes it: links are not followed.
pub(super) fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}
