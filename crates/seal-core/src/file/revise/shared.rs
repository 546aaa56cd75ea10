//! A changed text whose documents share one envelope.

use super::super::encrypt::{EncryptReport, joined};
use super::super::error::FileError;
use super::super::pieces::Piece;
use super::super::proof::check_whole;
use super::super::run::Run;
use super::super::shared::{check_roots, distributed, roots};
use super::earlier::Earlier;
use super::object::{Revised, revised as with_envelope};
use super::version::Version;

/// The changed text, encrypted under the one envelope.
pub(super) fn revised(
    run: &Run<'_>,
    (after, pieces): (&[u8], &[Piece<'_>]),
    version: &Version<'_>,
    earlier: &Earlier,
    report: &mut EncryptReport,
) -> Result<Vec<u8>, FileError> {
    let roots = roots(pieces);
    let rule = earlier.rule();
    let selector = run.selector(&rule)?;
    check_roots(run, pieces, &roots, &rule, &selector)?;
    let members: Vec<_> = roots.iter().map(|(_, member)| *member).collect();
    let which: Vec<_> =
        members.iter().map(|member| version.earlier(*member).map(|(_, which)| which)).collect();
    let Revised { sealed, data_key, is_kept } =
        with_envelope(run, version, earlier, (&members, &which))?;
    report.values = sealed.values;
    report.comments = sealed.comments;
    report.changed = sealed.fresh;
    report.encrypted = usize::from(!is_kept);
    report.kept = usize::from(is_kept);
    let bytes = joined(after.len(), pieces, distributed(pieces, roots, sealed.edits));
    check_whole(run.format, after, &bytes, &data_key, run.options.as_data)?;
    Ok(bytes)
}
