//! Encrypts a changed plaintext against the version that it was decrypted from.
//!
//! ```text
//! before → verified, decrypted → what each ENC text shows ─┐
//! after  → objects, paired with those of before ───────────┴→ ENC texts kept or new → envelopes kept or made again
//! ```
//!
//! An envelope keeps its data key, its recipients and its rule. A nonce serves no second plaintext: an ENC text stays
//! with the very value that it was made for, and stands in the result once.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::decrypt::{DecryptOptions, Unwrap};
use super::encrypt::{EncryptOptions, EncryptReport, Encrypted, Keys, Scope, syntax};
use super::error::FileError;
use super::pieces::{self, Piece};
use super::run::Run;
use super::selectors::Selectors;
use super::{decrypt, encrypt, members};
use crate::format::{BlockIndent, Format};
use crate::kubernetes::profile_rule;

mod earlier;
mod known;
mod object;
mod opened;
mod pairing;
mod shared;
mod version;
mod with_blocks;

pub(crate) use object::revised;
pub(crate) use version::Version;
pub use with_blocks::{with_blocks, without_blocks};

/// How to encrypt a changed plaintext.
#[derive(Clone, Debug)]
pub struct ReviseOptions<'a> {
    /// How the earlier version is verified and decrypted.
    pub decrypt: DecryptOptions<'a>,
    /// The time of this run, RFC 3339.
    pub last_modified: String,
    /// What envelopes are bound to that were not bound before. The others keep what they are bound to.
    pub scope: Scope,
    /// Indentation of the `sops` block.
    pub indent: BlockIndent,
    /// Which envelopes get a new data key.
    pub fresh: Fresh,
}

/// Which envelopes get a new data key, wrapped for the recipients of today.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fresh {
    /// Those of objects that the earlier version does not have.
    #[default]
    Added,
    /// All of them. An envelope that is not bound stays so.
    All,
    /// Those that are not bound; they are bound then. Documents that shared an envelope get one each.
    Unbound,
}

impl Default for ReviseOptions<'_> {
    /// Envelopes keep their data keys.
    fn default() -> Self {
        Self {
            decrypt: DecryptOptions::default(),
            last_modified: String::new(),
            scope: Scope::default(),
            indent: BlockIndent::default(),
            fresh: Fresh::default(),
        }
    }
}

/// Encrypts `after`, a changed plaintext of the encrypted source `before`, which is verified first.
///
/// Values that did not change keep their ENC text, an object in which nothing changed keeps its envelope, and there are
/// no bytes where the whole is as it was. An object of `after` that `before` does not have is encrypted as
/// [`encrypt`](super::encrypt()) would, by the rule that all envelopes of `before` have.
///
/// # Errors
/// Those of [`decrypt`](super::decrypt()) for `before`, and those of [`encrypt`](super::encrypt()) for `after`. Nothing
/// encrypted in `before`, or an entry `sops` in `after`.
pub fn revise(
    format: Format,
    before: &[u8],
    after: &[u8],
    options: &ReviseOptions<'_>,
    keys: &Keys<'_>,
    unwrap: Unwrap<'_>,
) -> Result<Encrypted, FileError> {
    run(format, before, Some(after), options, keys, unwrap)
}

/// Encrypts a source anew as it is: with [`Fresh::All`] under a new data key, with [`Fresh::Unbound`] bound to its
/// documents.
///
/// # Errors
/// Those of [`revise`].
pub fn renew(
    format: Format,
    source: &[u8],
    options: &ReviseOptions<'_>,
    keys: &Keys<'_>,
    unwrap: Unwrap<'_>,
) -> Result<Encrypted, FileError> {
    run(format, source, None, options, keys, unwrap)
}

/// Without `after` the plaintext stays.
fn run(
    format: Format,
    before: &[u8],
    after: Option<&[u8]>,
    options: &ReviseOptions<'_>,
    keys: &Keys<'_>,
    unwrap: Unwrap<'_>,
) -> Result<Encrypted, FileError> {
    let old = pieces::read(format, before, |_| true).map_err(syntax)?;
    let opening = decrypt::Run::new(&options.decrypt, unwrap);
    let (verified, shared) = opening
        .each(before, &old, |piece, envelopes| opened::OpenPiece::new(format, piece, envelopes))?;
    if verified.iter().all(|piece| piece.envelopes.is_empty()) {
        return Err(FileError::input("nothing in this file is encrypted")
            .hint("`seal encrypt` encrypts a file for the first time"));
    }
    let shown = opened::joined(&verified);
    let after = after.unwrap_or(&shown);
    let mut report = EncryptReport::default();
    if options.fresh == Fresh::Added && after == &**shown && !opened::is_unverified(&verified) {
        report.kept = verified.iter().map(|piece| piece.envelopes.len()).sum();
        return Ok(Encrypted { bytes: None, report });
    }
    let streams = opened::streams(format, &verified)?;
    let new = pieces::read(format, after, |_| true).map_err(syntax)?;
    let version = Version::new(format, (&verified, &streams), shared, &new, options)?;
    let common = version.common_rule();
    let is_profile = common.as_ref().is_none_or(|(rule, _)| *rule == profile_rule());
    let settings = EncryptOptions {
        rule: common.as_ref().map(|(rule, _)| rule.clone()),
        mac_only_encrypted: common.as_ref().map(|(_, mac_only)| *mac_only),
        scope: options.scope,
        as_data: options.decrypt.as_data && version.shared().is_some(),
        last_modified: options.last_modified.clone(),
        indent: options.indent.clone(),
        ..EncryptOptions::default()
    };
    let run = Run {
        format,
        options: &settings,
        keys,
        previous: None,
        names: HashMap::new(),
        version: Some(&version),
        file_key: OnceLock::new(),
        explicit: common.filter(|_| !is_profile).map(|(rule, _)| rule),
        whole: !version.holds_kubernetes(),
        selectors: Selectors::default(),
    };
    check_reserved(&new)?;
    let bytes = match version.shared() {
        Some(earlier) => shared::revised(&run, (after, &new), &version, earlier, &mut report)?,
        None => {
            let mut parts = Vec::with_capacity(new.len());
            for (bytes, part) in pieces::each(after, &new, |piece| run.piece(piece))? {
                report.add(&part);
                parts.push(bytes);
            }
            check_left(&new, &report)?;
            encrypt::joined(after.len(), &new, parts)
        }
    };
    Ok(Encrypted { bytes: (bytes != before).then_some(bytes), report })
}

/// Refuses a text that has an envelope already.
fn check_reserved(new: &[Piece<'_>]) -> Result<(), FileError> {
    for piece in new {
        let Some(stream) = &piece.stream else { continue };
        for member in members(piece.before, piece.text, stream) {
            let Some(entry) = member.document().entry(member.object, "sops") else { continue };
            let error = FileError::input("the changed text has an entry `sops`");
            return Err(member.at(error, entry).hint(
                "that name is for the envelope: take the entry out, and give the text in clear",
            ));
        }
    }
    Ok(())
}

/// Refuses a result in which nothing is encrypted any more: whoever writes it would hardly know.
fn check_left(new: &[Piece<'_>], report: &EncryptReport) -> Result<(), FileError> {
    if report.encrypted + report.kept > 0 {
        return Ok(());
    }
    let error = FileError::input("nothing of what was encrypted is left in the changed text");
    let error = match new.first() {
        Some(piece) => error.at(piece.before, piece.text, 0),
        None => error,
    };
    Err(error.hint("if that is meant, remove the file"))
}
