//! `seal set` and `seal unset`

use crate::harness::{Run, SECRET as NEEDLE, TestDir};
use crate::keys;
use crate::manifests::{API, CONFIG_MAP, JSON, SECRET, stream};
use crate::sops::Sops;

/// A file that is encrypted whole, with a value of every type.
const TYPES: &str = "\
# hunter2 of the file
text: hunter2
quoted: 'hunter2'   # why hunter2
block: |
  line hunter2
number: 0x1F
map:
    # about b
    b: hunter2

    a: [1, 2]
flow: {b: 1, a: hunter2}
list:
- one
- two: hunter2
  more: x
empty: {}
";

fn encrypted(files: &[(&str, &str)]) -> TestDir {
    let directory = TestDir::with(files);
    directory.write(".sops.yaml", keys::rules_for_whole_files());
    let names = files.iter().map(|(name, _)| *name);
    directory.done(&["encrypt", "-i"].into_iter().chain(names).collect::<Vec<_>>());
    directory
}

/// The lines of the second text that differ from the first, if it has as many.
#[track_caller]
fn changed_lines(before: &str, after: &str) -> Vec<String> {
    assert_eq!(before.lines().count(), after.lines().count());
    let pairs = before.lines().zip(after.lines()).filter(|(one, other)| one != other);
    pairs.map(|(_, after)| after.trim_start().split(": ").next().unwrap().to_owned()).collect()
}

#[track_caller]
fn quiet(run: &Run) {
    assert_eq!((run.code, run.out()), (0, ""), "{}", run.stderr);
}

#[test]
fn only_the_line_of_the_value_and_the_envelope_change() {
    let directory = encrypted(&[("db.yaml", SECRET)]);
    let before = directory.read("db.yaml");
    let run = directory.done(&["set", "db.yaml", "stringData/password", "\"hunter2-new\""]);
    run.golden("set/done");
    let after = directory.read("db.yaml");
    let changed: Vec<_> =
        changed_lines(&before, &after).into_iter().filter(|key| key != "lastmodified").collect();
    assert_eq!(changed, ["password", "mac"]);
    assert_eq!(
        directory.decrypted("db.yaml"),
        SECRET.replace("\"hunter2: \\\"quoted\\\"\"", "\"hunter2-new\"")
    );
}

#[test]
fn a_new_key_is_one_more_line_and_unset_takes_it_away() {
    let directory = encrypted(&[("db.yaml", SECRET)]);
    let before = directory.read("db.yaml");
    quiet(&directory.done(&["set", "db.yaml", "stringData/new", "--string", "hunter2"]));
    let after = directory.read("db.yaml");
    assert_eq!(after.lines().count(), before.lines().count() + 1);
    assert!(after.contains("\n  new: ENC[AES256_GCM,data:"), "{after}");
    let with = SECRET.replace("empty: \"\"\n", "empty: \"\"\n  new: hunter2\n");
    assert_eq!(directory.decrypted("db.yaml"), with);
    quiet(&directory.done(&["unset", "db.yaml", "stringData/new"]));
    assert_eq!(directory.decrypted("db.yaml"), SECRET);
    let back = directory.read("db.yaml");
    // In the same second even they are as they were.
    let changed = changed_lines(&before, &back);
    assert!(changed.iter().all(|key| key == "lastmodified" || key == "mac"), "{changed:?}");
}

#[test]
fn values_of_every_type_go_where_they_are_told() {
    let directory = encrypted(&[("types.yaml", TYPES)]);
    for (path, value) in [
        ("text", "\"two\\nlines of hunter2\\n\""),
        ("quoted", "\"it's hunter2\""),
        ("block", "true"),
        ("number", "9007199254740993"),
        ("map/b", "1.50"),
        ("map/c", "{\"x\": [\"hunter2\", {\"y\": null}], \"1\": \"\"}"),
        ("map/a/1", "\"a, hunter2\""),
        ("map/a/-", "-3"),
        ("flow/c", "[]"),
        ("list/0", "[1, 2]"),
        ("[\"list\"][2]", "\"hunter2\""),
        ("empty/not/any/more", "\"hunter2\""),
        ("new key", "\"yes\""),
    ] {
        quiet(&directory.done(&["set", "types.yaml", path, value]));
    }
    let plain = directory.decrypted("types.yaml");
    crate::harness::golden("set/types", &plain);
    for path in ["text", "map/b", "map/c/x/1", "list/0", "flow", "new key"] {
        quiet(&directory.done(&["unset", "types.yaml", path]));
    }
    crate::harness::golden("set/types-unset", &directory.decrypted("types.yaml"));
}

