//! Other recipients for the same values: whatever a file looks like, nothing but its wrapped keys changes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::path::Path;
use std::sync::Mutex;

use seal_core::envelope::{KeyGroup, MasterKey, Metadata, WrappedKey};
use seal_core::file::{Class, DecryptOptions, Layout, Scope, decrypt, envelopes, rewrap};
use seal_core::format::{BlockIndent, Format};

#[path = "support.rs"]
mod support;

use support::{encrypted, options, tests, try_decrypt, whole};

fn wrapped(name: &str) -> WrappedKey {
    WrappedKey {
        key: MasterKey::Age { recipient: format!("age1{name}") },
        created_at: None,
        enc: format!("-----BEGIN {name}-----\n{name}\n-----END {name}-----\n"),
    }
}

fn to(
    format: Format,
    source: &str,
    change: impl Fn(&Metadata) -> Option<(Vec<KeyGroup>, Option<u32>)> + Sync,
) -> Option<String> {
    let change = |metadata: &Metadata| Ok(change(metadata));
    let bytes = rewrap(format, source.as_bytes(), &BlockIndent::default(), &change)
        .unwrap_or_else(|error| panic!("{}\n--- of\n{source}", support::describe(&error)));
    bytes.map(|bytes| String::from_utf8(bytes).unwrap())
}

/// Adds a recipient to the first group of each envelope.
fn with(format: Format, source: &str, name: &str) -> String {
    let added = to(format, source, |metadata| {
        let mut groups = metadata.key_groups.clone();
        groups[0].keys.push(wrapped(name));
        Some((groups, metadata.shamir_threshold))
    });
    added.unwrap_or_else(|| panic!("nothing changed in\n{source}"))
}

/// Takes it out again.
fn without(format: Format, source: &str, name: &str) -> String {
    let removed = to(format, source, |metadata| {
        let mut groups = metadata.key_groups.clone();
        groups[0].keys.retain(|key| key.key != wrapped(name).key);
        Some((groups, metadata.shamir_threshold))
    });
    removed.unwrap_or_else(|| panic!("nothing changed in\n{source}"))
}

#[track_caller]
fn check(format: Format, source: &str) {
    let before = try_decrypt(format, source).unwrap();
    let more = with(format, source, "more");
    let after = try_decrypt(format, &more).unwrap_or_else(|error| panic!("{error}\n{more}"));
    assert_eq!(support::text(&after), support::text(&before), "{more}");
    assert_eq!(after.objects, before.objects, "{more}");
    for metadata in envelopes(format, more.as_bytes()).unwrap() {
        assert!(metadata.master_keys().contains(&wrapped("more").key), "{more}");
    }
    assert_eq!(without(format, &more, "more"), source);
}

const SECRET: &str =
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData:\n  password: hunter2\n";

#[test]
fn a_recipient_who_is_added_and_removed_leaves_no_trace() {
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n# one\n{0}\n# two\n{0}",
        SECRET.replacen("apiVersion", "- apiVersion", 1).replace('\n', "\n  ").trim_end()
    );
    let stream = format!("# above\n---\n{SECRET}# below\n---\nkind: ConfigMap\n---\n{SECRET}...\n");
    for source in [
        SECRET.to_owned(),
        SECRET.trim_end().to_owned(),
        SECRET.replace('\n', "\r\n"),
        format!("{SECRET}# behind\n\n\n"),
        list + "\n",
        stream,
        "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {p: hunter2}}\n"
            .to_owned(),
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  p: |+\n    hunter2\n\n"
            .to_owned(),
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  p: |-\n    hunter2"
            .to_owned(),
    ] {
        check(Format::Yaml, &encrypted(Format::Yaml, &source, &options()));
    }
    for source in [
        "{\n\t\"a\": \"hunter2\",\n\t\"b\": [1, 2]\n}\n",
        "{\"a\":\"hunter2\"}",
        "{\r\n  \"a\": \"hunter2\" }",
    ] {
        check(Format::Json, &encrypted(Format::Json, source, &whole()));
    }
}

