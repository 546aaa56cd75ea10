//! What commands share that seal values for a cluster and open SealedSecrets.
//!
//! ```text
//! Secret ─certificate→ SealedSecret ─sealing keys→ Secret
//! ```

use std::path::Path;

use seal_api::sealing::Scope;
use seal_core::document::Position;
use seal_core::format::Format;
use seal_core::sealed_secret::{self, SealedManifest};

use crate::error::CommandError;
use crate::inputs::Input;

mod certificate;
mod edit;
mod encrypt;
mod keys;
mod opening;
mod rotate;
mod set;
mod verify;

pub(super) use certificate::{Certificate, Described};
pub(super) use edit::Editing;
pub(super) use encrypt::run as encrypt;
pub(super) use keys::SealingKeys;
pub(crate) use keys::read as sealing_keys_of;
use opening::object_of;
pub(super) use rotate::run as rotate;
pub(super) use set::{Change, as_opened, below_data, change};
pub(super) use verify::{Answers, Controller};

/// Whether all that is secret in a text is in SealedSecrets: it holds some, and neither a Secret in clear nor an envelope.
pub(super) fn is_sealed(format: Format, source: &[u8]) -> bool {
    let found = sealed_secret::secrets(format, source);
    found.is_ok_and(|found| {
        let in_clear = found.list.iter().any(|secret| !secret.values.is_empty());
        found.sealed > 0 && found.with_envelope == 0 && !in_clear
    })
}

/// The scope of a SealedSecret by its annotations, and the label of its values.
fn scope_of(manifest: &SealedManifest) -> Result<(Scope, seal_api::sealing::Label), String> {
    let object = object_of(manifest)?;
    Ok((object.scope(), object.label()))
}

/// An error about an object of a file.
fn about(error: CommandError, path: &Path, object: &str, position: Position) -> CommandError {
    let object = crate::ui::escape(object);
    let message = format!("{object}: {}", error.message);
    CommandError { message, ..error }.at(path, position)
}

/// Files that can hold manifests. One that was named and cannot is an error.
fn holds_manifests(format: Format, input: &Input) -> Result<bool, CommandError> {
    match format {
        Format::Yaml | Format::Json => Ok(true),
        _ if !input.explicit => Ok(false),
        _ => Err(CommandError::usage("only manifests in YAML or JSON can be sealed")
            .in_file(&input.path)
            .hint("put the text into a Secret first, as `kubectl create secret generic NAME --from-file FILE --dry-run=client -o yaml` does")),
    }
}
