//! Runs the binary as a user does and compares all that it prints with the files in `golden/`.
//!
//! `SEAL_BLESS=1 cargo nextest run -p seal-cli --test cli` rewrites those files; read the diff before committing it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

#[allow(dead_code, reason = "not every test uses all of it")]
#[path = "../harness/azure_key_vault.rs"]
mod azure_key_vault;
#[allow(dead_code, reason = "not every test uses all of it")]
#[path = "../harness/gcp_kms.rs"]
mod gcp_kms;
#[allow(dead_code, reason = "not every test uses all of it")]
#[path = "../harness/huawei_kms.rs"]
mod huawei_kms;
#[allow(dead_code, reason = "not every test uses all of it")]
#[path = "../harness/moto.rs"]
mod moto;
#[path = "../harness/postgres.rs"]
mod postgres;
#[allow(dead_code, reason = "not every test uses all of it")]
#[path = "../harness/stand_in.rs"]
mod stand_in;
#[allow(dead_code, reason = "not every test uses all of it")]
#[path = "../harness/vault.rs"]
mod vault_server;

mod age_kinds;
mod age_plugin;
mod audit;
mod aws_kms;
#[path = "azure_key_vault.rs"]
mod azure_key_vault_files;
mod bad_input;
mod check;
mod check_hooks;
mod configuration;
mod conversions;
mod decrypt;
mod edit;
mod encrypt;
mod encrypt_refused;
mod exec_env;
mod exec_file;
mod files;
mod formats;
#[path = "gcp_kms.rs"]
mod gcp_kms_files;
mod get;
#[path = "../harness/gnupg.rs"]
mod gnupg;
mod harness;
mod help;
mod init;
mod key_groups;
mod keys;
mod keys_of_users;
mod keyservice;
mod kill;
mod manifests;
mod many_files;
mod newcomer;
mod output;
mod pgp;
mod previous;
mod publish;
mod refused;
mod revision;
mod revision_and_sops;
mod sealing;
mod set;
mod shells;
mod sops;
mod sops_and_clouds;
mod sops_fixtures;
mod status;
mod typed_keys;
mod updatekeys;
mod usage;
mod usage_pages;
mod vault;
mod verify;
mod who_reads;
