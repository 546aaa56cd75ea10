//! `seal edit` with editors that are scripts.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Run, TestDir, assert_no_secret};
use crate::keys;
use crate::manifests::{CONFIG_MAP, SECRET, stream};

const VALUES: &str =
    "# hunter2 as well\nuser: app-hunter2\npassword: hunter2\nlist: [a-hunter2, b-hunter2]\n";

/// An encrypted file `a.yaml` with [`VALUES`].
fn values() -> TestDir {
    let directory = TestDir::with(&[("a.yaml", VALUES)]);
    directory.write(".sops.yaml", keys::rules_for_whole_files());
    directory.done(&["encrypt", "-i", "a.yaml"]);
    directory
}

/// Runs `seal edit` without a terminal; `script` is the editor, a text for a shell that finds the file in `$1`. It
/// writes down where that is.
fn edit(directory: &TestDir, script: &str, arguments: &str) -> Run {
    install(directory, script);
    directory.bash(&format!("EDITOR=\"sh $HOME/editor\" setsid -w seal edit {arguments}"))
}

fn install(directory: &TestDir, script: &str) {
    let record =
        "echo \"$1\" >> \"$HOME/where\"; stat -c '%a %n' \"$1\" \"${1%/*}\" >> \"$HOME/modes\"\n";
    directory.write_home("editor", &format!("{record}{script}\n"));
}

/// The plaintext files that editors got.
fn given(directory: &TestDir) -> Vec<PathBuf> {
    let text = fs::read_to_string(directory.home("where")).unwrap_or_default();
    text.lines().map(PathBuf::from).collect()
}

/// No plaintext is left, neither the file nor its directory.
#[track_caller]
fn assert_nothing_left(directory: &TestDir) {
    let given = given(directory);
    assert!(!given.is_empty(), "no editor was started");
    for path in given {
        assert!(!path.parent().unwrap().exists(), "{} is left", path.display());
    }
    assert!(directory.files().iter().all(|name| !name.ends_with(".tmp")));
}

#[track_caller]
fn refused(directory: &TestDir, script: &str, code: i32) -> Run {
    let before = directory.read("a.yaml");
    let run = edit(directory, script, "a.yaml");
    assert_eq!(run.code, code, "{}", run.stderr);
    assert_eq!(directory.read("a.yaml"), before);
    assert_nothing_left(directory);
    run
}

fn inode(path: &Path) -> (u64, i64) {
    let metadata = fs::metadata(path).unwrap();
    (metadata.ino(), metadata.mtime_nsec())
}

#[test]
fn the_editor_gets_a_private_file_of_the_same_name() {
    let directory = values();
    let run = edit(&directory, "cat \"$1\" > \"$HOME/seen\"", "a.yaml");
    assert_eq!(run.code, 0);
    assert_eq!(fs::read_to_string(directory.home("seen")).unwrap(), VALUES);
    assert_eq!(given(&directory)[0].file_name().unwrap(), "a.yaml");
    let modes = fs::read_to_string(directory.home("modes")).unwrap();
    let modes: Vec<&str> = modes.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(modes, ["600", "700"]);
    assert_nothing_left(&directory);
}

#[test]
fn a_file_that_is_not_changed_is_not_written() {
    let directory = values();
    let before = inode(&directory.path("a.yaml"));
    for script in ["true", "touch \"$1\"", "cp \"$1\" x && mv x \"$1\""] {
        let run = edit(&directory, script, "a.yaml");
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stderr.contains("edited nothing, 1 unchanged"), "{}", run.stderr);
    }
    assert_eq!(inode(&directory.path("a.yaml")), before);
    assert_nothing_left(&directory);
}

#[test]
fn an_editor_that_does_not_wait_is_noticed() {
    let directory = values();
    let hint = "EDITOR='code --wait'";
    assert!(edit(&directory, "true", "a.yaml").stderr.contains(hint));
    assert!(!edit(&directory, "sleep 1.2", "a.yaml").stderr.contains(hint));
}