#[test]
fn a_value_comes_from_a_file_or_from_standard_input() {
    let directory = encrypted(&[("db.yaml", SECRET)]);
    let key = "-----BEGIN KEY-----\nhunter2\n-----END KEY-----\n";
    directory.write("key.pem", key);
    directory.write("value.json", "{\"x\": \"hunter2\"}\n");
    let set = |arguments: &[&str], stdin: &str| {
        let run = directory.seal(arguments).stdin(stdin).run();
        assert_eq!((run.code, run.out()), (0, ""), "{}", run.stderr);
    };
    let get = |path: &str| directory.done(&["get", "db.yaml", path]).out().to_owned();
    set(&["set", "db.yaml", "stringData/key", "--string", "--value-file", "key.pem"], "");
    assert_eq!(get("stringData/key"), key);
    set(&["set", "db.yaml", "stringData", "--value-file", "value.json"], "");
    assert_eq!(get("stringData/x"), "hunter2");
    let stdin = ["set", "db.yaml", "stringData/x", "--value-stdin", "--string"];
    for (given, value) in [
        ("hunter2-a", "hunter2-a"),
        ("hunter2-b\n", "hunter2-b"),
        ("hunter2-c\r\n", "hunter2-c"),
        ("hunter2\nd\n", "hunter2\nd\n"),
        ("\"hunter2\"", "\"hunter2\""),
        ("", ""),
    ] {
        set(&stdin, given);
        assert_eq!(get("stringData/x"), value);
    }
    set(&["set", "db.yaml", "stringData/x", "--value-stdin"], "\"hunter2\\n\"\n");
    assert_eq!(get("stringData/x"), "hunter2\n");
    set(&["set", "db.yaml", "data/raw", "--encode", "--value-file", "key.pem"], "");
    assert_eq!(directory.done(&["get", "--decode", "db.yaml", "data/raw"]).out(), key);
}

/// As a file it is standard input, so a script that means its pipe would set a dash.
#[test]
fn a_dash_is_no_value() {
    let directory = encrypted(&[("a.yaml", "password: hunter2\n")]);
    let before = directory.read("a.yaml");
    for arguments in
        [&["set", "a.yaml", "password", "-"][..], &["set", "-s", "a.yaml", "password", "-"]]
    {
        let run = directory.seal(arguments).stdin("hunter3").run();
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(run.stderr.contains("hint: `--value-stdin` reads it"), "{}", run.stderr);
    }
    assert_eq!(directory.read("a.yaml"), before);
}

#[test]
fn a_value_that_is_not_given_is_asked_for() {
    let directory = encrypted(&[("db.yaml", SECRET)]);
    let run = directory.bash("setsid -w seal set db.yaml stringData/new </dev/null");
    run.golden("set/no-value");
    let line = "seal set db.yaml stringData/new";
    let question = "new value of";
    let test = "cli a value that is not given is asked for";
    let Some(run) = directory.at_a_terminal(test, line, question, "hunter2 \"typed\"") else {
        return;
    };
    assert_eq!(run.code, 0, "{}", run.out());
    assert_eq!(directory.done(&["get", "db.yaml", "stringData/new"]).out(), "hunter2 \"typed\"");
}

#[test]
fn nothing_is_written_where_the_value_is_there() {
    let directory = encrypted(&[("types.yaml", TYPES)]);
    let path = directory.path("types.yaml");
    let state = || (directory.read("types.yaml"), path.metadata().unwrap().modified().unwrap());
    let before = state();
    for (path, value) in [("text", "\"hunter2\""), ("number", "31"), ("map/a", "[1, 2]")] {
        let run = directory.done(&["set", "types.yaml", path, value]);
        assert_eq!(run.stderr, "nothing to set\n");
        directory.done(&["set", "--idempotent", "types.yaml", path, value]);
    }
    directory.done(&["unset", "--idempotent", "types.yaml", "gone"]);
    directory.done(&["unset", "--idempotent", "types.yaml", "list/7"]);
    assert_eq!(state(), before);
    let run = directory.done(&["set", "types.yaml", "text", "\"hunter2\"", "--output", "-"]);
    assert_eq!(run.out(), before.0);
}

