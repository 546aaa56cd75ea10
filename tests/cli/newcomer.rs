//! What somebody meets who is new to it: charts, colleagues, empty pipes.

use crate::harness::TestDir;
use crate::keys::{COLLEAGUE, RECIPIENT};
use crate::manifests::{API, CONFIG_MAP, JSON, SECRET, SERVICE, VALUES, stream};

/// What lies in a chart and is no manifest.
const NO_MANIFESTS: [(&str, &str); 5] = [
    (
        "chart/templates/web.yaml",
        "kind: Service\n{{- if .Values.web }}\nspec: {{ .Values.spec }}\n{{- end }}\n",
    ),
    ("chart/dashboards.json", "[1, 2, {\"a\": \"b\"}]\n"),
    ("chart/twice.yaml", "a: 1\na: 2\n"),
    ("chart/twice.json", "{\"a\": 1, \"a\": 2}\n"),
    ("chart/broken.yaml", "a: \"b\n"),
];

fn chart() -> TestDir {
    let directory = TestDir::with(&NO_MANIFESTS);
    directory.write("chart/db.yaml", SECRET);
    directory
}

#[test]
fn files_of_a_chart_that_cannot_be_read_are_passed_over() {
    let directory = chart();
    let run = directory.seal(&["encrypt", "-i", "chart"]).run();
    run.golden("newcomer/chart");
    assert_eq!(run.code, 0);
    for (name, text) in NO_MANIFESTS {
        assert_eq!(directory.read(name), text);
    }
    assert_eq!(directory.decrypted("chart/db.yaml"), SECRET);
}

#[test]
fn a_file_that_cannot_be_read_is_not_passed_over_where_it_may_matter() {
    let rule = "creation_rules:\n  - path_regex: twice\n    age: ";
    for (name, text, rules) in [
        // It may be a Secret, however that is spelt.
        ("chart/a.yaml", "kind: Secret\na: 1\na: 2\n", None),
        ("chart/a.json", "{\"kind\": \"\\u0053ecret\", \"a\": 1, \"a\": 2}", None),
        ("chart/a.yaml", "kind: \"\\x53ecret\"\na: 1\na: 2\n", None),
        ("chart/a.yaml", "a: ENC[AES256_GCM,data:\na: 2\n", None),
        // A rule means it.
        ("chart/twice.yaml", "a: 1\na: 2\n", Some(format!("{rule}{RECIPIENT}\n"))),
    ] {
        let directory = TestDir::with(&[(name, text)]);
        if let Some(rules) = rules {
            directory.write(".sops.yaml", rules);
        }
        let run = directory.seal(&["encrypt", "-i", "chart"]).run();
        assert_eq!(run.code, 1, "{text}: {}", run.stderr);
    }
    // It is named, or the flag means more than manifests.
    let directory = chart();
    assert_eq!(directory.seal(&["encrypt", "-i", "chart/twice.yaml"]).run().code, 1);
    let run = directory.seal(&["encrypt", "-i", "--encrypted-regex", "^password$", "chart"]).run();
    assert_ne!(run.code, 0);
    // Another encoding may hide anything.
    let wide: Vec<u8> = SECRET.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let directory = TestDir::ready();
    directory.write("chart/wide.yaml", wide);
    assert_eq!(directory.seal(&["encrypt", "-i", "chart"]).run().code, 1);
}

#[test]
fn a_stream_of_a_directory_has_its_manifests_and_nothing_else() {
    let directory = chart();
    directory.write("chart/Chart.yaml", "name: app\nversion: 1.0.0\n");
    directory.write("chart/schema.json", "{\"type\": \"object\"}\n");
    directory.write("chart/values.yaml", VALUES);
    directory.write("chart/web.yaml", SERVICE);
    directory.done(&["encrypt", "-i", "chart"]);
    for arguments in [&["decrypt", "chart"][..], &["decrypt", "chart/**"]] {
        let run = directory.done(arguments);
        assert_eq!(run.out(), stream(&[SECRET, SERVICE]));
        assert!(run.stderr.ends_with(", 9 skipped\n"), "{}", run.stderr);
    }
    // Manifests count for `--require-encrypted`, the rest does not.
    let run = directory.seal(&["decrypt", "--require-encrypted", "chart"]).run();
    assert_eq!((run.code, run.out()), (3, ""));
    assert!(run.stderr.contains("chart/web.yaml"), "{}", run.stderr);
    std::fs::remove_file(directory.path("chart/web.yaml")).unwrap();
    assert_eq!(directory.done(&["decrypt", "--require-encrypted", "chart"]).out(), SECRET);
    // What is named is meant.
    let run = directory.done(&["decrypt", "chart/values.yaml", "chart"]);
    assert_eq!(run.out(), stream(&[VALUES, SECRET]));
    // An encrypted file that is no manifest is one as well.
    directory.done(&["encrypt", "-i", "chart/values.yaml", "--encrypted-regex", "^password$"]);
    assert!(directory.done(&["decrypt", "-q", "chart"]).out().contains(VALUES));
}