#[test]
fn only_what_is_changed_gets_a_new_ciphertext() {
    // In place, as vim does, and by a rename, as most others do.
    for script in [
        "sed 's/password: .*/password: other-hunter2/' \"$1\" > x && cat x > \"$1\"; rm x",
        "sed -i 's/password: .*/password: other-hunter2/' \"$1\"",
    ] {
        let directory = values();
        let before = directory.read("a.yaml");
        let run = edit(&directory, script, "a.yaml");
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stderr.contains("edited 1 file (1 value encrypted anew)"), "{}", run.stderr);
        let after = directory.read("a.yaml");
        let changed = before.lines().zip(after.lines()).filter(|(before, after)| before != after);
        let changed: Vec<&str> = changed.map(|(_, after)| after.trim_start()).collect();
        assert_eq!(
            changed.len(),
            changed
                .iter()
                .filter(|line| {
                    ["password:", "lastmodified:", "mac:"].iter().any(|key| line.starts_with(key))
                })
                .count(),
            "{changed:#?}"
        );
        assert!(changed.iter().any(|line| line.starts_with("password: ENC[")));
        let expected = VALUES.replace("password: hunter2", "password: other-hunter2");
        assert_eq!(directory.decrypted("a.yaml"), expected);
        assert_nothing_left(&directory);
    }
}

#[test]
fn a_document_of_a_stream_is_edited_and_the_others_stay() {
    let text = stream(&[SECRET, CONFIG_MAP, &SECRET.replace("name: db", "name: other")]);
    let directory = TestDir::with(&[("a.yaml", &text)]);
    directory.done(&["encrypt", "-i", "a.yaml"]);
    let before = directory.read("a.yaml");
    let run = edit(
        &directory,
        "sed -i 's/level: debug/level: info/; 0,/admin-hunter2/s//root-hunter2/' \"$1\"",
        "a.yaml",
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    let after = directory.read("a.yaml");
    let last = |text: &str| text.rsplit_once("\n---\n").unwrap().1.to_owned();
    assert_eq!(last(&before), last(&after));
    assert!(after.contains("level: info"));
    assert!(directory.decrypted("a.yaml").contains("root-hunter2"));
}

#[test]
fn other_formats_are_edited_as_they_are() {
    for (name, text, from, to) in [
        ("a.json", "{\n  \"a\": \"hunter2\",\n  \"n\": 1.50\n}\n", "1.50", "1.5"),
        ("a.env", "# c\nA=hunter2\nB=\"x hunter2\"\n", "x hunter2", "y hunter2"),
        ("a.ini", "; c\n[s]\na = hunter2\nb = 2\n", "b = 2", "b = 3"),
        ("a.bin", "hunter2 and\tmore\n", "more", "less"),
    ] {
        let directory = TestDir::with(&[(name, text)]);
        directory.write(".sops.yaml", keys::rules_for_whole_files());
        directory.done(&["encrypt", "-i", name]);
        let run = edit(&directory, &format!("sed -i 's/{from}/{to}/' \"$1\""), name);
        assert_eq!(run.code, 0, "{name}: {}", run.stderr);
        assert_eq!(directory.decrypted(name), text.replace(from, to), "{name}");
    }
}

#[test]
fn a_broken_text_is_shown_again_with_the_reason() {
    let directory = values();
    let script = "if [ -e \"$HOME/once\" ]; then sed -i 's/^broken.*//' \"$1\"; echo 'new: hunter2' >> \"$1\"; \
                  else touch \"$HOME/once\"; echo 'broken: [hunter2' >> \"$1\"; fi";
    let run = edit(&directory, script, "a.yaml");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("error: a.yaml:6:1: "), "{}", run.stderr);
    assert_eq!(given(&directory).len(), 2);
    assert!(directory.decrypted("a.yaml").ends_with("new: hunter2\n"));
    assert_nothing_left(&directory);
}

#[test]
fn a_broken_text_that_stays_broken_is_given_up() {
    let directory = values();
    let run = refused(&directory, "grep -q broken \"$1\" || echo 'broken: [hunter2' >> \"$1\"", 1);
    assert_eq!(given(&directory).len(), 2);
    run.golden("edit/broken-twice");
}

/// Without a terminal nobody could stop it.
#[test]
fn a_script_that_breaks_the_text_anew_each_time_is_given_up() {
    let directory = values();
    let run = refused(&directory, "echo 'broken: [hunter2' >> \"$1\"", 1);
    assert_eq!(given(&directory).len(), 6);
    assert!(run.stderr.ends_with("edited nothing, 1 failed\n"), "{}", run.stderr);
}

#[test]
fn the_name_of_the_envelope_is_refused() {
    let directory = values();
    let run = refused(&directory, "grep -q ^sops \"$1\" || echo 'sops: hunter2' >> \"$1\"", 1);
    run.golden("edit/sops-entry");
}

