//! Counters and gauges, with upstream's names (`sealed_secrets_controller_…`) and ours.

/// Handles to all metrics, cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Metrics {}

/// Why an unsealing failed, in upstream's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailedUnseal {
    Fetch,
    Status,
    Unseal,
    Update,
    Unmanaged,
}

impl Metrics {
    /// `unseal_requests_total`: a SealedSecret is looked at.
    pub(crate) fn unseal_request(&self) {}

    /// `unseal_errors_total{reason,namespace}`.
    pub(crate) fn unseal_error(&self, reason: FailedUnseal, namespace: &str) {
        let _ = (reason, namespace);
    }

    /// `condition_info{namespace,name,condition,ss_app_kubernetes_io_instance}`: -1 False, 0 Unknown, 1 True.
    pub(crate) fn condition(&self, namespace: &str, name: &str, condition: &str, value: i64, instance: &str) {
        let _ = (namespace, name, condition, value, instance);
    }

    /// The object is gone: its gauges go too.
    pub(crate) fn forget(&self, namespace: &str, name: &str) {
        let _ = (namespace, name);
    }
}
