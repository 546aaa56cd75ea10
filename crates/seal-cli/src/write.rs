//! Reads files and replaces them so that nobody ever sees half of one.
//!
//! The new text goes to a hidden temporary file in the same directory, which takes over mode, owner and access list of
//! the old one, is flushed to the disk and only then renamed over it. Whatever fails before the rename leaves the old
//! file as it was. A signal removes the temporary file ([`interrupt`]); `kill -9` or a power cut can leave one behind,
//! named `.seal-….tmp`, which is never mistaken for a manifest.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use seal_core::secret::SecretBytes;
use tempfile::NamedTempFile;

mod attributes;
mod interrupt;

pub(crate) use interrupt::{
    Registration, ignored_signals, program_runs, remove_on_signal, remove_pending, wipe_directory,
};

/// How many files to work on at once. Flushing waits for the disk, not for a processor, and flushes at the same time
/// share one write of the journal, so more than there are processors.
pub(crate) const FILES_AT_ONCE: usize = 8;

/// Replaces files during one run; may be shared by threads.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    directories: Mutex<BTreeSet<PathBuf>>,
}

/// What a file held, and what it takes to see that somebody changed it since.
#[derive(Debug)]
pub(crate) struct Original {
    /// Its bytes, which may be secret.
    pub(crate) bytes: SecretBytes,
    /// `None` for pipes and devices, which cannot be replaced.
    pub(crate) stamp: Option<Stamp>,
}

/// Identity, size and times of a file when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    links: u64,
}

/// Who may read a file that does not exist yet. An existing one keeps its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewFile {
    /// Only its owner (0600): plaintext and private keys.
    Private,
    /// Whom the umask lets: ciphertext.
    Shared,
}

/// A file could not be read or replaced. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// Reading.
    #[error("cannot be read")]
    Read { path: PathBuf, source: io::Error },
    /// A directory.
    #[error("is a directory")]
    IsDirectory { path: PathBuf },
    /// A pipe, a device or a socket cannot be replaced.
    #[error("is not a regular file and cannot be replaced")]
    NotRegular { path: PathBuf },
    /// A symbolic link to nothing.
    #[error("is a symbolic link to a file that does not exist")]
    DanglingLink { path: PathBuf },
    /// A rename would get around the missing permission.
    #[error("is write-protected")]
    WriteProtected { path: PathBuf },
    /// Somebody else wrote it in the meantime.
    #[error("was changed by somebody else in the meantime")]
    Changed { path: PathBuf },
    /// It was not to exist, but does.
    #[error("exists already")]
    Exists { path: PathBuf },
    /// The directory takes no new file.
    #[error("no file can be created in its directory")]
    Create { path: PathBuf, source: io::Error },
    /// Writing, flushing or renaming.
    #[error("cannot be written")]
    Write { path: PathBuf, source: io::Error },
}

/// Reads a whole file.
///
/// Fails with [`WriteError::Changed`] where it is written to while it is being read, so a half-written file is never
/// taken for a whole one.
pub(crate) fn read(path: &Path) -> Result<Original, WriteError> {
    let failed = |source| WriteError::Read { path: path.into(), source };
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(WriteError::IsDirectory { path: path.into() });
    }
    // One byte of reserve lets the read see the end without growing: a growing buffer leaves copies of secrets.
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
    let read = file.read_to_end(&mut bytes);
    let bytes = SecretBytes::new(bytes);
    read.map_err(failed)?;
    let stamp = metadata.is_file().then(|| Stamp::of(&metadata));
    if stamp.is_some() && stamp != Some(Stamp::of(&file.metadata().map_err(failed)?)) {
        return Err(WriteError::Changed { path: path.into() });
    }
    Ok(Original { bytes, stamp })
}

/// Whether a file could be replaced, asked before somebody works on its text for long.
pub(crate) fn check_replaceable(path: &Path) -> Result<(), WriteError> {
    let target = Target::resolve(path)?;
    match attributes::is_writable(&target.directory) {
        true => Ok(()),
        false => Err(WriteError::Create {
            path: path.into(),
            source: io::ErrorKind::PermissionDenied.into(),
        }),
    }
}

/// Reads standard input to its end.
pub(crate) fn read_stdin() -> Result<SecretBytes, WriteError> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().read_to_end(&mut bytes);
    let bytes = SecretBytes::new(bytes);
    read.map_err(|source| WriteError::Read { path: "-".into(), source })?;
    Ok(bytes)
}

impl Writer {
    /// Replaces a file that was read, if nobody changed it since.
    pub(crate) fn replace(
        &self,
        path: &Path,
        bytes: &[u8],
        read: &Stamp,
    ) -> Result<(), WriteError> {
        let target = Target::resolve(path)?;
        match &target.existing {
            Some(metadata) if Stamp::of(metadata) == *read => {}
            _ => return Err(WriteError::Changed { path: path.into() }),
        }
        self.commit(Staged::new(target, bytes, NewFile::Private)?)
    }

    /// Writes a file that may exist or not. A pipe or a device is written to, not replaced.
    pub(crate) fn put(&self, path: &Path, bytes: &[u8], new: NewFile) -> Result<(), WriteError> {
        match Target::resolve(path) {
            Ok(target) => self.commit(Staged::new(target, bytes, new)?),
            Err(WriteError::NotRegular { .. }) => File::options()
                .write(true)
                .open(path)
                .and_then(|mut file| file.write_all(bytes))
                .map_err(|source| WriteError::Write { path: path.into(), source }),
            Err(error) => Err(error),
        }
    }

