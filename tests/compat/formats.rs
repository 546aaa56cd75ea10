//! JSON, dotenv, INI and binary files, and types that are named.

use crate::runner::{Part, case, run};

const TWICE: &str = "SOPS encrypts an encrypted binary file once more";

#[test]
fn every_format_is_encrypted_and_decrypted() {
    run(
        "formats",
        &[
            case(0, "decrypt e.json").prints("out.json"),
            case(0, "decrypt e.env").prints("out.env"),
            case(0, "decrypt e.ini").prints("out.ini"),
            case(0, "decrypt e.bin").prints("out.bin"),
            case(0, "decrypt -i e.bin"),
            case(0, "encrypt --age {age} f.env").prints("out.env"),
            case(0, "encrypt --age {age} f.ini").prints("out.ini"),
            case(0, "encrypt --age {age} f.bin").prints("out.bin"),
            case(0, "encrypt --age {age} -i f.bin"),
            case(203, "encrypt --age {age} e.bin")
                .differs(Part::Code(0), TWICE)
                .differs(Part::Stdout, TWICE)
                .differs(Part::Stderr, TWICE),
            case(203, "encrypt --age {age} e.env"),
            case(203, "encrypt --age {age} e.ini"),
            case(0, "filestatus e.env").prints("out.txt"),
            case(0, "filestatus e.ini").prints("out.txt"),
            case(0, "filestatus e.bin").prints("out.txt"),
            case(1, "filestatus f.bin"),
            case(0, "decrypt --extract '[\"K\"]' e.env").prints("out.txt"),
            case(0, "decrypt --extract '[\"s\"][\"k\"]' e.ini").prints("out.txt"),
            case(0, "decrypt --extract '[\"data\"]' e.bin").prints("out.txt"),
            case(0, "decrypt").stdin(include_str!("files/e.bin")).prints("out.bin"),
            case(0, "-d --input-type yaml --output-type yaml /dev/stdin")
                .stdin(include_str!("files/e.yaml")),
            case(0, "-d --input-type yaml --output-type json /dev/stdin")
                .stdin(include_str!("files/e.yaml"))
                .prints("out.json"),
            case(0, "-e --age {age} --input-type yaml --output-type yaml /dev/stdin")
                .stdin("a: b\n"),
            case(0, "decrypt --input-type dotenv --output-type dotenv")
                .stdin(include_str!("files/e.env"))
                .prints("out.env"),
        ],
    );
}

#[test]
fn the_name_tells_the_type_unless_a_word_does() {
    let plain = "K=v\n";
    run(
        "types",
        &[
            case(0, "encrypt --age {age} .env.prod").file(".env.prod", plain).prints("out.bin"),
            case(0, "encrypt --age {age} --input-type dotenv --output-type dotenv .env.prod")
                .file(".env.prod", plain)
                .prints("out.env"),
            case(0, "encrypt --age {age} x.env").file("x.env", plain).prints("out.env"),
            case(0, "encrypt --age {age} .env").file(".env", plain).prints("out.env"),
            case(0, "encrypt --age {age} x.yml").file("x.yml", "a: b\n"),
            case(0, "encrypt --age {age} --input-type env f.env")
                .prints("out.env")
                .differs(Part::Stderr, "SOPS passes over a word that is no type in silence"),
            case(0, "encrypt --age {age} --filename-override x.env .env.prod")
                .file(".env.prod", plain)
                .prints("out.env"),
        ],
    );
}

#[test]
fn one_format_becomes_another() {
    run(
        "conversions",
        &[
            case(0, "decrypt --output-type json e.yaml").prints("out.json"),
            case(0, "decrypt --output-type yaml e.json"),
            case(0, "decrypt --output-type dotenv flat.yaml")
                .file("flat.yaml", FLAT)
                .prints("out.env"),
            case(0, "decrypt --output-type json e.env").prints("out.json"),
            case(0, "decrypt --output-type json e.ini").prints("out.json"),
            case(0, "decrypt --output-type yaml e.env"),
            case(0, "decrypt --output-type binary e.bin").prints("out.bin"),
            case(0, "decrypt --extract '[\"m\"]' --output-type json e.yaml").prints("out.json"),
            case(0, "decrypt --extract '[\"a\"]' e.json").prints("out.json"),
            case(0, "decrypt --extract '[\"b\"]' e.json").prints("out.json"),
            case(0, "decrypt --extract '[\"b\"]' --output-type yaml e.json"),
            case(0, "encrypt --age {age} --output-type json f.yaml").prints("out.json"),
            case(0, "encrypt --age {age} --output-type yaml f.json").differs(Part::Stdout, FLOAT),
            case(0, "encrypt --age {age} f.json").prints("out.json").differs(Part::Stdout, FLOAT),
            case(0, "exec-file --output-type json e.env 'cat {}'").prints("out.json"),
            case(0, "decrypt --filename-override x.json --input-type yaml e.yaml")
                .prints("out.json"),
            case(4, "decrypt --output-type dotenv e.yaml"),
            case(4, "decrypt --extract '[\"s\"]' e.ini"),
            case(0, "--indent 2 encrypt --age {age} --output-type json f.yaml").prints("out.json"),
        ],
    );
}

const FLOAT: &str = "before 3.13.2, SOPS takes every number of JSON for a float";

/// What SOPS 3.11 made of a file that a dotenv file can hold.
const FLAT: &str = include_str!("files/es.yaml");

#[test]
fn what_other_formats_hold_is_converted_as_sops_converts_it() {
    run(
        "odd-conversions",
        &[
            case(0, "decrypt --output-type yaml bytes.bin").prints("out.txt"),
            case(0, "decrypt comments.ini").prints("out.txt"),
            case(0, "decrypt --output-type yaml comments.ini").prints("out.txt"),
        ],
    );
}
