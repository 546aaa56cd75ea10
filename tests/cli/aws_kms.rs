//! AWS KMS as a user meets it: with `.sops.yaml`, against a stand-in that refuses and against moto; and with the real
//! `sops` at the same moto.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::not_run::not_run;
use crate::harness::{Run, Seal, TestDir};
use crate::manifests::SECRET;
use crate::moto::{ACCOUNT, Moto};
use crate::stand_in::{Fault, Response, StandIn};

const REGION: &str = "eu-west-1";
const ARN: &str = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ROLE: &str = "arn:aws:iam::210987654321:role/sops";

/// A key with all that an entry can have.
fn rules(arn: &str, more: &str) -> String {
    format!(
        "creation_rules:\n  - encrypted_regex: ^(data|stringData)$\n    mac_only_encrypted: true\n    key_groups:\n      - kms:\n          - arn: {arn}\n            context: {{app: web, stage: prod}}\n{more}"
    )
}

/// A rule for a key, and a Secret that it applies to.
fn directory(arn: &str, more: &str) -> TestDir {
    let directory = TestDir::new();
    directory.write(".sops.yaml", rules(arn, more));
    directory.write("db.yaml", SECRET);
    directory
}

/// Credentials, and the address of a server; nothing is looked for elsewhere.
fn at<'d>(run: Seal<'d>, url: &str) -> Seal<'d> {
    nowhere(run, url).env("AWS_ACCESS_KEY_ID", "AKIATEST").env("AWS_SECRET_ACCESS_KEY", "hunter2")
}

fn nowhere<'d>(run: Seal<'d>, url: &str) -> Seal<'d> {
    run.env("AWS_ENDPOINT_URL", url).env("AWS_EC2_METADATA_DISABLED", "true")
}

/// A run as it is whatever port the server has.
fn golden(mut run: Run, server: &StandIn, name: &str) {
    run.stderr = run.stderr.replace(&server.url(), "[KMS]");
    run.golden(&format!("aws-kms/{name}"));
    assert_eq!((run.code, run.out()), (4, ""));
}

/// A Secret encrypted for [`ARN`] by a server that is gone.
fn encrypted() -> TestDir {
    let directory = directory(ARN, "");
    let server = StandIn::start(|_| Response::json(200, &json!({"CiphertextBlob": "AAAA"})));
    let run = at(directory.seal(&["encrypt", "-i", "-q", "db.yaml"]), &server.url()).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    directory
}

fn refusing(code: &str, message: &str) -> StandIn {
    let answer = Response::json(400, &json!({"__type": code, "message": message}));
    StandIn::start(move |_| answer.clone())
}

#[test]
fn without_credentials_nothing_is_written() {
    let server = refusing("", "");
    let directory = directory(ARN, "");
    let run = nowhere(directory.seal(&["encrypt", "-i", "db.yaml"]), &server.url()).run();
    golden(run, &server, "no-credentials");
    assert_eq!(directory.read("db.yaml"), SECRET);
    assert_eq!(directory.files(), [".sops.yaml", "db.yaml"]);
    assert!(server.requests().is_empty());
}

#[test]
fn what_the_service_refuses_is_said_in_its_words() {
    let server = refusing(
        "AccessDeniedException",
        "User: arn:aws:iam::123456789012:user/u is not authorized to perform: kms:Encrypt",
    );
    let plain = directory(ARN, "");
    let run = at(plain.seal(&["encrypt", "-i", "db.yaml"]), &server.url()).run();
    golden(run, &server, "denied-encrypt");
    assert_eq!(plain.read("db.yaml"), SECRET);
    assert_eq!(plain.files(), [".sops.yaml", "db.yaml"]);

    let directory = encrypted();
    let before = directory.read("db.yaml");
    let run = at(directory.seal(&["decrypt", "-i", "db.yaml"]), &server.url()).run();
    golden(run, &server, "denied-decrypt");
    let server = refusing("InvalidCiphertextException", "");
    let run = at(directory.seal(&["decrypt", "-i", "db.yaml"]), &server.url()).run();
    golden(run, &server, "not-for-this-key");
    assert_eq!(directory.read("db.yaml"), before);
    assert_eq!(directory.files(), [".sops.yaml", "db.yaml"]);
}

