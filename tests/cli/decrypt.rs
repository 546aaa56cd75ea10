//! What `seal decrypt` gives.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::{TestDir, golden};
use crate::manifests::{API, CONFIG_MAP, JSON, SECRET, SERVICE, VALUES, stream};
use crate::sops_fixtures::{age_key, fixtures};

/// A directory with `db.yaml` and `api.yaml`, encrypted, and `web.yaml`, which has nothing secret.
fn encrypted() -> TestDir {
    let files = [("db.yaml", SECRET), ("api.yaml", API), ("web.yaml", SERVICE)];
    let directory = TestDir::with(&files);
    directory.done(&["encrypt", "-i", "db.yaml", "api.yaml"]);
    directory
}

#[test]
fn to_standard_output_with_a_summary_beside_it() {
    let directory = encrypted();
    let run = directory.seal(&["decrypt", "db.yaml"]).run();
    assert_eq!((run.code, run.out()), (0, SECRET));
    golden("decrypt/summary", &run.stderr);
    let run = directory.seal(&["decrypt", "-q", "db.yaml"]).run();
    assert_eq!((run.code, run.out(), run.stderr.as_str()), (0, SECRET, ""));
}

#[test]
fn several_files_become_one_stream() {
    let directory = encrypted();
    let run = directory.seal(&["decrypt", "db.yaml", "web.yaml", "api.yaml"]).run();
    assert_eq!(run.out(), stream(&[SECRET, SERVICE, API]));
    golden("decrypt/several", &run.stderr);
    let run = directory.done(&["decrypt", "-o", "all.yaml", "db.yaml", "api.yaml"]);
    assert_eq!((run.out(), directory.read("all.yaml")), ("", stream(&[SECRET, API])));
}

#[test]
fn a_directory_in_place_and_as_a_stream() {
    let directory =
        TestDir::with(&[("r/a.yaml", SECRET), ("r/b.yaml", SERVICE), ("r/c/d.yaml", API)]);
    directory.done(&["encrypt", "-i", "r"]);
    let run = directory.done(&["decrypt", "r"]);
    assert_eq!(run.out(), stream(&[SECRET, SERVICE, API]));
    directory.seal(&["decrypt", "-i", "r"]).run().golden("decrypt/directory");
    assert_eq!(directory.read("r/a.yaml"), SECRET);
    assert_eq!(directory.read("r/c/d.yaml"), API);
}

/// `seal decrypt f >f` and a render that wrote nothing: a deploy must not take it for success.
#[test]
fn a_named_file_with_nothing_in_it_is_an_error() {
    let directory = encrypted();
    directory.write("empty.yaml", "\n");
    directory.seal(&["decrypt", "empty.yaml"]).run().golden("decrypt/empty-file");
    let run = directory.seal(&["decrypt", "-o", "all.yaml", "db.yaml", "empty.yaml"]).run();
    run.golden("decrypt/empty-one-of-several");
    assert!(!directory.path("all.yaml").exists());
    // In place there is nothing to lose, and in a directory nobody named it.
    directory.done(&["decrypt", "-i", "empty.yaml"]);
    let run = directory.done(&["decrypt", "."]);
    assert_eq!(run.out(), stream(&[API, SECRET, SERVICE]));
}

#[test]
fn one_file_that_fails_leaves_standard_output_empty() {
    let directory = encrypted();
    let tampered = directory.read("api.yaml").replace("name: api", "name: other");
    directory.write("api.yaml", tampered);
    let run = directory.seal(&["decrypt", "db.yaml", "api.yaml", "web.yaml"]).run();
    run.golden("decrypt/one-of-several");
    assert_eq!((run.code, run.out()), (3, ""));
    let run = directory.seal(&["decrypt", "-o", "all.yaml", "db.yaml", "api.yaml"]).run();
    assert_eq!(run.code, 3);
    assert!(!directory.path("all.yaml").exists());
    // In place the others are done.
    let run = directory.seal(&["decrypt", "-i", "db.yaml", "api.yaml", "web.yaml"]).run();
    run.golden("decrypt/one-of-several-in-place");
    assert_eq!(directory.read("db.yaml"), SECRET);
}

#[test]
fn files_of_several_formats_do_not_join() {
    let directory = TestDir::with(&[("a.json", JSON), ("b.yaml", API)]);
    directory.done(&["encrypt", "-i", "a.json", "b.yaml"]);
    directory.seal(&["decrypt", "a.json", "b.yaml"]).run().golden("decrypt/json-among-yaml");
    directory.done(&["decrypt", "-i", "a.json", "b.yaml"]);
    assert_eq!(directory.read("a.json"), JSON);
}

#[test]
fn a_text_that_a_line_break_would_change_does_not_join() {
    let open = format!("{API}  text: |\n    hunter2");
    let directory = TestDir::with(&[("a.yaml", &open), ("b.yaml", API)]);
    directory.done(&["encrypt", "-i", "a.yaml", "b.yaml"]);
    directory.seal(&["decrypt", "a.yaml", "b.yaml"]).run().golden("decrypt/does-not-join");
    let run = directory.done(&["decrypt", "b.yaml", "a.yaml"]);
    assert_eq!(run.out(), stream(&[API, &open]));
}

