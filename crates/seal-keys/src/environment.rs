//! The variables of the environment, as an argument.

use std::collections::BTreeMap;
use std::ffi::OsString;
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

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment(<redacted>)")
    }
}

/// A path that a variable names, for messages. Secrets end up in such variables by mistake, so what looks like one is not
/// repeated.
pub(crate) fn shown_path(path: &Path) -> String {
    if is_like_a_path(path) { path.display().to_string() } else { "<not a path>".to_owned() }
}

/// Whether a text can be shown as a path; see [`shown_path`].
pub(crate) fn is_like_a_path(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let of_secrets = ["\n", "\r", "{", "AGE-SECRET-", "AGE-PLUGIN-", "-----BEGIN"];
    let holds = |part: &&str| text.to_ascii_uppercase().contains(*part);
    // The Base64 of `{"`: JSON, or a token.
    let is_token = text.starts_with("eyJ");
    let is_word = text.len() > 40 && !text.contains(['/', '.', std::path::MAIN_SEPARATOR]);
    !of_secrets.iter().any(holds) && !is_token && !is_word && text.len() <= 200
}

/// What a path is, and why it cannot be read.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> String {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        kind => kind.to_string(),
    };
    format!("{}: {why}", shown_path(path))
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
    fn a_secret_in_the_place_of_a_path_is_not_shown() {
        for path in ["/run/token", "keys.txt", "./a b", "C:\\a", "token", &"a/".repeat(100)] {
            assert_eq!(shown_path(Path::new(path)), path);
        }
        for secret in [
            "{\"private_key\":\"x\"}",
            "/a\nb",
            "AGE-SECRET-KEY-1ABC",
            "age-plugin-yubikey-1abc",
            "/x-----BEGIN PRIVATE KEY-----",
            "eyJhbGciOi.x.y",
            &"a/".repeat(101),
            &"A".repeat(41),
        ] {
            assert_eq!(shown_path(Path::new(secret)), "<not a path>", "{secret}");
        }
    }

    #[test]
    fn debug_shows_no_variable() {
        let environment = Environment::of([("SOPS_AGE_KEY", "AGE-SECRET-KEY-1ABC")]);
        assert!(!format!("{environment:?}").contains("ABC"));
    }
}