#[test]
fn a_role_or_profile_of_a_file_is_not_followed_blindly() {
    let server = refusing("", "");
    for (name, field, value) in [("role", "role", ROLE), ("profile", "aws_profile", "prod")] {
        let plain = directory(ARN, &format!("            {field}: {value}\n"));
        let run = at(plain.seal(&["encrypt", "-i", "db.yaml"]), &server.url()).run();
        golden(run, &server, &format!("{name}-not-allowed-encrypt"));
        assert_eq!(plain.read("db.yaml"), SECRET);

        // Somebody adds it to the entry.
        let directory = encrypted();
        let text = directory.read("db.yaml");
        let arn = text.lines().find(|line| line.contains("arn:")).unwrap();
        let indent = arn.find("arn:").unwrap();
        let named = format!("{arn}\n{:indent$}{field}: {value}", "");
        let lines = text.lines().filter(|line| !line.contains("aws_profile:"));
        let changed = lines.map(|line| if line == arn { &named } else { line });
        directory.write("db.yaml", changed.collect::<Vec<_>>().join("\n") + "\n");
        let run = at(directory.seal(&["decrypt", "db.yaml"]), &server.url()).run();
        golden(run, &server, &format!("{name}-not-allowed-decrypt"));
    }
    assert!(server.requests().is_empty());
}

#[test]
fn an_interrupt_while_the_service_hangs_ends_the_run_at_once() {
    for verb in ["encrypt", "decrypt"] {
        let directory = if verb == "encrypt" { directory(ARN, "") } else { encrypted() };
        let before = directory.read("db.yaml");
        let server = StandIn::start(|_| Response::text(200, ""));
        server.inject(Fault::Hangs);
        let mut command =
            at(directory.seal(&[verb, "-i", "-q", "db.yaml"]), &server.url()).command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        server.wait_for_a_request();
        let interrupted = Instant::now();
        let id = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
        let status = child.wait().unwrap();
        let signal = std::os::unix::process::ExitStatusExt::signal(&status);
        assert_eq!(signal, Some(2), "{verb}: {status}");
        // The call alone would take ten seconds.
        assert!(interrupted.elapsed() < Duration::from_secs(5), "{:?}", interrupted.elapsed());
        assert_eq!(directory.read("db.yaml"), before);
        assert_eq!(directory.files(), [".sops.yaml", "db.yaml"]);
    }
}

/// moto with a key of an account, or nothing where it cannot be had: then the table says so.
fn moto(test: &str, account: &str) -> Option<(Moto, String)> {
    match Moto::start() {
        Ok(moto) => {
            let arn = moto.key(account, REGION);
            Some((moto, arn))
        }
        Err(why) => {
            not_run(test, &why);
            None
        }
    }
}

#[test]
fn a_file_goes_through_a_key_and_back() {
    let Some((moto, arn)) = moto("cli aws_kms: round trip", ACCOUNT) else { return };
    let directory = directory(&arn, "");
    let done = |arguments: &[&str]| {
        let run = at(directory.seal(arguments), &moto.url()).run();
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
        run
    };
    done(&["encrypt", "-i", "db.yaml"]);
    let text = directory.read("db.yaml");
    assert!(!text.contains("hunter2") && text.contains(&arn), "{text}");
    assert_eq!(done(&["decrypt", "db.yaml"]).out(), SECRET);
    // The same by options, and with a role that is allowed because it is typed.
    let typed = format!("{arn}+arn:aws:iam::{ACCOUNT}:role/sops");
    directory.write("typed.yaml", SECRET);
    done(&["encrypt", "-i", "--kms", &typed, "typed.yaml"]);
    assert!(directory.read("typed.yaml").contains("role: arn:aws:iam::"));
    let run = at(directory.seal(&["decrypt", "typed.yaml"]), &moto.url());
    let run = run.env("SEAL_ALLOW_AWS_ROLES", format!("arn:aws:iam::{ACCOUNT}:role/sops")).run();
    assert_eq!(run.out(), SECRET, "{}", run.stderr);
}

