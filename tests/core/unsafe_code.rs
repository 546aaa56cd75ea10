//! The project has no unsafe code; a crate that came to need some would say where, and be counted here.

use std::path::{Path, PathBuf};

/// Places with `allow(unsafe_code)`.
const ALLOWED: usize = 0;

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("the directory is readable") {
        let path = entry.expect("the entry is readable").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn unsafe_code_is_allowed_nowhere() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    sources(&crates, &mut files);
    assert!(files.len() > 50, "only {} sources were found", files.len());
    let word = concat!("allow(unsafe", "_code");
    let places: Vec<_> = files
        .iter()
        .filter(|file| std::fs::read_to_string(file).expect("sources are UTF-8").contains(word))
        .collect();
    assert_eq!(places.len(), ALLOWED, "{places:?}");
}

#[test]
fn the_workspace_denies_unsafe_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).expect("it is readable");
    assert!(manifest.contains("unsafe_code = \"deny\""));
    for name in ["seal-core", "seal-keys", "seal-cli"] {
        let path = root.join("crates").join(name).join("Cargo.toml");
        let manifest = std::fs::read_to_string(path).expect("it is readable");
        assert!(manifest.contains("[lints]\nworkspace = true"), "{name} does not take part");
    }
}
