//! Inputs that nobody means, against every command that takes a file: a clear error with the right code, and nothing lost.

use std::fs;
use std::os::unix::fs::symlink;

use crate::harness::{Run, TestDir};
use crate::keys::{self, COLLEAGUE};

/// As deep as nobody reads.
const LEVELS: usize = 20_000;

/// What a command does with the file that it is given, `FILE` in its arguments.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Changes files that are encrypted: one that is not is an error.
    Rewrites,
    /// Takes its recipients from the envelope without opening it.
    Recipients,
    /// Encrypts it.
    Encrypts,
    /// Needs a value.
    Gets,
    /// Reads it; a file in which nothing is encrypted may be passed on.
    Reads,
    /// Says what stands there.
    Says,
    /// Looks for what is wrong.
    Checks,
}

const COMMANDS: [(Kind, &[&str]); 23] = [
    (Kind::Encrypts, &["encrypt", "FILE"]),
    (Kind::Encrypts, &["encrypt", "-i", "FILE"]),
    (Kind::Reads, &["decrypt", "FILE"]),
    (Kind::Reads, &["decrypt", "-i", "FILE"]),
    (Kind::Reads, &["verify", "FILE"]),
    (Kind::Reads, &["exec-env", "FILE", "--", "true"]),
    (Kind::Reads, &["exec-file", "FILE", "--", "true", "{}"]),
    (Kind::Gets, &["get", "FILE", "nowhere"]),
    (Kind::Says, &["status", "FILE"]),
    (Kind::Checks, &["check", "FILE"]),
    (Kind::Rewrites, &["set", "FILE", "a", "--string", "hunter2"]),
    (Kind::Rewrites, &["unset", "FILE", "a"]),
    (Kind::Rewrites, &["edit", "FILE"]),
    (Kind::Rewrites, &["replace", "FILE"]),
    (Kind::Rewrites, &["rotate", "FILE"]),
    (Kind::Rewrites, &["rotate", "-i", "FILE"]),
    (Kind::Rewrites, &["bind", "-i", "FILE"]),
    (Kind::Recipients, &["updatekeys", "--yes", "FILE"]),
    (Kind::Recipients, &["keys", "list", "FILE"]),
    (Kind::Recipients, &["keys", "add", "FILE", "--age", COLLEAGUE]),
    (Kind::Recipients, &["keys", "remove", "FILE", "--age", COLLEAGUE]),
    (Kind::Recipients, &["groups", "add", "--file", "FILE", "--age", COLLEAGUE]),
    (Kind::Recipients, &["groups", "delete", "--file", "FILE", "0"]),
];

/// What is wrong with an input in clear.
#[derive(Clone, Copy, PartialEq)]
enum Wrong {
    /// It is not of its format.
    Broken,
    /// There is nothing in it.
    Nothing,
    /// It can be read, but has no place for an envelope.
    Unfit,
}

