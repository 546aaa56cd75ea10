//! The variables of the environment, as an argument.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Looks up variables of the environment, one at a time: nothing is copied before it is needed, because some hold
/// secrets.
#[derive(Clone)]
pub struct Environment {
    lookup: Arc<Lookup>,
}

type Lookup = dyn Fn(&str) -> Option<OsString> + Send + Sync;

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Self {
        Self { lookup: Arc::new(|name| std::env::var_os(name)) }
    }

    /// Just these variables.
    pub fn of<N: Into<String>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let variables: BTreeMap<String, OsString> =
            variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { lookup: Arc::new(move |name| variables.get(name).cloned()) }
    }

    /// The same, but a variable that is not set has the value that stands here.
    #[must_use]
    pub fn with_defaults(self, defaults: &'static [(&'static str, &'static str)]) -> Self {
        let lookup = self.lookup;
        Self {
            lookup: Arc::new(move |name| {
                lookup(name).filter(|value| !value.is_empty()).or_else(|| {
                    let default = defaults.iter().find(|(known, _)| *known == name);
                    default.map(|(_, value)| OsString::from(value))
                })
            }),
        }
    }

    /// The value of a variable; an empty one counts as not set.
    pub fn variable(&self, name: &str) -> Option<OsString> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    /// The file in which SOPS looks for age identities by default, whether or not it exists; `None` where the
    /// directory of the user's configuration is not known.
    pub fn default_age_key_file(&self) -> Option<PathBuf> {
        Some(self.config_dir()?.join("sops").join("age").join("keys.txt"))
    }

    /// Linux: `$XDG_CONFIG_HOME` or `~/.config`. macOS: `$XDG_CONFIG_HOME` or `~/Library/Application Support`.
    /// Windows: `%AppData%`.
    fn config_dir(&self) -> Option<PathBuf> {
        if cfg!(windows) {
            return self.variable("AppData").map(PathBuf::from);
        }
        match self.variable("XDG_CONFIG_HOME").map(PathBuf::from) {
            // The XDG specification declares a relative path invalid, and Go refuses it.
            Some(dir) => dir.is_absolute().then_some(dir),
            None => {
                let home = PathBuf::from(self.variable("HOME")?);
                Some(if cfg!(target_os = "macos") {
                    home.join("Library").join("Application Support")
                } else {
                    home.join(".config")
                })
            }
        }
    }
}

/// Why the value of a variable that wants a path is none: it is the secret itself. Holds nothing of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPath {
    /// What belongs into `SOPS_AGE_KEY`.
    #[error("holds an identity, not a path; put it in SOPS_AGE_KEY")]
    Identity,
    /// A key in PEM form.
    #[error("holds a private key, not a path; keep the key in a file and name that")]
    PrivateKey,
    /// The content of a file, of whatever kind.
    #[error("holds more than one line, not a path; keep the text in a file and name that")]
    Lines,
}

impl NotAPath {
    /// `None` for a text that may be a path.
    pub fn of(path: &Path) -> Option<Self> {
        let text = path.to_string_lossy();
        let upper = text.to_ascii_uppercase();
        let holds = |sign: &str| upper.contains(sign);
        if holds("AGE-SECRET-") || holds("AGE-PLUGIN-") || holds("-----BEGIN AGE ") {
            Some(Self::Identity)
        } else if holds("-----BEGIN") {
            Some(Self::PrivateKey)
        } else {
            text.contains(['\n', '\r']).then_some(Self::Lines)
        }
    }
}

/// Whether a text can be shown as a path. One that is rather a secret, set in the variable for the name of its file,
/// cannot: a key, a token, a JSON document.
pub fn looks_like_path(path: &Path) -> bool {
    /// Longer than paths that people name.
    const LONGEST: usize = 200;
    /// Longer than the name of a file in the working directory that ends in nothing.
    const LONGEST_NAME: usize = 40;
    let text = path.to_string_lossy();
    let length = text.chars().count();
    NotAPath::of(path).is_none()
        && !text.contains('{')
        && !text.starts_with("eyJ")
        && length <= LONGEST
        && (length <= LONGEST_NAME || text.contains(['/', '.']))
}

