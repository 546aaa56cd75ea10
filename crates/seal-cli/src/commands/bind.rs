//! `seal bind`

use seal_core::file::Fresh;

use super::renewal::{Renewal, Renewed};
use super::revision::{NewKeysFor, Revision, decrypt_options};
use super::{Context, Outcome, files};
use crate::args::BindArgs;
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::ui::{Counts, Report, count, escape, with_rest};

pub(super) fn run(arguments: &BindArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    let options = decrypt_options(&arguments.revision, false);
    let mut revision = Revision::new(context, options, &arguments.revision.key_access)?;
    revision.scope = arguments.scope;
    let renewal = Renewal {
        files: &arguments.files,
        revision,
        fresh: Fresh::Unbound,
        keys_for: NewKeysFor::RuleAnd { accepted: arguments.accept_recipients, doing: "binding" },
        doing: "binding",
        dry_run: arguments.dry_run,
    };
    let results = renewal.run(context, |renewed| Bound::of(&renewed))?;
    let mut names = results.files.list.iter().map(|input| input.path.display().to_string());
    let mut counts = Vec::with_capacity(results.list.len());
    for of_file in results.list {
        let name = names.next().unwrap_or_else(|| "<stdin>".to_owned());
        counts.push(of_file.map(|bound| match bound {
            Some(bound) => {
                bound.show(&name, arguments.dry_run, context);
                bound.counts()
            }
            None => Counts { skipped: 1, ..Counts::default() },
        }));
    }
    let counts = files::total(&results.files, counts);
    Ok(outcome(&counts, arguments.dry_run, results.code))
}

/// What became of a file.
struct Bound {
    changed: bool,
    /// The documents that are bound now and were not before.
    documents: Vec<Option<String>>,
}

impl Bound {
    fn of(renewed: &Renewed) -> Self {
        let changed = renewed.encrypted.bytes.is_some();
        let documents = match changed {
            true => renewed.encrypted.report.bound.clone(),
            false => Vec::new(),
        };
        Self { changed, documents }
    }

    /// What is bound is said: nothing but a look at it tells whether it is what it should be.
    fn show(&self, file: &str, dry_run: bool, context: &Context<'_>) {
        let would = if dry_run { "would bind" } else { "bound" };
        for object in &self.documents {
            let name = object.as_deref().unwrap_or("a document that is no Kubernetes object");
            context.ui.note(&format!("{}: {would} {}", escape(file), escape(name)));
        }
    }

    fn counts(&self) -> Counts {
        let files = usize::from(self.changed);
        Counts { files, documents: self.documents.len(), already: 1 - files, ..Counts::default() }
    }
}

fn outcome(counts: &Counts, dry_run: bool, code: ExitCode) -> Outcome {
    let found = dry_run && counts.documents > 0;
    let code = if found { code.worst(ExitCode::Findings) } else { code };
    let line = match (counts.documents, dry_run) {
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
    let rest =
        [(counts.already, "bound already"), (counts.skipped, "skipped"), (counts.failed, "failed")];
    let fields = [
        ("files", counts.files),
        ("documents", counts.documents),
        ("already_bound", counts.already),
        ("skipped", counts.skipped),
        ("failed", counts.failed),
    ];
    Outcome { report: Report::of_counts(with_rest(line, &rest), fields), code }
}
