//! Master keys, black box: the contract of every provider, key groups, files of the real tools.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot set the scene has failed"
)]

#[allow(dead_code, reason = "not every test uses all of it")]
#[path = "../harness/azure_key_vault.rs"]
mod azure_key_vault;
#[allow(dead_code, reason = "not every test uses all of it")]
#[path = "../harness/gcp_kms.rs"]
mod gcp_kms;
#[allow(dead_code, reason = "not every test uses all of it")]
#[path = "../harness/gnupg.rs"]
mod gnupg;
#[allow(dead_code, reason = "not every test uses all of it")]
#[path = "../harness/huawei_kms.rs"]
mod huawei_kms;
#[allow(dead_code, reason = "not every test uses all of it")]
#[path = "../harness/moto.rs"]
mod moto;
#[allow(clippy::print_stderr, reason = "says what did not run")]
#[path = "../harness/not_run.rs"]
mod not_run;
#[allow(dead_code, reason = "not every test uses all of it")]
#[path = "../harness/stand_in.rs"]
mod stand_in;
#[allow(dead_code, reason = "not every test uses all of it")]
#[path = "../harness/vault.rs"]
mod vault_server;

mod age_keys;
mod age_kinds;
mod age_passphrases;
mod aws_kms;
mod aws_kms_moto;
mod contract;
mod groups;
mod interop;
mod keyservice;
mod vault;