#[test]
fn the_document_is_told_or_the_one_that_has_the_value() {
    let other = SECRET.replace("namespace: shop", "namespace: test");
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: in-list}\n  stringData: {key: hunter2}\n";
    let plain = stream(&[SECRET, CONFIG_MAP, API, &other, list]);
    let directory = encrypted(&[("all.yaml", &plain)]);
    let mut expected = plain.clone();
    for (arguments, from, to) in [
        (&["stringData/key", "\"hunter2-b\""][..], "hunter2-api", "hunter2-b"),
        (
            &["stringData/key", "\"hunter2-c\"", "--document", "Secret/api"],
            "hunter2-b",
            "hunter2-c",
        ),
        (&["stringData/key", "\"hunter2-d\"", "--document", "2"], "hunter2-c", "hunter2-d"),
        (
            &["stringData/key", "\"hunter2-e\"", "--document", "secret/in-list"],
            "{key: hunter2}",
            "{key: hunter2-e}",
        ),
        (&["data/level", "\"info\"", "--document", "ConfigMap/settings"], "debug", "info"),
    ] {
        directory.done(&[&["set", "all.yaml"], arguments].concat());
        expected = expected.replace(from, to);
        assert_eq!(directory.decrypted("all.yaml"), expected);
    }
    let document = ["--document", "Secret/test/db"];
    directory.done(
        &[&["set", "all.yaml", "stringData/user", "--string", "hunter2"], &document[..]].concat(),
    );
    let (first, last) = expected.rsplit_once("admin-hunter2").unwrap();
    assert_eq!(directory.decrypted("all.yaml"), format!("{first}hunter2{last}"));
    directory.done(&[&["unset", "all.yaml", "stringData/user"], &document[..]].concat());
    let before = directory.read("all.yaml");
    for (arguments, golden) in [
        (&["set", "all.yaml", "stringData/x", "1"][..], "several-documents"),
        (&["set", "all.yaml", "stringData/empty", "1"], "several-have-it"),
        (&["set", "all.yaml", "data/x", "1", "--document", "Secret/db"], "several-of-a-name"),
        (&["set", "all.yaml", "data/x", "1", "--document", "Secret/gone"], "no-such-document"),
        (&["set", "all.yaml", "data/x", "1", "--document", "9"], "no-such-index"),
        (&["unset", "all.yaml", "stringData/empty"], "unset-several"),
        (&["unset", "all.yaml", "stringData/gone"], "unset-missing"),
    ] {
        let run = directory.seal(arguments).run();
        run.golden(&format!("set/{golden}"));
        assert_ne!(run.code, 0);
    }
    assert_eq!(directory.read("all.yaml"), before);
}

#[test]
fn envelopes_of_other_documents_stay() {
    let directory = encrypted(&[("all.yaml", &stream(&[SECRET, API]))]);
    let before = directory.read("all.yaml");
    directory.done(&["set", "all.yaml", "stringData/key", "\"hunter2-b\""]);
    let after = directory.read("all.yaml");
    let first = |text: &str| text.split_once("---\n").unwrap().0.to_owned();
    assert_eq!(first(&before), first(&after));
    assert_ne!(before, after);
}

#[test]
fn every_document_of_a_stream_that_shares_an_envelope() {
    let directory = TestDir::with(&[("all.yaml", &stream(&[SECRET, API]))]);
    directory.done(&["encrypt", "-i", "--layout", "sops", "all.yaml"]);
    directory.done(&["set", "all.yaml", "stringData/key", "\"hunter2-b\""]);
    let expected = stream(&[SECRET, &API.replace("hunter2-api", "hunter2-b")]);
    assert_eq!(directory.decrypted("all.yaml"), expected);
}

