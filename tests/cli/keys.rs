//! Age keys for tests only, and the rules that name them.

use std::sync::LazyLock;

use crate::harness::TestDir;

/// As `age-keygen` 1.1.1 made it.
pub(crate) const IDENTITY: &str =
    "AGE-SECRET-KEY-1NS9SNUURQVYGKGZ9MCWW9VSF3SV465JTNGZAJQ0UEYJ5KDG5SAAQEQL7XT";
/// The public half of [`IDENTITY`].
pub(crate) const RECIPIENT: &str = "age1p5lr5u4mxq0kadqalgt8t83srqtp9uy3c09rha8ukqwtmj4wjuzs4djadr";
/// A recipient whose identity nobody has.
pub(crate) const COLLEAGUE: &str = "age1que6ws5c3gmlptdr3d2rzuyrxyqmthqtn7z9mmq7zjq4cm5mudessx4w8m";

/// Somebody else: identity and recipient.
pub(crate) static ANN: LazyLock<(String, String)> = LazyLock::new(|| {
    let directory = TestDir::new();
    directory.done(&["init", "-q"]);
    let file = std::fs::read_to_string(directory.home(".config/sops/age/keys.txt")).unwrap();
    let line = |start: &str| {
        let line = file.lines().find_map(|line| line.strip_prefix(start)).unwrap();
        line.to_owned()
    };
    (format!("AGE-SECRET-KEY-1{}", line("AGE-SECRET-KEY-1")), line("# public key: "))
});

/// [`IDENTITY`] in a file as `age-keygen` writes it.
pub(crate) fn key_file() -> String {
    format!("# created: 2026-11-20T14:40:55Z\n# public key: {RECIPIENT}\n{IDENTITY}\n")
}

/// A `.sops.yaml` with one rule for [`RECIPIENT`], as `seal init` makes it, with `more` lines of settings before it.
pub(crate) fn rules(more: &str) -> String {
    format!(
        "{more}creation_rules:\n  - age: {RECIPIENT}\n    encrypted_regex: ^(data|stringData)$\n    mac_only_encrypted: true\n"
    )
}

/// A `.sops.yaml` with one rule for [`RECIPIENT`] that does not say what is secret: files that are no manifests are
/// encrypted whole.
pub(crate) fn rules_for_whole_files() -> String {
    format!("creation_rules:\n  - age: {RECIPIENT}\n")
}
