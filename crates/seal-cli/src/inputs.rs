//! Which files a command works on: turns the paths of the command line into a list of files.
//!
//! - A file that is named is taken whatever its name is.
//! - A directory means all `*.yaml`, `*.yml`, `*.json`, `*.env` and `*.ini` below it, and binary files that are encrypted,
//!   whatever their names: taking a colleague out of a directory must not pass over them. `.gitignore` has no say: a rendered release is
//!   often ignored by git, and a Secret that is left in clear without a word is the worst outcome. Hidden files and
//!   directories count for the same reason (`.release`). Left out are the directories of version control and
//!   `.sops.yaml`; symbolic links are not followed, so nothing outside the directory is touched.
//! - A pattern that the shell did not expand means the files it matches, and the directories it matches as above. `*`
//!   and `?` stop at `/`, `**` does not.
//!
//! Arguments keep their order, what one argument stands for is sorted, and a file that is reached twice counts once.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use ignore::WalkBuilder;
use seal_core::format::Format;

/// What the command line names.
#[derive(Debug)]
pub(crate) enum Inputs {
    /// Standard input: no path, or `-` alone.
    Stdin,
    /// Files.
    Files(Files),
}

/// The files that the paths stand for.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// In the order in which they are worked on.
    pub(crate) list: Vec<Input>,
    /// Files met in directories and by patterns whose names tell no format, sorted.
    pub(crate) skipped: Vec<PathBuf>,
    /// Paths that could not be looked at. The others are worked on all the same.
    pub(crate) failures: Vec<InputError>,
    /// The `.sops.yaml` met in directories. Only a check looks at them.
    pub(crate) configurations: Vec<PathBuf>,
    /// More than one path, a directory or a pattern, however many files came of it.
    pub(crate) several: bool,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    /// As named, or below the directory as named.
    pub(crate) path: PathBuf,
    /// Named by itself, so it is meant whatever it holds.
    pub(crate) explicit: bool,
}

/// A path of the command line cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    /// Nothing there.
    #[error("no such file or directory")]
    NotFound { path: PathBuf },
    /// A symbolic link to nothing.
    #[error("is a symbolic link to a file that does not exist")]
    DanglingLink { path: PathBuf },
    /// The system does not let us look at it.
    #[error("cannot be read")]
    Unreadable { path: PathBuf, source: io::Error },
    /// A pattern without a match.
    #[error("the pattern matches no file")]
    NoMatch { path: PathBuf },
    /// A pattern that is none.
    #[error("invalid pattern")]
    InvalidPattern { path: PathBuf, source: globset::Error },
    /// No path, and nothing is piped in.
    #[error("no file is named, and standard input is a terminal")]
    NothingNamed,
    /// `-` beside files.
    #[error("standard input (`-`) cannot be combined with files")]
    StdinAmongFiles,
}

/// Expands the paths of the command line.
///
/// Fails only where the paths make no sense together; a path that is missing or unreadable is a failure in the
/// result, so that the others can be worked on.
pub(crate) fn expand(paths: &[PathBuf], stdin_is_terminal: bool) -> Result<Inputs, InputError> {
    match paths {
        // Waiting without a word for text that nobody means to type looks like a hang.
        [] if stdin_is_terminal => return Err(InputError::NothingNamed),
        [] => return Ok(Inputs::Stdin),
        [only] if is_stdin(only) => return Ok(Inputs::Stdin),
        _ if paths.iter().any(|path| is_stdin(path)) => return Err(InputError::StdinAmongFiles),
        _ => {}
    }
    let mut collector = Collector::default();
    collector.files.several = paths.len() > 1;
    for path in paths {
        collector.argument(path);
    }
    Ok(Inputs::Files(collector.finish()))
}

/// `-`; a file of that name is `./-`.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Says why a path that can only mean one file means none.
pub(crate) fn check_file(path: &Path) -> Result<(), InputError> {
    match fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(InputError::Unreadable { path: path.into(), source: error })
        }
        Err(_) if fs::symlink_metadata(path).is_ok() => {
            Err(InputError::DanglingLink { path: path.into() })
        }
        Err(_) => Err(InputError::NotFound { path: path.into() }),
    }
}

