//! `seal check`

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use seal_core::check::{CheckOptions, Checked, Severity, check, lint};
use seal_core::envelope::Metadata;
use seal_core::format::Format;
use serde_json::{Map, Value, json};

use self::rules::Rules;
use super::files::{self, STDIN, each, working_directory};
use super::report::{Findings, Found, shown};
use super::{Context, Outcome};
use crate::args::CheckArgs;
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::inputs::{self, Files, Input, Inputs, is_configuration};
use crate::ui::Report;
use crate::write;

mod rules;

pub(super) fn run(arguments: &CheckArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    let checking = Checking {
        arguments,
        rules: Rules::new(context.config.map(PathBuf::from), working_directory()),
        failures: Mutex::default(),
    };
    let (counts, found, mut code) = match paths(&arguments.paths)? {
        Inputs::Stdin => {
            let source = write::read_stdin()?;
            let named = arguments.filename_override.as_deref();
            let format = files::format_of_stdin(arguments.file_type, named, source.expose())?;
            let of_file = checking.source(Path::new(STDIN), format, source.expose(), true);
            (of_file.counts, of_file.found, ExitCode::Done)
        }
        Inputs::Files(files) => checking.files(files, context)?,
    };
    let mut findings = Findings {
        list: found,
        failures: checking.failures.into_inner().unwrap_or_else(PoisonError::into_inner),
    };
    findings.list.extend(checking.rules.found());
    findings.list.retain(|found| !arguments.ignore.contains(&found.lint));
    if arguments.strict {
        findings.list.iter_mut().for_each(|found| found.severity = Severity::Error);
    }
    findings.list.sort_by(|a, b| (&a.file, a.position).cmp(&(&b.file, b.position)));
    findings.report(&arguments.report, lint::ALL, context)?;
    if findings.count(Severity::Error) > 0 {
        code = code.worst(ExitCode::Findings);
    }
    Ok(Outcome { report: report(&counts, &findings), code })
}

/// What the paths stand for. Without any, the working directory: in CI standard input is never a terminal, and nothing
/// found in an empty pipe would pass for a clean tree.
pub(super) fn paths(paths: &[PathBuf]) -> Result<Inputs, CommandError> {
    match paths {
        [] => Ok(inputs::expand(&[PathBuf::from(".")], false)?),
        paths => Ok(inputs::expand(paths, false)?),
    }
}

/// What is the same for all files of a run.
struct Checking<'a> {
    arguments: &'a CheckArgs,
    rules: Rules,
    failures: Mutex<Vec<CommandError>>,
}

/// What a run looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    files: usize,
    envelopes: usize,
    /// Files that are not for this command, templates among them.
    skipped: usize,
    failed: usize,
    /// Findings beyond those that are listed of a file.
    more: usize,
}

#[derive(Debug, Default)]
struct OfFile {
    counts: Counts,
    found: Vec<Found>,
}

