//! The audit log, in a real PostgreSQL. The file that names it, which is the system's, is put in place in a mount namespace
//! of the run alone.

use std::fs;
use std::path::Path;

use crate::harness::not_run::not_run;
use crate::harness::{Run, TestDir};
use crate::manifests::SECRET;
use crate::postgres::{PASSWORD, Postgres, USER};

/// Runs a script of bash where a name of the servers' certificate is this machine's, and `/etc/sops/audit.yaml` is
/// `audit.yaml` of the working directory. `None` where this machine does not let us.
fn with_audit(directory: &TestDir, test: &str, script: &str) -> Option<Run> {
    // Everything of /etc, and one directory more.
    let place = "set -e
        mkdir -p etc
        mount --bind /etc etc
        mkdir -p new; mount -t tmpfs none new
        for entry in etc/*; do ln -s \"$PWD/$entry\" new/; done
        mkdir new/sops; cp audit.yaml new/sops/
        rm -f new/hosts; echo '127.0.0.1 cloudkms.googleapis.com localhost' > new/hosts
        mount --bind new /etc
        set +e";
    let able = directory.bash("unshare -m sh -c 'mkdir -p t && mount -t tmpfs none t'");
    if able.code != 0 {
        not_run(test, &format!("no mount namespace can be made: {}", able.stderr));
        return None;
    }
    directory.write("script.sh", format!("{place}\n{script}"));
    Some(directory.bash("unshare -m bash script.sh"))
}

fn server(test: &str) -> Option<Postgres> {
    match Postgres::start() {
        Ok(server) => Some(server),
        Err(why) => {
            not_run(test, &why);
            None
        }
    }
}

fn audit_file(connection: &str) -> String {
    format!("backends:\n  postgres:\n  - connection_string: \"{connection}\"\n")
}

/// The user of the tests, as the log has it.
fn user() -> String {
    let id = std::process::Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(id.stdout).unwrap().trim().to_owned()
}

fn authority() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/tls/authority.pem");
    fs::canonicalize(path).unwrap().display().to_string()
}

#[test]
fn encrypting_and_decrypting_are_recorded_before_anything_leaves() {
    const NAME: &str = "encrypting_and_decrypting_are_recorded_before_anything_leaves";
    let Some(server) = server(NAME) else { return };
    let directory = TestDir::with(&[("a.yaml", SECRET), ("plain.yaml", "kind: ConfigMap\n")]);
    let password = PASSWORD.replace(' ', "%20");
    directory.write(
        "audit.yaml",
        audit_file(&format!(
            "postgres://{USER}:{password}@cloudkms.googleapis.com:{}/postgres?sslmode=verify-full&sslrootcert={}",
            server.port,
            authority()
        )),
    );
    let script = "seal encrypt -qi a.yaml && seal decrypt a.yaml | grep -c stringData
        seal get a.yaml stringData/password >/dev/null; seal exec-env a.yaml true
        seal decrypt -q plain.yaml >/dev/null; seal decrypt -q < a.yaml >/dev/null";
    let Some(run) = with_audit(&directory, NAME, script) else { return };
    assert_eq!((run.code, run.out()), (0, "1\n"), "{}", run.stderr);
    let (user, path) = (user(), directory.path("a.yaml").display().to_string());
    let event = |action: &str, file: &str| format!("{action}|{user}|{file}");
    let decrypt = event("decrypt", &path);
    assert_eq!(
        server.events(),
        [
            event("encrypt", &path),
            decrypt.clone(),
            decrypt.clone(),
            decrypt,
            event("decrypt", "<stdin>")
        ]
    );
}

#[test]
fn each_command_that_changes_a_file_is_recorded() {
    const NAME: &str = "each_command_that_changes_a_file_is_recorded";
    let Some(server) = server(NAME) else { return };
    let directory = TestDir::with(&[("a.yaml", SECRET)]);
    directory.done(&["encrypt", "-i", "a.yaml"]);
    directory.write(
        "audit.yaml",
        audit_file(&format!(
            "host=127.0.0.1 user={USER} password='{PASSWORD}' dbname=postgres port={} sslmode=disable",
            server.port
        )),
    );
    // After each command a mark, so that its own events can be told.
    let script = "set -e
        mark() { seal decrypt -q < a.yaml >/dev/null; }
        seal set -q a.yaml stringData/password --string new; mark
        seal unset -q a.yaml stringData/password; mark
        EDITOR='sed -i s/admin/root/' seal edit -q a.yaml; mark
        seal decrypt -q a.yaml | sed s/root/boss/ > p.yaml; seal replace -q a.yaml p.yaml; mark
        seal rotate -q -i a.yaml; mark
        EDITOR=true seal edit -q a.yaml; mark";
    let Some(run) = with_audit(&directory, NAME, script) else { return };
    assert_eq!(run.code, 0, "{}", run.stderr);
    let events = server.events();
    let actions: Vec<_> = events.iter().map(|event| event.split('|').next().unwrap()).collect();
    let of_commands: Vec<Vec<&str>> = events
        .split(|event| event.ends_with("<stdin>"))
        .map(|events| events.iter().map(|event| event.split('|').next().unwrap()).collect())
        .collect();
    let [set, unset, edit, replace, rotate, unchanged, _] = &of_commands[..] else {
        panic!("{actions:?}")
    };
    for changed in [set, unset, edit, replace] {
        assert!(changed.contains(&"encrypt") && changed.contains(&"decrypt"), "{actions:?}");
    }
    assert!(rotate.contains(&"rotate"), "{actions:?}");
    assert_eq!(unchanged[..], ["decrypt"], "{actions:?}");
}

#[test]
fn each_way_to_connect_reaches_the_log() {
    const NAME: &str = "each_way_to_connect_reaches_the_log";
    let Some(server) = server(NAME) else { return };
    let directory = TestDir::with(&[("a.yaml", SECRET)]);
    directory.done(&["encrypt", "-i", "a.yaml"]);
    let (port, socket, authority) = (server.port, server.socket().display(), authority());
    let login = format!("user={USER} password='{PASSWORD}' dbname=postgres port={port}");
    for (number, more) in [
        "host=127.0.0.1 sslmode=disable".to_owned(),
        "host=127.0.0.1".to_owned(),
        "host=127.0.0.1 sslmode=require".to_owned(),
        format!("host=127.0.0.1 sslmode=verify-ca sslrootcert={authority}"),
        format!("host={socket}"),
    ]
    .into_iter()
    .enumerate()
    {
        directory.write("audit.yaml", audit_file(&format!("{login} {more}")));
        let Some(run) = with_audit(&directory, NAME, "seal decrypt -q a.yaml >/dev/null") else {
            return;
        };
        assert_eq!((run.code, server.events().len()), (0, number + 1), "{more}: {}", run.stderr);
    }
}

#[test]
fn what_cannot_be_recorded_is_not_done() {
    const NAME: &str = "what_cannot_be_recorded_is_not_done";
    let Some(server) = server(NAME) else { return };
    let directory = TestDir::with(&[("a.yaml", SECRET), ("b.yaml", SECRET)]);
    directory.done(&["encrypt", "-i", "a.yaml"]);
    let before = (directory.read("a.yaml"), directory.read("b.yaml"));
    let port = server.port;
    let login = format!("host=127.0.0.1 user={USER} dbname=postgres port={port}");
    let run = |text: &str| {
        directory.write("audit.yaml", text);
        let script = "seal decrypt a.yaml; a=$?; seal encrypt -i b.yaml; seal exec-env a.yaml 'touch ran'; exit $a";
        with_audit(&directory, NAME, script)
    };
    let untrusted = format!("{login} password='{PASSWORD}' sslmode=verify-full");
    for (text, said) in [
        (
            audit_file(&format!("{login} password=hunter2-wrong")),
            "password authentication failed for user",
        ),
        (audit_file("host=127.0.0.1 port=1 user=a password=hunter2"), "PostgreSQL at 127.0.0.1:1"),
        (audit_file(&untrusted), "PostgreSQL at 127.0.0.1"),
        (audit_file(&format!("{login} password='{PASSWORD}' hunter2=1")), "is not supported"),
        ("backends: [hunter2\n".to_owned(), "it is not what it should be"),
    ] {
        let Some(run) = run(&text) else { return };
        assert_eq!((run.code, run.out()), (1, ""), "{said}: {}", run.stderr);
        assert!(
            run.stderr.contains("the audit log cannot be written, so nothing is done"),
            "{}",
            run.stderr
        );
        assert!(run.stderr.contains(said), "{said}: {}", run.stderr);
        assert!(!directory.path("ran").exists());
        assert_eq!((directory.read("a.yaml"), directory.read("b.yaml")), before);
    }
    server.asked("DROP TABLE audit_event").unwrap();
    let Some(run) = run(&audit_file(&format!("{login} password='{PASSWORD}'"))) else { return };
    assert_eq!((run.code, run.out()), (1, ""));
    assert!(run.stderr.contains("relation \"audit_event\" does not exist"), "{}", run.stderr);
}
