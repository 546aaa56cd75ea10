//! What `seal encrypt` does with what it takes.

use crate::harness::{TestDir, golden, without_chance};
use crate::keys;
use crate::manifests::{API, CONFIG_MAP, JSON, SECRET, SERVICE, VALUES, stream};

/// Encrypts the file in place and returns what it holds then; it has to come back byte for byte.
#[track_caller]
fn there_and_back(name: &str, text: &str, options: &[&str]) -> String {
    let directory = TestDir::ready();
    directory.write(".sops.yaml", keys::rules_for_whole_files());
    directory.write(name, text);
    directory.done(&[&["encrypt", "-i", name], options].concat());
    let encrypted = directory.read(name);
    assert!(!encrypted.contains("hunter2") && encrypted.contains("ENC[AES256_GCM,"), "{encrypted}");
    assert_eq!(directory.decrypted(name), text);
    directory.done(&["decrypt", "-i", name]);
    assert_eq!(directory.read(name), text);
    encrypted
}

#[test]
fn a_file_in_place_changes_in_its_secrets_only() {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    let run = directory.seal(&["encrypt", "-i", "db.yaml"]).run();
    run.golden("encrypt/in-place");
    golden("encrypt/in-place-file", &without_chance(&directory.read("db.yaml")));
    assert_eq!(directory.decrypted("db.yaml"), SECRET);
    assert_eq!(directory.files(), [".sops.yaml", "db.yaml"]);
}

#[test]
fn several_files_in_place_are_counted_together() {
    let directory = TestDir::with(&[
        ("a.yaml", SECRET),
        ("b.yaml", API),
        ("c.json", JSON),
        ("d.yaml", SERVICE),
    ]);
    let run = directory.seal(&["encrypt", "-i", "a.yaml", "b.yaml", "c.json", "d.yaml"]).run();
    run.golden("encrypt/several");
    assert_eq!(directory.decrypted("c.json"), JSON);
    assert_eq!(directory.read("d.yaml"), SERVICE);
}

#[test]
fn a_directory_leaves_alone_what_is_no_manifest() {
    let files = [
        (".release/a/db.yaml", SECRET),
        (".release/api.yml", API),
        (".release/json.json", JSON),
        (".release/service.yaml", SERVICE),
        (".release/values.yaml", VALUES),
        (".release/Chart.yaml", "name: app\nversion: 1.0.0\n"),
        (".release/data.yaml", "data:\n  key: value\n"),
        (".release/README.md", "hunter2\n"),
    ];
    let directory = TestDir::with(&files);
    // The rules as `seal init` writes them fit every file.
    let run = directory.seal(&["encrypt", "-i", ".release"]).run();
    run.golden("encrypt/directory");
    for (name, text) in files {
        let is_secret = text.contains("kind: Secret") || text.contains("\"Secret\"");
        assert_eq!(directory.read(name) == text, !is_secret, "{name}");
    }
    let run = directory.seal(&["encrypt", "-i", ".release"]).run();
    run.golden("encrypt/directory-again");
}

#[test]
fn the_rules_of_a_fresh_init_leave_other_yaml_alone() {
    let directory = TestDir::new();
    directory.done(&["init"]);
    directory.write("chart/values.yaml", VALUES);
    directory.write("chart/Chart.yaml", "name: app\nversion: 1.0.0\n");
    directory.write("chart/templates/db.yaml", SECRET);
    directory.done(&["encrypt", "-i", "chart"]);
    assert_eq!(directory.read("chart/values.yaml"), VALUES);
    assert_eq!(directory.read("chart/Chart.yaml"), "name: app\nversion: 1.0.0\n");
    assert_ne!(directory.read("chart/templates/db.yaml"), SECRET);
}

#[test]
fn a_pattern_is_expanded_where_the_shell_did_not() {
    let directory =
        TestDir::with(&[("a/x/db.yaml", SECRET), ("a/y/api.yaml", API), ("a/z.yaml", API)]);
    directory.seal(&["encrypt", "-i", "a/*/*.yaml"]).run().golden("encrypt/pattern");
    assert_eq!(directory.read("a/z.yaml"), API);
}