#[test]
fn an_emptied_text_is_refused() {
    let directory = values();
    let run = refused(&directory, ": > \"$1\"", 1);
    assert!(run.stderr.contains("nothing of what was encrypted is left"), "{}", run.stderr);
}

#[test]
fn an_editor_that_takes_the_file_away_changes_nothing() {
    let run = refused(&values(), "rm \"$1\"", 1);
    assert!(run.stderr.contains("the editor took the file away"), "{}", run.stderr);
    let run = refused(&values(), "rm -r \"${1%/*}\"", 1);
    assert!(run.stderr.contains("the editor took the file away"), "{}", run.stderr);
}

#[test]
fn an_editor_that_fails_changes_nothing() {
    let change = "echo 'new: hunter2' >> \"$1\"";
    let run = refused(&values(), &format!("{change}; exit 3"), 1);
    run.golden("edit/editor-fails");
    let run = refused(&values(), &format!("{change}; kill -9 $$"), 1);
    assert!(run.stderr.contains("was ended by signal 9"), "{}", run.stderr);
}

#[test]
fn says_which_editor_is_not_there() {
    let directory = values();
    for (variables, message) in [
        ("SOPS_EDITOR=/no/such", "the editor `/no/such` cannot be started"),
        ("EDITOR=\"'open\"", "EDITOR cannot be used"),
    ] {
        let run = directory.bash(&format!("{variables} setsid -w seal edit a.yaml"));
        assert_ne!(run.code, 0);
        assert!(run.stderr.contains(message), "{}", run.stderr);
    }
}

#[test]
fn several_files_are_edited_in_turn_and_one_that_fails_stops_no_other() {
    let directory = values();
    for name in ["b.yaml", "c.yaml"] {
        directory.write(name, VALUES);
        directory.done(&["encrypt", "-i", name]);
    }
    let script = "case \"$1\" in */b.yaml) exit 1;; esac; echo 'new: hunter2' >> \"$1\"";
    let run = edit(&directory, script, "a.yaml b.yaml c.yaml missing/d.yaml");
    assert_eq!(run.code, 1);
    assert!(
        run.stderr.contains("edited 2 files (2 values encrypted anew), 2 failed"),
        "{}",
        run.stderr
    );
    for (name, has) in [("a.yaml", true), ("b.yaml", false), ("c.yaml", true)] {
        assert_eq!(directory.decrypted(name).contains("new:"), has, "{name}");
    }
    assert_nothing_left(&directory);
}

#[test]
fn a_new_file_begins_with_an_example_and_is_encrypted() {
    for name in ["n.yaml", "n.json", "n.env", "n.ini", "n.bin"] {
        let directory = TestDir::ready();
        directory.write(".sops.yaml", keys::rules_for_whole_files());
        let run = edit(&directory, "true", name);
        assert_eq!(run.code, 0, "{name}: {}", run.stderr);
        assert!(!directory.path(name).exists());
        let run = edit(&directory, "sed -i 's/change-me\\|text/hunter2/' \"$1\"", name);
        assert_eq!(run.code, 0, "{name}: {}", run.stderr);
        assert!(!directory.read(name).contains("hunter2"));
        assert!(directory.decrypted(name).contains("hunter2"), "{name}");
        assert_nothing_left(&directory);
    }
}

#[test]
fn a_new_file_for_nobody_is_refused_before_it_is_written() {
    let directory = TestDir::new();
    let run = edit(&directory, "true", "n.yaml");
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(given(&directory).is_empty());
}

#[test]
fn a_link_stays_one() {
    let directory = values();
    directory.write("dir/real.yaml", directory.read("a.yaml"));
    std::os::unix::fs::symlink("dir/real.yaml", directory.path("link.yaml")).unwrap();
    let run = edit(&directory, "echo 'new: hunter2' >> \"$1\"", "link.yaml");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(directory.path("link.yaml").is_symlink());
    assert!(directory.decrypted("dir/real.yaml").contains("new:"));
}

#[test]
fn a_file_that_cannot_be_written_is_not_shown_to_an_editor() {
    let directory = values();
    install(&directory, "echo 'new: x' >> \"$1\"");
    let editor = format!("sh {}", directory.home("editor").display());
    fs::set_permissions(directory.path("a.yaml"), Permissions::from_mode(0o444)).unwrap();
    let run = directory.seal(&["edit", "a.yaml"]).env("EDITOR", &editor).unprivileged().run();
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("is write-protected"), "{}", run.stderr);
    fs::set_permissions(directory.path("a.yaml"), Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(directory.path(""), Permissions::from_mode(0o555)).unwrap();
    let run = directory.seal(&["edit", "a.yaml"]).env("EDITOR", &editor).unprivileged().run();
    fs::set_permissions(directory.path(""), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("no file can be created in its directory"), "{}", run.stderr);
    assert!(given(&directory).is_empty());
}

