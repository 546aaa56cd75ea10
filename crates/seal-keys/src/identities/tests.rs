use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use age::secrecy::ExposeSecret;
use age::x25519;
use tempfile::TempDir;

use super::*;
use crate::environment::Environment;
use crate::identity_text::{Ignored, IgnoredReason};
use crate::session::Settings;

struct Identity {
    secret: String,
    recipient: String,
}

fn new_identity() -> Identity {
    let identity = x25519::Identity::generate();
    Identity {
        secret: identity.to_string().expose_secret().to_owned(),
        recipient: identity.to_public().to_string(),
    }
}

fn identities(environment: Environment) -> Identities {
    Identities::new(Session::new(Settings::of(environment)))
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Reads every source and returns what each holds.
fn read_all(identities: &Identities) -> Vec<(String, SourceOutcome)> {
    identities.for_recipient("age1x").for_each(drop);
    identities.reports().into_iter().map(|report| (report.source, report.outcome)).collect()
}

fn holds(identity: &Identity) -> SourceOutcome {
    read(&identity.recipient)
}

fn read(recipient: &str) -> SourceOutcome {
    let (plugins, ignored) = (Vec::new(), Vec::new());
    SourceOutcome::Read { recipients: vec![recipient.to_owned()], plugins, ignored }
}

#[test]
fn every_source_is_read_in_the_documented_order() {
    let dir = TempDir::new().unwrap();
    let [text, file, command, default] = std::array::from_fn(|_| new_identity());
    let key_file = dir.path().join("my keys.txt");
    write(&key_file, &file.secret, 0o600);
    let default_file = dir.path().join("sops/age/keys.txt");
    write(&default_file, &format!("# created: now\n{}\n", default.secret), 0o600);
    let printed = dir.path().join("printed");
    write(&printed, &command.secret, 0o600);

    let identities = self::identities(Environment::of([
        ("SOPS_AGE_KEY", text.secret.clone()),
        ("SOPS_AGE_KEY_FILE", key_file.display().to_string()),
        ("SOPS_AGE_KEY_CMD", format!("cat '{}'", printed.display())),
        ("XDG_CONFIG_HOME", dir.path().display().to_string()),
    ]));
    assert_eq!(identities.reports(), [], "nothing is read before it is needed");
    let expected = [
        ("SOPS_AGE_KEY".to_owned(), holds(&text)),
        (format!("SOPS_AGE_KEY_FILE ({})", key_file.display()), holds(&file)),
        ("SOPS_AGE_KEY_CMD".to_owned(), holds(&command)),
        (default_file.display().to_string(), holds(&default)),
    ];
    assert_eq!(read_all(&identities), expected);
    assert_eq!(identities.warnings(), []);
}

#[test]
fn a_later_source_is_left_alone_where_an_earlier_one_fits() {
    let dir = TempDir::new().unwrap();
    let trace = dir.path().join("trace");
    let identities = self::identities(Environment::of([
        ("SOPS_AGE_KEY", new_identity().secret),
        ("SOPS_AGE_KEY_CMD", format!("touch '{}'", trace.display())),
    ]));
    identities.for_recipient("age1x").next().unwrap();
    assert!(!trace.exists());
    identities.for_recipient("age1x").for_each(drop);
    assert!(trace.exists());
}

#[test]
fn the_command_is_asked_once_for_each_recipient() {
    let dir = TempDir::new().unwrap();
    let trace = dir.path().join("trace");
    let script = format!("echo $SOPS_AGE_RECIPIENT >> {}", trace.display());
    let identities =
        self::identities(Environment::of([("SOPS_AGE_KEY_CMD", format!("sh -c '{script}'"))]));
    for recipient in ["age1a", "age1b", "age1a"] {
        identities.for_recipient(recipient).for_each(drop);
    }
    assert_eq!(fs::read_to_string(trace).unwrap(), "age1a\nage1b\n");
}

#[test]
fn what_is_missing_is_reported_and_only_worth_a_warning_where_it_was_asked_for() {
    let identities = self::identities(Environment::of([
        ("SOPS_AGE_KEY_FILE", "/nowhere/keys"),
        ("XDG_CONFIG_HOME", "/nowhere"),
    ]));
    let expected = [
        ("SOPS_AGE_KEY".to_owned(), SourceOutcome::NotSet),
        ("SOPS_AGE_KEY_FILE (/nowhere/keys)".to_owned(), SourceOutcome::NotFound),
        ("SOPS_AGE_KEY_CMD".to_owned(), SourceOutcome::NotSet),
        ("/nowhere/sops/age/keys.txt".to_owned(), SourceOutcome::NotFound),
    ];
    assert_eq!(read_all(&identities), expected);
    let warnings: Vec<String> = identities.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(warnings, ["SOPS_AGE_KEY_FILE (/nowhere/keys): no such file"]);
}

#[test]
fn a_key_file_that_others_can_read_is_worth_a_warning() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("keys.txt");
    for (mode, warned) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
        write(&path, &new_identity().secret, mode);
        let identities = self::identities(Environment::of([("SOPS_AGE_KEY_FILE", &path)]));
        read_all(&identities);
        let path = path.display().to_string();
        let expected: Vec<_> =
            warned.then_some(Warning::Permissions { path, mode }).into_iter().collect();
        assert_eq!(identities.warnings(), expected, "{mode:o}");
        fs::remove_file(dir.path().join("keys.txt")).unwrap();
    }
}

