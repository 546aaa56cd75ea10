//! What commands share that rewrite encrypted files: read and verify, encrypt what changed, write, report.

use std::path::Path;

use seal_core::envelope::{GroupedKeys, Metadata};
use seal_core::file::{
    BoxError, DecryptOptions, DecryptedObject, Encrypted, FileError, FileKey, Fresh, Keys,
    ReviseOptions, envelopes, renew, revise, with_blocks,
};
use seal_core::format::Format;
use seal_core::secret::SecretBytes;

use super::Context;
use super::decrypt::Decryption;
use super::encrypt::data_keys::{DataKeys, Refused, random_bytes};
use super::files::{self, file_error};
use super::recipients::{check_strangers, list, of_rule, strangers};
use crate::args::{FileType, KeyAccessArgs, RecipientsChange, RevisionArgs};
use crate::audit::{self, Action};
use crate::clock;
use crate::destination::Destination;
use crate::error::CommandError;
use crate::reason::Reason;
use crate::scope::Scope;
use crate::ui::{Report, count, with_rest};
use crate::write::{self, Original, Writer};

/// What is the same for all files of a run.
pub(super) struct Revision<'a> {
    pub(super) decryption: Decryption<'a>,
    data_keys: DataKeys,
    pub(super) last_modified: String,
    /// What is bound that was not bound before, where the user says it.
    pub(super) scope: Option<Scope>,
}

