//! `seal rotate`

use seal_core::file::Fresh;

use super::renewal::{Renewal, Renewed};
use super::revision::{NewKeysFor, Revision, decrypt_options};
use super::{Context, Outcome, files, sealing};
use crate::args::RotateArgs;
use crate::error::CommandError;
use crate::ui::{Counts, Report};

pub(super) fn run(arguments: &RotateArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    if arguments.sealing.cluster {
        return sealing::rotate(arguments, context);
    }
    let options = decrypt_options(&arguments.revision, arguments.ignore_mac);
    let keys_for = match &arguments.recipients {
        Some(change) => NewKeysFor::File(change),
        None => NewKeysFor::RuleAnd { accepted: arguments.accept_recipients, doing: "rotating" },
    };
    let renewal = Renewal {
        files: &arguments.files,
        revision: Revision::new(context, options, &arguments.revision.key_access)?,
        fresh: Fresh::All,
        keys_for,
        doing: "rotating",
        dry_run: false,
    };
    let results = renewal.run(context, counts)?;
    let skipped = Counts { skipped: 1, ..Counts::default() };
    let list = results.list.into_iter().map(|of_file| of_file.map(|done| done.unwrap_or(skipped)));
    let counts = files::total(&results.files, list);
    Ok(Outcome { report: Report::of_files("rotate", "rotated", &counts), code: results.code })
}

fn counts(done: Renewed) -> Counts {
    Counts {
        files: 1,
        documents: done.before.len(),
        secrets: done.encrypted.report.values,
        unbound: done.before.iter().filter(|object| !object.bound).count(),
        ..Counts::default()
    }
}
