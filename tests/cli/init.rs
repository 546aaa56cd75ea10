use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::not_run::not_run;
use crate::harness::{Run, TestDir, golden};
use crate::keys::{self, COLLEAGUE, IDENTITY, RECIPIENT};

/// A directory whose home holds [`IDENTITY`] in the default place.
fn with_key_file() -> TestDir {
    let directory = TestDir::new();
    directory.write_home(".config/sops/age/keys.txt", &keys::key_file());
    directory
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

/// The recipient that a key file of seal's names in its comment.
fn recipient_in(key_file: &str) -> String {
    let line = key_file.lines().find_map(|line| line.strip_prefix("# public key: "));
    line.unwrap().to_owned()
}

/// Compares like [`Run::golden`], but for a recipient made in this run.
#[track_caller]
fn golden_without(run: &Run, recipient: &str, name: &str) {
    assert_eq!(run.out(), "");
    let stderr = run.stderr.replace(recipient, "[RECIPIENT]");
    golden(name, &format!("exit code: {}\n--- stdout\n--- stderr\n{stderr}", run.code));
}

#[test]
fn makes_an_identity_and_rules_for_it() {
    let directory = TestDir::new();
    let run = directory.seal(&["init"]).run();
    let file = directory.home(".config/sops/age/keys.txt");
    let key_file = fs::read_to_string(&file).unwrap();
    let recipient = recipient_in(&key_file);

    golden_without(&run, &recipient, "init");
    assert_eq!(run.code, 0);
    assert_eq!(mode(&file), 0o600);
    for made in [".config", ".config/sops", ".config/sops/age"] {
        assert_eq!(mode(&directory.home(made)), 0o700, "{made}");
    }
    let rules = directory.read(".sops.yaml");
    golden("init-rules", &rules.replace(&recipient, "[RECIPIENT]"));
    assert_eq!(directory.files(), [".sops.yaml"]);
}

#[test]
fn what_it_makes_looks_as_age_keygen_s_does_and_works_with_age() {
    let directory = TestDir::new();
    directory.seal(&["init"]).run();
    let file = directory.home(".config/sops/age/keys.txt");
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("# created: 20") && lines[0].ends_with('Z'), "{}", lines[0]);
    assert!(lines[2].starts_with("AGE-SECRET-KEY-1"));

    let Ok(output) = Command::new("age-keygen").arg("-y").arg(&file).stderr(Stdio::null()).output()
    else {
        return not_run("cli init against age-keygen", "age-keygen is not on PATH");
    };
    let recipient = String::from_utf8(output.stdout).unwrap();
    assert_eq!(recipient.trim_end(), recipient_in(&text));
}

#[test]
fn makes_no_file_whose_name_is_a_secret() {
    let directory = TestDir::new();
    for (secret, golden) in [
        (IDENTITY.to_owned(), "init-identity-as-path"),
        (keys::key_file(), "init-identity-as-path"),
        ("HUNTER2".repeat(10), "init-no-path"),
    ] {
        let run = directory.seal(&["init"]).env("SOPS_AGE_KEY_FILE", secret).run();
        run.golden(golden);
        assert_eq!(run.code, 2);
        assert_eq!(directory.files(), [""; 0]);
    }
}

#[test]
fn uses_an_identity_that_is_there() {
    let directory = with_key_file();
    let run = directory.seal(&["init", "--age", COLLEAGUE]).run();
    run.golden("init-reuses-identity");
    let key_file = fs::read_to_string(directory.home(".config/sops/age/keys.txt")).unwrap();
    assert_eq!(key_file, keys::key_file());
    golden("init-rules-two-recipients", &directory.read(".sops.yaml"));
}

#[test]
fn a_recipient_given_twice_is_written_once() {
    let directory = with_key_file();
    let list = format!("{COLLEAGUE}, {RECIPIENT},");
    let run = directory.seal(&["init", "--age", &list, "-a", COLLEAGUE]).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    let rules = directory.read(".sops.yaml");
    assert_eq!(rules.matches("age1").count(), 2, "{rules}");
}

#[test]
fn the_variables_of_sops_say_where_the_identity_is() {
    let directory = TestDir::new();
    let file = directory.path("ci/key.txt");
    let run = directory.seal(&["init"]).env("SOPS_AGE_KEY_FILE", &file).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(mode(&file), 0o600);
    assert!(!directory.home(".config").exists());

    let directory = TestDir::new();
    let run = directory.seal(&["init"]).env("SOPS_AGE_KEY", IDENTITY).run();
    run.golden("init-identity-in-variable");
    assert!(directory.read(".sops.yaml").contains(RECIPIENT));
    assert!(!directory.home(".config").exists());
}

#[test]
fn no_identity_writes_rules_only() {
    let directory = TestDir::new();
    let run = directory.seal(&["init", "--no-identity", "--age", COLLEAGUE]).run();
    run.golden("init-no-identity");
    assert!(!directory.home(".config").exists());
    assert!(directory.read(".sops.yaml").contains(COLLEAGUE));
}

#[test]
fn refuses_rules_that_cannot_be_read_and_makes_nothing() {
    let directory = TestDir::new();
    directory.write(".sops.yaml", "mine");
    let run = directory.seal(&["init"]).run();
    run.golden("init-rules-unreadable");
    assert_eq!(run.code, 2);
    assert_eq!(directory.read(".sops.yaml"), "mine");
    assert!(!directory.home(".config").exists());
}

#[test]
fn refuses_to_overwrite_rules_and_says_what_a_newcomer_needs() {
    let directory = TestDir::new();
    let rules = crate::keys::rules("");
    directory.write(".sops.yaml", &rules);
    let run = directory.seal(&["init"]).run();
    let recipient = recipient_in(
        &std::fs::read_to_string(directory.home(".config/sops/age/keys.txt")).unwrap(),
    );
    golden_without(&run, &recipient, "init-rules-exist");
    assert_eq!(run.code, 2);
    assert_eq!(directory.read(".sops.yaml"), rules);
}