    /// Writes a file that must not exist yet.
    pub(crate) fn create(&self, path: &Path, bytes: &[u8], new: NewFile) -> Result<(), WriteError> {
        let target = match Target::resolve(path) {
            Ok(target) if target.existing.is_none() => target,
            Ok(_) | Err(WriteError::DanglingLink { .. } | WriteError::NotRegular { .. }) => {
                return Err(WriteError::Exists { path: path.into() });
            }
            Err(error) => return Err(error),
        };
        self.commit(Staged::new(target, bytes, new)?)
    }

    /// Makes the new names last: a rename is only on the disk once its directory is. Called once at the end of a run,
    /// because many files share a directory.
    pub(crate) fn finish(self) {
        let directories = self.directories.into_inner().unwrap_or_else(PoisonError::into_inner);
        for directory in directories {
            // Not every file system can do it, and the files are in place: after a power cut there is the old one or
            // the new one, both whole.
            let _ = File::open(directory).and_then(|directory| directory.sync_all());
        }
    }

    fn commit(&self, staged: Staged) -> Result<(), WriteError> {
        let directory = staged.commit()?;
        self.directories.lock().unwrap_or_else(PoisonError::into_inner).insert(directory);
        Ok(())
    }
}

impl Stamp {
    /// The file has other names, which keep the old text when this one is replaced.
    pub(crate) fn has_other_names(&self) -> bool {
        self.links > 1
    }

    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            links: metadata.nlink(),
        }
    }
}

impl WriteError {
    /// The path that it is about, as the user named it.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Read { path, .. }
            | Self::IsDirectory { path }
            | Self::NotRegular { path }
            | Self::DanglingLink { path }
            | Self::WriteProtected { path }
            | Self::Changed { path }
            | Self::Exists { path }
            | Self::Create { path, .. }
            | Self::Write { path, .. } => path,
        }
    }
}

/// Where the bytes go once links are followed.
struct Target {
    named: PathBuf,
    real: PathBuf,
    directory: PathBuf,
    existing: Option<Metadata>,
}

impl Target {
    fn resolve(path: &Path) -> Result<Self, WriteError> {
        let failed = |source| WriteError::Write { path: path.into(), source };
        let existing = match fs::metadata(path) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        let real = match &existing {
            Some(metadata) if metadata.is_dir() => {
                return Err(WriteError::IsDirectory { path: path.into() });
            }
            Some(metadata) if !metadata.is_file() => {
                return Err(WriteError::NotRegular { path: path.into() });
            }
            Some(_) => fs::canonicalize(path).map_err(failed)?,
            None if fs::symlink_metadata(path).is_ok() => {
                return Err(WriteError::DanglingLink { path: path.into() });
            }
            None => path.to_owned(),
        };
        if existing.is_some() && !attributes::is_writable(&real) {
            return Err(WriteError::WriteProtected { path: path.into() });
        }
        let directory = match real.parent() {
            Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
            Some(parent) => parent.to_owned(),
            None => return Err(WriteError::IsDirectory { path: path.into() }),
        };
        Ok(Self { named: path.to_owned(), real, directory, existing })
    }
}

/// The new text, complete beside its target. Dropped, it disappears.
struct Staged {
    // Dropped in this order: the file goes before the handler of signals forgets it.
    file: NamedTempFile,
    registration: interrupt::Registration,
    target: Target,
}

impl Staged {
    fn new(target: Target, bytes: &[u8], new: NewFile) -> Result<Self, WriteError> {
        let mode = match (&target.existing, new) {
            (None, NewFile::Shared) => 0o666,
            _ => 0o600,
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".seal-").suffix(".tmp").permissions(Permissions::from_mode(mode));
        // Without the name of the temporary file, which says nothing to anybody.
        let failed = |source: io::Error| WriteError::Create {
            path: target.named.clone(),
            source: source.kind().into(),
        };
        let (mut file, registration) =
            interrupt::create(&builder, &target.directory).map_err(failed)?;
        let written = file.write_all(bytes).and_then(|()| match &target.existing {
            Some(existing) => attributes::copy(&target.real, existing, file.as_file()),
            None => Ok(()),
        });
        written.map_err(|source| WriteError::Write { path: target.named.clone(), source })?;
        Ok(Self { file, registration, target })
    }

    /// Puts the file in place and returns the directory that has to be flushed.
    fn commit(self) -> Result<PathBuf, WriteError> {
        let Self { file, registration, target } = self;
        let failed = |source| WriteError::Write { path: target.named.clone(), source };
        file.as_file().sync_all().map_err(failed)?;
        let renamed = match &target.existing {
            Some(existing) => {
                // As late as possible. What is left between this and the rename is a few microseconds; a lock would
                // only help against those who take it too.
                let now = fs::symlink_metadata(&target.real).ok();
                if now.as_ref().map(Stamp::of) != Some(Stamp::of(existing)) {
                    return Err(WriteError::Changed { path: target.named });
                }
                file.persist(&target.real)
            }
            None => file.persist_noclobber(&target.real),
        };
        drop(registration);
        match renamed {
            Ok(_) => Ok(target.directory),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                Err(WriteError::Exists { path: target.named })
            }
            Err(error) => Err(failed(error.error)),
        }
    }
}

#[cfg(test)]
mod tests;
