//! stub
use crate::args::KeysRemoveArgs;
use crate::commands::{Context, Outcome};
use crate::error::CommandError;
pub(super) fn run(_: &KeysRemoveArgs, _: &Context<'_>) -> Result<Outcome, CommandError> {
    Err(CommandError::failed("later"))
}
