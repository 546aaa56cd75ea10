//! Counters and gauges, with upstream's names (`sealed_secrets_controller_…`) and ours (`seal_controller_…`).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

mod conditions;
mod exposition;
mod process;

use conditions::Conditions;
pub(crate) use exposition::CONTENT_TYPE;

/// What the names of sealed-secrets begin with.
const UPSTREAM: &str = "sealed_secrets_controller";
/// What our own names begin with.
const OURS: &str = "seal_controller";
/// The limits that Prometheus' clients have when nobody says others, in seconds; upstream has them.
const DEFAULT_BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Handles to all metrics, cheap to clone.
#[derive(Clone)]
pub(crate) struct Metrics {
    all: Arc<All>,
}

struct All {
    registry: Registry,
    /// Two scrapes at the same time must not clear each other's keys.
    rendering: Mutex<()>,
    unseal_requests: Counter,
    unseal_errors: Family<UnsealError, Counter>,
    /// Nothing where SealedSecrets are not to be named.
    conditions: Option<Arc<Conditions>>,
    http_requests: Family<HttpRequest, Counter>,
    http_durations: Family<HttpDuration, Histogram, fn() -> Histogram>,
    leading: Gauge,
    queue: Family<Lane, Gauge>,
    reconciles: Family<Reconcile, Histogram, fn() -> Histogram>,
    key_seals: Family<Key, Gauge>,
    key_objects: Family<Key, Gauge>,
    key_not_after: Family<Key, Gauge>,
    key_states: Family<KeyState, Gauge>,
}

/// Why an unsealing failed, in upstream's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum FailedUnseal {
    Fetch,
    Status,
    Unseal,
    Update,
    Unmanaged,
}

