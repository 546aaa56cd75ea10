//! `--validate`: whether the controller can open SealedSecrets.

use super::Run;
use super::input::{self, parts};
use super::object::sealed_secrets;
use crate::error::CommandError;

/// Asks for each one, and says of all which ones cannot be opened.
pub(super) fn validate(run: &Run<'_>) -> Result<(), CommandError> {
    let input = input::read(run.options.input.as_deref(), run.ui)?;
    let mut count = 0;
    let mut refused = Vec::new();
    for part in parts(input.bytes.expose())? {
        let (manifests, has_others) = sealed_secrets(&input.name, &part)?;
        if has_others {
            return Err(
                CommandError::failed("not everything in it is a SealedSecret").in_file(&input.name)
            );
        }
        for manifest in manifests {
            count += 1;
            let opens = run.access.verify(manifest.json.as_bytes()).map_err(|error| {
                let cause = CommandError::from(error);
                let mut this = CommandError::failed(format!(
                    "cannot validate sealed secret: {}: {}",
                    manifest.description, cause.message
                ));
                (this.causes, this.hints) = (cause.causes, cause.hints);
                this
            })?;
            if !opens {
                let name = manifest.name.as_deref().unwrap_or_default();
                let error =
                    CommandError::failed(format!("unable to decrypt sealed secret: {name}"));
                refused.push(error);
            }
        }
    }
    if count == 0 {
        return Err(CommandError::failed("there is no SealedSecret in it").in_file(&input.name));
    }
    let Some(last) = refused.pop() else { return Ok(()) };
    for error in refused {
        run.ui.error(&error);
    }
    Err(last.hint("the status of the object in the cluster says why; so does `seal verify` where the sealing keys are at hand"))
}
