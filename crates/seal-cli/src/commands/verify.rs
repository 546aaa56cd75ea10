//! `seal verify`

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use seal_core::check::{Lint, Severity};
use seal_core::file::{DecryptOptions, DecryptedObject};
use seal_core::format::Format;
use serde_json::{Map, Value, json};

use super::check::paths;
use super::decrypt::{Decryption, is_meant};
use super::files::{self, STDIN, each};
use super::report::{Findings, Found, shown};
use super::sealing::{Answers, Controller, SealingKeys};
use super::{Context, Outcome};
use crate::args::{ReportFormat, VerifyArgs};
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::inputs::{Inputs, is_configuration};
use crate::ui::Report;
use crate::write;

/// The kinds of findings that need a key.
static LINTS: &[&Lint] = &[&REFUSED, &NO_KEY, &FAILED, &UNBOUND];

static REFUSED: Lint = Lint {
    id: "refused",
    severity: Severity::Error,
    summary: "a file was altered after it was encrypted, or is not accepted as it is",
    help: "get the file back from its history",
};

static NO_KEY: Lint = Lint {
    id: "no-key",
    severity: Severity::Error,
    summary: "no key could be had for a file, so it is not verified",
    help: "verify where one of the recipients' keys is at hand",
};

static FAILED: Lint = Lint {
    id: "failed",
    severity: Severity::Error,
    summary: "a file cannot be read, so it is not verified",
    help: "correct the file",
};

static UNBOUND: Lint = Lint {
    id: "unbound",
    severity: Severity::Warning,
    summary: "an envelope is not bound to its document, because SOPS wrote it",
    help: "`seal bind` binds it; until then name, kind and namespace are not protected",
};

pub(super) fn run(arguments: &VerifyArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    let options = DecryptOptions {
        require_encrypted: arguments.require_encrypted,
        require_bound: arguments.require_bound,
        namespace: arguments.namespace.as_deref(),
        ..DecryptOptions::default()
    };
    let mut decryption = Decryption::new(context, options, &arguments.key_access)?;
    // Who asks the controller wants its answer, whatever a variable says.
    if !arguments.cluster {
        decryption.sealing_keys = SealingKeys::new(&arguments.sealing_keys, context.environment);
    }
    let controller = Controller::new(arguments, context.environment);
    let verification = Verification { arguments, decryption, controller, errors: Mutex::default() };
    let (verified, code) = match paths(&arguments.paths)? {
        Inputs::Stdin => {
            let source = write::read_stdin()?;
            let format = files::format_of_stdin(arguments.file_type, None, source.expose())?;
            let done = verification.source(Path::new(STDIN), format, source.expose());
            let (verified, code) = match done {
                Ok(verified) => (verified, ExitCode::Done),
                Err(error) => {
                    context.ui.error(&error);
                    (Verified { failed: 1, ..Verified::default() }, error.kind)
                }
            };
            (verified, code)
        }
        Inputs::Files(files) => {
            let (results, code) = each(&files, context, "verifying", |index| {
                let input = &files.list[index];
                verification.file(&input.path, input.explicit)
            });
            let skipped = files.skipped.len();
            let failed = files.failures.len();
            files.failures.iter().for_each(|failure| verification.note(&failure.into()));
            let mut all = Verified { skipped, failed, ..Verified::default() };
            for result in results {
                all.add(result.unwrap_or(Verified { failed: 1, ..Verified::default() }));
            }
            (all, code)
        }
    };
    files::warn_at_end(
        context,
        &verification.decryption.configs,
        &verification.decryption.key_access,
    );
    let errors = verification.errors.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut findings = Findings { list: verified.unbound.clone(), failures: Vec::new() };
    // Lines for people, and `--json`, have the errors with all their causes already.
    if arguments.report.format == ReportFormat::Sarif {
        findings.list.extend(errors.iter().map(of_error));
    }
    findings.list.sort_by(|a, b| (&a.file, a.position).cmp(&(&b.file, b.position)));
    findings.report(&arguments.report, LINTS, context)?;
    Ok(Outcome { report: report(&verified, &findings), code })
}

struct Verification<'a> {
    arguments: &'a VerifyArgs,
    decryption: Decryption<'a>,
    controller: Controller,
    errors: Mutex<Vec<CommandError>>,
}

/// What was verified.
#[derive(Debug, Default)]
struct Verified {
    files: usize,
    documents: usize,
    secrets: usize,
    /// Files without anything encrypted, or not for this command.
    skipped: usize,
    /// SealedSecrets that nothing was at hand to verify with.
    sealed: usize,
    failed: usize,
    unbound: Vec<Found>,
}

