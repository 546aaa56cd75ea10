//! `seal keyservice`

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread;

use rustix::fs::Mode;
use seal_keys::remote::{Asked, Guard, ListenError, Listener, Operation, serve};
use seal_keys::{Environment, Prompt, Providers, Settings};

use super::{Context, Outcome};
use crate::args::KeyserviceArgs;
use crate::error::CommandError;
use crate::key_access::limits;
use crate::terminal::Terminal;
use crate::write;

/// Serves until a signal ends the process.
pub(super) fn run(
    arguments: &KeyserviceArgs,
    context: &Context<'_>,
) -> Result<Outcome, CommandError> {
    if arguments.prompt && !Terminal::is_there() {
        return Err(CommandError::usage(
            "`--prompt` needs a terminal to ask at, and there is none",
        ));
    }
    // What is made from here on, the socket and its directory, is never open to others, not even for a moment.
    rustix::process::umask(Mode::from_bits_truncate(0o077));
    let (listener, _registration) = match &arguments.tcp {
        Some(address) => (tcp(address, arguments, context)?, None),
        None => {
            let path = socket(arguments, context.environment)?;
            let listener = Listener::unix(&path).map_err(|error| cannot_listen(&error))?;
            (listener, Some(write::remove_on_signal(path)))
        }
    };
    context.ui.note(&format!("listening on {}", listener.uri()));
    let environment = context.environment.clone();
    let limits = limits(&environment)?;
    let providers = move || {
        let mut settings = Settings::of(environment.clone());
        settings.prompt = Arc::new(Terminal);
        settings.limits = limits;
        Providers::new(settings)
    };
    let (log, lines) = mpsc::channel();
    let guard = Arc::new(Door { log, prompt: arguments.prompt });
    let serving = thread::spawn(move || serve(listener, providers, guard));
    // Until the service has ended, and the last sender with it.
    lines.into_iter().for_each(|line| context.ui.note(&line));
    let error = CommandError::failed("the key service ended");
    Err(match serving.join() {
        Ok(Err(source)) => error.caused_by(&source),
        _ => error,
    })
}

fn tcp(
    address: &str,
    arguments: &KeyserviceArgs,
    context: &Context<'_>,
) -> Result<Listener, CommandError> {
    let listener = Listener::tcp(address, arguments.insecure_allow_remote)
        .map_err(|error| cannot_listen(&error))?;
    context.ui.warn(
        "over TCP every user and program that reaches the port can use your keys, and data keys travel unencrypted",
    );
    Ok(listener)
}

fn socket(arguments: &KeyserviceArgs, environment: &Environment) -> Result<PathBuf, CommandError> {
    if let Some(path) = &arguments.socket {
        return Ok(path.clone());
    }
    let directory = environment.variable("XDG_RUNTIME_DIR").map(PathBuf::from);
    match directory.filter(|directory| directory.is_absolute()) {
        Some(directory) => Ok(directory.join("seal").join("keyservice.sock")),
        None => Err(CommandError::usage(
            "XDG_RUNTIME_DIR is not set, so there is no place for the socket",
        )
        .hint("name one in a directory of your own: `--socket ~/.seal/keyservice.sock`")),
    }
}

fn cannot_listen(error: &ListenError) -> CommandError {
    let this = match error {
        ListenError::Address(_) | ListenError::Remote(_) => CommandError::usage(error.to_string()),
        _ => CommandError::failed(error.to_string()),
    };
    match error {
        ListenError::Directory { .. } => {
            this.hint("name a socket in a directory that only you can use (`mkdir -m 700 DIR`)")
        }
        ListenError::InUse(_) => this.hint("use that one, or name another socket with `--socket`"),
        ListenError::Occupied(_) => this.hint("remove it, or name another socket with `--socket`"),
        ListenError::Remote(_) => this.hint(
            "listen on 127.0.0.1 and let others in through an SSH tunnel; `--insecure-allow-remote` listens all the same",
        ),
        ListenError::Address(_) => this,
        ListenError::System { source, .. } => this.caused_by(source),
    }
}

/// Asks at the terminal, and keeps a log on stderr.
struct Door {
    log: mpsc::Sender<String>,
    prompt: bool,
}

impl Guard for Door {
    fn allows(&self, asked: &Asked) -> bool {
        !self.prompt
            || Terminal.confirm(&format!("{}?", told(asked)), "allow", Some("refuse")) == Some(true)
    }

    fn asks_a_person(&self) -> bool {
        self.prompt
    }

    fn answered(&self, asked: &Asked, problem: Option<&str>) {
        let _ = self.log.send(format!("{}: {}", told(asked), problem.unwrap_or("done")));
    }

    fn refused(&self, why: &str) {
        let _ = self.log.send(format!("refused {why}"));
    }
}

fn told(asked: &Asked) -> String {
    let verb = match asked.operation {
        Operation::Encrypt => "encrypt",
        Operation::Decrypt => "decrypt",
    };
    format!("{verb} a data key with {}", asked.key)
}