impl Files {
    /// Whether a path names one of the files, under whatever name.
    pub(crate) fn hold(&self, path: &Path) -> bool {
        let Ok(real) = fs::canonicalize(path) else { return false };
        self.list.iter().any(|input| fs::canonicalize(&input.path).is_ok_and(|other| other == real))
    }
}

impl InputError {
    /// The path that it is about.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::NotFound { path }
            | Self::DanglingLink { path }
            | Self::Unreadable { path, .. }
            | Self::NoMatch { path }
            | Self::InvalidPattern { path, .. } => Some(path),
            Self::NothingNamed | Self::StdinAmongFiles => None,
        }
    }
}

#[derive(Default)]
struct Collector {
    files: Files,
    /// Real path of each file in the list, and where it stands there.
    seen: HashMap<PathBuf, usize>,
    skipped: HashSet<PathBuf>,
}

impl Collector {
    fn argument(&mut self, path: &Path) {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                self.files.several = true;
                self.directory(path);
            }
            Ok(_) => self.file(path, true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.missing(path),
            Err(source) => self.fail(InputError::Unreadable { path: path.into(), source }),
        }
    }

    fn missing(&mut self, path: &Path) {
        if fs::symlink_metadata(path).is_ok() {
            self.fail(InputError::DanglingLink { path: path.into() });
        } else if let Some(pattern) = Pattern::split(path) {
            self.files.several = true;
            self.pattern(path, &pattern);
        } else {
            self.fail(InputError::NotFound { path: path.into() });
        }
    }

    fn directory(&mut self, directory: &Path) {
        let mut found = Vec::new();
        for entry in walk(directory, None) {
            match entry {
                Ok(entry) if is_regular(&entry) => found.push(entry.into_path()),
                Ok(_) => {}
                Err(error) => self.walk_failed(directory, &error),
            }
        }
        self.candidates(found);
    }

    fn pattern(&mut self, path: &Path, pattern: &Pattern) {
        let matcher = match pattern.matcher() {
            Ok(matcher) => matcher,
            Err(source) => {
                return self.fail(InputError::InvalidPattern { path: path.into(), source });
            }
        };
        let failures = self.files.failures.len();
        let (mut found, mut directories) = (Vec::new(), Vec::new());
        for entry in walk(pattern.walked(), pattern.depth()) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.walk_failed(path, &error);
                    continue;
                }
            };
            let relative = entry.path().strip_prefix(pattern.walked()).unwrap_or(entry.path());
            if !matcher.is_match(relative) {
                continue;
            }
            let named = pattern.base.join(relative);
            if entry.file_type().is_some_and(|kind| kind.is_dir()) {
                directories.push(named);
            } else if is_regular(&entry) {
                found.push(named);
            }
        }
        if found.is_empty() && directories.is_empty() {
            // What could not be walked is said already.
            if self.files.failures.len() > failures {
                return;
            }
            return self.fail(InputError::NoMatch { path: path.into() });
        }
        self.candidates(found);
        directories.sort();
        for directory in directories {
            self.directory(&directory);
        }
    }

    fn candidates(&mut self, mut found: Vec<PathBuf>) {
        found.sort();
        for path in found {
            if is_configuration(&path) && !self.files.configurations.contains(&path) {
                self.files.configurations.push(path.clone());
            }
            if is_candidate(&path) || is_encrypted_binary(&path) {
                self.file(&path, false);
            } else {
                self.skipped.insert(path);
            }
        }
    }

    fn file(&mut self, path: &Path, explicit: bool) {
        // What cannot be resolved (a pipe of the shell, `/dev/fd/63`) is its own identity.
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match self.seen.get(&real) {
            Some(index) => self.files.list[*index].explicit |= explicit,
            None => {
                self.seen.insert(real, self.files.list.len());
                self.files.list.push(Input { path: path.to_owned(), explicit });
            }
        }
    }

    fn walk_failed(&mut self, directory: &Path, error: &ignore::Error) {
        let path = path_of(error).unwrap_or(directory).to_owned();
        let source = match error.io_error() {
            Some(cause) if cause.kind() == io::ErrorKind::NotFound => {
                return self.fail(InputError::NotFound { path });
            }
            Some(cause) => io::Error::from(cause.kind()),
            None => io::Error::other("cannot be walked"),
        };
        self.fail(InputError::Unreadable { path, source });
    }

    fn fail(&mut self, error: InputError) {
        self.files.failures.push(error);
    }

    fn finish(mut self) -> Files {
        self.files.skipped = self.skipped.into_iter().collect();
        self.files.skipped.sort();
        self.files
    }
}

