//! `--input-type` and `--output-type`

use crate::harness::TestDir;
use crate::harness::not_run::not_run;
use crate::keys;
use crate::manifests::{CONFIG_MAP, SECRET, stream};
use crate::sops::Sops;

const SETTINGS: &str = "\
# about hunter2
db:
  # the password
  password: hunter2   # inline
  port: 5432
  ratio: 1.0
  on: true
";

const NESTED: &str = "a:\n  b:\n    c: hunter2\n";

const ENV: &str = "# about\nUSER=admin\nPASSWORD=hunter2\nMOTD=a\\nb\n";

fn directory() -> TestDir {
    let directory = TestDir::with(&[
        ("settings.yaml", SETTINGS),
        ("nested.yaml", NESTED),
        ("app.env", ENV),
        ("key.txt", "hunter2 \u{e9}\n"),
    ]);
    directory.write(".sops.yaml", keys::rules_for_whole_files());
    directory.write("bytes.bin", b"hunter2\xff\n");
    directory
}

fn encrypted() -> TestDir {
    let directory = directory();
    directory.done(&["encrypt", "-i", "settings.yaml", "nested.yaml", "app.env"]);
    directory.done(&["encrypt", "-i", "--type", "binary", "key.txt", "bytes.bin"]);
    directory
}

/// The types of the inputs whose names do not tell.
fn input_type(name: &str) -> &'static [&'static str] {
    match name {
        "key.txt" | "bytes.bin" => &["--input-type", "binary"],
        _ => &[],
    }
}

#[test]
fn every_direction_prints_or_says_why_not() {
    let directory = encrypted();
    let mut all = String::new();
    for name in ["settings.yaml", "nested.yaml", "app.env", "key.txt", "bytes.bin"] {
        for to in ["yaml", "json", "dotenv", "ini", "binary"] {
            let arguments = [&["decrypt", "-q", "--output-type", to], input_type(name), &[name]];
            let run = directory.seal(&arguments.concat()).run();
            let stdout = String::from_utf8_lossy(&run.stdout).into_owned();
            assert_eq!(run.code == 0, run.stderr.is_empty(), "{name} to {to}: {}", run.stderr);
            assert!(run.code == 0 || stdout.is_empty(), "{name} to {to}");
            all.push_str(&format!("== {name} to {to}: {}\n{stdout}{}", run.code, run.stderr));
        }
    }
    crate::harness::golden("conversions/every-direction", &all);
}

#[test]
fn the_type_of_the_input_changes_no_byte_of_the_layout() {
    let directory = encrypted();
    for (name, source, same) in [("settings.yaml", SETTINGS, "yaml"), ("app.env", ENV, "dotenv")] {
        let run = directory.seal(&["decrypt", "-q", "--output-type", same, name]).run();
        assert_eq!((run.code, run.out()), (0, source));
    }
}

#[test]
fn what_is_encrypted_in_another_format_is_an_ordinary_file_of_it() {
    let directory = directory();
    for (name, to, output) in [
        ("settings.yaml", "json", "out.json"),
        ("settings.yaml", "ini", "out.ini"),
        ("app.env", "yaml", "out.yaml"),
        ("nested.yaml", "json", "nested.json"),
    ] {
        directory.done(&["encrypt", "--output-type", to, "-o", output, name]);
        let written = directory.read(output);
        assert!(written.contains("ENC[AES256_GCM") && !written.contains("hunter2"), "{written}");
        let direct = directory.done(&["encrypt", "--output-type", to, name]);
        assert!(!direct.out().contains("hunter2"));
        // Decrypted again, it is what the input would have been converted to.
        let clear = directory.seal(&["decrypt", "-q", "--output-type", to, name]).run();
        assert_eq!(directory.decrypted(output), clear.out(), "{name} to {to}");
    }
    directory.done(&[
        "encrypt",
        "--type",
        "binary",
        "--output-type",
        "yaml",
        "-o",
        "k.yaml",
        "key.txt",
    ]);
    let back = directory.seal(&["decrypt", "-q", "--output-type", "binary", "k.yaml"]).run();
    assert_eq!((back.code, back.out()), (0, "hunter2 \u{e9}\n"));
}

#[test]
fn standard_input_is_converted_both_ways() {
    let directory = directory();
    let convert = |arguments: &[&str], stdin: &[u8]| {
        let run = directory.seal(arguments).stdin(stdin).run();
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
        run.stdout
    };
    let json =
        convert(&["encrypt", "--input-type", "dotenv", "--output-type", "json"], ENV.as_bytes());
    assert!(json.starts_with(b"{\n\t\"USER\": \"ENC["));
    let env = convert(&["decrypt", "--input-type", "json", "--output-type", "dotenv"], &json);
    // JSON has no comments.
    assert_eq!(String::from_utf8(env).unwrap(), ENV.replace("# about\n", ""));
}

#[test]
fn a_file_is_not_replaced_by_another_format() {
    let directory = encrypted();
    let before = directory.read("settings.yaml");
    for arguments in [
        &["decrypt", "-i", "--output-type", "json", "settings.yaml"][..],
        &["encrypt", "-i", "--output-type", "json", "settings.yaml"],
        &["decrypt", "-o", "settings.yaml", "--output-type", "json", "settings.yaml"],
    ] {
        let run = directory.seal(arguments).run();
        assert_eq!((run.code, run.out()), (2, ""), "{arguments:?}");
        assert!(run.stderr.contains("cannot be replaced by json in place"), "{}", run.stderr);
    }
    assert_eq!(directory.read("settings.yaml"), before);
}