impl Checking<'_> {
    fn files(
        &self,
        mut files: Files,
        context: &Context<'_>,
    ) -> Result<(Counts, Vec<Found>, ExitCode), CommandError> {
        if self.arguments.filename_override.is_some() && files.several {
            return Err(CommandError::usage("`--filename-override` is for a single file")
                .hint("name one file, neither a directory nor a pattern"));
        }
        // A name that tells no format is no reason to pass over a private key that a rule names.
        let (meant, skipped): (Vec<_>, Vec<_>) = std::mem::take(&mut files.skipped)
            .into_iter()
            .partition(|path| Format::of_path(path).is_none() && self.rules.name_kind_of(path));
        files.skipped = skipped;
        files.list.extend(meant.into_iter().map(|path| Input { path, explicit: false }));
        let (results, code) = each(&files, context, "checking", |index| {
            let input = &files.list[index];
            let done = self.file(&input.path, input.explicit);
            done.inspect_err(|error| self.failed(error.clone()))
        });
        files.failures.iter().for_each(|failure| self.failed(CommandError::from(failure)));
        for path in &files.configurations {
            self.rules.check_file(path);
        }
        let rules = files.configurations.len();
        let mut counts = Counts {
            files: rules,
            skipped: files.skipped.len().saturating_sub(rules),
            failed: files.failures.len(),
            ..Counts::default()
        };
        let mut found = Vec::new();
        for result in results {
            match result {
                Some(of_file) => {
                    counts += of_file.counts;
                    found.extend(of_file.found);
                }
                None => counts.failed += 1,
            }
        }
        Ok((counts, found, code))
    }

    fn failed(&self, error: CommandError) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(error);
    }

    fn file(&self, path: &Path, explicit: bool) -> Result<OfFile, CommandError> {
        if is_configuration(path) {
            self.rules.check_file(path);
            return Ok(OfFile {
                counts: Counts { files: 1, ..Counts::default() },
                ..OfFile::default()
            });
        }
        let named = self.arguments.filename_override.as_deref().unwrap_or(path);
        let format = match files::format(self.arguments.file_type, Some(named)) {
            Ok(format) => format,
            // The name of a dotenv file for an environment, as in `.env.prod`.
            Err(_) if is_dotenv(named) => Format::Dotenv,
            // A hook hands over whatever was committed, backups of manifests too.
            Err(_) => Format::Yaml,
        };
        let original = write::read(path)?;
        Ok(self.source(path, format, original.bytes.expose(), explicit))
    }

    fn source(&self, path: &Path, format: Format, source: &[u8], explicit: bool) -> OfFile {
        let named = self.arguments.filename_override.as_deref().unwrap_or(path);
        let rule = self.rules.of(named);
        let drift = |metadata: &Metadata| rule.as_ref().and_then(|rule| rule.drift(metadata));
        let options = CheckOptions {
            rule: rule.as_ref().and_then(|rule| rule.selection()),
            whole_file: rule.as_ref().is_some_and(|rule| rule.is_for_certain_paths()),
            explicit,
            recipients: &drift,
        };
        let Checked { findings, more, envelopes, passed_over } = check(format, source, &options);
        let file = shown(path).to_owned();
        let found = findings.into_iter().map(|finding| Found {
            file: file.clone(),
            position: Some(finding.position),
            lint: finding.lint,
            severity: finding.lint.severity,
            object: finding.object,
            path: finding.path.map(|path| path.to_string()),
            message: finding.message,
        });
        let (files, skipped) = (usize::from(!passed_over), usize::from(passed_over));
        let counts = Counts { files, envelopes, skipped, more, failed: 0 };
        OfFile { counts, found: found.collect() }
    }
}

fn is_dotenv(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".env"))
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.files += other.files;
        self.envelopes += other.envelopes;
        self.skipped += other.skipped;
        self.failed += other.failed;
        self.more += other.more;
    }
}

fn report(counts: &Counts, findings: &Findings) -> Report {
    let number = |number: usize, noun: &str| match number {
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    };
    let (errors, warnings) = (findings.count(Severity::Error), findings.count(Severity::Warning));
    let checked = format!(
        "{} checked ({} encrypted)",
        number(counts.files, "file"),
        number(counts.envelopes, "document")
    );
    let found = [(errors, "error"), (warnings, "warning")];
    let found = found.iter().filter(|(count, _)| *count > 0);
    let mut parts: Vec<String> = found.map(|(count, noun)| number(*count, noun)).collect();
    if parts.is_empty() {
        parts.push("nothing found".to_owned());
    }
    for (count, what) in
        [(counts.more, "more findings"), (counts.skipped, "skipped"), (counts.failed, "failed")]
    {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    let details = [
        ("files", json!(counts.files)),
        ("encrypted_documents", json!(counts.envelopes)),
        ("skipped", json!(counts.skipped)),
        ("failed", json!(counts.failed)),
        ("error_count", json!(errors)),
        ("warning_count", json!(warnings)),
        ("findings_not_listed", json!(counts.more)),
        ("findings", findings.objects()),
    ];
    let details: Map<String, Value> =
        details.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Report { line: Some(format!("{checked}: {}", parts.join(", "))), details }
}
