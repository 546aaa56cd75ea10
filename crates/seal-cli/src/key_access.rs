//! How this run reaches master keys: the providers and key services, with what the user named and a terminal to ask at.

use std::sync::Arc;

use seal_core::envelope::MasterKey;
use seal_keys::remote::{KeyServices, RemoteUri};
use seal_keys::{DecryptionOrder, Environment, Limits, Settings, Unwrapper};

use crate::args::KeyAccessArgs;
use crate::error::CommandError;
use crate::reason::Reason;
use crate::terminal::Terminal;

/// Unwraps data keys, and leads to the service that wraps them.
pub(crate) type KeyAccess = Unwrapper<KeyServices>;

/// Prepares it; nothing is read or asked yet. `typed` are the keys that the user typed, whose servers, roles and plugins
/// so count as named.
pub(crate) fn key_access<'k>(
    environment: &Environment,
    arguments: &KeyAccessArgs,
    typed: impl IntoIterator<Item = &'k MasterKey>,
) -> Result<KeyAccess, CommandError> {
    let mut settings = Settings::of(environment.clone());
    settings.trust = settings.trust.and_keys(typed);
    settings.prompt = Arc::new(Terminal);
    settings.limits = limits(environment)?;
    let remotes = remotes(environment, arguments)?;
    let local = local(environment, arguments)?;
    if !local && remotes.is_empty() {
        return Err(CommandError::usage(
            "this machine's keys are off, and no key service is named",
        )
        .because(Reason::NoDataKey)
        .hint("name one with `--keyservice unix:///PATH`"));
    }
    let services = KeyServices::new(settings, local, remotes);
    Ok(Unwrapper::new(services, order(environment, arguments)?))
}

/// The limits of time for calls over the network.
pub(crate) fn limits(environment: &Environment) -> Result<Limits, CommandError> {
    Limits::read(environment).map_err(|error| CommandError::usage(error.to_string()))
}

fn order(
    environment: &Environment,
    arguments: &KeyAccessArgs,
) -> Result<DecryptionOrder, CommandError> {
    if let Some(order) = &arguments.decryption_order {
        return Ok(order.clone());
    }
    let order = variable(environment, "SOPS_DECRYPTION_ORDER", str::parse)
        .map_err(|error| error.because(Reason::DecryptionOrder))?;
    Ok(order.unwrap_or_default())
}

/// The variable may hold several, separated by commas, as SOPS takes it.
fn remotes(
    environment: &Environment,
    arguments: &KeyAccessArgs,
) -> Result<Vec<RemoteUri>, CommandError> {
    if !arguments.keyservice.is_empty() {
        return Ok(arguments.keyservice.clone());
    }
    let list = |text: &str| text.split(',').map(|uri| uri.trim().parse()).collect();
    Ok(variable(environment, "SOPS_KEYSERVICE", list)?.unwrap_or_default())
}

fn local(environment: &Environment, arguments: &KeyAccessArgs) -> Result<bool, CommandError> {
    if let Some(local) = arguments.enable_local_keyservice {
        return Ok(local);
    }
    // The words of Go's `strconv.ParseBool`.
    let flag = |text: &str| match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err("it is neither true nor false"),
    };
    Ok(variable(environment, "SOPS_ENABLE_LOCAL_KEYSERVICE", flag)?.unwrap_or(true))
}

/// What a variable means; `None` where it is not set.
fn variable<T, E: std::fmt::Display>(
    environment: &Environment,
    name: &str,
    read: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, CommandError> {
    let Some(text) = environment.variable(name) else { return Ok(None) };
    let meaning = read(&text.to_string_lossy());
    meaning
        .map(Some)
        .map_err(|error| CommandError::usage(format!("{name} cannot be used: {error}")))
}