#[test]
fn what_cannot_be_set_is_said_and_nothing_is_written() {
    let directory = encrypted(&[("db.yaml", SECRET), ("types.yaml", TYPES)]);
    directory.write("plain.yaml", "a: hunter2\n");
    directory.write("empty.yaml", "");
    directory.write("broken.yaml", directory.read("db.yaml").replace("name: db", "name: other"));
    directory.write("binary.bin", b"\xFF\xFE");
    let before = (directory.read("db.yaml"), directory.read("types.yaml"));
    for (arguments, golden, code) in [
        (&["db.yaml", "stringData/x", "hunter2"][..], "no-json", 2),
        (&["db.yaml", "stringData/x", "{\"a\": hunter2}"], "no-json-inside", 2),
        (&["db.yaml", "stringData/x", "-hunter2"], "no-json-hyphen", 2),
        (&["db.yaml", "stringData/x", "my", "hunter2", "--string"], "two-values", 2),
        (&["db.yaml", "stringData/x", "5432"], "no-text", 2),
        (&["db.yaml", "stringData", "{\"a\": \"x\", \"b\": {}}"], "no-text-inside", 2),
        (&["db.yaml", "stringData/a/b", "\"hunter2\""], "below-a-text", 2),
        (&["db.yaml", "data/x", "\"hunter2\""], "no-base64", 2),
        (&["db.yaml", "data/x", "--string", "--value-file", "binary.bin"], "no-utf8", 2),
        (&["db.yaml", "data/x", "--value-file", "gone"], "no-value-file", 1),
        (&["db.yaml", "[\"a\"", "1"], "bad-path", 2),
        (&["db.yaml", "sops/mac", "\"x\""], "envelope", 2),
        (&["types.yaml", "list/9", "1"], "index-behind-the-end", 1),
        (&["types.yaml", "[\"map\"][0]", "1"], "index-in-a-map", 1),
        (&["types.yaml", "list/key", "1"], "key-in-a-list", 1),
        (&["types.yaml", "text/deeper", "1"], "below-a-value", 1),
        (&["types.yaml", "text", "18446744073709551616e999"], "number-too-large", 2),
        (&["plain.yaml", "a", "1"], "not-encrypted", 1),
        (&["empty.yaml", "a", "1"], "empty-file", 1),
        (&["broken.yaml", "stringData/x", "\"x\""], "tampered", 3),
        (&["gone.yaml", "a", "1"], "no-such-file", 1),
        (&[".", "a", "1"], "directory", 1),
        (&["-", "a", "--value-stdin"], "stdin-twice", 2),
    ] {
        let run = directory.seal(&[&["set"], arguments].concat()).run();
        run.golden(&format!("set/{golden}"));
        assert_eq!(run.code, code, "{golden}");
    }
    let run = directory.seal(&["set", "db.yaml", "stringData/x", "\"x\""]);
    let run = run.env("HOME", "/nonexistent").run();
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert_eq!((directory.read("db.yaml"), directory.read("types.yaml")), before);
    assert!(!directory.files().iter().any(|name| name.contains(".tmp")));
}

#[test]
fn aliases_are_left_to_their_author() {
    let source = "a: &x hunter2\nb: *x\nc: 1\n";
    let directory = encrypted(&[("types.yaml", TYPES)]);
    directory.write("alias.yaml", source);
    directory.done(&["encrypt", "-i", "--encrypted-regex", "^c$", "alias.yaml"]);
    for (arguments, golden) in [
        (&["set", "alias.yaml", "a", "1"][..], "repeated"),
        (&["set", "alias.yaml", "b", "1"], "alias"),
        (&["unset", "alias.yaml", "a"], "unset-repeated"),
    ] {
        directory.seal(arguments).run().golden(&format!("set/{golden}"));
    }
    quiet(&directory.done(&["set", "alias.yaml", "c", "2"]));
    quiet(&directory.done(&["unset", "alias.yaml", "b"]));
    assert_eq!(directory.decrypted("alias.yaml"), "a: &x hunter2\nc: 2\n");
}

#[test]
fn a_value_that_stays_in_clear_is_said() {
    let directory = encrypted(&[("db.yaml", SECRET)]);
    directory.done(&["set", "db.yaml", "metadata/labels/tier", "\"gold\""]).golden("set/in-clear");
}

