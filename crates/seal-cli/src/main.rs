//! The command line `seal`.
//!
//! ```text
//! argv ─args→ CommandLine ─commands→ inputs → core and keys → write | ui::write_stdout
//!                                └──────────── CommandError, Report ──→ ui, exit_code
//! ```

mod args;
mod audit;
mod child;
mod clock;
mod cluster;
mod commands;
mod compat;
mod config;
mod crash;
mod destination;
mod editor;
mod error;
mod exit_code;
mod git;
mod hardening;
mod inputs;
mod key_access;
mod private_directory;
mod reason;
mod scope;
mod terminal;
mod ui;
mod write;

use clap::Parser;
use seal_keys::Environment;

use crate::args::CommandLine;
use crate::commands::{Context, Outcome};
use crate::ui::Ui;

fn main() -> std::process::ExitCode {
    crash::be_ready();
    // Before anything secret is in memory. A system that refuses (a container, say) leaves nothing else to do.
    hardening::harden();
    let environment = Environment::of_process();
    let argv: Vec<_> = std::env::args_os().collect();
    if let Some(arguments) = compat::sops::arguments(&argv) {
        return compat::sops::run(arguments, environment).into();
    }
    if let Some(arguments) = compat::kubeseal::arguments(&argv) {
        return compat::kubeseal::run(arguments, &environment).into();
    }
    let line = match CommandLine::try_parse() {
        Ok(line) => line.complete(|name| environment.variable(name)),
        Err(message) => return ui::print_clap(message).into(),
    };
    let ui = Ui::new(&line.global, line.stdout_carries_documents());
    let context =
        Context { ui: &ui, config: line.global.config.as_deref(), environment: &environment };
    let (report, code) = match commands::run(&line.command, &context) {
        Ok(Outcome { report, code }) => (Some(report), code),
        Err(error) => {
            ui.error(&error);
            (None, error.kind)
        }
    };
    ui.finish(line.command.name(), report, code);
    code.into()
}
