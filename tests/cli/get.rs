//! `seal get`

use crate::harness::TestDir;
use crate::keys;
use crate::manifests::{API, CONFIG_MAP, JSON, SECRET, stream};

const TYPES: &str = "\
text: hunter2
number: 0x1F
flag: TRUE
nothing: null
empty: \"\"
map:
    # hunter2
    b: |
        line hunter2
    a: [1, 2]
flow: {b: 1, a: hunter2}
list:
- one
- two: hunter2
  more: x
\"a/b~c\": hunter2
'[\"odd\"]': hunter2
";

fn encrypted() -> TestDir {
    let files = [
        ("db.yaml", SECRET),
        ("types.yaml", TYPES),
        ("db.json", JSON),
        ("all.yaml", &stream(&[SECRET, CONFIG_MAP, API])),
    ];
    let directory = TestDir::with(&files);
    directory.write(".sops.yaml", keys::rules_for_whole_files());
    directory.done(&["encrypt", "-i", "db.yaml", "types.yaml", "db.json", "all.yaml"]);
    directory
}

#[test]
fn a_value_in_both_spellings_of_its_path() {
    let directory = encrypted();
    for path in
        [r#"["stringData"]["password"]"#, "stringData/password", "['stringData']['password']"]
    {
        let run = directory.seal(&["get", "db.yaml", path]).run();
        assert_eq!((run.code, run.out(), run.stderr.as_str()), (0, "hunter2: \"quoted\"", ""));
    }
    let run = directory.bash("seal get db.yaml data/token | base64 -d");
    assert_eq!(run.out(), "hunter2");
    assert_eq!(directory.done(&["get", "--decode", "db.yaml", "data/token"]).out(), "hunter2");
    for (path, golden) in [("stringData/password", "no-base64"), ("data", "decoded-map")] {
        let run = directory.seal(&["get", "--decode", "db.yaml", path]).run();
        run.golden(&format!("get/{golden}"));
        assert_eq!(run.code, 1);
    }
}

#[test]
fn every_type_as_it_stands_in_the_file() {
    let directory = encrypted();
    let mut all = String::new();
    for path in [
        "text",
        "number",
        "flag",
        "nothing",
        "empty",
        "map",
        "map/b",
        "map/a",
        "map/a/1",
        "flow",
        "list",
        "list/1",
        "list/1/two",
        "a~1b~0c",
    ] {
        let run = directory.seal(&["get", "types.yaml", path]).run();
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{path}");
        all.push_str(&format!("== {path}\n{}|\n", run.out()));
    }
    crate::harness::golden("get/types", &all);
}

#[test]
fn values_of_json() {
    let directory = encrypted();
    let run = directory.done(&["get", "db.json", "stringData/password"]);
    assert_eq!(run.out(), "hunter2");
    let run = directory.done(&["get", "db.json", "stringData"]);
    let object: serde_json::Value = serde_json::from_str(run.out()).unwrap();
    assert_eq!(object["list"], "[1, 2]");
}

#[test]
fn one_document_of_a_stream() {
    let directory = encrypted();
    for (arguments, value) in [
        (&["get", "all.yaml", "stringData/key"][..], "hunter2-api"),
        (&["get", "all.yaml", "metadata/name", "--document", "Secret/api"], "api"),
        (&["get", "all.yaml", "metadata/name", "--document", "Secret/shop/db"], "db"),
        (&["get", "all.yaml", "metadata/name", "--document", "1"], "settings"),
    ] {
        assert_eq!(directory.done(arguments).out(), value);
    }
    for (arguments, golden) in [
        (&["get", "all.yaml", "metadata/name"][..], "ambiguous"),
        (&["get", "all.yaml", "metadata/name", "--document", "3"], "no-such-index"),
        (&["get", "all.yaml", "metadata/name", "--document", "Secret/gone"], "no-such-name"),
        (&["get", "all.yaml", "gone"], "in-no-document"),
    ] {
        let run = directory.seal(arguments).run();
        run.golden(&format!("get/{golden}"));
        assert_ne!(run.code, 0);
    }
}

#[test]
fn what_is_not_there() {
    let directory = encrypted();
    for (path, golden) in [
        ("stringData/gone", "missing"),
        ("stringData/user/deeper", "too-deep"),
        (r#"["stringData"]["#, "bad-path"),
        ("stringData/~2", "bad-escape"),
        ("data/\u{1b}[31m", "escape-sequence"),
    ] {
        let run = directory.seal(&["get", "db.yaml", path]).run();
        run.golden(&format!("get/{golden}"));
        assert_ne!(run.code, 0);
    }
    directory.seal(&["get", "types.yaml", "list/7"]).run().golden("get/missing-index");
    directory.seal(&["get", "gone.yaml", "a"]).run().golden("get/no-such-file");
}

#[test]
fn standard_input() {
    let directory = encrypted();
    let run = directory.seal(&["get", "-", "stringData/key", "--document", "Secret/api"]);
    assert_eq!(run.stdin(directory.read("all.yaml")).run().out(), "hunter2-api");
    let run = directory.seal(&["get", "-", "stringData/password", "--type", "json"]);
    assert_eq!(run.stdin(directory.read("db.json")).run().out(), "hunter2");
}

#[test]
fn nothing_of_a_file_that_does_not_verify() {
    let directory = encrypted();
    let tampered = directory.read("all.yaml").replace("name: db", "name: other");
    directory.write("all.yaml", tampered);
    let run = directory.seal(&["get", "all.yaml", "stringData/key"]).run();
    run.golden("get/tampered");
    assert_eq!((run.code, run.out()), (3, ""));
}
