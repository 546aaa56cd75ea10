use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::thread;

use super::{NewFile, WriteError, Writer, read};

fn directory_with(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(name);
    fs::write(&file, text).unwrap();
    (directory, file)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Everything in the directory, hidden files included.
fn names(directory: &Path) -> Vec<String> {
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    let mut names: Vec<_> = fs::read_dir(directory).unwrap().map(|e| name(e.unwrap())).collect();
    names.sort();
    names
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let original = read(path)?;
    let writer = Writer::default();
    writer.replace(path, bytes, &original.stamp.unwrap())?;
    writer.finish();
    Ok(())
}

#[test]
fn a_replaced_file_keeps_its_mode_and_leaves_nothing_beside_it() {
    for wanted in [0o600, 0o640, 0o644, 0o755] {
        let (directory, file) = directory_with("a.yaml", "old");
        set_mode(&file, wanted);
        replace(&file, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(mode(&file), wanted);
        assert_eq!(names(directory.path()), ["a.yaml"]);
    }
}

#[test]
fn a_replaced_file_keeps_its_owner() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root gives files away");
        return;
    }
    let (_directory, file) = directory_with("a.yaml", "old");
    std::os::unix::fs::chown(&file, Some(1234), Some(4321)).unwrap();
    set_mode(&file, 0o640);
    replace(&file, b"new").unwrap();
    let metadata = fs::metadata(&file).unwrap();
    assert_eq!((metadata.uid(), metadata.gid(), mode(&file)), (1234, 4321, 0o640));
}

#[test]
fn a_link_stays_and_its_target_is_replaced() {
    let (directory, _) = directory_with("real.yaml", "old");
    let other = tempfile::tempdir().unwrap();
    let link = other.path().join("link.yaml");
    symlink(directory.path().join("real.yaml"), &link).unwrap();
    replace(&link, b"new").unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(directory.path().join("real.yaml")).unwrap(), b"new");
    assert_eq!(names(other.path()), ["link.yaml"]);
}

#[test]
fn refuses_a_file_that_was_rewritten_since_it_was_read() {
    let (directory, file) = directory_with("a.yaml", "old");
    let stamp = read(&file).unwrap().stamp.unwrap();
    fs::write(&file, "someone else's").unwrap();
    let result = Writer::default().replace(&file, b"new", &stamp);
    assert!(matches!(result, Err(WriteError::Changed { .. })));
    assert_eq!(fs::read(&file).unwrap(), b"someone else's");
    assert_eq!(names(directory.path()), ["a.yaml"]);
}

#[test]
fn refuses_a_file_that_was_replaced_by_one_with_the_same_text() {
    let (_directory, file) = directory_with("a.yaml", "old");
    let stamp = read(&file).unwrap().stamp.unwrap();
    replace(&file, b"old").unwrap();
    let result = Writer::default().replace(&file, b"new", &stamp);
    assert!(matches!(result, Err(WriteError::Changed { .. })));
    assert_eq!(fs::read(&file).unwrap(), b"old");
}

#[test]
fn refuses_a_file_that_was_removed_since_it_was_read() {
    let (directory, file) = directory_with("a.yaml", "old");
    let stamp = read(&file).unwrap().stamp.unwrap();
    fs::remove_file(&file).unwrap();
    let result = Writer::default().replace(&file, b"new", &stamp);
    assert!(matches!(result, Err(WriteError::Changed { .. })));
    assert!(names(directory.path()).is_empty());
}

#[test]
fn of_two_writers_that_read_the_same_file_only_one_wins() {
    let (directory, file) = directory_with("a.yaml", "old");
    let first = read(&file).unwrap().stamp.unwrap();
    let second = read(&file).unwrap().stamp.unwrap();
    let writer = Writer::default();
    writer.replace(&file, b"first", &first).unwrap();
    let result = writer.replace(&file, b"second", &second);
    assert!(matches!(result, Err(WriteError::Changed { .. })));
    assert_eq!(fs::read(&file).unwrap(), b"first");
    assert_eq!(names(directory.path()), ["a.yaml"]);
}

#[test]
fn readers_see_the_old_or_the_new_text_and_nothing_else() {
    let (old, new) = ("o".repeat(100_000), "n".repeat(70_000));
    let (_directory, file) = directory_with("a.yaml", &old);
    thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for round in 0..100 {
                let text = if round % 2 == 0 { &new } else { &old };
                replace(&file, text.as_bytes()).unwrap();
            }
        });
        while !writing.is_finished() {
            let seen = fs::read_to_string(&file).unwrap();
            assert!(seen == old || seen == new);
        }
    });
}

