//! Who hears what: people, machines, nobody.

use serde_json::{Value, json};

use crate::harness::TestDir;
use crate::manifests::{API, CONFIG_MAP, SECRET, stream};

fn object(text: &str) -> Value {
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_object_for_machines_counts_and_goes_where_no_document_goes() {
    let broken = "kind: [Secret\n";
    let directory =
        TestDir::with(&[("a/db.yaml", SECRET), ("a/map.yaml", CONFIG_MAP), ("a/no.yaml", broken)]);
    let run = directory.seal(&["encrypt", "-i", "--json", "-q", "a"]).run();
    let said = object(run.out());
    assert_eq!(run.code, 1);
    for (name, value) in [
        ("command", json!("encrypt")),
        ("files", json!(1)),
        ("documents", json!(1)),
        ("kept", json!(0)),
        ("no_previous", json!(1)),
        ("not_compared", json!(0)),
        ("secrets", json!(3)),
        ("already_encrypted", json!(0)),
        ("skipped", json!(1)),
        ("failed", json!(1)),
        ("exit_code", json!(1)),
    ] {
        assert_eq!(said[name], value, "{name}");
    }
    assert_eq!(said["errors"][0]["file"], "a/no.yaml");
    assert_eq!(said["errors"][0]["line"], 2);

    let run = directory.seal(&["decrypt", "--json", "a/db.yaml"]).run();
    assert_eq!(run.out(), SECRET);
    assert_eq!(object(&run.stderr)["files"], 1);
    let run = directory.seal(&["get", "--json", "a/db.yaml", "gone"]).run();
    assert_eq!(run.out(), "");
    assert_eq!(object(&run.stderr)["exit_code"], 1);
}

#[test]
fn quiet_leaves_errors() {
    let directory = TestDir::with(&[("db.yaml", SECRET), ("no.yaml", "kind: [\n")]);
    let run = directory.seal(&["encrypt", "-i", "-q", "db.yaml"]).run();
    assert_eq!((run.code, run.out(), run.stderr.as_str()), (0, "", ""));
    let run = directory.seal(&["encrypt", "-i", "-q", "no.yaml"]).run();
    assert!(run.code == 1 && run.stderr.starts_with("error: no.yaml:"), "{}", run.stderr);
}

#[test]
fn colour_comes_on_demand_only_and_no_color_is_heard() {
    let directory = TestDir::with(&[("no.yaml", "kind: [\n")]);
    let colourful = |arguments: &[&str], no_color: &str| {
        let seal =
            directory.seal(arguments).env("NO_COLOR", no_color).env("TERM", "xterm-256color");
        seal.run().stderr.contains('\u{1b}')
    };
    assert!(!colourful(&["encrypt", "-i", "no.yaml"], ""));
    assert!(!colourful(&["encrypt", "-i", "no.yaml"], "1"));
    assert!(colourful(&["encrypt", "--color", "always", "-i", "no.yaml"], ""));

    // On a terminal, which `script` provides.
    let on_terminal = |no_color: &str| {
        let run = directory.bash(&format!(
            "TERM=xterm-256color {no_color} script -qec 'seal encrypt -i no.yaml' /dev/null </dev/null"
        ));
        run.out().contains('\u{1b}')
    };
    if directory.bash("command -v script").code != 0 {
        return crate::harness::not_run::not_run(
            "cli colour on a terminal",
            "script is not on PATH",
        );
    }
    assert!(on_terminal(""));
    assert!(!on_terminal("NO_COLOR=1"));
}

#[test]
fn a_progress_bar_is_for_terminals() {
    let directory = TestDir::ready();
    for number in 0..20 {
        directory.write(&format!("a/{number}.yaml"), SECRET);
    }
    let run = directory.done(&["encrypt", "-i", "a"]);
    assert_eq!(
        run.stderr,
        "encrypted 20 files (60 secrets in 20 documents), not compared (git's HEAD has no earlier version)\n"
    );
}

#[test]
fn a_reader_that_has_enough_ends_the_run_quietly() {
    let directory = TestDir::ready();
    let all = vec![SECRET; 4000];
    let input = stream(&all);
    directory.write("all.yaml", &input);
    let run = directory.bash("seal decrypt -q all.yaml | head -1");
    assert_eq!((run.code, run.out(), run.stderr.as_str()), (0, "# the shop's database\n", ""));
    let run = directory.bash("seal encrypt -q all.yaml | head -1");
    assert_eq!((run.code, run.out(), run.stderr.as_str()), (0, "# the shop's database\n", ""));
    let run = directory.bash("seal decrypt -q all.yaml >&-");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

#[test]
fn a_full_disk_behind_standard_output_is_a_failure() {
    if !std::path::Path::new("/dev/full").exists() {
        return crate::harness::not_run::not_run("cli a full disk behind stdout", "no /dev/full");
    }
    let directory = TestDir::with(&[("api.yaml", API)]);
    directory.bash("seal decrypt api.yaml >/dev/full").golden("output/full");
}

#[test]
fn a_name_cannot_forge_a_line() {
    let name = "x\nerror: forged\u{1b}[2J.yaml";
    let directory = TestDir::with(&[(name, "kind: [\n")]);
    directory.seal(&["encrypt", "-i", name]).run().golden("output/file-name");
    let forged = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"x\\nerror: forged\"\nstringData: {\"a\\nb\": null}\n";
    directory.write("forged.yaml", forged);
    directory.seal(&["encrypt", "-i", "forged.yaml"]).run().golden("output/object-name");
    directory.seal(&["encrypt", "--type", "x\nerror: forged"]).run().golden("output/argument");
}
