//! Where age identities come from.
//!
//! The same places as SOPS's, in a fixed order (SOPS's own is random):
//!
//! 1. `SOPS_AGE_KEY`: the identities themselves, separated by line breaks or blanks;
//! 2. `SOPS_AGE_KEY_FILE`: a file with identities;
//! 3. `SOPS_AGE_KEY_CMD`: a command, run without a shell, that prints identities; it finds the recipient in question in
//!    `SOPS_AGE_RECIPIENT`, and is run once for each;
//! 4. `<configuration directory>/sops/age/keys.txt`.
//!
//! Keys of ssh (`SOPS_AGE_SSH_PRIVATE_KEY_FILE`, `…_CMD`) are not supported yet; where they are set, reports say so.
//! A source is read when the ones before it did not fit, once per run. One that cannot be read does not stop the others.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use age::x25519;
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::identity_text::{self, Ignored};
use crate::words;

/// All sources, each read at most once.
#[derive(Debug)]
pub(crate) struct Identities {
    environment: Environment,
    /// By source and, for the command, by recipient. Locked while a source is read, so that nothing is asked twice.
    loaded: Mutex<BTreeMap<(Source, String), Arc<Loaded>>>,
}

impl Identities {
    pub(crate) fn new(environment: Environment) -> Self {
        Self { environment, loaded: Mutex::default() }
    }

    /// The sources in their order; each is read when the iterator comes to it.
    pub(crate) fn for_recipient<'a>(
        &'a self,
        recipient: &'a str,
    ) -> impl Iterator<Item = Arc<Loaded>> + 'a {
        Source::ORDER.into_iter().map(move |source| {
            // Only the command is told for whom it is asked, and may answer accordingly.
            let asked_for = if source == Source::Command { recipient } else { "" };
            let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = loaded.entry((source, asked_for.to_owned()));
            entry.or_insert_with(|| Arc::new(source.load(&self.environment, recipient))).clone()
        })
    }

    /// What was found in the sources that were read so far.
    pub(crate) fn reports(&self) -> Vec<SourceReport> {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let mut reports: Vec<SourceReport> = loaded
            .values()
            .filter(|loaded| !loaded.unmentioned)
            .map(|loaded| loaded.report.clone())
            .collect();
        // The command is asked for each recipient, and mostly has one answer.
        reports.dedup();
        reports
    }

    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let mut warnings: Vec<Warning> =
            loaded.values().flat_map(|loaded| loaded.warnings.clone()).collect();
        warnings.dedup();
        warnings
    }
}

/// What one source held. Its name and what of it may be shown; never a private half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceReport {
    /// The variable or the file, or both.
    pub source: String,
    /// What was found there.
    pub outcome: SourceOutcome,
}

/// What was found in a source of identities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceOutcome {
    /// The variable is not set.
    NotSet,
    /// There is no such file.
    NotFound,
    /// A kind of source that a later version will know.
    NotSupported,
    /// It could not be read.
    Failed(String),
    /// It was read.
    Read {
        /// The public halves of the identities.
        recipients: Vec<String>,
        /// What else stood there.
        ignored: Vec<Ignored>,
    },
}

impl std::fmt::Display for SourceReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.source)?;
        match &self.outcome {
            SourceOutcome::NotSet => f.write_str("not set"),
            SourceOutcome::NotFound => f.write_str("no such file"),
            SourceOutcome::NotSupported => f.write_str("ssh keys are not supported yet"),
            SourceOutcome::Failed(reason) => f.write_str(reason),
            SourceOutcome::Read { recipients, ignored } => {
                match recipients.len() {
                    0 => f.write_str("no identity")?,
                    1 => f.write_str("1 identity: ")?,
                    count => write!(f, "{count} identities: ")?,
                }
                f.write_str(&recipients.join(", "))?;
                ignored.iter().try_for_each(|ignored| write!(f, "; {ignored}"))
            }
        }
    }
}

/// Something about the sources that does not stop a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// A key file that not only its owner can read.
    #[error(
        "the key file {path} can be read by others than its owner (mode {mode:04o}); run: chmod 600 {path}"
    )]
    Permissions {
        /// The file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// A source that somebody configured and that cannot be used, or not all of it.
    #[error("{0}")]
    Source(SourceReport),
    /// A server that was asked though nobody knows who it is.
    #[error(
        "the certificate of {server} is not checked (VAULT_SKIP_VERIFY): whoever is on the way can take the token and the data keys; VAULT_CACERT names an authority to trust"
    )]
    Unverified {
        /// Its address.
        server: String,
    },
}

/// One source, read. Debug shows the report only.
pub(crate) struct Loaded {
    identities: Vec<x25519::Identity>,
    report: SourceReport,
    warnings: Vec<Warning>,
    /// Not worth a line: a source nobody asked for.
    unmentioned: bool,
}

