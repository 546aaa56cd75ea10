//! `sops exec-env` and `sops exec-file`

use crate::runner::{Part, case, run};

const SILENT: &str = "SOPS says `exit status` and the code of the command";

#[test]
fn values_are_in_the_environment_of_a_command() {
    run(
        "exec-env",
        &[
            case(0, "exec-env e.env 'echo $K'").prints("out.txt"),
            case(0, "exec-env twice.env 'echo $K'").prints("out.txt"),
            case(0, "exec-env es.yaml 'echo $a $b'").prints("out.txt"),
            case(0, "exec-env e.bin 'echo $data'").prints("out.txt"),
            case(0, "exec-env --pristine e.env 'echo $K$HOME'").prints("out.txt"),
            case(5, "exec-env --same-process e.env 'exit 5'"),
            case(7, "exec-env e.env 'exit 7'").differs(Part::Stderr, SILENT),
            case(127, "exec-env e.env nosuchprogram"),
            case(8, "exec-env --background --same-process e.env true"),
            case(1, "exec-env"),
            case(1, "exec-env e.env"),
            case(1, "exec-env e.env true more"),
            case(1, "exec-env e.yaml true"),
            case(1, "exec-env e.ini true"),
            case(1, "exec-env f.env true"),
            case(2, "exec-env nofile.env true"),
            case(128, "exec-env e.env true").env("SOPS_AGE_KEY_FILE", ""),
        ],
    );
}

#[test]
fn a_command_finds_the_decrypted_file() {
    run(
        "exec-file",
        &[
            case(0, "exec-file e.env 'cat {}'").prints("out.env"),
            case(0, "exec-file e.yaml 'cat {}'"),
            case(0, "exec-file --no-fifo e.ini 'cat {}'").prints("out.ini"),
            case(0, "exec-file e.env 'basename {}'").prints("out.txt"),
            case(0, "exec-file --filename x.env --no-fifo e.env 'basename {}'").prints("out.txt"),
            case(9, "exec-file e.env 'exit 9; {}'").differs(Part::Stderr, SILENT),
            case(1, "exec-file --filename /x e.env 'basename {}'")
                .differs(Part::Code(0), "SOPS 3.11 takes any path, 3.13 does not")
                .differs(Part::Stdout, "SOPS 3.11 takes any path, 3.13 does not")
                .differs(Part::Stderr, "SOPS 3.11 takes any path, 3.13 does not"),
            case(1, "exec-file e.env"),
            case(1, "exec-file f.env 'cat {}'"),
            case(2, "exec-file nofile.env true"),
        ],
    );
}
