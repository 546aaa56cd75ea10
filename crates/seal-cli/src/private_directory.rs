//! A directory of our own for plaintext that a program has to see: in memory where the system has such a place.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use seal_keys::Environment;
use tempfile::TempDir;

/// Only its owner gets into it. Dropped, it disappears with all that is in it.
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

    /// What is written into it reaches no disk, but for swap.
    pub(crate) fn is_in_memory(&self) -> bool {
        self.in_memory
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
        assert_eq!(directory.is_in_memory(), is_in_memory(&path));
        std::fs::write(path.join("a"), "b").unwrap();
        drop(directory);
        assert!(!path.exists());
    }
}
