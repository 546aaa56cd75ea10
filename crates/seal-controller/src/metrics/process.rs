//! What the process itself uses, under the names that Prometheus' clients have for it.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Read at each scrape; nothing where there is no `/proc`.
#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        if let Some(bytes) = resident_bytes(&read("/proc/self/status")) {
            let help = "Resident memory size in bytes";
            let metric = encoder.encode_descriptor(
                "process_resident_memory_bytes",
                help,
                None,
                MetricType::Gauge,
            )?;
            ConstGauge::new(bytes).encode(metric)?;
        }
        if let Some(seconds) = cpu_seconds(&read("/proc/self/stat")) {
            let help = "Total user and system CPU time spent in seconds";
            let metric = encoder.encode_descriptor(
                "process_cpu_seconds",
                help,
                None,
                MetricType::Counter,
            )?;
            ConstCounter::new(seconds).encode(metric)?;
        }
        Ok(())
    }
}

fn resident_bytes(status: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<i64>().ok()?.checked_mul(1024)
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    /// The unit of these numbers, part of Linux's interface whatever the kernel itself counts in.
    const PER_SECOND: f64 = 100.0;
    // The name of the program is in parentheses and may hold anything; the state behind it is the third field.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some((f64::from(user) + f64::from(system)) / PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_memory_and_time_from_proc() {
        let status = "Name:\tseal\nVmHWM:\t  9000 kB\nVmRSS:\t    8192 kB\nThreads:\t4\n";
        assert_eq!(resident_bytes(status), Some(8192 * 1024));
        let stat = "17 (a ) b) S 1 17 17 0 -1 4194560 1 2 3 4 250 50 0 0 20 0 4 0 1 2 3";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(resident_bytes(""), None);
        assert_eq!(cpu_seconds("17 (a) S 1"), None);
    }
}
