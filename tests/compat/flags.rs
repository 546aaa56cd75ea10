//! How the command line is read.

use crate::runner::{Part, case, run};

const USAGE: &str = "SOPS prints its help to stdout, where a reader may wait for a document";

#[test]
fn flags_count_where_they_count_for_sops() {
    run(
        "flags",
        &[
            case(0, "encrypt --age {age} f.yaml g.yaml"),
            case(0, "encrypt --age {age} f.yaml -i"),
            // A switch in front of a file ends the flags of a subcommand with that file.
            case(1, "encrypt -i f.yaml --age {age}"),
            case(0, "encrypt --age {age} -i f.yaml --output x"),
            case(0, "encrypt --age {age} -- f.yaml"),
            case(0, "decrypt e.yaml --bogus"),
            case(0, "decrypt e.yaml f.yaml"),
        ],
    );
}

#[test]
fn wrong_use_is_refused() {
    let wrong = |line| case(1, line).differs(Part::Stdout, USAGE);
    run(
        "flags-refused",
        &[
            wrong("encrypt --bogus f.yaml"),
            wrong("--bogus f.yaml"),
            wrong("encrypt --age"),
            wrong("encrypt --age {age} -i=maybe f.yaml"),
            wrong("encrypt --age {age} --shamir-secret-sharing-threshold x f.yaml"),
            wrong("encrypt -i --in-place --age {age} f.yaml"),
            wrong("encrypt ---age {age} f.yaml"),
        ],
    );
}