#[test]
fn standard_input_goes_to_standard_output() {
    let directory = TestDir::ready();
    let input = stream(&[SERVICE, SECRET, CONFIG_MAP, API]);
    let run = directory.seal(&["encrypt"]).stdin(input.as_str()).run();
    run.golden("encrypt/stdin");
    let back = directory.seal(&["decrypt"]).stdin(run.stdout).run();
    assert_eq!(back.out(), input);
}

#[test]
fn an_output_file_leaves_the_input_as_it_is() {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    directory.seal(&["encrypt", "-o", "db.enc.yaml", "db.yaml"]).run().golden("encrypt/output");
    assert_eq!(directory.read("db.yaml"), SECRET);
    assert_eq!(directory.decrypted("db.enc.yaml"), SECRET);
}

#[test]
fn a_file_as_its_own_output_is_replaced() {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    let run = directory.done(&["encrypt", "-o", "./db.yaml", "db.yaml"]);
    assert_eq!(run.out(), "");
    assert_eq!(directory.decrypted("db.yaml"), SECRET);
}

#[test]
fn an_encrypted_file_stays_as_it_is() {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    directory.done(&["encrypt", "-i", "db.yaml"]);
    let encrypted = directory.read("db.yaml");
    directory.seal(&["encrypt", "-i", "db.yaml"]).run().golden("encrypt/already");
    assert_eq!(directory.read("db.yaml"), encrypted);
    let run = directory.seal(&["encrypt", "db.yaml"]).run();
    assert_eq!((run.code, run.out()), (0, encrypted.as_str()));
}

#[test]
fn a_stream_that_is_encrypted_in_part_gets_the_rest() {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    directory.done(&["encrypt", "-i", "db.yaml"]);
    let encrypted = directory.read("db.yaml");
    directory.write("all.yaml", stream(&[&encrypted, API]));
    directory.seal(&["encrypt", "-i", "all.yaml"]).run().golden("encrypt/in-part");
    assert!(directory.read("all.yaml").starts_with(&encrypted));
    assert_eq!(directory.decrypted("all.yaml"), stream(&[SECRET, API]));
}

#[test]
fn nothing_to_do_is_no_failure() {
    let directory = TestDir::with(&[("web.yaml", SERVICE), ("map.yaml", CONFIG_MAP)]);
    std::fs::create_dir(directory.path("nothing")).unwrap();
    directory.seal(&["encrypt", "-i", "web.yaml"]).run().golden("encrypt/no-secret");
    directory.seal(&["encrypt", "web.yaml"]).run().golden("encrypt/no-secret-to-stdout");
    directory.seal(&["encrypt", "-i", "map.yaml"]).run().golden("encrypt/config-map");
    directory.seal(&["encrypt", "-i", "nothing"]).run().golden("encrypt/empty-directory");
    assert_eq!(directory.read("map.yaml"), CONFIG_MAP);
}

#[test]
fn a_file_that_is_no_manifest_is_encrypted_whole_where_it_is_named() {
    let directory = TestDir::with(&[("values.yaml", VALUES)]);
    directory.write(".sops.yaml", keys::rules_for_whole_files());
    directory.seal(&["encrypt", "values.yaml"]).run().golden("encrypt/whole-file");
    there_and_back("values.yaml", VALUES, &[]);
}

#[test]
fn a_flag_says_what_is_secret() {
    let directory = TestDir::with(&[("values.yaml", VALUES)]);
    let run = directory.seal(&["encrypt", "--encrypted-regex", "^password$", "values.yaml"]).run();
    run.golden("encrypt/flag");
    for options in [
        ["--encrypted-suffix", "word"],
        ["--unencrypted-suffix", "tag"],
        ["--unencrypted-regex", "^(image|tag)$"],
        ["--encrypted-regex", "(?i)^PASS"],
    ] {
        there_and_back("values.yaml", VALUES, &options);
    }
    let text = "# clear\na: 1\n# secret\nb: hunter2\n";
    there_and_back("values.yaml", text, &["--encrypted-comment-regex", "secret"]);
    there_and_back("values.yaml", text, &["--unencrypted-comment-regex", "clear"]);
}

#[test]
fn the_items_of_a_list_are_documents_of_their_own() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: a}\n  \
                stringData:\n    key: hunter2\n- apiVersion: v1\n  kind: ConfigMap\n  data: {level: debug}\n";
    let encrypted = there_and_back("list.yaml", list, &[]);
    golden("encrypt/list", &without_chance(&encrypted));
}

