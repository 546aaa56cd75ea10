//! `sops decrypt`, with `--extract`.

use crate::runner::{Part, case, run};

#[test]
fn decrypts_to_stdout_to_a_file_and_in_place() {
    run(
        "decrypt",
        &[
            case(0, "decrypt e.yaml"),
            case(0, "decrypt es.yaml"),
            case(0, "decrypt --output o.yaml e.yaml"),
            case(0, "decrypt -i e.yaml"),
            case(0, "decrypt e.yaml -i"),
            case(0, "decrypt --in-place=true e.yaml"),
            case(0, "decrypt --in-place=false e.yaml"),
            case(0, "decrypt --extract '' e.yaml"),
            case(0, "decrypt --decryption-order pgp,age e.yaml"),
            case(0, "decrypt e.yaml").env("SOPS_DECRYPTION_ORDER", "kms,age"),
            case(0, "decrypt --decryption-order foo e.yaml").differs(
                Part::Stderr,
                "SOPS passes over a word that is no kind of keys in silence",
            ),
            case(0, "decrypt e.yaml").file(".sops.yaml", "creation_rules: [{path_regex: z}]\n"),
        ],
    );
}

#[test]
fn refuses_what_sops_refuses_with_its_codes() {
    let altered = |from: &str, to: &str| {
        let text = include_str!("files/e.yaml");
        assert!(text.contains(from));
        text.replacen(from, to, 1)
    };
    let without_mac = {
        let text = include_str!("files/e.yaml");
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("mac:"));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    let value = include_str!("files/e.yaml").lines().next().unwrap();
    run(
        "decrypt-refused",
        &[
            case(100, "decrypt nofile.yaml"),
            case(2, "decrypt ."),
            case(1, "decrypt f.yaml"),
            case(1, "decrypt bad.yaml"),
            case(1, "decrypt list.yaml"),
            case(1, "decrypt empty.yaml"),
            case(8, "decrypt --output o -i e.yaml"),
            case(8, "decrypt -i"),
            case(3, "decrypt --output no/dir/x e.yaml"),
            case(112, "decrypt --decryption-order age,age e.yaml"),
            case(128, "decrypt e.yaml").env("SOPS_AGE_KEY_FILE", ""),
            case(128, "decrypt --enable-local-keyservice=false e.yaml"),
            case(128, "decrypt e.yaml").env("SOPS_ENABLE_LOCAL_KEYSERVICE", "false"),
            case(0, "decrypt --enable-local-keyservice e.yaml")
                .env("SOPS_ENABLE_LOCAL_KEYSERVICE", "false"),
            case(0, "decrypt --keyservice unix:///no/such/socket e.yaml"),
            case(0, "decrypt e.yaml").env("SOPS_KEYSERVICE", "unix:///no/such/socket"),
            case(25, "decrypt x.yaml").file("x.yaml", &altered(value, "a: clear")),
            case(51, "decrypt x.yaml").file("x.yaml", &altered(value, "")),
            case(51, "decrypt x.yaml").file("x.yaml", &without_mac),
            case(0, "decrypt --ignore-mac x.yaml")
                .file("x.yaml", &altered(value, ""))
                .differs(Part::Stderr, "SOPS says nothing"),
            case(0, "decrypt --ignore-mac x.yaml")
                .file("x.yaml", &without_mac)
                .differs(Part::Stderr, "SOPS says nothing"),
            case(25, "decrypt --ignore-mac x.yaml").file("x.yaml", &altered(value, "a: clear")),
        ],
    );
}

const GONE: &str = "SOPS overwrites the file by the value";

#[test]
fn extracts_one_value() {
    run(
        "extract",
        &[
            case(0, "decrypt --extract '[\"a\"]' e.yaml"),
            case(0, "decrypt --extract '[\"b\"]' e.yaml").prints("out.txt"),
            case(0, "decrypt --extract '[\"l\"]' e.yaml"),
            case(0, "decrypt --extract '[\"l\"][1]' e.yaml").prints("out.txt"),
            case(0, "decrypt --extract '[\"m\"]' e.yaml"),
            case(0, "decrypt --extract '[\"m\"][\"k\"]' e.yaml").prints("out.txt"),
            case(0, "decrypt --extract '[\"b\"][\"c\"]' e.json").prints("out.txt"),
            case(0, "decrypt --extract '[\"a\"]' es.yaml").prints("out.txt"),
            case(0, "decrypt --extract '[\"b\"]' --output o.txt e.yaml"),
            case(0, "decrypt --ignore-mac --extract '[\"b\"]' e.yaml").prints("out.txt"),
            case(8, "decrypt -i --extract '[\"b\"]' e.yaml")
                .differs(Part::Code(0), GONE)
                .differs(Part::Stderr, GONE)
                .differs(Part::Files, GONE),
            case(1, "decrypt --extract '[\"b\"]' es.yaml"),
            case(1, "decrypt --extract '[\"zz\"]' e.yaml"),
            case(1, "decrypt --extract '[\"l\"][9]' e.yaml"),
            case(91, "decrypt --extract zz e.yaml"),
            case(91, "decrypt --extract '[\"l\"][x]' e.yaml"),
        ],
    );
}
