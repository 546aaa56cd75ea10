//! `seal unset`

use seal_core::change::{self, Target};

use super::sealing::Change;
use super::value_change::{self, Changed, change_error};
use super::{Context, Outcome, documents};
use crate::args::UnsetArgs;
use crate::error::CommandError;
use crate::reason::Reason;

pub(super) fn run(arguments: &UnsetArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    let typed = &arguments.change;
    let path = documents::path(&typed.path)?;
    value_change::check_file(typed)?;
    let sealed = Change::Unset { idempotent: arguments.idempotent };
    value_change::run(typed, &arguments.key_access, context, "unset", &sealed, |plain| {
        let found = documents::value_at(plain.stream, typed.document.as_ref(), &path);
        let (document, node) = match found {
            Ok(found) => found,
            Err(error) if arguments.idempotent && error.reason == Some(Reason::NoValue) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let path = plain.stream.documents[document].path(node);
        let target = Target { document, path: &path, as_sops: typed.as_sops };
        let text = change::unset(plain.format, plain.text, &target)
            .map_err(|error| change_error(error, &path))?;
        Ok(Some(Changed { document, path, text }))
    })
}
