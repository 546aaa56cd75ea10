//! Files go back and forth between the real `sops` and the commands that change files.

use crate::harness::TestDir;
use crate::keys;
use crate::manifests::{CONFIG_MAP, SECRET, stream};
use crate::sops::{Sops, values};

/// The ENC texts of values, the MAC's left out. SOPS puts some comments where they do not open.
fn encrypted_values(text: &str) -> Vec<&str> {
    let lines = text.lines().filter(|line| !line.contains("mac"));
    lines
        .filter_map(|line| {
            let from = &line[line.find("ENC[")?..];
            Some(&from[..=from.find(']')?]).filter(|enc| !enc.contains("type:comment"))
        })
        .collect()
}

#[test]
fn sops_reads_what_was_changed_in_files_of_its_own() {
    let directory = TestDir::ready();
    let test = "cli sops reads what was changed in files of its own";
    let Some(sops) = Sops::of(&directory, test) else { return };
    directory.write(".sops.yaml", keys::rules_for_whole_files());
    let manifest = stream(&[SECRET, CONFIG_MAP, &SECRET.replace("name: db", "name: other")]);
    for (name, text, from, to) in [
        ("a.yaml", "a: hunter2\nn: 1.0\nlist: [x, x]\n# c\nb: false\n", "hunter2", "2-hunter2"),
        ("stream.yaml", manifest.as_str(), "level: debug", "level: info"),
        ("a.json", "{\"a\": \"hunter2\", \"n\": [1, 2.5]}\n", "2.5", "2.75"),
        ("a.env", "A=hunter2\nB=x\n", "B=x", "B=y"),
        ("a.ini", "[s]\na = hunter2\nb = 1\n", "b = 1", "b = 2"),
        ("a.bin", "hunter2 and more", "more", "less"),
    ] {
        directory.write(name, text);
        sops.run(&["encrypt", "-i", name]);
        let before = directory.read(name);
        let plain = directory.decrypted(name);
        let changed = plain.replacen(from, to, 1);
        assert_ne!(changed, plain, "{name}");
        let run = directory.seal(&["replace", name]).stdin(changed.clone()).run();
        assert_eq!(run.code, 0, "{name}: {}", run.stderr);
        let after = directory.read(name);
        let all = encrypted_values(&before);
        let kept = all.iter().filter(|enc| after.contains(**enc)).count();
        assert_eq!(kept + 1, all.len(), "{name}");

        let theirs = sops.run(&["decrypt", name]);
        match name.ends_with(".yaml") {
            true => assert_eq!(values(&theirs), values(&changed), "{name}"),
            false => assert!(theirs.contains(to), "{name}: {theirs}"),
        }
        // And under a new data key.
        directory.done(&["rotate", "-i", name]);
        assert_eq!(sops.run(&["decrypt", name]), theirs, "{name}");
    }
}

#[test]
fn sops_reads_documents_that_were_changed_and_what_it_changes_is_read_here() {
    let directory = TestDir::with(&[("a.yaml", SECRET)]);
    let test = "cli sops reads documents that were changed";
    let Some(sops) = Sops::of(&directory, test) else { return };
    directory.done(&["encrypt", "-i", "a.yaml"]);
    let changed = SECRET.replace("admin-hunter2", "root-hunter2");
    let run = directory.seal(&["replace", "a.yaml"]).stdin(changed.clone()).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(values(&sops.run(&["decrypt", "a.yaml"])), values(&changed));
    directory.done(&["decrypt", "--require-bound", "a.yaml"]);

    // What sops writes is no longer bound, and can be bound again.
    sops.run(&["set", "a.yaml", "[\"stringData\"][\"user\"]", "\"sops-hunter2\""]);
    assert_eq!(directory.seal(&["decrypt", "--require-bound", "a.yaml"]).run().code, 3);
    let run = directory.done(&["bind", "-i", "a.yaml"]);
    assert!(run.stderr.contains("a.yaml: bound Secret shop/db"), "{}", run.stderr);
    let plain = directory.done(&["decrypt", "--require-bound", "a.yaml"]);
    assert!(plain.out().contains("sops-hunter2"));
    assert_eq!(values(&sops.run(&["decrypt", "a.yaml"])), values(plain.out()));
}
