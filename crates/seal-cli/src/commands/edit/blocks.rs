//! `--show-master-keys`: the `sops` blocks are edited together with the values, to change the recipients.

use std::path::Path;

use seal_core::envelope::{GroupedKeys, KeyGroup, Metadata};
use seal_core::file::{BoxError, Encrypted, envelopes, rewrap, without_blocks};
use seal_core::format::Format;
use seal_core::secret::SecretBytes;

use crate::commands::encrypt::data_keys::wrapped;
use crate::commands::files::file_error;
use crate::commands::revision::Revision;
use crate::error::CommandError;

/// The edited text without its blocks, and whom these name now.
pub(super) struct Edited {
    pub(super) plain: SecretBytes,
    changes: Vec<Change>,
}

/// Other recipients for the envelopes that had these.
struct Change {
    from: Vec<KeyGroup>,
    to: GroupedKeys,
}

impl Edited {
    /// Takes the blocks out of the text and compares them with those of the file.
    ///
    /// # Errors
    /// A block that cannot be read, or in which more than the recipients changed.
    pub(super) fn of(
        path: &Path,
        (format, before): (Format, &[u8]),
        text: &[u8],
    ) -> Result<Self, CommandError> {
        let failed = |error| file_error(path, &error);
        let (plain, blocks) = without_blocks(format, text).map_err(failed)?;
        let old = envelopes(format, before).map_err(failed)?;
        let mut changes: Vec<Change> = Vec::new();
        for block in blocks {
            // The MAC tells which block it was.
            let old =
                old.iter().find(|old| old.mac == block.mac && is_same_but_for_keys(old, &block));
            let old = old.ok_or_else(|| {
                CommandError::failed("a `sops` block was changed in more than its recipients")
                    .in_file(path)
                    .hint("only recipients, key groups and the threshold can be changed in it")
            })?;
            let to = GroupedKeys::of(&block);
            check(path, &to)?;
            let known = changes.iter().find(|change| change.from == old.key_groups);
            match known {
                Some(known) if known.to != to => {
                    return Err(CommandError::failed(
                        "the blocks of one data key name different recipients",
                    )
                    .in_file(path)
                    .hint("change all of them alike"));
                }
                Some(_) => {}
                None => changes.push(Change { from: old.key_groups.clone(), to }),
            }
        }
        changes.retain(|change| {
            let of_file = old.iter().find(|old| old.key_groups == change.from);
            of_file.is_some_and(|old| GroupedKeys::of(old) != change.to)
        });
        Ok(Self { plain, changes })
    }

    /// Wraps the data keys of a result for the recipients that the blocks name.
    pub(super) fn rewrapped(
        &self,
        path: &Path,
        (format, before): (Format, &[u8]),
        done: Encrypted,
        revision: &Revision<'_>,
    ) -> Result<Encrypted, CommandError> {
        if self.changes.is_empty() {
            return Ok(done);
        }
        let change = |metadata: &Metadata| -> Result<_, BoxError> {
            let Some(change) = self.changes.iter().find(|it| it.from == metadata.key_groups) else {
                return Ok(None);
            };
            let data_key = revision.decryption.data_key(metadata)?;
            let service = revision.decryption.key_access.service();
            let made = wrapped(service, &change.to, data_key, &revision.last_modified)?;
            Ok(Some((made.key_groups, made.shamir_threshold)))
        };
        let source = done.bytes.as_deref().unwrap_or(before);
        let rewrapped = rewrap(format, source, &Default::default(), &change)
            .map_err(|error| file_error(path, &error))?;
        Ok(Encrypted { bytes: rewrapped.or(done.bytes), report: done.report })
    }
}

fn is_same_but_for_keys(old: &Metadata, block: &Metadata) -> bool {
    let rest = |metadata: &Metadata| Metadata {
        key_groups: Vec::new(),
        shamir_threshold: None,
        ..metadata.clone()
    };
    rest(old) == rest(block)
}

fn check(path: &Path, keys: &GroupedKeys) -> Result<(), CommandError> {
    let unusable =
        |error: &dyn std::error::Error| CommandError::failed(error.to_string()).in_file(path);
    if keys.groups.iter().any(Vec::is_empty) {
        return Err(CommandError::failed("a key group in the `sops` block is empty").in_file(path));
    }
    keys.check_threshold().map_err(|error| unusable(&error))?;
    for key in keys.groups.iter().flatten() {
        seal_keys::check(key).map_err(|error| unusable(&error))?;
    }
    Ok(())
}
