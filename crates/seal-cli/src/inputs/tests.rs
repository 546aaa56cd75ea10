use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::{Files, InputError, Inputs, Pattern, expand};

/// A directory with the given (empty) files.
fn tree(files: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for file in files {
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    root
}

fn files(root: &Path, paths: &[&str]) -> Files {
    let paths: Vec<PathBuf> = paths.iter().map(|path| root.join(path)).collect();
    match expand(&paths, false).unwrap() {
        Inputs::Files(files) => files,
        Inputs::Stdin => panic!("expected files"),
    }
}

/// The files below `root` in order, those named by themselves with a `!`.
fn names(root: &Path, files: &Files) -> Vec<String> {
    let name = |path: &Path| path.strip_prefix(root).unwrap().display().to_string();
    let mark = |explicit: bool| if explicit { "!" } else { "" };
    files.list.iter().map(|input| name(&input.path) + mark(input.explicit)).collect()
}

#[test]
fn no_path_and_a_lone_dash_are_standard_input() {
    assert!(matches!(expand(&[], false), Ok(Inputs::Stdin)));
    assert!(matches!(expand(&["-".into()], true), Ok(Inputs::Stdin)));
}

#[test]
fn refuses_to_wait_for_a_terminal_that_nobody_named() {
    assert!(matches!(expand(&[], true), Err(InputError::NothingNamed)));
}

#[test]
fn refuses_standard_input_among_files() {
    let paths = ["-".into(), "a.yaml".into()];
    assert!(matches!(expand(&paths, false), Err(InputError::StdinAmongFiles)));
}

#[test]
fn a_named_file_is_taken_whatever_its_name() {
    let root = tree(&["values.txt", ".sops.yaml"]);
    let found = files(root.path(), &["values.txt", ".sops.yaml"]);
    assert_eq!(names(root.path(), &found), ["values.txt!", ".sops.yaml!"]);
    assert_eq!(found.skipped.len(), 0);
}

#[test]
fn a_directory_means_the_yaml_and_json_files_below_it_in_order() {
    let root = tree(&["r/b.yml", "r/a.yaml", "r/sub/c.json", "r/readme.md", "r/run", "other.yaml"]);
    let found = files(root.path(), &["r"]);
    assert_eq!(names(root.path(), &found), ["r/a.yaml", "r/b.yml", "r/sub/c.json"]);
    assert_eq!(found.skipped.len(), 2);
    assert!(found.several);
}

#[test]
fn encrypted_binary_files_of_a_directory_are_found_by_what_they_hold() {
    let root = tree(&["r/key.pem", "r/sops.pem", "r/.env.prod", "r/other", "r/empty"]);
    let write = |name: &str, text: &str| fs::write(root.path().join(name), text).unwrap();
    write("r/key.pem", "{\n\t\"data\": \"ENC[AES256_GCM,data:…\"}");
    write("r/.env.prod", "{\"data\":\"ENC[AES256_GCM,data:…\"}");
    write("r/other", "{\"data\": \"plain\"}");
    write("r/sops.pem", "\"data\": \"ENC[AES256_GCM,data:…\"");
    let found = files(root.path(), &["r"]);
    assert_eq!(names(root.path(), &found), ["r/.env.prod", "r/key.pem"]);
    assert_eq!(found.skipped.len(), 3);
}

#[test]
fn hidden_and_git_ignored_files_are_found() {
    let root = tree(&[".git/config", "c/.release/state.yaml", "c/.hidden.yaml", "c/ignored.yaml"]);
    fs::write(root.path().join(".gitignore"), "ignored.yaml\n.release\n").unwrap();
    let found = files(root.path(), &["c"]);
    assert_eq!(
        names(root.path(), &found),
        ["c/.hidden.yaml", "c/.release/state.yaml", "c/ignored.yaml"]
    );
}

#[test]
fn version_control_and_the_rules_are_left_out_of_directories() {
    let root = tree(&[".git/a.yaml", "x/.hg/b.yaml", ".sops.yaml", "a.yaml"]);
    let found = files(root.path(), &["."]);
    assert_eq!(found.list.len(), 1);
    assert!(found.list[0].path.ends_with("a.yaml"));
}

#[test]
fn links_below_a_directory_are_not_followed_but_named_ones_are() {
    let root = tree(&["out/secret.yaml", "r/a.yaml"]);
    symlink("../out", root.path().join("r/directory")).unwrap();
    symlink("../out/secret.yaml", root.path().join("r/link.yaml")).unwrap();
    symlink("r", root.path().join("alias")).unwrap();

    assert_eq!(names(root.path(), &files(root.path(), &["r"])), ["r/a.yaml"]);
    assert_eq!(names(root.path(), &files(root.path(), &["alias"])), ["alias/a.yaml"]);
    assert_eq!(names(root.path(), &files(root.path(), &["r/link.yaml"])), ["r/link.yaml!"]);
}

#[test]
fn a_file_reached_twice_counts_once_and_stays_explicit() {
    let root = tree(&["r/a.yaml", "r/b.yaml"]);
    symlink("r/a.yaml", root.path().join("link.yaml")).unwrap();
    let found = files(root.path(), &["r", "r/../r/b.yaml", "link.yaml"]);
    assert_eq!(names(root.path(), &found), ["r/a.yaml!", "r/b.yaml!"]);
}

#[test]
fn arguments_keep_their_order() {
    let root = tree(&["z.yaml", "a.yaml"]);
    let found = files(root.path(), &["z.yaml", "a.yaml"]);
    assert_eq!(names(root.path(), &found), ["z.yaml!", "a.yaml!"]);
}

#[test]
fn a_pattern_stops_at_directories_unless_it_has_two_stars() {
    let root = tree(&["a.yaml", "r/b.yaml", "r/s/c.yaml", "r/s/d.txt"]);
    let found = |pattern| names(root.path(), &files(root.path(), &[pattern]));
    assert_eq!(found("*.yaml"), ["a.yaml"]);
    assert_eq!(found("r/*.yaml"), ["r/b.yaml"]);
    assert_eq!(found("**/*.yaml"), ["a.yaml", "r/b.yaml", "r/s/c.yaml"]);
    assert_eq!(found("r/?/c.{yaml,json}"), ["r/s/c.yaml"]);
    assert_eq!(files(root.path(), &["r/s/*"]).skipped.len(), 1);
}

#[test]
fn a_pattern_that_matches_a_directory_means_what_is_below_it() {
    let root = tree(&["charts/a/x.yaml", "charts/a/t/y.yaml", "charts/b/z.yaml"]);
    let found = files(root.path(), &["charts/[ab]"]);
    assert_eq!(
        names(root.path(), &found),
        ["charts/a/t/y.yaml", "charts/a/x.yaml", "charts/b/z.yaml"]
    );
}

#[test]
fn an_existing_file_with_a_wildcard_in_its_name_is_that_file() {
    let root = tree(&["a[1].yaml", "a1.yaml"]);
    let found = files(root.path(), &["a[1].yaml"]);
    assert_eq!(names(root.path(), &found), ["a[1].yaml!"]);
}

#[test]
fn what_is_missing_is_reported_and_the_rest_is_kept() {
    let root = tree(&["a.yaml"]);
    symlink("nowhere", root.path().join("dangling.yaml")).unwrap();
    let found = files(root.path(), &["no.yaml", "a.yaml", "dangling.yaml", "*.json", "[.yaml"]);
    assert_eq!(names(root.path(), &found), ["a.yaml!"]);
    assert!(matches!(
        &found.failures[..],
        [
            InputError::NotFound { .. },
            InputError::DanglingLink { .. },
            InputError::NoMatch { .. },
            InputError::InvalidPattern { .. },
        ]
    ));
}

#[test]
fn an_unreadable_directory_is_reported_and_the_rest_is_kept() {
    if rustix::process::geteuid().is_root() {
        eprintln!("skipped: root reads every directory");
        return;
    }
    let root = tree(&["r/a.yaml", "r/closed/b.yaml"]);
    let closed = root.path().join("r/closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let found = files(root.path(), &["r"]);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(names(root.path(), &found), ["r/a.yaml"]);
    assert_eq!(found.failures[0].path(), Some(closed.as_path()));
}

#[test]
fn patterns_are_cut_before_the_first_wildcard() {
    assert!(Pattern::split(Path::new("a/b.yaml")).is_none());
    let pattern = Pattern::split(Path::new("a/b/*/c?.yaml")).unwrap();
    assert_eq!((pattern.base.as_path(), pattern.rest.as_str()), (Path::new("a/b"), "*/c?.yaml"));
    assert_eq!(pattern.depth(), Some(2));
    assert_eq!(Pattern::split(Path::new("*.yaml")).unwrap().walked(), Path::new("."));
    assert_eq!(Pattern::split(Path::new("**/x")).unwrap().depth(), None);
}
