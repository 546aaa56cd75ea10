//! Files that SOPS 3.3 to 3.13 wrote, and what they decrypt to.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::gnupg::Keyring;
use crate::normal::normal;
use crate::not_run::not_run;

/// Byte for byte what SOPS printed; of YAML the values, because there the style stays.
#[test]
fn every_fixture_decrypts_to_what_sops_printed() {
    let keyring = Keyring::new();
    if let Some(keyring) = &keyring {
        let secret = fixtures().join("keys/pgp-secret.gpg");
        keyring.gpg(&["--import", secret.to_str().unwrap()]);
    } else {
        not_run("compat fixtures for OpenPGP", "gpg is not on PATH");
    }
    let identities = ["age-a", "age-b", "age-pq"].map(identity).join("\n");
    let root = tempfile::tempdir().unwrap();
    let sops = root.path().join("sops");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_seal"), &sops).unwrap();
    let mut seen = 0;
    for file in encrypted() {
        let is_pgp = fs::read_to_string(file.with_file_name("args")).unwrap().contains("--pgp");
        if is_pgp && keyring.is_none() {
            continue;
        }
        let mut command = Command::new(&sops);
        command.arg("decrypt").arg(&file).current_dir(root.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", root.path()).env("SOPS_AGE_KEY", &identities);
        if let Some(keyring) = &keyring {
            command.env("GNUPGHOME", keyring.home());
        }
        let output = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {stderr}", file.display());
        let name = file.file_name().unwrap().to_str().unwrap().replace("encrypted", "decrypted");
        let mut expected = fs::read(file.with_file_name(&name)).unwrap();
        // Since 3.10 SOPS ends JSON with a line break.
        if name.ends_with(".json") && !expected.ends_with(b"\n") {
            expected.push(b'\n');
        }
        let values = |text: &[u8]| without_comments(&normal(&name, text));
        if name.ends_with(".yaml") {
            assert_eq!(values(&output.stdout), values(&expected), "{}", file.display());
        } else {
            let [ours, theirs] =
                [&output.stdout, &expected].map(|text| text.escape_ascii().to_string());
            assert_eq!(ours, theirs, "{}", file.display());
        }
        seen += 1;
    }
    assert!(seen >= 20, "{seen}");
}

/// SOPS moves comments about.
fn without_comments(leaves: &str) -> Vec<String> {
    leaves.lines().filter(|line| !line.contains(" #")).map(str::to_owned).collect()
}

fn encrypted() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for version in ["3.3.1", "3.9.4", "3.13.2"] {
        for case in fs::read_dir(fixtures().join(version)).unwrap() {
            for file in fs::read_dir(case.unwrap().path()).unwrap() {
                let file = file.unwrap().path();
                let name = file.file_name().unwrap().to_str().unwrap();
                if name.starts_with("encrypted.") {
                    found.push(file);
                }
            }
        }
    }
    found.sort();
    found
}

fn identity(name: &str) -> String {
    let text = fs::read(fixtures().join(format!("keys/{name}.b64"))).unwrap();
    let text: Vec<u8> = text.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
    String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sops")
}