impl Verification<'_> {
    fn file(&self, path: &Path, explicit: bool) -> Result<Verified, CommandError> {
        let done = self.read(path, explicit);
        done.inspect_err(|error| self.note(error))
    }

    fn read(&self, path: &Path, explicit: bool) -> Result<Verified, CommandError> {
        let skipped = Verified { skipped: 1, ..Verified::default() };
        if is_configuration(path) {
            return Ok(skipped);
        }
        let format = files::format(self.arguments.file_type, Some(path))?;
        let original = write::read(path)?;
        if !explicit && !is_meant(format, original.bytes.expose()) {
            return Ok(skipped);
        }
        self.decrypted(path, format, original.bytes.expose())
    }

    fn source(&self, path: &Path, format: Format, source: &[u8]) -> Result<Verified, CommandError> {
        let done = self.decrypted(path, format, source);
        done.inspect_err(|error| self.note(error))
    }

    /// The plaintext is dropped, and wiped with that, as soon as it is known to be genuine.
    fn decrypted(
        &self,
        path: &Path,
        format: Format,
        source: &[u8],
    ) -> Result<Verified, CommandError> {
        let objects = self.decryption.decrypt(path, format, source)?.objects;
        let answers = match self.decryption.sealing_keys.are_there() {
            true => Answers::default(),
            false => self.controller.verify(path, format, source)?,
        };
        let done = objects.len() + answers.objects;
        let unbound = objects.iter().filter(|object| !object.bound);
        let found = |object: &DecryptedObject| Found {
            file: shown(path).to_owned(),
            position: None,
            lint: &UNBOUND,
            severity: UNBOUND.severity,
            object: object.description.clone(),
            path: None,
            message: "the envelope is not bound to its document: SOPS wrote it".to_owned(),
        };
        Ok(Verified {
            files: usize::from(done > 0),
            documents: done,
            secrets: objects.iter().map(|object| object.values).sum::<usize>() + answers.values,
            skipped: usize::from(done == 0),
            sealed: answers.not_asked,
            failed: 0,
            unbound: unbound.map(found).collect(),
        })
    }

    fn note(&self, error: &CommandError) {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).push(error.clone());
    }
}

impl Verified {
    fn add(&mut self, other: Self) {
        self.files += other.files;
        self.documents += other.documents;
        self.secrets += other.secrets;
        self.skipped += other.skipped;
        self.sealed += other.sealed;
        self.failed += other.failed;
        self.unbound.extend(other.unbound);
    }
}

/// A failure as a finding.
fn of_error(error: &CommandError) -> Found {
    let lint = match error.kind {
        ExitCode::Refused => &REFUSED,
        ExitCode::NoKey => &NO_KEY,
        _ => &FAILED,
    };
    let place = error.place.as_deref();
    Found {
        file: place.map_or(Path::new(STDIN), |place| shown(&place.file)).to_owned(),
        position: place.and_then(|place| place.position),
        lint,
        severity: lint.severity,
        object: None,
        path: None,
        message: error.message.clone(),
    }
}

fn report(verified: &Verified, findings: &Findings) -> Report {
    let number = |number: usize, noun: &str| match number {
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    };
    let mut line = match (verified.files, verified.failed) {
        (0, 0) => "nothing to verify".to_owned(),
        (0, _) => "verified nothing".to_owned(),
        (files, _) => format!(
            "verified {} ({} in {})",
            number(files, "file"),
            number(verified.secrets, "secret"),
            number(verified.documents, "document")
        ),
    };
    let unbound = verified.unbound.len();
    for (count, what) in [
        (unbound, "not bound (written by SOPS)"),
        (
            verified.sealed,
            "sealed for a cluster and not verified (see --sealing-key and --cluster)",
        ),
        (verified.skipped, "skipped"),
        (verified.failed, "failed"),
    ] {
        if count > 0 {
            line.push_str(&format!(", {count} {what}"));
        }
    }
    let details = [
        ("files", json!(verified.files)),
        ("documents", json!(verified.documents)),
        ("secrets", json!(verified.secrets)),
        ("unbound", json!(unbound)),
        ("sealed", json!(verified.sealed)),
        ("skipped", json!(verified.skipped)),
        ("failed", json!(verified.failed)),
        ("findings", findings.objects()),
    ];
    let details: Map<String, Value> =
        details.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Report { line: Some(line), details }
}