/// Whom new data keys are for.
#[derive(Clone, Copy, Debug)]
pub(super) enum NewKeysFor<'r> {
    /// The recipients of the file's rule.
    Rule,
    /// These, and recipients that the file has besides, if they are accepted; `doing` as in `rotating`.
    RuleAnd {
        /// `--accept-recipients`
        accepted: bool,
        /// For the error.
        doing: &'static str,
    },
    /// Those of the file after this change, whatever its rule says.
    File(&'r RecipientsChange),
    /// These, which somebody else has checked.
    These(&'r GroupedKeys),
}

/// An encrypted file, verified and decrypted.
pub(super) struct OpenFile {
    pub(super) format: Format,
    pub(super) original: Original,
    pub(super) plain: SecretBytes,
    pub(super) objects: Vec<DecryptedObject>,
}

impl<'a> Revision<'a> {
    /// Prepares a run; nothing is read or asked yet.
    pub(super) fn new(
        context: &Context<'a>,
        options: DecryptOptions<'a>,
        key_access: &KeyAccessArgs,
    ) -> Result<Self, CommandError> {
        Ok(Self {
            decryption: Decryption::new(context, options, key_access)?,
            data_keys: DataKeys::new(false),
            last_modified: clock::now().to_rfc3339(),
            scope: None,
        })
    }

    /// Reads, verifies and decrypts a file.
    ///
    /// # Errors
    /// It cannot be read, is empty, holds nothing encrypted, or is refused.
    pub(super) fn open(
        &self,
        path: &Path,
        told: Option<FileType>,
    ) -> Result<OpenFile, CommandError> {
        let format = files::format(told, Some(path))?;
        let original = write::read(path)?;
        let source = original.bytes.expose();
        if source.trim_ascii().is_empty() {
            return Err(files::empty_file(path, &Destination::InPlace));
        }
        let decrypted = self.decryption.decrypt(path, format, source)?;
        let plain = decrypted.bytes.ok_or_else(|| not_encrypted(path))?;
        Ok(OpenFile { format, original, plain, objects: decrypted.objects })
    }

    /// The plaintext of a file with its `sops` blocks.
    pub(super) fn with_blocks(
        &self,
        path: &Path,
        (format, source): (Format, &[u8]),
    ) -> Result<SecretBytes, CommandError> {
        let options = self.options(path, Fresh::Added)?;
        let unwrap = |metadata: &Metadata| self.decryption.data_key(metadata);
        with_blocks(format, source, &options, &unwrap).map_err(|error| file_error(path, &error))
    }

    /// Encrypts a changed plaintext of a file; no bytes where nothing changes.
    pub(super) fn revise(
        &self,
        path: &Path,
        (format, before): (Format, &[u8]),
        after: &[u8],
    ) -> Result<Encrypted, CommandError> {
        let options = self.options(path, Fresh::Added)?;
        let revised =
            self.with_keys(path, (format, before), NewKeysFor::Rule, |keys, unwrap| {
                revise(format, before, after, &options, keys, unwrap)
            })?;
        recorded(Action::Encrypt, path, revised)
    }

    /// Encrypts a file under new data keys.
    pub(super) fn renew(
        &self,
        path: &Path,
        (format, source): (Format, &[u8]),
        fresh: Fresh,
        keys_for: NewKeysFor<'_>,
    ) -> Result<Encrypted, CommandError> {
        let options = self.options(path, fresh)?;
        let renewed = self.with_keys(path, (format, source), keys_for, |keys, unwrap| {
            renew(format, source, &options, keys, unwrap)
        })?;
        let action = if matches!(fresh, Fresh::All) { Action::Rotate } else { Action::Encrypt };
        recorded(action, path, renewed)
    }

    /// Warns of recipients that the rule of a file does not name, before something is put into it: whoever may commit can
    /// make himself one, and waits for the file to be filled. Answers as SOPS do not warn.
    pub(super) fn warn_of_strangers(
        &self,
        path: &Path,
        (format, source): (Format, &[u8]),
        context: &Context<'_>,
    ) {
        if self.decryption.options.as_data {
            return;
        }
        let Ok(Some(rule)) = of_rule(&self.decryption.configs, path) else { return };
        let there = envelopes(format, source).unwrap_or_default();
        let keys: Vec<_> = there.iter().flat_map(Metadata::master_keys).collect();
        let strangers = strangers(&keys, Some(&rule));
        if !strangers.is_empty() {
            context.ui.warn(&format!(
                "{}: its rule does not name all who can read what is put into it: also {}; `seal updatekeys` takes them out",
                path.display(),
                list(&strangers),
            ));
        }
    }

    /// Says what was ignored on the way.
    pub(super) fn warn_at_end(&self, context: &Context<'_>) {
        files::warn_at_end(context, &self.decryption.configs, &self.decryption.key_access);
    }

    fn options(&self, path: &Path, fresh: Fresh) -> Result<ReviseOptions<'a>, CommandError> {
        let config = self.decryption.configs.for_file(path);
        // Blocks get the default indentation then; new keys are refused with the reason.
        let config = config.ok().flatten();
        let scope = config.as_ref().map(|config| config.options_for(path).scope);
        Ok(ReviseOptions {
            decrypt: self.decryption.options_for(path)?,
            last_modified: self.last_modified.clone(),
            scope: self.scope.or(scope).unwrap_or_default().into(),
            indent: config.as_ref().map(|config| config.indent()).unwrap_or_default(),
            fresh,
        })
    }

    fn with_keys(
        &self,
        path: &Path,
        source: (Format, &[u8]),
        keys_for: NewKeysFor<'_>,
        work: impl FnOnce(&Keys<'_>, seal_core::file::Unwrap<'_>) -> Result<Encrypted, FileError>,
    ) -> Result<Encrypted, CommandError> {
        let refused = Refused::default();
        let file_key = || -> Result<FileKey, BoxError> {
            let service = self.decryption.key_access.service();
            let made = self
                .recipients(path, source, keys_for)
                .and_then(|keys| self.data_keys.file_key(service, &keys, &self.last_modified));
            refused.noted(made)
        };
        let keys = Keys { file_key: &file_key, random: &random_bytes };
        let unwrap = |metadata: &Metadata| self.decryption.data_key(metadata);
        work(&keys, &unwrap).map_err(|error| refused.or(path, &error))
    }

    /// Whom a new data key of a file is wrapped for.
    fn recipients(
        &self,
        path: &Path,
        (format, source): (Format, &[u8]),
        keys_for: NewKeysFor<'_>,
    ) -> Result<GroupedKeys, CommandError> {
        let there = || envelopes(format, source).map_err(|error| file_error(path, &error));
        match keys_for {
            NewKeysFor::Rule => of_rule(&self.decryption.configs, path)?.ok_or_else(|| {
                CommandError::usage("there are no recipients to encrypt for")
                    .in_file(path)
                    .because(Reason::NoMasterKeys)
                    .hint("`seal init` makes a key and a .sops.yaml")
            }),
            NewKeysFor::RuleAnd { accepted, doing } => {
                let rule = of_rule(&self.decryption.configs, path)?;
                let there = there()?;
                let keys = there.iter().flat_map(Metadata::master_keys).collect::<Vec<_>>();
                let strangers = strangers(&keys, rule.as_ref());
                check_strangers(path, &strangers, doing, accepted)?;
                let Some(mut rule) = rule else { return same(path, &there) };
                if let Some(group) = rule.groups.first_mut() {
                    group.extend(strangers);
                }
                Ok(rule)
            }
            NewKeysFor::These(keys) => Ok(keys.clone()),
            NewKeysFor::File(change) => changed(path, same(path, &there()?)?, change),
        }
    }
}

