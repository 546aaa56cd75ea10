//! The same data key for other recipients: what the commands share that change them.

use std::path::{Path, PathBuf};

use seal_core::envelope::{GroupedKeys, KeyGroup, MasterKey, Metadata, WrappedKey};
use seal_core::file::{self, BoxError, Class, DecryptOptions};
use seal_core::format::{BlockIndent, Format};
use seal_core::secret::DataKey;
use seal_keys::NoDataKey;

use super::Context;
use super::encrypt::data_keys;
use super::encrypt::weaker::Weaker;
use super::files::{self, file_error, working_directory};
use super::recipients::Drift;
use super::revision::not_encrypted;
use crate::args::{FileType, KeyAccessArgs, Manners};
use crate::clock;
use crate::config::{Configs, TypedKeys};
use crate::error::CommandError;
use crate::inputs::{self, Files, Input, Inputs};
use crate::key_access::{KeyAccess, key_access};
use crate::reason::Reason;
use crate::write::{self, Original, Writer};

/// What is the same for all files of a run.
pub(super) struct Rewrapping {
    pub(super) configs: Configs,
    pub(super) key_access: KeyAccess,
    /// Of documents that are bound to one but do not name it.
    pub(super) namespace: Option<String>,
    manners: Manners,
    weaker: Weaker,
    now: String,
}

/// A file with at least one envelope.
pub(super) struct EncryptedFile {
    pub(super) path: PathBuf,
    pub(super) format: Format,
    pub(super) original: Original,
    /// Each that differs from those before it; documents share theirs, or have the same keys.
    pub(super) envelopes: Vec<Metadata>,
}

/// A file whose recipients are to change.
pub(super) struct Plan {
    pub(super) file: EncryptedFile,
    /// Its envelopes that change.
    pub(super) changes: Vec<Change>,
}

/// An envelope, and whom it is to be for.
pub(super) struct Change {
    pub(super) metadata: Metadata,
    pub(super) wanted: GroupedKeys,
    pub(super) drift: Drift,
}

impl Rewrapping {
    /// `typed` are the keys that the user typed.
    pub(super) fn new<'k>(
        context: &Context<'_>,
        arguments: &KeyAccessArgs,
        typed: impl IntoIterator<Item = &'k MasterKey>,
        manners: Manners,
    ) -> Result<Self, CommandError> {
        Ok(Self {
            configs: Configs::new(context.config.map(PathBuf::from), working_directory()),
            key_access: key_access(context.environment, arguments, typed)?,
            namespace: None,
            manners,
            weaker: Weaker::default(),
            now: clock::now().to_rfc3339(),
        })
    }

    /// Verifies a file and wraps its data keys as told. `None` where that changes nothing.
    ///
    /// # Errors
    /// It does not verify, its data key cannot be had, or not be wrapped for somebody.
    pub(super) fn rewrapped(&self, plan: &Plan) -> Result<Option<Vec<u8>>, CommandError> {
        let Plan { file, changes } = plan;
        let path = &file.path;
        let source = file.original.bytes.expose();
        if self.manners == Manners::Seal {
            let unwrap = |metadata: &Metadata| -> Result<DataKey, BoxError> {
                let groups = &metadata.key_groups;
                Ok(self.key_access.data_key(groups, metadata.shamir_threshold)?)
            };
            let namespace = self.namespace.as_deref();
            let config = self.configs.for_file(path)?;
            let require_bound = config.is_some_and(|config| config.options_for(path).require_bound);
            let options = DecryptOptions { require_bound, namespace, ..DecryptOptions::default() };
            // The plaintext goes at once.
            file::decrypt(file.format, source, &options, &unwrap)
                .map_err(|error| file_error(path, &error))?;
        }
        let mut made = Vec::with_capacity(changes.len());
        for Change { metadata, wanted, .. } in changes {
            self.weaker.note(&TypedKeys::default(), wanted.groups.len(), wanted);
            let keys = self.wrapped(metadata, wanted).map_err(|error| error.in_file(path))?;
            made.push((metadata, keys));
        }
        let change = |metadata: &Metadata| {
            let made = made.iter().find(|(of, _)| has_same_keys(of, metadata));
            Ok(made.map(|(_, keys)| keys.clone()))
        };
        file::rewrap(file.format, source, &self.indent(path)?, &change)
            .map_err(|error| file_error(path, &error))
    }

    /// The groups that an envelope gets. An entry that stays is not made anew where it can be kept: that takes no key
    /// service, and git shows what really changed.
    fn wrapped(
        &self,
        metadata: &Metadata,
        wanted: &GroupedKeys,
    ) -> Result<(Vec<KeyGroup>, Option<u32>), CommandError> {
        let whole = metadata.key_groups.len() == 1 && wanted.groups.len() == 1;
        let same_shares = metadata.key_groups.len() == wanted.groups.len()
            && GroupedKeys::of(metadata).needed() == wanted.needed();
        let kept = kept(metadata, wanted);
        let is_complete = kept.iter().flatten().all(Option::is_some);
        if (whole || same_shares) && is_complete {
            let groups = kept.into_iter().map(|keys| keys.into_iter().flatten().collect());
            let groups = groups.map(|keys| KeyGroup { keys }).collect();
            return Ok((groups, wanted.threshold_of_envelope()));
        }
        let data_key = self
            .key_access
            .data_key(&metadata.key_groups, metadata.shamir_threshold)
            .map_err(|error| no_data_key(&error))?;
        let service = self.key_access.service();
        if let (true, [keys], [wanted_keys]) = (whole, &kept[..], &wanted.groups[..]) {
            let pairs = || wanted_keys.iter().zip(keys);
            let missing = pairs().filter(|(_, kept)| kept.is_none()).map(|(key, _)| key.clone());
            let missing = GroupedKeys::one_group(missing.collect());
            let made = data_keys::wrapped(service, &missing, data_key, &self.now)?;
            let mut made = made.key_groups.into_iter().flat_map(|group| group.keys);
            let keys = pairs().filter_map(|(_, kept)| kept.clone().or_else(|| made.next()));
            return Ok((vec![KeyGroup { keys: keys.collect() }], wanted.threshold_of_envelope()));
        }
        let made = data_keys::wrapped(service, wanted, data_key, &self.now)?;
        Ok((made.key_groups, made.shamir_threshold))
    }

    /// Says at the end what was ignored on the way, and what protects less than it seems to.
    pub(super) fn warn(&self, context: &Context<'_>) {
        for warning in self.weaker.warnings() {
            context.ui.warn(&warning);
        }
        files::warn_at_end(context, &self.configs, &self.key_access);
    }

    fn indent(&self, path: &Path) -> Result<BlockIndent, CommandError> {
        let config = self.configs.for_file(path)?;
        Ok(config.map(|config| config.indent()).unwrap_or_default())
    }
}

