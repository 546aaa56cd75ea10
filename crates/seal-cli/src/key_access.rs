//! How this run reaches master keys: the providers, with what the user named and a terminal to ask at.

use std::sync::Arc;

use seal_core::envelope::MasterKey;
use seal_keys::{DecryptionOrder, Environment, Providers, Settings, Unwrapper};

use crate::args::KeyAccessArgs;
use crate::error::CommandError;
use crate::terminal::Terminal;

/// Unwraps data keys, and leads to the service that wraps them.
pub(crate) type KeyAccess = Unwrapper<Providers>;

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
    Ok(Unwrapper::new(Providers::new(settings), order(environment, arguments)?))
}

fn order(
    environment: &Environment,
    arguments: &KeyAccessArgs,
) -> Result<DecryptionOrder, CommandError> {
    const VARIABLE: &str = "SOPS_DECRYPTION_ORDER";
    if let Some(order) = &arguments.decryption_order {
        return Ok(order.clone());
    }
    let Some(text) = environment.variable(VARIABLE) else { return Ok(DecryptionOrder::default()) };
    text.to_string_lossy()
        .parse()
        .map_err(|error| CommandError::usage(format!("{VARIABLE} cannot be used: {error}")))
}
