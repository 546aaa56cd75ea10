//! stub
use super::{Context, Outcome};
use crate::args::KeysArgs;
use crate::error::CommandError;
pub(super) fn run(_: &KeysArgs, _: &Context<'_>) -> Result<Outcome, CommandError> {
    Err(CommandError::failed("later"))
}