#[test]
fn so_it_is_in_every_format() {
    for source in ["A=hunter2\n# c\nB='x'\n", "A=hunter2", "# c\r\nA=hunter2\r\n\n"] {
        check(Format::Dotenv, &encrypted(Format::Dotenv, source, &whole()));
    }
    for source in ["[a]\nb = hunter2\n; c\n\n[d]\ne=f\n", "b=hunter2", "[a]\r\nb: hunter2\r\n"] {
        check(Format::Ini, &encrypted(Format::Ini, source, &whole()));
    }
    for source in ["hunter2", "a: hunter2\n", "{\"a\": \"hunter2\"}\n"] {
        check(Format::Binary, &encrypted(Format::Binary, source, &whole()));
    }
}

#[test]
fn lines_of_a_block_that_stand_apart_come_together() {
    let source = encrypted(Format::Dotenv, "A=hunter2\nB=x\n", &whole());
    let (values, block) = source.split_at(source.find("sops_").unwrap());
    let (a, b) = values.split_at(values.find("B=").unwrap());
    let apart = format!("{a}{block}{b}");
    check(Format::Dotenv, &apart);
    let (mac, rest) = block.split_at(block.find("sops_version").unwrap());
    let apart = format!("{mac}{a}{rest}{b}");
    assert_eq!(with(Format::Dotenv, &apart, "more"), with(Format::Dotenv, &source, "more"));
}

#[test]
fn every_file_of_sops_keeps_all_but_its_keys() {
    let mut seen = 0;
    for path in support::files(&tests("fixtures/sops")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let Some(format) = Format::of_path(&path).filter(|_| name.starts_with("encrypted.")) else {
            continue;
        };
        let source = std::fs::read_to_string(&path).unwrap();
        let more = with(format, &source, "more");
        let back = without(format, &more, "more");
        // Older versions have another order of fields in the block.
        if path.to_str().unwrap().contains("3.13.2") {
            assert_eq!(back, source, "{}", path.display());
        }
        assert_eq!(without(format, &back, "more"), back, "{}", path.display());
        for (before, after) in envelopes(format, source.as_bytes())
            .unwrap()
            .into_iter()
            .zip(envelopes(format, more.as_bytes()).unwrap())
        {
            let added = after.master_keys().len() - before.master_keys().len();
            assert_eq!(added, 1, "{}", path.display());
            let same = Metadata { key_groups: before.key_groups.clone(), ..after };
            assert_eq!(same, before, "{}", path.display());
        }
        if let Some(key) = data_key(&path) {
            let open = |text: &str| {
                let unwrap = |_: &Metadata| Ok(seal_core::secret::DataKey::new(key));
                decrypt(format, text.as_bytes(), &DecryptOptions::default(), &unwrap).unwrap()
            };
            assert_eq!(support::text(&open(&more)), support::text(&open(&source)));
        }
        seen += 1;
    }
    assert!(seen >= 28, "{seen}");
}

fn data_key(path: &Path) -> Option<[u8; 32]> {
    let hex = std::fs::read_to_string(path.with_file_name("data-key.hex")).ok()?;
    let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
    Some(std::array::from_fn(byte))
}

#[test]
fn documents_that_share_an_envelope_get_the_same_one_and_are_asked_for_once() {
    let source = format!("{SECRET}---\n{}", SECRET.replace("name: a", "name: b"));
    let layout = seal_core::file::EncryptOptions { layout: Layout::Sops, ..options() };
    let source = encrypted(Format::Yaml, &source, &layout);
    check(Format::Yaml, &source);
    assert_eq!(envelopes(Format::Yaml, source.as_bytes()).unwrap().len(), 1);
    for empty in ["a: hunter2\n---\n---\nb: 1\n", "---\n---\nb: hunter2\n", "a: hunter2\n---\n"] {
        let layout = seal_core::file::EncryptOptions { layout: Layout::Sops, ..whole() };
        check(Format::Yaml, &encrypted(Format::Yaml, empty, &layout));
    }
    let asked = Mutex::new(0);
    let changed = to(Format::Yaml, &source, |_| {
        *asked.lock().unwrap() += 1;
        Some((vec![KeyGroup { keys: vec![wrapped("other")] }], None))
    });
    assert_eq!(*asked.lock().unwrap(), 1);
    assert_eq!(changed.unwrap().matches("recipient: age1other").count(), 2);
}

