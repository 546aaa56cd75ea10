//! dotenv, INI and binary files: by name, by `--input-type`, in directories, damaged, and together with the real `sops`.

use std::fs;

use crate::harness::{SECRET, TestDir};
use crate::keys;
use crate::sops::Sops;

const DOTENV: &str =
    "# was hunter2\nexport USER='app'\nPASSWORD=hunter2 \\n#2\n\nEMPTY=\nPASSWORD=\"hunter2\"";
const INI: &str = "; was hunter2\n\n[db]\n  ; the old one\n  password\t= `hunter2;#` ; inline\nuser: 'app'\ncert = \"\"\"hunter2\n  x\"\"\"\n[empty]\nk =\n";
const BINARY: &[u8] = b"hunter2\0\xff\xfe\r\n";

#[test]
fn a_name_tells_the_format_and_every_byte_comes_back() {
    let directory = TestDir::ready();
    for (name, text) in [
        (".env", DOTENV.as_bytes()),
        ("prod.env", DOTENV.as_bytes()),
        ("crlf.env", b"A=hunter2\r\nB=\r\n"),
        ("my.ini", INI.as_bytes()),
        ("crlf.ini", b"[a]\r\n; hunter2\r\nk = hunter2\r\n\r\n[b]\r\nk=hunter2"),
        ("key.pem", BINARY),
        ("no-extension", b"\n"),
    ] {
        directory.write(name, text);
        let before = directory.done(&["encrypt", name]).stdout;
        assert!(!before.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()), "{name}");
        directory.done(&["encrypt", "-i", name]);
        assert_ne!(fs::read(directory.path(name)).unwrap(), text, "{name}");
        assert_eq!(directory.done(&["decrypt", name]).stdout, text, "{name}");
        directory.done(&["decrypt", "-i", name]);
        assert_eq!(fs::read(directory.path(name)).unwrap(), text, "{name}");
    }
}

#[test]
fn the_type_can_be_told_where_the_name_says_nothing_or_something_else() {
    let directory = TestDir::ready();
    for (told, text) in [("dotenv", DOTENV.as_bytes()), ("ini", INI.as_bytes()), ("binary", BINARY)]
    {
        for name in [".env.prod", "config", "list.yaml"] {
            directory.write(name, text);
            directory.done(&["encrypt", "-i", "--type", told, name]);
            let run = directory.done(&["decrypt", "--type", told, name]);
            assert_eq!(run.stdout, text, "{told} {name}");
        }
        let piped = directory.seal(&["encrypt", "--type", told]).stdin(text).run();
        assert_eq!(piped.code, 0, "{}", piped.stderr);
        let back = directory.seal(&["decrypt", "--type", told]).stdin(piped.stdout).run();
        assert_eq!(back.stdout, text, "{told}: {}", back.stderr);
    }
}

/// To SOPS these are binary files.
#[test]
fn a_name_that_only_hints_at_a_format_is_asked_about() {
    let directory = TestDir::ready();
    for name in
        [".env.prod", ".env-old", "app.env.bak", "values.yaml.gotmpl", "SECRETS.YAML", "a.ini.1"]
    {
        directory.write(name, DOTENV);
        for command in ["encrypt", "decrypt"] {
            let run = directory.seal(&[command, "-i", name]).run();
            assert_eq!(run.code, 2, "{name}: {}", run.stderr);
            assert!(
                run.stderr.contains("hint: say which it is with `--input-type"),
                "{}",
                run.stderr
            );
            assert_eq!(directory.read(name), DOTENV);
        }
    }
}

/// SOPS takes `.env.prod` for a binary file, and names tell nothing about `key.pem`.
#[test]
fn binary_files_of_a_directory_keep_no_recipient_that_was_taken_out() {
    let directory =
        TestDir::with(&[("tls/key.pem", "hunter2\n"), ("tls/.env.prod", "A=hunter2\n")]);
    let other = "age1que6ws5c3gmlptdr3d2rzuyrxyqmthqtn7z9mmq7zjq4cm5mudessx4w8m";
    for name in ["tls/key.pem", "tls/.env.prod"] {
        let recipients = format!("{},{other}", keys::RECIPIENT);
        directory.done(&["encrypt", "-i", "--age", &recipients, "--type", "binary", name]);
    }
    assert_eq!(directory.done(&["decrypt", "tls/.env.prod"]).stdout, b"A=hunter2\n");
    let drift = directory.seal(&["updatekeys", "--dry-run", "tls"]).run();
    assert_eq!(drift.code, 5, "{}", drift.stderr);
    directory.done(&["keys", "remove", "--age", other, "tls"]);
    for name in ["tls/key.pem", "tls/.env.prod"] {
        assert!(!directory.read(name).contains(other), "{name}");
    }
    assert!(directory.done(&["verify", "tls"]).stderr.starts_with("verified 2 files"));
}

