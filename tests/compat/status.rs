//! `sops filestatus`

use crate::runner::{Part, case, run};

#[test]
fn says_whether_a_file_is_encrypted() {
    run(
        "filestatus",
        &[
            case(0, "filestatus e.yaml").prints("out.txt"),
            case(0, "filestatus f.yaml").prints("out.txt"),
            case(0, "filestatus e.json").prints("out.txt"),
            case(0, "filestatus f.json").prints("out.txt"),
            case(0, "filestatus --input-type yaml e.json").prints("out.txt"),
            case(0, "filestatus e.yaml f.yaml")
                .prints("out.txt")
                .differs(Part::Stderr, "SOPS passes over the second file in silence"),
            case(1, "filestatus half.yaml").file("half.yaml", "a: b\nsops:\n    version: 3.9.4\n"),
            case(1, "filestatus odd.yaml").file("odd.yaml", "a: b\nsops: mine\n"),
            case(0, "filestatus foo.yaml").file("foo.yaml", &of_version("foo")).prints("out.txt"),
            case(0, "filestatus 3.yaml").file("3.yaml", &of_version("3")).prints("out.txt"),
            case(0, "filestatus none.yaml").file("none.yaml", &of_version("''")).prints("out.txt"),
            case(100, "filestatus"),
            case(1, "filestatus nofile.yaml"),
            case(1, "filestatus bad.yaml"),
        ],
    );
}

/// A file with an envelope of that version.
fn of_version(version: &str) -> String {
    format!(
        "a: b\nsops:\n    age: [{{recipient: age1x, enc: x}}]\n    lastmodified: '2024-01-01T00:00:00Z'\n    mac: x\n    version: {version}\n"
    )
}