#[test]
fn nothing_is_written_if_it_cannot_be_converted() {
    let directory = encrypted();
    let run =
        directory.seal(&["decrypt", "-o", "out.env", "--output-type", "dotenv", "nested.yaml"]);
    let run = run.run();
    assert_eq!((run.code, run.out()), (1, ""));
    assert!(run.stderr.contains(r#"["a"]: dotenv has no place for a mapping"#), "{}", run.stderr);
    assert!(!directory.path("out.env").exists());
}

#[test]
fn an_encrypted_file_is_not_encrypted_into_another_format() {
    let directory = encrypted();
    for name in ["settings.yaml", "app.env"] {
        let run = directory.seal(&["encrypt", "--output-type", "json", name]).run();
        assert_eq!((run.code, run.out()), (1, ""), "{name}");
        assert!(run.stderr.contains("encrypted already"), "{}", run.stderr);
    }
}

#[test]
fn several_files_are_joined_as_yaml_whatever_they_were() {
    let directory = encrypted();
    let arguments = ["decrypt", "-q", "--output-type", "yaml", "app.env", "nested.yaml"];
    let run = directory.seal(&arguments).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.out().contains("PASSWORD: hunter2\n") && run.out().contains("\n---\na:\n"));
    let arguments = ["decrypt", "-q", "--output-type", "json", "settings.yaml", "nested.yaml"];
    let run = directory.seal(&arguments).run();
    assert_eq!((run.code, run.out()), (2, ""));
}

#[test]
fn documents_with_envelopes_of_their_own_are_converted_together() {
    let directory = TestDir::with(&[("all.yaml", &stream(&[SECRET, CONFIG_MAP]))]);
    directory.write(".sops.yaml", keys::rules(""));
    directory.done(&["encrypt", "-i", "all.yaml"]);
    let run = directory.seal(&["decrypt", "--output-type", "json", "all.yaml"]).run();
    assert_eq!((run.code, run.out()), (1, ""));
    assert!(run.stderr.contains("2 documents, and json holds only one"), "{}", run.stderr);
    let run = directory.seal(&["get", "--output-type", "json", "all.yaml", "stringData"]).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.out().starts_with("{\n\t\"") && run.out().contains("hunter2"), "{}", run.out());
}

#[test]
fn an_altered_file_is_refused_before_anything_is_printed() {
    let directory = encrypted();
    let text = directory.read("settings.yaml");
    directory.write("settings.yaml", text.replace("port:", "prt:"));
    for to in ["json", "ini", "yaml"] {
        let run = directory.seal(&["decrypt", "--output-type", to, "settings.yaml"]).run();
        assert_eq!((run.code, run.out()), (3, ""), "{to}");
    }
}

#[test]
fn a_collection_is_got_in_another_format() {
    let directory = encrypted();
    for (to, path, expected) in [
        ("json", "db/port", "5432\n"),
        ("json", "db/password", "hunter2"),
        (
            "dotenv",
            "db",
            "# the password\n# inline\npassword=hunter2\nport=5432\nratio=1.0\non=true\n",
        ),
        (
            "json",
            "db",
            "{\n\t\"password\": \"hunter2\",\n\t\"port\": 5432,\n\t\"ratio\": 1,\n\t\"on\": true\n}\n",
        ),
    ] {
        let run = directory.seal(&["get", "--output-type", to, "settings.yaml", path]).run();
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(run.out(), expected, "{path} as {to}");
    }
}

#[test]
fn the_indentation_is_that_of_the_configuration() {
    let directory = directory();
    let rules = keys::rules_for_whole_files();
    directory.write(
        ".sops.yaml",
        format!("{rules}stores: {{yaml: {{indent: 2}}, json: {{indent: 3}}}}\n"),
    );
    directory.done(&["encrypt", "-i", "nested.yaml"]);
    let run = directory.seal(&["decrypt", "-q", "--output-type", "json", "nested.yaml"]).run();
    assert!(run.out().starts_with("{\n   \"a\": {\n      \"b\""), "{}", run.out());
    directory.done(&["encrypt", "-i", "app.env"]);
    let run = directory.seal(&["decrypt", "-q", "--output-type", "yaml", "app.env"]).run();
    assert!(run.out().contains("MOTD: |-\n  a\n  b\n"), "{}", run.out());
}

#[test]
fn sops_reads_what_was_converted() {
    let test = "sops_reads_what_was_converted";
    let directory = directory();
    let Some(sops) = Sops::of(&directory, test) else { return };
    if sops.run(&["--version", "--disable-version-check"]).contains(" 3.9.") {
        return not_run(test, "sops 3.9 writes JSON otherwise");
    }
    for (name, to, output) in [
        ("settings.yaml", "json", "out.json"),
        ("settings.yaml", "ini", "out.ini"),
        ("app.env", "yaml", "out.yaml"),
        ("app.env", "json", "env.json"),
    ] {
        directory.done(&["encrypt", "--output-type", to, "-o", output, name]);
        for back in ["yaml", "json"] {
            let theirs = sops.run(&["decrypt", "--output-type", back, output]);
            let ours = directory.seal(&["decrypt", "-q", "--output-type", back, output]).run();
            let values = |text: &str| crate::sops::values(text);
            assert_eq!(values(ours.out()), values(&theirs), "{name} to {to} to {back}");
        }
    }
}
