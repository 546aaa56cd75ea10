//! `sops set` and `sops unset`, with the older form.

use crate::runner::{Part, case, run};

#[test]
fn a_value_is_set() {
    run(
        "set",
        &[
            case(0, "set e.yaml '[\"b\"]' '\"three\"'"),
            case(0, "set e.yaml '[\"a\"]' 2").differs(Part::Files, FLOAT),
            case(0, "set e.yaml '[\"x\"][\"y\"]' '{\"k\":\"v\"}'"),
            case(0, "set e.yaml '[\"l\"][0]' '\"z\"'"),
            case(0, "set e.yaml '[\"l\"][7]' '\"z\"'"),
            case(0, "set e.yaml '[\"m\"]' true"),
            case(0, "set e.yaml '[\"a\"][\"y\"]' '\"z\"'"),
            case(0, "set es.yaml '[\"a\"]' '\"z\"'"),
            case(0, "set e.json '[\"b\"][\"c\"]' '\"z\"'"),
            case(0, "set e.env '[\"K\"]' '\"z\"'"),
            case(0, "set e.ini '[\"s\"][\"k\"]' '\"z\"'"),
            case(0, "set --value-file e.yaml '[\"b\"]' value").file("value", "\"three\"\n"),
            case(0, "set --value-stdin e.yaml '[\"b\"]'").stdin("\"three\"\n"),
            case(0, "set --idempotent e.yaml '[\"b\"]' '\"two\"'"),
            case(0, "set e.yaml '[\"b\"]' '\"two\"'")
                .differs(Part::Files, "SOPS writes a new MAC over the same values"),
            case(0, "--set '[\"b\"] \"three\"' e.yaml"),
            case(0, "-d --set '[\"b\"] \"three\"' e.yaml"),
            case(0, "set e.yaml '[\"a\"]' '[\"x\"]'")
                .differs(Part::Code(7), ARRAY)
                .differs(Part::Files, ARRAY)
                .differs(Part::Stderr, ARRAY),
        ],
    );
}

const FLOAT: &str = "SOPS makes a float of a whole number";
const ARRAY: &str = "SOPS does not take a list";

#[test]
fn a_value_is_removed() {
    run(
        "unset",
        &[
            case(0, "unset e.yaml '[\"b\"]'"),
            case(0, "unset e.yaml '[\"l\"][0]'"),
            case(0, "unset e.yaml '[\"m\"]'"),
            case(0, "unset e.json '[\"a\"]'"),
            case(0, "unset e.env '[\"K\"]'"),
            case(0, "unset --idempotent e.yaml '[\"zz\"]'"),
            case(1, "unset e.yaml '[\"zz\"]'"),
            case(1, "unset e.yaml '[\"l\"][7]'"),
        ],
    );
}

#[test]
fn refuses_what_sops_refuses_with_its_codes() {
    run(
        "values-refused",
        &[
            case(100, "set"),
            case(100, "set e.yaml"),
            case(100, "set e.yaml '[\"a\"]'"),
            case(100, "set e.yaml '[\"a\"]' 1 more"),
            case(7, "set e.yaml '[\"a\"]' x"),
            case(7, "set e.yaml a 1"),
            case(1, "set f.yaml '[\"a\"]' 1"),
            case(2, "set nofile.yaml '[\"a\"]' 1"),
            case(2, "set . '[\"a\"]' 1"),
            case(1, "set --value-file e.yaml '[\"a\"]' nofile"),
            case(1, "set --value-file --value-stdin e.yaml '[\"a\"]'"),
            case(128, "set e.yaml '[\"a\"]' 1").env("SOPS_AGE_KEY_FILE", ""),
            case(7, "--set '[\"a\"]' e.yaml"),
            case(7, "--set 'a 2' e.yaml"),
            case(100, "unset"),
            case(100, "unset e.yaml"),
            case(7, "unset e.yaml zz"),
            case(2, "unset nofile.yaml '[\"a\"]'"),
            case(1, "publish e.yaml"),
            case(100, "publish").file(".sops.yaml", "destination_rules: []\n"),
            case(1, "publish nofile.yaml"),
        ],
    );
}