impl Loaded {
    pub(crate) fn identities(&self) -> &[x25519::Identity] {
        &self.identities
    }

    /// True if the private half of a recipient is here.
    pub(crate) fn holds(&self, recipient: &str) -> bool {
        match &self.report.outcome {
            SourceOutcome::Read { recipients, .. } => recipients.iter().any(|r| r == recipient),
            _ => false,
        }
    }
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded").field("report", &self.report).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Text,
    File,
    Command,
    DefaultFile,
    SshFile,
    SshCommand,
}

impl Source {
    const ORDER: [Self; 6] =
        [Self::Text, Self::File, Self::Command, Self::DefaultFile, Self::SshFile, Self::SshCommand];

    fn variable(self) -> Option<&'static str> {
        match self {
            Self::Text => Some("SOPS_AGE_KEY"),
            Self::File => Some("SOPS_AGE_KEY_FILE"),
            Self::Command => Some("SOPS_AGE_KEY_CMD"),
            Self::DefaultFile => None,
            Self::SshFile => Some("SOPS_AGE_SSH_PRIVATE_KEY_FILE"),
            Self::SshCommand => Some("SOPS_AGE_SSH_PRIVATE_KEY_CMD"),
        }
    }

    fn load(self, environment: &Environment, recipient: &str) -> Loaded {
        let Some(variable) = self.variable() else {
            return match environment.default_age_key_file() {
                Some(path) => from_file(path.display().to_string(), &path),
                None => nothing("the default key file", failed("no home directory is known")),
            };
        };
        let Some(value) = environment.variable(variable) else {
            let mut loaded = nothing(variable, SourceOutcome::NotSet);
            loaded.unmentioned = matches!(self, Self::SshFile | Self::SshCommand);
            return loaded;
        };
        match self {
            Self::File => {
                let path = PathBuf::from(value);
                from_file(format!("{variable} ({})", path.display()), &path).configured()
            }
            Self::SshFile | Self::SshCommand => nothing(variable, SourceOutcome::NotSupported),
            Self::Text | Self::Command | Self::DefaultFile => {
                let value = Zeroizing::new(value.into_encoded_bytes());
                let text = if self == Self::Text { Ok(value) } else { run(&value, recipient) };
                from_text(variable.to_owned(), text).configured()
            }
        }
    }
}

impl Loaded {
    /// For a source that somebody asked for: what does not work there is worth a warning.
    fn configured(mut self) -> Self {
        let broken = match &self.report.outcome {
            SourceOutcome::NotFound | SourceOutcome::Failed(_) => true,
            SourceOutcome::Read { ignored, .. } => ignored.iter().any(|i| i.reason.is_mistake()),
            SourceOutcome::NotSet | SourceOutcome::NotSupported => false,
        };
        if broken && self.warnings.iter().all(|w| !matches!(w, Warning::Source(_))) {
            self.warnings.push(Warning::Source(self.report.clone()));
        }
        self
    }
}

fn nothing(source: &str, outcome: SourceOutcome) -> Loaded {
    Loaded {
        identities: Vec::new(),
        report: SourceReport { source: source.to_owned(), outcome },
        warnings: Vec::new(),
        unmentioned: false,
    }
}

fn failed(reason: &str) -> SourceOutcome {
    SourceOutcome::Failed(reason.to_owned())
}

fn from_text(source: String, text: Result<Zeroizing<Vec<u8>>, String>) -> Loaded {
    let parsed =
        text.and_then(|text| identity_text::parse(&text).map_err(|error| error.to_string()));
    match parsed {
        Err(reason) => nothing(&source, SourceOutcome::Failed(reason)),
        Ok(found) => {
            let recipients = found.identities.iter().map(|i| i.to_public().to_string()).collect();
            let outcome = SourceOutcome::Read { recipients, ignored: found.ignored };
            Loaded { identities: found.identities, ..nothing(&source, outcome) }
        }
    }
}

fn from_file(source: String, path: &Path) -> Loaded {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return nothing(&source, SourceOutcome::NotFound);
        }
        Err(error) => return nothing(&source, SourceOutcome::Failed(error.kind().to_string())),
        Ok(file) => file,
    };
    let readable_by_others = permissions_of_others(&file);
    let text = read_secret(file).map_err(|error| error.kind().to_string());
    // A default file that exists counts as configured: a mistake in it deserves a warning as well.
    let mut loaded = from_text(source, text).configured();
    if let Some(mode) = readable_by_others {
        loaded.warnings.push(Warning::Permissions { path: path.display().to_string(), mode });
    }
    loaded
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
fn run(line: &[u8], recipient: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let line = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
    let words = words::split(line).map_err(|error| error.to_string())?;
    let (program, arguments) = words.split_first().ok_or("it names no command")?;
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

#[cfg(test)]
#[cfg(unix)]
mod tests;