/// `seal encrypt -i` of the directory would not encrypt them again.
#[test]
fn binary_files_of_a_directory_are_decrypted_only_by_name() {
    let directory = TestDir::with(&[("tls/key.pem", "hunter2\n")]);
    directory.done(&["encrypt", "-i", "tls/key.pem"]);
    let encrypted = directory.read("tls/key.pem");
    directory.done(&["decrypt", "-i", "tls"]);
    assert_eq!(directory.read("tls/key.pem"), encrypted);
}

#[test]
fn what_was_never_encrypted_as_binary_is_refused_as_such() {
    let directory = TestDir::with(&[("notes", "nothing secret\n")]);
    directory.seal(&["decrypt", "notes"]).run().golden("formats/not-binary");
}

#[test]
fn a_rule_is_said_to_have_no_meaning_in_a_binary_file() {
    let directory = TestDir::with(&[("key.pem", "hunter2\n")]);
    let run = directory.done(&["encrypt", "-i", "--encrypted-regex", "^x$", "key.pem"]);
    assert!(run.stderr.contains("`encrypted_regex: ^x$` has no meaning in a binary file"));
    assert_eq!(directory.decrypted("key.pem"), "hunter2\n");
}

#[test]
fn in_a_directory_only_files_that_a_rule_names_are_encrypted() {
    let directory = TestDir::with(&[
        ("d/app.env", "A=hunter2\n"),
        ("d/.env", "A=other\n"),
        ("d/desktop.ini", "no ini at all\n"),
        ("d/db.ini", "[a]\nk = hunter2\n"),
        ("d/key.pem", "hunter2\n"),
    ]);
    let run = directory.done(&["encrypt", "-i", "d"]);
    assert!(run.stderr.contains("5 skipped"), "{}", run.stderr);
    assert_eq!(directory.read("d/app.env"), "A=hunter2\n");
    let rule = format!(
        "creation_rules:\n  - path_regex: (app\\.env|db\\.ini)$\n    age: {0}\n  - age: {0}\n",
        keys::RECIPIENT
    );
    directory.write(".sops.yaml", rule);
    let run = directory.done(&["encrypt", "-i", "d"]);
    assert!(
        run.stderr.contains("encrypted 2 files") && run.stderr.contains("3 skipped"),
        "{}",
        run.stderr
    );
    assert!(directory.read("d/app.env").contains("sops_mac=ENC["));
    assert!(directory.read("d/db.ini").contains("[sops]"));
    assert_eq!(directory.read("d/.env"), "A=other\n");
    let run = directory.done(&["decrypt", "-i", "d"]);
    assert!(
        run.stderr.contains("decrypted 2 files") && run.stderr.contains("3 skipped"),
        "{}",
        run.stderr
    );
    assert_eq!(directory.read("d/app.env"), "A=hunter2\n");
    assert_eq!(directory.read("d/db.ini"), "[a]\nk = hunter2\n");
}

#[test]
fn a_rule_takes_a_part_of_a_dotenv_or_an_ini_file() {
    let directory = TestDir::with(&[
        ("a.env", "# c\nUSER=app\nPASSWORD=hunter2\n"),
        ("a.ini", "[app]\nname = x\n[secret]\nk = hunter2\n"),
    ]);
    directory.done(&["encrypt", "-i", "--encrypted-regex", "^PASSWORD$", "a.env"]);
    assert!(directory.read("a.env").starts_with("# c\nUSER=app\nPASSWORD=ENC["));
    directory.done(&["encrypt", "-i", "--unencrypted-regex", "^app$", "a.ini"]);
    assert!(directory.read("a.ini").starts_with("[app]\nname = x\n[secret]\nk = ENC["));
    assert_eq!(directory.decrypted("a.env"), "# c\nUSER=app\nPASSWORD=hunter2\n");
    assert_eq!(directory.decrypted("a.ini"), "[app]\nname = x\n[secret]\nk = hunter2\n");
}

#[test]
fn an_unchanged_file_keeps_its_ciphertext() {
    let directory = TestDir::ready();
    for (name, text) in [("a.env", DOTENV.as_bytes()), ("a.ini", INI.as_bytes()), ("a.pem", BINARY)]
    {
        directory.write(name, text);
        let output = format!("out.{name}");
        directory.done(&["encrypt", name, "-o", &output]);
        let first = fs::read(directory.path(&output)).unwrap();
        directory.done(&["encrypt", name, "-o", &output]);
        assert_eq!(fs::read(directory.path(&output)).unwrap(), first, "{name}");
        directory.write(name, [text, b"\nB=other\n"].concat());
        directory.done(&["encrypt", name, "-o", &output]);
        assert_ne!(fs::read(directory.path(&output)).unwrap(), first, "{name}");
    }
}