#[test]
fn new_recipients_that_come_in_the_meantime_stay() {
    let directory = values();
    // Somebody rotates the data key while the editor is open: the values are the same.
    let run = edit(
        &directory,
        "seal rotate -q -i \"$PWD/a.yaml\" && echo 'new: hunter2' >> \"$1\"; cp a.yaml \"$HOME/rotated\"",
        "a.yaml",
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(directory.decrypted("a.yaml"), format!("{VALUES}new: hunter2\n"));
    let rotated = fs::read_to_string(directory.home("rotated")).unwrap();
    let password =
        |text: &str| text.lines().find(|line| line.starts_with("password")).unwrap().to_owned();
    assert_eq!(password(&rotated), password(&directory.read("a.yaml")));
}

#[test]
fn values_that_somebody_else_changed_are_not_overwritten() {
    let directory = values();
    let run = edit(
        &directory,
        "printf 'theirs: hunter2\\n' | seal replace -q a.yaml && echo 'new: hunter2' >> \"$1\"",
        "a.yaml",
    );
    assert_eq!(run.code, 1, "{}", run.stderr);
    run.golden("edit/conflict");
    assert_eq!(directory.decrypted("a.yaml"), "theirs: hunter2\n");
    assert_nothing_left(&directory);
}

#[test]
fn a_damaged_file_can_be_repaired_only_if_that_is_asked_for() {
    let directory = values();
    let lines: Vec<String> = directory.read("a.yaml").lines().map(str::to_owned).collect();
    let without = lines.iter().filter(|line| !line.starts_with("password:"));
    directory.write("a.yaml", without.map(|line| format!("{line}\n")).collect::<String>());
    let run = edit(&directory, "true", "a.yaml");
    assert_eq!(run.code, 3, "{}", run.stderr);
    let run = edit(&directory, "true", "--ignore-mac a.yaml");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("NOT VERIFIED"));
    let run = edit(&directory, "echo 'password: hunter2' >> \"$1\"", "--ignore-mac a.yaml");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(directory.decrypted("a.yaml").ends_with("password: hunter2\n"));
}

/// The same at a terminal, where `answers` are typed.
fn edit_at_terminal(directory: &TestDir, script: &str, answers: &str) -> (i32, String) {
    install(directory, script);
    let line = "EDITOR=\"sh $HOME/editor\" seal --color never edit a.yaml";
    let run = directory.bash(&format!("printf '{answers}' | script -qec '{line}' /dev/null"));
    assert_no_secret(run.out());
    (run.code, run.out().to_owned())
}

#[test]
fn at_a_terminal_the_user_decides_whether_to_go_on() {
    let broken = "echo 'broken: [hunter2' >> \"$1\"";
    for (answers, code, times) in [("n\\n", 1, 1), ("y\\nn\\n", 1, 2), ("\\nn\\n", 1, 2)] {
        let directory = values();
        let before = directory.read("a.yaml");
        let (found, said) = edit_at_terminal(&directory, broken, answers);
        assert_eq!(found, code, "{answers}: {said}");
        assert!(said.contains("Edit the text again?"), "{said}");
        assert_eq!(given(&directory).len(), times, "{answers}: {said}");
        assert_eq!(directory.read("a.yaml"), before);
        assert_nothing_left(&directory);
    }
    // Left as it was, a text is no reason to give up: the user said so.
    let directory = values();
    let once = format!("[ -e \"$HOME/once\" ] || {{ touch \"$HOME/once\"; {broken}; }}");
    let (code, said) = edit_at_terminal(&directory, &once, "y\\ny\\nn\\n");
    assert_eq!((code, given(&directory).len()), (1, 3), "{said}");
}

#[test]
fn ctrl_c_in_the_editor_is_for_the_editor() {
    let directory = values();
    install(
        &directory,
        "trap 'echo interrupted: hunter2 >> \"$1\"' INT; touch \"$HOME/ready\"; sleep 2 & wait; exit 0",
    );
    let line = "export EDITOR=\"sh $HOME/editor\"; exec seal edit a.yaml";
    let typed = "while ! [ -e ~/ready ]; do sleep 0.05; done; sleep 0.2; printf '\\003'; sleep 2";
    let run = directory.bash(&format!("({typed}) | script -qec '{line}' /dev/null"));
    assert_eq!(run.code, 0, "{}", run.out());
    assert!(directory.decrypted("a.yaml").ends_with("interrupted: hunter2\n"));
    assert_nothing_left(&directory);
}