#[test]
fn crlf_byte_order_marks_and_missing_line_breaks_stay() {
    let crlf = SECRET.replace('\n', "\r\n");
    let encrypted = there_and_back("crlf.yaml", &crlf, &[]);
    assert_eq!(encrypted.matches('\n').count(), encrypted.matches("\r\n").count());
    let marked = format!("\u{feff}{SECRET}");
    assert!(there_and_back("bom.yaml", &marked, &[]).starts_with('\u{feff}'));
    there_and_back("end.yaml", SECRET.trim_end(), &[]);
    there_and_back("end.json", JSON.trim_end(), &[]);
    there_and_back("literal.yaml", &format!("{API}  text: |\n    hunter2"), &[]);
}

#[test]
fn integers_of_any_size_come_back_where_they_are_not_secret() {
    let text = "big: 123456789012345678901234567890\nfloat: 1.0\npassword: hunter2\n";
    there_and_back("values.yaml", text, &["--encrypted-regex", "^password$"]);
    let text = "big: 9223372036854775807\nfloat: 1e3\nbool: TRUE\npassword: hunter2\n";
    there_and_back("values.yaml", text, &[]);
    let json =
        "{\n  \"big\": 9223372036854775807,\n  \"float\": 1.50,\n  \"password\": \"hunter2\"\n}\n";
    there_and_back("values.json", json, &[]);
}

#[test]
fn aliases_elsewhere_stay_and_those_in_a_secret_are_written_out_on_demand() {
    let elsewhere = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: &n db\n  labels: {app: *n}\nstringData:\n  key: hunter2\n";
    there_and_back("elsewhere.yaml", elsewhere, &[]);

    let inside = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData:\n  key: &k hunter2\n  same: *k\n";
    let directory = TestDir::with(&[("inside.yaml", inside)]);
    directory.done(&["encrypt", "-i", "--expand-aliases", "inside.yaml"]);
    golden("encrypt/expanded-alias", &directory.decrypted("inside.yaml"));
}

#[test]
fn annotations_that_repeat_the_secret_are_taken_away_on_demand() {
    let directory = TestDir::with(&[("applied.yaml", crate::encrypt_refused::APPLIED)]);
    directory.seal(&["encrypt", "-i", "--strip", "applied.yaml"]).run().golden("encrypt/strip");
    golden("encrypt/strip-decrypted", &directory.decrypted("applied.yaml"));
}

#[test]
fn the_layout_of_sops_has_one_envelope_over_all_documents() {
    let input = stream(&[SERVICE, SECRET, API]);
    let directory = TestDir::with(&[("all.yaml", &input)]);
    directory
        .seal(&["encrypt", "--layout", "sops", "all.yaml"])
        .run()
        .golden("encrypt/layout-sops");
    there_and_back("all.yaml", &input, &["--layout", "sops"]);
}

#[test]
fn the_scope_says_what_may_be_renamed_and_moved() {
    for (scope, renamed, moved) in
        [("name", false, false), ("namespace", true, false), ("none", true, true)]
    {
        let directory = TestDir::with(&[("db.yaml", SECRET)]);
        directory.done(&["encrypt", "-i", "--scope", scope, "db.yaml"]);
        let encrypted = directory.read("db.yaml");
        let decrypts = |text: String| {
            let run = directory.seal(&["decrypt"]).stdin(text).run();
            assert!([0, 3].contains(&run.code), "{}", run.stderr);
            run.code == 0
        };
        assert_eq!(decrypts(encrypted.replace("name: db", "name: other")), renamed, "{scope}");
        assert_eq!(
            decrypts(encrypted.replace("namespace: shop", "namespace: b")),
            moved,
            "{scope}"
        );
    }
}

#[test]
fn a_shell_s_pipe_is_yaml_without_a_name() {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    let run =
        directory.bash("seal encrypt <(cat db.yaml) 2>/dev/null | seal decrypt -q /dev/stdin");
    assert_eq!((run.code, run.out(), run.stderr.as_str()), (0, SECRET, ""));
}

#[test]
fn a_name_can_stand_for_standard_input() {
    let directory = TestDir::ready();
    let run = directory.seal(&["encrypt", "--filename-override", "x/a.json"]).stdin(JSON).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    let back = directory.seal(&["decrypt", "--type", "json"]).stdin(run.stdout).run();
    assert_eq!(back.out(), JSON);
}
