//! `sops updatekeys` and `sops groups`

use crate::runner::{Case, Part, case, run};

/// A recipient whose identity nobody has.
const OTHER: &str = "age1que6ws5c3gmlptdr3d2rzuyrxyqmthqtn7z9mmq7zjq4cm5mudessx4w8m";

const KEPT: &str = "SOPS does not say that the data key is still the one that was readable";
const ONE: &str = "SOPS writes a file that it cannot open";

fn with_both(case: Case) -> Case {
    case.file(".sops.yaml", &format!("creation_rules:\n  - age: {{age}},{OTHER}\n"))
}

#[test]
fn files_get_the_recipients_of_their_rule() {
    run(
        "updatekeys",
        &[
            with_both(case(0, "updatekeys -y e.yaml")).prints("out.txt"),
            with_both(case(0, "updatekeys --yes e.env e.ini e.json")).prints("out.txt"),
            with_both(case(0, "updatekeys --yes e.bin")).prints("out.txt").differs(
                Part::Files,
                "SOPS writes its default suffix into a block that has no rule",
            ),
            with_both(case(0, "updatekeys e.yaml")).stdin("y\n").prints("out.txt"),
            case(0, "updatekeys e.yaml").rules().prints("out.txt"),
            with_both(case(0, "updatekeys -y es.yaml")).prints("out.txt"),
            with_both(case(0, "updatekeys -y --input-type yaml e.yaml")).prints("out.txt"),
            with_both(case(1, "updatekeys -y e.yaml f.yaml e.json")).prints("out.txt"),
            with_both(case(1, "updatekeys -y f.yaml")),
            with_both(case(1, "updatekeys -y .")),
            with_both(case(1, "updatekeys -y nofile.yaml")),
            with_both(case(1, "updatekeys e.yaml")).prints("out.txt"),
            with_both(case(100, "updatekeys")),
            with_both(case(128, "updatekeys -y e.yaml"))
                .env("SOPS_AGE_KEY_FILE", "")
                .prints("out.txt"),
            case(1, "updatekeys -y e.yaml"),
            case(1, "updatekeys -y e.yaml")
                .file(".sops.yaml", "creation_rules:\n  - path_regex: z\n    age: {age}\n"),
        ],
    );
}

#[test]
fn groups_come_and_go() {
    let add = format!("groups add -f e.yaml --age {OTHER}");
    run(
        "groups",
        &[
            case(0, "groups delete -f groups.yaml 2").differs(Part::Stderr, KEPT),
            case(0, "groups delete -f groups.yaml -i 2").differs(Part::Stderr, KEPT),
            case(1, "groups delete -f groups.yaml --shamir-secret-sharing-threshold 3 2"),
            case(0, &add),
            case(0, &format!("{add} -i")),
            case(0, &format!("{add} --age {{age}}")),
            case(1, &format!("{add} --shamir-secret-sharing-threshold 1"))
                .differs(Part::Code(0), ONE)
                .differs(Part::Stdout, ONE)
                .differs(Part::Stderr, ONE),
            case(0, &format!("{add} --shamir-secret-sharing-threshold 2")),
            case(2, "groups add --age {age}"),
            case(2, "groups add -f nofile.yaml --age {age}"),
            case(1, "groups add -f f.yaml --age {age}"),
            case(1, "groups delete"),
            case(1, "groups delete -f e.yaml"),
            case(1, "groups delete -f e.yaml x"),
            case(1, "groups delete -f e.yaml 7").differs(Part::Code(2), "SOPS panics"),
            case(2, "groups delete -f nofile.yaml 0"),
            case(1, &add).env("SOPS_AGE_KEY_FILE", ""),
        ],
    );
}
