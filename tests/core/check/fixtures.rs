//! Files of every version of SOPS have no finding.

use std::fs;
use std::path::{Path, PathBuf};

use seal_core::check::check;
use seal_core::format::Format;

use crate::options;

#[test]
fn files_that_sops_wrote_have_no_finding() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sops");
    let mut checked = 0;
    for path in files(&root) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let Some(format) = Format::of_path(&path).filter(|_| name.starts_with("encrypted")) else {
            continue;
        };
        let source = fs::read(&path).unwrap();
        let found = check(format, &source, &options());
        assert_eq!(found.findings, [], "{}", path.display());
        assert!(found.envelopes > 0, "{}", path.display());
        checked += 1;
    }
    assert!(checked >= 15, "{checked}");
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
