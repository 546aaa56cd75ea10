//! OpenPGP as a user meets it: real gpg, keyrings of the test's own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::gnupg::Keyring;
use crate::harness::not_run::not_run;
use crate::harness::{Run, Seal, TestDir};
use crate::manifests::SECRET;
use crate::sops::{Sops, values};
use crate::sops_fixtures::{age_key, fixtures};

/// A keyring, or a row in the table of what did not run.
fn keyring(test: &str) -> Option<Keyring> {
    let keyring = Keyring::new();
    if keyring.is_none() {
        not_run(&format!("cli OpenPGP: {test}"), "the program `gpg` cannot be started");
    }
    keyring
}

/// The key that the fixtures were made with.
fn of_the_fixtures(test: &str) -> Option<Keyring> {
    let keyring = keyring(test)?;
    keyring.import(&fixtures().join("keys/pgp-secret.gpg"));
    Some(keyring)
}

impl Seal<'_> {
    fn keyring(self, keyring: &Keyring) -> Self {
        self.env("GNUPGHOME", keyring.home())
    }
}

fn rules(directory: &TestDir, fingerprint: &str) {
    let rules = format!(
        "creation_rules:\n  - pgp: '{fingerprint}'\n    encrypted_regex: ^(data|stringData)$\n    mac_only_encrypted: true\n"
    );
    directory.write(".sops.yaml", rules);
}

/// A directory with a file `db.yaml` that is encrypted for a new key.
fn encrypted(keyring: &Keyring, passphrase: &str) -> (TestDir, String) {
    let fingerprint = keyring.make_key("me", passphrase, "0");
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    rules(&directory, &fingerprint);
    let run = directory.seal(&["encrypt", "-q", "-i", "db.yaml"]).keyring(keyring).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    (directory, fingerprint)
}

/// Fingerprints and key IDs are drawn by chance.
#[track_caller]
fn golden(mut run: Run, fingerprint: &str, name: &str) {
    run.stderr = run.stderr.replace(fingerprint, "[FINGERPRINT]");
    run.golden(&format!("pgp/{name}"));
}

#[test]
fn files_of_every_version_of_sops_open() {
    let Some(keyring) = of_the_fixtures("files of SOPS open") else { return };
    let directory = TestDir::new();
    for case in ["3.3.1/pgp-secret", "3.3.1/pgp-json", "3.9.4/pgp", "3.13.2/pgp"] {
        let case = fixtures().join(case);
        let format = if case.join("encrypted.json").exists() { "json" } else { "yaml" };
        let file = case.join(format!("encrypted.{format}"));
        let run = directory.seal(&["decrypt", file.to_str().unwrap()]).keyring(&keyring).run();
        assert_eq!(run.code, 0, "{}", run.stderr);
        let theirs = fs::read_to_string(case.join(format!("decrypted.{format}"))).unwrap();
        assert_eq!(values(run.out()), values(&theirs), "{}", case.display());
    }
}

#[test]
fn key_groups_of_sops_open_with_pgp_and_age() {
    let Some(keyring) = of_the_fixtures("key groups of SOPS") else { return };
    let directory = TestDir::new();
    let case = fixtures().join("3.13.2/shamir");
    let theirs = values(&fs::read_to_string(case.join("decrypted.yaml")).unwrap());
    let file = case.join("encrypted.yaml");
    let decrypt = || directory.seal(&["decrypt", file.to_str().unwrap()]).keyring(&keyring);
    for identity in ["age-a", "age-b"] {
        let run = decrypt().env("SOPS_AGE_KEY", age_key(identity)).run();
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(values(run.out()), theirs);
    }
    let run = decrypt().run();
    assert_eq!((run.code, run.out()), (4, ""), "one group is not enough");
    assert!(run.stderr.contains("opened by PGP A12ED859"), "{}", run.stderr);
}

