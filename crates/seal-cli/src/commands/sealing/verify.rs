//! `seal verify --cluster`: the controller is asked whether it can open SealedSecrets.

use std::path::Path;

use seal_core::format::Format;
use seal_keys::Environment;

use super::set::manifests;
use super::{about, object_of};
use crate::args::VerifyArgs;
use crate::cluster::{Access, ClusterError};
use crate::error::CommandError;
use crate::reason::Reason;

/// The controller that is asked, where one is.
pub(in crate::commands) struct Controller(Option<Access>);

/// What it said of a text.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::commands) struct Answers {
    /// SealedSecrets that it can open, and their values.
    pub(in crate::commands) objects: usize,
    pub(in crate::commands) values: usize,
    /// SealedSecrets that nobody was asked about.
    pub(in crate::commands) not_asked: usize,
}

impl Controller {
    pub(in crate::commands) fn new(arguments: &VerifyArgs, environment: &Environment) -> Self {
        Self(arguments.cluster.then(|| Access::from(&arguments.access, environment)))
    }

    /// Asks about each SealedSecret of a text.
    ///
    /// # Errors
    /// It cannot open one, or cannot be asked.
    pub(in crate::commands) fn verify(
        &self,
        path: &Path,
        format: Format,
        source: &[u8],
    ) -> Result<Answers, CommandError> {
        let mut answers = Answers::default();
        for manifest in manifests(path, format, source)? {
            let Some(access) = &self.0 else {
                answers.not_asked += 1;
                continue;
            };
            let here = |error| about(error, path, &manifest.description, manifest.position);
            object_of(&manifest).map_err(|problem| here(CommandError::failed(problem)))?;
            let opens = match access.verify(manifest.json.as_bytes()) {
                Ok(opens) => opens,
                Err(error @ ClusterError::Refused { .. }) => return Err(here(error.into())),
                // Of the cluster, not of the object: said once for all files.
                Err(error) => return Err(error.into()),
            };
            if !opens {
                return Err(here(
                    CommandError::no_key("the controller cannot decrypt it")
                        .because(Reason::NoDataKey)
                        .hint("it was sealed for another cluster, namespace, name or scope, or was changed since; `seal verify --sealing-key` says which"),
                ));
            }
            answers.objects += 1;
            answers.values += manifest.entries.len();
        }
        Ok(answers)
    }
}
