//! `condition_info`: one gauge per SealedSecret and condition, which goes with its object.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

/// The conditions of all SealedSecrets.
///
/// Not a family: removing from one needs all labels, and the instance may have changed meanwhile.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    objects: Mutex<BTreeMap<(String, String), Object>>,
}

#[derive(Debug, Default)]
struct Object {
    instance: String,
    /// Few, so a list.
    conditions: Vec<(String, i64)>,
}

impl Conditions {
    pub(super) fn set(
        &self,
        namespace: &str,
        name: &str,
        condition: &str,
        value: i64,
        instance: &str,
    ) {
        let mut objects = self.objects();
        let object = objects.entry((namespace.to_owned(), name.to_owned())).or_default();
        instance.clone_into(&mut object.instance);
        match object.conditions.iter_mut().find(|(known, _)| known == condition) {
            Some((_, current)) => *current = value,
            None => object.conditions.push((condition.to_owned(), value)),
        }
    }

    pub(super) fn forget(&self, namespace: &str, name: &str) {
        self.objects().remove(&(namespace.to_owned(), name.to_owned()));
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<(String, String), Object>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for Conditions {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let help = "Current SealedSecret condition status. Values are -1 (false), 0 (unknown or absent), 1 (true)";
        let mut metric =
            encoder.encode_descriptor("condition_info", help, None, MetricType::Gauge)?;
        for ((namespace, name), object) in &*self.objects() {
            for (condition, value) in &object.conditions {
                let labels = [
                    ("namespace", namespace.as_str()),
                    ("name", name),
                    ("condition", condition),
                    // What upstream calls the SealedSecret's own label `app.kubernetes.io/instance`.
                    ("ss_app_kubernetes_io_instance", &object.instance),
                ];
                ConstGauge::new(*value).encode(metric.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}