fn in_clear() -> Vec<(&'static str, Vec<u8>, Wrong)> {
    let deep = |open: &str, close: &str| {
        format!("{}\"hunter2\"{}", open.repeat(LEVELS), close.repeat(LEVELS)).into_bytes()
    };
    let items = format!("{}hunter2\n", "- ".repeat(LEVELS));
    vec![
        ("empty.yaml", b"".to_vec(), Wrong::Nothing),
        ("blank.yaml", b" \n\n".to_vec(), Wrong::Nothing),
        ("comments.yaml", b"# hunter2\n".to_vec(), Wrong::Nothing),
        ("marker.yaml", b"---\n".to_vec(), Wrong::Nothing),
        ("markers.yaml", b"---\n---\n...\n".to_vec(), Wrong::Nothing),
        ("utf8.yaml", b"a: hunter2\nb: \xff\xfe\n".to_vec(), Wrong::Broken),
        ("nul.yaml", b"a: hunter2\0\n".to_vec(), Wrong::Broken),
        ("deep.yaml", deep("[", "]"), Wrong::Broken),
        ("deep-block.yaml", items.into_bytes(), Wrong::Broken),
        ("complex-key.yaml", b"[hunter2]: b\n".to_vec(), Wrong::Broken),
        ("twice.yaml", b"a: hunter2\na: hunter2\n".to_vec(), Wrong::Broken),
        ("alias.yaml", b"a: *hunter2\n".to_vec(), Wrong::Broken),
        ("list.yaml", b"- hunter2\n".to_vec(), Wrong::Unfit),
        ("scalar.yaml", b"hunter2\n".to_vec(), Wrong::Unfit),
        ("sops.yaml", b"sops: hunter2\na: hunter2\n".to_vec(), Wrong::Unfit),
        ("sops-list.yaml", b"a: hunter2\nsops: [hunter2]\n".to_vec(), Wrong::Unfit),
        ("empty.json", b"".to_vec(), Wrong::Broken),
        ("utf8.json", b"{\"a\": \"hunter2\xff\"}".to_vec(), Wrong::Broken),
        ("nul.json", b"{\"a\": \"hunter2\"}\0".to_vec(), Wrong::Broken),
        ("deep.json", deep("{\"a\":", "}"), Wrong::Broken),
        ("list.json", b"[\"hunter2\"]".to_vec(), Wrong::Broken),
        ("number-key.json", b"{1: \"hunter2\"}".to_vec(), Wrong::Broken),
        ("twice.json", b"{\"a\": \"hunter2\", \"a\": 1}".to_vec(), Wrong::Broken),
        ("sops.json", b"{\"a\": \"hunter2\", \"sops\": 1}".to_vec(), Wrong::Unfit),
        ("empty.env", b"".to_vec(), Wrong::Nothing),
        ("comments.env", b"# hunter2\n".to_vec(), Wrong::Nothing),
        ("words.env", b"hunter2\n".to_vec(), Wrong::Broken),
        ("empty.ini", b"".to_vec(), Wrong::Nothing),
        ("comments.ini", b"; hunter2\n[a]\n".to_vec(), Wrong::Nothing),
        ("words.ini", b"[a]\nhunter2\n".to_vec(), Wrong::Broken),
        ("open.ini", b"[a\nb = hunter2\n".to_vec(), Wrong::Broken),
        ("utf8.ini", b"[a]\nb = hunter2\xff\n".to_vec(), Wrong::Broken),
    ]
}

/// A directory in which one rule means every file.
fn ready() -> TestDir {
    let directory = TestDir::ready();
    directory.write(".sops.yaml", keys::rules_for_whole_files());
    directory
}

fn run(directory: &TestDir, arguments: &[&str], file: &str) -> Run {
    let arguments: Vec<&str> =
        arguments.iter().map(|word| if *word == "FILE" { file } else { word }).collect();
    let run = directory.seal(&arguments).env("EDITOR", "echo 'b: hunter2' >>");
    run.stdin("a: hunter2\n").run()
}

/// Runs a command on a file that it must not change; the code has to be one of these.
#[track_caller]
fn leaves(directory: &TestDir, arguments: &[&str], file: &str, codes: &[i32]) {
    let before = fs::read(directory.path(file)).ok();
    let files = directory.files();
    let run = run(directory, arguments, file);
    let told = format!("{arguments:?} on {file}: {}\n{}", run.code, run.stderr);
    assert!(codes.contains(&run.code), "not {codes:?}: {told}");
    let is_told = match run.code {
        0 => true,
        5 => run.out().contains(file) || run.stderr.contains(file),
        _ => run.stderr.contains("error: ") && run.stderr.contains(file),
    };
    assert!(is_told, "no clear error: {told}");
    assert!(!run.stderr.contains("panicked"), "{told}");
    assert!(!run.stderr.contains("please report this"), "{told}");
    assert!(fs::read(directory.path(file)).ok() == before, "the file changed: {told}");
    assert_eq!(directory.files(), files, "{told}");
}

#[test]
fn inputs_in_clear_that_cannot_be_encrypted_are_refused_and_stay_as_they_are() {
    let directory = ready();
    for (file, text, wrong) in in_clear() {
        directory.write(file, &text);
        for (kind, arguments) in COMMANDS {
            let codes: &[i32] = match (kind, wrong) {
                (Kind::Checks, Wrong::Broken) => &[5],
                (Kind::Checks, _) => &[0, 5],
                (Kind::Rewrites | Kind::Recipients, _) => &[1],
                (Kind::Encrypts, Wrong::Nothing) => &[1, 2],
                (_, Wrong::Broken) | (Kind::Encrypts | Kind::Gets, _) => &[1],
                (Kind::Reads | Kind::Says, _) => &[0, 1],
            };
            leaves(&directory, arguments, file, codes);
        }
    }
}