#[test]
fn what_is_not_read_is_said_with_its_place_and_without_its_text() {
    let directory = TestDir::with(&[
        ("a.env", "A=x\nhunter2\n"),
        ("a.ini", "[a]\nk = hunter2#hunter2\n"),
        ("b.ini", "[a]\nk = x\n[b] ; hunter2\nk = y\n"),
        ("c.env", "A=x\nsops_version=hunter2\n"),
    ]);
    for (name, golden) in [
        ("a.env", "dotenv-line"),
        ("a.ini", "ini-comment"),
        ("b.ini", "ini-section-comment"),
        ("c.env", "dotenv-metadata"),
    ] {
        directory.seal(&["encrypt", "-i", name]).run().golden(&format!("formats/{golden}"));
        assert!(directory.read(name).contains("hunter2"));
    }
}

/// Whatever became of a file: the code says so, stderr has none of its values, and the file stays as it is.
#[test]
fn a_damaged_file_is_left_as_it_is() {
    let directory = TestDir::ready();
    let mut state = 0x5ea1_u64;
    let mut below = |count: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % count as u64) as usize
    };
    let mut refused = 0;
    for (name, text) in [("a.env", DOTENV), ("a.ini", INI), ("a.bin", "hunter2\n")] {
        directory.write(name, text);
        directory.done(&["encrypt", "-i", name]);
        let encrypted = fs::read(directory.path(name)).unwrap();
        for _ in 0..12 {
            let mut damaged = encrypted.clone();
            let at = below(damaged.len());
            damaged[at] ^= 1 << below(7);
            directory.write(name, &damaged);
            let run = directory.seal(&["decrypt", "-i", name]).run();
            if run.code == 0 {
                // A comment or a blank, or the metadata are gone as a whole.
                continue;
            }
            refused += 1;
            assert!(matches!(run.code, 1..=4), "{}: {}", run.code, run.stderr);
            assert!(run.stdout.is_empty());
            assert_eq!(fs::read(directory.path(name)).unwrap(), damaged);
        }
    }
    assert!(refused > 20, "{refused}");
}

#[test]
fn sops_reads_them_and_we_read_those_of_sops() {
    let directory = TestDir::ready();
    let Some(sops) = Sops::of(&directory, "cli sops and dotenv, INI and binary files") else {
        return;
    };
    directory.write(".sops.yaml", keys::rules_for_whole_files());
    let printed_ini = "; was hunter2\n[db]\n; the old one\npassword = `hunter2;#`\nuser     = app\ncert     = \"\"\"hunter2\n  x\"\"\"\n\n[empty]\nk = \n";
    let printed_dotenv = DOTENV.replace("\n\n", "\n") + "\n";
    for (name, text, printed) in [
        ("a.env", DOTENV, printed_dotenv.as_str()),
        ("a.ini", INI, printed_ini),
        ("a.pem", "hunter2\t\n{\"sops\": 1}", "hunter2\t\n{\"sops\": 1}"),
    ] {
        directory.write(name, text);
        for options in [&[][..], &["--mac-only-encrypted"]] {
            let ours = directory.done(&[&["encrypt", name], options].concat());
            directory.write(&format!("ours.{name}"), &ours.stdout);
            let read = sops.run(&["--disable-version-check", "decrypt", &format!("ours.{name}")]);
            assert_eq!(read, printed, "{name}");
        }
        let theirs = sops.run(&["--disable-version-check", "encrypt", name]);
        directory.write(&format!("theirs.{name}"), theirs);
        assert_eq!(directory.decrypted(&format!("theirs.{name}")), printed, "{name}");
    }
}

#[test]
fn an_encrypted_file_that_a_directory_passes_over_is_named() {
    let directory = TestDir::ready();
    directory.write("deploy/.env.prod", DOTENV);
    directory.write("deploy/notes.txt", "ENC[AES256_GCM,data:…] is what a value looks like\n");
    directory.done(&["encrypt", "-i", "--input-type", "dotenv", "deploy/.env.prod"]);
    let ways: [&[&str]; 4] = [
        &["rotate", "-i", "deploy"],
        &["verify", "deploy"],
        &["decrypt", "-i", "deploy"],
        &["updatekeys", "--dry-run", "deploy"],
    ];
    for arguments in ways {
        let run = directory.seal(arguments).run();
        let named = "deploy/.env.prod: passed over: it looks encrypted";
        assert!(run.stderr.contains(named), "{arguments:?}: {}", run.stderr);
        assert!(!run.stderr.contains("notes.txt"), "{}", run.stderr);
    }
}
