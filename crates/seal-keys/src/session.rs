//! What the providers of one run share.

use std::sync::Arc;

use crate::calls::{Calls, Limits};
use crate::environment::Environment;
use crate::prompt::{Nobody, Prompt, Prompts};
use crate::trust::Trust;

/// How keys are looked for in one run.
#[derive(Clone)]
pub struct Settings {
    /// Where credentials, addresses and identities are named.
    pub environment: Environment,
    /// What references in files may lead to.
    pub trust: Trust,
    /// Who can be asked for passphrases.
    pub prompt: Arc<dyn Prompt>,
    /// How long calls over the network may take.
    pub limits: Limits,
}

impl Settings {
    /// What an environment says, with nobody to ask, and the default limits of time (see [`Limits::read`]).
    pub fn of(environment: Environment) -> Self {
        Self {
            trust: Trust::of(&environment),
            limits: Limits::default(),
            prompt: Arc::new(Nobody),
            environment,
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// The settings, and what is started once for all providers.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) environment: Environment,
    pub(crate) trust: Trust,
    pub(crate) prompts: Prompts,
    pub(crate) calls: Calls,
}

impl Session {
    pub(crate) fn new(settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            environment: settings.environment,
            trust: settings.trust,
            prompts: Prompts::new(settings.prompt),
            calls: Calls::new(settings.limits),
        })
    }
}
