//! Tests that cannot run say so: a line on standard error and a row in the table that `make test` prints at its end.

use std::fs::OpenOptions;
use std::io::Write;

/// Notes that `test` did not run and why, in the file that `SEAL_NOT_RUN` names.
pub(crate) fn not_run(test: &str, why: &str) {
    let why = why.trim().lines().last().unwrap_or("no reason given");
    eprintln!("NOT RUN: {test}: {why}");
    let Some(path) = std::env::var_os("SEAL_NOT_RUN") else {
        return;
    };
    let row = format!("{test}\t{why}\n");
    // One write of one short line: test processes append at the same time.
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(row.as_bytes()))
        .expect("the file named by SEAL_NOT_RUN can be written");
}
