//! `sops [flags] FILE`, without a subcommand.

use crate::runner::{Part, case, run};

#[test]
fn flags_stand_for_commands() {
    run(
        "legacy",
        &[
            case(0, "-d e.yaml"),
            case(0, "--decrypt e.yaml"),
            case(0, "-d -i e.yaml"),
            case(0, "-d --extract '[\"b\"]' e.yaml").prints("out.txt"),
            case(0, "-e --age {age} f.yaml"),
            case(0, "-e -i --age {age} f.yaml"),
            case(0, "--encrypt --age {age} --mac-only-encrypted f.yaml"),
            case(0, "-e --age {age} --encrypted-comment-regex me c.yaml")
                .file("c.yaml", "a: b\n# encrypt me\nc: d\n"),
            case(0, "-e --age {age} --unencrypted-comment-regex me c.yaml")
                .file("c.yaml", "a: b\n# leave me\nc: d\n"),
            case(0, "-e --age {age} f.yaml -i"),
            case(0, "-d e.yaml --bogus"),
            case(0, "-d --age {age} e.yaml").differs(Part::Stderr, "SOPS ignores it in silence"),
            case(0, "-e --age {age} --aws-profile p f.yaml")
                .differs(Part::Stderr, "SOPS ignores it in silence"),
        ],
    );
}

#[test]
fn refuses_what_sops_refuses_with_its_codes() {
    run(
        "legacy-refused",
        &[
            case(100, ""),
            case(100, "-d"),
            case(100, "-e"),
            case(100, "-d nofile.yaml"),
            case(8, "-d -i --output o e.yaml"),
            case(1, "-d f.yaml"),
            case(203, "-e --age {age} e.yaml"),
        ],
    );
}
