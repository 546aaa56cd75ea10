//! What all parts of the process share.

use std::sync::Arc;

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
}
