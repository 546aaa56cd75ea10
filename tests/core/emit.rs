//! What is printed in another format is what the real `sops` prints, and is read as the same values.

#![allow(clippy::print_stderr, clippy::unwrap_used, clippy::panic, reason = "a test")]

#[path = "emit/against_sops.rs"]
mod against_sops;
#[path = "../harness/not_run.rs"]
mod not_run;
#[path = "emit/round_trip.rs"]
mod round_trip;
#[path = "support.rs"]
mod support;
