//! The places where identities are looked for, and how each is read.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use super::loaded::Loaded;
use super::report::{SourceOutcome, Warning};
use crate::environment::{NotAPath, is_rather_a_path, shown_path};
use crate::session::Session;
use crate::words;

/// In the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Text,
    File,
    Command,
    DefaultFile,
    SshFile,
    SshCommand,
    SshDefaultEd25519,
    SshDefaultRsa,
}

impl Source {
    pub(super) const ORDER: [Self; 8] = [
        Self::Text,
        Self::File,
        Self::Command,
        Self::DefaultFile,
        Self::SshFile,
        Self::SshCommand,
        Self::SshDefaultEd25519,
        Self::SshDefaultRsa,
    ];

    /// Whether it is a command of the user's, which is told for whom it is asked and may answer accordingly.
    pub(super) fn is_command(self) -> bool {
        matches!(self, Self::Command | Self::SshCommand)
    }

    /// The keys of ssh that lie where ssh looks for them: nobody put them there for us.
    pub(super) fn is_default_of_ssh(self) -> bool {
        matches!(self, Self::SshDefaultEd25519 | Self::SshDefaultRsa)
    }

    pub(super) fn load(self, session: &Session, recipient: &str) -> Loaded {
        match self {
            Self::Text => from_variable("SOPS_AGE_KEY", session, |variable, value| {
                if is_rather_a_path(&value) {
                    let reason =
                        "no identity; it looks like a path: SOPS_AGE_KEY_FILE is for paths";
                    return Loaded::failed(variable, reason).configured();
                }
                let text = Zeroizing::new(value.into_encoded_bytes());
                Loaded::of_text(variable, Ok(text)).configured()
            }),
            Self::File => from_variable("SOPS_AGE_KEY_FILE", session, |variable, value| {
                named_file(variable, &PathBuf::from(value), Loaded::of_text)
            }),
            Self::Command => from_variable("SOPS_AGE_KEY_CMD", session, |variable, value| {
                let text = run(value, recipient, session);
                Loaded::of_text(variable, text).configured()
            }),
            Self::DefaultFile => match session.environment.default_age_key_file() {
                Some(path) => default_file(&path),
                None => Loaded::failed("the default key file", "no home directory is known"),
            },
            Self::SshFile => {
                let variable = "SOPS_AGE_SSH_PRIVATE_KEY_FILE";
                let loaded = from_variable(variable, session, |variable, value| {
                    named_file(variable, &PathBuf::from(value), Loaded::of_ssh)
                });
                loaded.of_ssh_only(session.environment.variable(variable).is_none())
            }
            Self::SshCommand => {
                let variable = "SOPS_AGE_SSH_PRIVATE_KEY_CMD";
                let loaded = from_variable(variable, session, |variable, value| {
                    Loaded::of_ssh(variable, run(value, recipient, session)).configured()
                });
                loaded.of_ssh_only(session.environment.variable(variable).is_none())
            }
            Self::SshDefaultEd25519 => default_of_ssh("id_ed25519", session),
            Self::SshDefaultRsa => default_of_ssh("id_rsa", session),
        }
    }
}

fn from_variable(
    variable: &str,
    session: &Session,
    load: impl FnOnce(&str, std::ffi::OsString) -> Loaded,
) -> Loaded {
    match session.environment.variable(variable) {
        Some(value) => load(variable, value),
        None => Loaded::nothing(variable, SourceOutcome::NotSet),
    }
}

/// The file that a variable names, unless that is the secret itself.
fn named_file(
    variable: &str,
    path: &Path,
    load: impl FnOnce(&str, Result<Zeroizing<Vec<u8>>, String>) -> Loaded,
) -> Loaded {
    if let Some(reason) = NotAPath::of(path) {
        return Loaded::failed(variable, reason.to_string()).configured();
    }
    from_file(&format!("{variable} ({})", shown_path(path)), path, load).configured()
}

/// A default file that exists counts as configured: a mistake in it deserves a warning as well.
fn default_file(path: &Path) -> Loaded {
    let loaded = from_file(&path.display().to_string(), path, Loaded::of_text);
    match loaded.is_missing() {
        true => loaded,
        false => loaded.configured(),
    }
}

/// Whatever is wrong with such a key, it is a line in a report at most.
fn default_of_ssh(name: &str, session: &Session) -> Loaded {
    let home = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
    let Some(home) = session.environment.variable(home).map(PathBuf::from) else {
        return Loaded::failed(&format!("~/.ssh/{name}"), "no home directory is known");
    };
    let path = home.join(".ssh").join(name);
    from_file(&path.display().to_string(), &path, Loaded::of_ssh).without_warnings()
}

fn from_file(
    source: &str,
    path: &Path,
    load: impl FnOnce(&str, Result<Zeroizing<Vec<u8>>, String>) -> Loaded,
) -> Loaded {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Loaded::nothing(source, SourceOutcome::NotFound);
        }
        Err(error) => return Loaded::failed(source, error.kind().to_string()),
        Ok(file) => file,
    };
    let readable_by_others = permissions_of_others(&file);
    let text = read_secret(file).map_err(|error| error.kind().to_string());
    let path = shown_path(path);
    load(source, text).warned(readable_by_others.map(|mode| Warning::Permissions { path, mode }))
}

/// The permission bits of a regular file that lets its group or others in. Pipes (`<(…)`) have none that matter.
#[cfg(unix)]
fn permissions_of_others(file: &File) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = file.metadata().ok().filter(|metadata| metadata.is_file())?;
    let mode = metadata.permissions().mode() & 0o7777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn permissions_of_others(_: &File) -> Option<u32> {
    None
}

/// Reads all of a source into memory that is wiped, and that is never reallocated for any sensible size.
fn read_secret(source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    const SENSIBLE: usize = 64 * 1024;
    const LARGEST: u64 = 1024 * 1024;
    let mut text = Zeroizing::new(Vec::with_capacity(SENSIBLE));
    source.take(LARGEST).read_to_end(&mut text)?;
    if text.len() as u64 == LARGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}

/// Runs the user's command and returns what it prints. Its errors and prompts go to the terminal; our standard input
/// stays ours, because it may be the document.
fn run(
    line: std::ffi::OsString,
    recipient: &str,
    session: &Session,
) -> Result<Zeroizing<Vec<u8>>, String> {
    let line = Zeroizing::new(line.into_encoded_bytes());
    let line = std::str::from_utf8(&line).map_err(|_| "it is not UTF-8".to_owned())?;
    let words = words::split(line).map_err(|error| error.to_string())?;
    let (program, arguments) = words.split_first().ok_or("it names no command")?;
    let _turn = session.prompts.turn();
    let mut child = Command::new(program)
        .args(arguments)
        .env("SOPS_AGE_RECIPIENT", recipient)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => "there is no such command".to_owned(),
            kind => format!("its command cannot be started: {kind}"),
        })?;
    let printed = match child.stdout.take() {
        Some(stdout) => read_secret(stdout),
        None => Err(io::ErrorKind::BrokenPipe.into()),
    };
    let status = child.wait().map_err(|error| error.kind().to_string())?;
    if !status.success() {
        return Err(format!("its command failed: {status}"));
    }
    printed.map_err(|error| format!("what its command prints cannot be read: {}", error.kind()))
}