/// Whether the value of `SOPS_AGE_KEY` is the path of a file rather than identities.
pub fn is_rather_a_path(value: &OsStr) -> bool {
    let text = value.to_string_lossy();
    let text = text.trim();
    !text.starts_with('#')
        && !text.contains(['\n', '\r'])
        && (["/", "~/", "./", "../"].iter().any(|start| text.starts_with(start))
            || [".txt", ".age", ".key"].iter().any(|end| text.ends_with(end)))
}

/// A path from a variable, for messages: never a secret that stands there by mistake.
pub(crate) fn shown_path(path: &Path) -> String {
    match looks_like_path(path) {
        true => path.display().to_string(),
        false => "<not a path>".to_owned(),
    }
}

/// A path from a variable, as [`shown_path`] has it, and why it cannot be read.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> String {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        kind => kind.to_string(),
    };
    format!("{}: {why}", shown_path(path))
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment(<redacted>)")
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn the_key_file_is_where_sops_looks_for_it() {
        let home = Environment::of([("HOME", "/home/a")]);
        assert_eq!(
            home.default_age_key_file().unwrap(),
            PathBuf::from("/home/a/.config/sops/age/keys.txt")
        );
        let xdg = Environment::of([("HOME", "/home/a"), ("XDG_CONFIG_HOME", "/cfg")]);
        assert_eq!(xdg.default_age_key_file().unwrap(), PathBuf::from("/cfg/sops/age/keys.txt"));
    }

    #[test]
    fn a_relative_configuration_directory_is_not_used() {
        let environment = Environment::of([("HOME", "/home/a"), ("XDG_CONFIG_HOME", "cfg")]);
        assert_eq!(environment.default_age_key_file(), None);
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let environment = Environment::of([("HOME", "/home/a"), ("XDG_CONFIG_HOME", "")]);
        assert!(environment.default_age_key_file().unwrap().starts_with("/home/a"));
    }

    #[test]
    fn a_secret_in_place_of_a_path_is_not_shown() {
        let long = "k".repeat(41);
        let longer = format!("/{}", "k".repeat(200));
        for secret in [
            "AGE-SECRET-KEY-1HUNTER2",
            "age-secret-key-1hunter2",
            "# created: now\nhunter2",
            "AGE-PLUGIN-YUBIKEY-1HUNTER2",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            "{\"type\": \"service_account\"}",
            "eyJhbGciOi.eyJzdWIi.c2ln",
            &long,
            &longer,
        ] {
            assert_eq!(shown_path(Path::new(secret)), "<not a path>", "{secret}");
        }
        for path in ["/home/a/.ssh/id", "keys", "../keys.txt", "C:\\keys", &format!("{long}.txt")] {
            assert_eq!(shown_path(Path::new(path)), path);
        }
    }

    #[test]
    fn an_identity_and_a_key_are_told_apart_from_a_path() {
        for (text, expected) in [
            ("# created: now\nAGE-SECRET-KEY-1A", Some(NotAPath::Identity)),
            ("-----BEGIN AGE ENCRYPTED FILE-----\n", Some(NotAPath::Identity)),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\n", Some(NotAPath::PrivateKey)),
            ("a\nb", Some(NotAPath::Lines)),
            ("/home/age-keys", None),
        ] {
            assert_eq!(NotAPath::of(Path::new(text)), expected, "{text}");
        }
    }

    #[test]
    fn a_path_is_told_apart_from_an_identity() {
        for path in ["/home/a/keys", "~/keys", "../keys", "keys.txt", " my keys.age\n"] {
            assert!(is_rather_a_path(OsStr::new(path)), "{path}");
        }
        for text in ["AGE-SECRET-KEY-1A", "# /keys.txt", "AGE-SECRET-KEY-1A\n# keys.txt", "hunter2"]
        {
            assert!(!is_rather_a_path(OsStr::new(text)), "{text}");
        }
    }

    #[test]
    fn debug_shows_no_variable() {
        let environment = Environment::of([("SOPS_AGE_KEY", "AGE-SECRET-KEY-1ABC")]);
        assert!(!format!("{environment:?}").contains("ABC"));
    }
}
