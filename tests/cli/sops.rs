//! The real `sops`, where it is on PATH: it reads our files, and we read its.

use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

use crate::harness::TestDir;
use crate::harness::not_run::not_run;
use crate::keys;
use crate::manifests::{API, CONFIG_MAP, JSON, SECRET, SERVICE, VALUES, stream};

/// `sops` with the identity of the tests, or nothing where there is none that is new enough: then the table says so.
pub(crate) struct Sops<'d> {
    directory: &'d TestDir,
    variables: Vec<(&'static str, String)>,
}

impl<'d> Sops<'d> {
    pub(crate) fn of(directory: &'d TestDir, test: &str) -> Option<Self> {
        let output = Command::new("sops").args(["--version", "--disable-version-check"]).output();
        let Ok(output) = output else {
            not_run(test, "sops is not on PATH");
            return None;
        };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let numbers: Vec<u32> = text
            .split_whitespace()
            .nth(1)
            .unwrap_or_default()
            .split('.')
            .map_while(|number| number.parse().ok())
            .collect();
        if numbers < vec![3, 9] {
            not_run(test, &format!("sops 3.9 or later is needed, found {}", text.trim()));
            return None;
        }
        Some(Self { directory, variables: Vec::new() })
    }

    /// With one more variable in its environment.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Like [`Self::run`], with no identity of its own.
    #[track_caller]
    pub(crate) fn run_without_keys(&self, arguments: &[&str]) -> String {
        let variables = [("SOPS_AGE_KEY_FILE", "/nonexistent"), ("HOME", "/nonexistent")];
        let variables = variables.map(|(name, value)| (name, value.to_owned()));
        Self { directory: self.directory, variables: variables.into() }.run(arguments)
    }

    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let mut sops = Command::new("sops");
        sops.args(arguments)
            .current_dir(self.directory.path(""))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.directory.home(""))
            .env("SOPS_AGE_KEY_FILE", self.directory.home(".config/sops/age/keys.txt"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        let output = sops.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "sops {arguments:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What `sops` reads out of a file with one document.
    #[track_caller]
    pub(crate) fn values(&self, name: &str) -> Vec<Value> {
        values(&self.run(&["decrypt", "--output-type", "json", name]))
    }
}

/// The values of a plain stream, read by a reader of neither program. SOPS writes 1.0 as 1, so numbers are all of one
/// kind.
pub(crate) fn values(text: &str) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(text);
    documents.map(|document| of_one_kind(Value::deserialize(document).unwrap())).collect()
}

fn of_one_kind(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::from(number.as_f64().unwrap()),
        Value::Array(items) => items.into_iter().map(of_one_kind).collect(),
        Value::Object(entries) => {
            entries.into_iter().map(|(key, value)| (key, of_one_kind(value))).collect()
        }
        other => other,
    }
}

#[test]
fn sops_reads_our_files() {
    let directory = TestDir::ready();
    let Some(sops) = Sops::of(&directory, "cli sops reads our files") else { return };
    directory.write(".sops.yaml", keys::rules_for_whole_files());
    let types = "text: hunter2\nint: 7\nfloat: 1.5\nexponent: 1e3\nflag: true\nempty: \"\"\nmultiline: |\n  one\n  \
                 hunter2\nlist: [a, 2, {b: hunter2}]\n# hunter2\ndate: 2024-01-01T00:00:00Z\nlast: 'x'  # inline\n";
    for (name, text, options) in [
        ("secret.yaml", SECRET, &[][..]),
        ("api.yaml", API, &["--scope", "none"]),
        ("values.yaml", VALUES, &[]),
        ("values-part.yaml", VALUES, &["--encrypted-regex", "^password$"]),
        ("values-suffix.yaml", VALUES, &["--unencrypted-suffix", "tag"]),
        ("values-mac.yaml", VALUES, &["--encrypted-suffix", "word", "--mac-only-encrypted"]),
        ("types.yaml", types, &[]),
        ("secret.json", JSON, &[]),
        ("crlf.yaml", &SECRET.replace('\n', "\r\n"), &[]),
    ] {
        directory.write(name, text);
        directory.done(&[&["encrypt", "-i", name], options].concat());
        assert_eq!(sops.values(name), values(text), "{name}");
    }
    // A document of a stream, once it is split off.
    let run = directory.seal(&["encrypt"]).stdin(stream(&[SERVICE, SECRET, API])).run();
    let part = run.out().split("\n---\n").nth(1).unwrap();
    directory.write("part.yaml", part);
    assert_eq!(sops.values("part.yaml"), values(SECRET));
}

