//! The binary as `kubeseal` is in `kubeseal`.
//!
//! The binary as `sops`: the same scripts for it and for the real one, where that is on PATH.
//!
//! Each case is a command line with the exit code that SOPS 3.13 has for it. What it prints and which files it changes
//! is in `golden/`, without what chance and time put there, and has to be the same for the real `sops`, but for the
//! differences that a case names with their reason. `SEAL_BLESS=1` writes the golden files anew.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic is how a test fails, in its helpers too"
)]

mod decrypt;
mod encrypt;
mod exec;
mod fixtures;
mod flags;
mod formats;
mod keyservice;
mod kubeseal;
mod legacy;
mod normal;
mod recipients;
mod revisions;
mod runner;
mod status;
mod trust;
mod values;

#[allow(dead_code, reason = "not every test uses all of it")]
#[path = "../harness/gnupg.rs"]
mod gnupg;
#[path = "../harness/golden.rs"]
mod golden;
#[allow(clippy::print_stderr, reason = "says what did not run")]
#[path = "../harness/not_run.rs"]
mod not_run;
#[allow(dead_code, reason = "not every test uses all of it")]
#[path = "../harness/stand_in.rs"]
mod stand_in;
