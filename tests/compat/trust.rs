//! What files may lead to: SOPS follows every reference, and `seal` those that the user named.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

/// A rule for a key of a Vault that nobody listens at.
const RULES: &str =
    "creation_rules:\n  - hc_vault_transit_uri: http://127.0.0.1:9/v1/transit/keys/k\n";

#[test]
fn a_server_that_only_a_file_names_is_asked_under_this_name_unless_the_list_says_otherwise() {
    let root = tempfile::tempdir().unwrap();
    let sops = root.path().join("sops");
    symlink(env!("CARGO_BIN_EXE_seal"), &sops).unwrap();
    fs::write(root.path().join(".sops.yaml"), RULES).unwrap();
    fs::write(root.path().join("f.yaml"), "a: b\n").unwrap();
    let says = |program: &str, list: Option<&str>| {
        let mut command = Command::new(program);
        command.args(["encrypt", "f.yaml"]).current_dir(root.path()).env_clear();
        command.env("HOME", root.path()).env("VAULT_TOKEN", "hunter2");
        command.envs(list.map(|list| ("SOPS_HC_VAULT_ALLOWLIST", list)));
        let output = command.output().unwrap();
        assert!(!output.status.success() && output.stdout.is_empty());
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!stderr.contains("hunter2"), "{stderr}");
        stderr.contains("SOPS_HC_VAULT_ALLOWLIST")
    };
    let sops = sops.to_str().unwrap();
    // The list is named only where it keeps the server from being asked.
    assert!(!says(sops, None));
    assert!(says(sops, Some("none")));
    assert!(says(env!("CARGO_BIN_EXE_seal"), None));
}
