//! The user's editor: which one, and how it is told to leave no traces.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use seal_keys::Environment;
use seal_keys::words;

use crate::error::CommandError;
use crate::reason::Reason;
use crate::write::program_runs;

/// A program that edits a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Editor {
    program: OsString,
    arguments: Vec<OsString>,
    /// Where it was named, for messages.
    origin: &'static str,
}

/// What an editor did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// It came back sooner than anybody can edit something: perhaps it does not wait for its window.
    pub(crate) is_too_short: bool,
}

/// The editors that are looked for where none is named, as SOPS does.
const DEFAULTS: [&str; 3] = ["vim", "nano", "vi"];

/// Nobody reads a file, changes it and closes the editor in this time.
const TOO_SHORT: Duration = Duration::from_millis(1_000);

impl Editor {
    /// The one that `SOPS_EDITOR` or `EDITOR` names, else vim, nano or vi, whichever is there.
    ///
    /// # Errors
    /// None is there, or a variable cannot be taken apart.
    pub(crate) fn of(environment: &Environment) -> Result<Self, CommandError> {
        for origin in ["SOPS_EDITOR", "EDITOR"] {
            let Some(text) = environment.variable(origin) else { continue };
            let text = text.to_str().ok_or_else(|| unusable(origin, "it is no UTF-8"))?;
            let split = words::split(text).map_err(|error| unusable(origin, &error.to_string()))?;
            let mut words = split.into_iter().map(OsString::from);
            let Some(program) = words.next() else { continue };
            return Ok(Self::new(program, words.collect(), origin, environment));
        }
        match DEFAULTS.into_iter().find(|name| find(name.as_ref(), environment).is_some()) {
            Some(name) => Ok(Self::new(name.into(), Vec::new(), "the system", environment)),
            None => Err(CommandError::failed("there is no editor: neither vim nor nano nor vi")
                .because(Reason::Editor)
                .hint("name one in EDITOR")),
        }
    }

    fn new(
        program: OsString,
        arguments: Vec<OsString>,
        origin: &'static str,
        environment: &Environment,
    ) -> Self {
        let mut this = Self { program, arguments, origin };
        let extra = quiet_arguments(&this.program, environment);
        this.arguments.extend(extra.into_iter().map(OsString::from));
        this
    }

    /// Lets the user edit a file; returns when the editor ends.
    ///
    /// # Errors
    /// It cannot be started, fails, or is killed.
    pub(crate) fn edit(&self, file: &Path) -> Result<Session, CommandError> {
        let begun = Instant::now();
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).arg(file);
        let status = program_runs(&mut command).map_err(|error| {
            let problem = format!("the editor `{}` cannot be started", self.name());
            let error = CommandError::failed(problem).because(Reason::Editor).caused_by(&error);
            error.hint(match self.origin {
                "the system" => "name another one in EDITOR".to_owned(),
                origin => format!("{origin} names it"),
            })
        })?;
        self.check(status)?;
        Ok(Session { is_too_short: begun.elapsed() < TOO_SHORT })
    }

    fn check(&self, status: ExitStatus) -> Result<(), CommandError> {
        use std::os::unix::process::ExitStatusExt;

        let how = match (status.success(), status.code(), status.signal()) {
            (true, ..) => return Ok(()),
            (false, Some(code), _) => format!("ended with exit code {code}"),
            (false, None, Some(signal)) => format!("was ended by signal {signal}"),
            (false, None, None) => "failed".to_owned(),
        };
        Err(CommandError::failed(format!("the editor `{}` {how}", self.name()))
            .because(Reason::Editor))
    }

    fn name(&self) -> String {
        self.program.to_string_lossy().into_owned()
    }
}

/// What keeps an editor from writing the plaintext elsewhere.
fn quiet_arguments(program: &OsString, environment: &Environment) -> Vec<&'static str> {
    // `vi` and `editor` are links to something else on most systems.
    let real = find(program, environment).and_then(|path| path.canonicalize().ok());
    let named = [Some(PathBuf::from(program)), real];
    let is = |wanted: &str| {
        let names = named.iter().flatten().filter_map(|path| path.file_name());
        names.map(|name| name.to_string_lossy().to_lowercase()).any(|name| name.contains(wanted))
    };
    if is("vim") {
        // -n: no swap file; -i NONE: no viminfo, no shada.
        let settings = "silent! set nobackup nowritebackup noundofile noswapfile";
        vec!["-n", "-i", "NONE", "-c", settings]
    } else {
        Vec::new()
    }
}

fn find(program: &std::ffi::OsStr, environment: &Environment) -> Option<PathBuf> {
    let path = Path::new(program);
    if path.components().count() > 1 {
        return Some(path.to_owned()).filter(|path| path.is_file());
    }
    let directories = environment.variable("PATH")?;
    std::env::split_paths(&directories)
        .map(|directory| directory.join(program))
        .find(|path| path.is_file())
}

fn unusable(origin: &str, problem: &str) -> CommandError {
    CommandError::usage(format!("{origin} cannot be used: {problem}")).because(Reason::Editor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn editor(variables: &[(&str, &str)]) -> Result<Editor, CommandError> {
        Editor::of(&Environment::of(variables.iter().copied()))
    }

    #[test]
    fn the_words_of_the_variable_are_taken_apart_without_a_shell() {
        let editor =
            editor(&[("EDITOR", "x"), ("SOPS_EDITOR", "code --wait 'a b' $HOME")]).unwrap();
        assert_eq!(editor.program, "code");
        assert_eq!(editor.arguments, ["--wait", "a b", "$HOME"]);
    }

    #[test]
    fn vim_leaves_no_traces_under_any_of_its_names() {
        for name in ["vim", "/usr/bin/nvim", "gvim -f"] {
            let editor = editor(&[("EDITOR", name)]).unwrap();
            assert!(editor.arguments.iter().any(|argument| argument == "NONE"), "{name}");
        }
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("vim.basic"), "").unwrap();
        std::os::unix::fs::symlink("vim.basic", directory.path().join("vi")).unwrap();
        let path = directory.path().to_str().unwrap();
        let editor = editor(&[("PATH", path)]).unwrap();
        assert_eq!(editor.program, "vi");
        assert!(editor.arguments.iter().any(|argument| argument == "NONE"));
    }

    #[test]
    fn says_where_no_editor_is() {
        assert!(editor(&[("PATH", "/nowhere")]).unwrap_err().message.contains("no editor"));
        let error = editor(&[("EDITOR", "'vim")]).unwrap_err();
        assert!(error.message.starts_with("EDITOR cannot be used"));
    }
}
