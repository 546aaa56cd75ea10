//! The binary as `sops`: called by that name, or as `seal sops …`.
//!
//! ```text
//! argv ─flags, commands→ Parsed ─requests→ args::Command ─commands::run→ result ─refusal→ SOPS's exit code
//! ```
//!
//! There is no behaviour here beyond what SOPS does before and after its commands: which configuration and types count,
//! what files may lead to, and the number at the end.

use std::ffi::OsString;
use std::path::Path;

use seal_core::check::is_sops_file;
use seal_core::format::Format;
use seal_keys::Environment;

use self::flags::{FlagError, Parsed, parse};
use self::refusal::{Code, Doing, Refusal, code};
use self::requests::{Reader, Request};
use crate::args::{Color, GlobalArgs};
use crate::commands::{self, Context};
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::ui::Ui;
use crate::write;

mod completion;
mod context;
mod flags;
mod help;
mod refusal;
mod requests;
mod table;
mod types;

/// What `sops` is to do, where the process was started under that name or as `seal sops`.
pub(crate) fn arguments(argv: &[OsString]) -> Option<&[OsString]> {
    let name = Path::new(argv.first()?).file_stem()?;
    match argv.get(1) {
        _ if name == "sops" => Some(&argv[1..]),
        Some(verb) if verb == "sops" => Some(&argv[2..]),
        _ => None,
    }
}

/// Does it, and returns the exit code.
pub(crate) fn run(arguments: &[OsString], environment: Environment) -> u8 {
    let options = GlobalArgs { quiet: false, json: false, color: Color::Auto, config: None };
    let ui = Ui::new(&options, true);
    let environment = context::environment(environment);
    match answer(arguments, &environment, &ui) {
        Ok(code) => code,
        Err(refusal) => {
            ui.error(&refusal.error);
            refusal.code as u8
        }
    }
}

const DONE: u8 = 0;

fn answer(arguments: &[OsString], environment: &Environment, ui: &Ui) -> Result<u8, Refusal> {
    let global = match parse(table::ROOT.flags, arguments, false) {
        Ok(global) => global,
        Err(error) => return wrong_use(&error, &table::ROOT, ui),
    };
    if global.has("version") {
        if global.has("check-for-updates") {
            ui.warn("seal never looks up whether there is a newer version");
        }
        return print(&help::version(), ui);
    }
    let words = &global.positionals;
    if let Some((command, count)) = table::named(words) {
        warn_of_lost_flags(&global, command.name, ui);
        let own = match parse(command.flags, &words[count..], true) {
            Ok(own) => own,
            Err(error) => return wrong_use(&error, command, ui),
        };
        let reader = Reader { own: &own, global: &global, environment, ui, is_legacy: false };
        return subcommand(command.name, &reader);
    }
    match words.first().and_then(|word| word.to_str()) {
        Some("help" | "h") => match help::help_on(&words[1..]) {
            Some(text) => print(&text, ui),
            None => Err(Refusal::new(Code::Generic, "there is no help on that")
                .hint("`sops help` lists the commands")),
        },
        Some(family) if table::FAMILIES.contains(&family) => match words.get(1) {
            Some(word) if !word.as_encoded_bytes().starts_with(b"-") => {
                Err(Refusal::new(Code::Generic, format!("`{family}` has no such command"))
                    .hint(format!("`sops {family}` lists them")))
            }
            _ => print(&help::help_on(&words[..1]).unwrap_or_default(), ui),
        },
        _ => {
            let reader = Reader { own: &global, global: &global, environment, ui, is_legacy: true };
            legacy(&reader)
        }
    }
}

fn subcommand(name: &str, reader: &Reader<'_>) -> Result<u8, Refusal> {
    let request = match name {
        "encrypt" => reader.encrypt()?,
        "decrypt" => reader.decrypt()?,
        "keyservice" => reader.keyservice()?,
        "edit" => reader.edit()?,
        "rotate" => reader.rotate()?,
        "set" => reader.set()?,
        "unset" => reader.unset()?,
        "updatekeys" => reader.updatekeys()?,
        "groups add" => reader.groups_add()?,
        "groups delete" => reader.groups_delete()?,
        "exec-env" => reader.exec_env()?,
        "exec-file" => reader.exec_file()?,
        "publish" => reader.publish()?,
        "completion bash" => return print(&completion::bash(), reader.ui),
        "completion zsh" => return print(&completion::zsh(), reader.ui),
        "filestatus" => return filestatus(reader),
        _ => return Err(Refusal::new(Code::Generic, format!("seal has no `{name}`"))),
    };
    Ok(done(&request, reader))
}

