//! Runs the binary as a user does and compares all that it prints with the files in `golden/`.
//!
//! `SEAL_BLESS=1 cargo nextest run -p seal-cli --test cli` rewrites those files; read the diff before committing it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod age_kinds;
mod age_plugin;
mod configuration;
mod decrypt;
mod encrypt;
mod encrypt_refused;
mod files;
mod get;
mod harness;
mod help;
mod init;
mod key_groups;
mod keys;
mod keys_of_users;
mod kill;
mod manifests;
mod newcomer;
mod output;
mod previous;
mod refused;
mod sops;
mod usage;
mod usage_pages;