#[test]
fn sops_reads_our_streams_in_its_layout() {
    let directory = TestDir::ready();
    let Some(sops) = Sops::of(&directory, "cli sops reads our streams in its layout") else {
        return;
    };
    let input = stream(&[SERVICE, SECRET, CONFIG_MAP, API]);
    directory.write("all.yaml", &input);
    directory.done(&["encrypt", "-i", "--layout", "sops", "all.yaml"]);
    let decrypted = sops.run(&["decrypt", "all.yaml"]);
    assert_eq!(values(&decrypted), values(&input));
}

#[test]
fn we_read_files_of_sops() {
    let directory = TestDir::ready();
    let Some(sops) = Sops::of(&directory, "cli we read files of sops") else { return };
    directory.write(".sops.yaml", keys::rules_for_whole_files());
    for (name, text, options) in [
        ("secret.yaml", SECRET, &["--encrypted-regex", "^(data|stringData)$"][..]),
        ("values.yaml", VALUES, &[]),
        ("suffix.yaml", VALUES, &["--encrypted-suffix", "word"]),
        (
            "all.yaml",
            &stream(&[SERVICE, SECRET, API]),
            &["--encrypted-regex", "^(data|stringData)$"],
        ),
        ("secret.json", JSON, &[]),
    ] {
        directory.write(name, text);
        sops.run(&[&["encrypt", "-i"], options, &[name]].concat());
        assert!(!directory.read(name).contains("hunter2"), "{name}");
        let run = directory.done(&["decrypt", name]);
        assert!(run.stderr.contains("1 not bound (written by SOPS)"), "{}", run.stderr);
        assert_eq!(values(run.out()), values(text), "{name}");
    }
}

#[test]
fn a_file_that_sops_rewrote_is_unbound_and_still_opens() {
    let directory = TestDir::with(&[("api.yaml", API)]);
    let Some(sops) = Sops::of(&directory, "cli a file that sops rewrote") else { return };
    directory.done(&["encrypt", "-i", "api.yaml"]);
    sops.run(&["set", "api.yaml", "[\"stringData\"][\"key\"]", "\"hunter2-set\""]);
    let run = directory.seal(&["decrypt", "--require-bound", "api.yaml"]).run();
    assert_eq!((run.code, run.out()), (3, ""));
    let run = directory.done(&["get", "api.yaml", "stringData/key"]);
    assert_eq!(run.out(), "hunter2-set");
}

#[test]
fn the_rules_of_init_mean_the_same_to_sops() {
    let directory = TestDir::new();
    let Some(sops) = Sops::of(&directory, "cli the rules of init mean the same to sops") else {
        return;
    };
    directory.done(&["init"]);
    directory.write("api.yaml", API);
    sops.run(&["encrypt", "-i", "api.yaml"]);
    let encrypted = directory.read("api.yaml");
    assert!(encrypted.contains("name: api\n") && !encrypted.contains("hunter2"), "{encrypted}");
    assert_eq!(values(directory.done(&["decrypt", "api.yaml"]).out()), values(API));
}

/// Every two of three groups, one of which nobody has: each program opens what the other one shared out.
#[test]
fn key_groups_are_the_same_to_both() {
    let directory = TestDir::ready();
    let Some(sops) = Sops::of(&directory, "cli key groups are the same to both") else { return };
    let other = TestDir::new();
    other.done(&["init", "-q"]);
    let other = std::fs::read_to_string(other.home(".config/sops/age/keys.txt")).unwrap();
    let recipient = other.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    directory.write_home(".config/sops/age/keys.txt", &format!("{}{other}", keys::key_file()));
    let (own, colleague) = (keys::RECIPIENT, keys::COLLEAGUE);
    for [first, second, third] in
        [[own, recipient, colleague], [colleague, own, recipient], [recipient, colleague, own]]
    {
        directory.write(
            ".sops.yaml",
            format!(
                "creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n      - age: [{first}]\n      - age: [{second}]\n      - age: [{third}]\n"
            ),
        );
        directory.write("ours.yaml", VALUES);
        directory.done(&["encrypt", "-i", "ours.yaml"]);
        assert_eq!(sops.values("ours.yaml"), values(VALUES));
        directory.write("theirs.yaml", VALUES);
        sops.run(&["encrypt", "-i", "theirs.yaml"]);
        assert_eq!(values(&directory.decrypted("theirs.yaml")), values(VALUES));
        // The shape of the block, apart from what is wrapped and from the order, which changed with SOPS 3.13.
        let shape = |name: &str| {
            let text = directory.read(name);
            let file: Value = serde_yaml::from_str(&text).unwrap();
            let sops = &file["sops"];
            let groups = sops["key_groups"].as_array().unwrap().iter();
            let names: Vec<Vec<String>> = groups
                .map(|group| {
                    let mut names: Vec<_> = group.as_object().unwrap().keys().cloned().collect();
                    names.sort();
                    names
                })
                .collect();
            (sops["shamir_threshold"].clone(), names, sops["age"].is_null())
        };
        assert_eq!(shape("ours.yaml"), shape("theirs.yaml"));
    }
}