#[test]
fn other_recipients_than_those_of_the_rules_are_a_warning() {
    let directory = TestDir::with(&[("p/db.yaml", SECRET), ("p/api.yaml", API)]);
    directory.done(&["encrypt", "-i", "p"]);
    let rules = directory.read(".sops.yaml");
    directory.write(".sops.yaml", rules.replace(RECIPIENT, &format!("{RECIPIENT},{COLLEAGUE}")));
    directory.seal(&["encrypt", "-i", "p"]).run().golden("newcomer/person-added");
    directory.done(&["updatekeys", "--yes", "p"]);
    assert!(directory.read("p/db.yaml").contains(COLLEAGUE));
    assert!(!directory.done(&["encrypt", "-i", "p"]).stderr.contains("warning"));
    directory.write(".sops.yaml", rules);
    directory.seal(&["encrypt", "-i", "p"]).run().golden("newcomer/person-removed");
    let run = directory.done(&["encrypt", "-i", "--age", COLLEAGUE, "p/db.yaml"]);
    assert!(run.stderr.contains("than `--age` names (also for: age1p5"), "{}", run.stderr);
    let run = directory.done(&["encrypt", "-i", "-q", "p"]);
    assert_eq!(run.stderr, "");
}

#[test]
fn an_empty_standard_input_is_a_command_that_failed() {
    let directory = TestDir::ready();
    for verb in ["encrypt", "decrypt"] {
        for input in ["", "\n \n"] {
            directory.seal(&[verb]).stdin(input).run().golden("newcomer/empty-stdin");
        }
    }
    let run = directory.bash("cat gone.yaml 2>/dev/null | seal decrypt");
    assert_eq!((run.code, run.out()), (1, ""));
}

#[test]
fn a_file_that_the_shell_emptied_is_explained() {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    directory.bash("seal encrypt db.yaml >db.yaml").golden("newcomer/emptied");
}

#[test]
fn json_on_standard_input_is_known_by_its_text() {
    let directory = TestDir::ready();
    let run = directory.seal(&["encrypt"]).stdin(JSON).run();
    let parsed: serde_json::Value = serde_json::from_str(run.out()).unwrap();
    assert!(parsed["sops"]["mac"].is_string());
    let encrypted = run.stdout;
    assert_eq!(directory.seal(&["decrypt"]).stdin(encrypted.as_slice()).run().out(), JSON);
    let run = directory.seal(&["get", "-", "stringData/password"]).stdin(encrypted).run();
    assert_eq!(run.out(), "hunter2");
    // Flow style is YAML all the same, and a name says what it is.
    let flow = "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {a: hunter2}}\n";
    let run = directory.seal(&["encrypt"]).stdin(flow).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    let named = ["encrypt", "--filename-override", "a.yaml"];
    assert_eq!(directory.seal(&named).stdin(JSON).run().code, 0);
}

#[test]
fn get_says_what_is_missing_and_what_there_is() {
    let directory = TestDir::with(&[("all.yaml", &stream(&[SECRET, CONFIG_MAP]))]);
    directory.done(&["encrypt", "-i", "all.yaml"]);
    std::fs::create_dir(directory.path("dir")).unwrap();
    for (arguments, golden) in [
        (&["get", "gone", "a"][..], "get-no-such-file"),
        (&["get", "dir", "a"], "get-directory"),
        (&["get", "all.yaml", "stringData/gone"], "get-not-there"),
        (&["get", "all.yaml", "stringData.password"], "get-dots"),
        (&["get", "all.yaml", "a", "--document", "Secret/gone"], "get-no-such-document"),
    ] {
        let run = directory.seal(arguments).run();
        run.golden(&format!("newcomer/{golden}"));
        assert_ne!(run.code, 0);
    }
    let run = directory.done(&["get", "all.yaml", "metadata/name", "--document", "secret/db"]);
    assert_eq!(run.out(), "db");
    let many: Vec<_> = (0..12).map(|n| SERVICE.replace("web", &format!("web{n}"))).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    directory.write("many.yaml", stream(&many));
    let run = directory.seal(&["get", "many.yaml", "gone"]).run();
    assert!(run.stderr.contains("Service/web9 and 2 more\n"), "{}", run.stderr);
}

#[test]
fn a_cause_that_many_files_share_is_said_once() {
    let directory = TestDir::ready();
    for number in 0..14 {
        directory.write(&format!("p/{number:02}.yaml"), API);
    }
    directory.done(&["encrypt", "-i", "p"]);
    let run = directory.seal(&["decrypt", "-i", "p"]).env("HOME", "/nowhere").run();
    run.golden("newcomer/same-cause");
    let run = directory.seal(&["decrypt", "-i", "--json", "p"]).env("HOME", "/nowhere").run();
    let object: serde_json::Value = serde_json::from_str(run.out()).unwrap();
    assert_eq!(object["errors"].as_array().unwrap().len(), 14);
    assert!(object["errors"][13]["causes"][0].is_string());
}

#[test]
fn a_pattern_below_a_missing_directory_is_said_once() {
    let directory = TestDir::ready();
    directory.seal(&["encrypt", "-i", "gone/*.yaml"]).run().golden("newcomer/missing-directory");
}

#[test]
fn what_is_missing_is_named() {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    let run = directory.seal(&["encrypt", "-o", "gone/db.yaml", "db.yaml"]).run();
    run.golden("newcomer/no-directory-for-the-output");
    directory.done(&["encrypt", "-i", "--age", COLLEAGUE, "db.yaml"]);
    let run = directory.seal(&["decrypt", "db.yaml"]).env("SOPS_AGE_KEY_CMD", "gone-command").run();
    assert!(run.stderr.contains("SOPS_AGE_KEY_CMD: there is no such command\n"), "{}", run.stderr);
    assert!(!run.stderr.contains("entity not found"));
}
