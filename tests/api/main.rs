//! Tests of `seal-api` from outside.

#![allow(clippy::print_stderr, clippy::unwrap_used, clippy::panic, reason = "a test")]

#[path = "../harness/not_run.rs"]
mod not_run;
mod template;
mod template_corpus;
