//! `seal-controller`: decrypts in the cluster what was encrypted for it.

mod api_failure;
mod apply;
mod client;
mod context;
mod controllers;
mod events;
mod hardening;
mod http;
mod lease;
mod logs;
mod metrics;
mod plan;
mod process;
mod queue;
mod rate;
mod sealing_keys;
mod settings;
mod status;
mod unseal_pool;
mod watches;

use std::io::Write as _;
use std::process::ExitCode;

use settings::{Command, Environment, Request};

/// As of clap: the command line cannot be used.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let hardened = hardening::harden();
    let environment = Environment::of_process();
    match Request::read(std::env::args_os().collect(), &environment) {
        Ok(Request::Run(settings)) => process::run(*settings, &environment, hardened),
        Ok(Request::Version) => printed(&format!("controller version: {VERSION}\n")),
        Ok(Request::Command(Command::Crd)) => match seal_api::crd::all_as_yaml() {
            Ok(text) => printed(&text),
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            // Help goes to standard output with code 0, anything else to standard error.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE))
        }
    }
}

/// What is printed and shown in the metrics.
const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

fn printed(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