#[test]
fn the_envelope_is_what_sops_writes() {
    let Some(keyring) = keyring("the envelope") else { return };
    let (directory, fingerprint) = encrypted(&keyring, "");
    let text = directory.read("db.yaml");
    let envelope: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    let entry = envelope["sops"]["pgp"][0].as_mapping().unwrap();
    let names: Vec<_> = entry.keys().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(names, ["created_at", "enc", "fp"]);
    assert_eq!(entry["fp"], fingerprint.as_str());
    assert!(text.contains("enc: |-\n"), "{text}");
    let run = directory.seal(&["decrypt", "-q", "db.yaml"]).keyring(&keyring).run();
    assert_eq!((run.code, run.out()), (0, SECRET), "{}", run.stderr);
}

#[test]
fn sops_opens_our_files_and_we_open_its() {
    let Some(keyring) = keyring("with the real sops") else { return };
    let (directory, fingerprint) = encrypted(&keyring, "");
    let Some(sops) = Sops::of(&directory, "cli OpenPGP with the real sops") else { return };
    let home = keyring.home().to_str().unwrap();
    let sops = sops.with("GNUPGHOME", home);
    assert_eq!(sops.values("db.yaml"), values(SECRET));
    // The whole fingerprint, a subkey, and as people write it.
    let subkey = String::from_utf8(keyring.gpg(&["--with-colons", "--list-keys"])).unwrap();
    let subkey = subkey.lines().rfind(|line| line.starts_with("fpr:")).unwrap();
    let subkey = format!("{}!", subkey.split(':').nth(9).unwrap());
    for name in [&fingerprint, &subkey, &fingerprint.to_lowercase(), &fingerprint[24..]] {
        directory.write("theirs.yaml", SECRET);
        sops.run(&["encrypt", "-i", "--pgp", name, "theirs.yaml"]);
        let run = directory.seal(&["decrypt", "theirs.yaml"]).keyring(&keyring).run();
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(values(run.out()), values(SECRET));
        rules(&directory, name);
        directory.write("ours.yaml", SECRET);
        let run = directory.seal(&["encrypt", "-q", "-i", "ours.yaml"]).keyring(&keyring).run();
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(sops.values("ours.yaml"), values(SECRET));
        let fp = |file: &str| {
            let text = directory.read(file);
            text.lines().find_map(|line| line.trim().strip_prefix("fp: ")).unwrap().to_owned()
        };
        assert_eq!(fp("ours.yaml"), fp("theirs.yaml"));
    }
}

#[test]
fn a_missing_program_is_said_to_be_missing() {
    let Some(keyring) = keyring("a missing program") else { return };
    let (directory, fingerprint) = encrypted(&keyring, "");
    for (name, arguments) in [
        ("no-gpg-encrypt", &["encrypt", "plain.yaml"][..]),
        ("no-gpg-decrypt", &["decrypt", "db.yaml"]),
    ] {
        directory.write("plain.yaml", SECRET);
        let run = directory.seal(arguments).env("SOPS_GPG_EXEC", "no-such-gpg").run();
        golden(run, &fingerprint, name);
    }
}

#[test]
fn somebody_without_the_secret_key_is_told_what_is_missing() {
    let Some(keyring) = keyring("no secret key") else { return };
    let (directory, fingerprint) = encrypted(&keyring, "");
    let stranger = Keyring::new().unwrap();
    let run = directory.seal(&["decrypt", "db.yaml"]).keyring(&stranger).run();
    golden(run, &fingerprint, "no-key");
    stranger.import(&keyring.export("--export", &fingerprint));
    let run = directory.seal(&["decrypt", "db.yaml"]).keyring(&stranger).run();
    golden(run, &fingerprint, "no-secret-key");
}

#[test]
fn nothing_is_written_where_the_public_key_is_missing() {
    let Some(keyring) = keyring("no public key") else { return };
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    let fingerprint = "0123456789ABCDEF0123456789ABCDEF01234567";
    rules(&directory, fingerprint);
    let run = directory.seal(&["encrypt", "-i", "db.yaml"]).keyring(&keyring).run();
    run.golden("pgp/no-public-key");
    assert_eq!(directory.read("db.yaml"), SECRET);
}

#[test]
fn a_fingerprint_that_looks_like_an_option_is_refused() {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    rules(&directory, "--output");
    directory.seal(&["encrypt", "db.yaml"]).run().golden("pgp/option");
}

