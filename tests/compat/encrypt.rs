//! `sops encrypt`

use crate::runner::{Part, case, run};

#[test]
fn encrypts_to_stdout_to_a_file_and_in_place() {
    run(
        "encrypt",
        &[
            case(0, "encrypt --age {age} f.yaml"),
            case(0, "encrypt -a {age} f.yaml"),
            case(0, "encrypt -age={age} f.yaml"),
            case(0, "encrypt --age {age} -i f.yaml"),
            case(0, "encrypt --age {age} --output o.yaml f.yaml"),
            case(0, "encrypt --age {age} s.yaml"),
            case(0, "encrypt --age {age} x.yaml").file("x.yaml", "{}"),
            case(0, "encrypt --age {age} x.yaml").file("x.yaml", "a: &x 1\nb: *x\n"),
            case(0, "encrypt --age {age} x.yaml")
                .file("x.yaml", "a: &x\n  k: v\nb:\n  <<: *x\n  l: w\n"),
            case(0, "encrypt --age {age} x.yaml").file("x.yaml", "# head\na: b # beside\nc: d\n"),
            case(0, "encrypt --age {age} --age {age} f.yaml"),
            case(0, "encrypt f.yaml").env("SOPS_AGE_RECIPIENTS", "{age}"),
            case(0, "encrypt f.yaml").rules(),
            case(0, "encrypt --encryption-context a:b f.yaml")
                .rules()
                .differs(Part::Stderr, "SOPS does not say that there is no KMS key to use it"),
            case(0, "encrypt --filename-override f.yaml --age {age}").stdin("a: 1\n"),
            case(0, "encrypt --filename-override o.yaml --age {age} f.yaml"),
            case(0, "encrypt --shamir-secret-sharing-threshold 2 --age {age} f.yaml")
                .differs(Part::Stderr, "SOPS does not say that a threshold means nothing here"),
            case(0, "--mac-only-encrypted encrypt --age {age} f.yaml")
                .differs(Part::Stdout, "SOPS 3.11 passes over the flag there, 3.13 does not"),
        ],
    );
}

#[test]
fn says_which_values_are_encrypted() {
    let rule = |rule: &str| format!("creation_rules:\n  - age: {{age}}\n    {rule}\n");
    run(
        "encrypt-selection",
        &[
            case(0, "encrypt --age {age} --encrypted-regex ^b$ f.yaml"),
            case(0, "encrypt --age {age} --unencrypted-regex ^b$ f.yaml"),
            case(0, "encrypt --age {age} --encrypted-suffix b f.yaml"),
            case(0, "encrypt --age {age} --unencrypted-suffix b f.yaml"),
            // Everything stays in clear, and the file has an envelope all the same.
            case(0, "encrypt --age {age} --encrypted-regex nothing f.yaml")
                .differs(Part::Stderr, "SOPS leaves everything in clear without a word"),
            case(0, "encrypt f.yaml").file(".sops.yaml", &rule("encrypted_regex: ^(b|k)$")),
            case(0, "encrypt f.yaml").file(".sops.yaml", &rule("mac_only_encrypted: true")),
            // The rule's selection counts although its keys do not.
            case(0, "encrypt --age {age} f.yaml").file(".sops.yaml", &rule("encrypted_suffix: b")),
            case(0, "encrypt --age {age} secret.yaml").file(
                "secret.yaml",
                "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData:\n  b: c\n",
            ),
            case(0, "encrypt --age {age} --encrypted-regex ^b$ secret.yaml").file(
                "secret.yaml",
                "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData:\n  b: c\n  d: e\n",
            ),
            case(8, "encrypt --age {age} --encrypted-regex x --encrypted-suffix y f.yaml"),
            case(1, "encrypt --age {age} --encrypted-regex ( f.yaml")
                .differs(Part::Code(0), "SOPS leaves everything in clear")
                .differs(Part::Stdout, "SOPS leaves everything in clear")
                .differs(Part::Stderr, "SOPS leaves everything in clear"),
        ],
    );
}

#[test]
fn refuses_what_sops_refuses_with_its_codes() {
    run(
        "encrypt-refused",
        &[
            case(1, "encrypt f.yaml"),
            case(1, "encrypt --age notakey f.yaml"),
            case(1, "encrypt f.yaml")
                .file(".sops.yaml", "creation_rules:\n  - path_regex: z\n    age: {age}\n"),
            case(1, "encrypt f.yaml").file(".sops.yaml", "creation_rules: {"),
            case(1, "encrypt --config no.yaml f.yaml")
                .differs(Part::Stdout, "SOPS prints its help"),
            case(1, "--config no.yaml encrypt f.yaml"),
            case(100, "encrypt --age {age} nofile.yaml"),
            case(2, "encrypt --age {age} ."),
            case(2, "encrypt --age {age} bad.yaml"),
            case(2, "encrypt --age {age} list.yaml"),
            case(92, "encrypt --age {age} empty.yaml"),
            case(0, "encrypt --age {age} x.yaml").file("x.yaml", "---\n"),
            case(92, "encrypt --age {age} x.yaml")
                .file("x.yaml", "# only this\n")
                .differs(Part::Code(2), "to SOPS comments alone are no YAML, and an empty file is"),
            case(2, "encrypt --age {age} x.yaml").file("x.yaml", "a: 1\na: 2\n"),
            case(2, "encrypt --age {age} x.yaml").file("x.yaml", "a: b\n---\n- c\n"),
            case(2, "encrypt --age {age} x.yaml").file("x.yaml", "a: !!int x\n"),
            case(23, "encrypt --age {age} x.yaml").file("x.yaml", "a: 18446744073709551615\n"),
            case(23, "encrypt --age {age} x.yaml").file("x.yaml", "1: x\n"),
            case(3, "encrypt --age {age} --output no/such/dir f.yaml"),
            case(6, "encrypt --age {age} --encryption-context a f.yaml"),
            case(8, "encrypt --age {age} -i --output x f.yaml"),
            case(8, "encrypt --age {age} -i"),
            case(8, "encrypt --age {age}"),
            case(203, "encrypt --age {age} e.yaml"),
            case(203, "encrypt --age {age} -i e.yaml"),
            case(203, "encrypt --age {age} e.json"),
            case(203, "encrypt --age {age} mine.yaml").file("mine.yaml", "a: b\nsops: mine\n"),
        ],
    );
}

#[test]
fn finds_rules_from_the_working_directory_upward() {
    let rule = "creation_rules:\n  - age: {age}\n    encrypted_regex: ^a$\n";
    run(
        "encrypt-rules",
        &[
            case(1, "encrypt sub/f.yaml").file("sub/f.yaml", "a: 1\n").file("sub/.sops.yaml", rule),
            case(0, "encrypt sub/f.yaml").file("sub/f.yaml", "a: 1\n").file(".sops.yaml", rule),
            case(0, "--config c.yaml encrypt f.yaml").file("c.yaml", rule),
            case(0, "encrypt f.yaml").file("c.yaml", rule).env("SOPS_CONFIG", "c.yaml"),
            case(1, "encrypt f.yaml").file(".sops.yml", rule),
            case(0, "encrypt --filename-override sub/x.yaml f.yaml").file(
                ".sops.yaml",
                "creation_rules:\n  - path_regex: ^sub/x\\.yaml$\n    age: {age}\n",
            ),
        ],
    );
}