/// A pattern, cut before its first part with a wildcard: `a/b/*.yaml` is `*.yaml` below `a/b`.
struct Pattern {
    base: PathBuf,
    rest: String,
}

impl Pattern {
    /// Returns `None` for a path without wildcards.
    fn split(path: &Path) -> Option<Self> {
        let is_wild = |part: &Component<'_>| {
            part.as_os_str().as_encoded_bytes().iter().any(|byte| b"*?[{".contains(byte))
        };
        let parts: Vec<_> = path.components().collect();
        let first = parts.iter().position(is_wild)?;
        let rest: PathBuf = parts[first..].iter().collect();
        Some(Self { base: parts[..first].iter().collect(), rest: rest.to_str()?.to_owned() })
    }

    fn matcher(&self) -> Result<GlobMatcher, globset::Error> {
        let glob = GlobBuilder::new(&self.rest).literal_separator(true).build()?;
        Ok(glob.compile_matcher())
    }

    fn walked(&self) -> &Path {
        if self.base.as_os_str().is_empty() { Path::new(".") } else { &self.base }
    }

    /// How deep a match can be, so that `*.yaml` does not walk a whole tree.
    fn depth(&self) -> Option<usize> {
        // Braces may hold a separator.
        let unbounded = self.rest.contains("**") || self.rest.contains('{');
        (!unbounded).then(|| self.rest.split('/').count())
    }
}

fn walk(root: &Path, depth: Option<usize>) -> ignore::Walk {
    WalkBuilder::new(root)
        .standard_filters(false)
        .follow_links(false)
        .max_depth(depth)
        .filter_entry(|entry| entry.depth() == 0 || !is_version_control(entry.file_name()))
        .build()
}

fn is_version_control(name: &OsStr) -> bool {
    [".git", ".hg", ".svn", ".jj"].iter().any(|known| name == *known)
}

fn is_regular(entry: &ignore::DirEntry) -> bool {
    entry.file_type().is_some_and(|kind| kind.is_file())
}

/// Whether a path is that of rules, by its name.
pub(crate) fn is_configuration(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == ".sops.yaml")
}

fn is_candidate(path: &Path) -> bool {
    // The rules themselves are never encrypted, not even by a rule that fits every file.
    if path.file_name().is_some_and(|name| name == ".sops.yaml" || name == ".sops.yml") {
        return false;
    }
    Format::of_path(path).is_some()
}

/// Whether a file whose name tells no format looks like an encrypted one all the same: a value at its start, the date of an
/// envelope anywhere.
pub(crate) fn looks_encrypted(path: &Path) -> bool {
    const START: usize = 4096;
    const ENOUGH: u64 = 16 << 20;
    let holds = |text: &[u8], word: &[u8]| text.windows(word.len()).any(|part| part == word);
    let read = |length| -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        fs::File::open(path)?.take(length).read_to_end(&mut text).map(|_| text)
    };
    // A pipe would wait, and lose what is read of it.
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
        && read(START as u64).is_ok_and(|start| holds(&start, b"ENC[AES256_GCM,"))
        && read(ENOUGH).is_ok_and(|text| holds(&text, b"lastmodified"))
}

/// Whether a file is the JSON object that SOPS makes of a binary file, by its first bytes. Its name can be any.
pub(crate) fn is_encrypted_binary(path: &Path) -> bool {
    const ENOUGH: u64 = 256;
    // A pipe would wait, and lose what is read of it.
    if !fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return false;
    }
    let mut start = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(ENOUGH).read_to_end(&mut start));
    let mut rest = start.as_slice();
    read.is_ok()
        && [b"{".as_slice(), b"\"data\"", b":", b"\"ENC[AES256_GCM,"].iter().all(|expected| {
            match rest.trim_ascii_start().strip_prefix(*expected) {
                Some(behind) => {
                    rest = behind;
                    true
                }
                None => false,
            }
        })
}

fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            path_of(err)
        }
        ignore::Error::Loop { child, .. } => Some(child),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
