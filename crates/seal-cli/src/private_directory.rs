//! A directory of our own for plaintext that a program has to see: in memory where the system has such a place.

use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use seal_core::secret::SecretBytes;
use seal_keys::Environment;
use tempfile::TempDir;

use crate::write::wipe_directory;

/// Only its owner gets into it. Dropped, it disappears with all that is in it, wiped where it was on a disk.
#[derive(Debug)]
pub(crate) struct PrivateDirectory {
    directory: TempDir,
    in_memory: bool,
}

impl PrivateDirectory {
    /// Makes one: in `$XDG_RUNTIME_DIR` or `/dev/shm` where they are in memory, else in the directory for temporary
    /// files.
    ///
    /// # Errors
    ///
    /// None of them takes a directory.
    pub(crate) fn new(environment: &Environment) -> io::Result<Self> {
        let runtime = environment.variable("XDG_RUNTIME_DIR").map(PathBuf::from);
        let runtime = runtime.filter(|path| path.is_absolute());
        for place in runtime.into_iter().chain([PathBuf::from("/dev/shm")]) {
            if is_in_memory(&place)
                && let Ok(directory) = make(&place)
            {
                return Ok(Self { directory, in_memory: true });
            }
        }
        let place = environment.variable("TMPDIR").map_or("/tmp".into(), PathBuf::from);
        let place = std::path::absolute(place)?;
        let in_memory = is_in_memory(&place);
        Ok(Self { directory: make(&place)?, in_memory })
    }

    /// Its absolute path.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a plaintext that only its owner can read; `name` may lead into directories below, which are made.
    ///
    /// # Errors
    ///
    /// It is there already, or cannot be written.
    pub(crate) fn write(&self, name: &Path, text: &SecretBytes) -> io::Result<PathBuf> {
        let path = self.place(name)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options.open(&path)?.write_all(text.expose())?;
        Ok(path)
    }

    /// The path of a file in it, whose directories are there.
    ///
    /// # Errors
    ///
    /// One of them cannot be made.
    pub(crate) fn place(&self, name: &Path) -> io::Result<PathBuf> {
        let path = self.path().join(name);
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        Ok(path)
    }

    /// What to say to the user before a plaintext is written into it; `when` as in `while it is edited`.
    pub(crate) fn warning(&self, when: &str) -> Option<String> {
        (!self.in_memory).then(|| {
            format!("the plaintext is on a disk {when}, and wiped afterwards as far as disks allow: the system has no place in memory for it (XDG_RUNTIME_DIR, /dev/shm)")
        })
    }
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        if !self.in_memory {
            wipe_directory(self.path());
        }
    }
}

fn make(place: &Path) -> io::Result<TempDir> {
    let mode = Permissions::from_mode(0o700);
    tempfile::Builder::new().prefix("seal-").permissions(mode).tempdir_in(place)
}

#[cfg(target_os = "linux")]
fn is_in_memory(path: &Path) -> bool {
    const TMPFS: u64 = 0x0102_1994;
    const RAMFS: u64 = 0x8584_58f6;
    rustix::fs::statfs(path).is_ok_and(|system| [TMPFS, RAMFS].contains(&(system.f_type as u64)))
}

#[cfg(not(target_os = "linux"))]
fn is_in_memory(_path: &Path) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn it_is_private_and_goes_when_it_is_dropped() {
        let home = tempfile::tempdir().unwrap();
        let environment = Environment::of([("TMPDIR", home.path())]);
        let directory = PrivateDirectory::new(&environment).unwrap();
        let path = directory.path().to_owned();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(directory.warning("now").is_none(), is_in_memory(&path));
        let file = directory.write(Path::new("a/b"), &SecretBytes::new(b"c".to_vec())).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(directory.write(Path::new("a/b"), &SecretBytes::new(Vec::new())).is_err());
        drop(directory);
        assert!(!path.exists());
    }

    #[test]
    fn what_was_on_a_disk_is_wiped_in_every_directory() {
        let home = tempfile::tempdir().unwrap();
        let directory =
            PrivateDirectory { directory: make(home.path()).unwrap(), in_memory: false };
        let file = directory.write(Path::new("a/b"), &SecretBytes::new(b"c".to_vec())).unwrap();
        let other_name = home.path().join("link");
        std::fs::hard_link(file, &other_name).unwrap();
        drop(directory);
        assert_eq!(std::fs::read(other_name).unwrap(), b"\0");
    }
}
