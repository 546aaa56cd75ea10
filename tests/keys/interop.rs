//! Envelopes that SOPS wrote open here, and the `age` program opens what is wrapped here.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use seal_core::envelope::{KeyGroup, MasterKey, WrappedKey};
use seal_core::secret::{DataKey, SecretBytes};
use seal_keys::{DecryptionOrder, Environment, KeyService, Providers, Settings, Unwrapper};
use serde_yaml::Value;

use crate::age_keys::{fixtures, key_file};
use crate::not_run::not_run;

const RECIPIENT_A: &str = "age13r7pmm33m5fk6cdkqmthyxcsdp8kqz0te59v85c2e8vzr4kgw4vsgm2cd7";

fn holder(key: &str) -> Unwrapper<Providers> {
    let environment = Environment::of([("SOPS_AGE_KEY", key_file(key))]);
    Unwrapper::new(Providers::new(Settings::of(environment)), DecryptionOrder::default())
}

/// The age keys of a YAML or JSON file that SOPS wrote.
fn age_keys(file: &Path) -> Vec<WrappedKey> {
    let root: Value = serde_yaml::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let entries = root["sops"]["age"].as_sequence().cloned().unwrap_or_default();
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
    let wrapped = entries.iter().map(|entry| WrappedKey {
        key: MasterKey::Age { recipient: text(entry, "recipient") },
        created_at: None,
        enc: text(entry, "enc"),
    });
    wrapped.collect()
}

fn hex(data_key: &DataKey) -> String {
    data_key.expose().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn data_keys_of_real_files_unwrap() {
    let mut opened = 0;
    for case in ["3.13.2/two-recipients", "3.13.2/json", "3.9.4/two-recipients"] {
        let dir = fixtures().join(case);
        let file = ["encrypted.yaml", "encrypted.json"].map(|name| dir.join(name));
        let keys = age_keys(file.iter().find(|file| file.exists()).unwrap());
        let expected = fs::read_to_string(dir.join("data-key.hex")).unwrap();
        for (wrapped, identity) in keys.into_iter().zip(["age-a", "age-b"]) {
            let groups = [KeyGroup { keys: vec![wrapped] }];
            let data_key = holder(identity).data_key(&groups, None).unwrap();
            assert_eq!(hex(&data_key), expected.trim(), "{case} with {identity}");
            opened += 1;
        }
    }
    assert_eq!(opened, 5);
}

#[test]
fn either_identity_opens_a_file_for_two_recipients() {
    let keys = age_keys(&fixtures().join("3.13.2/two-recipients/encrypted.yaml"));
    assert_eq!(keys.len(), 2);
    let groups = [KeyGroup { keys }];
    let [a, b] = ["age-a", "age-b"].map(|key| holder(key).data_key(&groups, None).unwrap());
    assert_eq!(a.expose(), b.expose());
}

#[test]
fn a_post_quantum_file_of_sops_opens_for_its_identity_only() {
    let dir = fixtures().join("3.13.2/age-pq");
    let groups = [KeyGroup { keys: age_keys(&dir.join("encrypted.yaml")) }];
    let expected = fs::read_to_string(dir.join("data-key.hex")).unwrap();
    let data_key = holder("age-pq").data_key(&groups, None).unwrap();
    assert_eq!(hex(&data_key), expected.trim());

    let text = holder("age-a").data_key(&groups, None).unwrap_err().to_string();
    assert!(text.contains("age1pq16n5tu6t5gnvp9…"), "{text}");
    assert!(text.lines().all(|line| line.len() < 200), "{text}");
    assert!(!text.contains("AGE-SECRET-KEY"));
}

#[test]
fn the_age_program_opens_what_is_wrapped_here() {
    let dir = tempfile::tempdir().unwrap();
    let identity = dir.path().join("keys.txt");
    fs::write(&identity, key_file("age-a")).unwrap();
    let wrapped = dir.path().join("wrapped");
    let key = MasterKey::Age { recipient: RECIPIENT_A.to_owned() };
    let enc = Providers::new(Settings::of(Environment::of::<String, String>([])))
        .wrap(&key, &SecretBytes::new(vec![0xA5; 32]))
        .unwrap();
    fs::write(&wrapped, enc.enc).unwrap();

    let age = Command::new("age")
        .arg("--decrypt")
        .arg("--identity")
        .arg(&identity)
        .arg(&wrapped)
        .stdin(Stdio::null())
        .output();
    match age {
        Err(error) => not_run(
            "keys: the age program opens what is wrapped here",
            &format!("the program `age` cannot be started: {error}"),
        ),
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(output.stdout, [0xA5; 32]);
        }
    }
}

/// `age-encryption` for JavaScript, by the author of age, has post-quantum recipients; the `age` of Debian has not.
#[test]
fn another_implementation_opens_post_quantum_files_of_ours_and_we_open_its() {
    const TEST: &str = "keys: post-quantum files of and for another implementation";
    let Some(modules) = std::env::var_os("SEAL_AGE_JS") else {
        not_run(TEST, "SEAL_AGE_JS is not set; tests/setup/age-js.sh prints its value");
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/setup/age-js.mjs");
    let dir = tempfile::tempdir().unwrap();
    // Node looks for packages beside the script.
    fs::copy(script, dir.path().join("age.mjs")).unwrap();
    std::os::unix::fs::symlink(modules, dir.path().join("node_modules")).unwrap();
    let node = |arguments: &[&str]| {
        let output = Command::new("node")
            .arg(dir.path().join("age.mjs"))
            .args(arguments)
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let identity = node(&["identity"]).trim().to_owned();
    let recipient = node(&["recipient", &identity]).trim().to_owned();
    assert_eq!(seal_keys::keygen::recipients_of(&identity), Ok(vec![recipient.clone()]));

    let key = MasterKey::Age { recipient: recipient.clone() };
    let service = Providers::new(Settings::of(Environment::of([("SOPS_AGE_KEY", &identity)])));
    let secret = SecretBytes::new(vec![0xA5; 32]);
    let theirs = node(&["encrypt", &recipient, &"a5".repeat(32)]);
    assert_eq!(service.unwrap(&key, &theirs).unwrap().expose(), secret.expose());
    let ours = service.wrap(&key, &secret).unwrap().enc;
    assert_eq!(node(&["decrypt", &identity, &ours]).trim(), "a5".repeat(32));
}
