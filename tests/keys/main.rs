//! Master keys, black box: the contract of every provider, key groups, files of the real tools.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot set the scene has failed"
)]

#[allow(clippy::print_stderr, reason = "says what did not run")]
#[path = "../harness/not_run.rs"]
mod not_run;
#[allow(dead_code, reason = "not every test uses all of it")]
#[path = "../harness/stand_in.rs"]
mod stand_in;

mod age_keys;
mod age_kinds;
mod age_passphrases;
mod contract;
mod groups;
mod interop;
