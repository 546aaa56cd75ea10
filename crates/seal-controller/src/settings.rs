//! Flags, and the same as environment variables `SEALED_SECRETS_…`, with upstream's names and defaults.

use std::time::Duration;

/// How the controller runs.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The namespace of the sealing keys: `POD_NAMESPACE`, else the service account's, else `default`.
    pub(crate) key_namespace: String,
    /// `--key-prefix`
    pub(crate) key_prefix: String,
    /// `--key-size`
    pub(crate) key_size: u32,
    /// `--key-ttl`
    pub(crate) key_ttl: Duration,
    /// `--my-cn`
    pub(crate) my_cn: String,
    /// `--key-renew-period`; zero: never
    pub(crate) key_renew_period: Duration,
    /// `--key-order-priority`
    pub(crate) key_order: KeyOrder,
    /// `--key-cutoff-time`
    pub(crate) key_cutoff: Option<jiff::Timestamp>,
    /// `--privatekey-labels`, `--privatekey-annotations`
    pub(crate) private_key_labels: Vec<(String, String)>,
    pub(crate) private_key_annotations: Vec<(String, String)>,
    /// `--accept-deprecated-v1-data`
    pub(crate) accept_deprecated_v1_data: bool,
    /// Namespaces to watch; empty: all. From `--all-namespaces` and `--additional-namespaces`.
    pub(crate) namespaces: Vec<String>,
    /// `--label-selector`
    pub(crate) label_selector: Option<String>,
    /// `--update-status`
    pub(crate) update_status: bool,
    /// `--skip-recreate`
    pub(crate) skip_recreate: bool,
    /// Ours: `--heal-drift` (default true)
    pub(crate) heal_drift: bool,
    /// `--old-gc-behavior`
    pub(crate) old_gc_behavior: bool,
}

/// What decides which sealing key is the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum KeyOrder {
    /// The certificate's `notBefore`.
    #[default]
    CertNotBefore,
    /// The Secret's creation.
    SecretCreationTimestamp,
}
