//! Files that SOPS wrote.

use std::path::PathBuf;

use seal_core::format::Format;
use seal_core::secret::DataKey;

use super::*;

fn fixtures() -> Vec<(PathBuf, Format, String, DataKey)> {
    let all = support::files(&support::tests("fixtures/sops"));
    let known = all.into_iter().filter_map(|path| {
        let is_encrypted = path.file_stem()? == "encrypted";
        let hex = std::fs::read_to_string(path.with_file_name("data-key.hex")).ok()?;
        let format = Format::of_path(&path).unwrap_or(Format::Binary);
        let hex = Some(hex).filter(|_| is_encrypted)?;
        let hex = hex.trim();
        let bytes: Vec<u8> =
            (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
        let source = std::fs::read_to_string(&path).ok()?;
        Some((path, format, source, DataKey::from_slice(&bytes).unwrap()))
    });
    known.collect()
}

fn plain(format: Format, source: &str, key: &DataKey) -> Vec<u8> {
    let unwrap = |_: &Metadata| Ok(key.clone());
    let options = seal_core::file::DecryptOptions::default();
    let decrypted = seal_core::file::decrypt(format, source.as_bytes(), &options, &unwrap).unwrap();
    decrypted.bytes.unwrap().expose().to_vec()
}

/// A value added where the format lets one stand.
fn with_addition(format: Format, plain: &[u8]) -> Vec<u8> {
    let added: &[u8] = match format {
        Format::Yaml => b"added_by_seal: a new value\n",
        Format::Json => {
            let end = plain.iter().rposition(|byte| *byte == b'}').unwrap();
            let head = plain[..end].trim_ascii_end();
            return [head, b",\n\t\"added_by_seal\": \"a new value\"\n}\n"].concat();
        }
        Format::Dotenv => b"ADDED_BY_SEAL=a new value\n",
        Format::Ini => b"added_by_seal = a new value\n",
        Format::Binary => b"more",
    };
    [plain, added].concat()
}

#[test]
fn a_file_of_sops_that_nobody_changed_stays() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= 20, "only {} fixtures", fixtures.len());
    for (path, format, source, key) in fixtures {
        let plain = plain(format, &source, &key);
        let (done, _) =
            run_over_bytes(format, source.as_bytes(), Some(&plain), &options(), &|_| {
                Ok(key.clone())
            });
        assert!(done.unwrap().bytes.is_none(), "{}", path.display());
    }
}

#[test]
fn a_file_of_sops_keeps_all_ciphertext_but_that_of_the_change_and_stays_unbound() {
    let mut seen = std::collections::HashSet::new();
    for (path, format, source, key) in fixtures() {
        let before = plain(format, &source, &key);
        let after = with_addition(format, &before);
        seen.insert(format);
        let unwrap = |_: &Metadata| Ok(key.clone());
        let (done, drawn) =
            run_over_bytes(format, source.as_bytes(), Some(&after), &options(), &unwrap);
        let done = done.unwrap_or_else(|error| panic!("{path:?}: {}", support::describe(&error)));
        let text = String::from_utf8(done.bytes.unwrap()).unwrap();
        let (gone, new) = changes(&source, &text);
        // A binary file is one value. And what SOPS 3.3.1 encrypted as a backslash and an `n`, dotenv reads as a line
        // break since.
        let expected = match format {
            Format::Binary => (1, 1),
            Format::Dotenv if path.iter().any(|part| part == "3.3.1") => (1, 2),
            _ => (0, 1),
        };
        assert!(
            gone == expected.0 && new <= expected.1 && drawn == 0,
            "{path:?}: {gone} gone, {new} new\n{text}"
        );
        assert_eq!(plain(format, &text, &key), after, "{path:?}");
        let options = seal_core::file::DecryptOptions::default();
        let read = seal_core::file::decrypt(format, text.as_bytes(), &options, &unwrap).unwrap();
        assert!(read.objects.iter().all(|object| !object.bound));
    }
    assert_eq!(seen.len(), 5, "{seen:?}");
}

#[test]
fn a_file_of_sops_is_bound_under_a_new_data_key() {
    for (path, format, source, key) in fixtures() {
        let old = |_: &Metadata| Ok(key.clone());
        let options = ReviseOptions { fresh: Fresh::Unbound, ..options() };
        let (done, drawn) = run(format, &source, None, &options, &old);
        let done = done.unwrap_or_else(|error| panic!("{path:?}: {}", support::describe(&error)));
        let text = String::from_utf8(done.bytes.unwrap()).unwrap();
        assert_eq!(drawn, 1);
        assert!(bound(format, &text).iter().all(|bound| *bound), "{path:?}");
        let read = support::try_decrypt(format, &text).unwrap();
        assert!(read.bytes.unwrap().expose() == plain(format, &source, &key), "{path:?}");
        assert!(
            seal_core::file::decrypt(format, text.as_bytes(), &Default::default(), &old).is_err()
        );
    }
}

#[test]
fn blocks_come_out_of_a_text_as_they_went_in() {
    for (path, format, source, key) in fixtures() {
        let unwrap = |_: &Metadata| Ok(key.clone());
        let shown = seal_core::file::with_blocks(format, source.as_bytes(), &options(), &unwrap);
        if format == Format::Binary {
            assert!(shown.is_err());
            continue;
        }
        let shown = shown.unwrap();
        assert!(shown.expose() != plain(format, &source, &key), "{path:?} shows no block");
        let (text, blocks) = seal_core::file::without_blocks(format, shown.expose()).unwrap();
        assert!(text.expose() == plain(format, &source, &key), "{path:?}");
        let envelope = &seal_core::file::envelopes(format, source.as_bytes()).unwrap()[0];
        assert!(blocks.iter().all(|block| block == envelope), "{path:?}");
    }
}
