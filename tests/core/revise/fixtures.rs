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
        let format = Format::of_path(&path).filter(|_| is_encrypted)?;
        let hex = hex.trim();
        let bytes: Vec<u8> =
            (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
        let source = std::fs::read_to_string(&path).ok()?;
        Some((path, format, source, DataKey::from_slice(&bytes).unwrap()))
    });
    known.collect()
}

fn plain(format: Format, source: &str, key: &DataKey) -> String {
    let unwrap = |_: &Metadata| Ok(key.clone());
    let options = seal_core::file::DecryptOptions::default();
    let decrypted = seal_core::file::decrypt(format, source.as_bytes(), &options, &unwrap).unwrap();
    support::text(&decrypted).unwrap()
}

/// A top-level value added where the format lets it stand.
fn with_addition(format: Format, plain: &str) -> Option<String> {
    match format {
        Format::Yaml => Some(format!("{plain}added_by_seal: a new value\n")),
        Format::Json => {
            let end = plain.rfind('}')?;
            Some(format!(
                "{},\n\t\"added_by_seal\": \"a new value\"\n}}\n",
                plain[..end].trim_end()
            ))
        }
        #[allow(unreachable_patterns, reason = "other formats have places of their own")]
        _ => None,
    }
}

#[test]
fn a_file_of_sops_that_nobody_changed_stays() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= 20, "only {} fixtures", fixtures.len());
    for (path, format, source, key) in fixtures {
        let plain = plain(format, &source, &key);
        let (done, _) = run(format, &source, Some(&plain), &options(), &|_| Ok(key.clone()));
        assert!(done.unwrap().bytes.is_none(), "{}", path.display());
    }
}

#[test]
fn a_file_of_sops_keeps_all_ciphertext_but_that_of_the_change_and_stays_unbound() {
    let mut seen = 0;
    for (path, format, source, key) in fixtures() {
        let before = plain(format, &source, &key);
        let Some(after) = with_addition(format, &before) else { continue };
        seen += 1;
        let unwrap = |_: &Metadata| Ok(key.clone());
        let (done, drawn) = run(format, &source, Some(&after), &options(), &unwrap);
        let done = done.unwrap_or_else(|error| panic!("{path:?}: {}", support::describe(&error)));
        let text = String::from_utf8(done.bytes.unwrap()).unwrap();
        let (gone, new) = changes(&source, &text);
        assert!(gone == 0 && new <= 1 && drawn == 0, "{path:?}: {gone} gone, {new} new\n{text}");
        assert_eq!(plain(format, &text, &key), after, "{path:?}");
        let options = seal_core::file::DecryptOptions::default();
        let read = seal_core::file::decrypt(format, text.as_bytes(), &options, &unwrap).unwrap();
        assert!(read.objects.iter().all(|object| !object.bound));
    }
    assert!(seen >= 20, "only {seen} fixtures");
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
        assert_eq!(support::decrypted(format, &text), plain(format, &source, &key), "{path:?}");
        assert!(
            seal_core::file::decrypt(format, text.as_bytes(), &Default::default(), &old).is_err()
        );
    }
}
