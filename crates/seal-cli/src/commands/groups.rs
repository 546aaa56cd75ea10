//! stub
use super::{Context, Outcome};
use crate::args::GroupsArgs;
use crate::error::CommandError;
pub(super) fn run(_: &GroupsArgs, _: &Context<'_>) -> Result<Outcome, CommandError> {
    Err(CommandError::failed("later"))
}