#[test]
fn the_result_goes_where_it_is_told() {
    let directory = encrypted(&[("db.yaml", SECRET)]);
    let before = directory.read("db.yaml");
    let arguments = ["set", "db.yaml", "stringData/user", "--string", "hunter2-new"];
    directory.done(&[&arguments[..], &["-o", "new.yaml"]].concat());
    let run = directory.done(&[&arguments[..], &["-o", "-"]].concat());
    directory.write("piped.yaml", run.out());
    let run = directory.seal(&["set", "-", "stringData/user", "--string", "hunter2-new"]);
    directory.write("stdin.yaml", run.stdin(before.as_str()).run().stdout);
    assert_eq!(directory.read("db.yaml"), before);
    for name in ["new.yaml", "piped.yaml", "stdin.yaml"] {
        let user = directory.done(&["get", name, "stringData/user"]);
        assert_eq!(user.out(), "hunter2-new", "{name}");
    }
}

#[test]
fn other_formats() {
    let dotenv = "# hunter2\nUSER=admin\nPASSWORD=hunter2\n";
    let ini = "; hunter2\n[db]\nuser = admin\npassword = hunter2\n";
    let directory = encrypted(&[("db.json", JSON), ("a.env", dotenv), ("a.ini", ini)]);
    directory.write("key.bin", "hunter2\n");
    directory.done(&["encrypt", "-i", "--type", "binary", "key.bin"]);
    for (name, path, value, before, after) in [
        ("db.json", "stringData/password", "--string", "\"hunter2\"", "\"hunter2-new\""),
        ("a.env", "PASSWORD", "--string", "PASSWORD=hunter2", "PASSWORD=hunter2-new"),
        ("a.env", "NEW", "--string", "hunter2-new\n", "hunter2-new\nNEW=hunter2-new\n"),
        ("a.ini", "db/password", "--string", "= hunter2", "= hunter2-new"),
    ] {
        let plain = directory.decrypted(name);
        quiet(&directory.done(&["set", name, path, value, "hunter2-new"]));
        assert_eq!(directory.decrypted(name), plain.replacen(before, after, 1), "{name}");
    }
    let run =
        directory.seal(&["set", "--type", "binary", "key.bin", "data", "--string", "hunter2-new"]);
    quiet(&run.run());
    let run = directory.done(&["decrypt", "--type", "binary", "key.bin"]);
    assert_eq!(run.out(), "hunter2-new");
    quiet(&directory.done(&["unset", "a.env", "NEW"]));
    quiet(&directory.done(&["unset", "a.ini", "db/user"]));
    assert_eq!(directory.decrypted("a.ini"), "; hunter2\n[db]\npassword = hunter2-new\n");
}

#[test]
fn sops_reads_what_was_set_and_sets_what_is_read() {
    let directory = encrypted(&[("types.yaml", TYPES), ("db.json", JSON)]);
    let Some(sops) = Sops::of(&directory, "cli sops reads what was set") else { return };
    quiet(&directory.done(&["set", "types.yaml", "map/b", "[\"hunter2\", 5, {\"x\": true}]"]));
    quiet(&directory.done(&["set", "types.yaml", "list/0", "\"two\\nlines\\n\""]));
    quiet(&directory.done(&["unset", "types.yaml", "flow/a"]));
    quiet(&directory.done(&["set", "db.json", "stringData/new", "\"hunter2\""]));
    let plain = directory.decrypted("types.yaml");
    assert_eq!(sops.values("types.yaml"), crate::sops::values(&plain));
    assert_eq!(sops.values("db.json"), crate::sops::values(&directory.decrypted("db.json")));
    sops.run(&["set", "types.yaml", "[\"map\"][\"b\"][1]", "\"hunter2-sops\""]);
    quiet(&directory.done(&["set", "types.yaml", "[\"map\"][\"b\"][0]", "\"hunter2-seal\""]));
    sops.run(&["unset", "types.yaml", "[\"map\"][\"b\"][2]"]);
    let found = directory.done(&["get", "types.yaml", "map/b"]);
    let found: Vec<String> = serde_yaml::from_str(found.out()).unwrap();
    assert_eq!(found, ["hunter2-seal", "hunter2-sops"]);
}

/// What was set is nowhere but in ciphertext: the harness looks at stderr, this at the file.
#[test]
fn a_secret_is_not_in_the_file() {
    let directory = encrypted(&[("db.yaml", SECRET)]);
    directory.done(&["set", "db.yaml", "stringData/a~1b", "--string", NEEDLE, "--type", "yaml"]);
    directory.done(&["set", "db.yaml", "stringData/c", "--string", "hunter2\nhunter2\n"]);
    assert!(!directory.read("db.yaml").contains(NEEDLE));
}