#[test]
fn a_block_stays_where_a_tool_has_put_it_with_its_indentation() {
    let source = encrypted(Format::Yaml, SECRET, &options());
    let (body, block) = source.split_at(source.find("sops:").unwrap());
    let sorted = body.replace("stringData:", &format!("{block}# of the data\nstringData:"));
    check(Format::Yaml, &sorted);
    assert!(
        with(Format::Yaml, &sorted, "more").contains("version: 3.13.2\n# of the data\nstringData")
    );
    let two = BlockIndent { yaml: 2, ..BlockIndent::default() };
    let narrow = seal_core::file::EncryptOptions { indent: two, ..options() };
    check(Format::Yaml, &encrypted(Format::Yaml, SECRET, &narrow));

    let source = encrypted(Format::Json, "{\n  \"a\": \"hunter2\"\n}\n", &whole());
    let (head, block) = source.split_at(source.find("\"sops\"").unwrap());
    let block = block.trim_end().strip_suffix('}').unwrap().trim_end();
    let first = head.replace("\"a\"", &format!("{block},\n  \"a\"")).trim_end().to_owned();
    let first = format!("{}\n}}\n", first.strip_suffix(',').unwrap());
    check(Format::Json, &first);
}

#[test]
fn groups_and_thresholds_come_and_go() {
    let source = encrypted(Format::Yaml, SECRET, &options());
    let group =
        |names: &[&str]| KeyGroup { keys: names.iter().map(|name| wrapped(name)).collect() };
    let groups = vec![group(&["a", "b"]), group(&["c"]), group(&["d"])];
    let three = to(Format::Yaml, &source, |_| Some((groups.clone(), Some(2)))).unwrap();
    let [metadata] = &envelopes(Format::Yaml, three.as_bytes()).unwrap()[..] else { panic!() };
    assert_eq!((&metadata.key_groups, metadata.shamir_threshold), (&groups, Some(2)));
    let before = envelopes(Format::Yaml, source.as_bytes()).unwrap();
    let back = to(Format::Yaml, &three, |_| Some((before[0].key_groups.clone(), None))).unwrap();
    assert_eq!(back, source);
}

#[test]
fn only_the_envelopes_that_are_to_change_do() {
    let scope = seal_core::file::EncryptOptions { scope: Scope::None, ..options() };
    let source = format!("{SECRET}---\n{}", SECRET.replace("hunter2", "hunter3"));
    let source = encrypted(Format::Yaml, &source, &scope);
    let asked = Mutex::new(0);
    let changed = to(Format::Yaml, &source, |_| {
        let mut asked = asked.lock().unwrap();
        *asked += 1;
        (*asked == 2).then(|| (vec![KeyGroup { keys: vec![wrapped("other")] }], None))
    });
    let changed = changed.unwrap();
    let first = source.find("---").unwrap();
    assert_eq!(changed[..first], source[..first]);
    assert!(changed[first..].contains("age1other"));
    assert_eq!(to(Format::Yaml, &source, |_| None), None);
    assert_eq!(to(Format::Yaml, "a: 1\n", |_| panic!("there is no envelope")), None);
}

#[test]
fn a_block_that_is_none_is_an_error() {
    let source = encrypted(Format::Yaml, SECRET, &options());
    for (from, into, class) in [
        ("version: 3.13.2", "version: x", Class::Input),
        ("    mac:", "    mac: x\n    MAC:", Class::Refused),
    ] {
        let broken = source.replace(from, into);
        let error = rewrap(Format::Yaml, broken.as_bytes(), &BlockIndent::default(), &|_| Ok(None));
        let error = error.unwrap_err();
        assert_eq!(error.class, class);
        assert!(error.position.is_some());
        assert_eq!(envelopes(Format::Yaml, broken.as_bytes()).unwrap_err().class, class);
    }
}

#[test]
fn what_stops_the_wrapping_is_the_cause() {
    let source = encrypted(Format::Yaml, SECRET, &options());
    let error =
        rewrap(Format::Yaml, source.as_bytes(), &BlockIndent::default(), &|_| Err("no".into()));
    let error = error.unwrap_err();
    assert_eq!(error.class, Class::NoKey);
    assert_eq!(error.object.as_deref(), Some("Secret a"));
    assert!(support::describe(&error).contains("caused by no"));
}