impl Plan {
    /// What changes in a file if its envelopes get these keys; `None` where they have them already.
    ///
    /// # Errors
    /// Those of `wanted`.
    pub(super) fn of(
        file: EncryptedFile,
        wanted: impl Fn(&Metadata) -> Result<GroupedKeys, CommandError>,
    ) -> Result<Option<Self>, CommandError> {
        let mut changes = Vec::new();
        for metadata in &file.envelopes {
            let wanted = wanted(metadata)?;
            let drift = Drift::of(metadata, &wanted);
            if !drift.is_none() {
                changes.push(Change { metadata: metadata.clone(), wanted, drift });
            }
        }
        Ok((!changes.is_empty()).then_some(Self { file, changes }))
    }

    /// What changes in each of its envelopes.
    pub(super) fn drifts(&self) -> impl Iterator<Item = &Drift> {
        self.changes.iter().map(|change| &change.drift)
    }

    /// Files to go over once more, in the order of the plans.
    pub(super) fn files(plans: &[Self]) -> Files {
        let input = |plan: &Self| Input { path: plan.file.path.clone(), explicit: true };
        let list: Vec<_> = plans.iter().map(input).collect();
        Files { several: list.len() > 1, list, ..Files::default() }
    }
}

impl EncryptedFile {
    /// Reads a file. `None` for one that nobody named and that has no envelope.
    ///
    /// # Errors
    /// It cannot be read, or is not encrypted although it was named.
    pub(super) fn read(
        input: &Input,
        told: Option<FileType>,
    ) -> Result<Option<Self>, CommandError> {
        let path = &input.path;
        let format = files::format(told, Some(path))?;
        let original = write::read(path)?;
        let source = original.bytes.expose();
        let envelopes = match file::envelopes(format, source) {
            Ok(envelopes) => envelopes,
            // A template or a fragment, which nobody could have encrypted.
            Err(error)
                if error.class == Class::Syntax
                    && !input.explicit
                    && !source.windows(ENC.len()).any(|window| window == ENC) =>
            {
                Vec::new()
            }
            Err(error) => return Err(file_error(path, &error)),
        };
        if envelopes.is_empty() {
            return match input.explicit {
                false => Ok(None),
                true => Err(not_encrypted(path)),
            };
        }
        let mut distinct: Vec<Metadata> = Vec::new();
        for metadata in envelopes {
            if !distinct.iter().any(|known| has_same_keys(known, &metadata)) {
                distinct.push(metadata);
            }
        }
        Ok(Some(Self { path: path.clone(), format, original, envelopes: distinct }))
    }

    /// Writes a new version in the place of the one that was read; nothing where there is none.
    ///
    /// # Errors
    /// Somebody changed the file in the meantime, or it cannot be replaced.
    pub(super) fn replace(
        &self,
        bytes: Option<&[u8]>,
        writer: &Writer,
    ) -> Result<(), CommandError> {
        let Some(bytes) = bytes else { return Ok(()) };
        Ok(writer.replace(&self.path, bytes, files::stamp_of(&self.path, &self.original)?)?)
    }
}

/// The files that the paths stand for; standard input has no recipients to be changed.
///
/// # Errors
/// It is standard input.
pub(super) fn encrypted_files(paths: &[PathBuf]) -> Result<Files, CommandError> {
    match inputs::expand(paths, true)? {
        Inputs::Files(files) => Ok(files),
        Inputs::Stdin => Err(CommandError::usage("standard input cannot be changed in place")
            .because(Reason::Conflict)
            .hint("name files or directories")),
    }
}

const ENC: &[u8] = b"ENC[AES256_GCM";

/// The documents of a file have one data key in general, and so the same wrapped keys.
fn has_same_keys(a: &Metadata, b: &Metadata) -> bool {
    (&a.key_groups, a.shamir_threshold) == (&b.key_groups, b.shamir_threshold)
}

/// For each wanted key its entry in the same group, where there is one.
fn kept(metadata: &Metadata, wanted: &GroupedKeys) -> Vec<Vec<Option<WrappedKey>>> {
    let groups = wanted.groups.iter().enumerate().map(|(index, keys)| {
        let there = metadata.key_groups.get(index).map(|group| group.keys.as_slice());
        let there = there.unwrap_or_default();
        let entry =
            |key: &MasterKey| there.iter().find(|entry| key.stands_for(&entry.key)).cloned();
        keys.iter().map(entry).collect()
    });
    groups.collect()
}

fn no_data_key(error: &NoDataKey) -> CommandError {
    let out = CommandError::no_key("the data key could not be had")
        .because(Reason::NoDataKey)
        .caused_by(error);
    error.hints().into_iter().fold(out, CommandError::hint)
}
