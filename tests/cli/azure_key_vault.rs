//! Files whose data key is wrapped by Azure Key Vault, as a user makes and opens them; Azure is a stand-in.

use crate::azure_key_vault::{AzureKeyVault, POOR_TOKEN, TOKEN, URL, VERSION};
use crate::harness::{Run, Seal, TestDir};
use crate::manifests::SECRET;

/// A directory with a Secret, and rules that name a key.
fn directory(url: &str) -> TestDir {
    let directory = TestDir::new();
    directory.write("db.yaml", SECRET);
    let rules = format!("creation_rules:\n  - path_regex: .*\n    azure_keyvault: {url}\n");
    directory.write(".sops.yaml", rules);
    directory
}

fn with<'d>(run: Seal<'d>, server: &AzureKeyVault, token: &str) -> Seal<'d> {
    run.env("SEAL_AZURE_KEYVAULT_ENDPOINT", server.server.url())
        .env("SEAL_AZURE_ACCESS_TOKEN", token)
        .env("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
}

#[track_caller]
fn golden(run: Run, name: &str) {
    assert!(!run.stderr.contains("HUNTER2"), "{}", run.stderr);
    run.golden(name);
}

#[test]
fn a_file_says_what_sops_says_and_opens_again() {
    let server = AzureKeyVault::start(&["team"]);
    for url in [format!("{URL}/keys/team"), format!("{URL}/keys/team/{VERSION}")] {
        let directory = directory(&url);
        let run = with(directory.seal(&["encrypt", "-i", "db.yaml"]), &server, TOKEN).run();
        assert_eq!(run.code, 0, "{}", run.stderr);

        let file: serde_json::Value = serde_yaml::from_str(&directory.read("db.yaml")).unwrap();
        let entries = file["sops"]["azure_kv"].as_array().unwrap();
        assert_eq!(entries.len(), 1);
        let entry = entries[0].as_object().unwrap();
        let mut names: Vec<&str> = entry.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["created_at", "enc", "name", "vault_url", "version"]);
        assert_eq!(entry["vault_url"], URL);
        assert_eq!(entry["name"], "team");
        assert_eq!(entry["version"], VERSION);
        let enc = entry["enc"].as_str().unwrap();
        assert!(enc.starts_with("--__") && enc.len() == 342 && !enc.contains('='), "{enc}");

        let run = with(directory.seal(&["decrypt", "db.yaml"]), &server, TOKEN).run();
        assert_eq!((run.code, run.out()), (0, SECRET), "{}", run.stderr);
    }
}

#[test]
fn nobody_to_log_in_as() {
    let server = AzureKeyVault::start(&["team"]);
    let directory = directory(&format!("{URL}/keys/team"));
    let run = with(directory.seal(&["encrypt", "-i", "db.yaml"]), &server, "").run();
    assert_eq!((run.code, directory.read("db.yaml").as_str()), (4, SECRET), "{}", run.stderr);
    golden(run, "azure-key-vault/encrypt-no-credentials");
    assert_eq!(server.server.requests().len(), 0);
}

#[test]
fn somebody_who_may_not() {
    let server = AzureKeyVault::start(&["team"]);
    let directory = directory(&format!("{URL}/keys/team"));
    let run = with(directory.seal(&["encrypt", "-i", "db.yaml"]), &server, POOR_TOKEN).run();
    assert_eq!((run.code, directory.read("db.yaml").as_str()), (4, SECRET), "{}", run.stderr);
    golden(run, "azure-key-vault/encrypt-denied");
}

#[test]
fn a_disabled_key_opens_nothing() {
    let server = AzureKeyVault::start(&["team"]);
    let directory = directory(&format!("{URL}/keys/team/{VERSION}"));
    let run = with(directory.seal(&["encrypt", "-i", "db.yaml"]), &server, TOKEN).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    server.disable("team");
    let run = with(directory.seal(&["decrypt", "db.yaml"]), &server, TOKEN).run();
    assert_eq!((run.code, run.out()), (4, ""));
    golden(run, "azure-key-vault/decrypt-disabled");
}

#[test]
fn a_server_that_nobody_named_gets_no_token() {
    let server = AzureKeyVault::start(&["team"]);
    let directory = directory(&format!("https://keys.evil.example/keys/team/{VERSION}"));
    let run = with(directory.seal(&["encrypt", "-i", "db.yaml"]), &server, TOKEN).run();
    assert_eq!((run.code, directory.read("db.yaml").as_str()), (4, SECRET), "{}", run.stderr);
    golden(run, "azure-key-vault/encrypt-not-allowed");
    assert_eq!(server.server.requests().len(), 0);
    let allowed = with(directory.seal(&["encrypt", "-i", "db.yaml"]), &server, TOKEN)
        .env("SEAL_ALLOW_AZURE_VAULTS", "https://keys.evil.example");
    let run = allowed.run();
    assert_eq!(run.code, 0, "{}", run.stderr);
}
