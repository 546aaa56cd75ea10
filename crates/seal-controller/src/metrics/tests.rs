use std::collections::BTreeMap;

use super::*;

/// What sealed-secrets 0.38 shows after a failed SealedSecret and one request of each kind, recorded from its documentation
/// and source: name, type and labels.
const UPSTREAM_SERIES: [(&str, &str, &[&str]); 7] = [
    ("sealed_secrets_controller_build_info", "gauge", &["revision"]),
    ("sealed_secrets_controller_unseal_requests_total", "counter", &[]),
    ("sealed_secrets_controller_unseal_errors_total", "counter", &["reason", "namespace"]),
    (
        "sealed_secrets_controller_condition_info",
        "gauge",
        &["namespace", "name", "condition", "ss_app_kubernetes_io_instance"],
    ),
    ("sealed_secrets_controller_http_requests_total", "counter", &["path", "code", "method"]),
    ("sealed_secrets_controller_http_request_duration_seconds", "histogram", &["path", "method"]),
    ("process_cpu_seconds_total", "counter", &[]),
];

fn busy() -> Metrics {
    let metrics = Metrics::new("v1.2.3", false);
    metrics.unseal_request();
    metrics.unseal_error(FailedUnseal::Unseal, "shop");
    metrics.condition("shop", "db", "Synced", -1, "web");
    metrics.http_request("/v1/verify", "post", 409, Duration::from_millis(30));
    metrics
}

fn key(state: &str) -> KeyReport {
    KeyReport {
        secret: format!("key-{state}"),
        fingerprint: "SHA256:abc".to_owned(),
        state: state.to_owned(),
        seals: state == "active",
        objects: 3,
        not_after: 2_000_000_000,
    }
}

#[test]
fn names_types_and_labels_are_those_of_sealed_secrets() {
    let text = busy().render(&[], 0);
    let types: BTreeMap<&str, &str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    for (name, kind, labels) in UPSTREAM_SERIES {
        assert_eq!(types.get(name), Some(&kind), "{name} in\n{text}");
        let suffix = if kind == "histogram" { "_count" } else { "" };
        let series = text.lines().find(|line| {
            let behind = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(suffix));
            behind.is_some_and(|rest| rest.starts_with(['{', ' ']))
        });
        let series = series.unwrap_or_else(|| panic!("{name}{suffix} in\n{text}"));
        let mut expected: Vec<&str> = labels.to_vec();
        let inside = series.split_once('{').map_or("", |(_, rest)| rest.split_once('}').unwrap().0);
        let mut found: Vec<&str> = inside
            .split(',')
            .filter(|label| !label.is_empty())
            .map(|label| label.split_once('=').unwrap().0)
            .collect();
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected, "{series}");
    }
}

#[test]
fn every_series_is_described_by_its_own_name_as_the_text_format_wants_it() {
    let text = busy().render(&[key("active")], 0);
    let mut described = None;
    for line in text.lines() {
        if let Some((name, _)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            described = Some(name);
        } else if !line.starts_with('#') {
            assert!(line.starts_with(described.expect("a type comes first")), "{line}");
        }
    }
    assert!(!text.contains("# EOF") && !text.contains("# UNIT"), "{text}");
}

#[test]
fn limits_of_buckets_are_written_as_in_go() {
    let text = busy().render(&[], 0);
    for limit in ["0.005", "0.5", "1", "2.5", "10", "+Inf"] {
        let beginning = format!(
            "sealed_secrets_controller_http_request_duration_seconds_bucket{{le=\"{limit}\","
        );
        assert!(text.lines().any(|line| line.starts_with(&beginning)), "{beginning} in\n{text}");
    }
    assert!(!text.contains(".0\""), "{text}");
}

#[test]
fn values_are_counted() {
    let metrics = busy();
    metrics.unseal_request();
    metrics.leading(true);
    metrics.queue_objects("backlog", 7);
    let text = metrics.render(&[], 0);
    for line in [
        r#"sealed_secrets_controller_build_info{revision="v1.2.3"} 1"#,
        "sealed_secrets_controller_unseal_requests_total 2",
        r#"sealed_secrets_controller_unseal_errors_total{reason="unseal",namespace="shop"} 1"#,
        r#"sealed_secrets_controller_http_requests_total{path="/v1/verify",code="409",method="post"} 1"#,
        "seal_controller_leading 1",
        r#"seal_controller_queue_objects{lane="backlog"} 7"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
}

#[test]
fn a_deleted_object_leaves_no_gauge_behind_even_if_its_instance_changed() {
    let metrics = busy();
    metrics.condition("shop", "db", "Ready", -1, "other");
    assert_eq!(metrics.render(&[], 0).matches(r#"name="db""#).count(), 2);
    metrics.forget("shop", "db");
    assert!(!metrics.render(&[], 0).contains("db"));
}

#[test]
fn names_of_sealed_secrets_can_be_left_out() {
    let metrics = Metrics::new("v1", true);
    metrics.condition("shop", "db", "Synced", 1, "web");
    assert!(!metrics.render(&[], 0).contains("condition_info"));
}

#[test]
fn keys_that_are_gone_are_shown_no_more() {
    let metrics = Metrics::new("v1", false);
    let text = metrics.render(&[key("active"), key("compromised")], 1);
    for line in [
        r#"seal_controller_sealing_key_objects{secret="key-active",fingerprint="SHA256:abc",state="active"} 3"#,
        r#"seal_controller_sealing_key_seals{secret="key-active",fingerprint="SHA256:abc",state="active"} 1"#,
        r#"seal_controller_sealing_keys{state="active"} 1"#,
        r#"seal_controller_sealing_keys{state="compromised"} 1"#,
        r#"seal_controller_sealing_keys{state="unusable"} 1"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    let text = metrics.render(&[], 0);
    assert!(!text.contains("key-active") && !text.contains("compromised"), "{text}");
    assert!(text.contains(r#"seal_controller_sealing_keys{state="active"} 0"#), "{text}");
}