#[test]
fn new_plaintext_is_private_and_new_ciphertext_follows_the_umask() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name| directory.path().join(name);
    let writer = Writer::default();
    writer.put(&path("plain"), b"p", NewFile::Private).unwrap();
    writer.put(&path("cipher"), b"c", NewFile::Shared).unwrap();
    fs::write(path("by hand"), "").unwrap();
    assert_eq!(mode(&path("plain")), 0o600);
    assert_eq!(mode(&path("cipher")), mode(&path("by hand")));
    assert_eq!(names(directory.path()), ["by hand", "cipher", "plain"]);
}

#[test]
fn an_output_that_exists_is_replaced_with_its_mode() {
    let (_directory, file) = directory_with("out.yaml", "old");
    set_mode(&file, 0o644);
    Writer::default().put(&file, b"new", NewFile::Private).unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"new");
    assert_eq!(mode(&file), 0o644);
}

#[test]
fn a_pipe_is_written_to_but_never_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    let reader = thread::spawn({
        let pipe = pipe.clone();
        move || {
            let mut text = String::new();
            fs::File::open(pipe).unwrap().read_to_string(&mut text).unwrap();
            text
        }
    });
    Writer::default().put(&pipe, b"through", NewFile::Private).unwrap();
    assert_eq!(reader.join().unwrap(), "through");
    assert_eq!(names(directory.path()), ["pipe"]);
}

#[test]
fn create_refuses_whatever_is_there() {
    let (directory, file) = directory_with("a", "old");
    let link = directory.path().join("dangling");
    symlink("nowhere", &link).unwrap();
    for path in [&file, &link] {
        let result = Writer::default().create(path, b"new", NewFile::Private);
        assert!(matches!(result, Err(WriteError::Exists { .. })));
    }
    assert_eq!(fs::read(&file).unwrap(), b"old");
    assert_eq!(names(directory.path()), ["a", "dangling"]);
}

#[test]
fn directories_and_dangling_links_are_no_outputs() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("dangling");
    symlink("nowhere", &link).unwrap();
    let put = |path: &Path| Writer::default().put(path, b"new", NewFile::Private);
    assert!(matches!(put(directory.path()), Err(WriteError::IsDirectory { .. })));
    assert!(matches!(put(&link), Err(WriteError::DanglingLink { .. })));
    let missing = directory.path().join("no/such/file");
    assert!(matches!(put(&missing), Err(WriteError::Create { .. })));
    assert_eq!(names(directory.path()), ["dangling"]);
}

#[test]
fn a_full_disk_leaves_the_file_as_it_was() {
    // Writing to it fails as a full disk does.
    let result = Writer::default().put(Path::new("/dev/full"), b"new", NewFile::Private);
    let Err(WriteError::Write { source, .. }) = result else { panic!("expected a write error") };
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
}

#[test]
fn other_names_of_a_file_are_known() {
    let (directory, file) = directory_with("a.yaml", "text");
    assert!(!read(&file).unwrap().stamp.unwrap().has_other_names());
    fs::hard_link(&file, directory.path().join("b.yaml")).unwrap();
    assert!(read(&file).unwrap().stamp.unwrap().has_other_names());
}

#[test]
fn a_pipe_has_no_stamp_and_a_directory_no_text() {
    assert!(read(Path::new("/dev/null")).unwrap().stamp.is_none());
    assert!(matches!(read(Path::new("/")), Err(WriteError::IsDirectory { .. })));
    assert!(matches!(read(Path::new("/no/such")), Err(WriteError::Read { .. })));
}

/// Not a test by itself: the process that [`a_signal_removes_the_temporary_file`] and its sibling start and kill, which
/// they tell by the variable.
#[test]
fn holds_a_temporary_file_until_it_is_killed() {
    let Some(directory) = std::env::var_os("SEAL_TEST_DIRECTORY") else { return };
    let target = super::Target::resolve(&Path::new(&directory).join("a.yaml")).unwrap();
    let _staged = super::Staged::new(target, b"plaintext", NewFile::Private).unwrap();
    thread::sleep(std::time::Duration::from_secs(60));
}

