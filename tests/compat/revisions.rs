//! `sops edit` and `sops rotate`, with the older forms.

use crate::runner::{Case, Part, case, run};

/// A recipient whose identity nobody has.
const OTHER: &str = "age1que6ws5c3gmlptdr3d2rzuyrxyqmthqtn7z9mmq7zjq4cm5mudessx4w8m";

fn with(editor: &str, case: Case) -> Case {
    case.env("SOPS_EDITOR", editor)
}

#[test]
fn an_editor_changes_values() {
    let change = "sed -i s/two/three/";
    run(
        "edit",
        &[
            with(change, case(0, "edit e.yaml")),
            with(change, case(0, "e.yaml")),
            with("sed -i s/v/w/", case(0, "edit e.env")),
            with("sed -i s/v/w/", case(0, "edit e.ini")),
            with("sed -i s/bin/tin/", case(0, "edit e.bin")).differs(
                Part::Files,
                "SOPS writes its default suffix into a block that has no rule",
            ),
            with("sed -i s/\"d\"/\"x\"/", case(0, "edit e.json")),
            case(0, "edit e.yaml").env("EDITOR", change),
            with("sed -i '$ac: d'", case(0, "edit e.yaml")),
            with("sed -i 1d", case(0, "edit e.yaml")),
            with(change, case(0, "edit -s e.yaml")),
            with(change, case(0, "--show-master-keys e.yaml")),
            with("true", case(200, "edit e.yaml")),
            with("true", case(200, "e.yaml")),
            with("false", case(201, "edit e.yaml")),
            with("/no/such/editor", case(201, "edit e.yaml")),
            case(100, "edit"),
            with("true", case(1, "edit f.yaml")),
            with("true", case(2, "edit .")),
            with("true", case(128, "edit e.yaml")).env("SOPS_AGE_KEY_FILE", ""),
            with("true", case(1, "edit new.yaml")),
            with("true", case(49, &format!("--add-age {OTHER} new.yaml"))),
        ],
    );
}

#[test]
fn all_values_get_a_new_data_key() {
    run(
        "rotate",
        &[
            case(0, "rotate e.yaml"),
            case(0, "rotate -i e.yaml"),
            case(0, "rotate es.yaml"),
            case(0, "rotate --output o.yaml e.yaml"),
            case(0, "-r e.yaml"),
            case(0, "-r -i e.yaml"),
            case(0, "rotate e.env").prints("out.env"),
            case(0, "rotate e.ini").prints("out.ini"),
            case(0, "rotate e.json").prints("out.json").differs(
                Part::Stdout,
                "SOPS keeps the type that 3.11 gave to a whole number, float",
            ),
            case(0, &format!("rotate --add-age {OTHER} e.yaml")),
            case(0, &format!("rotate -i --add-age {OTHER} --rm-age {{age}} e.yaml")),
            case(0, &format!("-r --add-age {OTHER} e.yaml")),
            case(8, "rotate -i --output o e.yaml"),
            case(100, "rotate"),
            case(2, "rotate nofile.yaml"),
            case(100, "-r nofile.yaml"),
            case(49, "rotate --rm-age {age} nofile.yaml"),
            case(49, "-r --rm-age {age} nofile.yaml"),
            case(1, "rotate f.yaml"),
            case(2, "rotate ."),
            case(128, "rotate e.yaml").env("SOPS_AGE_KEY_FILE", ""),
            case(0, "-d -r e.yaml"),
        ],
    );
}