#[test]
fn the_output_cannot_be_one_of_several_inputs() {
    let directory = encrypted();
    let before = directory.read("db.yaml");
    let run = directory.seal(&["decrypt", "-o", "db.yaml", "db.yaml", "api.yaml"]).run();
    run.golden("decrypt/output-among-inputs");
    assert_eq!(directory.read("db.yaml"), before);
    directory.done(&["decrypt", "-o", "db.yaml", "db.yaml"]);
    assert_eq!(directory.read("db.yaml"), SECRET);
}

#[test]
fn a_file_for_plaintext_is_for_its_owner_only() {
    let directory = encrypted();
    directory.done(&["decrypt", "-o", "plain.yaml", "db.yaml"]);
    let mode = fs::metadata(directory.path("plain.yaml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_is_not_encrypted_passes_unless_that_is_refused() {
    let directory = TestDir::with(&[("web.yaml", SERVICE), ("api.yaml", API)]);
    let run = directory.seal(&["decrypt", "web.yaml"]).run();
    assert_eq!((run.code, run.out()), (0, SERVICE));
    golden("decrypt/nothing-encrypted", &run.stderr);
    for (arguments, name) in [
        (["decrypt", "--require-encrypted", "web.yaml"], "require-encrypted"),
        (["decrypt", "--require-encrypted", "api.yaml"], "require-encrypted-clear-secret"),
    ] {
        let run = directory.seal(&arguments).run();
        run.golden(&format!("decrypt/{name}"));
        assert_eq!((run.code, run.out()), (3, ""));
    }
}

#[test]
fn a_namespace_that_a_document_lost_is_given_back() {
    let directory = encrypted();
    let without = directory.read("db.yaml").replace("  namespace: shop\n", "");
    directory.write("db.yaml", without);
    directory.seal(&["decrypt", "db.yaml"]).run().golden("decrypt/no-namespace");
    directory
        .seal(&["decrypt", "--namespace", "other", "db.yaml"])
        .run()
        .golden("decrypt/other-namespace");
    let run = directory.done(&["decrypt", "--namespace", "shop", "db.yaml"]);
    assert_eq!(run.out(), SECRET.replace("  namespace: shop\n", ""));
}

#[test]
fn a_stream_survives_what_pipelines_do() {
    let directory = TestDir::ready();
    let input = stream(&[SECRET, CONFIG_MAP, API]);
    let run = directory.seal(&["encrypt"]).stdin(input).run();
    // Re-ordered, one removed, a label added. (A line of dashes in the envelope is no marker.)
    let mut documents: Vec<_> = run.out().trim_end().split("\n---\n").collect();
    documents.reverse();
    documents.remove(1);
    let changed = documents.join("\n---\n") + "\n";
    let changed = changed.replace("labels: {app: shop}", "labels: {app: shop, x: y}");
    let run = directory.seal(&["decrypt"]).stdin(changed).run();
    assert_eq!(
        (run.code, run.out()),
        (0, stream(&[API, &SECRET.replace("{app: shop}", "{app: shop, x: y}")]).as_str())
    );
}

#[test]
fn files_of_real_sops_open_and_are_reported_as_unbound() {
    let directory = TestDir::new();
    let file = directory.write_home("key", &age_key("age-a"));
    for (case, name) in [("secret-regex", "yaml"), ("stream", "yaml"), ("json", "json")] {
        let source = fixtures().join("3.13.2").join(case).join(format!("encrypted.{name}"));
        let source = source.to_str().unwrap();
        let seal =
            |arguments: &[&str]| directory.seal(arguments).env("SOPS_AGE_KEY_FILE", &file).run();
        let run = seal(&["decrypt", source]);
        golden(&format!("decrypt/sops-{case}"), &run.stderr);
        assert_eq!(run.code, 0, "{case}");
        assert!(!run.out().contains("ENC["));
        let run = seal(&["decrypt", "--require-bound", source]);
        assert_eq!((run.code, run.out()), (3, ""), "{case}");
    }
}

#[test]
fn files_with_the_layout_of_sops_cannot_be_bound() {
    let directory =
        TestDir::with(&[("all.yaml", &stream(&[SECRET, API])), ("values.yaml", VALUES)]);
    directory.done(&["encrypt", "-i", "--layout", "sops", "all.yaml"]);
    directory.done(&["encrypt", "-i", "--encrypted-regex", "^password$", "values.yaml"]);
    directory.done(&["decrypt", "--require-bound", "values.yaml"]);
    directory
        .seal(&["decrypt", "--require-bound", "all.yaml"])
        .run()
        .golden("decrypt/require-bound");
}

#[test]
fn broken_yaml_is_no_verified_yaml() {
    let directory = encrypted();
    let broken = directory.read("db.yaml").replace("{app: shop}", "{app: shop");
    directory.write("db.yaml", broken);
    let run = directory.seal(&["decrypt", "db.yaml"]).run();
    run.golden("decrypt/broken");
    assert_eq!(run.out(), "");
}