#[test]
fn encrypted_files_that_were_damaged_are_refused_and_stay_as_they_are() {
    let directory = ready();
    directory.write("good.yaml", "a: hunter2\nnowhere: hunter2\n");
    directory.done(&["encrypt", "-i", "good.yaml"]);
    let good = directory.read("good.yaml");
    let deep = format!("{good}x: {}{}\n", "[".repeat(LEVELS), "]".repeat(LEVELS));
    let broken: [(&str, Vec<u8>); 6] = [
        ("utf8.yaml", [good.as_bytes(), b"x: \xff\n"].concat()),
        ("nul.yaml", [good.as_bytes(), b"x: \"\0\"\n"].concat()),
        ("twice.yaml", format!("{good}sops: hunter2\n").into_bytes()),
        ("deep.yaml", deep.into_bytes()),
        ("open.yaml", format!("{good}x: \"hunter2\n").into_bytes()),
        ("half.yaml", good.as_bytes()[..good.find("    lastmodified").unwrap() + 8].to_vec()),
    ];
    for (file, text) in broken {
        directory.write(file, &text);
        for (kind, arguments) in COMMANDS {
            let codes: &[i32] = if kind == Kind::Checks { &[5] } else { &[1] };
            leaves(&directory, arguments, file, codes);
        }
    }
    // These can be read, and are not what was encrypted.
    let altered = [
        ("clear.yaml", good.replacen("a: ENC", "b: hunter2\na: ENC", 1)),
        ("value.yaml", good.replacen("data:", "data:AAAA", 1)),
        ("missing.yaml", good.lines().skip(1).map(|line| format!("{line}\n")).collect()),
        ("no-mac.yaml", good.replacen("    mac: ENC", "    mac: \"\" # ENC", 1)),
    ];
    for (file, text) in altered {
        directory.write(file, &text);
        for (kind, arguments) in COMMANDS {
            let codes: &[i32] = match kind {
                // They do not open the values; `check` sees some of it.
                Kind::Encrypts | Kind::Checks | Kind::Says | Kind::Recipients => continue,
                Kind::Reads | Kind::Gets | Kind::Rewrites => &[1, 3],
            };
            leaves(&directory, arguments, file, codes);
        }
    }
}

#[test]
fn what_is_no_file_is_refused_by_its_name() {
    let directory = ready();
    symlink("loop.yaml", directory.path("loop.yaml")).unwrap();
    symlink("nowhere/else.yaml", directory.path("dangling.yaml")).unwrap();
    fs::create_dir(directory.path("tree.yaml")).unwrap();
    for (_, arguments) in COMMANDS {
        leaves(&directory, arguments, "loop.yaml", &[1, 2]);
        leaves(&directory, arguments, "dangling.yaml", &[1, 2]);
        if arguments[0] != "edit" {
            leaves(&directory, arguments, "missing.yaml", &[1, 2]);
        }
        // Some take trees, and this one is empty.
        let run = run(&directory, arguments, "tree.yaml");
        assert!([0, 1, 2].contains(&run.code), "{arguments:?}: {}", run.stderr);
        assert!(run.code == 0 || run.stderr.contains("error: "), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn a_password_that_yaml_takes_for_a_tag_does_not_stay_in_clear() {
    let directory = ready();
    for word in ["!hunter2", "!hunter2 # c"] {
        let secret = format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\nstringData:\n  a: {word}\n  b: x\n"
        );
        for text in [format!("b: x\na: {word}\n"), secret] {
            directory.write("a.yaml", text);
            leaves(&directory, &["encrypt", "-i", "FILE"], "a.yaml", &[1]);
        }
    }
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: !hunter2 }\n";
    directory.write("a.yaml", secret);
    leaves(&directory, &["check", "FILE"], "a.yaml", &[5]);
    leaves(&directory, &["encrypt", "-i", "FILE"], "a.yaml", &[1]);
    // With something behind it, or for what is empty on purpose, it is what it looks like.
    for value in ["!Ref hunter2", "&x hunter2", "!Ref \"\"", "!!str", "&x", ""] {
        directory.write("b.yaml", format!("b: x\na: {value}\n"));
        directory.done(&["encrypt", "b.yaml"]);
    }
}