/// Starts that process with the given shell prefix and waits until its temporary file is there.
fn writer_process(directory: &Path, prefix: &str) -> std::process::Child {
    let test = "write::tests::holds_a_temporary_file_until_it_is_killed";
    let script = format!("{prefix} exec \"$0\" --exact {test}");
    let child = std::process::Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env("SEAL_TEST_DIRECTORY", directory)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    wait_until(|| names(directory).len() == 2);
    child
}

fn wait_until(condition: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !condition() {
        assert!(start.elapsed().as_secs() < 30, "waited in vain");
        thread::sleep(std::time::Duration::from_millis(5));
    }
}

fn send(child: &std::process::Child, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_child(child), signal).unwrap();
}

#[test]
fn a_signal_removes_the_temporary_file_and_ends_the_process_as_it_should() {
    use std::os::unix::process::ExitStatusExt;

    use rustix::process::Signal;
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let (directory, _) = directory_with("a.yaml", "old");
        let mut child = writer_process(directory.path(), "");
        send(&child, signal);
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(signal.as_raw()));
        assert_eq!(names(directory.path()), ["a.yaml"]);
    }
}

#[test]
fn a_signal_that_the_starter_wants_ignored_stays_ignored() {
    use rustix::process::Signal;

    let (directory, _) = directory_with("a.yaml", "old");
    let mut child = writer_process(directory.path(), "trap '' HUP;");
    send(&child, Signal::HUP);
    thread::sleep(std::time::Duration::from_millis(100));
    assert!(child.try_wait().unwrap().is_none());
    assert_eq!(names(directory.path()).len(), 2);
    send(&child, Signal::TERM);
    child.wait().unwrap();
    assert_eq!(names(directory.path()), ["a.yaml"]);
}

#[test]
fn refuses_to_get_around_write_protection() {
    if rustix::process::geteuid().is_root() {
        eprintln!("skipped: root may write everything");
        return;
    }
    let (directory, file) = directory_with("a.yaml", "old");
    set_mode(&file, 0o400);
    let result = replace(&file, b"new");
    assert!(matches!(result, Err(WriteError::WriteProtected { .. })));
    assert_eq!(fs::read(&file).unwrap(), b"old");
    assert_eq!(names(directory.path()), ["a.yaml"]);
}

#[cfg(target_os = "linux")]
mod access_lists {
    use std::path::Path;

    use rustix::fs::{XattrFlags, getxattr, setxattr};

    use super::{directory_with, mode, replace};

    /// Read and write for the owner, reading for user 1234, nothing for anybody else, as the kernel stores it.
    fn list() -> Vec<u8> {
        let entries = [
            (0x01u16, 6u16, u32::MAX),
            (0x02, 4, 1234),
            (0x04, 0, u32::MAX),
            (0x10, 4, u32::MAX),
            (0x20, 0, u32::MAX),
        ];
        let mut bytes = 2u32.to_le_bytes().to_vec();
        for (tag, permissions, id) in entries {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(permissions.to_le_bytes());
            bytes.extend(id.to_le_bytes());
        }
        bytes
    }

    /// False where the file system has no access lists.
    fn set(path: &Path, name: &str) -> bool {
        let set = setxattr(path, name, &list(), XattrFlags::empty()).is_ok();
        if !set {
            eprintln!("skipped: no access lists here");
        }
        set
    }

    fn of(path: &Path) -> Option<Vec<u8>> {
        let mut bytes = [0; 1024];
        let length = getxattr(path, "system.posix_acl_access", &mut bytes).ok()?;
        Some(bytes[..length].to_vec())
    }

    #[test]
    fn a_replaced_file_keeps_its_access_list() {
        let (_directory, file) = directory_with("a.yaml", "old");
        if set(&file, "system.posix_acl_access") {
            replace(&file, b"new").unwrap();
            assert_eq!(of(&file), Some(list()));
            assert_eq!(mode(&file), 0o640);
        }
    }

    #[test]
    fn a_replaced_file_does_not_take_the_default_list_of_its_directory() {
        let (directory, file) = directory_with("a.yaml", "old");
        super::set_mode(&file, 0o640);
        if set(directory.path(), "system.posix_acl_default") {
            replace(&file, b"new").unwrap();
            assert_eq!(of(&file), None);
            assert_eq!(mode(&file), 0o640);
        }
    }
}