/// A sealing key as the metrics show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyReport {
    /// The name of its Secret.
    pub(crate) secret: String,
    /// Its fingerprint.
    pub(crate) fingerprint: String,
    /// The value of its label.
    pub(crate) state: String,
    /// Whether it is the one to seal with.
    pub(crate) seals: bool,
    /// How many SealedSecrets need it.
    pub(crate) objects: usize,
    /// Until when its certificate seals, in seconds since 1970.
    pub(crate) not_after: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UnsealError {
    reason: &'static str,
    namespace: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HttpRequest {
    path: &'static str,
    code: u16,
    method: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HttpDuration {
    path: &'static str,
    method: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lane {
    lane: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reconcile {
    kind: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Key {
    secret: String,
    fingerprint: String,
    state: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KeyState {
    state: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Revision {
    revision: &'static str,
}

impl Metrics {
    /// All at zero. With `omit_names` there is no metric that names a SealedSecret.
    pub(crate) fn new(revision: &'static str, omit_names: bool) -> Self {
        let mut registry = Registry::default();
        let all = All {
            unseal_requests: Counter::default(),
            unseal_errors: Family::default(),
            conditions: (!omit_names).then(Arc::default),
            http_requests: Family::default(),
            http_durations: Family::new_with_constructor(default_histogram),
            leading: Gauge::default(),
            queue: Family::default(),
            reconciles: Family::new_with_constructor(default_histogram),
            key_seals: Family::default(),
            key_objects: Family::default(),
            key_not_after: Family::default(),
            key_states: Family::default(),
            registry: Registry::default(),
            rendering: Mutex::default(),
        };
        all.register(&mut registry, revision);
        Self { all: Arc::new(All { registry, ..all }) }
    }

    /// `unseal_requests_total`: a SealedSecret is looked at.
    pub(crate) fn unseal_request(&self) {
        self.all.unseal_requests.inc();
    }

    /// `unseal_errors_total{reason,namespace}`.
    pub(crate) fn unseal_error(&self, reason: FailedUnseal, namespace: &str) {
        let labels = UnsealError { reason: reason.word(), namespace: namespace.to_owned() };
        self.all.unseal_errors.get_or_create(&labels).inc();
    }

    /// `condition_info{namespace,name,condition,ss_app_kubernetes_io_instance}`: -1 False, 0 Unknown, 1 True. `instance` is
    /// the SealedSecret's label `app.kubernetes.io/instance`.
    pub(crate) fn condition(
        &self,
        namespace: &str,
        name: &str,
        condition: &str,
        value: i64,
        instance: &str,
    ) {
        if let Some(conditions) = &self.all.conditions {
            conditions.set(namespace, name, condition, value, instance);
        }
    }

    /// The object is gone: its gauges go too.
    pub(crate) fn forget(&self, namespace: &str, name: &str) {
        if let Some(conditions) = &self.all.conditions {
            conditions.forget(namespace, name);
        }
    }

    /// `http_requests_total{path,code,method}` and `http_request_duration_seconds{path,method}`. Path and method are words of
    /// ours, never text of a request, so that nobody can make series without end.
    pub(crate) fn http_request(
        &self,
        path: &'static str,
        method: &'static str,
        code: u16,
        duration: Duration,
    ) {
        self.all.http_requests.get_or_create(&HttpRequest { path, code, method }).inc();
        self.all
            .http_durations
            .get_or_create(&HttpDuration { path, method })
            .observe(duration.as_secs_f64());
    }

    /// `seal_controller_leading`: whether this replica writes.
    pub(crate) fn leading(&self, leads: bool) {
        self.all.leading.set(i64::from(leads));
    }

    /// `seal_controller_queue_objects{lane}`: how many objects wait, in a lane such as `fresh` or `backlog`.
    pub(crate) fn queue_objects(&self, lane: &'static str, objects: usize) {
        self.all.queue.get_or_create(&Lane { lane }).set(gauge(objects));
    }

    /// `seal_controller_reconcile_duration_seconds{kind,result}`; the result is `done` or `retry`.
    pub(crate) fn reconciled(&self, kind: &'static str, result: &'static str, duration: Duration) {
        self.all
            .reconciles
            .get_or_create(&Reconcile { kind, result })
            .observe(duration.as_secs_f64());
    }

    /// All metrics in the text format of Prometheus, with the sealing keys as they are now.
    pub(crate) fn render(&self, keys: &[KeyReport], unusable: usize) -> String {
        let _alone = self.all.rendering.lock().unwrap_or_else(PoisonError::into_inner);
        self.all.show_keys(keys, unusable);
        exposition::render(&self.all.registry)
    }
}

impl All {
    fn register(&self, registry: &mut Registry, revision: &'static str) {
        let upstream = registry.sub_registry_with_prefix(UPSTREAM);
        let build: Family<Revision, Gauge> = Family::default();
        build.get_or_create(&Revision { revision }).set(1);
        upstream.register("build_info", "Build information", build);
        upstream.register(
            "unseal_requests",
            "Total number of sealed secret unseal requests",
            self.unseal_requests.clone(),
        );
        upstream.register(
            "unseal_errors",
            "Total number of sealed secret unseal errors by reason",
            self.unseal_errors.clone(),
        );
        upstream.register("http_requests", "Requests to the HTTP API", self.http_requests.clone());
        upstream.register(
            "http_request_duration_seconds",
            "How long answers of the HTTP API took",
            self.http_durations.clone(),
        );
        if let Some(conditions) = &self.conditions {
            upstream.register_collector(Box::new(conditions.clone()));
        }
        let ours = registry.sub_registry_with_prefix(OURS);
        ours.register("leading", "1 where this replica writes", self.leading.clone());
        ours.register("queue_objects", "Objects that wait to be reconciled", self.queue.clone());
        ours.register(
            "reconcile_duration_seconds",
            "How long it took to reconcile an object",
            self.reconciles.clone(),
        );
        ours.register(
            "sealing_keys",
            "Sealing keys by the value of their label",
            self.key_states.clone(),
        );
        ours.register("sealing_key_seals", "1 for the key to seal with", self.key_seals.clone());
        ours.register(
            "sealing_key_objects",
            "SealedSecrets with values that this key has opened, since this replica leads",
            self.key_objects.clone(),
        );
        ours.register(
            "sealing_key_not_after_timestamp_seconds",
            "Until when the certificate of the key seals",
            self.key_not_after.clone(),
        );
        registry.register_collector(Box::new(process::Process));
    }

    /// Keys come and go, so what is no longer there is not shown any more.
    fn show_keys(&self, keys: &[KeyReport], unusable: usize) {
        self.key_states.clear();
        for family in [&self.key_seals, &self.key_objects, &self.key_not_after] {
            family.clear();
        }
        let state = |state: &str| {
            self.key_states.get_or_create_owned(&KeyState { state: state.to_owned() })
        };
        state("active");
        state("unusable").set(gauge(unusable));
        for key in keys {
            state(&key.state).inc();
            let labels = Key {
                secret: key.secret.clone(),
                fingerprint: key.fingerprint.clone(),
                state: key.state.clone(),
            };
            self.key_seals.get_or_create(&labels).set(i64::from(key.seals));
            self.key_objects.get_or_create(&labels).set(gauge(key.objects));
            self.key_not_after.get_or_create(&labels).set(key.not_after);
        }
    }
}

impl FailedUnseal {
    fn word(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Status => "status",
            Self::Unseal => "unseal",
            Self::Update => "update",
            Self::Unmanaged => "unmanaged",
        }
    }
}

fn default_histogram() -> Histogram {
    Histogram::new(DEFAULT_BUCKETS)
}

fn gauge(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

#[cfg(test)]
mod tests;