/// `sops [flags] FILE`, as it was before there were subcommands.
fn legacy(reader: &Reader<'_>) -> Result<u8, Refusal> {
    let own = reader.own;
    let modes = [("set", own.text("set").is_some()), ("rotate", own.has("rotate"))];
    let modes =
        modes.into_iter().chain([("decrypt", own.has("decrypt")), ("encrypt", own.has("encrypt"))]);
    let given: Vec<_> = modes.filter_map(|(mode, is_given)| is_given.then_some(mode)).collect();
    if given.len() > 1 {
        reader.ui.warn(&format!(
            "several of --encrypt, --decrypt, --rotate and --set are given: only --{} counts",
            given[0]
        ));
    }
    let mode = given.first().copied().unwrap_or("edit");
    for name in own.names().filter(|name| !table::means_something(mode, name)) {
        reader.ui.warn(&format!("`--{name}` means nothing to `{mode}` and is ignored"));
    }
    let request = match given.first() {
        Some(&"decrypt") => reader.decrypt()?,
        Some(&"encrypt") => reader.encrypt()?,
        Some(&"rotate") => reader.rotate()?,
        None => reader.edit()?,
        Some(_) => reader.legacy_set()?,
    };
    Ok(done(&request, reader))
}

/// Runs a request; says what failed and returns SOPS's number for it.
fn done(request: &Request, reader: &Reader<'_>) -> u8 {
    let ui = reader.ui;
    let directory = std::env::current_dir().unwrap_or_else(|_| ".".into());
    let found = context::config(reader.global, reader.environment, &directory);
    for file in &found.misnamed {
        ui.warn(&format!("{} is ignored: the name must be .sops.yaml", file.display()));
    }
    let context = Context { ui, config: Some(&found.path), environment: reader.environment };
    match commands::run(&request.command, &context) {
        Ok(outcome) => match outcome.code {
            ExitCode::Done => DONE,
            ExitCode::Program(code) => code,
            // Failures of single files are said already.
            _ => ui.first_error().map_or(Code::Generic, |error| code(request.doing, &error)) as u8,
        },
        Err(error) => {
            ui.error(&error);
            match error.kind {
                ExitCode::Program(code) => code,
                _ => code(request.doing, &error) as u8,
            }
        }
    }
}

fn filestatus(reader: &Reader<'_>) -> Result<u8, Refusal> {
    let Some(argument) = reader.own.positionals.first() else { return Err(requests::no_file()) };
    let file = reader.file(argument);
    let types = reader.types(Some(&file))?;
    let is_encrypted = is_encrypted(&file, types.input.into())
        .map_err(|error| Refusal { code: code(Doing::Plain, &error), error })?;
    print(&format!("{{\"encrypted\":{is_encrypted}}}\n"), reader.ui)
}

/// Whether SOPS would say that a file is encrypted; needs no key.
fn is_encrypted(path: &Path, format: Format) -> Result<bool, CommandError> {
    let source = write::read(path)?.bytes;
    is_sops_file(format, source.expose()).map_err(|error| commands::file_error(path, &error))
}

fn print(text: &str, ui: &Ui) -> Result<u8, Refusal> {
    let printed = ui.write_stdout(text.as_bytes());
    printed.map(|()| DONE).map_err(|error| Refusal { code: Code::CannotWrite, error })
}

/// Help where it was asked for; else what is wrong, and nothing on stdout, where a reader waits for a document.
fn wrong_use(error: &FlagError, command: &table::Command, ui: &Ui) -> Result<u8, Refusal> {
    if *error == FlagError::Help {
        return print(&help::help(command), ui);
    }
    let verb = ["sops", command.name].join(" ");
    let hint = format!("`{} --help` lists the flags", verb.trim_end());
    Err(Refusal::new(Code::Generic, error.to_string()).hint(hint))
}

/// SOPS passes over flags in front of a subcommand in silence, but for a few.
fn warn_of_lost_flags(global: &Parsed, command: &str, ui: &Ui) {
    for name in global.names().filter(|name| !table::works_everywhere(name)) {
        ui.warn(&format!("`--{name}` in front of `{command}` is ignored; put it behind"));
    }
}
