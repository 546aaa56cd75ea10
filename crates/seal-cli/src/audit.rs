//! The audit log of SOPS: who encrypted, decrypted or rotated which file, in tables of PostgreSQL that `/etc/sops/audit.yaml`
//! names.
//!
//! Whoever sets it up wants nothing to happen without a record. So each command records before the first result leaves
//! it, and what cannot be recorded is not done. Where there is no such file, that costs one look at the file system.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde::Deserialize;

use crate::error::CommandError;
use crate::inputs::is_stdin;

mod connection;
mod postgres;
mod tls;

use connection::ConnectionString;
use postgres::Table;

/// What happened to a file, in SOPS's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Encrypt,
    Decrypt,
    Rotate,
}

/// SOPS's, which nobody can set otherwise: the log is the system's, not the user's.
const FILE: &str = "/etc/sops/audit.yaml";

/// Records an event in every log that the system has.
///
/// # Errors
///
/// It could not be recorded; then the result must not leave the process.
pub(crate) fn record(action: Action, path: &Path) -> Result<(), CommandError> {
    static LOGS: OnceLock<Result<Vec<Mutex<Table>>, CommandError>> = OnceLock::new();
    let logs = LOGS.get_or_init(|| open(Path::new(FILE))).as_ref().map_err(Clone::clone)?;
    if logs.is_empty() {
        return Ok(());
    }
    let user = user()?;
    let path = if is_stdin(path) {
        PathBuf::from("<stdin>")
    } else {
        std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
    };
    for log in logs {
        let mut table = log.lock().unwrap_or_else(PoisonError::into_inner);
        let done = table.insert(action.word(), &user, &path.to_string_lossy());
        done.map_err(|problem| not_recorded(&problem))?;
    }
    Ok(())
}

impl Action {
    fn word(self) -> &'static str {
        match self {
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
            Self::Rotate => "rotate",
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    backends: Option<Backends>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Backends {
    postgres: Option<Vec<Backend>>,
}

#[derive(Deserialize)]
struct Backend {
    connection_string: ConnectionString,
}

/// The logs of a file; none where there is no file.
fn open(path: &Path) -> Result<Vec<Mutex<Table>>, CommandError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => zeroize::Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(not_recorded("the file that names the audit log cannot be read")
                .in_file(path)
                .caused_by(&error));
        }
    };
    // The reader's own words may repeat a part of the text, which holds passwords.
    let file: Option<File> = serde_yaml::from_str(&text).map_err(|error| {
        let at = error.location().map(|at| format!(" (line {})", at.line())).unwrap_or_default();
        not_recorded(&format!("it is not what it should be{at}")).in_file(path).hint(
            "backends: {postgres: [{connection_string: 'postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full'}]}",
        )
    })?;
    let backends = file.unwrap_or_default().backends.unwrap_or_default().postgres;
    let mut tables = Vec::new();
    for (index, backend) in backends.unwrap_or_default().into_iter().enumerate() {
        let target = backend.connection_string.parse().map_err(|problem| {
            not_recorded(&format!("connection_string {}: {problem}", index + 1)).in_file(path)
        })?;
        let table = Table::open(target).map_err(|problem| not_recorded(&problem))?;
        tables.push(Mutex::new(table));
    }
    Ok(tables)
}

fn not_recorded(problem: &str) -> CommandError {
    CommandError::failed(format!("the audit log cannot be written, so nothing is done: {problem}"))
        .hint("ask whoever runs this machine; /etc/sops/audit.yaml names the log")
}

/// Who runs this process, as the system knows it.
fn user() -> Result<String, CommandError> {
    let id = nix::unistd::getuid();
    match nix::unistd::User::from_uid(id) {
        Ok(Some(user)) => Ok(user.name),
        Ok(None) => Ok(id.to_string()),
        Err(error) => Err(not_recorded("the user of this process is not known").caused_by(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(text: &str) -> Result<usize, CommandError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.yaml");
        std::fs::write(&path, text).unwrap();
        open(&path).map(|tables| tables.len())
    }

    #[test]
    fn without_a_file_or_a_backend_there_is_no_log() {
        assert_eq!(open(Path::new("/nonexistent/audit.yaml")).unwrap().len(), 0);
        for text in ["", "backends:\n", "backends: {postgres: []}\n"] {
            assert_eq!(opened(text), Ok(0), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_the_file_is_said_without_a_word_of_it() {
        for text in [
            "backends: {postgres: [{connection_string: [hunter2]}]}",
            "backends: {postgres: [{connection_strin: 'password=hunter2'}]}",
            "backends: {postgres: [{connection_string: 'password=hunter2 hunter2'}]}",
            "backends: {postgres: [{connection_string: 'postgres://u:hunter2@h:hunter2/d'}]}",
            "hunter2: [",
        ] {
            let error = opened(text).unwrap_err();
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
            assert!(error.message.starts_with("the audit log cannot be written"), "{error:?}");
        }
    }
}