#[test]
fn a_malformed_line_does_not_take_the_others_with_it() {
    let good = new_identity();
    let cut = &new_identity().secret[..50];
    let identities =
        self::identities(Environment::of([("SOPS_AGE_KEY", format!("{cut}\n{}", good.secret))]));
    let (_, outcome) = read_all(&identities).swap_remove(0);
    let ignored = vec![Ignored { line: 1, reason: IgnoredReason::Malformed }];
    let (recipients, plugins) = (vec![good.recipient.clone()], Vec::new());
    let expected = SourceOutcome::Read { recipients, plugins, ignored };
    assert_eq!(outcome, expected);
    let warnings: Vec<String> = identities.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [format!(
            "SOPS_AGE_KEY: 1 identity: {}; line 1: a malformed identity (mistyped or cut off?)",
            good.recipient
        )]
    );
}

#[test]
fn a_failing_command_says_why_and_not_what_it_was() {
    for (command, reason) in [
        ("false hunter2", "its command failed: exit status: 1"),
        ("/nowhere/hunter2", "there is no such command"),
        ("echo 'hunter2", "a quote or a backslash in it has no end"),
        (" ", "it names no command"),
        ("echo -----BEGIN AGE ENCRYPTED FILE-----", "it is encrypted by age, and damaged"),
    ] {
        let identities = self::identities(Environment::of([("SOPS_AGE_KEY_CMD", command)]));
        read_all(&identities);
        let report = identities.reports().swap_remove(2);
        assert_eq!(report.to_string(), format!("SOPS_AGE_KEY_CMD: {reason}"));
        assert_eq!(identities.warnings(), [Warning::Source(report)]);

        let variable = "SOPS_AGE_SSH_PRIVATE_KEY_CMD";
        let identities = self::identities(Environment::of([(variable, command)]));
        read_all(&identities);
        let report = identities.reports().pop().unwrap().to_string();
        assert!(report.starts_with(variable) && !report.contains("hunter2"), "{report}");
    }
}

