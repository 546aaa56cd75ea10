//! The text format 0.0.4 of Prometheus, which every scraper reads and which upstream gives to those that ask for nothing else.

use prometheus_client::encoding::text::encode_registry;
use prometheus_client::registry::Registry;

/// What the text is.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All metrics of a registry.
pub(super) fn render(registry: &Registry) -> String {
    let mut text = String::new();
    // Writing into a `String` does not fail.
    let _ = encode_registry(&mut text, registry);
    plain(&text)
}

/// The library writes OpenMetrics, in which a counter's name is described without its `_total`.
fn plain(open_metrics: &str) -> String {
    let mut out = String::with_capacity(open_metrics.len() + 256);
    let mut help = None;
    for line in open_metrics.lines() {
        if line.starts_with("# HELP ") {
            // Comes before the type, which decides how it begins.
            help = Some(line);
            continue;
        }
        if let Some((name, "counter")) =
            line.strip_prefix("# TYPE ").and_then(|rest| rest.rsplit_once(' '))
        {
            if let Some(text) =
                help.take().and_then(|help| help.strip_prefix("# HELP ")?.strip_prefix(name))
            {
                out.push_str(&format!("# HELP {name}_total{text}\n"));
            }
            out.push_str(&format!("# TYPE {name}_total counter\n"));
            continue;
        }
        if let Some(help) = help.take() {
            out.push_str(help);
            out.push('\n');
        }
        match line.split_once(".0\"") {
            _ if line.starts_with("# UNIT ") => continue,
            // The limit of a bucket: clients in Go write `1`, and rules may ask for that.
            Some((before, after)) if before.contains("_bucket{le=\"") => {
                out.extend([before, "\"", after]);
            }
            _ => out.push_str(line),
        }
        out.push('\n');
    }
    out
}