/// A pinentry that answers each question for a passphrase with the line in `answer`, and counts them in `asked`.
fn pinentry(keyring: &Keyring, answer: &str) {
    let home = keyring.home().display();
    let script = format!(
        "#!/bin/sh\necho OK ready\nwhile read -r word rest; do\n  case $word in\n    GETPIN) echo asked >> {home}/asked; \
         printf '{answer}\\n' ;;\n    BYE) echo OK; exit ;;\n    *) echo OK ;;\n  esac\ndone\n"
    );
    let path = keyring.home().join("pinentry");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    keyring.set_pinentry(&path);
}

fn asked(keyring: &Keyring) -> usize {
    fs::read_to_string(keyring.home().join("asked")).map_or(0, |text| text.lines().count())
}

#[test]
fn the_agent_asks_for_the_passphrase_once() {
    let Some(keyring) = keyring("a passphrase") else { return };
    let (directory, _) = encrypted(&keyring, "letmein");
    pinentry(&keyring, "D letmein\\nOK");
    for copy in ["a", "b", "c"] {
        fs::copy(directory.path("db.yaml"), directory.path(&format!("{copy}.yaml"))).unwrap();
    }
    let files = ["decrypt", "-q", "-i", "a.yaml", "b.yaml", "c.yaml", "db.yaml"];
    let run = directory.seal(&files).keyring(&keyring).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(directory.read("c.yaml"), SECRET);
    assert_eq!(asked(&keyring), 1);
}

#[test]
fn a_passphrase_that_is_not_given_opens_nothing() {
    let Some(keyring) = keyring("no passphrase") else { return };
    let (directory, fingerprint) = encrypted(&keyring, "letmein");
    pinentry(&keyring, "ERR 83886179 Operation cancelled <Pinentry>");
    let run = directory.seal(&["decrypt", "db.yaml"]).keyring(&keyring).run();
    assert_eq!(asked(&keyring), 1);
    golden(run, &fingerprint, "no-passphrase");
}

#[test]
fn ctrl_c_ends_a_gpg_that_waits_for_a_person() {
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::Stdio;
    let Some(keyring) = keyring("Ctrl-C") else { return };
    let (directory, _) = encrypted(&keyring, "");
    let (program, started) = (directory.path("gpg"), directory.path("started"));
    let script = format!(
        "#!/bin/sh\necho $$ > {0}.new\nmv {0}.new {0}\nexec sleep 1000\n",
        started.display()
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let seal = directory.seal(&["decrypt", "-i", "db.yaml"]).env("SOPS_GPG_EXEC", &program);
    // A process group of its own, as a shell gives to what runs in the foreground.
    let mut seal = seal.command().process_group(0).stderr(Stdio::null()).spawn().unwrap();
    let group = rustix::process::Pid::from_child(&seal);
    let begun = std::time::Instant::now();
    while !started.exists() {
        assert!(begun.elapsed().as_secs() < 60, "gpg was not started");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let text = directory.read("db.yaml");
    rustix::process::kill_process_group(group, rustix::process::Signal::INT).unwrap();
    assert_eq!(seal.wait().unwrap().signal(), Some(rustix::process::Signal::INT.as_raw()));
    let gpg = fs::read_to_string(&started).unwrap();
    let gpg = PathBuf::from(format!("/proc/{}", gpg.trim()));
    let is_gone =
        || fs::read_to_string(gpg.join("stat")).map_or(true, |stat| stat.contains(") Z "));
    for _ in 0..500 {
        if is_gone() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(is_gone());
    assert_eq!(directory.read("db.yaml"), text);
    assert!(directory.files().iter().all(|file| !file.contains(".seal-")));
}

#[test]
fn many_files_at_once_share_a_keyring() {
    let Some(keyring) = keyring("many files") else { return };
    let fingerprint = keyring.make_key("me", "", "0");
    let directory = TestDir::new();
    rules(&directory, &fingerprint);
    for number in 0..24 {
        directory.write(&format!("all/{number}.yaml"), SECRET);
    }
    for verb in ["encrypt", "decrypt"] {
        let run = directory.seal(&[verb, "-q", "-i", "all"]).keyring(&keyring).run();
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    assert_eq!(directory.read("all/23.yaml"), SECRET);
}