#[test]
fn a_secret_where_a_path_belongs_is_not_repeated() {
    let identity = new_identity().secret;
    let pem = "-----BEGIN OPENSSH PRIVATE KEY-----\nHUNTER2\n-----END OPENSSH PRIVATE KEY-----\n";
    let (an_identity, a_key) = (
        "holds an identity, not a path; put it in SOPS_AGE_KEY",
        "holds a private key, not a path; keep the key in a file and name that",
    );
    let token = "HUNTER2".repeat(10);
    for (variable, value, shown) in [
        ("SOPS_AGE_KEY_FILE", identity.as_str(), format!("SOPS_AGE_KEY_FILE: {an_identity}")),
        ("SOPS_AGE_KEY_FILE", pem, format!("SOPS_AGE_KEY_FILE: {a_key}")),
        ("SOPS_AGE_KEY_FILE", &token, "SOPS_AGE_KEY_FILE (<not a path>): no such file".to_owned()),
        ("SOPS_AGE_SSH_PRIVATE_KEY_FILE", pem, format!("SOPS_AGE_SSH_PRIVATE_KEY_FILE: {a_key}")),
        (
            "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
            &identity,
            format!("SOPS_AGE_SSH_PRIVATE_KEY_FILE: {an_identity}"),
        ),
    ] {
        let identities = self::identities(Environment::of([(variable, value)]));
        read_all(&identities);
        let reports = identities.reports();
        assert!(reports.iter().any(|report| report.to_string() == shown), "{reports:?}");
        let all = format!("{reports:?} {:?}", identities.warnings());
        assert!(!all.contains("HUNTER2") && !all.contains(&identity[20..]), "{all}");
        assert_eq!(identities.warnings().len(), 1);
    }
}

#[test]
fn a_path_where_identities_belong_is_told_its_variable() {
    let identities = self::identities(Environment::of([("SOPS_AGE_KEY", "/home/a/hunter2")]));
    let expected =
        "SOPS_AGE_KEY: no identity; it looks like a path: SOPS_AGE_KEY_FILE is for paths";
    read_all(&identities);
    assert_eq!(identities.reports()[0].to_string(), expected);
    assert_eq!(identities.warnings()[0].to_string(), expected);
}

#[test]
fn the_places_of_ssh_keys_are_all_listed_for_a_key_of_ssh() {
    let identities = self::identities(Environment::of([("HOME", "/nowhere")]));
    identities.for_recipient("ssh-ed25519 AAAA").for_each(drop);
    identities.for_recipient("age1x").for_each(drop);
    let reports: Vec<String> = identities.reports().iter().map(ToString::to_string).collect();
    assert_eq!(
        reports[reports.len() - 4..],
        [
            "SOPS_AGE_SSH_PRIVATE_KEY_FILE: not set",
            "SOPS_AGE_SSH_PRIVATE_KEY_CMD: not set",
            "/nowhere/.ssh/id_ed25519: no such file",
            "/nowhere/.ssh/id_rsa: no such file",
        ]
    );
    assert_eq!(identities.warnings(), []);

    let homeless = self::identities(Environment::of([("SOPS_AGE_KEY", "")]));
    homeless.for_recipient("ssh-rsa AAAA").for_each(drop);
    let last = homeless.reports().pop().unwrap().to_string();
    assert_eq!(last, "~/.ssh/id_rsa: no home directory is known");
}

#[test]
fn ssh_keys_are_mentioned_only_where_they_are_set() {
    let identities =
        self::identities(Environment::of([("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "/home/a/.ssh/id")]));
    let reports = read_all(&identities);
    let name = "SOPS_AGE_SSH_PRIVATE_KEY_FILE (/home/a/.ssh/id)".to_owned();
    assert_eq!(reports.last(), Some(&(name, SourceOutcome::NotFound)));
    assert!(
        !reports.iter().any(|(source, _)| source.ends_with("KEY_CMD") && source.contains("SSH"))
    );
}

#[test]
fn a_source_without_end_is_refused() {
    let identities = self::identities(Environment::of([("SOPS_AGE_KEY_FILE", "/dev/zero")]));
    read_all(&identities);
    let report = identities.reports().swap_remove(1);
    assert_eq!(report.outcome, SourceOutcome::Failed("file too large".to_owned()));
}

#[test]
fn debug_and_reports_show_no_private_half() {
    let identity = new_identity();
    let identities = self::identities(Environment::of([("SOPS_AGE_KEY", &identity.secret)]));
    let loaded: Vec<_> = identities.for_recipient("age1x").collect();
    assert!(loaded[0].holds_open(&identity.recipient));
    let shown = format!("{identities:?} {loaded:?} {:?}", identities.reports());
    assert!(shown.contains(&identity.recipient));
    assert!(!shown.contains("AGE-SECRET-KEY"));
}
