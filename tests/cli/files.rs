//! What happens to the files themselves: modes, links, and whoever writes at the same time.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Stdio;

use crate::harness::TestDir;
use crate::manifests::{API, SECRET, stream};

fn mode(directory: &TestDir, name: &str) -> u32 {
    fs::metadata(directory.path(name)).unwrap().mode() & 0o7777
}

#[test]
fn a_file_keeps_its_mode() {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    for bits in [0o600, 0o644, 0o664, 0o640] {
        fs::set_permissions(directory.path("db.yaml"), Permissions::from_mode(bits)).unwrap();
        directory.done(&["encrypt", "-i", "db.yaml"]);
        assert_eq!(mode(&directory, "db.yaml"), bits);
        directory.done(&["decrypt", "-i", "db.yaml"]);
        assert_eq!(mode(&directory, "db.yaml"), bits);
    }
}

#[test]
fn a_link_stays_a_link_and_its_target_is_replaced() {
    let directory = TestDir::with(&[("real/db.yaml", SECRET)]);
    symlink("real/db.yaml", directory.path("link.yaml")).unwrap();
    directory.done(&["encrypt", "-i", "link.yaml"]);
    assert!(fs::symlink_metadata(directory.path("link.yaml")).unwrap().is_symlink());
    assert!(directory.read("real/db.yaml").contains("sops:"));
    // In a directory links are not followed, so nothing outside of it is touched.
    directory.write("outside.yaml", API);
    fs::create_dir(directory.path("inside")).unwrap();
    symlink("../outside.yaml", directory.path("inside/link.yaml")).unwrap();
    directory.done(&["encrypt", "-i", "inside"]);
    assert_eq!(directory.read("outside.yaml"), API);
}

#[test]
fn another_name_of_the_file_keeps_the_secret_and_it_says_so() {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    fs::hard_link(directory.path("db.yaml"), directory.path("other.yaml")).unwrap();
    directory.seal(&["encrypt", "-i", "db.yaml"]).run().golden("files/hard-link");
    assert_eq!(directory.read("other.yaml"), SECRET);
}

#[test]
fn a_file_named_twice_is_done_once() {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    symlink("db.yaml", directory.path("link.yaml")).unwrap();
    let run = directory.done(&["encrypt", "-i", "db.yaml", "./db.yaml", "link.yaml", "."]);
    assert!(run.stderr.starts_with("encrypted 1 file ("), "{}", run.stderr);
}

#[test]
fn a_directory_that_takes_no_file() {
    let directory = TestDir::with(&[("ro/db.yaml", SECRET)]);
    fs::set_permissions(directory.path("ro"), Permissions::from_mode(0o555)).unwrap();
    let run = directory.seal(&["encrypt", "-i", "ro/db.yaml"]).unprivileged().run();
    run.golden("files/read-only-directory");
    let run = directory.seal(&["decrypt", "-o", "ro/new.yaml", "ro/db.yaml"]).unprivileged().run();
    assert_eq!(run.code, 1);
    fs::set_permissions(directory.path("ro"), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(directory.read("ro/db.yaml"), SECRET);
    assert_eq!(directory.files(), [".sops.yaml", "ro/db.yaml"]);
}

#[test]
fn a_file_that_cannot_be_read_or_written() {
    let directory =
        TestDir::with(&[("closed.yaml", SECRET), ("protected.yaml", SECRET), ("open.yaml", API)]);
    fs::set_permissions(directory.path("closed.yaml"), Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(directory.path("protected.yaml"), Permissions::from_mode(0o444)).unwrap();
    let run = directory.seal(&["encrypt", "-i", "."]).unprivileged().run();
    run.golden("files/no-permission");
    assert_eq!(run.code, 1);
    assert_eq!(directory.read("protected.yaml"), SECRET);
    assert_ne!(directory.read("open.yaml"), API);
}

#[test]
fn a_device_is_no_file_to_replace() {
    let directory = TestDir::with(&[("api.yaml", API)]);
    let run = directory.seal(&["encrypt", "-i", "/dev/null"]).run();
    run.golden("files/device");
    let run = directory.bash("seal encrypt -i <(cat api.yaml)");
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("only a regular file can be replaced in place"), "{}", run.stderr);
}

/// While the run waits for its identity, somebody else gets at the file.
#[track_caller]
fn meanwhile(act: impl Fn(&TestDir)) -> (TestDir, crate::harness::Run) {
    let directory = TestDir::with(&[("db.yaml", SECRET), ("api.yaml", API)]);
    directory.done(&["encrypt", "-i", "db.yaml"]);
    let (waiting, go) = (directory.path("waiting"), directory.path("go"));
    let script = format!(
        "touch '{}'; for i in $(seq 2000); do [ -e '{}' ] && exec cat '{}'; sleep 0.01; done; exit 1",
        waiting.display(),
        go.display(),
        directory.home(".config/sops/age/keys.txt").display()
    );
    directory.write("key.sh", &script);
    let command = format!("bash '{}'", directory.path("key.sh").display());
    let seal = directory.seal(&["decrypt", "-i", "db.yaml"]).env("SOPS_AGE_KEY_CMD", command);
    let mut command = seal.command();
    let child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !waiting.exists() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    act(&directory);
    fs::write(go, "").unwrap();
    let output = child.wait_with_output().unwrap();
    let run = crate::harness::Run {
        code: output.status.code().unwrap(),
        stdout: output.stdout,
        stderr: directory.normalise(&String::from_utf8(output.stderr).unwrap()),
    };
    (directory, run)
}

#[test]
fn a_file_that_somebody_else_wrote_meanwhile_is_left_to_them() {
    let (directory, run) = meanwhile(|directory| {
        directory.write("db.yaml", "theirs: 1\n");
    });
    run.golden("files/two-writers");
    assert_eq!(directory.read("db.yaml"), "theirs: 1\n");
}

#[test]
fn a_file_that_was_removed_meanwhile_stays_removed() {
    let (directory, run) =
        meanwhile(|directory| fs::remove_file(directory.path("db.yaml")).unwrap());
    run.golden("files/removed-meanwhile");
    assert!(!directory.path("db.yaml").exists());
}

#[test]
fn a_file_that_was_replaced_meanwhile_is_left_to_them() {
    let (directory, run) = meanwhile(|directory| {
        let theirs = directory.write("theirs", "theirs: 1\n");
        fs::rename(theirs, directory.path("db.yaml")).unwrap();
    });
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert_eq!(directory.read("db.yaml"), "theirs: 1\n");
}

#[test]
fn two_runs_at_the_same_time_leave_one_whole_result() {
    let directory = TestDir::with(&[("all.yaml", &stream(&[SECRET, API]))]);
    let children: Vec<_> = (0..4)
        .map(|_| {
            let mut command = directory.seal(&["encrypt", "-q", "-i", "all.yaml"]).command();
            command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!([0, 1].contains(&child.wait().unwrap().code().unwrap()));
    }
    assert_eq!(directory.decrypted("all.yaml"), stream(&[SECRET, API]));
    assert_eq!(directory.files(), [".sops.yaml", "all.yaml"]);
}
