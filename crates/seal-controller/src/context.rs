//! What all parts of the process share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::lease::Lead;
use crate::metrics::Metrics;
use crate::sealing_keys::Registry;
use crate::settings::Settings;

/// Handles, cheap to clone.
#[derive(Clone)]
pub(crate) struct Context {
    /// The API server.
    pub(crate) client: kube::Client,
    /// What the flags and the environment say.
    pub(crate) settings: Arc<Settings>,
    /// The sealing keys as they are now.
    pub(crate) sealing_keys: Registry,
    /// Counters and gauges.
    pub(crate) metrics: Metrics,
    /// Whether this replica may write. Everything that writes waits for `true` and ends when it becomes `false`.
    pub(crate) leading: tokio::sync::watch::Receiver<bool>,
    /// The same to the moment: asked between reading what is to be changed and writing it.
    pub(crate) lead: Lead,
    /// What the readiness probe asks for.
    pub(crate) readiness: Readiness,
}

/// Whether the replica that leads knows all objects that it looks after.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readiness {
    filled: Arc<AtomicBool>,
}

impl Readiness {
    /// All objects have been listed, or, when a replica begins to lead, none yet.
    pub(crate) fn set_filled(&self, filled: bool) {
        self.filled.store(filled, Ordering::Release);
    }

    /// Whether all objects have been listed.
    pub(crate) fn is_filled(&self) -> bool {
        self.filled.load(Ordering::Acquire)
    }
}