/// What was encrypted, once that is in the audit log.
fn recorded(action: Action, path: &Path, done: Encrypted) -> Result<Encrypted, CommandError> {
    if done.bytes.is_some() {
        audit::record(action, path)?;
    }
    Ok(done)
}

/// The recipients that all envelopes of a file have.
fn same(path: &Path, envelopes: &[Metadata]) -> Result<GroupedKeys, CommandError> {
    let first = envelopes.first().map(GroupedKeys::of).ok_or_else(|| not_encrypted(path))?;
    match envelopes.iter().all(|envelope| first.are_those_of(envelope)) {
        true => Ok(first),
        false => Err(CommandError::usage("its documents are for different recipients")
            .in_file(path)
            .hint("say in .sops.yaml whom the file is for, or split it")),
    }
}

fn changed(
    path: &Path,
    mut keys: GroupedKeys,
    change: &RecipientsChange,
) -> Result<GroupedKeys, CommandError> {
    if let Some(first) = keys.groups.first_mut() {
        let is_new = |key: &&_| !first.contains(*key);
        let added: Vec<_> = change.add.iter().filter(is_new).cloned().collect();
        first.extend(added);
    }
    for group in &mut keys.groups {
        group.retain(|key| !change.remove.iter().any(|removed| removed.stands_for(key)));
    }
    keys.groups.retain(|group| !group.is_empty());
    if keys.groups.is_empty() {
        return Err(CommandError::usage("no recipient would be left")
            .in_file(path)
            .because(Reason::NoMasterKeys));
    }
    Ok(keys)
}

/// What the arguments ask of the encrypted files.
pub(super) fn decrypt_options(arguments: &RevisionArgs, ignore_mac: bool) -> DecryptOptions<'_> {
    DecryptOptions {
        namespace: arguments.namespace.as_deref(),
        as_data: arguments.as_data,
        ignore_mac,
        ..DecryptOptions::default()
    }
}

/// The error for a file that is in clear.
pub(super) fn not_encrypted(path: &Path) -> CommandError {
    CommandError::failed("nothing in it is encrypted")
        .in_file(path)
        .because(Reason::NotEncrypted)
        .hint("`seal encrypt` encrypts a file for the first time; SealedSecrets are sealed anew by `seal rotate --cluster`")
}

/// What became of the files of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Files that were written.
    pub(super) files: usize,
    /// Documents in them that have a new envelope.
    pub(super) documents: usize,
    /// Values and comments that have a new ciphertext.
    pub(super) values: usize,
    /// Files that stayed.
    pub(super) unchanged: usize,
    /// Documents in files that were written whose envelope is not tied to them.
    pub(super) unbound: usize,
    /// Files that failed.
    pub(super) failed: usize,
}

impl Changes {
    /// Those of one file.
    pub(super) fn of(encrypted: &Encrypted, objects: &[DecryptedObject]) -> Self {
        if encrypted.bytes.is_none() {
            return Self { unchanged: 1, ..Self::default() };
        }
        Self {
            files: 1,
            documents: encrypted.report.encrypted,
            values: encrypted.report.changed,
            unbound: objects.iter().filter(|object| !object.bound).count(),
            ..Self::default()
        }
    }

    /// The end of the run; `done` as in `edited`.
    pub(super) fn report(&self, done: &str) -> Report {
        let line = match self.files {
            0 => format!("{done} nothing"),
            files => {
                let values = match self.values {
                    0 => "no new ciphertext".to_owned(),
                    values => format!("{} encrypted anew", count(values, "value")),
                };
                format!("{done} {} ({values})", count(files, "file"))
            }
        };
        let rest = [
            (self.unchanged, "unchanged"),
            (self.unbound, "not bound (written by SOPS)"),
            (self.failed, "failed"),
        ];
        let fields = [
            ("files", self.files),
            ("documents", self.documents),
            ("changed_values", self.values),
            ("unchanged", self.unchanged),
            ("unbound", self.unbound),
            ("failed", self.failed),
        ];
        Report::of_counts(with_rest(line, &rest), fields)
    }
}

impl std::ops::AddAssign for Changes {
    fn add_assign(&mut self, other: Self) {
        self.files += other.files;
        self.documents += other.documents;
        self.values += other.values;
        self.unchanged += other.unchanged;
        self.unbound += other.unbound;
        self.failed += other.failed;
    }
}

/// Writes a file that was changed, if nobody else changed it since.
pub(super) fn replace(
    path: &Path,
    original: &Original,
    encrypted: &Encrypted,
    writer: &Writer,
) -> Result<(), CommandError> {
    let Some(bytes) = &encrypted.bytes else { return Ok(()) };
    Ok(writer.replace(path, bytes, files::stamp_of(path, original)?)?)
}
