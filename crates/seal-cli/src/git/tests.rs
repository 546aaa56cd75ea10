use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::{HeadVersions, header};

fn git(directory: &Path, arguments: &[&str]) {
    let status = Command::new("git")
        .current_dir(directory)
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgSign=false"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
}

/// A repository with one commit of these files.
fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    git(root.path(), &["init", "-q"]);
    for (name, text) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    git(root.path(), &["add", "-A", "."]);
    git(root.path(), &["commit", "-q", "-m", "c"]);
    root
}

fn head(path: &Path) -> Option<Vec<u8>> {
    HeadVersions::of([path]).get(path).map(<[u8]>::to_vec)
}

#[test]
fn the_committed_version_is_found_whatever_the_file_holds_now() {
    let root = repository(&[("a/b.yaml", "committed\n")]);
    let file = root.path().join("a/b.yaml");
    fs::write(&file, "changed").unwrap();
    assert_eq!(head(&file).unwrap(), b"committed\n");
}

#[test]
fn odd_names_are_names() {
    let names = [
        "--help",
        "-x",
        "a b.yaml",
        "HEAD",
        ":(glob)*",
        "größe",
        "a missing",
        "tab\there",
        "\"q\"",
    ];
    let files: Vec<_> = names.iter().map(|name| (*name, *name)).collect();
    let root = repository(&files);
    let paths: Vec<_> = names.iter().map(|name| root.path().join(name)).collect();
    let versions = HeadVersions::of(paths.iter().map(|path| path.as_path()));
    for (name, path) in names.iter().zip(&paths) {
        assert_eq!(versions.get(path), Some(name.as_bytes()), "{name}");
    }
}

#[test]
fn a_missing_file_does_not_shift_the_answers_of_the_others() {
    let root = repository(&[("a", "1"), ("c", "3")]);
    let paths: Vec<_> = ["a", "b", "c"].iter().map(|name| root.path().join(name)).collect();
    fs::write(&paths[1], "new").unwrap();
    let versions = HeadVersions::of(paths.iter().map(|path| path.as_path()));
    let found: Vec<_> = paths.iter().map(|path| versions.get(path)).collect();
    assert_eq!(found, [Some(&b"1"[..]), None, Some(&b"3"[..])]);
}

#[test]
fn a_name_with_a_line_break_has_no_version_and_harms_no_other() {
    let root = repository(&[("a\nHEAD:b", "odd"), ("b", "secret"), ("c", "3")]);
    let paths: Vec<_> = ["a\nHEAD:b", "c"].iter().map(|name| root.path().join(name)).collect();
    let versions = HeadVersions::of(paths.iter().map(|path| path.as_path()));
    assert_eq!(versions.get(&paths[0]), None);
    assert_eq!(versions.get(&paths[1]), Some(&b"3"[..]));
}

#[test]
fn a_name_with_a_carriage_return_is_not_taken_for_the_one_without() {
    let root = repository(&[("a", "other"), ("a\r", "this")]);
    assert_ne!(head(&root.path().join("a\r")).as_deref(), Some(&b"other"[..]));
}

#[test]
fn files_of_several_repositories_and_of_none_go_together() {
    let (one, two) = (repository(&[("f", "one")]), repository(&[("f", "two")]));
    let none = tempfile::tempdir().unwrap();
    fs::write(none.path().join("f"), "none").unwrap();
    let paths: Vec<_> = [&one, &two, &none].iter().map(|root| root.path().join("f")).collect();
    let versions = HeadVersions::of(paths.iter().map(|path| path.as_path()));
    let found: Vec<_> = paths.iter().map(|path| versions.get(path)).collect();
    assert_eq!(found, [Some(&b"one"[..]), Some(&b"two"[..]), None]);
}

#[test]
fn a_repository_without_a_commit_and_a_missing_path_have_no_version() {
    let root = tempfile::tempdir().unwrap();
    git(root.path(), &["init", "-q"]);
    fs::write(root.path().join("f"), "text").unwrap();
    assert_eq!(head(&root.path().join("f")), None);
    assert_eq!(head(&root.path().join("missing")), None);
}

#[test]
fn a_link_stands_for_its_target() {
    let root = repository(&[("real", "text")]);
    symlink("real", root.path().join("link")).unwrap();
    assert_eq!(head(&root.path().join("link")).unwrap(), b"text");
}

#[test]
fn many_large_files_do_not_block() {
    let texts: Vec<_> =
        (0..300).map(|n| (format!("f{n}"), format!("{n}\n").repeat(5_000))).collect();
    let files: Vec<_> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let root = repository(&files);
    let paths: Vec<_> = files.iter().map(|(name, _)| root.path().join(name)).collect();
    let versions = HeadVersions::of(paths.iter().map(|path| path.as_path()));
    for ((_, text), path) in files.iter().zip(&paths) {
        assert_eq!(versions.get(path), Some(text.as_bytes()));
    }
}

#[test]
fn filters_of_the_repository_do_not_run() {
    let root = repository(&[("a.yaml", "committed")]);
    let witness = root.path().join("witness");
    let command = format!("touch {}; cat", witness.display());
    for driver in ["filter.x.smudge", "filter.x.clean", "diff.x.textconv", "core.pager"] {
        git(root.path(), &["config", driver, &command]);
    }
    fs::write(root.path().join(".gitattributes"), "* filter=x diff=x\n").unwrap();
    assert_eq!(head(&root.path().join("a.yaml")).unwrap(), b"committed");
    assert!(!witness.exists());
}

#[test]
fn only_a_whole_header_is_one() {
    let id = "a".repeat(40);
    assert_eq!(header(format!("{id} blob 12\n").as_bytes()), Some((true, 12)));
    assert_eq!(header(format!("{id} tree 5\n").as_bytes()), Some((false, 5)));
    for line in [
        format!("{id} blob 12"),
        format!("{id} missing\n"),
        "HEAD:x missing\n".to_owned(),
        "HEAD:a blob 3\n".to_owned(),
        format!("{id} blob 3 4\n"),
        String::new(),
    ] {
        assert_eq!(header(line.as_bytes()), None, "{line:?}");
    }
}
