//! `seal keys`

use seal_core::envelope::MasterKey;
use seal_keys::Environment;

use super::{Context, Outcome};
use crate::args::{KeysAction, KeysArgs, NamedKeysArgs};
use crate::config::TypedKeys;
use crate::error::CommandError;
use crate::reason::Reason;

mod add;
mod list;
mod remove;

pub(super) fn run(arguments: &KeysArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    match &arguments.action {
        KeysAction::List(arguments) => list::run(arguments, context),
        KeysAction::Add(arguments) => add::run(arguments, context),
        KeysAction::Remove(arguments) => remove::run(arguments, context),
    }
}

/// The keys that options name. Variables of the environment have no say: they name the recipients of new files.
///
/// # Errors
/// One of them cannot be used, or there are none.
pub(super) fn typed_keys(arguments: &NamedKeysArgs) -> Result<Vec<MasterKey>, CommandError> {
    let nothing = Environment::of::<&str, &str>([]);
    let typed = TypedKeys::read(&nothing, &arguments.as_master_keys()).map_err(|error| {
        let out = CommandError::usage(error.to_string()).because(error.reason());
        error.hint().into_iter().fold(out, CommandError::hint)
    })?;
    typed.keys.ok_or_else(|| {
        CommandError::usage("no key is named")
            .because(Reason::NoMasterKeys)
            .hint("name it with `--age`, `--kms`, `--pgp` or their like")
    })
}