#[test]
fn fifty_files_with_one_data_key_need_one_call_each_way() {
    let Some((moto, arn)) = moto("cli aws_kms: fifty files", ACCOUNT) else { return };
    let server = StandIn::start(move |request| moto.forward(request));
    let directory = directory(&arn, "");
    for number in 0..50 {
        directory.write(&format!("r/{number}.yaml"), SECRET);
    }
    let asked = |name: &str| {
        let requests = server.requests();
        requests.iter().filter(|request| request.header("x-amz-target").ends_with(name)).count()
    };
    let encrypt = ["encrypt", "-i", "-q", "--shared-data-key", "r"];
    let run = at(directory.seal(&encrypt), &server.url()).run();
    assert_eq!((run.code, asked(".Encrypt")), (0, 1), "{}", run.stderr);
    assert!(!directory.read("r/0.yaml").contains("hunter2"));
    let run = at(directory.seal(&["decrypt", "-i", "-q", "r"]), &server.url()).run();
    assert_eq!((run.code, asked(".Decrypt")), (0, 1), "{}", run.stderr);
    assert_eq!(directory.read("r/49.yaml"), SECRET);
}

/// The real `sops`, or nothing where there is none: then the table says so.
fn sops(test: &str) -> Option<()> {
    let found = Command::new("sops").args(["--version", "--disable-version-check"]).output();
    if found.is_err() {
        not_run(test, "sops is not on PATH");
        return None;
    }
    Some(())
}

#[track_caller]
fn run_sops(directory: &TestDir, url: &str, arguments: &[&str]) -> String {
    let mut sops = Command::new("sops");
    sops.args(arguments)
        .current_dir(directory.path(""))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", directory.home(""))
        .env("AWS_ENDPOINT_URL", url)
        .env("AWS_REGION", REGION)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ACCESS_KEY_ID", "AKIATEST")
        .env("AWS_SECRET_ACCESS_KEY", "hunter2");
    let output = sops.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "sops {arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// The entry of the key in an encrypted file.
fn entry(text: &str) -> Value {
    let root: Value = serde_yaml::from_str(text).unwrap();
    let entries = root["sops"]["kms"].as_array().unwrap();
    assert_eq!(entries.len(), 1);
    entries[0].clone()
}

#[test]
fn sops_and_seal_open_each_other_s_files() {
    let test = "cli aws_kms: interop with sops";
    if sops(test).is_none() {
        return;
    }
    // Without a role, then with one: then the key is in an account that only the role belongs to.
    for (account, more, allowed) in [
        (ACCOUNT, String::new(), "none"),
        ("210987654321", format!("            role: {ROLE}\n"), ROLE),
    ] {
        let Some((moto, arn)) = moto(test, account) else { return };
        let directory = directory(&arn, &more);
        let seal = |arguments: &[&str]| {
            let run = at(directory.seal(arguments), &moto.url());
            let run = run.env("SEAL_ALLOW_AWS_ROLES", allowed).run();
            assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
            run.out().to_owned()
        };
        directory.write("by-seal.yaml", SECRET);
        directory.write("by-sops.yaml", SECRET);
        seal(&["encrypt", "-i", "by-seal.yaml"]);
        run_sops(&directory, &moto.url(), &["encrypt", "-i", "by-sops.yaml"]);

        let plain: Value = serde_yaml::from_str(SECRET).unwrap();
        let values = |text: &str| serde_yaml::from_str::<Value>(text).unwrap();
        assert_eq!(values(&seal(&["decrypt", "by-sops.yaml"])), plain);
        let read = run_sops(&directory, &moto.url(), &["decrypt", "by-seal.yaml"]);
        assert_eq!(values(&read), plain);

        let (ours, theirs) =
            (entry(&directory.read("by-seal.yaml")), entry(&directory.read("by-sops.yaml")));
        let names = |entry: &Value| entry.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let (mut our_names, mut their_names) = (names(&ours), names(&theirs));
        our_names.sort();
        their_names.sort();
        assert_eq!(our_names, their_names);
        for name in ["arn", "role", "context", "aws_profile"] {
            assert_eq!(ours[name], theirs[name], "{name}");
        }
        assert_eq!(ours["context"], json!({"app": "web", "stage": "prod"}));
        // What differs each time has the same form.
        for (name, alike) in [("created_at", 20), ("enc", 0)] {
            let (ours, theirs) = (ours[name].as_str().unwrap(), theirs[name].as_str().unwrap());
            assert_eq!(ours.len(), theirs.len(), "{name}");
            assert!(alike == 0 || ours.len() == alike, "{name}: {ours}");
        }
    }
}
