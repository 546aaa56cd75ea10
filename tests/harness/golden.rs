//! Texts that are compared with a file of the repository.

use std::fs;
use std::path::Path;

/// Compares a text with `DIRECTORY/golden/NAME.txt`, the directory being one of `tests`, or writes that file if
/// `SEAL_BLESS` is set.
#[track_caller]
pub(crate) fn golden(directory: &str, name: &str, text: &str) {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests");
    let file = tests.join(directory).join("golden").join(format!("{name}.txt"));
    if std::env::var_os("SEAL_BLESS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        return;
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(
        expected,
        text,
        "differs from {} (expected left, found right); if that is meant, run with SEAL_BLESS=1",
        file.display()
    );
}
