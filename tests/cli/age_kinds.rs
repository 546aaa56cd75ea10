//! Kinds of age recipients as a user meets them: `seal init`, rules, and the real `sops` on the other side.

use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::harness::TestDir;
use crate::harness::not_run::not_run;
use crate::keys::{self, RECIPIENT};
use crate::manifests::SECRET;

/// A fresh key of ssh in `~/.ssh`; its public half.
fn ssh_key(directory: &TestDir, kind: &str, test: &str) -> Option<String> {
    let private = directory.write_home(&format!(".ssh/id_{kind}"), "");
    std::fs::remove_file(&private).unwrap();
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", kind, "-N", "", "-C", "me@host", "-f"])
        .arg(&private)
        .stdin(Stdio::null())
        .status();
    match made {
        Err(_) => {
            not_run(test, "no ssh-keygen (Debian package openssh-client)");
            None
        }
        Ok(status) => {
            assert!(status.success());
            let public = std::fs::read_to_string(private.with_extension("pub")).unwrap();
            Some(public.trim().to_owned())
        }
    }
}

#[test]
fn init_takes_every_kind_of_recipient() {
    let directory = TestDir::new();
    let test = "cli: init with recipients of ssh";
    let Some(ssh) = ssh_key(&directory, "ed25519", test) else { return };
    let plugin = "age1mirror1wp6kymrfvdc82cnvd93hqatzd35kx86l3mt";
    directory.done(&["init", "--no-identity", "--age", &ssh, "--age", plugin, "--age", RECIPIENT]);
    let rules = directory.read(".sops.yaml");
    for recipient in [ssh.as_str(), plugin, RECIPIENT] {
        assert!(rules.contains(recipient), "{rules}");
    }
}

/// A file of SOPS 3.13.2 for a post-quantum recipient.
#[test]
fn a_post_quantum_file_of_sops_opens_and_is_encrypted_again() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sops");
    let read = |name: &str| std::fs::read_to_string(fixtures.join(name)).unwrap();
    let text: String = read("keys/age-pq.b64").split_whitespace().collect();
    let identities = String::from_utf8(STANDARD.decode(text).unwrap()).unwrap();
    let recipient = identities.lines().find_map(|line| line.strip_prefix("# public key: "));
    let directory = TestDir::new();
    directory.write_home(".config/sops/age/keys.txt", &identities);
    directory.write("theirs.yaml", read("3.13.2/age-pq/encrypted.yaml"));
    let values = |text: &str| serde_yaml::from_str::<serde_yaml::Value>(text).unwrap();
    let expected = values(&read("3.13.2/age-pq/decrypted.yaml"));
    assert_eq!(values(&directory.decrypted("theirs.yaml")), expected);

    // `seal init` tells the recipient from the identity, and its rules make files that open again.
    directory.done(&["init"]);
    assert!(directory.read(".sops.yaml").contains(recipient.unwrap()));
    directory.write("db.yaml", SECRET);
    directory.done(&["encrypt", "-i", "db.yaml"]);
    assert!(directory.read("db.yaml").contains(recipient.unwrap()));
    assert_eq!(directory.decrypted("db.yaml"), SECRET);

    // Beside a recipient that is none, it protects nothing: said once in a run.
    let warnings = |recipients: &str| {
        for name in ["a.yaml", "b.yaml"] {
            directory.write(name, SECRET);
        }
        let run = directory.done(&["encrypt", "-i", "--age", recipients, "a.yaml", "b.yaml"]);
        run.stderr.matches("a post-quantum recipient (`age1pq1…`) stands beside").count()
    };
    assert_eq!(warnings(recipient.unwrap()), 0);
    assert_eq!(warnings(&format!("{RECIPIENT},{}", recipient.unwrap())), 1);
}

#[test]
fn files_for_keys_of_ssh_go_to_the_real_sops_and_come_back() {
    const TEST: &str = "cli: files for ssh keys, and the real sops";
    let sops_is_there = Command::new("sops").arg("--version").output().is_ok();
    if !sops_is_there {
        not_run(TEST, "sops is not on PATH");
    }
    for kind in ["ed25519", "rsa"] {
        let directory = TestDir::new();
        let Some(ssh) = ssh_key(&directory, kind, TEST) else { return };
        directory.write(".sops.yaml", keys::rules("").replace(RECIPIENT, &ssh));
        directory.write("db.yaml", SECRET);
        directory.done(&["encrypt", "-i", "db.yaml"]);
        let encrypted = directory.read("db.yaml");
        assert!(encrypted.contains(&format!("recipient: {ssh}")), "{encrypted}");
        assert_eq!(directory.decrypted("db.yaml"), SECRET);
        if !sops_is_there {
            continue;
        }
        let run = directory.bash("sops decrypt db.yaml >by-sops.yaml");
        assert_eq!(run.code, 0, "{}", run.stderr);
        let user = |text: &str| {
            let line = text.lines().find(|line| line.trim_start().starts_with("user:"));
            line.map(|line| line.trim().to_owned())
        };
        assert!(user(SECRET).is_some());
        assert_eq!(user(&directory.read("by-sops.yaml")), user(SECRET));

        directory.write("theirs.yaml", SECRET);
        let run = directory.bash("sops encrypt -i theirs.yaml");
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(directory.read("theirs.yaml").contains("ENC["));
        assert_eq!(user(&directory.decrypted("theirs.yaml")), user(SECRET));
    }
}