#[test]
fn rules_that_name_the_identity_are_enough() {
    let directory = with_key_file();
    let rules = crate::keys::rules("");
    directory.write(".sops.yaml", &rules);
    let run = directory.seal(&["init"]).run();
    run.golden("init-rules-name-it");
    assert_eq!((run.code, directory.read(".sops.yaml")), (0, rules));
    let run = directory.seal(&["init", "--age", COLLEAGUE]).run();
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains(&format!("does not name {COLLEAGUE}\n")), "{}", run.stderr);
}

#[test]
fn does_not_write_through_a_dangling_link() {
    let directory = TestDir::new();
    symlink("../elsewhere", directory.path(".sops.yaml")).unwrap();
    let run = directory.seal(&["init"]).run();
    assert_eq!(run.code, 2);
    assert!(!directory.path("../elsewhere").exists());
}

#[test]
fn names_rules_in_a_directory_above() {
    let directory = with_key_file();
    directory.write(".sops.yaml", "creation_rules: []\n");
    fs::create_dir(directory.path("app")).unwrap();
    let run = directory.seal(&["init", "app"]).run();
    run.golden("init-rules-above");
    assert_eq!(directory.read(".sops.yaml"), "creation_rules: []\n");
    assert!(directory.read("app/.sops.yaml").contains(RECIPIENT));
}

#[test]
fn refuses_recipients_that_cannot_be_used_and_makes_nothing() {
    let mistyped = COLLEAGUE.replace("que6", "qve6");
    for (recipient, name) in [
        (mistyped.as_str(), "init-recipient-mistyped"),
        ("ecdsa-sha2-nistp256 AAAAE2VjZHNh", "init-recipient-unsupported"),
        (IDENTITY, "init-recipient-private"),
    ] {
        let directory = TestDir::new();
        let run = directory.seal(&["init", "--age", recipient]).run();
        run.golden(name);
        assert_eq!(run.code, 2);
        assert!(!run.stderr.contains("AGE-SECRET-KEY-1N"));
        assert!(directory.files().is_empty() && !directory.home(".config").exists());
    }
}

#[test]
fn refuses_a_key_file_that_holds_no_identity_and_does_not_quote_it() {
    let directory = with_key_file();
    let file = directory.home(".config/sops/age/keys.txt");
    fs::write(&file, format!("{}AGE-SECRET-KEY-1DAMAGED\n", keys::key_file())).unwrap();
    let run = directory.seal(&["init"]).run();
    run.golden("init-key-file-damaged");
    assert_eq!(run.code, 2);
    assert!(directory.files().is_empty());
}

#[test]
fn warns_of_a_key_file_that_others_may_read_or_git_may_take() {
    let directory = TestDir::new();
    let file = directory.write("keys.txt", keys::key_file());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    fs::create_dir(directory.path(".git")).unwrap();
    let run = directory.seal(&["init"]).env("SOPS_AGE_KEY_FILE", "keys.txt").run();
    run.golden("init-key-file-exposed");
}

#[test]
fn a_directory_that_is_none_is_refused() {
    let directory = TestDir::new();
    let run = directory.seal(&["init", "no/such"]).run();
    run.golden("init-no-directory");
    assert_eq!(run.code, 2);
}

#[test]
fn quiet_says_nothing_and_json_says_all_on_stdout() {
    let directory = with_key_file();
    let run = directory.seal(&["init", "-q"]).run();
    assert_eq!((run.code, run.out(), run.stderr.as_str()), (0, "", ""));

    let directory = with_key_file();
    let run = directory.seal(&["init", "--json", "--quiet"]).run();
    let object: serde_json::Value = serde_json::from_str(run.out()).unwrap();
    assert_eq!(object["command"], "init");
    assert_eq!(object["exit_code"], 0);
    assert_eq!(object["recipients"], serde_json::json!([RECIPIENT]));
    assert_eq!(object["identity_created"], false);

    let run = directory.seal(&["init", "--json", "--age", COLLEAGUE]).run();
    let object: serde_json::Value = serde_json::from_str(run.out()).unwrap();
    assert_eq!((run.code, &object["exit_code"]), (2, &serde_json::json!(2)));
    assert_eq!(object["errors"][0]["file"], ".sops.yaml");
}

#[test]
fn colour_comes_only_where_it_is_asked_for() {
    let directory = TestDir::new();
    directory.write(".sops.yaml", "");
    let colourful = |arguments: &[&str]| directory.seal(arguments).run().stderr.contains('\u{1b}');
    assert!(!colourful(&["init"]));
    assert!(!colourful(&["init", "--color", "never"]));
    assert!(colourful(&["init", "--color", "always"]));
}

#[test]
fn a_run_that_cannot_write_the_rules_says_so() {
    let directory = with_key_file();
    fs::set_permissions(directory.path(""), fs::Permissions::from_mode(0o500)).unwrap();
    let run = directory.seal(&["init"]).unprivileged().run();
    fs::set_permissions(directory.path(""), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(run.code, 1);
    assert!(run.stderr.starts_with("error: .sops.yaml: no file can be created in its directory\n"));
}

#[test]
fn an_empty_list_of_recipients_is_no_list() {
    for age in ["", " , "] {
        let directory = TestDir::new();
        let run = directory.seal(&["init", "--no-identity", "--age", age]).run();
        assert_eq!((run.code, run.stderr.as_str()), (2, "error: --age names no recipient\n"));
        assert!(directory.files().is_empty());
    }
}