#[test]
fn at_a_terminal_a_text_that_cannot_be_written_can_be_copied_first() {
    let directory = values();
    let script = "printf 'theirs: hunter2\\n' | seal replace -q a.yaml && echo 'new: x' >> \"$1\"";
    let (code, said) = edit_at_terminal(&directory, script, "\\n");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("until you press Enter"), "{said}");
    assert_nothing_left(&directory);
}

#[test]
fn recipients_are_edited_where_the_blocks_are_shown() {
    let directory = values();
    let before = directory.read("a.yaml");
    let add = format!(
        "sed -i 's/^    age:$/    age:\\n        - recipient: {}/' \"$1\"; cp \"$1\" \"$HOME/seen\"",
        keys::COLLEAGUE
    );
    let run = edit(&directory, &add, "-s a.yaml");
    assert_eq!(run.code, 0, "{}", run.stderr);
    let seen = fs::read_to_string(directory.home("seen")).unwrap();
    assert!(seen.starts_with(VALUES) && seen.contains("\nsops:\n"), "{seen}");
    let after = directory.read("a.yaml");
    assert!(after.contains(keys::COLLEAGUE) && after.contains(keys::RECIPIENT));
    let password =
        |text: &str| text.lines().find(|line| line.starts_with("password")).unwrap().to_owned();
    assert_eq!(password(&before), password(&after));
    assert_eq!(directory.decrypted("a.yaml"), VALUES);

    // Values and recipients together.
    let remove =
        format!("sed -i 's/password: hunter2/password: 2-hunter2/; /{}/d' \"$1\"", keys::COLLEAGUE);
    let script = format!(
        "{remove}; perl -0pi -e 's/        - enc: \\|\\n(            .*\\n)*?(?=        - )//' \"$1\""
    );
    let run = edit(&directory, &script, "-s a.yaml");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!directory.read("a.yaml").contains(keys::COLLEAGUE), "{}", directory.read("a.yaml"));
    assert!(directory.decrypted("a.yaml").contains("2-hunter2"));
    assert_nothing_left(&directory);

    let run = edit(
        &directory,
        "sed -i 's/unencrypted_suffix: .*/unencrypted_suffix: _x/' \"$1\"",
        "-s a.yaml",
    );
    assert!(run.stderr.contains("changed in more than its recipients"), "{}", run.stderr);
    assert_eq!(run.code, 1);
}

#[test]
fn a_signal_in_the_middle_leaves_nothing() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
        let directory = values();
        let before = directory.read("a.yaml");
        install(
            &directory,
            "echo 'new: hunter2' >> \"$1\"; sleep 9 </dev/null >/dev/null 2>&1 & wait",
        );
        let editor = format!("sh {}", directory.home("editor").display());
        let mut command = Command::new("setsid");
        let seal = directory.seal(&["edit", "a.yaml"]).env("EDITOR", editor).command();
        command.arg(seal.get_program()).args(seal.get_args()).current_dir(directory.path(""));
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        for (name, value) in seal.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        let child = command.spawn().unwrap();
        let begun = Instant::now();
        let has_begun = || {
            given(&directory).first().is_some_and(|path| {
                fs::read_to_string(path).is_ok_and(|text| text.contains("new:"))
            })
        };
        while !has_begun() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the editor did not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        let id = Pid::from_child(&child);
        kill_process(id, signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(!output.status.success());
        assert_no_secret(&String::from_utf8_lossy(&output.stderr));
        assert_nothing_left(&directory);
        assert_eq!(directory.read("a.yaml"), before);
    }
}

#[test]
fn standard_input_cannot_be_edited() {
    let directory = values();
    assert_eq!(edit(&directory, "true", "-").code, 2);
    let run = edit(&directory, "true", "no-such-dir/a.yaml");
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("its directory does not exist"), "{}", run.stderr);
    directory.write("plain.yaml", "a: hunter2\n");
    let run = edit(&directory, "true", "plain.yaml");
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("nothing in it is encrypted"), "{}", run.stderr);
    assert!(given(&directory).is_empty());
}
