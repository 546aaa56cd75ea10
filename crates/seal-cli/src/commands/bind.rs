//! `seal bind`

use std::io::IsTerminal;
use std::path::Path;

use seal_core::file::{Encrypted, Fresh};
use seal_core::format::Format;
use serde_json::{Map, json};

use super::files::{self, STDIN, each};
use super::revision::{NewKeysFor, Revision, decrypt_options, not_encrypted, stamp_of};
use super::rotate::{is_encrypted, write_out};
use super::{Context, Outcome};
use crate::args::BindArgs;
use crate::destination::{self, Destination, Several};
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::inputs::{self, Files, Inputs};
use crate::ui::{Counts, Report, escape};
use crate::write::{self, Writer};

pub(super) fn run(arguments: &BindArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    let inputs = inputs::expand(&arguments.files.paths, std::io::stdin().is_terminal())?;
    let destination = match arguments.dry_run {
        true => Destination::Stdout,
        false => destination::choose(&arguments.files, &inputs, Several::InPlaceOnly)?,
    };
    let options = decrypt_options(&arguments.revision, false);
    let mut revision = Revision::new(context, options, &arguments.revision.key_access)?;
    revision.scope = arguments.scope;
    let binding = Binding { arguments, revision, destination };
    let outcome = match inputs {
        Inputs::Stdin => binding.stdin(context),
        Inputs::Files(files) => Ok(binding.files(&files, context)),
    };
    binding.revision.warn_at_end(context);
    outcome
}

struct Binding<'a> {
    arguments: &'a BindArgs,
    revision: Revision<'a>,
    destination: Destination,
}

/// What became of a file.
struct Done {
    encrypted: Encrypted,
    /// The documents that are bound now and were not before.
    bound: Vec<Option<String>>,
}

impl Binding<'_> {
    fn stdin(&self, context: &Context<'_>) -> Result<Outcome, CommandError> {
        let source = write::read_stdin()?;
        if source.expose().trim_ascii().is_empty() {
            return Err(files::empty_stdin());
        }
        let told = self.arguments.files.file_type;
        let format = files::format_of_stdin(told, None, source.expose())?;
        let done = self.bound(Path::new(STDIN), format, source.expose())?;
        self.show("<stdin>", &done, context);
        if !self.arguments.dry_run {
            let bytes = done.encrypted.bytes.as_deref().unwrap_or(source.expose());
            write_out(&self.destination, bytes, context)?;
        }
        Ok(self.outcome(&counts(&done), ExitCode::Done))
    }

    fn files(&self, files: &Files, context: &Context<'_>) -> Outcome {
        let writer = Writer::default();
        let (results, code) = each(files, context, "binding", |index| {
            let input = &files.list[index];
            let path = &input.path;
            let format = files::format(self.arguments.files.file_type, Some(path))?;
            let original = write::read(path)?;
            let source = original.bytes.expose();
            if !input.explicit && !is_encrypted(format, source) {
                return Ok((None, Counts { skipped: 1, ..Counts::default() }));
            }
            if source.trim_ascii().is_empty() {
                return Err(files::empty_file(path, &self.destination));
            }
            let done = self.bound(path, format, source)?;
            match (&self.destination, &done.encrypted.bytes) {
                _ if self.arguments.dry_run => {}
                (Destination::InPlace, Some(bytes)) => {
                    writer.replace(path, bytes, stamp_of(path, &original)?)?;
                }
                (Destination::InPlace, None) => {}
                (other, bytes) => write_out(other, bytes.as_deref().unwrap_or(source), context)?,
            }
            let counts = counts(&done);
            Ok((Some(done), counts))
        });
        writer.finish();
        let mut total = Vec::with_capacity(results.len());
        for (input, result) in files.list.iter().zip(results) {
            if let Some((Some(done), _)) = &result {
                self.show(&input.path.display().to_string(), done, context);
            }
            total.push(result.map(|(_, counts)| counts));
        }
        self.outcome(&files::total(files, total), code)
    }

    fn bound(&self, path: &Path, format: Format, source: &[u8]) -> Result<Done, CommandError> {
        let keys_for =
            NewKeysFor::RuleAnd { accepted: self.arguments.accept_recipients, doing: "binding" };
        let before = self.revision.decryption.decrypt(path, format, source)?;
        if before.bytes.is_none() {
            return Err(not_encrypted(path));
        }
        let (fresh, source) = (Fresh::Unbound, (format, source));
        let encrypted = self.revision.renew(path, source, fresh, keys_for)?;
        let bound = match &encrypted.bytes {
            None => Vec::new(),
            Some(_) => encrypted.report.bound.clone(),
        };
        Ok(Done { encrypted, bound })
    }

    /// What is bound is said: nothing but a look at it tells whether it is what it should be.
    fn show(&self, file: &str, done: &Done, context: &Context<'_>) {
        let would = if self.arguments.dry_run { "would bind" } else { "bound" };
        for object in &done.bound {
            let name = object.as_deref().unwrap_or("a document that is no Kubernetes object");
            context.ui.note(&format!("{}: {would} {}", escape(file), escape(name)));
        }
    }

    fn outcome(&self, counts: &Counts, code: ExitCode) -> Outcome {
        let found = self.arguments.dry_run && counts.documents > 0;
        let code = if found { code.worst(ExitCode::Findings) } else { code };
        let count = |number: usize, noun: &str| {
            format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
        };
        let mut line = match (counts.documents, self.arguments.dry_run) {
            (0, _) if counts.failed > 0 => "bound nothing".to_owned(),
            (0, _) => "nothing to bind".to_owned(),
            (documents, true) => format!(
                "{} in {} not bound, nothing written",
                count(documents, "document"),
                count(counts.files, "file")
            ),
            (documents, false) => {
                format!("bound {} in {}", count(documents, "document"), count(counts.files, "file"))
            }
        };
        for (number, what) in [
            (counts.already, "bound already"),
            (counts.skipped, "skipped"),
            (counts.failed, "failed"),
        ] {
            if number > 0 {
                line.push_str(&format!(", {number} {what}"));
            }
        }
        let fields = [
            ("files", counts.files),
            ("documents", counts.documents),
            ("already_bound", counts.already),
            ("skipped", counts.skipped),
            ("failed", counts.failed),
        ];
        let details = fields.into_iter().map(|(name, number)| (name.to_owned(), json!(number)));
        let report = Report { line: Some(line), details: details.collect::<Map<_, _>>() };
        Outcome { report, code }
    }
}

fn counts(done: &Done) -> Counts {
    let changed = usize::from(done.encrypted.bytes.is_some());
    Counts {
        files: changed,
        documents: done.bound.len(),
        already: 1 - changed,
        ..Counts::default()
    }
}
